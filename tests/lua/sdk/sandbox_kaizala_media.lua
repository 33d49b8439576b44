-- Pictures, documents, audio and video by the SDK: what arrives, and what is refused before a request.
local http = require "jeton.http"
local json = require "jeton.json"
local kaizala = require "kaizala"
local lu = require "luaunit"
local server = require "jeton.server"

local SANDBOX = assert(os.getenv "JETON_SANDBOX_URL", "run this by: jeton run --sandbox")
local GROUP = assert(os.getenv "JETON_SANDBOX_GROUP_ID")
local NEWS = "c9a7e0d4-2b8f-4f3e-b1d6-9e4a7c5d8f03@1" -- a ConnectGroup; Chitra subscribes
local CHITRA, NOBODY = "+33100000003", "+33100000099"

local kz = kaizala.connect()
local sales = kz:group(GROUP)
local folder = os.tmpname()

local function file(name, text)
  local path = folder .. "-" .. name
  local out <close> = assert(io.open(path, "w"))
  out:write(text)
  return path
end

local FILES = {
  image = file("a.png", "PNG"), second = file("b.JPG", "JPG"), document = file("c.pdf", "%PDF"),
  audio = file("d.mp3", "ID3"), video = file("e.mp4", "MP4"), empty = file("f.png", ""),
  text = file("g.txt", "text"),
}

