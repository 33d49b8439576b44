-- Media: what an upload is answered with, what is refused, and that the bytes come back.
package.path = require("jeton").folder .. "/../../?.lua;" .. package.path
local crypto = require "jeton.crypto"
local http = require "jeton.http"
local json = require "jeton.json"
local lu = require "luaunit"
local server = require "jeton.server"
local wire = require "wire"

local function part(filename, content_type, value, name)
  return { name = name or "files", filename = filename, content_type = content_type, value = value or "x" }
end

local function decode(reply)
  return assert(json.decode(assert(crypto.unbase64(reply.mediaResource))))
end

local function upload(...)
  return decode(wire.ok("POST", "/v1/media", { token = wire.access(), parts = { ... } }))
end

local function fetch(id)
  return assert(http.get(wire.root .. "/v1/media/" .. id))
end

local TestUpload = {}

function TestUpload.test_every_documented_type()
  local office = "application/vnd.openxmlformats-officedocument."
  for _, case in ipairs {
    { "Image", "a.jpg", "image/jpeg" }, { "Image", "a.JPEG", "image/jpeg" },
    { "Image", "a.png", "image/png" },
    { "Audio", "a.mp3", "audio/mpeg" }, { "Audio", "a.wav", "audio/wav" },
    { "Document", "a.doc", "application/msword" },
    { "Document", "a.docx", office .. "wordprocessingml.document" },
    { "Document", "a.xls", "application/vnd.ms-excel" },
    { "Document", "a.xlsx", office .. "spreadsheetml.sheet" },
    { "Document", "a.ppt", "application/vnd.ms-powerpoint" },
    { "Document", "a.pptx", office .. "presentationml.presentation" },
    { "Document", "a.pdf", "application/pdf" },
    { "Video", "a.mp4", "video/mp4" }, { "Video", "a.3gpp", "video/3gpp" },
    { "Image", "no ending", "Image/PNG; x=y" },
  } do
    local resource = upload(part(case[2], case[3]))
    lu.assertEquals(resource.type, case[1], case[2])
    lu.assertEquals(resource.name, case[2])
  end
end

function TestUpload.test_what_phones_send()
  for _, case in ipairs {
    { "Image", "IMG_0001.HEIC", "image/heic" }, { "Image", "a.gif", "image/gif" },
    { "Image", "IMG_1.jpg", "image/*", "image/jpeg" }, { "Image", "a.jpg", "image/jpg" },
    { "Image", "a.jpg", "image/png" }, { "Image", "1000012345", "image/jpeg" },
    { "Audio", "rec.m4a", "audio/x-m4a" }, { "Audio", "rec.m4a", "audio/*", "audio/mp4" },
    { "Audio", "rec.3gp", "audio/3gpp" }, { "Audio", "rec.mp4", "audio/mp4" },
    { "Audio", "rec.amr", "audio/amr" }, { "Audio", "rec.opus", "audio/ogg; codecs=opus" },
    { "Video", "IMG_0002.MOV", "video/quicktime" }, { "Video", "a.3gp", "video/*", "video/3gpp" },
    { "Document", "a.pdf", "application/x-pdf" },
  } do
    local resource = upload(part(case[2], case[3]))
    lu.assertEquals(resource.type, case[1], case[2])
    lu.assertEquals(fetch(resource.id).headers["content-type"], case[4] or case[3]:match "^[^;]+")
  end
  for _, file in ipairs { part("a.mov", "video/*; x=y", "x"), part("a.pdf", "image/*"), part("a", "image/*"),
    part("a.svg", "image/*"), part("a.mp3", "video/quicktime"), part("a.png", "*/*"),
    part("a.mp4", "image/gif") } do
    local status = wire.call("POST", "/v1/media", { token = wire.access(), parts = { file } })
    lu.assertEquals(status, file.filename == "a.mov" and 200 or 415, file.filename)
  end
end

function TestUpload.test_part_names_as_clients_have_them()
  for _, name in ipairs { "files", "FileName", "1", "2", "" } do
    lu.assertEquals(upload(part("a.png", "image/png", nil, name)).type, "Image")
  end
end

function TestUpload.test_the_bytes_come_back()
  local content = ("\0\r\n--\255"):rep(50000)
  local resource = upload(part("C:\\pictures\\été.png", "image/png", content))
  lu.assertEquals(resource.name, "été.png")
  local response = fetch(resource.id)
  lu.assertEquals(response.status, 200)
  lu.assertEquals(response.headers["content-type"], "image/png")
  lu.assertTrue(response.body == content)
  -- The same content twice is one file; each upload has an id of its own.
  local again = upload(part("b.png", "image/png", content))
  lu.assertNotEquals(again.id, resource.id)
  lu.assertTrue(fetch(again.id).body == content)
  lu.assertEquals(fetch(crypto.uuid()).status, 404)
end

function TestUpload.test_several_pictures_are_an_album()
  local resource = upload(part("a.png", "image/png", "one"), part("b.jpg", "image/jpeg", "two", "2"))
  lu.assertEquals({ resource.type, resource.name }, { "Album", "" })
  lu.assertEquals(fetch(resource.id).body, "one")
  local message = wire.refused(400, "InvalidParameters", "POST", "/v1/media", {
    token = wire.access(), parts = { part("a.png", "image/png"), part("a.pdf", "application/pdf") },
  })
  lu.assertStrContains(message, "part 2: several parts give an album")
