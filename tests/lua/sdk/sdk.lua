-- What the tests of the SDK share.
local http = require "jeton.http"
local lu = require "luaunit"
local token = require "jeton.token"

local sdk = {
  root = assert(os.getenv "JETON_SANDBOX_URL", "run this by: jeton run --sandbox"),
  group = assert(os.getenv "JETON_SANDBOX_GROUP_ID"),
  alice = "+33100000001",
  bruno = "+33100000002",
  chitra = "+33100000003",
}

function sdk.steer(path, value)
  local response = assert(http.post(sdk.root .. "/_sandbox/" .. path, { json = value }))
  lu.assertEquals(response.status, 200, response.body)
end

function sdk.state()
  return assert(assert(http.get(sdk.root .. "/_sandbox/state")):json())
end

function sdk.newest()
  local actions = sdk.state().actions
  return actions[#actions]
end

--- A sandbox as it started, without throttles.
function sdk.reset()
  sdk.steer("reset", {})
  sdk.steer("switches", { per_minute = 0, tenant_per_minute = 0 })
end

--- One POST that does not count among the 100 calls a minute that the client makes.
function sdk.post(path, value)
  local access_token = assert(token.get()).access_token
  local response = assert(http.post(("%s/v1/groups/%s%s"):format(sdk.root, sdk.group, path),
    { headers = { accessToken = access_token }, json = value }))
  lu.assertEquals(response.status, 200, response.body)
  return assert(response:json())
end

--- Uploads a picture; gives the mediaResource.
function sdk.upload()
  local response = assert(http.post(sdk.root .. "/v1/media", {
    headers = { accessToken = assert(token.get()).access_token },
    multipart = { { name = "files", filename = "a.png", content_type = "image/png", value = "PNG" } },
  }))
  lu.assertEquals(response.status, 200, response.body)
  return assert(response:json()).mediaResource
end

--- Calls, which must raise an err of this kind whose line says so; `invalid` without a request.
function sdk.raises(kind, says, fn, ...)
  local before = sdk.state().counts.requests
  local ok, err = pcall(fn, ...)
  lu.assertFalse(ok)
  lu.assertEquals(type(err), "table", tostring(err))
  lu.assertEquals(err.kind, kind, tostring(err))
  lu.assertStrContains(tostring(err), says)
  if kind == "invalid" then lu.assertEquals(sdk.state().counts.requests, before) end
end

return sdk
