--- Checks of where a request comes from: Host on every route; for control also Origin, proxies, password.
--- Any page in the user's browser can send requests to a server on this machine. What keeps it out of the
--- services: they allow no origin (CORS) but those of --cors, and refuse what a page may send without asking.
local refusal = require "sandbox.base.refusal"

local guard = {}

local HTTP_PORT = 80
local HOST_BYTES = 300 -- a name and a port
-- What a page may send to another origin without a preflight, which CORS would have to allow first.
local SIMPLE_METHODS = { GET = true, HEAD = true, POST = true }
local SIMPLE_TYPES = {
  [""] = true, ["text/plain"] = true, ["application/x-www-form-urlencoded"] = true,
  ["multipart/form-data"] = true,
}
local CREDENTIALS = { "accesstoken", "applicationid", "applicationsecret", "refreshtoken", "authorization" }

local function refuse(message)
  refusal.fail(403, "Forbidden", message)
end

local function is_literal_address(name)
  return name:match "^%d+%.%d+%.%d+%.%d+$" ~= nil or name:match "^[%x%.]*:[%x:%.]*$" ~= nil
end

-- "[::1]:80", "localhost:80", "localhost" → name, port
local function split(host)
  if #host > HOST_BYTES then
    return nil
  end
  local name, port = host:match "^%[([%x:%.]+)%]:?(%d*)$"
  if not name then
    name, port = host:match "^([^:/@%s]+):?(%d*)$"
  end
  if not name then
    return nil
  end
  return name:lower(), port == "" and HTTP_PORT or tonumber(port)
end

-- The same; most requests have the Host of the one before.
local last, last_name, last_port
local function host_of(host)
  if host ~= last then
    last_name, last_port = split(host)
    last = host
  end
  return last_name, last_port
end

--- Makes the check whether a host name may be used for a sandbox that listens here.
---@param listen_host string as given to --listen
---@return fun(name: string): boolean
function guard.names(listen_host)
  local allowed = { ["localhost"] = true, ["127.0.0.1"] = true, ["::1"] = true, [listen_host:lower()] = true }
  -- On all addresses: any literal address. A web page that rebinds its name cannot send one.
  local wildcard = listen_host == "0.0.0.0" or listen_host == "::"
  return function(name)
    return allowed[name] or (wildcard and is_literal_address(name))
  end
end

--- Raises 403 for a request that was not addressed to this sandbox (DNS rebinding).
---@param world sandbox.world
---@param headers table<string, string>
function guard.check_host(world, headers)
  local name, port = host_of(headers.host or "")
  if not name or port ~= world.port or not world.is_own_name(name) then
    refuse(("Host: expected where the sandbox listens, such as 127.0.0.1:%d"):format(world.port))
  end
end

--- Raises 401 or 429 for a request without the password, if one is set.
---@param world sandbox.world
---@param headers table<string, string>
function guard.check_password(world, headers)
  if world.password then
    world.password:check(headers.authorization, world.clock:now())
  end
end

--- Whether a page of this sandbox can have sent this, according to the browser. Sec-Fetch-Site counts before
--- Origin: behind a TLS proxy, Origin is an https:// name that only the proxy knows.
---@param headers table<string, string>
---@return boolean
function guard.is_own_origin(headers)
  local site, origin = headers["sec-fetch-site"], headers.origin
  if site == "same-origin" and origin and origin:find "^https://" then
    return true
  end
  return (not origin or origin:lower() == "http://" .. headers.host:lower())
    and (not site or site == "same-origin")
end

--- Whether a browser sent this for a page that is neither the sandbox's nor of an origin of --cors.
---@param world sandbox.world
---@param headers table<string, string>
---@return boolean
function guard.is_foreign(world, headers)
  local site, origin = headers["sec-fetch-site"], headers.origin
  if guard.is_own_origin(headers) or (site == "none" and not origin) then -- none: typed, or a bookmark
    return false
  end
  return not (origin and world.origins[origin])
end

local function media_type(headers)
  return (headers["content-type"] or ""):lower():match "^%s*([^;%s]*)"
end

local function needs_preflight(method, headers)
  for _, name in ipairs(CREDENTIALS) do
    if headers[name] then
      return true
    end
  end
  return not SIMPLE_METHODS[method] or not SIMPLE_TYPES[media_type(headers)]
end

--- Raises 403 for a foreign page.
---@param world sandbox.world
---@param headers table<string, string>
function guard.refuse_foreign(world, headers)
  if guard.is_foreign(world, headers) then
    refuse("Origin, Sec-Fetch-Site: pages of another origin may not use this sandbox; "
      .. "one of your own may after jeton sandbox --cors ORIGIN")
  end
end

--- Raises 403 for what a foreign page can send to the services without a preflight. All else of a page has
--- passed a preflight, which only an origin of --cors does; or it is no page that sent it.
---@param world sandbox.world
---@param method string
---@param headers table<string, string>
function guard.check_page(world, method, headers)
  if method == "OPTIONS" or not needs_preflight(method, headers) then
    guard.refuse_foreign(world, headers)
  end
end

--- Raises 403 for a request that a proxy passed on: it may come from anywhere.
---@param headers table<string, string>
function guard.refuse_proxied(headers)
  for name in pairs(headers) do
    if name == "forwarded" or name:find "^x%-forwarded%-" then
      refuse "requests that a proxy passed on (Forwarded, X-Forwarded-*) may not control the sandbox"
    end
  end
end

--- Raises 403 for pages of other origins and for requests passed on by a proxy, 401 without the password,
--- 415 for a POST that is not JSON.
---@param world sandbox.world
---@param method string
---@param headers table<string, string>
function guard.check_control(world, method, headers)
  guard.refuse_proxied(headers)
  if headers.origin and headers.origin:lower() ~= "http://" .. headers.host:lower() then
    refuse "Origin: pages of another origin may not control the sandbox"
  end
  -- Browsers send this header even with requests that have no Origin, such as those of an <img>.
  local site = headers["sec-fetch-site"]
  if site and site ~= "same-origin" and site ~= "none" then
    refuse "Sec-Fetch-Site: pages of another origin may not control the sandbox"
  end
  guard.check_password(world, headers)
  if method == "POST" and media_type(headers) ~= "application/json" then
    refusal.fail(415, "UnsupportedMediaType", "Content-Type: expected application/json")
  end
end

return guard
