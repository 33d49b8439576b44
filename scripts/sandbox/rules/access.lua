--- Authorisation: which groups callers have access to, and which they administer.
local groups = require "sandbox.data.groups"
local permissions = require "sandbox.base.permissions"
local refusal = require "sandbox.base.refusal"
local assumptions = require "sandbox.base.assumptions"

local access = {}

--- A tenant-level token: issued by somebody who was a tenant admin and still is.
---@param caller sandbox.caller
---@return boolean
function access.is_tenant_level(caller)
  return caller.kind == "tenant" and caller.user.tenant_admin ~= 0
end

--- The role that this token has in the group: a group token is an admin of its group, a tenant-level
--- token of all groups of the tenant, a user token has the user's own role.
---@param caller sandbox.caller
---@param group sandbox.group
---@return "Admin"|"Member"|nil role nil: no access to the group
function access.role(db, caller, group)
  if caller.kind == "group" then
    return caller.group.number == group.number and "Admin" or nil
  end
  if access.is_tenant_level(caller) and caller.user.tenant_id == group.tenant_id then
    return "Admin"
  end
  return groups.role(db, group, caller.user.id)
end

--- The groups that a caller's token gives access to.
---@param caller sandbox.caller
---@return sandbox.group[]
function access.groups(db, caller)
  if caller.kind == "group" then
    return { caller.group }
  elseif access.is_tenant_level(caller) then
    return groups.of_tenant(db, caller.user.tenant_id)
  end
  return groups.of_user(db, caller.user.id)
end

---@param caller sandbox.caller
---@param permission string
function access.need_permission(caller, permission)
  if not permissions.has(caller.permissions, permission) then
    refusal.fail(assumptions.permission_status, assumptions.permission_code,
      assumptions.permission_message:format(permission))
  end
end

---@param caller sandbox.caller
function access.need_tenant_level(caller)
  if not access.is_tenant_level(caller) then
    refusal.forbidden "only a tenant-level token may do this"
  end
end

--- Raises 403 where the caller may not create a group of this type.
---@param caller sandbox.caller
---@param kind "Group"|"ConnectGroup"
function access.check_group_type(caller, kind)
  if kind == "ConnectGroup" and not access.is_tenant_level(caller) then
    refusal.forbidden "only a tenant-level token may create a ConnectGroup"
  end
end

--- Finds the group of a path and checks the caller's role: raises 404 if there is none, 403 without access.
---@param id string
---@param who "reach"|"admin"|"audience" audience: a subscriber of a public group too
---@return sandbox.group group
---@return "Admin"|"Member"|"Subscriber" role of the caller
function access.need_group(db, caller, id, who)
  local group = groups.by_id(db, id)
  if not group then
    refusal.not_found("there is no group with this id")
  end
  ---@cast group sandbox.group
  local role = access.role(db, caller, group)
  if not role and who == "audience" and caller.kind ~= "group"
    and groups.is_subscriber(db, group, caller.user.id) then
    return group, "Subscriber"
  end
  if not role then
    refusal.forbidden(caller.kind == "group" and "this token reaches its own group only"
      or "only a member of the group may do this")
  elseif who == "admin" and role ~= "Admin" then
    refusal.forbidden "only an admin of the group may do this"
  end
  return group, role
end

return access
