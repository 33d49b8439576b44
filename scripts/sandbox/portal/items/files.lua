--- Uploads: pictures, and other files as links with their size.
local html = require "html.elements"
local language = require "html.language"
local media = require "sandbox.data.media"
local media_resource = require "sandbox.base.media_resource"
local widgets = require "sandbox.portal.widgets"

local files = {}

local h = html.h

local KIB, MIB = 1024, 1024 * 1024

local function url(id)
  return "/v1/media/" .. id
end

--- "340 KB".
---@param talk sandbox.portal.talk
---@param bytes integer
---@return string
function files.size(talk, bytes)
  local value, unit
  if bytes >= MIB then
    value, unit = ("%.1f"):format(bytes / MIB), "mb"
  elseif bytes >= KIB then
    value, unit = ("%.0f"):format(bytes / KIB), "kb"
  else
    value, unit = language.number(talk.visit.language, bytes), "bytes"
  end
  if talk.visit.language == "fr" then
    value = value:gsub("%.", ",")
  end
  return talk.t("conversation.size_" .. unit, { size = value })
end

-- A picture; its alternative text is the caption or the file's name.
local function picture(talk, found, caption)
  local text = caption ~= "" and caption or found.name
  return h.a {
    class = "picture", href = url(found.id),
    h.img {
      src = url(found.id), loading = "lazy",
      alt = text ~= "" and text or talk.t "conversation.picture",
    },
  }
end

local function link(talk, found)
  local name = found.name ~= "" and found.name or talk.t("conversation.kind_" .. found.type:lower())
  return h.a {
    class = "file", href = url(found.id), download = found.name ~= "" and found.name or true,
    h.span { class = "file-name", name },
    h.span { class = "soft", files.size(talk, found.size) },
  }
end

local function album(talk, found, caption)
  local list = media.of_album(talk.db, found.id)
  local pictures, others = {}, {}
  for _, one in ipairs(list) do
    if one.type == "Image" then
      pictures[#pictures + 1] = h.li { picture(talk, one, caption ~= "" and ("%s (%d)"):format(
        caption, #pictures + 1) or "") }
    else
      others[#others + 1] = link(talk, one)
    end
  end
  return { #pictures > 0 and h.ul { class = "album", pictures }, others }
end

--- A picture by its URL, if the sandbox itself serves it. Pictures of other hosts are not loaded; the
--- policy of the portal forbids it.
---@param talk sandbox.portal.talk
---@param address string|nil a URL, or a mediaResource
---@return html.element|nil
function files.illustration(talk, address)
  local resource = media_resource.decode(address)
  local root = talk.visit.world:root(talk.visit.headers.host) .. url ""
  local id = resource and resource.id
    or address and address:sub(1, #root) == root and address:sub(#root + 1)
  local found = id and media.by_id(talk.db, id)
  local is_picture = found and (found.type == "Image" or found.type == "Album")
  return is_picture and h.img { class = "illustration", src = url(found.id), alt = "", loading = "lazy" }
    or nil
end

--- An upload.
---@param talk sandbox.portal.talk
---@param resource sandbox.media_resource|nil
---@param caption string "" for none
---@return html.node
function files.of(talk, resource, caption)
  local found = resource and media.by_id(talk.db, resource.id)
  if not found then
    return widgets.badge(talk.t "conversation.file_gone", "bad")
  elseif found.type == "Album" then
    return album(talk, found, caption)
  end
  return found.type == "Image" and picture(talk, found, caption) or link(talk, found)
end

return files
