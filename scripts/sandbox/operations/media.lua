--- Media: uploading is the first of two steps to send a picture or a document.
local crypto = require "jeton.crypto"
local http = require "jeton.http"
local assumptions = require "sandbox.base.assumptions"
local demo = require "sandbox.seed.demo"
local guard = require "sandbox.http.guard"
local limits = require "sandbox.base.limits"
local media = require "sandbox.data.media"
local media_resource = require "sandbox.base.media_resource"
local media_types = require "sandbox.rules.media_types"
local refusal = require "sandbox.base.refusal"
local request = require "sandbox.http.request"

local PICTURE = { name = "files", filename = "picture.png", content_type = "image/png", value = "PNG" }
local REPLY = { { "mediaResource", kind = "string" } }

local function refuse_type(...)
  refusal.fail(415, assumptions.media_type_code, ...)
end

-- Only the name: some clients send a path.
local function base_name(name)
  name = request.to_utf8(name or ""):gsub("^.*[/\\]", "")
  if utf8.len(name) > limits.file_name_characters then
    refusal.invalid("the name of a file: at most %d characters", limits.file_name_characters)
  end
  return name
end

-- An uploaded file: {name, content_type, type, file, size, sha256}.
local function check_file(what, file)
  local name = base_name(file.filename)
  local kind, why = media_types.kind(file.content_type, name)
  if not kind then
    refuse_type(("%s: %s"):format(what, why))
  end
  return {
    type = kind, name = name, content_type = media_types.exact(file.content_type, name),
    file = file.file, size = file.size, hash = file.sha256,
  }
end

-- Writes the rows, then moves the files, so that a refusal leaves none.
local function keep(call, files, album)
  local id
  for _, file in ipairs(files) do
    file.album, file.tenant_id = album, call.caller.user.tenant_id
    id = media.create(call.db, file, call.now)
  end
  for _, file in ipairs(files) do
    assert(os.rename(file.file, media.path(call.world.media_folder, file.hash)))
  end
  return id
end

-- The service ignores plain fields. If there are no files, it refuses them as files.
local function without_fields(parts)
  local out = {}
  for _, part in ipairs(parts) do
    out[#out + 1] = not media_types.is_field(part) and part or nil
  end
  return #out > 0 and out or parts
end

local function upload(call)
  local parts = without_fields(call.parts)
  local count = #parts
  if count == 0 or count > limits.media_per_upload then
    refusal.invalid("expected 1 to %d parts, got %d", limits.media_per_upload, count)
  end
  local files = {}
  for i, part in ipairs(parts) do
    files[i] = check_file(("part %d"):format(i), part)
    if count > 1 and files[i].type ~= "Image" then
      refusal.invalid("part %d: several parts give an album, which holds pictures only", i)
    end
  end
  local resource = { type = files[1].type, name = files[1].name }
  if count == 1 then
    resource.id = keep(call, files)
  else
    resource.type, resource.name = "Album", ""
    local row = { type = "Album", size = 0, tenant_id = call.caller.user.tenant_id }
    resource.id = media.create(call.db, row, call.now)
    keep(call, files, resource.id)
  end
  return { mediaResource = media_resource.encode(resource) }
end

local function is_loopback(host)
  return host == "localhost" or host == "::1" or host:find "^127%.%d+%.%d+%.%d+$" ~= nil
end

-- Fetches the file of the URL, between the call's two transactions.
local function fetch(call)
  guard.refuse_foreign(call.world, call.headers) -- else a page could read servers on this machine
  local url = call.body.mediaUrl
  if url:find "[%c%s]" then
    refusal.invalid "mediaUrl: white space or a control character; percent-encode it (%%20)"
  end
  local parts, err = http.parse_url(url)
  if not parts then
    refusal.invalid("mediaUrl: %s", err.message)
  end
  if assumptions.media_url_loopback_only and not is_loopback(parts.host) then
    refusal.invalid("mediaUrl: the sandbox fetches from this machine only, not from '%s'", parts.host)
  end
  local path = ("%s/upload-fetched-%s"):format(call.world.media_folder, crypto.uuid())
  local response
  response, err = http.get(url, {
    save_to = path, max_body = limits.media_bytes, timeout = limits.media_fetch_s,
  })
  if not response then
    refusal.invalid("mediaUrl: %s", err.message)
  elseif not response.path then
    refusal.invalid("mediaUrl: answered with status %d", response.status)
  end
  local hash, size = crypto.sha256_file(path)
  local name = parts.path:gsub("^.*/", "")
  call.fetched = {
    filename = name, content_type = media_types.fetched(response.headers["content-type"], name), file = path,
    size = assert(size), sha256 = crypto.hex(hash),
  }
  return setmetatable({}, { __close = function() os.remove(path) end }) -- unless it was moved
end

local function upload_url(call)
  local file = check_file("mediaUrl", call.fetched)
  local id = keep(call, { file })
  return { mediaResource = media_resource.encode { id = id, type = file.type, name = file.name } }
end

---@type sandbox.operation[]
return {
  {
    name = "media.upload",
    summary = "Uploads a file; several pictures give one album. Any part name; each part's Content-Type must "
      .. "be that of a .jpg, .jpeg, .png, .mp3, .wav, .doc, .docx, .xls, .xlsx, .ppt, .pptx, .pdf, .mp4 or "
      .. ".3gpp, or of what else phones record, and fit its file name, else 415.",
    method = "POST",
    path = "/media",
    permission = "media.write",
    upload = true,
    reply = REPLY,
    example = { name = "Image", parts = { PICTURE } },
    more = {
      { name = "Album", parts = {
        PICTURE,
        { name = "FileName", filename = "second.jpg", content_type = "image/jpeg", value = "JPEG" },
      } },
      { name = "Audio", parts = {
        { name = "1", filename = "speech.mp3", content_type = "audio/mpeg", value = "MP3" },
      } },
      { name = "Document", parts = {
        { name = "1", filename = "report.pdf", content_type = "application/pdf", value = "PDF" },
      } },
      { name = "Video", parts = {
        { name = "files", filename = "clip.mp4", content_type = "video/mp4", value = "MP4" },
      } },
    },
    run = upload,
  },
  {
    name = "media.upload_url",
    summary = "Makes the service fetch a file; the sandbox fetches only from its own machine.",
    method = "POST",
    path = "/media/url",
    permission = "media.write",
    body = {
      { "mediaUrl", kind = "string", required = true, not_empty = true, max = limits.url_bytes },
    },
    reply = REPLY,
    example = { body = { mediaUrl = demo.names.picture_url } },
    wait = fetch,
    run = upload_url,
  },
}
