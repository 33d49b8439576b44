--- The token service: what tokens say, how long they live, which are refused. Exchanges refresh tokens for
--- access tokens, and reads those.
local crypto = require "jeton.crypto"
local json = require "jeton.json"
local assumptions = require "sandbox.base.assumptions"
local connectors = require "sandbox.data.connectors"
local groups = require "sandbox.data.groups"
local ids = require "sandbox.base.ids"
local jwt = require "sandbox.base.jwt"
local permissions = require "sandbox.base.permissions"
local refusal = require "sandbox.base.refusal"
local users = require "sandbox.data.users"

local token_service = {}

local DAY_S = 86400
token_service.REFRESH_TOKEN_LIFE_S = 365 * DAY_S

local SUCCESSOR_AFTER_S = 328 * DAY_S -- 90 % of the life
local CREDENTIALS = "urn:microsoft:credentials"
local ISSUER = "urn:microsoft:windows-azure:zumo"
local UID_PREFIX = "MobileAppsService:"

local BAD_CREDENTIALS = "Dont have correct applicationId and secret in header!"
local BAD_TOKEN = "Invalid token. Failure reason:Token validation failed due to unknown reason!"
local MISSING_TOKEN = "Token missing. Header should have token as value of ACCESSTOKEN"

local function refuse_token(message)
  refusal.fail(401, "InvalidToken", message)
end

-- The innermost claim, with the contents of the token.
local function token_data(connector, user, grant, group)
  if grant.kind == "group" then
    return { GroupId = group.id, AppName = connector.name, UserTenantIds = json.array { user.tenant_id } }
  elseif grant.kind == "tenant" then
    return {
      TenantId = user.tenant_id,
      O365UserId = user.o365_id,
      IsTenantAdmin = user.tenant_admin ~= 0,
      O365UserEmailId = user.email,
      AppName = connector.name,
    }
  end
  return { AppName = connector.name }
end

-- A GUID that is always the same for one user of one connector.
local function client_id(connector, user)
  local hex = crypto.hex(crypto.sha256(connector.id:lower() .. ":" .. user.id:lower()))
  return ("%s-%s-%s-%s-%s"):format(hex:sub(1, 8), hex:sub(9, 12), hex:sub(13, 16), hex:sub(17, 20),
    hex:sub(21, 32))
end

local function access_token(world, now, connector, user, grant, group, expires_at)
  return jwt.sign(world.signing_key, {
    [CREDENTIALS] = json.encode {
      phoneNumber = user.phone,
      cId = client_id(connector, user),
      testSender = "false",
      appName = connector.name,
      applicationId = connector.id,
      permissions = connector.permissions,
      applicationType = assumptions.application_type,
      data = json.encode(token_data(connector, user, grant, group)),
    },
    uid = UID_PREFIX .. user.id,
    ver = "2",
    nbf = now,
    iat = now,
    exp = expires_at,
    iss = ISSUER,
    aud = ISSUER,
  })
end

-- The refresh token that this exchange returns, or the value for none.
local function next_refresh_token(world, now, grant, token)
  local db = world.db
  if world.switches.single_use_refresh_tokens then
    local fresh = ids.new_refresh_token()
    connectors.revoke(db, grant)
    connectors.add_token(db, grant, fresh, now)
    return fresh
  end
  if now < grant.created_at + SUCCESSOR_AFTER_S then
    return assumptions.no_refresh_token
  end
  -- Derived from the old one, so that a client that lost the first reply gets the same again, although
  -- the database has only hashes.
  local successor = crypto.base64url(crypto.hmac_sha256(world.signing_key, "successor:" .. token))
  if not connectors.find_grant(db, successor) then
    connectors.add_token(db, grant, successor, now)
  end
  return successor
end

--- The connector with this ID and secret. Raises 401.
---@param world sandbox.world
---@param id string|nil
---@param secret string|nil
---@return sandbox.connector
function token_service.authenticate_connector(world, id, secret)
  local connector = id and secret and connectors.by_id(world.db, id)
  if not connector or not ids.check_secret(secret, connector.secret_hash) then
    refusal.fail(401, assumptions.unauthenticated_code, BAD_CREDENTIALS)
  end
  return connector --[[@as sandbox.connector]]
end

---@param grant sandbox.grant
---@param connector sandbox.connector
---@param now integer epoch seconds
---@return boolean the refresh token is valid for this connector now
function token_service.is_valid(grant, connector, now)
  return grant.revoked == 0 and grant.connector_id:lower() == connector.id:lower()
    and now < grant.created_at + token_service.REFRESH_TOKEN_LIFE_S
