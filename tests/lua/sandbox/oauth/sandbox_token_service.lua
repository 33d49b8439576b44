-- The token service: what an exchange gives, whom it refuses, how refresh tokens live and die.
package.path = require("jeton").folder .. "/../../?.lua;" .. package.path
local crypto = require "jeton.crypto"
local json = require "jeton.json"
local lu = require "luaunit"
local wire = require "wire"

local DAY_S = 86400
local BAD_TOKEN = "Invalid token. Failure reason:Token validation failed due to unknown reason!"
local BAD_CREDENTIALS = "Dont have correct applicationId and secret in header!"

local function refused_exchange(code, headers)
  return wire.refused(401, code, "GET", "/v1/accessToken", { headers = headers })
end

local function claims_of(token)
  local payload = token:match "^[%w_-]+%.([%w_-]+)%.[%w_-]+$"
  local claims = assert(json.decode(assert(crypto.unbase64url(payload))))
  local credentials = assert(json.decode(claims["urn:microsoft:credentials"]))
  return claims, credentials, assert(json.decode(credentials.data))
end

local TestExchange = {}

function TestExchange.test_reply()
  local value, response = wire.ok("GET", "/v1/accessToken", { headers = wire.credentials() })
  local now = wire.state().clock.now
  lu.assertEquals(math.type(value.accessTokenExpiry), "integer")
  lu.assertAlmostEquals(value.accessTokenExpiry, (now + DAY_S) * 1000, 5000)
  lu.assertEquals(value.endpointUrl, wire.root .. "/")
  lu.assertEquals(value.refreshToken, "")
  lu.assertEquals(value.scope:sub(1, 74),
    "groupinfo.write,groupinfo.read,groupinfo.remove,groupinfo.update,groupmemb")
  lu.assertStrContains(value.scope, "textmessage.write,textmessage.remove,action.write,action.read,"
    .. "action.update,profile.read,media.write,webhook.write")
  lu.assertNotNil(response.headers.date)
end

function TestExchange.test_expiry_and_date_agree_to_the_second()
  local value, response = wire.ok("GET", "/v1/accessToken", { headers = wire.credentials() })
  local claims = claims_of(value.accessToken)
  lu.assertEquals(claims.exp * 1000, value.accessTokenExpiry)
  lu.assertEquals(claims.exp - claims.iat, DAY_S)
  lu.assertEquals(os.date("!%a, %d %b %Y %H:%M:%S GMT", claims.iat), response.headers.date)
end

function TestExchange.test_claims_of_a_tenant_admin()
  local claims, credentials, data = claims_of(wire.access())
  lu.assertEquals(claims.iss, "urn:microsoft:windows-azure:zumo")
  lu.assertEquals(claims.aud, claims.iss)
  lu.assertEquals(claims.ver, "2")
  lu.assertStrMatches(claims.uid, "MobileAppsService:[%x-]+")
  lu.assertEquals(credentials.phoneNumber, wire.alice)
  lu.assertEquals(credentials.testSender, "false")
  lu.assertEquals(credentials.applicationId, wire.application_id)
  lu.assertEquals(credentials.permissions, "2.30:3.30:4.10:6.22:5.4:9.2:15.30:14.30:19.30:24.30")
  lu.assertEquals(data.IsTenantAdmin, true)
  lu.assertEquals(data.O365UserEmailId, "alice@contoso.example")
  lu.assertNotNil(data.TenantId)
  lu.assertNotNil(data.O365UserId)
end

function TestExchange.test_claims_of_a_group_and_of_a_user()
  local _, _, data = claims_of(wire.access(wire.group_token))
  lu.assertEquals(data.GroupId, wire.sales)
  lu.assertTrue(json.is_array(data.UserTenantIds))
  local _, credentials, of_user = claims_of(wire.access(wire.user_token))
  lu.assertEquals(of_user, { AppName = "Demo" })
  lu.assertEquals(credentials.phoneNumber, wire.bruno)
end

function TestExchange.test_path_in_any_shape()
  for _, path in ipairs {
    "//v1/accessToken", "/V1/ACCESSTOKEN", "/v1/accesstoken/", "/accessToken", "/v1//accessToken",
  } do
    wire.ok("GET", path, { headers = wire.credentials() })
  end
end

function TestExchange.test_header_names_in_any_case()
  wire.ok("GET", "/v1/accessToken", { headers = {
    APPLICATIONID = wire.application_id, applicationsecret = wire.secret, RefreshToken = wire.tenant_token,
  } })
end

function TestExchange.test_bad_credentials()
  for name, value in pairs { applicationId = crypto.uuid(), applicationSecret = "AAAAAAAAAA" } do
    local headers = wire.credentials()
    headers[name] = value
    lu.assertEquals(refused_exchange("Unauthenticated", headers), BAD_CREDENTIALS)
    headers[name] = nil
    lu.assertEquals(refused_exchange("Unauthenticated", headers), BAD_CREDENTIALS)
  end
end

function TestExchange.test_bad_refresh_token()
  lu.assertEquals(refused_exchange("InvalidToken", wire.credentials "no-such-token"), BAD_TOKEN)
  local headers = wire.credentials()
  headers.refreshToken = nil
  lu.assertStrContains(refused_exchange("InvalidToken", headers), "REFRESHTOKEN")
end

function TestExchange.test_token_of_another_connector()
  local other = wire.steer("connectors", { name = "Other", owner = wire.alice })
  local headers = wire.credentials()
  headers.applicationId, headers.applicationSecret = other.id, other.secret
  refused_exchange("InvalidToken", headers)
end

local TestLives = {}

