--- A place shared from a phone, with or without a picture.
local files = require "sandbox.portal.items.files"
local html = require "html.elements"
local media_resource = require "sandbox.base.media_resource"
local place = require "sandbox.portal.items.place"

local h = html.h

local NO_NAME, NO_CAPTION = "", ""

---@param talk sandbox.portal.talk
---@param item sandbox.portal.item
---@return html.node
return function(talk, item)
  local body = item.row.body
  return {
    body.mediaResource and files.of(talk, media_resource.decode(body.mediaResource), NO_CAPTION),
    h.p { class = "written", place(talk, NO_NAME, body.latitude, body.longitude) },
  }
end
