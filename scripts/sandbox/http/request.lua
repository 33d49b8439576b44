--- Normalises requests. Clients join URLs carelessly, so `//v1/groups/`, `/V1/Groups` and `/groups` are the
--- same path.
local cache = require "sandbox.base.cache"
local limits = require "sandbox.base.limits"

local request = {}

-- A second path prefix for the same service: the target of a 308.
request.MOVED_PREFIX = "moved"

---@class sandbox.path
---@field segments string[] decoded, in their own case
---@field text string lower case, without /v1: "/groups/853654b2-…/members"
---@field under_v1 boolean
---@field moved boolean below MOVED_PREFIX
---@field prefixed boolean below /v1 or MOVED_PREFIX: never /_sandbox, never the portal
---@field too_deep boolean

local function decode(segment)
  return segment:find("%", 1, true) and (segment:gsub("%%(%x%x)", function(hex)
    return string.char(tonumber(hex, 16))
  end)) or segment
end

local function read_path(raw)
  local segments = {}
  for segment in raw:gmatch "[^/]+" do
    if #segments > limits.path_segments then
      break
    end
    segments[#segments + 1] = decode(segment)
  end
  local too_deep = #segments > limits.path_segments
  local first = 1
  local moved = (segments[first] or ""):lower() == request.MOVED_PREFIX
  if moved then
    first = first + 1
  end
  local under_v1 = (segments[first] or ""):lower() == "v1"
  if under_v1 then
    first = first + 1
  end
  segments = table.move(segments, first, #segments, 1, {})
  return {
    segments = segments,
    text = "/" .. table.concat(segments, "/"):lower(),
    under_v1 = under_v1,
    moved = moved,
    prefixed = under_v1 or moved,
    too_deep = too_deep,
  }
end

local paths = cache.new(limits.paths_remembered)

--- A test asks for few of them, many times: they are remembered.
---@param raw string path as it came, without query
---@return sandbox.path not to be changed
function request.path(raw)
  local path = paths:get(raw)
  if not path then
    path = read_path(raw)
    if #raw <= limits.path_remembered_bytes then
      paths:set(raw, path)
    end
  end
  return path
end

--- Makes a test for normalised paths: `*` matches any characters, including "/".
---@param pattern string "/groups/*/messages", with or without /v1, in any case
---@return fun(text: string): boolean
function request.glob(pattern)
  local pieces = {} -- between the stars
  for piece in (request.path(pattern).text .. "*"):gmatch "([^*]*)%*" do
    pieces[#pieces + 1] = piece
  end
  local first, last = pieces[1], pieces[#pieces]
  return function(text)
    if #pieces == 1 then
      return text == first
    end
    local at, stop = #first + 1, #text - #last
    if at > stop + 1 or text:sub(1, #first) ~= first or text:sub(stop + 1) ~= last then
      return false
    end
    -- Each piece at its first occurrence, so that the time is bounded however many stars there are.
    for i = 2, #pieces - 1 do
      local _, found = text:find(pieces[i], at, true)
      if not found or found > stop then
        return false
      end
      at = found + 1
    end
    return true
  end
end

--- Makes text valid UTF-8: anything else is read as Latin-1.
---@param text string
---@return string
function request.to_utf8(text)
  if utf8.len(text) then
    return text
  end
  return (text:gsub("[\128-\255]", function(byte)
    return utf8.char(byte:byte())
  end))
end

--- Trims white space. (A pattern with `%s*$` would take quadratic time.)
---@param text string
---@return string
function request.trim(text)
  local first, last = text:find "%S", #text
  while first and text:find("^%s", last) do
    last = last - 1
  end
  return first and text:sub(first, last) or ""
end

--- The cookies of a request; of duplicates the first.
---@param header string|nil
---@return table<string, string>
function request.cookies(header)
  local out = {}
  for pair in (header or ""):gmatch "[^;]+" do
    local name, value = pair:match "^%s*([^=%s]+)=(%S*)"
    if name then
      out[name] = out[name] or value
    end
  end
  return out
end

--- The query with names in lower case; parameters without a value are left out.
---@param query table<string, string>
---@return table<string, string>
function request.query(query)
  local out = {}
  for name, value in pairs(query) do
    if value ~= "" then
      out[name:lower()] = value
    end
  end
  return out
end

--- The access token from its own header or, if that is absent or empty, from Authorization.
---@param headers table<string, string> names in lower case
---@return string|nil
function request.access_token(headers)
  if (headers.accesstoken or "") ~= "" then
    return headers.accesstoken
  end
  local scheme, rest = (headers.authorization or ""):match "^%s*(%a+)%s+(.*)$"
  if not scheme or scheme:lower() ~= "bearer" then
    return nil
  end
  return rest:match "^(%S*)%s*$" or rest -- a token has no white space inside
end

return request
