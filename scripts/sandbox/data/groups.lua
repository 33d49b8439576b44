--- Groups, their tree and their members. Rows are keyed by `number`; clients see only `id`.
local json = require "jeton.json"
local assumptions = require "sandbox.base.assumptions"
local counting = require "sandbox.data.counting"
local fold = require "sandbox.base.fold"
local hierarchy = require "sandbox.data.hierarchy"
local ids = require "sandbox.base.ids"
local limits = require "sandbox.base.limits"
local refusal = require "sandbox.base.refusal"

local groups = {}

---@class sandbox.group
---@field number integer
---@field id string
---@field tenant_id string
---@field name string
---@field type "Group"|"ConnectGroup"
---@field welcome string
---@field image string
---@field background string

---@return sandbox.group|nil
function groups.by_id(db, id)
  return db:row("SELECT * FROM groups WHERE id = ?", id)
end

--- The tenant's oldest group.
---@return sandbox.group|nil
function groups.first(db, tenant_id)
  return db:row("SELECT * FROM groups WHERE tenant_id = ? ORDER BY number LIMIT 1", tenant_id)
end

---@return sandbox.group|nil
function groups.by_number(db, number)
  return db:row("SELECT * FROM groups WHERE number = ?", number)
end

---@class sandbox.new_group
---@field id? string
---@field tenant_id string
---@field name string
---@field type? string
---@field welcome? string
---@field image? string
---@field background? string
---@field short_description? string
---@field long_description? string

---@param spec sandbox.new_group
---@param now integer epoch seconds
---@return sandbox.group
function groups.create(db, spec, now)
  if counting.reaches(db, limits.groups, "SELECT max(number) AS n FROM groups",
    "SELECT count(*) AS n FROM groups") then
    refusal.invalid("the sandbox holds at most %d groups", limits.groups)
  end
  db:exec([[INSERT INTO groups (id, tenant_id, name, type, welcome, image, background, short_description,
            long_description, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)]],
    spec.id or ids.new_group(), spec.tenant_id, spec.name, spec.type or assumptions.group_types[1],
    spec.welcome or "", spec.image or "", spec.background or "", spec.short_description or "",
    spec.long_description or "", now)
  return groups.by_number(db, db:last_id())
end

---@param user_id string
---@return "Admin"|"Member"|nil role nil: not a member
function groups.role(db, group, user_id)
  local row = db:row("SELECT role FROM members WHERE group_number = ? AND user_id = ?", group.number, user_id)
  return row and row.role
end

---@param role "Admin"|"Member"
---@return boolean added false: was already a member (keeps the role)
function groups.add_member(db, group, user_id, role)
  if groups.role(db, group, user_id) then
    return false
  end
  local last = db:row("SELECT max(position) AS position FROM members WHERE group_number = ?", group.number)
    .position or 0
  if last >= limits.members_per_group
    and db:row("SELECT count(*) AS n FROM members WHERE group_number = ?", group.number).n
    >= limits.members_per_group then
    refusal.invalid("a group has at most %d members", limits.members_per_group)
  end
  db:exec("INSERT INTO members (group_number, user_id, role, position) VALUES (?, ?, ?, ?)",
    group.number, user_id, role, last + 1)
  return true
end

---@return boolean removed false: was not a member
function groups.remove_member(db, group, user_id)
  return db:exec("DELETE FROM members WHERE group_number = ? AND user_id = ?", group.number, user_id) > 0
end

function groups.set_role(db, group, user_id, role)
  db:exec("UPDATE members SET role = ? WHERE group_number = ? AND user_id = ?", role, group.number, user_id)
end

---@return table[] users with their role, in the order of joining
function groups.members(db, group)
  return db:rows([[SELECT users.*, members.role FROM members JOIN users ON users.id = members.user_id
                   WHERE group_number = ? ORDER BY position]], group.number)
end

---@return integer
function groups.count_members(db, group)
  return db:row("SELECT count(*) AS n FROM members WHERE group_number = ?", group.number).n
end

---@param from integer how many to skip
---@param count integer at most
---@return table[] as groups.members gives them
function groups.some_members(db, group, from, count)
  return db:rows([[SELECT users.*, members.role FROM members JOIN users ON users.id = members.user_id
                   WHERE group_number = ? ORDER BY position LIMIT ? OFFSET ?]], group.number, count, from)
end

---@return integer
function groups.count_admins(db, group)
  return db:row("SELECT count(*) AS n FROM members WHERE group_number = ? AND role = 'Admin'", group.number).n
end

--- Makes child a subgroup. Refuses cycles and too deep nesting.
function groups.add_subgroup(db, parent, child)
  local above = db:row([[
    WITH RECURSIVE above(number) AS (
      SELECT ?1 UNION SELECT parent FROM subgroups JOIN above ON child = above.number)
    SELECT 1 AS found FROM above WHERE number = ?2]], parent.number, child.number)
  if above then
    refusal.invalid("group %s cannot become a subgroup of %s: it would be its own ancestor", child.id,
      parent.id)
  end
  hierarchy.check_levels(db, parent, child)
  db:exec("INSERT OR IGNORE INTO subgroups (parent, child) VALUES (?, ?)", parent.number, child.number)
