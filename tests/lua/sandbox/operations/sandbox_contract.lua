-- The contract of every operation, made from the one table: what a good call is answered with, and that
-- a bad one is refused and changes nothing. An operation that is added is tested here without more.
package.path = require("jeton").folder .. "/../../?.lua;" .. package.path
local json = require "jeton.json"
local lu = require "luaunit"
local calls = require "calls"
local contract = require "contract"
local examples = require "sandbox.reference.examples"
local ids = require "sandbox.base.ids"
local operations = require "sandbox.operations"
local wire = require "wire"

-- Under stress.lua one operation of so many, and one way to break a body: their requests are alike, and all
-- of them run without it.
local STRESSED_STEP = 5
local is_stressed = wire.is_stressed()

local STRANGER, MEMBER = "+33100000071", "+33100000072"
local DAY_S = 24 * 3600

-- People and tokens that the cases need.
local function tokens()
  local function grant(connector, phone)
    connector.tokens = json.array { { user = phone } }
    return wire.steer("connectors", connector)
  end
  local function access(id, secret, refresh_token)
    return wire.ok("GET", "/v1/accessToken", { headers = {
      applicationId = id, applicationSecret = secret, refreshToken = refresh_token,
    } }).accessToken
  end
  wire.steer("users", { phone = STRANGER, name = "A stranger" })
  wire.steer("users", { phone = MEMBER, name = "A member" })
  local bare = grant({ name = "Bare", owner = wire.alice, permissions = json.array {} }, wire.alice)
  local stranger = grant({ id = wire.application_id }, STRANGER).tokens[1].refresh_token
  local member = grant({ id = wire.application_id }, MEMBER).tokens[1].refresh_token
  return {
    tenant = wire.access(), user = wire.access(wire.user_token), group = wire.access(wire.group_token),
    bare = access(bare.id, bare.secret, bare.tokens[1].refresh_token),
    stranger = access(wire.application_id, wire.secret, stranger),
    member = access(wire.application_id, wire.secret, member),
  }
end

local function digest()
  return wire.ok("GET", "/_sandbox/digest").digest
end

-- Says of which case a failure is.
local function within(case, fn, ...)
  local ok, err = pcall(fn, ...)
  if not ok then
    local text = type(err) == "table" and (err.msg or tostring(err)) or tostring(err)
    lu.fail(case .. ": " .. text)
  end
end

---@param expected {[1]: integer, [2]: string|nil} status and errorCode
---@param before string|nil the digest, where it is known
local function refuse(case, call, change, expected, says, before)
  within(case, function()
    before = before or digest()
    local status, reply, response = call:send(change)
    lu.assertEquals(status, expected[1], response.body)
    if expected[2] then lu.assertEquals(reply.errorCode, expected[2], response.body) end
    lu.assertEquals(type(reply.errorCode), "string")
    lu.assertEquals(type(reply.errorCategoryKey), "string")
    lu.assertEquals(response.headers["content-type"], "application/json; charset=utf-8")
    lu.assertStrContains(reply.message, says or "")
    lu.assertEquals(digest(), before, "the database has changed")
  end)
end

local FORBIDDEN, UNKNOWN = { 403, "PermissionDenied" }, { 404, "NotFound" }
local INVALID = { 400, "InvalidParameters" }
local BAD_TOKEN = { 401, "InvalidToken" }

-- Makes MEMBER a member of the group that the call is about.
local function join_group(call)
  for _, group in ipairs(wire.state().groups) do
    if group.id:lower() == call.params.group:lower() then
      wire.steer("groups", { id = group.id, name = group.name, members = json.array { MEMBER } })
      return
    end
  end
  lu.fail("there is no group " .. call.params.group)
end

local function check_tokens(call)
  refuse("no token", call, { token = false }, BAD_TOKEN, "Token missing")
  refuse("bad token", call, { token = call.token .. "x" }, BAD_TOKEN)
  wire.steer("clock", { advance_s = DAY_S + 60 })
  refuse("expired token", call, {}, BAD_TOKEN)
  wire.steer("clock", { advance_s = -DAY_S - 60 })
end

local function check_rights(call, all_tokens)
  local operation = call.operation
  if operation.permission then
    refuse("missing permission", call, { token = all_tokens.bare }, FORBIDDEN, operation.permission)
  end
  if operation.who then
    local need = operation.who == "tenant" and "tenant" or "member"
    refuse("not a " .. need, call, { token = all_tokens.stranger }, FORBIDDEN,
      operation.who == "tenant" and "tenant-level" or nil)
  end
  if operation.who == "admin" then
    refuse("not an admin", call, { token = all_tokens.member }, FORBIDDEN, "admin")
  end
end

local function check_ids(call)
  for name in pairs(call.params) do
    for _, unknown in ipairs { ids.new(), "x", "8c2050-9be8-45d6-97f5-bb7013930027", "%00%FF'" } do
      local params = contract.copy(call.params)
      params[name] = unknown
      refuse(("unknown %s %s"):format(name, unknown), call, { params = params }, UNKNOWN)
    end
  end
end

-- Calls fn each time, under stress now and then.
local function sampled(fn)
  local count = 0
  return function(...)
    count = count + 1
    if not is_stressed or count % STRESSED_STEP == 1 then fn(...) end
  end
end

