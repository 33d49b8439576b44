--- Groups: create, list, one.
local json = require "jeton.json"
local access = require "sandbox.rules.access"
local assumptions = require "sandbox.base.assumptions"
local demo = require "sandbox.seed.demo"
local describe = require "sandbox.operations.describe_group"
local groups = require "sandbox.data.groups"
local hierarchy = require "sandbox.data.hierarchy"
local invite = require "sandbox.rules.invite"
local limits = require "sandbox.base.limits"
local pictures = require "sandbox.rules.pictures"
local refusal = require "sandbox.base.refusal"
local shapes = require "sandbox.http.shapes"
local users = require "sandbox.data.users"

-- Adds people to a new group: the caller and `admins` as admins, the rest as members.
local function add_people(call, group, fields)
  local caller = call.caller
  groups.add_member(call.db, group, caller.user.id, "Admin")
  local given, added = 0, 0
  local function add_phones(phones, role)
    invite(call, group, phones or {}, function(user)
      groups.add_member(call.db, group, user.id, role)
      given, added = given + 1, added + 1
    end)
  end
  add_phones(fields.admins, "Admin")
  add_phones(fields.members, "Member")
  for i, id in ipairs(fields.memberUserIds or {}) do
    if not users.by_id(call.db, id) then
      refusal.invalid("memberUserIds[%d]: there is no user with this id", i - 1)
    end
    groups.add_member(call.db, group, id, "Member")
    given, added = given + 1, added + 1
  end
  return given == 0 and assumptions.members_added_without_members or added == given
end

local function create(call)
  local fields, caller = call.body, call.caller
  access.check_group_type(caller, fields.groupType)
  local group = groups.create(call.db, {
    tenant_id = caller.user.tenant_id,
    name = fields.name,
    type = fields.groupType,
    welcome = fields.welcomeMessage,
    image = pictures.read(call, "groupPhoto", fields.groupPhoto),
    background = pictures.read(call, "backgroundPhoto", fields.backgroundPhoto),
    short_description = fields.ShortDescriptionString,
    long_description = fields.LongDescriptionString,
  }, call.now)
  local members_added = add_people(call, group, fields)
  local out = { groupId = group.id, groupName = group.name, membersAdded = members_added }
  if caller.kind == "group" then
    groups.add_subgroup(call.db, caller.group, group)
    out.isAddedAsSubGroup = true
  end
  return out
end

local function list(call)
  local found = access.groups(call.db, call.caller)
  if call.query.fetchAllGroups then
    found = hierarchy.with_relatives(call.db, found)
  end
  return { groups = json.array(describe.groups(call, found)) }
end

-- The documentation shows the group inside `groups`, clients read the fields at the top: the reply has both.
local function get(call)
  local out = describe.group(call, call.group)
  out.groups = json.array { describe.copy(out) }
  return out
end

---@type sandbox.operation[]
return {
  {
    name = "groups.create",
    summary = "Creates a group; with a group token, a subgroup of the token's group.",
    method = "POST",
    path = "/groups",
    permission = "groupinfo.write",
    body = {
      { "name", kind = "string", aliases = { "groupName" }, required = true, not_empty = true,
        max = limits.name_characters },
      { "welcomeMessage", kind = "string", max = limits.welcome_characters },
      { "members", kind = "phones", max = limits.members_per_request },
      { "memberUserIds", kind = "ids", max = limits.members_per_request },
      { "admins", kind = "phones", max = limits.members_per_request },
      { "groupType", kind = "choice", choices = assumptions.group_types,
        default = assumptions.group_types[1] },
      { "groupPhoto", kind = "string", aliases = { "groupImageUrl" }, max = limits.picture_bytes },
      { "backgroundPhoto", kind = "string", max = limits.picture_bytes },
      { "ShortDescriptionString", kind = "string", max = limits.description_characters },
      { "LongDescriptionString", kind = "string", max = limits.description_characters },
    },
    reply = {
      { "groupId", kind = "id" },
      { "groupName", kind = "string" },
      { "membersAdded", kind = "boolean" },
      { "isAddedAsSubGroup", kind = "boolean", optional = true },
    },
    example = {
      body = { name = "Field", welcomeMessage = "Welcome", members = json.array { demo.names.bruno } },
    },
    run = create,
  },
  {
    name = "groups.list",
    summary = "Lists the groups of the token; with fetchAllGroups also their parents and subgroups.",
    method = "GET",
    path = "/groups",
    permission = "groupinfo.read",
    query = {
      { "showDetails", kind = "boolean", aliases = { "showDetail" } },
      { "fetchAllGroups", kind = "boolean" },
    },
    reply = { { "groups", kind = "list", of = shapes.GROUP } },
    example = { query = { showDetails = "true" } },
    run = list,
  },
  {
    name = "groups.get",
    summary = "Returns a group: its fields, and the same again in a list.",
    method = "GET",
    path = "/groups/{group}",
    permission = "groupinfo.read",
    who = "reach",
    query = { { "showDetails", kind = "boolean", aliases = { "showDetail" } } },
    reply = shapes.join(shapes.GROUP, { { "groups", kind = "list", of = shapes.GROUP } }),
    example = { params = { group = demo.names.sales } },
    run = get,
  },
}
