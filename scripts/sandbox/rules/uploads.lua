--- Looks up uploads by the mediaResources in calls.
local media = require "sandbox.data.media"
local media_resource = require "sandbox.base.media_resource"
local refusal = require "sandbox.base.refusal"

local uploads = {}

--- Reads a client's mediaResource and finds the upload. Raises 400 if no upload of the caller's tenant
--- returned it.
---@param call sandbox.call
---@param name string of the field, for messages
---@param text any
---@return sandbox.media_resource
function uploads.need(call, name, text)
  local resource = media_resource.decode(text)
  if not resource then
    refusal.invalid("%s: expected a mediaResource as an upload returns it", name)
  end
  ---@cast resource sandbox.media_resource
  local found = media.by_id(call.db, resource.id)
  if not found or found.type ~= resource.type
    or found.tenant_id:lower() ~= call.caller.user.tenant_id:lower() then
    refusal.invalid("%s: no upload of this tenant returned this mediaResource; upload the file first", name)
  end
  return resource
end

--- A mediaResource as the service shows it; an album picture by picture.
---@param root string of the sandbox
---@param text string a mediaResource that `uploads.need` accepted
---@return {mediaUrl: string, mediaFileName: string}[]
function uploads.show(db, root, text)
  local resource = assert(media_resource.decode(text))
  local files = resource.type == "Album" and media.of_album(db, resource.id) or { resource }
  local out = {}
  for i, file in ipairs(files) do
    out[i] = { mediaUrl = media_resource.url(root, file), mediaFileName = file.name }
  end
  return out
end

return uploads
