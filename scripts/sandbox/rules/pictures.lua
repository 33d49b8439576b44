--- Pictures of groups and bots. Their lists are not paged, so a picture longer than a URL is stored as a
--- file, and the row has its path: the sandbox may listen elsewhere tomorrow.
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

--- What a row stores for a picture: the given URL, the path of an upload, or that of the decoded picture,
--- whose file pictures.store writes.
---@param call sandbox.call
---@param name string of the field
---@param text string|nil a URL, a mediaResource, or base64
---@return string|nil
function pictures.read(call, name, text)
  local resource = media_resource.decode(text)
  local url = not resource and media_resource.hosted_url(text)
  if resource or url and #url <= limits.picture_url_bytes then
    return resource and media_resource.path(resource) or url
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
  return media_resource.path { id = id }
end

--- The URL of a picture for replies.
---@param call sandbox.call
---@param text string what the row has
---@return string
function pictures.show(call, text)
  local is_ours = text:sub(1, #media_resource.PATH) == media_resource.PATH
  return is_ours and call.world:root(call.headers.host) .. text or text
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