-- Each way to break a body; `only` says which are of interest.
local function check_breaks(call, only)
  contract.check_example(call.operation.body, call.body, "body")
  local before = digest()
  contract.each_break(call.operation.body, call.body, sampled(function(broken)
    if not only or only(broken) then
      refuse(broken.what, call, { body = broken.value }, INVALID, broken.name, before)
    end
  end))
end

local function check_bodies(call)
  for _, text in ipairs { "[]", "{", "5", "null", '{"a": }', "<a/>" } do
    refuse("malformed body " .. text, call, { text = text }, INVALID, "malformed body")
  end
  check_breaks(call)
end

local function check_upload(call)
  local typed = { ["Content-Type"] = "multipart/form-data; boundary=b" }
  local UNSUPPORTED = { 415, "UnsupportedMediaType" }
  refuse("JSON in place of a form", call, { text = "{}" }, UNSUPPORTED, "multipart/form-data")
  refuse("a form without parts", call, { text = "--b--", headers = typed }, INVALID, "parts")
  for _, text in ipairs { "", "--b\r\n", "--b\r\nno header\r\n\r\n" } do
    refuse("malformed form", call, { text = text, headers = typed }, INVALID, "malformed body")
  end
  for _, content_type in ipairs { "application/octet-stream", "text/plain", "image/svg+xml", "video/mp4" } do
    local parts = contract.copy(call.parts)
    parts[1].content_type = content_type
    refuse("a part of type " .. content_type, call, { parts = parts }, UNSUPPORTED, content_type)
  end
  local parts = contract.copy(call.parts)
  parts[1].content_type, parts[1].filename = nil, nil
  refuse("a part without a type", call, { parts = parts }, UNSUPPORTED, "no Content-Type")
end

local function check_query(call)
  local operation = call.operation
  contract.check_example(operation.query, call.query, "query")
  contract.each_query_break(operation.query, call.query, sampled(function(broken)
    refuse("query " .. broken.what, call, { query = broken.value }, INVALID, broken.name)
  end))
end

-- Credentials in headers: each that is needed left out.
local function check_headers(call)
  for _, field in ipairs(call.operation.headers) do
    if field.required then
      local headers = contract.copy(call.headers)
      headers[field[1]] = nil
      refuse("header left out " .. field[1], call, { headers = headers }, { 401 })
    end
  end
end

local function check_success(call, change)
  local status, reply, response = call:send(change)
  lu.assertEquals(status, 200, response.body)
  lu.assertEquals(response.headers["content-type"], "application/json; charset=utf-8")
  contract.check_reply(reply, call.operation.reply)
end

local function check_operation(operation)
  lu.assertEquals(type(operation.summary), "string", "summary")
  lu.assertEquals(type(operation.reply), "table", "reply")
  wire.steer("clock", { advance_s = 0 }) -- writes what check_tokens would write
  local all_tokens = tokens()
  local call = calls.prepare(operation, operation.example, all_tokens)
  if operation.who == "reach" or operation.who == "admin" then join_group(call) end
  if not operation.public then check_tokens(call) end
  check_rights(call, all_tokens)
  check_ids(call)
  if operation.headers then check_headers(call) end
  if operation.body then check_bodies(call) end
  if operation.upload then check_upload(call) end
  if operation.query then check_query(call) end
  if operation.method == "GET" then
    within("as naive clients join URLs", check_success, call, { prefix = "//V1" })
  end
  within("success", check_success, call)
end

-- Of a further example: what is refused in what the first one lacks, and its success.
local function check_example(operation, example)
  wire.steer("clock", { advance_s = 0 })
  local all_tokens = tokens()
  local call = calls.prepare(operation, example, all_tokens)
  if operation.body then
    check_breaks(call, function(broken) return broken.variant end)
  end
  within("success", check_success, call)
end

local TestContract = {}

local add_tests = sampled(function(operation)
  TestContract["test_" .. operation.name] = function() check_operation(operation) end
  local all = examples.of(operation)
  for _, example in ipairs { table.unpack(all, 2, is_stressed and 1 or #all) } do
    TestContract[("test_%s %s"):format(operation.name, example.name)] = function()
      check_example(operation, example)
    end
  end
end)
for _, operation in ipairs(operations) do add_tests(operation) end

local TestTable = {}

function TestTable.test_names_are_used_once()
  local count = 0
  for _ in pairs(calls.by_name) do count = count + 1 end
  lu.assertEquals(count, #operations)
end

-- That the digest sees a change: else the cases above could not fail.
function TestTable.test_digest()
  local sent = { token = wire.access(), json = { message = "x" } } -- notes the token's last use
  local before = digest()
  lu.assertEquals(digest(), before)
  wire.ok("POST", "/v1/groups/" .. wire.sales .. "/messages", sent)
  lu.assertNotEquals(digest(), before)
end

-- That a reply which is not as the table says is seen.
function TestTable.test_replies_are_looked_at()
  local fields = { { "id", kind = "id" }, { "list", kind = "list", optional = true,
    of = { { "n", kind = "integer" } } } }
  local id = ids.new()
  contract.check_reply({ id = id, list = json.array { { n = 1 } } }, fields)
  for _, reply in ipairs {
    {}, { id = "x" }, { id = id, more = 1 }, { id = id, list = {} }, { id = id, list = json.array { 5 } },
    { id = id, list = json.array { { n = 1.5 } } }, { id = id, list = json.array { { n = 1, m = 1 } } },
  } do
    lu.assertError(contract.check_reply, reply, fields)
  end
end

local passed = wire.run { TestContract = TestContract, TestTable = TestTable }
calls.close()
return passed
