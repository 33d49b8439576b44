--- The call that exchanges a refresh token; what it decides: sandbox.rules.token_service.
local demo = require "sandbox.seed.demo"
local limits = require "sandbox.base.limits"
local shapes = require "sandbox.http.shapes"
local token_service = require "sandbox.rules.token_service"

---@type sandbox.operation[]
return {
  {
    name = "token.exchange",
    summary = "Exchanges a connector's refresh token for an access token, valid for one day.",
    method = "GET",
    path = "/accessToken",
    public = true,
    headers = {
      { "applicationId", kind = "connector_id", required = true },
      { "applicationSecret", kind = "string", required = true, max = limits.secret_characters_max },
      { "refreshToken", kind = "string", required = true, max = limits.refresh_token_bytes_max },
    },
    reply = shapes.TOKEN,
    example = {
      headers = {
        applicationId = demo.names.connector_id,
        applicationSecret = "{secret}",
        refreshToken = "{refreshToken}",
      },
    },
    run = function(call)
      local headers = call.headers
      return token_service.exchange(call.world, call.now, headers.applicationid, headers.applicationsecret,
        headers.refreshtoken, headers.host)
    end,
  },
}
