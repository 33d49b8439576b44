--- The handler of the server: decides by path which room answers a request.
local assumptions = require "sandbox.base.assumptions"
local clock = require "sandbox.base.clock"
local control = require "sandbox.control"
local form = require "sandbox.http.form"
local guard = require "sandbox.http.guard"
local limits = require "sandbox.base.limits"
local media_files = require "sandbox.calls.media_files"
local oauth = require "sandbox.oauth"
local portal = require "sandbox.portal"
local refusal = require "sandbox.base.refusal"
local reply = require "sandbox.http.reply"
local request = require "sandbox.http.request"
local calls = require "sandbox.calls"

local app = {}

local CONTROL_PATH = "_sandbox"

-- The root page for programs; browsers get the portal.
local function front_page(world, method)
  if method ~= "GET" then
    refusal.fail(405, "MethodNotAllowed", "expected GET", { Allow = "GET" })
  end
  return reply.success {
    name = "jeton sandbox",
    about = "A local server that speaks the Kaizala connector API. It is not Microsoft's.",
    token_service = world.url .. "/v1/accessToken",
    platform_service = world.url .. "/v1",
    control = world.url .. "/_sandbox/state",
    portal = world.url .. "/",
  }
end

-- The rooms, each with `handle`, which answers a request, and `head`, which judges its head: that returns a
-- response that refuses it, or nil and the limit of the body (nil: json_bytes).
local MEDIA = {
  handle = function(world, _, path)
    return media_files.serve(world, path)
  end,
  head = function() end,
}
local CALLS = { handle = calls.handle, head = calls.head }
local CONTROL = {
  handle = function(world, arrived, path)
    return control.handle(world, arrived, table.move(path.segments, 2, #path.segments, 1, {}),
      world.clock:now())
  end,
  head = function(world, arrived, path)
    control.head(world, arrived, table.move(path.segments, 2, #path.segments, 1, {}))
  end,
}
local OAUTH = { handle = oauth.handle, head = oauth.head }
local PORTAL = {
  handle = function(world, arrived, path)
    return portal.handle(world, arrived, path.segments)
  end,
  head = function(world, arrived, path)
    return portal.head(world, arrived, path.segments)
  end,
}
local FRONT = {
  handle = function(world, arrived)
    return front_page(world, arrived.method)
  end,
  head = function(world, arrived)
    front_page(world, arrived.method)
  end,
}

local function place(arrived, path)
  local first = path.segments[1]
  if media_files.matches(arrived.method, path) then
    return MEDIA
  elseif path.prefixed then
    return CALLS
  elseif first == CONTROL_PATH then
    return CONTROL
  elseif oauth.is_page(path.segments) then
    return OAUTH
  elseif portal.is_page(arrived, path.segments) then
    return PORTAL
  elseif not first then
    return FRONT
  end
  return CALLS
end

-- The room for a request, unless it comes from where it may not.
local function admit(world, arrived, path)
  guard.check_host(world, arrived.headers)
  local there = place(arrived, path)
  if there == CALLS then -- the others have no calls of programs, and check pages themselves
    guard.check_page(world, arrived.method, arrived.headers)
  end
  return there
end

local function dispatch(world, arrived, path)
  return admit(world, arrived, path).handle(world, arrived, path)
end

local function judge(world, arrived, path, found)
  local there = admit(world, arrived, path)
  local response, limit = there.head(world, arrived, path)
  found.limit = limit
  if not response and there ~= CALLS and form.is_multipart(arrived.headers) then
    refusal.fail(415, assumptions.media_type_code, "nothing here takes multipart/form-data")
  end
  return response
end

local function has_header(headers, name)
  for present in pairs(headers) do
    if present:lower() == name then
      return true
    end
  end
  return false
end

-- Adds the headers that every response has, depending on the path; those of CORS for an origin of --cors.
local function complete(world, path, response, headers)
  if response.drop then
    return response
  end
  if not response.headers.Date and not has_header(response.headers, "date") then
    response.headers.Date = clock.http_date(world.clock:now())
  end
  if path and path.under_v1 and next(world.origins) then
    response.headers.Vary = "Origin"
    local origin = headers and headers.origin
    if origin and world.origins[origin] then
      response.headers["Access-Control-Allow-Origin"] = origin
      response.headers["Access-Control-Expose-Headers"] = assumptions.cors_expose
    end
  end
  return response
end

---@param world sandbox.world
---@param arrived table the server's request
---@return table response
function app.handle(world, arrived)
  local path = request.path(arrived.path)
  return complete(world, path, calls.attempt(dispatch, world, arrived, path), arrived.headers)
end

--- Judges a request by its head, before anything of its body is read.
---@param world sandbox.world
---@param arrived table the server's request, without its body
---@return table|integer answer a response that refuses it, or how many bytes its body may have
function app.head(world, arrived)
  local path, found = request.path(arrived.path), {}
  local response = calls.attempt(judge, world, arrived, path, found)
  return response and complete(world, path, response, arrived.headers) or found.limit or limits.json_bytes
end

--- Writes the response when the server itself refuses: malformed, too large, too slow, too many.
---@param world sandbox.world
---@param refused jeton.server.Refusal
---@return table response
function app.refuse(world, refused)
  return complete(world, refused.path and request.path(refused.path), reply.error {
    status = refused.status,
    code = refused.status == 400 and refusal.INVALID or refused.code,
    message = refused.message,
    headers = refused.status == 503 and { ["Retry-After"] = "1" } or nil,
  })
end

return app
