--- Sign-in by PIN, and the exchange of OAuth codes.
local assumptions = require "sandbox.base.assumptions"
local demo = require "sandbox.seed.demo"
local limits = require "sandbox.base.limits"
local login = require "sandbox.rules.login"
local pins = require "sandbox.data.pins"
local refusal = require "sandbox.base.refusal"
local shapes = require "sandbox.http.shapes"
local token_service = require "sandbox.rules.token_service"
local users = require "sandbox.data.users"

local function generate_pin(call)
  local connector = login.need_connector(call.db, call.body.applicationId)
  login.need_person(call.db, call.body.mobileNumber)
  pins.send(call.db, pins.for_connector(connector), call.body.mobileNumber, call.now)
  return {}
end

local function login_with_pin(call)
  local fields = call.body
  local connector = fields.applicationSecret
    and token_service.authenticate_connector(call.world, fields.applicationId, fields.applicationSecret)
    or login.need_connector(call.db, fields.applicationId)
  login.need_person(call.db, fields.mobileNumber)
  if not pins.take(call.db, pins.for_connector(connector), fields.mobileNumber, fields.pin, call.now) then
    -- Returned, not raised: the attempt must be kept.
    return refusal.failure(assumptions.pin_status, assumptions.pin_code, assumptions.pin_message)
  end
  local user = pins.user(call.db, fields.mobileNumber, connector.tenant_id, call.now)
  local token, expires_at = login.grant(call.db, connector, user, call.now)
  return {
    refreshToken = token,
    grantedScope = login.scope(connector),
    refreshTokenExpiry = expires_at * 1000,
    endpointUrl = call.world:endpoint_url(call.headers.host),
  }
end

local function oauth_token(call)
  local fields = call.body
  local connector = token_service.authenticate_connector(call.world, fields.client_id, fields.client_secret)
  local code = pins.take_code(call.db, connector, fields.code, call.now)
  if not code or (fields.redirect_uri and fields.redirect_uri ~= code.redirect_uri) then
    refusal.fail(assumptions.pin_status, assumptions.code_code, assumptions.code_message)
  end
  local user = users.by_id(call.db, code.user_id)
  local token = login.grant(call.db, connector, user, call.now)
  local out = token_service.exchange(call.world, call.now, fields.client_id, fields.client_secret, token,
    call.headers.host)
  out.refreshToken = out.refreshToken ~= assumptions.no_refresh_token and out.refreshToken or token
  return out
end

---@type sandbox.operation[]
return {
  {
    name = "login.generate_pin",
    summary = "Sends a PIN for signing in by SMS; the sandbox shows it at /_sandbox/sms.",
    method = "POST",
    path = "/generatePin",
    public = true,
    body = {
      { "mobileNumber", kind = "phone", required = true },
      { "applicationId", kind = "connector_id", required = true },
    },
    reply = {},
    example = { body = { mobileNumber = demo.names.bruno, applicationId = demo.names.connector_id } },
    run = generate_pin,
  },
  {
    name = "login.with_pin",
    summary = "Exchanges the PIN from the SMS for a refresh token with the user's own rights.",
    method = "POST",
    path = "/loginWithPinAndApplicationId",
    public = true,
    body = {
      { "mobileNumber", kind = "phone", required = true },
      { "applicationId", kind = "connector_id", required = true },
      { "applicationSecret", kind = "string", unset = assumptions.unset_text,
        max = limits.secret_characters_max },
      { "pin", kind = "digits", required = true },
    },
    reply = {
      { "refreshToken", kind = "string" },
      { "grantedScope", kind = "string" },
      { "refreshTokenExpiry", kind = "integer" },
      { "endpointUrl", kind = "string" },
    },
    example = {
      given = { { "login.generate_pin" } },
      sms = demo.names.bruno,
      body = { mobileNumber = demo.names.bruno, applicationId = demo.names.connector_id, pin = "{pin}" },
    },
    run = login_with_pin,
  },
  {
    name = "login.oauth_token",
    summary = "Exchanges the code of /api/Oauth/Authorize for both tokens. The body is a form.",
    method = "POST",
    path = "/api/oauth/token",
    public = true,
    form = true,
    body = {
      { "client_id", kind = "connector_id", required = true },
      { "client_secret", kind = "string", required = true, max = limits.secret_characters_max },
      { "code", kind = "string", required = true, max = limits.refresh_token_bytes_max },
      { "redirect_uri", kind = "string", max = limits.url_bytes },
    },
    reply = shapes.TOKEN,
    example = {
      sign_in = demo.names.bruno,
      body = { client_id = demo.names.connector_id, client_secret = "{secret}", code = "{code}" },
    },
    run = oauth_token,
  },
}
