--- Pictures of groups and bots. Their lists are not paged, so a picture longer than a URL is stored as a
--- file, and the row has its URL.
local crypto = require "jeton.crypto"
local limits = require "sandbox.base.limits"
local media = require "sandbox.data.media"
local media_resource = require "sandbox.base.media_resource"
local refusal = require "sandbox.base.refusal"

local pictures = {}

-- First bytes of the content. Anything else is served as plain bytes: SVG, for one, can contain scripts.
local TYPES = {
  { "^\x89PNG\r\n", "image/png" },
  { "^\xff\xd8\xff", "image/jpeg" },
  { "^GIF8", "image/gif" },
  { "^RIFF....WEBP", "image/webp" },
}

local function content_type(content)
  for _, known in ipairs(TYPES) do
    if content:find(known[1]) then
      return known[2]
    end
  end
  return "application/octet-stream"
end

--- The URL of a picture that clients sent as a mediaResource.
---@param call sandbox.call
---@param text string|nil
---@return string|nil url nil: the text is no mediaResource
function pictures.uploaded(call, text)
  local resource = media_resource.decode(text)
  return resource and media_resource.url(call.world:root(call.headers.host), resource)
    or media_resource.hosted_url(text)
end

--- What a row stores for a picture: the given URL, that of an upload, or the URL of the decoded picture,
--- whose file pictures.store writes.
---@param call sandbox.call
---@param name string of the field
---@param text string|nil a URL, a mediaResource, or base64
---@return string|nil
function pictures.read(call, name, text)
  local url = pictures.uploaded(call, text)
  if url then
    return url
  elseif not text or #text <= limits.picture_url_bytes and not text:find "%c" then
    return text
  end
  local encoded = text:gsub("^data:[^,]*,", ""):gsub("%s+", "")
  local content = crypto.unbase64(encoded)
  if not content then
    refusal.invalid("%s: expected a URL of at most %d bytes, or a picture in base64", name,
      limits.picture_url_bytes)
  end
  ---@cast content string
  local hash = crypto.hex(crypto.sha256(content))
  local id = media.create(call.db, {
    tenant_id = call.caller.user.tenant_id, type = "Image", content_type = content_type(content), hash = hash,
    size = #content,
  }, call.now)
  call.files = call.files or {}
  call.files[#call.files + 1] = { hash = hash, content = content }
  return media_resource.url(call.world:root(call.headers.host), { id = id })
end

--- Writes the files of a call that succeeded. A refused call leaves none.
---@param call sandbox.call
function pictures.store(call)
  for _, new in ipairs(call.files or {}) do
    local path = ("%s/upload-picture-%s"):format(call.world.media_folder, crypto.uuid())
    local file = assert(io.open(path, "wb"))
    local written, err = file:write(new.content)
    local closed, why = file:close()
    if not (written and closed) then
      os.remove(path)
      error(err or why, 0)
    end
    assert(os.rename(path, media.path(call.world.media_folder, new.hash)))
  end
end

return pictures