end

---@param grant sandbox.grant
---@return integer epoch seconds
function token_service.expires_at(grant)
  return grant.created_at + token_service.REFRESH_TOKEN_LIFE_S
end

--- Exchanges a refresh token.
---@param world sandbox.world
---@param now integer epoch seconds
---@param id string|nil
---@param secret string|nil
---@param token string|nil refresh token
---@param host string|nil the Host header
---@return table body of the reply
function token_service.exchange(world, now, id, secret, token, host)
  local connector = token_service.authenticate_connector(world, id, secret)
  if not token or token == "" then
    refuse_token(assumptions.missing_refresh_token_message)
  end
  local grant = connectors.find_grant(world.db, token)
  if not grant or not token_service.is_valid(grant, connector, now) then
    refuse_token(BAD_TOKEN)
  end
  connectors.note_use(world.db, grant, now)
  local user = users.by_id(world.db, grant.user_id)
  local group = grant.group_number and groups.by_number(world.db, grant.group_number)
  local expires_at = now + world.switches.access_token_lifetime_s
  return {
    accessToken = access_token(world, now, connector, user, grant, group, expires_at),
    accessTokenExpiry = expires_at * 1000,
    endpointUrl = world:endpoint_url(host),
    refreshToken = next_refresh_token(world, now, grant, token),
    scope = permissions.to_scope(permissions.from_mask(connector.permissions)),
  }
end

--- Issues an access token for a bot, with the bot's own rights.
---@param world sandbox.world
---@param now integer epoch seconds
---@param connector sandbox.connector
---@param bot sandbox.user
---@return table body of the reply
function token_service.of_bot(world, now, connector, bot)
  local expires_at = now + world.switches.access_token_lifetime_s
  return {
    accessToken = access_token(world, now, connector, bot, { kind = "user" }, nil, expires_at),
    accessTokenExpiry = expires_at * 1000,
    scope = permissions.to_scope(permissions.from_mask(connector.permissions)),
  }
end

---@class sandbox.caller
---@field kind "group"|"user"|"tenant"
---@field connector sandbox.connector
---@field user sandbox.user
---@field group sandbox.group|nil of a group token
---@field permissions sandbox.permissions

-- What a token with a valid signature says, or nil if this sandbox did not write it. Remembered by the text
-- of the token: a client sends it with every call. Lifetimes, connectors and users are looked at each time.
local function read_token(world, token)
  local found = world.verified:get(token)
  if found then
    return found
  end
  local claims = jwt.verify(world.signing_key, token)
  if not claims or claims.iss ~= ISSUER or claims.aud ~= ISSUER
    or math.type(claims.exp) ~= "integer" or math.type(claims.nbf) ~= "integer" then
    return nil
  end
  local credentials = json.decode(claims[CREDENTIALS])
  found = {
    valid_from = claims.nbf - assumptions.token_leeway_s,
    expires_at = claims.exp,
    connector_id = credentials.applicationId,
    permissions = credentials.permissions,
    data = json.decode(credentials.data),
    user_id = claims.uid:sub(#UID_PREFIX + 1),
  }
  world.verified:set(token, found)
  return found
end

--- The caller. Raises 401 for a token that is missing, forged or expired, or whose connector, user or group
--- no longer exists.
---@param world sandbox.world
---@param now integer epoch seconds
---@param token string|nil
---@return sandbox.caller
function token_service.caller(world, now, token)
  if not token or token == "" then
    refuse_token(MISSING_TOKEN)
  end
  ---@cast token string
  local claims = read_token(world, token)
  if not claims or now >= claims.expires_at or now < claims.valid_from then
    refuse_token(BAD_TOKEN)
  end
  local db, data = world.db, claims.data
  local caller = {
    kind = data.GroupId and "group" or data.TenantId and "tenant" or "user",
    connector = connectors.by_id(db, claims.connector_id),
    user = users.by_id(db, claims.user_id),
    group = data.GroupId and groups.by_id(db, data.GroupId),
  }
  if not caller.connector or not caller.user or (caller.kind == "group" and not caller.group) then
    refuse_token(BAD_TOKEN)
  end
  local mask = assumptions.access_token_permissions == "connector" and caller.connector.permissions
    or claims.permissions
  caller.permissions = permissions.from_mask(mask)
  return caller
end

return token_service