end

--- Whether a group is an ancestor of the other one.
---@return boolean
function groups.is_above(db, group, other)
  return db:row([[
    WITH RECURSIVE above(number) AS (
      SELECT parent FROM subgroups WHERE child = ?1
      UNION SELECT parent FROM subgroups JOIN above ON child = above.number)
    SELECT 1 AS found FROM above WHERE number = ?2]], other.number, group.number) ~= nil
end

-- The counts of a group with all groups below it.
local WHOLE_COUNTS = [[
  WITH RECURSIVE below(number) AS (
    SELECT ?1 UNION SELECT child FROM subgroups JOIN below ON parent = below.number)
  SELECT
    coalesce(sum(n), 0) AS users,
    count(*) AS unique_users,
    count(*) FILTER (WHERE provisioned = 0) AS unprovisioned
  FROM (SELECT count(*) AS n, provisioned FROM below JOIN members ON group_number = below.number
    JOIN users ON users.id = user_id GROUP BY users.id)]]

--- All counts of a group's reply. Most groups have no subgroups: they need no table of those below.
---@return table counts
function groups.counts(db, group)
  local counts = db:row([[
    SELECT
      (SELECT count(*) FROM subgroups WHERE parent = ?1) AS children,
      (SELECT count(*) FROM subgroups WHERE child = ?1) AS parents,
      count(*) AS own_users,
      count(*) FILTER (WHERE provisioned = 0) AS own_unprovisioned
    FROM members JOIN users ON users.id = user_id WHERE group_number = ?1]], group.number)
  local whole = counts.children > 0 and db:row(WHOLE_COUNTS, group.number)
  counts.users = whole and whole.users or counts.own_users
  counts.unique_users = whole and whole.unique_users or counts.own_users
  counts.unprovisioned = whole and whole.unprovisioned or counts.own_unprovisioned
  return counts
end

--- How many members groups have.
---@param entries {group: sandbox.group}[]
---@return table<integer, integer> counts by the group's number; nil for none
function groups.member_counts(db, entries)
  local numbers, counts = {}, {}
  for i, entry in ipairs(entries) do
    numbers[i] = entry.group.number
  end
  for _, row in ipairs(db:rows([[SELECT group_number AS number, count(*) AS n FROM members
      WHERE group_number IN (SELECT value FROM json_each(?)) GROUP BY group_number]],
    json.encode(json.array(numbers)))) do
    counts[row.number] = row.n
  end
  return counts
end

---@return sandbox.group[] of the tenant, oldest first
function groups.of_tenant(db, tenant_id)
  return db:rows("SELECT * FROM groups WHERE tenant_id = ? ORDER BY number", tenant_id)
end

---@return integer how many groups the tenant has
function groups.count(db, tenant_id)
  return db:row("SELECT count(*) AS n FROM groups WHERE tenant_id = ?", tenant_id).n
end

---@return sandbox.group[] that the user is in, oldest first
function groups.of_user(db, user_id)
  return db:rows([[SELECT groups.* FROM groups JOIN members ON group_number = number
                   WHERE user_id = ? ORDER BY number]], user_id)
end

--- Groups of the tenant by a part of their name, in any case, oldest first. Reads the names of all groups up
--- to the last one that it returns.
---@param text string
---@param offset integer how many to skip
---@param count integer
---@return sandbox.group[]
function groups.find(db, tenant_id, text, offset, count)
  local wanted, found, out = fold(text), 0, {}
  for row in db:iterate("SELECT number, name FROM groups WHERE tenant_id = ? ORDER BY number", tenant_id) do
    if #out == count then
      break
    elseif fold(row.name):find(wanted, 1, true) then
      found = found + 1
      out[#out + 1] = found > offset and groups.by_number(db, row.number) or nil
    end
  end
  return out
end

local FOLLOWED = [[FROM subscribers JOIN groups ON number = group_number
                   WHERE subscribers.user_id = ?1 AND NOT EXISTS (SELECT 1 FROM members
                     WHERE members.group_number = number AND members.user_id = ?1)]]

--- Public groups that a user is a subscriber but not a member of, oldest first.
---@param count integer at most
---@param from integer how many are left out before them
---@return sandbox.group[]
function groups.followed(db, user_id, count, from)
  return db:rows("SELECT groups.* " .. FOLLOWED .. " ORDER BY number LIMIT ?2 OFFSET ?3",
    user_id, count, from)
end

---@return integer
function groups.count_followed(db, user_id)
  return db:row("SELECT count(*) AS n " .. FOLLOWED, user_id).n
end

---@return boolean
function groups.is_subscriber(db, group, user_id)
  return db:row("SELECT 1 AS found FROM subscribers WHERE group_number = ? AND user_id = ?",
    group.number, user_id) ~= nil
end

return groups
