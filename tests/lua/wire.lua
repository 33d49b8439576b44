-- What the tests of the sandbox share: plain calls, as a client that knows nothing of jeton makes them.
local http = require "jeton.http"
local lu = require "luaunit"

local wire = {
  root = assert(os.getenv "JETON_SANDBOX_URL", "run this by: jeton run --sandbox"),
  application_id = assert(os.getenv "JETON_SANDBOX_APPLICATION_ID"),
  secret = assert(os.getenv "JETON_SANDBOX_APPLICATION_SECRET"),
  -- The demo tenant (scripts/sandbox/seed/demo.lua).
  tenant_token = assert(os.getenv "JETON_SANDBOX_REFRESH_TOKEN"),
  -- Bruno's: a member of Sales, the admin of Sales North.
  user_token = assert(os.getenv "JETON_SANDBOX_USER_REFRESH_TOKEN"),
  group_token = assert(os.getenv "JETON_SANDBOX_GROUP_REFRESH_TOKEN"), -- of Sales
  sales = assert(os.getenv "JETON_SANDBOX_GROUP_ID"),
  sales_north = "0d1f4b9e-57a3-4f7c-8a53-1be2c2b7d0c2",
  news = "c9a7e0d4-2b8f-4f3e-b1d6-9e4a7c5d8f03@1", -- a ConnectGroup; Bruno and Chitra subscribe
  alice = "+33100000001",
  bruno = "+33100000002",
  chitra = "+33100000003",
  daria = "+33100000004", -- in Sales, but without an account
}

--- One call. options: token, headers, body (text), json (a value), parts (of a form).
--- Returns status, decoded body, response.
function wire.call(method, path, options)
  options = options or {}
  local headers = {}
  for name, value in pairs(options.headers or {}) do
    headers[name] = value
  end
  headers.accessToken = headers.accessToken or options.token
  local response = assert(http.request {
    method = method, url = wire.root .. path, headers = headers,
    body = options.body, json = options.json, multipart = options.parts,
  })
  return response.status, response:json(), response
end

--- As call, and the answer must be 200 with a JSON object.
function wire.ok(method, path, options)
  local status, value, response = wire.call(method, path, options)
  lu.assertEquals(status, 200, response.body)
  lu.assertEquals(response.headers["content-type"], "application/json; charset=utf-8")
  lu.assertEquals(type(value), "table")
  lu.assertNil(value.errorCode)
  lu.assertNil(value.message)
  return value, response
end

--- As call, and the answer must be an error with this status and code. Returns its message.
function wire.refused(expected_status, code, method, path, options)
  local status, value, response = wire.call(method, path, options)
  lu.assertEquals(status, expected_status, response.body)
  lu.assertEquals(response.headers["content-type"], "application/json; charset=utf-8")
  lu.assertEquals(value.errorCode, code)
  lu.assertEquals(type(value.errorCategoryKey), "string")
  lu.assertEquals(type(value.message), "string")
  return value.message, response
end

--- POSTs to /_sandbox/<path>.
function wire.steer(path, value)
  return (wire.ok("POST", "/_sandbox/" .. path, { json = value }))
end

function wire.state()
  return (wire.ok("GET", "/_sandbox/state"))
end

function wire.reset()
  wire.steer("reset", {})
  wire.steer("switches", { per_minute = 0, tenant_per_minute = 0 })
end

--- The headers of an exchange.
function wire.credentials(refresh_token)
  return {
    applicationId = wire.application_id,
    applicationSecret = wire.secret,
    refreshToken = refresh_token or wire.tenant_token,
  }
end

--- Exchanges; returns the reply.
function wire.exchange(refresh_token)
  return (wire.ok("GET", "/v1/accessToken", { headers = wire.credentials(refresh_token) }))
end

--- An access token.
function wire.access(refresh_token)
  return wire.exchange(refresh_token).accessToken
end

local FILES = {
  Image = { "f.png", "image/png" }, Audio = { "f.mp3", "audio/mpeg" },
  Document = { "f.pdf", "application/pdf" }, Video = { "f.mp4", "video/mp4" },
}

--- Uploads a small file of a type, for an Album two pictures; returns the mediaResource.
function wire.upload(kind, token)
  local parts = {}
  for i = 1, kind == "Album" and 2 or 1 do
    local file = FILES[kind] or FILES.Image
    parts[i] = { name = "files", filename = file[1], content_type = file[2], value = "x" }
  end
  return wire.ok("POST", "/v1/media", { token = token or wire.access(), parts = parts }).mediaResource
end

--- Runs fn without the collector of stress.lua: beside hundreds of large bodies it takes minutes, and C code
--- that makes them is stressed by others.
function wire.calmly(fn, ...)
  local mode = collectgarbage "generational"
  local ok, err = pcall(fn, ...)
  collectgarbage(mode)
  if not ok then error(err, 0) end
end

--- Whether this runs under stress.lua, and not in its long form.
function wire.is_stressed()
  return os.getenv "JETON_FAULT" ~= nil and not os.getenv "JETON_SOAK"
end

--- Runs the classes of tests, each test on a sandbox as it started.
---@return boolean passed the exit status of the script
function wire.run(tests)
  local suite = {}
  for name, class in pairs(tests) do
    class.setUp = class.setUp or wire.reset
    suite[#suite + 1] = { name, class }
  end
  table.sort(suite, function(a, b) return a[1] < b[1] end)
  local runner = lu.LuaUnit.new()
  runner:setOutputType "text"
  return runner:runSuiteByInstances(suite) == 0
end

return wire
