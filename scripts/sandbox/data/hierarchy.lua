--- The tree of groups: parents and subgroups. A group may have several parents.
local json = require "jeton.json"
local limits = require "sandbox.base.limits"
local refusal = require "sandbox.base.refusal"

local hierarchy = {}

-- The number of levels in one direction, the group included.
local function levels(db, group, from, to)
  return db:row(([[
    WITH RECURSIVE path(number, level) AS (
      SELECT ?1, 1 UNION SELECT %s, level + 1 FROM subgroups JOIN path ON %s = path.number)
    SELECT max(level) AS n FROM path]]):format(to, from), group.number).n
end

--- Refuses nesting deeper than the limit, which bounds the cost of counting and listing.
---@param parent sandbox.group
---@param child sandbox.group
function hierarchy.check_levels(db, parent, child)
  local all = levels(db, parent, "child", "parent") + levels(db, child, "parent", "child")
  if all > limits.group_levels then
    refusal.invalid("group %s cannot become a subgroup of %s: at most %d levels, this makes %d", child.id,
      parent.id, limits.group_levels, all)
  end
end

---@param group sandbox.group
---@return sandbox.group[] subgroups direct ones, oldest first
function hierarchy.children(db, group)
  return db:rows([[SELECT groups.* FROM subgroups JOIN groups ON number = child
                   WHERE parent = ? ORDER BY number]], group.number)
end

---@param group sandbox.group
---@return sandbox.group[] parents direct ones, oldest first
function hierarchy.parents(db, group)
  return db:rows([[SELECT groups.* FROM subgroups JOIN groups ON number = parent
                   WHERE child = ? ORDER BY number]], group.number)
end

--- The direct subgroups of all groups of a tenant.
---@return table<integer, integer[]> children by the parent's number, oldest first
function hierarchy.edges(db, tenant_id)
  local children = {}
  for _, row in ipairs(db:rows([[SELECT parent, child FROM subgroups JOIN groups ON number = parent
      WHERE tenant_id = ? ORDER BY child]], tenant_id)) do
    children[row.parent] = children[row.parent] or {}
    table.insert(children[row.parent], row.child)
  end
  return children
end

---@param group sandbox.group
---@return sandbox.group[] subgroups at any distance, oldest first, each once
function hierarchy.below(db, group)
  return db:rows([[
    WITH RECURSIVE below(number) AS (
      SELECT child FROM subgroups WHERE parent = ?1
      UNION SELECT child FROM subgroups JOIN below ON parent = below.number)
    SELECT * FROM groups WHERE number IN below ORDER BY number]], group.number)
end

---@param parent sandbox.group
---@param child sandbox.group
---@return boolean removed false: it was not a direct subgroup
function hierarchy.remove(db, parent, child)
  return db:exec("DELETE FROM subgroups WHERE parent = ? AND child = ?", parent.number, child.number) > 0
end

--- The given groups with all their parents and subgroups, at any distance.
---@param list sandbox.group[]
---@return sandbox.group[] oldest first, each once
function hierarchy.with_relatives(db, list)
  local numbers = {}
  for i, group in ipairs(list) do
    numbers[i] = group.number
  end
  return db:rows([[
    WITH RECURSIVE
      given(number) AS (SELECT value FROM json_each(?1)),
      above(number) AS (
        SELECT number FROM given UNION SELECT parent FROM subgroups JOIN above ON child = above.number),
      below(number) AS (
        SELECT number FROM given UNION SELECT child FROM subgroups JOIN below ON parent = below.number)
    SELECT * FROM groups WHERE number IN (SELECT number FROM above UNION SELECT number FROM below)
    ORDER BY number]],
    json.encode(json.array(numbers)))
end

return hierarchy
