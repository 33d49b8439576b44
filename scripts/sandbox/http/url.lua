--- URLs that clients give: where a browser is sent, where events go.
local http = require "jeton.http"

local url = {}

---@param host string
---@return boolean
local function is_own(host)
  return host == "localhost" or host == "::1" or host:find "^127%.%d+%.%d+%.%d+$" ~= nil
end

--- A program on this machine, over plain http.
---@param text string
---@return boolean
function url.is_loopback(text)
  local parts = http.parse_url(text)
  return parts ~= nil and parts.scheme == "http" and is_own(parts.host)
end

---@param text string
---@return boolean
function url.is_https(text)
  local parts = http.parse_url(text)
  return parts ~= nil and parts.scheme == "https"
end

return url
