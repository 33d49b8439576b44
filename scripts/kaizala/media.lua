--- Pictures, documents, audio and video: each call uploads and posts.
local audience = require "kaizala.audience"
local check = require "kaizala.check"
local group = require "kaizala.group"

---@class kaizala.Client
local Client = require "kaizala.client".Client
---@class kaizala.Group
local Group = group.Group

local OFFICE = "application/vnd.openxmlformats-officedocument."

-- What the service accepts, by kind: file extensions and content types.
local TYPES = {
  Image = { jpg = "image/jpeg", jpeg = "image/jpeg", png = "image/png" },
  Audio = { mp3 = "audio/mpeg", wav = "audio/wav" },
  Document = {
    doc = "application/msword", docx = OFFICE .. "wordprocessingml.document",
    xls = "application/vnd.ms-excel", xlsx = OFFICE .. "spreadsheetml.sheet",
    ppt = "application/vnd.ms-powerpoint", pptx = OFFICE .. "presentationml.presentation",
    pdf = "application/pdf",
  },
  Video = { mp4 = "video/mp4", ["3gp"] = "video/3gpp", ["3gpp"] = "video/3gpp" },
}

-- All kinds together.
local any = {}
for _, types in pairs(TYPES) do
  for ending, content_type in pairs(types) do any[ending] = content_type end
end
TYPES.Any = any

-- Most pictures in an album.
local ALBUM_MAX = 30

---@class kaizala.MediaOptions: kaizala.AudienceOptions
---@field caption? string
---@field repeatable? boolean may be repeated if the reply is lost
local media_options = {
  { "caption", "string" }, { "subscribers" }, { "all_subscribers" }, { "repeatable", "boolean" },
}

---@class kaizala.SentMedia
---@field reference_id string of the message; `dry-run` in a dry run
---@field reference_ids string[] one per request; more than 30 subscribers take several
---@field action_id? string if the service returns one
---@field media_resource string the upload, for use in other actions
---@field failed_result? kaizala.Failed[] subscribers it was not sent to
---@field err? jeton.Err why not all requests were made; the numbers are in failed_result
---@field dry_run? boolean true if it was printed, not sent
---@field raw table the first reply, decoded

local function is_url(source)
  return source:find "^[Hh][Tt][Tt][Pp][Ss]?://" ~= nil
end

