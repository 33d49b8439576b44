--- What people do on pages is what programs do through the API: an operation of sandbox.operations runs
--- with the same checks and limits, as a person instead of for a token.
local access = require "sandbox.access"
local body = require "sandbox.http.body"
local operations = require "sandbox.operations"
local permissions = require "sandbox.permissions"
local reply = require "sandbox.http.reply"

local act = {}

local by_name = {}
for _, operation in ipairs(operations) do
  by_name[operation.name] = operation
end

--- A person as the API would see a user token of his with every permission.
---@param user sandbox.user
---@return sandbox.caller
function act.caller(user)
  return {
    kind = user.tenant_admin ~= 0 and "tenant" or "user",
    connector = {}, -- nothing is done through a connector
    user = user,
    permissions = permissions.parse "all",
  }
end

--- Runs an operation. Raises what it refuses.
---@param visit sandbox.portal.visit
---@param user sandbox.user who acts
---@param name string of the operation: "members.add"
---@param params table<string, string> of its path
---@param values table|nil its body, or its query where it has no body
---@return table reply
function act.as(visit, user, name, params, values)
  local operation = by_name[name] or error("no operation has the name " .. name)
  local call = {
    world = visit.world,
    db = visit.db,
    now = visit.now,
    headers = visit.headers,
    params = params,
    query = operation.query and body.check(operation.query, not operation.body and values or {}) or {},
    body = operation.body and body.check(operation.body, values or {}) or {},
    caller = act.caller(user),
  }
  if operation.who == "tenant" then
    access.need_tenant_level(call.caller)
  elseif operation.who then
    call.group, call.role = access.need_group(call.db, call.caller, params.group, operation.who)
  end
  local result = operation.run(call)
  if reply.is_failure(result) then
    error(result, 0)
  end
  return result
end

return act
