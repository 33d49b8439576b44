--- The opaque `mediaResource` that an upload returns and that actions and answers carry: base64 of
--- JSON {id, type, name}.
local crypto = require "jeton.crypto"
local http = require "jeton.http"
local json = require "jeton.json"
local limits = require "sandbox.base.limits"

local media_resource = {}

---@class sandbox.media_resource
---@field id string of the media
---@field type "Image"|"Album"|"Audio"|"Document"|"Video"
---@field name string of the file; "" where it has none

local TYPES = { Image = true, Album = true, Audio = true, Document = true, Video = true }

--- Writes one.
---@param resource sandbox.media_resource
---@return string text
function media_resource.encode(resource)
  local text = assert(json.encode { id = resource.id, type = resource.type, name = resource.name })
  return crypto.base64(text)
end

--- Reads one.
---@param text any what a client sent
---@return sandbox.media_resource|nil resource nil: no upload returned this
function media_resource.decode(text)
  if type(text) ~= "string" or text == "" or #text > limits.media_resource_bytes then
    return nil
  end
  local bytes = crypto.unbase64(text)
  local value = bytes and json.decode(bytes)
  if type(value) ~= "table" or type(value.id) ~= "string" or value.id == "" or not TYPES[value.type]
    or type(value.name) ~= "string" then
    return nil
  end
  return { id = value.id, type = value.type, name = value.name }
end

--- Reads one that the hosted service wrote: base64 of JSON with a list `Files`, as the documented samples
--- have it.
---@param text any what a client sent
---@return string|nil url of its first file; nil: it is none
function media_resource.hosted_url(text)
  local bytes = type(text) == "string" and crypto.unbase64(text)
  local value = bytes and json.decode(bytes)
  local files = type(value) == "table" and value.Files
  local file = type(files) == "table" and files[1]
  local url = type(file) == "table" and file.Url
  return type(url) == "string" and url:find "^https?://" and url or nil
end

media_resource.PATH = "/v1/media/"

--- Where the sandbox serves it.
---@param resource {id: string}
---@return string path
function media_resource.path(resource)
  return media_resource.PATH .. http.encode(resource.id) -- a client may have made it up
end

---@param root string of the sandbox, without a slash at the end
---@param resource {id: string}
---@return string url
function media_resource.url(root, resource)
  return root .. media_resource.path(resource)
end

return media_resource
