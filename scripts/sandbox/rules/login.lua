--- What PIN and OAuth logins have in common: who may sign in, and the token.
local assumptions = require "sandbox.base.assumptions"
local connectors = require "sandbox.data.connectors"
local permissions = require "sandbox.base.permissions"
local refusal = require "sandbox.base.refusal"
local token_service = require "sandbox.rules.token_service"
local users = require "sandbox.data.users"

local login = {}

--- The connector that somebody signs in for. Raises 401 if there is none.
---@param id string
---@return sandbox.connector
function login.need_connector(db, id)
  local connector = connectors.by_id(db, id)
  if not connector then
    refusal.fail(401, assumptions.unauthenticated_code, assumptions.unknown_application_message)
  end
  return connector --[[@as sandbox.connector]]
end

--- Raises 400 for the number of a bot, which cannot receive SMS.
---@param phone string
function login.need_person(db, phone)
  local user = users.by_phone(db, phone)
  if user and users.is_bot(db, user.id) then
    refusal.invalid "mobileNumber: a bot cannot sign in"
  end
end

--- Issues a refresh token with the user's own rights, also to a tenant admin.
---@param connector sandbox.connector
---@param user sandbox.user
---@param now integer epoch seconds
---@return string token
---@return integer expires_at epoch seconds
function login.grant(db, connector, user, now)
  local token = connectors.grant(db, {
    connector_id = connector.id,
    kind = "user",
    user_id = user.id,
  }, nil, now)
  return token, token_service.expires_at { created_at = now }
end

---@param connector sandbox.connector
---@return string scope
function login.scope(connector)
  return permissions.to_scope(permissions.from_mask(connector.permissions))
end

return login
