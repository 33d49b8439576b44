--- Subgroups.
local check = require "kaizala.check"
local group = require "kaizala.group"
local iterator = require "kaizala.iterator"
local json = require "jeton.json"

---@class kaizala.Group
local Group = group.Group

--- Lists the subgroups (*waits*, when the first is taken).
---@param options? { all?: boolean } all: all descendants, not only direct subgroups
---@return kaizala.Iterator<kaizala.Group> subgroups gives `kaizala.Group`; raises an err
function Group:subgroups(options)
  check.method(self, Group, "group:subgroups()")
  options = check.fields(options, "subgroups", { { "all", "boolean" } })
  local target = group.path(self, "/subGroups")
  local request = "GET " .. target
  local client = group.client(self)
  return iterator.new(function()
    local reply = client:request { path = target, query = { fetchAllGroups = options.all or nil } }
    -- The list is at the top, or in the only entry of `groups`.
    local found = check.given(reply.subGroups)
    if found == nil then
      local first = check.reply(reply.groups, "groups", "list", request)[1]
      found = check.reply(first, "groups[]", "object", request).subGroups
    end
    local list = {}
    for i, raw in ipairs(check.reply(found, "subGroups", "list", request)) do
      list[i] = group.from_raw(client, raw, request)
    end
    return list
  end)
end

---@class kaizala.SubgroupOptions
---@field name string
---@field welcome_message? string
---@field image_url? string
---@field members? string[] phone numbers with + and country code
---@field type? "Group"|"ConnectGroup" a ConnectGroup is public; it needs a tenant-level token
---@field join? boolean whether the caller becomes its admin; the service's default is true
local subgroup_options = {
  { "name", check.name, "groupName", required = true },
  { "welcome_message", "string", "welcomeMessage" },
  { "image_url", "string", "groupImageUrl" },
  { "members", check.phones, "members" },
  { "type", { "Group", "ConnectGroup" }, "groupType" },
  { "join", "boolean", "addUserToGroup" },
}

--- Creates a subgroup (*waits*).
---@param options kaizala.SubgroupOptions
---@return kaizala.Group subgroup with `id` and `name`; raises an err
function Group:create_subgroup(options)
  check.method(self, Group, "group:create_subgroup({…})")
  local body
  options, body = check.needed(options, "create_subgroup", subgroup_options)
  body.welcomeMessage = body.welcomeMessage or ""
  local target = group.path(self, "/subGroups")
  local client = group.client(self)
  local reply, dry_run = client:request { method = "POST", path = target, json = body }
  if dry_run then reply = { groupId = "dry-run", groupName = options.name } end
  return group.from_raw(client, reply, "POST " .. target)
end

-- The id of a group, given as a group or an id.
local function read_id(value, what)
  local id = getmetatable(value) == Group and value.id or value
  check.id(id, what)
  return id
end

--- Makes existing groups subgroups of this one (*waits*).
---@param groups (string|kaizala.Group)[] ids, or groups
---@return boolean true; raises an err
function Group:add_subgroups(groups)
  check.method(self, Group, "group:add_subgroups({…})")
  if type(groups) ~= "table" or getmetatable(groups) == Group or #groups == 0 then
    check.misuse("add_subgroups: groups must be a list of ids or groups, not empty")
  end
  check.whole(groups, "add_subgroups: groups")
  local ids = json.array {}
  for i, value in ipairs(groups) do
    ids[i] = read_id(value, ("add_subgroups: entry %d"):format(i))
    if ids[i] == self.id then
      check.fail("invalid", ("add_subgroups: entry %d is the group itself"):format(i))
    end
  end
  return group.change(self, "PUT", group.path(self, "/subGroups"), { subGroups = ids })
end

--- Removes a group from the subgroups; the group itself stays (*waits*).
---@param subgroup string|kaizala.Group its id, or the group
---@return boolean true; raises an err
function Group:remove_subgroup(subgroup)
  check.method(self, Group, "group:remove_subgroup(id)")
  local id = check.id(read_id(subgroup, "remove_subgroup: subgroup"), "remove_subgroup: subgroup")
  return group.change(self, "DELETE", group.path(self, "/subGroups/" .. id))
end
