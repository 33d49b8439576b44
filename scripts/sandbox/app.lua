--- The one handler of the server: tells steering, the portal and the services apart.
local assumptions = require "sandbox.assumptions"
local clock = require "sandbox.clock"
local guard = require "sandbox.http.guard"
local media_files = require "sandbox.media_files"
local oauth = require "sandbox.oauth"
local portal = require "sandbox.portal"
local reply = require "sandbox.http.reply"
local request = require "sandbox.http.request"
local services = require "sandbox.services"
local steering = require "sandbox.steering"

local app = {}

local STEERING = "_sandbox"

-- For programs; browsers get the portal.
local function front_page(world, method)
  if method ~= "GET" then
    reply.fail(405, "MethodNotAllowed", "expected GET", { Allow = "GET" })
  end
  return reply.success {
    name = "jeton sandbox",
    about = "A local server that speaks the Kaizala connector API. It is not Microsoft's.",
    token_service = world.url .. "/v1/accessToken",
    platform_service = world.url .. "/v1",
    steering = world.url .. "/_sandbox/state",
    portal = world.url .. "/",
  }
end

local function dispatch(world, arrived, path)
  guard.check_host(world, arrived.headers)
  local first = path.segments[1]
  if media_files.matches(arrived.method, path) then
    return media_files.serve(world, path)
  end
  if path.prefixed then
    return services.handle(world, arrived, path)
  elseif first == STEERING then
    local below = table.move(path.segments, 2, #path.segments, 1, {})
    return steering.handle(world, arrived, below, world.clock:now())
  elseif oauth.is_page(path.segments) then
    return oauth.handle(world, arrived)
  elseif portal.is_page(arrived, path.segments) then
    return portal.handle(world, arrived, path.segments)
  elseif not first then
    return front_page(world, arrived.method)
  end
  return services.handle(world, arrived, path)
end

local function has_header(headers, name)
  for present in pairs(headers) do
    if present:lower() == name then
      return true
    end
  end
  return false
end

---@param world sandbox.world
---@param arrived table the server's request
---@return table response
function app.handle(world, arrived)
  local path = request.path(arrived.path)
  arrived.headers = request.headers(arrived.headers)
  local response = services.attempt(dispatch, world, arrived, path)
  if response.drop then
    return response
  end
  if not has_header(response.headers, "date") then
    response.headers.Date = clock.http_date(world.clock:now())
  end
  if path.under_v1 then
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Expose-Headers"] = assumptions.cors_expose
  end
  return response
end

return app
