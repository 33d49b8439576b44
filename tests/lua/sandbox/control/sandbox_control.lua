-- Control: state, clock, faults, switches, what was recorded, and making things as the portal would.
package.path = require("jeton").folder .. "/../../?.lua;" .. package.path
local crypto = require "jeton.crypto"
local http = require "jeton.http"
local json = require "jeton.json"
local lu = require "luaunit"
local task = require "jeton.task"
local wire = require "wire"

local function me(token)
  return wire.call("GET", "/v1/users/me", { token = token })
end

local TestState = {}

function TestState.test_holds_no_secret()
  wire.access()
  local _, _, response = wire.call("GET", "/_sandbox/state")
  for _, secret in ipairs { wire.secret, wire.tenant_token, wire.group_token, wire.user_token } do
    lu.assertNotStrContains(response.body, secret)
  end
  local state = response:json()
  lu.assertEquals(state.tenant.name, "Contoso")
  lu.assertEquals(#state.connectors[1].tokens, 3)
  lu.assertEquals(state.counts.exchanges, 1)
end

function TestState.test_reset()
  wire.steer("clock", { advance_s = 1000 })
  wire.steer("faults", json.array { { match = { path = "*" }, status = 500, times = 0 } })
  wire.steer("groups", { name = "More" })
  wire.steer("reset", {})
  local state = wire.state()
  lu.assertEquals(state.clock.advance_s, 0)
  lu.assertEquals(state.faults, {})
  lu.assertEquals(state.counts.groups, 3)
  lu.assertEquals(state.counts.requests, 0)
  wire.exchange()
end

-- Of the sandbox, which is so many seconds ahead: not before the first time of ours, and not after now.
local function assert_now(sandbox_s, ahead_s, since_s)
  local ours = sandbox_s - ahead_s
  lu.assertTrue(ours >= since_s and ours <= os.time(), ("%d is not between %d and now"):format(ours, since_s))
end

function TestState.test_clock_moves_date()
  local since = os.time()
  local moved = wire.steer("clock", { advance_s = 3600 })
  lu.assertEquals(moved.advance_s, 3600)
  assert_now(moved.now, 3600, since)
  lu.assertEquals(wire.steer("clock", { advance_s = -600 }).advance_s, 3000)
  local _, response = wire.ok("GET", "/v1/accessToken", { headers = wire.credentials() })
  local hour, hours = "!%a, %d %b %Y %H", {}
  for _, ours in ipairs { since, os.time() } do hours[os.date(hour, ours + 3000)] = true end
  lu.assertTrue(hours[response.headers.date:match "^(.-):"], response.headers.date)
end

function TestState.test_clock_that_stands()
  local stands = wire.steer("clock", { stands_at = 1767603600 })
  lu.assertEquals({ stands.now, stands.at, stands.advance_s }, { 1767603600, "2026-01-05T09:00:00Z", 0 })
  task.sleep(1.1)
  lu.assertEquals(wire.state().clock.now, 1767603600)
  lu.assertEquals(wire.steer("clock", { advance_s = 60 }).now, 1767603660)
  local since = os.time()
  wire.steer("reset", {})
  assert_now(wire.state().clock.now, 0, since)
end

local TestFaults = {}

function TestFaults.test_a_status_once()
  local token = wire.access()
  wire.steer("faults", json.array { { match = { method = "get", path = "/v1/USERS/me" }, status = 503,
    headers = { ["Retry-After"] = 7 } } })
  local _, response = wire.refused(503, "SandboxFault", "GET", "/v1/users/me", { token = token })
  lu.assertEquals(response.headers["retry-after"], "7")
  lu.assertEquals(me(token), 200)
end

function TestFaults.test_match()
  local token = wire.access()
  wire.steer("faults", json.array { { match = { path = "/groups/*" }, status = 500, times = 0 } })
  lu.assertEquals(me(token), 200)
  lu.assertEquals(wire.call("GET", "/v1/groups", { token = token }), 200)
  lu.assertEquals(wire.call("GET", "/v1/groups/" .. wire.sales .. "/members", { token = token }), 500)
  lu.assertEquals(wire.call("GET", "//v1/groups/" .. wire.sales, { token = token }), 500)
  wire.steer("faults", json.array {})
  lu.assertEquals(wire.call("GET", "/v1/groups/" .. wire.sales, { token = token }), 200)
end

function TestFaults.test_bodies()
  wire.steer("faults", json.array {
    { match = { path = "/accessToken" }, body = "not json" },
    { match = { path = "/accessToken" }, body = { accessToken = "" },
      headers = { ["Content-Type"] = "text/html" } },
    { match = { path = "/accessToken" }, status = 500, body = "" },
  })
  local status, _, response = wire.call("GET", "/v1/accessToken")
  lu.assertEquals({ status, response.body }, { 200, "not json" })
  status, _, response = wire.call("GET", "/v1/accessToken")
  lu.assertEquals({ status, response.body }, { 200, '{"accessToken":""}' })
  lu.assertEquals(response.headers["content-type"], "text/html")
  status, _, response = wire.call("GET", "/v1/accessToken")
  lu.assertEquals({ status, response.body }, { 500, "" })
end

function TestFaults.test_headers_alone_leave_the_answer()
  wire.steer("faults", json.array { { headers = { Date = "Sun, 06 Nov 1994 08:49:37 GMT" } } })
  local value, response = wire.ok("GET", "/v1/accessToken", { headers = wire.credentials() })
  lu.assertNotNil(value.accessToken)
  lu.assertEquals(response.headers.date, "Sun, 06 Nov 1994 08:49:37 GMT")
end

function TestFaults.test_dropped_before_and_after()
  local token = wire.access()
  local url, path = wire.root .. "/v1/groups/" .. wire.sales .. "/messages", "/groups/*/messages"
  for drop, sent in pairs { [true] = 0, after = 1 } do
    wire.steer("faults", json.array { { match = { path = path }, drop = drop } })
    local before = wire.state().counts.messages
    local response, err = http.post(url, { headers = { accessToken = token }, json = { message = "x" } })
    lu.assertNil(response)
    lu.assertEquals(err.kind, "network")
    lu.assertEquals(wire.state().counts.messages - before, sent)
  end
end

function TestFaults.test_wrong_ones_are_refused_and_change_nothing()
  local function refused(value)
    return wire.refused(400, "InvalidParameters", "POST", "/_sandbox/faults", { json = value })
  end
  wire.steer("faults", json.array { { match = { path = "/x" }, status = 500 } })
  lu.assertStrContains(refused(json.array { { staus = 500 } }), "unknown key 'staus'")
  lu.assertStrContains(refused(json.array { { status = 99 } }), "faults[0].status")
  lu.assertStrContains(refused(json.array { { status = "" } }), "faults[0].status: expected an integer")
  lu.assertStrContains(refused(json.array { { status = 500 }, { match = "x" } }), "faults[1].match")
  lu.assertStrContains(refused(json.array { { drop = "never" } }), "drop")
  lu.assertEquals(#wire.ok("GET", "/_sandbox/faults").faults, 1)
  lu.assertEquals(#wire.ok("DELETE", "/_sandbox/faults").faults, 0)
end

local TestRedirects = {}

local function location(path, options)
  local status, value, response = wire.call("GET", path, options)
  lu.assertEquals(status, 308)
  lu.assertEquals(type(value.errorCode), "string")
  return response.headers.location
end

function TestRedirects.test_of_the_token_call()
  wire.steer("switches", { token_redirect = "full" })
  local moved = location("/v1/accessToken", { headers = wire.credentials() })
  lu.assertEquals(moved, wire.root .. "/moved/v1/accessToken")
  wire.ok("GET", "/moved/v1/accessToken", { headers = wire.credentials() })
  wire.steer("switches", { token_redirect = { kind = "base", to = "http://other.example/v1/", times = 2 } })
  for _ = 1, 2 do
    lu.assertEquals(location("//v1/accesstoken"), "http://other.example/v1")
  end
  wire.exchange()
end

function TestRedirects.test_of_other_calls()
  local token = wire.access()
  wire.steer("switches", { api_redirect = "full" })
  wire.exchange()
  lu.assertEquals(location("//v1/groups?fetchAllGroups=true", { token = token }),
    wire.root .. "/moved/v1/groups?fetchAllGroups=true")
  wire.ok("GET", "/moved/v1/groups", { token = token })
  wire.steer("switches", { api_redirect = { kind = "base" } })
  lu.assertEquals(location("/v1/groups", { token = token }), wire.root .. "/moved")
end

function TestRedirects.test_full_unless_said_otherwise()
  wire.steer("switches", { token_redirect = true, api_redirect = { times = 2 } })
  lu.assertEquals(location("/v1/accessToken"), wire.root .. "/moved/v1/accessToken")
  for _, path in ipairs { "/v1/groups", "/moved/v1/groups" } do
    lu.assertEquals(location(path), wire.root .. "/moved/v1/groups")
  end
end

function TestRedirects.test_off()
  wire.steer("switches", { api_redirect = "full", token_redirect = "base" })
  local now = wire.steer("switches", { api_redirect = "off", token_redirect = "off" })
  lu.assertEquals({ now.api_redirect, now.token_redirect }, { "off", "off" })
  lu.assertEquals(me(wire.access()), 200)
end

function TestRedirects.test_endpoint_url()
  wire.steer("switches", { endpoint_url = "https://kms2.example" })
  lu.assertEquals(wire.exchange().endpointUrl, "https://kms2.example")
end

local TestRequests = {}

function TestRequests.test_newest_last_with_secrets_masked()
  local token = wire.access()
  wire.call("POST", "//v1/groups/" .. wire.sales .. "/messages?pin=1234", { token = token,
    json = { message = "x", note = token, refreshToken = "abcdef" } })
  local _, _, response = wire.call("GET", "/_sandbox/requests")
  for _, secret in ipairs { wire.secret, wire.tenant_token, token, "abcdef", "1234\"" } do
    lu.assertNotStrContains(response.body, secret)
  end
  local requests = response:json().requests
  local last = requests[#requests]
  lu.assertEquals(last.method, "POST")
  lu.assertEquals(last.path, "//v1/groups/" .. wire.sales .. "/messages")
  lu.assertEquals(last.status, 200)
  lu.assertEquals(last.operation, "messages.send")
  lu.assertEquals(last.connector_id, wire.application_id)
  lu.assertEquals(last.body, { message = "x", note = "***", refreshToken = "***" })
  lu.assertEquals(requests[#requests - 1].headers.applicationid, wire.application_id)
  lu.assertEquals(requests[#requests - 1].headers.refreshtoken, "***")
end

function TestRequests.test_secrets_are_masked_by_any_name_and_by_their_value()
  local function recorded(options)
    wire.call("POST", "/v1/users/me?again=" .. "oldest-secret", options)
    local requests = wire.ok("GET", "/_sandbox/requests").requests
    return requests[#requests]
  end
  local last = recorded {
    headers = { ["X-Api-Key"] = "oldest-secret" },
    json = {
      refresh_token = "first-secret", access_token = "second-secret", password = "third-secret",
      Client_Secret = 7, accessTokenExpiry = 5, token_type = "bearer",
      deep = { { ["new-password"] = "short", text = "it is first-secret, third-secret" } },
    },
  }
  lu.assertEquals(last.body, {
    refresh_token = "***", access_token = "***", password = "***", Client_Secret = "***",
    accessTokenExpiry = 5, token_type = "bearer",
    deep = { { ["new-password"] = "***", text = "it is ***, ***" } },
  })
  lu.assertEquals(last.query.again, "***")
  lu.assertEquals(last.headers["x-api-key"], "***")
  last = recorded { body = "grant_type=password&password=first-secret&note=the+first-secret",
    headers = { ["Content-Type"] = "application/x-www-form-urlencoded" } }
  lu.assertEquals(last.body, { grant_type = "password", password = "***", note = "the ***" })
  last = recorded { body = "refresh_token: first-secret" }
  lu.assertEquals(last.body, "***")
  last = recorded {
    body = "a Bearer text: other-value-1",
    headers = { Authorization = "Bearer other-value-1" },
  }
  lu.assertEquals(last.body, "a Bearer text: ***")
  local refresh, hash = crypto.base64url(crypto.random(48)), crypto.hex(crypto.random(32))
  last = recorded { headers = { ["X-Own"] = refresh },
    json = { odd = refresh, list = { "as " .. refresh }, hash = hash } }
  lu.assertEquals(last.headers["x-own"], "***")
  lu.assertEquals(last.body, { odd = "***", list = { "as ***" }, hash = hash })
  last = recorded { json = { -- JSON in a JSON string, where quotes are escaped
    properties = '[{"name": "auth", "value": "{\\"refresh_token\\": \\"q\\\\\\"uoted-secret\\"}"}]',
    note = 'q"uoted-secret', plain = '{ "b": 1.0,  "a": [] }', broken = "[1, {" } }
  lu.assertEquals(json.decode(json.decode(last.body.properties)[1].value), { refresh_token = "***" })
  lu.assertEquals(last.body.note, "***")
  lu.assertEquals({ last.body.plain, last.body.broken }, { '{ "b": 1.0,  "a": [] }', "[1, {" })
end

function TestRequests.test_filters()
  local token = wire.access()
  for _ = 1, 3 do
    me(token)
  end
  local function count(query)
    return #wire.ok("GET", "/_sandbox/requests" .. query).requests
  end
  lu.assertEquals(count "", 4)
  lu.assertEquals(count "?path=/v1/users/*&method=get", 3)
  lu.assertEquals(count "?path=/accesstoken", 1)
  lu.assertEquals(count "?limit=2", 2)
  lu.assertEquals(count "?path=/*us*s*/*e", 3)
  lu.assertEquals(count "?path=/users/me*e", 0)
  wire.ok("DELETE", "/_sandbox/requests")
  lu.assertEquals(count "", 0)
end

function TestRequests.test_no_pattern_takes_long()
  wire.call("GET", "/v1/" .. ("a"):rep(4000))
  -- Tried in every way, the stars would take longer than anybody waits.
  local path = "/_sandbox/requests?path=/" .. ("*a"):rep(1000) .. "b"
  local response = assert(http.request { url = wire.root .. path, timeout = 300 })
  lu.assertEquals(#response:json().requests, 0)
end

function TestRequests.test_what_is_kept_is_bounded()
  -- A short text, thousands of values: what counts is the memory that it takes.
  local body = '{"a": [' .. ("{},"):rep(1300) .. "{}]}"
  for _ = 1, 100 do
    wire.call("POST", "/v1/users/me", { body = body })
  end
  local requests
  wire.calmly(function() requests = wire.ok("GET", "/_sandbox/requests").requests end)
  lu.assertTrue(#requests > 10 and #requests < 80, tostring(#requests))
  lu.assertEquals(requests[#requests].number, 100)
  lu.assertEquals(#requests[#requests].body.a, 1301)
end

local TestMaking = {}

function TestMaking.test_users()
  local made = wire.steer("users", { phone = "+33100000055", name = "Eve", tenant_admin = true })
  lu.assertEquals(made.tenant_admin, true)
  local changed = wire.steer("users", { phone = "+33100000055", name = "Eva" })
  lu.assertEquals({ changed.id, changed.name, changed.tenant_admin }, { made.id, "Eva", true })
  lu.assertEquals(changed.provisioned, true)
  lu.assertEquals(wire.steer("users", { phone = wire.daria, provisioned = false }).provisioned, false)
end

function TestMaking.test_groups()
  local made = wire.steer("groups", { name = "Made", type = "ConnectGroup",
    admins = json.array { wire.bruno }, subscribers = json.array { wire.daria },
    subgroups = json.array { wire.sales } })
  lu.assertEquals(made.admins, { wire.bruno })
  lu.assertEquals(made.subscribers, { wire.daria })
  lu.assertStrContains(wire.refused(400, "InvalidParameters", "POST", "/_sandbox/groups",
    { json = { id = wire.sales, name = "Sales", subgroups = json.array { made.id } } }), "ancestor")
  wire.ok("DELETE", "/_sandbox/groups/" .. made.id)
  wire.refused(404, "NotFound", "DELETE", "/_sandbox/groups/" .. made.id)
end

function TestMaking.test_connectors()
  local made = wire.steer("connectors", { name = "Made", owner = wire.bruno,
    permissions = json.array { "textmessage" }, tokens = json.array { { user = wire.bruno } } })
  lu.assertStrMatches(made.secret, "[A-Z0-9]+")
  lu.assertEquals(#made.secret, 10)
  lu.assertEquals(made.scope, "textmessage.write,textmessage.remove")
  lu.assertEquals(made.tokens[1].kind, "user")
  wire.ok("GET", "/v1/accessToken", { headers = { applicationId = made.id, applicationSecret = made.secret,
    refreshToken = made.tokens[1].refresh_token } })
end

function TestMaking.test_refusals()
  local function refused(path, value)
    return wire.refused(400, "InvalidParameters", "POST", "/_sandbox/" .. path, { json = value })
  end
  lu.assertStrContains(refused("users", { name = "x" }), "phone: missing")
  lu.assertStrContains(refused("connectors", { name = "x" }), "owner")
  local cook = { owner = wire.alice, permissions = json.array { "cooking" } }
  lu.assertStrContains(refused("connectors", cook), "cooking")
  lu.assertStrContains(refused("connectors", { id = wire.application_id,
    tokens = json.array { { user = wire.bruno, group = wire.sales } } }), "admin")
  lu.assertStrContains(refused("clock", { advance_s = "soon" }), "advance_s")
  lu.assertStrContains(refused("clock", { stands_at = -1 }), "stands_at")
  lu.assertStrContains(refused("clock", { stands_at = 1, advance_s = 1 }), "advance_s")
  lu.assertStrContains(refused("switches", { single_use = true }), "unknown key")
  wire.refused(400, "InvalidParameters", "POST", "/_sandbox/clock", { body = "{advance_s: 1}",
    headers = { ["Content-Type"] = "application/json" } })
end

return wire.run {
  TestState = TestState, TestFaults = TestFaults, TestRedirects = TestRedirects, TestRequests = TestRequests,
  TestMaking = TestMaking,
}