end

function TestUpload.test_too_many_parts()
  local parts = {}
  for i = 1, 31 do parts[i] = part("a.png", "image/png") end
  local message = wire.refused(400, "InvalidParameters", "POST", "/v1/media",
    { token = wire.access(), parts = parts })
  lu.assertEquals(message, "expected 1 to 30 parts, got 31")
end

function TestUpload.test_bytes_that_are_no_text_are_refused_in_json()
  local token = wire.access()
  for _, file in ipairs { { "a.png", "image/\255" }, { "a\255.\254", "\195/x" } } do
    wire.refused(415, "UnsupportedMediaType", "POST", "/v1/media", {
      token = token, headers = { ["Content-Type"] = "multipart/form-data; boundary=b" },
      body = ('--b\r\nContent-Disposition: form-data; name="1"; filename="%s"\r\n'
        .. "Content-Type: %s\r\n\r\nx\r\n--b--\r\n"):format(file[1], file[2]),
    })
  end
end

function TestUpload.test_fields_beside_the_file()
  local field = { name = "FileName", value = "a.png" }
  local typed = { name = "caption", value = "x", content_type = "text/plain; charset=utf-8" }
  local resource = upload(field, part("a.png", "image/png", "bytes"), typed)
  lu.assertEquals({ resource.type, resource.name }, { "Image", "a.png" })
  lu.assertEquals(fetch(resource.id).body, "bytes")
  wire.refused(415, "UnsupportedMediaType", "POST", "/v1/media", { token = wire.access(), parts = { field } })
end

function TestUpload.test_a_form_elsewhere()
  local message = wire.refused(400, "InvalidParameters", "POST", "/v1/groups/" .. wire.sales .. "/messages",
    { token = wire.access(), parts = { part("a.png", "image/png") } })
  lu.assertStrContains(message, "expected JSON, got multipart/form-data")
end

function TestUpload.test_a_reset_removes_it()
  local resource = upload(part("a.png", "image/png"))
  wire.reset()
  lu.assertEquals(fetch(resource.id).status, 404)
end

function TestUpload.test_it_is_recorded_without_its_content()
  upload(part("a.png", "image/png", "secret picture"))
  local requests = wire.ok("GET", "/_sandbox/requests").requests
  lu.assertEquals(requests[#requests].body, "a form of 1 parts")
end

local TestUrl = {}

local function upload_url(url)
  return wire.call("POST", "/v1/media/url", { token = wire.access(), json = { mediaUrl = url } })
end

function TestUrl.test_a_file_is_fetched()
  local listener <close> = assert(server.listen {
    handler = function(request)
      if request.path == "/none" then return { status = 404 } end
      return { body = "%PDF", headers = { ["Content-Type"] = request.query.type } }
    end,
  })
  local base = ("http://127.0.0.1:%d"):format(listener.port)
  local status, reply = upload_url(base .. "/dir/a.pdf?type=application/pdf")
  lu.assertEquals(status, 200)
  local resource = decode(reply)
  lu.assertEquals({ resource.type, resource.name }, { "Document", "a.pdf" })
  lu.assertEquals(fetch(resource.id).body, "%PDF")
  lu.assertEquals(upload_url(base .. "/a.pdf?type=text/html"), 415)
  lu.assertEquals(upload_url(base .. "/a.png?type=application/pdf"), 415)
  lu.assertEquals(upload_url(base .. "/none"), 400)
end

function TestUrl.test_a_server_that_does_not_know_the_type()
  local listener <close> = assert(server.listen {
    handler = function(request)
      return { body = "x", headers = { ["Content-Type"] = request.query.type } }
    end,
  })
  local base = ("http://127.0.0.1:%d"):format(listener.port)
  for _, case in ipairs {
    { "/a.pdf?type=application/octet-stream", "Document" }, { "/a.PNG?type=binary/octet-stream", "Image" },
    { "/a.mp4", "Video" },
  } do
    local status, reply = upload_url(base .. case[1])
    lu.assertEquals(status, 200, case[1])
    lu.assertEquals(decode(reply).type, case[2])
  end
  lu.assertEquals(upload_url(base .. "/a.exe?type=application/octet-stream"), 415)
  lu.assertEquals(upload_url(base .. "/a?type=application/octet-stream"), 415)
end

function TestUrl.test_what_is_not_fetched()
  for _, url in ipairs {
    "http://example.org/a.png", "http://127.0.0.1.example.org/a.png", "file:///etc/passwd",
    "http://10.0.0.1/a.png", "x", "http://127.0.0.1:1/a.png", "http://127.0.0.1/a\0.png",
    "http://127.0.0.1/\r\nX: y", "http://bad host/" .. ("é"):rep(100), "http://x@127.0.0.1/a.png",
    "http://example.org\\@127.0.0.1/a.png", "http://[::ffff:10.0.0.1]/a.png",
  } do
    local status, reply = upload_url(url)
    lu.assertEquals(status, 400, url)
    lu.assertStrContains(reply.message, "mediaUrl: ")
  end
end

return wire.run { TestUpload = TestUpload, TestUrl = TestUrl }
