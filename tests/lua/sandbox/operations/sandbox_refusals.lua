-- Refusals of the platform service: what is missing, who may not, how much is too much.
package.path = require("jeton").folder .. "/../../?.lua;" .. package.path
local json = require "jeton.json"
local lu = require "luaunit"
local wire = require "wire"

local GROUP_PATH = "/v1/groups/" .. wire.sales

local TestErrors = {}

function TestErrors.test_unknown_path_and_method()
  local token = wire.access()
  wire.refused(404, "NotFound", "GET", "/v1/nothing", { token = token })
  wire.refused(404, "NotFound", "GET", "/v1", { token = token })
  wire.refused(404, "NotFound", "GET", "/v1/groups" .. ("/x"):rep(100), { token = token })
  local _, response = wire.refused(405, "MethodNotAllowed", "PATCH", "/v1/groups", { token = token })
  lu.assertEquals(response.headers.allow, "GET, POST")
end

function TestErrors.test_steering_is_not_below_v1()
  wire.refused(404, "NotFound", "GET", "/v1/_sandbox/state")
  wire.refused(404, "NotFound", "GET", "/moved/_sandbox/state")
end

function TestErrors.test_malformed_bodies()
  local token = wire.access()
  for _, body in ipairs { "", "[]", "null", "5", '"text"', "{", '{"message": }', "<message/>", "message=x",
    '{"message": NaN}', ("["):rep(1000) } do
    wire.refused(400, "InvalidParameters", "POST", GROUP_PATH .. "/messages", { token = token, body = body })
  end
end

function TestErrors.test_an_error_names_the_field()
  local token = wire.access()
  local function message(value)
    return wire.refused(400, "InvalidParameters", "POST", GROUP_PATH .. "/messages",
      { token = token, json = value })
  end
  lu.assertStrContains(message {}, "message")
  lu.assertStrContains(message { message = 5 }, "message: expected a string, got a number")
  lu.assertStrContains(message { message = json.array {} }, "message: expected a string, got a list")
  lu.assertStrContains(message { message = "x", subscribers = wire.bruno }, "subscribers: expected a list")
  lu.assertStrContains(message { message = "x", subscribers = json.array { 33100000001 } }, "subscribers[0]")
  lu.assertStrContains(message { message = "x", sendToAllSubscribers = "yes" }, "sendToAllSubscribers")
end

function TestErrors.test_too_large_a_body()
  local body = '{"message": "' .. ("x"):rep(1024 * 1024) .. '"}'
  local options = { token = wire.access(), body = body }
  wire.refused(413, "RequestEntityTooLarge", "POST", GROUP_PATH .. "/messages", options)
end

local TestPermissions = {}

-- Which permission each call needs.
local NEEDS = {
  { "GET", "/v1/users/me", "profile.read" },
  { "GET", "/v1/groups", "groupinfo.read" },
  { "GET", GROUP_PATH, "groupinfo.read" },
  { "POST", "/v1/groups", "groupinfo.write", { name = "x" } },
  { "GET", GROUP_PATH .. "/members", "groupmember.read" },
  { "PUT", GROUP_PATH .. "/members", "groupmember.write", { members = json.array { wire.chitra } } },
  { "PUT", GROUP_PATH .. "/members/x", "groupmember.update", { role = "Admin" } },
  { "DELETE", GROUP_PATH .. "/members/x", "groupmember.remove" },
  { "POST", GROUP_PATH .. "/messages", "textmessage.write", { message = "x" } },
}

function TestPermissions.test_each_call_names_the_one_that_is_missing()
  local token = wire.access()
  wire.steer("connectors", { id = wire.application_id, permissions = json.array {} })
  local before = wire.state().counts
  for _, need in ipairs(NEEDS) do
    local message = wire.refused(403, "PermissionDenied", need[1], need[2], { token = token, json = need[4] })
    lu.assertEquals(message, "Permission missing: " .. need[3])
  end
  local after = wire.state().counts
  for _, name in ipairs { "groups", "messages", "users" } do
    lu.assertEquals(after[name], before[name], name)
  end
end

function TestPermissions.test_one_is_enough()
  local some = json.array { "profile", "groupinfo.read" }
  wire.steer("connectors", { id = wire.application_id, permissions = some })
  local reply = wire.exchange()
  lu.assertEquals(reply.scope, "groupinfo.read,profile.read")
  wire.ok("GET", "/v1/groups", { token = reply.accessToken })
  wire.refused(403, "PermissionDenied", "POST", "/v1/groups",
    { token = reply.accessToken, json = { name = "x" } })
end

local TestThrottle = {}

local function me(token)
  return wire.call("GET", "/v1/users/me", { token = token })
end

function TestThrottle.test_of_a_connector()
  local token = wire.access()
  wire.steer("switches", { per_minute = 3, tenant_per_minute = 0 })
  for _ = 1, 3 do
    lu.assertEquals(me(token), 200)
  end
  local _, response = wire.refused(429, "TooManyRequests", "GET", "/v1/users/me", { token = token })
  local wait = math.tointeger(tonumber(response.headers["retry-after"]))
  lu.assertTrue(wait >= 55 and wait <= 60)
  wire.steer("clock", { advance_s = wait })
  lu.assertEquals(me(token), 200)
end

function TestThrottle.test_the_window_slides()
  local token = wire.access()
  wire.steer("switches", { per_minute = 2, tenant_per_minute = 0 })
  lu.assertEquals(me(token), 200)
  wire.steer("clock", { advance_s = 40 })
  lu.assertEquals(me(token), 200)
  wire.steer("clock", { advance_s = 25 })
  lu.assertEquals(me(token), 200)
  local _, response = wire.refused(429, "TooManyRequests", "GET", "/v1/users/me", { token = token })
  local wait = math.tointeger(tonumber(response.headers["retry-after"]))
  lu.assertTrue(wait >= 30 and wait <= 35, tostring(wait))
end

function TestThrottle.test_of_a_tenant_over_all_its_connectors()
  local other = wire.steer("connectors",
    { name = "Other", owner = wire.alice, tokens = json.array { { user = wire.bruno } } })
  local tokens = { wire.access() }
  tokens[2] = wire.ok("GET", "/v1/accessToken", { headers = {
    applicationId = other.id, applicationSecret = other.secret, refreshToken = other.tokens[1].refresh_token,
  } }).accessToken
  wire.steer("switches", { per_minute = 3, tenant_per_minute = 4 })
  for call = 1, 4 do
    lu.assertEquals(me(tokens[call % 2 + 1]), 200)
  end
  lu.assertEquals(me(tokens[1]), 429)
  lu.assertEquals(me(tokens[2]), 429)
end

function TestThrottle.test_none()
  local token = wire.access()
  wire.steer("switches", { per_minute = 0, tenant_per_minute = 0 })
  for _ = 1, 150 do
    lu.assertEquals(me(token), 200)
  end
end

function TestThrottle.test_calls_that_are_refused_for_their_token_do_not_count()
  local token = wire.access()
  wire.steer("switches", { per_minute = 1, tenant_per_minute = 1 })
  lu.assertEquals(me "bad", 401)
  wire.exchange()
  lu.assertEquals(me(token), 200)
  lu.assertEquals(me(token), 429)
end

return wire.run { TestErrors = TestErrors, TestPermissions = TestPermissions, TestThrottle = TestThrottle }
