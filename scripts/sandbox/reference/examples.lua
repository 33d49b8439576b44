--- Examples of operations, and values for "{names}" in them.
local json = require "jeton.json"
local demo = require "sandbox.seed.demo"
local media_resource = require "sandbox.base.media_resource"

local examples = {}

local GUID = "5b2e1d4c-7f60-4b70-9d8e-0f1c2b3d4e52"

local function media(kind, name)
  return media_resource.encode { id = GUID, type = kind, name = name }
end

--- Values for "{name}" in documentation; any other name is an id.
---@type table<string, string>
examples.SAMPLES = setmetatable({
  pin = "123456",
  secret = "K7QX2M9DTB",
  refreshToken = "a refresh token",
  code = "a code of /api/Oauth/Authorize",
  receiver = "https://receiver.example.org/hook",
  Image = media("Image", "picture.png"),
  Album = media("Album", ""),
  Audio = media("Audio", "speech.mp3"),
  Document = media("Document", "report.pdf"),
  Video = media("Video", "clip.mp4"),
}, { __index = function() return GUID end })

--- All examples of an operation, the first one first. Absent fields of the others are as in the first.
---@param operation sandbox.operation
---@return sandbox.example[]
function examples.of(operation)
  local first = assert(operation.example, operation.name .. " has no example")
  local out = { first }
  for i, other in ipairs(operation.more or {}) do
    out[i + 1] = setmetatable(other, { __index = first })
  end
  return out
end

--- A copy with each "{name}" replaced by the kept value. The demo picture's URL becomes kept.picture_url.
---@param value any
---@param kept table<string, string>
---@return any
function examples.fill(value, kept)
  if value == demo.names.picture_url and rawget(kept, "picture_url") then
    return kept.picture_url
  elseif type(value) == "string" then
    return (value:gsub("{(%w+)}", function(name) return kept[name] end))
  elseif type(value) ~= "table" or value == json.null then
    return value
  end
  local out = json.is_array(value) and json.array {} or {}
  for key, item in pairs(value) do
    out[key] = examples.fill(item, kept)
  end
  return out
end

return examples
