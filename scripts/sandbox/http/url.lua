--- Checks URLs from clients: redirect targets and callback URLs.
local http = require "jeton.http"

local url = {}

---@param host string
---@return boolean
local function is_own(host)
  return host == "localhost" or host == "::1" or host:find "^127%.%d+%.%d+%.%d+$" ~= nil
end

--- Whether the URL is plain http to this machine.
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
