--- What people do on pages is what programs do through the API: an operation of sandbox.operations runs
--- with the same checks and limits, as a person instead of for a token.
local access = require "sandbox.rules.access"
local body = require "sandbox.http.body"
local operations = require "sandbox.operations"
local permissions = require "sandbox.base.permissions"
local pictures = require "sandbox.rules.pictures"
local refusal = require "sandbox.base.refusal"

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
    connector = { id = "" }, -- nothing is done through a connector
    user = user,
    permissions = permissions.parse "all",
  }
end

--- A call of a person: what operations, and the functions below them, are given. Raises 403 and 404.
---@param visit sandbox.portal.visit
---@param user sandbox.user who acts
---@param params table<string, string> of the operation's path
---@param who string|nil who may, as operations say it: "audience"
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

--- Runs an operation. Raises what it refuses.
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
  pictures.store(call)
  return result
end

return act