function TestLives.test_a_refresh_token_lives_365_days()
  wire.steer("clock", { advance_s = 365 * DAY_S - 60 })
  wire.exchange()
  wire.steer("clock", { advance_s = 60 })
  lu.assertEquals(refused_exchange("InvalidToken", wire.credentials()), BAD_TOKEN)
end

function TestLives.test_successor_from_day_328()
  wire.steer("clock", { advance_s = 328 * DAY_S - 60 })
  lu.assertEquals(wire.exchange().refreshToken, "")
  wire.steer("clock", { advance_s = 60 })
  local successor = wire.exchange().refreshToken
  lu.assertNotEquals(successor, "")
  lu.assertEquals(wire.exchange().refreshToken, successor, "a lost reply can be had again")
  lu.assertEquals(wire.exchange(successor).refreshToken, "")
  wire.steer("clock", { advance_s = 37 * DAY_S + 60 })
  refused_exchange("InvalidToken", wire.credentials())
  wire.exchange(successor)
end

function TestLives.test_a_new_token_ends_that_of_the_same_grantee()
  local before = wire.access()
  local made = wire.steer("connectors",
    { id = wire.application_id, tokens = json.array { { user = wire.alice } } })
  lu.assertNil(made.secret)
  refused_exchange("InvalidToken", wire.credentials())
  wire.exchange(made.tokens[1].refresh_token)
  wire.exchange(wire.user_token)
  wire.exchange(wire.group_token)
  wire.ok("GET", "/v1/users/me", { token = before })
end

function TestLives.test_a_new_group_token_ends_that_of_the_group()
  local token = { user = wire.alice, group = wire.sales, refresh_token = "another-group-token" }
  wire.steer("connectors", { id = wire.application_id, tokens = json.array { token } })
  refused_exchange("InvalidToken", wire.credentials(wire.group_token))
  wire.exchange "another-group-token"
  wire.exchange()
end

function TestLives.test_a_deleted_connector_ends_its_tokens()
  local token = wire.access()
  wire.ok("DELETE", "/_sandbox/connectors/" .. wire.application_id)
  refused_exchange("Unauthenticated", wire.credentials())
  wire.refused(401, "InvalidToken", "GET", "/v1/users/me", { token = token })
end

function TestLives.test_a_new_secret_ends_old_ones()
  wire.steer("connectors", { id = wire.application_id, secret = "0123456789" })
  refused_exchange("Unauthenticated", wire.credentials())
  local headers = wire.credentials()
  headers.applicationSecret = "0123456789"
  refused_exchange("InvalidToken", headers)
end

function TestLives.test_single_use()
  wire.steer("switches", { single_use_refresh_tokens = true })
  local next_token = wire.exchange().refreshToken
  refused_exchange("InvalidToken", wire.credentials())
  lu.assertNotEquals(wire.exchange(next_token).refreshToken, next_token)
  refused_exchange("InvalidToken", wire.credentials(next_token))
end

function TestLives.test_a_refusal_changes_nothing()
  wire.steer("switches", { single_use_refresh_tokens = true })
  local headers = wire.credentials()
  headers.applicationSecret = "AAAAAAAAAA"
  refused_exchange("Unauthenticated", headers)
  wire.exchange()
end

local TestAccessTokens = {}

function TestAccessTokens.test_lives_24_hours_by_the_clock_of_the_sandbox()
  local token = wire.access()
  wire.steer("clock", { advance_s = DAY_S - 60 })
  wire.ok("GET", "/v1/users/me", { token = token })
  wire.steer("clock", { advance_s = 60 })
  lu.assertEquals(wire.refused(401, "InvalidToken", "GET", "/v1/users/me", { token = token }), BAD_TOKEN)
end

function TestAccessTokens.test_lifetime_can_be_set()
  wire.steer("switches", { access_token_lifetime_s = 30 })
  local token = wire.access()
  wire.steer("clock", { advance_s = 31 })
  wire.refused(401, "InvalidToken", "GET", "/v1/users/me", { token = token })
end

function TestAccessTokens.test_missing()
  lu.assertEquals(wire.refused(401, "InvalidToken", "GET", "/v1/groups"),
    "Token missing. Header should have token as value of ACCESSTOKEN")
end

function TestAccessTokens.test_forged()
  local real = wire.access()
  wire.ok("GET", "/v1/groups", { token = real }) -- from now on it is remembered
  local header, payload, signature = real:match "^([^.]+)%.([^.]+)%.([^.]+)$"
  local claims = assert(json.decode(crypto.unbase64url(payload)))
  claims.exp = claims.exp + DAY_S
  local longer = crypto.base64url(assert(json.encode(claims)))
  local none = crypto.base64url '{"alg":"none","typ":"JWT"}'
  for _, token in ipairs {
    header .. "." .. longer .. "." .. signature,
    none .. "." .. payload .. ".",
    none .. "." .. payload .. "." .. signature,
    header .. "." .. payload .. "." .. crypto.base64url(crypto.hmac_sha256("", header .. "." .. payload)),
    header .. "." .. payload,
    real .. "A",
    real:sub(1, -2),
    "x",
  } do
    lu.assertEquals(wire.refused(401, "InvalidToken", "GET", "/v1/groups", { token = token }), BAD_TOKEN)
  end
end

function TestAccessTokens.test_bearer()
  local token = wire.access()
  wire.ok("GET", "/v1/users/me", { headers = { Authorization = "Bearer " .. token } })
  wire.ok("GET", "/v1/users/me", { headers = { authorization = "bearer " .. token } })
end

return wire.run { TestExchange = TestExchange, TestLives = TestLives, TestAccessTokens = TestAccessTokens }
