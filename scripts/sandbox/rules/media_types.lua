--- The types of media that the service accepts, by content type and by file extension.
local assumptions = require "sandbox.base.assumptions"

local media_types = {}

---@alias sandbox.media_kind "Image"|"Audio"|"Document"|"Video"

local OFFICE = "application/vnd.openxmlformats-officedocument."

---@type table<string, sandbox.media_kind>
local BY_CONTENT_TYPE = {
  ["image/jpeg"] = "Image", ["image/jpg"] = "Image", ["image/pjpeg"] = "Image", ["image/png"] = "Image",
  ["image/x-png"] = "Image",
  ["audio/mpeg"] = "Audio", ["audio/mp3"] = "Audio", ["audio/x-mp3"] = "Audio", ["audio/x-mpeg"] = "Audio",
  ["audio/mpeg3"] = "Audio", ["audio/wav"] = "Audio", ["audio/wave"] = "Audio",
  ["audio/x-wav"] = "Audio", ["audio/vnd.wave"] = "Audio",
  ["application/msword"] = "Document", [OFFICE .. "wordprocessingml.document"] = "Document",
  ["application/vnd.ms-excel"] = "Document", [OFFICE .. "spreadsheetml.sheet"] = "Document",
  ["application/vnd.ms-powerpoint"] = "Document", [OFFICE .. "presentationml.presentation"] = "Document",
  ["application/pdf"] = "Document", ["application/x-pdf"] = "Document",
  ["video/3gp"] = "Video", ["video/mp4"] = "Video", ["video/3gpp"] = "Video",
}

-- Generic types, which file stores use for everything.
local SILENT = { [""] = true, ["application/octet-stream"] = true, ["binary/octet-stream"] = true }

---@type table<string, string>
local OF_ENDING = {
  jpg = "image/jpeg", jpeg = "image/jpeg", png = "image/png",
  mp3 = "audio/mpeg", wav = "audio/wav",
  doc = "application/msword", docx = OFFICE .. "wordprocessingml.document",
  xls = "application/vnd.ms-excel", xlsx = OFFICE .. "spreadsheetml.sheet",
  ppt = "application/vnd.ms-powerpoint", pptx = OFFICE .. "presentationml.presentation",
  pdf = "application/pdf",
  mp4 = "video/mp4", ["3gp"] = "video/3gpp", ["3gpp"] = "video/3gpp",
}

-- Files of these may hold sound alone.
local CONTAINERS = { mp4 = true, ["3gp"] = true, ["3gpp"] = true }

for content_type, more in pairs(assumptions.phone_media) do
  BY_CONTENT_TYPE[content_type] = more.kind
  for _, ending in ipairs(more.endings) do
    OF_ENDING[ending] = content_type
  end
end

--- The content type without parameters, in lower case.
---@param content_type string|nil
---@return string
function media_types.plain(content_type)
  return (content_type or ""):match "^%s*([^;%s]*)":lower()
end

local function ending_of(name)
  return (name:match "%.(%w+)$" or ""):lower()
end

--- The content type of a file; for `image/*`, as phones send it, the one of the file extension.
---@param content_type string|nil
---@param name string "" for none
---@return string
function media_types.exact(content_type, name)
  local plain = media_types.plain(content_type)
  local family = plain:match "^(%a+/)%*$"
  local known = family and OF_ENDING[ending_of(name)]
  return known and known:sub(1, #family) == family and known or plain
end

--- The kind of a file. The service must accept its content type, which must match the file extension if there
--- is one.
---@param content_type string|nil
---@param name string "" for none
---@return sandbox.media_kind|nil kind nil: the service refuses the file
---@return string|nil why
function media_types.kind(content_type, name)
  local plain = media_types.exact(content_type, name)
  local kind = BY_CONTENT_TYPE[plain]
  if not kind then
    return nil, plain == "" and "the part has no Content-Type"
      or ("the Content-Type '%s' is none that the service takes"):format(plain)
  end
  local ending = ending_of(name)
  if ending == "" or BY_CONTENT_TYPE[OF_ENDING[ending]] == kind
    or (kind == "Audio" and CONTAINERS[ending]) then
    return kind
  end
  return nil, ("the Content-Type '%s' does not fit a name that ends in .%s"):format(plain,
    name:match "%.(%w+)$")
end

--- The content type of a fetched file: the server's, or, if that is generic, by file extension.
---@param content_type string|nil
---@param name string
---@return string|nil
function media_types.fetched(content_type, name)
  if not SILENT[media_types.plain(content_type)] then
    return content_type
  end
  return OF_ENDING[ending_of(name)] or content_type
end

--- Whether a part of a form is a plain field, not a file: text without a file name.
---@param part {filename: string|nil, content_type: string|nil}
---@return boolean
function media_types.is_field(part)
  local plain = media_types.plain(part.content_type)
  return not part.filename and (plain == "" or plain == "text/plain")
end

return media_types
