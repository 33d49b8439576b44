--- Pictures, albums, documents, audio and video with their captions.
local files = require "sandbox.portal.items.files"
local html = require "html.elements"
local media_resource = require "sandbox.base.media_resource"

local h = html.h

---@param talk sandbox.portal.talk
---@param item sandbox.portal.item
---@return html.node
return function(talk, item)
  local body = item.row.body
  return {
    files.of(talk, media_resource.decode(body.mediaResource), body.caption),
    body.caption ~= "" and h.p { class = "written", body.caption },
  }
end
