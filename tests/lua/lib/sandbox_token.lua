-- jeton.token against the sandbox.
local http = require "jeton.http"
local lu = require "luaunit"
local token = require "jeton.token"

local SANDBOX = assert(os.getenv "JETON_SANDBOX_URL", "run this by: jeton run --sandbox")

local function exchanges()
  local reply = assert(assert(http.get(SANDBOX .. "/_sandbox/requests")):json())
  local count = 0
  for _, request in ipairs(reply.requests) do
    if request.path:lower():find "/accesstoken$" and request.status == 200 then count = count + 1 end
  end
  return count
end

local function steer(path, value)
  lu.assertEquals(assert(http.post(SANDBOX .. "/_sandbox/" .. path, { json = value })).status, 200)
end

local function credentials(changes)
  local all = {
    token_service = SANDBOX .. "/v1",
    application_id = os.getenv "JETON_SANDBOX_APPLICATION_ID",
    application_secret = os.getenv "JETON_SANDBOX_APPLICATION_SECRET",
    refresh_token = os.getenv "JETON_SANDBOX_REFRESH_TOKEN",
  }
  for key, value in pairs(changes or {}) do all[key] = value end
  return all
end

local TestToken = {}

function TestToken.test_get()
  local before = exchanges()
  assert(token.forget())
  local first = assert(token.get())
  lu.assertEquals(first.source, "exchange")
  lu.assertEquals(math.type(first.expires_at), "integer")
  lu.assertAlmostEquals(first.expires_at, os.time() + 86400, 120)
  lu.assertEquals(first.endpoint_url, SANDBOX)
  lu.assertTrue(#first.scopes > 5)
  lu.assertNotNil(table.concat(first.scopes, " "):find("textmessage.write", 1, true))
  lu.assertNil(first.refresh_token)
  local second = assert(token.get "sandbox")
  lu.assertEquals(second.source, "cache")
  lu.assertEquals(second.access_token, first.access_token)
  lu.assertEquals(exchanges(), before + 1)
end

function TestToken.test_refresh_exchanges_always()
  local before = exchanges()
  lu.assertEquals(assert(token.refresh()).source, "exchange")
  lu.assertEquals(assert(token.refresh "sandbox").source, "exchange")
  lu.assertEquals(exchanges(), before + 2)
end

function TestToken.test_the_token_works()
  local t = assert(token.get())
  local headers = { accessToken = t.access_token }
  local response = assert(http.get(t.endpoint_url .. "/v1/users/me", { headers = headers }))
  lu.assertEquals(response.status, 200)
end

function TestToken.test_connector()
  lu.assertEquals(token.connector(), "sandbox")
  lu.assertEquals(token.connector "sandbox", "sandbox")
  local name, err = token.connector "sandbix"
  lu.assertNil(name)
  lu.assertEquals(err.kind, "config")
  lu.assertStrContains(err.message, "sandbox")
end

function TestToken.test_an_unknown_connector_is_a_config_error()
  for _, name in ipairs { "get", "refresh", "forget" } do
    local result, err = token[name] "sandbix"
    lu.assertNil(result)
    lu.assertEquals(err.kind, "config")
  end
  lu.assertErrorMsgContains("string expected", token.get, {})
end

function TestToken.test_what_is_hidden_goes_to_the_connectors_hosts_alone()
  local text = "given by the service: " .. os.time()
  local elsewhere = { headers = { ["X-Given"] = text } }
  lu.assertEquals(select(2, http.get("http://127.0.0.1:1/", elsewhere)).kind, "network")
  lu.assertTrue(token.hide(text))
  lu.assertEquals(select(2, http.get("http://127.0.0.1:1/", elsewhere)).kind, "auth")
  lu.assertEquals(http.get(SANDBOX .. "/", elsewhere).status, 200)
  lu.assertEquals(select(2, token.hide(text, "sandbix")).kind, "config")
  lu.assertEquals(select(2, token.hide "12345").kind, "invalid") -- or it would seem to be hidden
  lu.assertTrue(token.hide "123456")
  lu.assertErrorMsgContains("string expected", token.hide, {})
end

function TestToken.test_exchange()
  local t = assert(token.exchange(credentials()))
  lu.assertEquals(t.source, "exchange")
  lu.assertNil(t.refresh_token)
  lu.assertEquals(t.endpoint_url, SANDBOX)
  steer("switches", { single_use_refresh_tokens = true })
  local rotated = assert(token.exchange(credentials())).refresh_token
  lu.assertEquals(type(rotated), "string")
  steer("switches", { single_use_refresh_tokens = false })
  lu.assertEquals(assert(token.exchange(credentials { refresh_token = rotated })).source, "exchange")
  steer("reset", {})
end

function TestToken.test_exchange_is_refused()
  local result, err = token.exchange(credentials { application_secret = "WRONGSECRET" })
  lu.assertNil(result)
  lu.assertEquals(err.kind, "auth")
  lu.assertNotStrContains(tostring(err), "WRONGSECRET")
end

function TestToken.test_exchange_checks_its_arguments()
  lu.assertErrorMsgContains("did you mean 'refresh_token'", token.exchange,
    credentials { refresh_tokn = "x" })
  local without = credentials()
  without.application_id = nil
  lu.assertErrorMsgContains("application_id is missing", token.exchange, without)
  lu.assertErrorMsgContains("is empty", token.exchange, credentials { refresh_token = "" })
  lu.assertErrorMsgContains("list of host patterns", token.exchange, credentials { allow_hosts = "x.org" })
  lu.assertErrorMsgContains("timeout", token.exchange, credentials { timeout = -1 })
  for _, changes in ipairs { { token_service = "http://example.org/v1" }, { allow_hosts = { "*.*" } } } do
    local result, err = token.exchange(credentials(changes))
    lu.assertNil(result)
    lu.assertNotNil(err.message)
  end
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "TestToken", TestToken } })
