--- Where webhooks may be delivered.
local http = require "jeton.http"
local url = require "sandbox.http.url"

local callback = {}

-- Cloud machines find their credentials at such addresses, also in the forms of IPv6.
local function is_link_local(host)
  host = host:lower()
  return host:find "^169%.254%." ~= nil or host:find "^fe[89ab]%x:" ~= nil or host:find "^2002:a9fe:" ~= nil
    or host:find ":a9fe:%x+$" ~= nil or host:find ":169%.254%.[%d.]+$" ~= nil
end

-- Deliveries to the sandbox itself could call its API in a circle.
local function is_own(world, parts)
  local port = parts.port or (parts.scheme == "https" and 443 or 80)
  return port == world.port and world.is_own_name(parts.host)
end

--- What is wrong with a callback URL. Ask when it is given, and again at each delivery.
---@param world sandbox.world
---@param text string
---@return string|nil problem
function callback.problem(world, text)
  if text:find "[%c%s#]" or not (url.is_https(text) or url.is_loopback(text)) then
    return "expected an https:// URL; http:// is for this machine only"
  end
  local parts = assert(http.parse_url(text))
  if is_link_local(parts.host) then
    return "a link-local address takes no deliveries"
  elseif is_own(world, parts) then
    return "the sandbox delivers nothing to itself"
  end
  return nil
end

return callback
