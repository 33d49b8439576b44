--- Runs operations of the API in the name of a person, with the same checks and limits as for programs.
local access = require "sandbox.rules.access"
local body = require "sandbox.http.body"
local events = require "sandbox.events"
local operations = require "sandbox.operations"
local permissions = require "sandbox.base.permissions"
local pictures = require "sandbox.rules.pictures"
local refusal = require "sandbox.base.refusal"

local act = {}

local by_name = {}
for _, operation in ipairs(operations) do
  by_name[operation.name] = operation
end

--- The caller for a person: as with a user token with all permissions.
---@param user sandbox.user
---@return sandbox.caller
function act.caller(user)
  return {
    kind = user.tenant_admin ~= 0 and "tenant" or "user",
    connector = { id = "" }, -- there is no connector
    user = user,
    permissions = permissions.parse "all",
  }
end

--- Makes the call that operations get. Raises 403 and 404.
---@param visit sandbox.portal.visit
---@param user sandbox.user who acts
---@param params table<string, string> of the operation's path
---@param who string|nil as in operations: "audience"
---@return sandbox.call
function act.call(visit, user, params, who)
  local call = {
    world = visit.world,
    db = visit.db,
    now = visit.now,
    headers = visit.headers,
    params = params,
    query = {},
    body = {},
    caller = act.caller(user),
  }
  if who == "tenant" then
    access.need_tenant_level(call.caller)
  elseif who then
    call.group, call.role = access.need_group(call.db, call.caller, params.group, who)
  end
  return call
end

--- Runs an operation. Raises its refusals.
---@param visit sandbox.portal.visit
---@param user sandbox.user who acts
---@param name string of the operation: "members.add"
---@param params table<string, string> of its path
---@param values table|nil its body, or its query where it has no body
---@return table reply
function act.as(visit, user, name, params, values)
  local operation = by_name[name] or error("no operation has the name " .. name)
  local call = act.call(visit, user, params, operation.who)
  call.query = operation.query and body.check(operation.query, not operation.body and values or {}) or {}
  call.body = operation.body and body.check(operation.body, values or {}) or {}
  local result = operation.run(call)
  if refusal.is_failure(result) then
    error(result, 0)
  end
  events.of_operation(call, operation, result)
  pictures.store(call)
  return result
end

return act
