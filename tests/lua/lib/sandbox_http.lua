-- jeton.http on a connector, against the sandbox.
local http = require "jeton.http"
local json = require "jeton.json"
local lu = require "luaunit"
local task = require "jeton.task"

local SANDBOX = assert(os.getenv "JETON_SANDBOX_URL", "run this by: jeton run --sandbox")
local GROUP = assert(os.getenv "JETON_SANDBOX_GROUP_ID")

local function steer(path, value)
  lu.assertEquals(assert(http.post(SANDBOX .. "/_sandbox/" .. path, { json = value })).status, 200)
end

-- How many requests of this method and path have arrived.
local function arrived(method, path)
  local reply = assert(assert(http.get(SANDBOX .. "/_sandbox/requests")):json())
  local count = 0
  for _, request in ipairs(reply.requests) do
    if request.method == method and request.path == path then count = count + 1 end
  end
  return count
end

local TestConnector = {}

function TestConnector.test_paths_are_below_the_endpoint()
  for _, path in ipairs { "groups", "/groups", "/v1/groups", SANDBOX .. "/v1/groups" } do
    local response = assert(http.request { connector = true, path = path })
    lu.assertEquals(response.status, 200)
    lu.assertTrue(json.is_array(assert(response:json()).groups))
  end
  lu.assertEquals(assert(http.request { connector = "sandbox", path = "/groups" }).status, 200)
end

function TestConnector.test_an_error_status_is_an_err_with_the_reply()
  local response, err, reply = http.request { connector = true, path = "/groups/none" }
  lu.assertNil(response)
  lu.assertEquals(err.kind, "http")
  lu.assertEquals(err.status, 404)
  lu.assertEquals(err.code, "NotFound")
  lu.assertEquals(err.request, "GET " .. SANDBOX .. "/v1/groups/none")
  lu.assertEquals(tostring(err), ("http: 404 not found: NotFound: there is no group with this id (%s)")
    :format(err.request))
  lu.assertEquals(reply.status, 404)
  lu.assertEquals(assert(reply:json()).errorCode, "NotFound")
end

function TestConnector.test_any_status()
  local response = assert(http.request { connector = true, path = "/groups/none", any_status = true })
  lu.assertEquals(response.status, 404)
end

function TestConnector.test_an_unknown_connector()
  local response, err = http.request { connector = "sandbix", path = "/groups" }
  lu.assertNil(response)
  lu.assertEquals(err.kind, "config")
end

function TestConnector.test_query_body_and_headers()
  local response = assert(http.request {
    connector = true, method = "POST", path = "/groups/" .. GROUP .. "/messages?x=1", query = { y = 2 },
    headers = { ["X-Mine"] = "z" }, json = { message = "from http.request" },
  })
  lu.assertNotNil(assert(response:json()).referenceId)
  local requests = assert(assert(http.get(SANDBOX .. "/_sandbox/requests")):json()).requests
  local newest = requests[#requests]
  lu.assertEquals(newest.query.x .. newest.query.y, "12")
  lu.assertEquals(newest.headers["x-mine"], "z")
end

function TestConnector.test_a_header_that_carries_the_token_is_refused()
  local path = "/v1/users/me"
  local before = arrived("GET", path)
  for _, name in ipairs { "accessToken", "ACCESSTOKEN" } do
    local _, err = http.request { connector = true, path = path, headers = { [name] = "mine" } }
    lu.assertEquals(tostring(err), ("invalid: header '%s' carries the token of connector 'sandbox': jeton "
      .. "sets it, leave it out"):format(name))
  end
  lu.assertEquals(arrived("GET", path), before)
  local response = assert(http.request { connector = true, path = path, headers = { Authorization = "x" } })
  lu.assertEquals(response.status, 200)
end

function TestConnector.test_a_refused_token_is_exchanged_once()
  local path = "/v1/users/me"
  local before = arrived("GET", path)
  steer("faults", { { match = { path = path }, status = 401 } })
  lu.assertEquals(assert(http.request { connector = true, path = path }).status, 200)
  lu.assertEquals(arrived("GET", path), before + 2)
  steer("faults", { { match = { path = path }, status = 401, times = 2 } })
  local _, err = http.request { connector = true, path = path }
  lu.assertEquals(err.kind, "auth")
end

function TestConnector.test_a_post_is_repeated_only_when_it_may_be()
  local path = "/v1/groups/" .. GROUP .. "/messages"
  local request = { connector = true, method = "POST", path = path, json = { message = "x" } }
  local before = arrived("POST", path)
  steer("faults", { { match = { path = path }, drop = "after" } })
  local response, err = http.request(request)
  lu.assertNil(response)
  lu.assertEquals(err.kind, "network")
  lu.assertEquals(arrived("POST", path), before + 1)

  request.repeatable = true
  steer("faults", { { match = { path = path }, drop = "after" } })
  lu.assertEquals(assert(http.request(request)).status, 200)
  lu.assertEquals(arrived("POST", path), before + 3)
end

function TestConnector.test_a_cancelled_call()
  steer("faults", { { match = { path = "/v1/users/me" }, delay_ms = 20000 } })
  local t = task.spawn(http.request, { connector = true, path = "/users/me" })
  task.sleep(0.2)
  t:cancel()
  local ok, err = pcall(t.join, t)
  lu.assertFalse(ok)
  lu.assertEquals(err.kind, "cancelled")
  collectgarbage()
  lu.assertEquals(assert(http.request { connector = true, path = "/users/me" }).status, 200)
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "TestConnector", TestConnector } })