local function endings(kind)
  local list = {}
  for ending in pairs(TYPES[kind]) do list[#list + 1] = "." .. ending end
  table.sort(list)
  return table.concat(list, ", ")
end

-- The content type of a file by its extension; raises `invalid` for another kind. A URL need not have an
-- extension.
local function content_type(source, kind, what)
  local name = is_url(source) and source:match "^%a+://[^/?#]*([^?#]*)" or source
  local ending = name:match "%.([^./]+)$"
  local found = ending and TYPES[kind][ending:lower()]
  if not found and (ending or not is_url(source)) then
    check.fail("invalid", ("%s: '%s' has a type that the service does not accept here; it accepts %s"):format(
      what, source, endings(kind)))
  end
  return found
end

-- Raises unless the service accepts the source and it exists.
local function check_source(source, kind, what)
  if type(source) ~= "string" or source == "" then
    check.misuse(("%s must be a path or a URL, got %s"):format(what, source == "" and "''" or type(source)))
  end
  local found = content_type(source, kind, what)
  if is_url(source) then return found end
  local file, why = io.open(source, "rb")
  if not file then
    local hint = source:find "^~" and "; `~` is the shell's: os.getenv \"HOME\" is the home folder"
      or not source:find "^/" and "; it counts from the working directory, jeton.folder is the script's"
    check.fail("invalid", ("%s: cannot read %s%s"):format(what, why, hint or ""))
  end
  ---@cast file file*
  local size = file:seek "end"
  file:close()
  if size == 0 then check.fail("invalid", ("%s: '%s' is empty"):format(what, source)) end
  return found
end

-- Uploads, and gives the mediaResource. Repeating it is harmless: an unused upload is not visible.
local function upload(client, options)
  options.method, options.repeatable = "POST", true
  local reply, dry_run = client:request(options)
  if dry_run then return "dry-run" end
  return check.reply(reply.mediaResource, "mediaResource", "string", "POST " .. options.path)
end

local function upload_sources(client, sources, types)
  if #sources == 1 and is_url(sources[1]) then
    return upload(client, { path = "/media/url", json = { mediaUrl = sources[1] } })
  end
  local parts = {}
  for i, source in ipairs(sources) do
    parts[i] = { name = "files", file = source, content_type = types[i] }
  end
  return upload(client, { path = "/media", multipart = parts })
end

--- Uploads a file without posting it, for an announcement's `media` or an answer (*waits*).
---@param source string path of a file of any supported type, or a URL that the service fetches
---@return string media_resource `dry-run` in a dry run; raises an err, as `group:send_image` does
function Client:upload(source)
  check.method(self, Client, "kz:upload(source)")
  local found = check_source(source, "Any", "upload: source")
  return (upload_sources(self, { source }, { found }))
end

-- Posts an upload.
local function post(self, request, resource)
  local replies, failed, err, dry_run = audience.post(group.client(self), request, audience.check_sent)
  local sent = audience.sent(replies, failed, err, dry_run)
  sent.media_resource = resource
  return sent
end

local function send(self, what, kind, sources, options)
  options = check.fields(options, what, media_options)
  local body = audience.write(self, options, what, { actionType = kind })
  local types = {}
  for i = 1, math.max(#sources, 1) do
    local source = sources[i]
    local name = #sources > 1 and ("%s: source %d"):format(what, i) or what .. ": source"
    types[i] = check_source(source, kind == "Album" and "Image" or kind, name)
  end
  local request = { path = group.path(self, "/actions"), json = body, repeatable = options.repeatable }
  local resource = upload_sources(group.client(self), sources, types)
  body.actionBody = { mediaResource = resource, caption = options.caption }
  return post(self, request, resource)
end

--- Sends a picture: .jpg, .jpeg or .png (*waits*).
---@param source string path of a file, or a URL that the service fetches
---@param options? kaizala.MediaOptions
---@return kaizala.SentMedia sent raises an err; `invalid` before any request if the file is missing,
--- empty, or of an unsupported type
function Group:send_image(source, options)
  check.method(self, Group, "group:send_image(source)")
  return send(self, "send_image", "Image", { source }, options)
end

--- Sends several pictures as one album (*waits*).
---@param sources string[] paths of files, 1 to 30
---@param options? kaizala.MediaOptions
---@return kaizala.SentMedia sent raises an err, as `send_image` does
function Group:send_album(sources, options)
  check.method(self, Group, "group:send_album({…})")
  if type(sources) ~= "table" or #sources == 0 then
    check.misuse("send_album: sources must be a list of paths")
  end
  check.whole(sources, "send_album: sources")
  if #sources > ALBUM_MAX then
    check.fail("invalid", ("send_album: %d pictures; an album has at most %d"):format(#sources, ALBUM_MAX))
  end
  for i, source in ipairs(sources) do
    if type(source) == "string" and is_url(source) then
      check.fail("invalid", ("send_album: source %d is a URL; albums can only be made from files"):format(i))
    end
  end
  return send(self, "send_album", "Album", sources, options)
end

--- Sends a document: .doc, .docx, .xls, .xlsx, .ppt, .pptx or .pdf (*waits*).
---@param source string path of a file, or a URL that the service fetches
---@param options? kaizala.MediaOptions
---@return kaizala.SentMedia sent raises an err, as `send_image` does
function Group:send_document(source, options)
  check.method(self, Group, "group:send_document(source)")
  return send(self, "send_document", "Document", { source }, options)
end

--- Sends audio: .mp3 or .wav (*waits*).
---@param source string path of a file, or a URL that the service fetches
---@param options? kaizala.MediaOptions
---@return kaizala.SentMedia sent raises an err, as `send_image` does
function Group:send_audio(source, options)
  check.method(self, Group, "group:send_audio(source)")
  return send(self, "send_audio", "Audio", { source }, options)
end

--- Sends a video: .mp4, .3gp or .3gpp (*waits*).
---@param source string path of a file, or a URL that the service fetches
---@param options? kaizala.MediaOptions
---@return kaizala.SentMedia sent raises an err, as `send_image` does
function Group:send_video(source, options)
  check.method(self, Group, "group:send_video(source)")
  return send(self, "send_video", "Video", { source }, options)
end
