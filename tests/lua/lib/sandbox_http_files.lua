-- Bodies from files and to files on a connector: every try sends the whole again.
local http = require "jeton.http"
local json = require "jeton.json"
local lu = require "luaunit"

local SANDBOX = assert(os.getenv "JETON_SANDBOX_URL", "run this by: jeton run --sandbox")
local GROUP = assert(os.getenv "JETON_SANDBOX_GROUP_ID")
local MESSAGES = "/groups/" .. GROUP .. "/messages"

local function steer(path, value)
  lu.assertEquals(assert(http.post(SANDBOX .. "/_sandbox/" .. path, { json = value })).status, 200)
end

local function write(path, text)
  local file <close> = assert(io.open(path, "w"))
  file:write(text)
end

local function read(path)
  local file <close> = assert(io.open(path))
  return file:read "a"
end

local function newest_message()
  local state = assert(assert(http.get(SANDBOX .. "/_sandbox/state")):json())
  return state.messages[#state.messages].text
end

local TestFiles = {}

function TestFiles:setUp()
  self.path = os.tmpname()
end

function TestFiles:tearDown()
  os.remove(self.path)
end

local function post(path)
  return assert(http.request { connector = true, method = "POST", path = MESSAGES, body_file = path })
end

function TestFiles:test_a_body_follows_the_endpoint_and_a_new_token()
  write(self.path, '{"message": "from a file"}')
  steer("faults", { { match = { path = MESSAGES }, status = 401 } })
  steer("switches", { api_redirect = { kind = "full", times = 1 } })
  lu.assertNotNil(assert(post(self.path):json()).referenceId)
  lu.assertEquals(newest_message(), "from a file")
end

function TestFiles:test_a_body_after_a_503()
  write(self.path, '{"message": "again"}')
  steer("faults", { { match = { path = MESSAGES }, status = 503, headers = { ["Retry-After"] = "0" } } })
  lu.assertNotNil(assert(post(self.path):json()).referenceId)
  lu.assertEquals(newest_message(), "again")
end

function TestFiles:test_a_reply_is_saved_and_an_error_is_not()
  local response = assert(http.request { connector = true, path = "/groups", save_to = self.path })
  lu.assertEquals(response.path, self.path)
  lu.assertEquals(response.body, "")
  lu.assertTrue(json.is_array(assert(json.decode(read(self.path))).groups))
  local _, err, reply = http.request { connector = true, path = "/groups/none", save_to = self.path }
  lu.assertEquals(err.status, 404)
  lu.assertNil(reply.path)
  lu.assertEquals(assert(reply:json()).errorCode, "NotFound")
  lu.assertTrue(json.is_array(assert(json.decode(read(self.path))).groups))
end

function TestFiles:test_a_file_that_is_not_there()
  local response, err = http.request {
    connector = true, method = "POST", path = MESSAGES, body_file = self.path .. "-no",
  }
  lu.assertNil(response)
  lu.assertEquals(err.kind, "invalid")
  lu.assertStrContains(err.message, "No such file")
end

function TestFiles:test_misuse()
  local function bad(words, options)
    options.url = SANDBOX
    lu.assertErrorMsgContains(words, http.request, options)
  end
  bad("body and body_file are both given", { body = "", body_file = self.path })
  bad("multipart must be a list of parts", { multipart = "x" })
  bad("1 to 100 parts", { multipart = {} })
  bad("multipart[1] must have name, and value or file", { multipart = { { name = "a" } } })
  bad("multipart[1] must have name, and value or file",
    { multipart = { { name = "a", value = "", file = "" } } })
  bad("did you mean 'filename'", { multipart = { { name = "a", value = "", file_name = "" } } })
  bad("max_body must be from 1 to 67108864 bytes", { max_body = 67108865 })
end

function TestFiles.test_a_secret_in_a_part_goes_nowhere_else()
  local secret = os.getenv "JETON_SANDBOX_APPLICATION_SECRET"
  local response, err = http.request {
    url = "http://localhost:1/", method = "POST", multipart = { { name = "a", value = secret } },
  }
  lu.assertNil(response)
  lu.assertEquals(err.kind, "auth")
  lu.assertStrContains(err.message, "a part")
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "TestFiles", TestFiles } })
