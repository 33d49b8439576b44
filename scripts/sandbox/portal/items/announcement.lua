--- An announcement, with its media.
local html = require "html.elements"
local media_resource = require "sandbox.base.media_resource"
local shown = require "sandbox.portal.items.files"

local h = html.h

---@param talk sandbox.portal.talk
---@param item sandbox.portal.item
---@return html.node
return function(talk, item)
  local body, files = item.row.body, {}
  for i, text in ipairs(body.MediaResources or {}) do
    files[i] = shown.of(talk, media_resource.decode(text), "")
  end
  return {
    body.title and body.title ~= "" and h.h4 { body.title },
    h.p { class = "written", body.message },
    #files > 0 and h.div { class = "files", files },
  }
end
