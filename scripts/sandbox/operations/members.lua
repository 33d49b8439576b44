--- Members of a group: list, add, change the role, remove.
local json = require "jeton.json"
local assumptions = require "sandbox.base.assumptions"
local demo = require "sandbox.seed.demo"
local events = require "sandbox.events"
local groups = require "sandbox.data.groups"
local invite = require "sandbox.rules.invite"
local limits = require "sandbox.base.limits"
local pictures = require "sandbox.rules.pictures"
local refusal = require "sandbox.base.refusal"
local shapes = require "sandbox.http.shapes"

local DONE = { result = "true" }

-- The member of the path. Raises 404 if the user is not a member.
local function need_member(call)
  local role = groups.role(call.db, call.group, call.params.member)
  if not role then
    refusal.not_found("the group has no member with this id")
  end
  return call.params.member, role
end

local function need_another_admin(call, role)
  if role == "Admin" and not assumptions.last_admin_may_leave
    and groups.count_admins(call.db, call.group) == 1 then
    refusal.invalid "a group needs at least one admin"
  end
end

local function list(call)
  local out = {}
  for i, user in ipairs(groups.members(call.db, call.group)) do
    out[i] = {
      id = user.id,
      role = user.role,
      mobileNumber = user.phone,
      name = user.name,
      isProvisioned = user.provisioned ~= 0,
      profilePic = pictures.show(call, user.picture),
    }
  end
  return { members = json.array(out) }
end

local function add(call)
  call.added = {}
  invite(call, call.group, call.body.members, function(user)
    if groups.add_member(call.db, call.group, user.id, "Member") then
      table.insert(call.added, user)
    end
  end)
  return DONE
end

local function change_role(call)
  local id, role = need_member(call)
  if call.body.role ~= "Admin" then
    need_another_admin(call, role)
  end
  groups.set_role(call.db, call.group, id, call.body.role)
  return DONE
end

local function remove(call)
  local id, role = need_member(call)
  need_another_admin(call, role)
  groups.remove_member(call.db, call.group, id)
  return DONE
end

---@type sandbox.operation[]
return {
  {
    name = "members.list",
    summary = "Lists the members of a group, in the order of joining.",
    method = "GET",
    path = "/groups/{group}/members",
    permission = "groupmember.read",
    who = "reach",
    reply = {
      { "members", kind = "list", of = {
        { "id", kind = "id" },
        { "role", kind = "choice", choices = { "Admin", "Member" } },
        { "mobileNumber", kind = "phone" },
        { "name", kind = "string" },
        { "isProvisioned", kind = "boolean" },
        { "profilePic", kind = "string" },
      } },
    },
    example = { params = { group = demo.names.sales } },
    run = list,
  },
  {
    name = "members.add",
    summary = "Adds people by phone number. Unknown numbers get an invitation by SMS.",
    method = "PUT",
    path = "/groups/{group}/members",
    permission = "groupmember.write",
    who = "admin",
    body = { { "members", kind = "phones", required = true, max = limits.members_per_request } },
    reply = shapes.DONE,
    example = {
      params = { group = demo.names.sales },
      body = { members = json.array { demo.names.nobody } },
    },
    run = add,
    event = events.members_added,
  },
  {
    name = "members.change_role",
    summary = "Makes a member an admin, or an admin a member.",
    method = "PUT",
    path = "/groups/{group}/members/{member}",
    permission = "groupmember.update",
    who = "admin",
    body = { { "role", kind = "choice", choices = { "Admin", "Member" }, required = true } },
    reply = shapes.DONE,
    example = {
      params = { group = demo.names.sales, member = demo.names.chitra_id },
      body = { role = "Admin" },
    },
    run = change_role,
  },
  {
    name = "members.remove",
    summary = "Removes a member.",
    method = "DELETE",
    path = "/groups/{group}/members/{member}",
    permission = "groupmember.remove",
    who = "admin",
    reply = shapes.DONE,
    example = { params = { group = demo.names.sales, member = demo.names.chitra_id } },
    run = remove,
    event = events.member_removed,
  },
}
