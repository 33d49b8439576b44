--- The types of media that the service takes, by content type and by the ending of a file's name.
local media_types = {}

---@alias sandbox.media_kind "Image"|"Audio"|"Document"|"Video"

local OFFICE = "application/vnd.openxmlformats-officedocument."

---@type table<string, sandbox.media_kind>
local BY_CONTENT_TYPE = {
  ["image/jpeg"] = "Image", ["image/jpg"] = "Image", ["image/pjpeg"] = "Image", ["image/png"] = "Image",
  ["image/x-png"] = "Image",
  ["audio/mpeg"] = "Audio", ["audio/mp3"] = "Audio", ["audio/wav"] = "Audio", ["audio/wave"] = "Audio",
  ["audio/x-wav"] = "Audio", ["audio/vnd.wave"] = "Audio",
  ["application/msword"] = "Document", [OFFICE .. "wordprocessingml.document"] = "Document",
  ["application/vnd.ms-excel"] = "Document", [OFFICE .. "spreadsheetml.sheet"] = "Document",
  ["application/vnd.ms-powerpoint"] = "Document", [OFFICE .. "presentationml.presentation"] = "Document",
  ["application/pdf"] = "Document",
  ["video/mp4"] = "Video", ["video/3gpp"] = "Video",
}

---@type table<string, sandbox.media_kind>
local BY_ENDING = {
  jpg = "Image", jpeg = "Image", png = "Image",
  mp3 = "Audio", wav = "Audio",
  doc = "Document", docx = "Document", xls = "Document", xlsx = "Document", ppt = "Document",
  pptx = "Document", pdf = "Document",
  mp4 = "Video", ["3gp"] = "Video", ["3gpp"] = "Video",
}

--- The content type alone, in lower case: without parameters.
---@param content_type string|nil
---@return string
function media_types.plain(content_type)
  return (content_type or ""):match "^%s*([^;%s]*)":lower()
end

--- What a file is: its content type must be one that the service takes, and fit the ending of its name
--- where that has one.
---@param content_type string|nil
---@param name string "" for none
---@return sandbox.media_kind|nil kind nil: the service refuses it
---@return string|nil why
function media_types.kind(content_type, name)
  local plain = media_types.plain(content_type)
  local kind = BY_CONTENT_TYPE[plain]
  if not kind then
    return nil, plain == "" and "the part has no Content-Type"
      or ("the Content-Type '%s' is none that the service takes"):format(plain)
  end
  local ending = name:match "%.(%w+)$"
  if ending and BY_ENDING[ending:lower()] ~= kind then
    return nil, ("the Content-Type '%s' does not fit a name that ends in .%s"):format(plain, ending)
  end
  return kind
end

return media_types
