-- cold.lua URL REFRESH_TOKEN: exchange, list of groups, a message to the first, with luasocket and luasec.
local cjson = require "cjson"
local ltn12 = require "ltn12"

local url, refresh = ...
local client = url:find "^https:" and require "ssl.https" or require "socket.http"

local function ask(target, headers, body)
  local parts = {}
  local ok, status = client.request {
    url = target, headers = headers, method = body and "POST" or "GET",
    source = body and ltn12.source.string(body), sink = ltn12.sink.table(parts),
    verify = "peer", cafile = "/etc/ssl/certs/ca-certificates.crt",
  }
  assert(ok and status == 200, status)
  return cjson.decode(table.concat(parts))
end

local token = ask(url .. "/v1/accessToken", {
  applicationId = os.getenv "ID", applicationSecret = os.getenv "SECRET", refreshToken = refresh,
})
local groups = ask(token.endpointUrl .. "v1/groups", { accessToken = token.accessToken }).groups
local message = cjson.encode { message = "Hello" }
ask(token.endpointUrl .. "v1/groups/" .. groups[1].groupId .. "/messages", {
  accessToken = token.accessToken, ["Content-Type"] = "application/json", ["Content-Length"] = #message,
}, message)
