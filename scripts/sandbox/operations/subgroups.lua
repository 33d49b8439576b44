--- Subgroups: list, create, add, remove.
local json = require "jeton.json"
local access = require "sandbox.rules.access"
local assumptions = require "sandbox.base.assumptions"
local demo = require "sandbox.seed.demo"
local describe = require "sandbox.operations.describe_group"
local events = require "sandbox.events"
local groups = require "sandbox.data.groups"
local hierarchy = require "sandbox.data.hierarchy"
local invite = require "sandbox.rules.invite"
local limits = require "sandbox.base.limits"
local pictures = require "sandbox.rules.pictures"
local refusal = require "sandbox.base.refusal"
local shapes = require "sandbox.http.shapes"

local DONE = { result = "true" }

-- Both shapes are documented: fields and subGroups at the top, and inside `groups`.
local function list(call)
  local find = call.query.fetchAllGroups and hierarchy.below or hierarchy.children
  local below = describe.groups(call, find(call.db, call.group))
  local out = describe.group(call, call.group)
  out.subGroups = json.array(below)
  out.groups = json.array { describe.copy(out) }
  return out
end

local function create(call)
  local fields = call.body
  access.check_group_type(call.caller, fields.groupType)
  local group = groups.create(call.db, {
    tenant_id = call.group.tenant_id,
    name = fields.groupName,
    type = fields.groupType,
    welcome = fields.welcomeMessage,
    image = pictures.read(call, "groupImageUrl", fields.groupImageUrl),
  }, call.now)
  groups.add_subgroup(call.db, call.group, group)
  if fields.addUserToGroup then
    groups.add_member(call.db, group, call.caller.user.id, "Admin")
  end
  invite(call, group, fields.members or {}, function(user)
    groups.add_member(call.db, group, user.id, "Member")
  end)
  return { groupId = group.id, groupName = group.name }
end

local function add(call)
  for i, id in ipairs(call.body.subGroups) do
    local child = groups.by_id(call.db, id)
    if not child then
      refusal.invalid("subGroups[%d]: there is no group with this id", i - 1)
    end
    ---@cast child sandbox.group
    if assumptions.subgroup_needs_its_admin and access.role(call.db, call.caller, child) ~= "Admin" then
      refusal.forbidden(("only an admin of group %s may make it a subgroup"):format(child.id))
    end
    groups.add_subgroup(call.db, call.group, child)
  end
  return DONE
end

local function remove(call)
  local child = groups.by_id(call.db, call.params.subgroup)
  if not child or not hierarchy.remove(call.db, call.group, child) then
    refusal.not_found "the group has no subgroup with this id"
  end
  return DONE
end

local SUBGROUPS = { "subGroups", kind = "list", of = shapes.GROUP }

---@type sandbox.operation[]
return {
  {
    name = "subgroups.list",
    summary = "Returns a group and its direct subgroups; with fetchAllGroups all descendants, each once.",
    method = "GET",
    path = "/groups/{group}/subGroups",
    permission = "groupinfo.read",
    who = "reach",
    query = { { "fetchAllGroups", kind = "boolean" } },
    reply = shapes.join(shapes.GROUP, {
      SUBGROUPS,
      { "groups", kind = "list", of = shapes.join(shapes.GROUP, { SUBGROUPS }) },
    }),
    example = { params = { group = demo.names.sales }, query = { fetchAllGroups = "true" } },
    run = list,
  },
  {
    name = "subgroups.create",
    summary = "Creates a subgroup. The caller becomes its admin unless addUserToGroup is false.",
    method = "POST",
    path = "/groups/{group}/subGroups",
    permission = "groupinfo.write",
    who = "admin",
    body = {
      { "groupName", kind = "string", aliases = { "name" }, required = true, not_empty = true,
        max = limits.name_characters },
      { "groupImageUrl", kind = "string", aliases = { "groupPhoto" }, max = limits.picture_bytes },
      { "members", kind = "phones", max = limits.members_per_request },
      { "welcomeMessage", kind = "string", max = limits.welcome_characters },
      { "groupType", kind = "choice", choices = assumptions.group_types,
        default = assumptions.group_types[1] },
      { "addUserToGroup", kind = "boolean", default = assumptions.subgroup_has_its_maker },
    },
    reply = { { "groupId", kind = "id" }, { "groupName", kind = "string" } },
    example = {
      params = { group = demo.names.sales },
      body = {
        groupName = "Sales South", welcomeMessage = "Welcome", members = json.array { demo.names.bruno },
      },
    },
    run = create,
    event = events.group_created,
  },
  {
    name = "subgroups.add",
    summary = "Makes existing groups subgroups of this one. No group may become its own ancestor.",
    method = "PUT",
    path = "/groups/{group}/subGroups",
    permission = "groupinfo.update",
    who = "admin",
    body = { { "subGroups", kind = "ids", required = true, max = limits.members_per_request } },
    reply = shapes.DONE,
    example = {
      given = { { "groups.create", child = "groupId" } },
      params = { group = demo.names.sales },
      body = { subGroups = json.array { "{child}" } },
    },
    run = add,
    event = events.groups_added,
  },
  {
    name = "subgroups.remove",
    summary = "Removes a group from the subgroups of this one. The group itself stays.",
    method = "DELETE",
    path = "/groups/{group}/subGroups/{subgroup}",
    permission = "groupinfo.remove",
    who = "admin",
    reply = shapes.DONE,
    example = { params = { group = demo.names.sales, subgroup = demo.names.sales_north } },
    run = remove,
    event = events.group_removed,
  },
}
