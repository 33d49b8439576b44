-- jeton.server: bodies that go to files, forms that are split, responses from files.
local crypto = require "jeton.crypto"
local http = require "jeton.http"
local lu = require "luaunit"
local server = require "jeton.server"
local task = require "jeton.task"

local TestFiles = {}

local function read(path)
  local file <close> = assert(io.open(path))
  return file:read "a"
end

local function exists(path)
  local file = io.open(path)
  if file then file:close() end
  return file ~= nil
end

local BIG = ("0123456789abcdef\r\n--\r"):rep(20000)

function TestFiles:setUp()
  self.path = os.tmpname()
  local file <close> = assert(io.open(self.path, "w"))
  file:write(BIG)
end

function TestFiles:tearDown()
  os.remove(self.path)
end

-- A server with these options; its handler keeps the request, with the content of its files, and
-- answers what `respond` gives.
local function serve(options, respond)
  local seen = {}
  options.handler = function(request)
    seen.request = request
    seen.body = request.body_file and read(request.body_file)
    seen.parts = {}
    for i, part in ipairs(request.parts or {}) do seen.parts[i] = read(part.file) end
    return respond and respond(request) or {}
  end
  local listener = assert(server.listen(options))
  return listener, ("http://127.0.0.1:%d/"):format(listener.port), seen
end

-- The files are removed when the reply is out, a moment after it was read here.
local function await_gone(path)
  for _ = 1, 1000 do
    if not exists(path) then return end
    task.sleep(0.005)
  end
  lu.fail(path .. " is still there")
end

function TestFiles:test_a_body_over_spool_over_is_in_a_file()
  local listener <close>, url, seen = serve { spool_over = 1000, max_body = #BIG }
  assert(http.post(url, { body_file = self.path }))
  lu.assertTrue(seen.body == BIG)
  lu.assertEquals(seen.request.body, "")
  lu.assertStrContains(seen.request.body_file, listener.folder .. "/upload-")
  await_gone(seen.request.body_file)
  assert(http.post(url, { body = ("x"):rep(1000) }))
  lu.assertNil(seen.request.body_file)
  lu.assertEquals(seen.request.body, ("x"):rep(1000))
  lu.assertEquals(assert(http.post(url, { body = BIG .. "x" })).status, 413)
  local folder = listener.folder
  listener:close()
  lu.assertNil(io.open(folder))
end

function TestFiles:test_a_form_is_split()
  local listener <close>, url, seen = serve { max_upload = 10000000, max_body = 100 }
  assert(http.post(url, { multipart = {
    { name = "title", value = "é" },
    { name = "files", file = self.path, filename = "a.pdf", content_type = "application/pdf" },
    { name = "", value = "" },
  } }))
  local parts = seen.request.parts
  lu.assertEquals(#parts, 3)
  lu.assertEquals({ parts[1].name, parts[1].size }, { "title", 2 })
  lu.assertNil(parts[1].filename)
  lu.assertNil(parts[1].content_type)
  lu.assertEquals(seen.parts[1], "é")
  lu.assertEquals({ parts[2].name, parts[2].filename, parts[2].content_type, parts[2].size },
    { "files", "a.pdf", "application/pdf", #BIG })
  lu.assertTrue(seen.parts[2] == BIG)
  lu.assertEquals(parts[2].sha256, crypto.hex(crypto.sha256(BIG)))
  lu.assertEquals(seen.parts[3], "")
  lu.assertNil(seen.request.malformed)
  lu.assertEquals(seen.request.body, "")
  await_gone(parts[2].file)
  lu.assertEquals(assert(http.post(url, { body = ("x"):rep(101) })).status, 413)
  lu.assertNotNil(listener.folder)
end

local function post_form(url, body)
  local headers = { ["Content-Type"] = "multipart/form-data; boundary=b" }
  return assert(http.post(url, { body = body, headers = headers }))
end

function TestFiles.test_a_form_that_is_malformed_or_too_large()
  local listener <close>, url, seen = serve { max_upload = 1000 } -- luacheck: ignore 211
  post_form(url, "--b\r\nno header\r\n\r\n")
  lu.assertStrContains(seen.request.malformed, "malformed header")
  lu.assertEquals(seen.request.parts, {})
  post_form(url, "--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx")
  lu.assertStrContains(seen.request.malformed, "ends before its last boundary")
  seen.request = nil
  lu.assertEquals(post_form(url, ("x"):rep(1001)).status, 413)
  lu.assertNil(seen.request)
end

function TestFiles.test_without_max_upload_a_form_is_a_body()
  local listener <close>, url, seen = serve {} -- luacheck: ignore 211
  post_form(url, "--b--")
  lu.assertEquals(seen.request.body, "--b--")
  lu.assertNil(seen.request.parts)
  lu.assertNil(listener.folder)
end

function TestFiles:test_a_folder_is_kept_and_files_can_be_moved()
  local folder = self.path .. ".media"
  local listener <close>, url, seen = serve({ max_upload = 1000, folder = folder }, function(request)
    return { body = tostring(os.rename(request.parts[1].file, folder .. "/mine")) }
  end)
  lu.assertEquals(listener.folder, folder)
  lu.assertEquals(assert(http.post(url, { multipart = { { name = "a", value = "b" } } })).body, "true")
  await_gone(seen.request.parts[1].file)
  listener:close()
  lu.assertEquals(read(folder .. "/mine"), "b")
  os.remove(folder .. "/mine")
  assert(os.remove(folder))
end

function TestFiles:test_a_folder_that_others_may_read_is_refused()
  local listener, err = server.listen { max_upload = 1, folder = self.path, handler = print }
  lu.assertNil(listener)
  lu.assertEquals(err.kind, "config")
end

function TestFiles:test_a_response_from_a_file()
  local path = self.path
  local listener <close>, url = serve({}, function(request) -- luacheck: ignore 211
    if request.path == "/none" then return { file = path .. ".none" } end
    if request.path == "/folder" then return { file = "/" } end
    if request.path == "/both" then return { file = path, body = "x" } end
    return { file = path, headers = { ["Content-Type"] = "a/b" } }
  end)
  local saved = os.tmpname()
  local response = assert(http.get(url, { save_to = saved }))
  lu.assertEquals(response.headers["content-type"], "a/b")
  lu.assertEquals(response.headers["content-length"], tostring(#BIG))
  lu.assertTrue(read(saved) == BIG)
  os.remove(saved)
  for _, name in ipairs { "none", "folder", "both" } do
    lu.assertEquals(assert(http.get(url .. name)).status, 500)
  end
  local head = assert(http.request { url = url, method = "HEAD" })
  lu.assertEquals(head.headers["content-length"], tostring(#BIG))
end

function TestFiles.test_misuse()
  local function bad(words, options)
    options.handler = print
    lu.assertErrorMsgContains(words, server.listen, options)
  end
  bad("spool_over is not in", { spool_over = -1 })
  bad("max_upload is not in", { max_upload = (8 << 30) + 1 })
  bad("max_body is not in", { max_body = (256 << 20) + 1 })
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "TestFiles", TestFiles } })