local function newest_action()
  local state = assert(assert(http.get(SANDBOX .. "/_sandbox/state")):json())
  return state.actions[#state.actions]
end

local function arrived()
  local reply = assert(assert(http.get(SANDBOX .. "/_sandbox/requests")):json())
  return #reply.requests
end

local function content(resource)
  local crypto = require "jeton.crypto"
  local id = assert(json.decode(crypto.unbase64(resource))).id
  return assert(http.get(SANDBOX .. "/v1/media/" .. id)).body
end

-- Raises `invalid`, before any request.
local function refused(says, fn, ...)
  local before = arrived()
  local ok, err = pcall(fn, ...)
  lu.assertFalse(ok)
  lu.assertEquals(type(err), "table", tostring(err))
  lu.assertEquals(err.kind, "invalid")
  lu.assertStrContains(err.message, says)
  lu.assertEquals(arrived(), before)
end

local TestMedia = {}

function TestMedia.test_each_kind()
  for method, case in pairs {
    send_image = { "Image", FILES.image, "PNG" }, send_document = { "Document", FILES.document, "%PDF" },
    send_audio = { "Audio", FILES.audio, "ID3" }, send_video = { "Video", FILES.video, "MP4" },
  } do
    local sent = sales[method](sales, case[2], { caption = "Look" })
    lu.assertEquals(type(sent.reference_id), "string")
    local action = newest_action()
    lu.assertEquals({ action.type, action.reference_id }, { case[1], sent.reference_id })
    lu.assertEquals(content(sent.media_resource), case[3])
  end
end

function TestMedia.test_an_album()
  local sent = sales:send_album({ FILES.image, FILES.second })
  lu.assertEquals(newest_action().type, "Album")
  lu.assertEquals(content(sent.media_resource), "PNG")
  sales:send_album { FILES.second }
  lu.assertEquals(newest_action().type, "Album")
end

function TestMedia.test_a_picture_comes_back_by_its_url()
  sales:send_image(FILES.image, { caption = "Look" })
  local reply = kz:request { path = "/groups/" .. GROUP .. "/actions", query = { actionType = "image" } }
  local body = reply.actions[#reply.actions].actionBody
  lu.assertEquals(assert(http.get(body.imageUrl)).body, "PNG")
end

function TestMedia.test_an_upload_alone_posts_nothing()
  for name, resource in pairs { image = "PNG", document = "%PDF" } do
    local before = newest_action()
    local uploaded = kz:upload(FILES[name])
    lu.assertEquals(content(uploaded), resource)
    lu.assertEquals(newest_action(), before)
  end
  sales:announce { message = "Look", media = { kz:upload(FILES.image) } }
  lu.assertEquals(content(newest_action().body.MediaResources[1]), "PNG")
end

function TestMedia.test_from_a_url()
  local listener <close> = assert(server.listen {
    handler = function() return { body = "PNG", headers = { ["Content-Type"] = "image/png" } } end,
  })
  for _, name in ipairs { "a.png?size=1", "picture" } do
    local sent = sales:send_image(("http://127.0.0.1:%d/%s"):format(listener.port, name))
    lu.assertEquals(content(sent.media_resource), "PNG")
  end
  lu.assertEquals(content(kz:upload(("http://127.0.0.1:%d/picture"):format(listener.port))), "PNG")
  refused("it accepts .jpeg, .jpg, .png", sales.send_image, sales, "http://127.0.0.1:1/a.gif")
end

function TestMedia.test_to_subscribers()
  local news = kz:group(NEWS)
  local sent = news:send_image(FILES.image, { subscribers = { CHITRA, NOBODY } })
  lu.assertEquals(#sent.failed_result, 1)
  lu.assertEquals(sent.failed_result[1].subscriber, NOBODY)
  local many = { CHITRA }
  for i = 2, 31 do many[i] = ("+33100001%03d"):format(i) end
  local before = arrived()
  sent = news:send_image(FILES.image, { subscribers = many })
  lu.assertEquals(arrived(), before + 3) -- one upload, 30 and one
  lu.assertEquals(#sent.reference_ids, 2)
  lu.assertEquals(#sent.failed_result, 30)
  -- The second request fails: what was not sent is reported.
  local match = { method = "POST", path = "*/actions" }
  assert(http.post(SANDBOX .. "/_sandbox/faults", { json = json.array {
    { match = match, times = 1, headers = { ["X-Passed"] = "1" } },
    { match = match, times = 1, status = 400, body = { message = "Enough", errorCode = "Full" } },
  } }))
  sent = news:send_image(FILES.image, { subscribers = many })
  lu.assertEquals({ #sent.reference_ids, sent.err.code }, { 1, "Full" })
  lu.assertEquals(#sent.failed_result, 30)
  lu.assertEquals(sent.failed_result[30].error_code, "Full")
end

function TestMedia.test_what_is_refused_before_a_request()
  refused("has a type that the service does not accept here; it accepts .jpeg, .jpg, .png",
    sales.send_image, sales, FILES.document)
  refused("it accepts .doc, .docx, .pdf", sales.send_document, sales, FILES.text)
  refused("it accepts .3gp, .3gpp, .doc, .docx, .jpeg, .jpg, .mp3", kz.upload, kz, FILES.text)
  refused("No such file", kz.upload, kz, folder .. "-none.png")
  refused("it accepts .mp3, .wav", sales.send_audio, sales, "no ending")
  refused("it accepts .3gp, .3gpp, .mp4", sales.send_video, sales, FILES.audio)
  refused("No such file", sales.send_image, sales, folder .. "-none.png")
  refused("is empty", sales.send_image, sales, FILES.empty)
  refused("source 2: '", sales.send_album, sales, { FILES.image, FILES.document })
  refused("source 1 is a URL", sales.send_album, sales, { "https://example.org/a.png" })
  local many = {}
  for i = 1, 31 do many[i] = FILES.image end
  refused("at most 30", sales.send_album, sales, many)
  refused("not a phone number", sales.send_image, sales, FILES.image, { subscribers = { "1" } })
end

function TestMedia.test_misuse()
  local function bad(says, fn, ...)
    lu.assertErrorMsgContains(says, fn, ...)
    lu.assertErrorMsgContains("sandbox_kaizala_media.lua", fn, ...)
  end
  bad("send_image: source must be a path or a URL, got nil", function() sales:send_image() end)
  bad("send_image: unknown option 'captoin'; did you mean 'caption'?",
    function() sales:send_image(FILES.image, { captoin = "" }) end)
  bad("send_album: sources must be a list", function() sales:send_album "a.png" end)
  bad("upload: source must be a path or a URL, got nil", function() kz:upload() end)
  bad("kz:upload(source)", function() kz.upload(FILES.audio) end)
  bad("group:send_audio(source)", function() sales.send_audio(FILES.audio) end)
end

local result = lu.LuaUnit.new():runSuiteByInstances { { "TestMedia", TestMedia } }
for _, path in pairs(FILES) do os.remove(path) end
os.remove(folder)
os.exit(result)
