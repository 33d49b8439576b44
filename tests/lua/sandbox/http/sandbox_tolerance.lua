-- What real clients send: paths, headers and bodies that are not quite right.
package.path = require("jeton").folder .. "/../../?.lua;" .. package.path
local http = require "jeton.http"
local lu = require "luaunit"
local task = require "jeton.task"
local wire = require "wire"

local GROUP_PATH = "/groups/" .. wire.sales

local TestPaths = {}

function TestPaths.setUp()
  wire.reset()
  TestPaths.token = wire.access()
end

function TestPaths.test_one_operation_many_spellings()
  for _, path in ipairs {
    "/v1" .. GROUP_PATH, "//v1" .. GROUP_PATH, "/v1" .. GROUP_PATH .. "/", "/V1" .. GROUP_PATH:upper(),
    GROUP_PATH, "/v1//groups//" .. wire.sales, "/v1/Groups/" .. wire.sales .. "//",
  } do
    lu.assertEquals(wire.ok("GET", path, { token = TestPaths.token }).groupId, wire.sales)
  end
end

function TestPaths.test_shard_suffix_plain_and_encoded()
  for _, id in ipairs { wire.news, (wire.news:gsub("@", "%%40")) } do
    lu.assertEquals(wire.ok("GET", "/v1/groups/" .. id, { token = TestPaths.token }).groupId, wire.news)
  end
  local without = wire.news:gsub("@.*", "")
  wire.refused(404, "NotFound", "GET", "/v1/groups/" .. without, { token = TestPaths.token })
end

function TestPaths.test_query_names_in_any_case()
  for _, query in ipairs {
    "?showDetails=true&fetchAllGroups=TRUE", "?showdetail=false&FETCHALLGROUPS=true",
    "?showDetails=&fetchAllGroups=",
  } do
    wire.ok("GET", "/v1/groups" .. query, { token = TestPaths.token })
  end
end

function TestPaths.test_headers_that_mean_nothing_here()
  wire.ok("GET", "/v1/groups", { token = TestPaths.token, headers = {
    applicationId = "whatever", ["Content-Type"] = "application/x-www-form-urlencoded",
  } })
end

local TestBodies = {}

function TestBodies.setUp()
  wire.reset()
  TestBodies.token = wire.access()
end

-- Sends this text as a body; returns the text of the message that arrived.
local function sent(body, content_type)
  wire.ok("POST", "/v1" .. GROUP_PATH .. "/messages", {
    token = TestBodies.token,
    body = body,
    headers = { ["Content-Type"] = content_type or "application/json" },
  })
  local messages = wire.state().messages
  return messages[#messages].text
end

function TestBodies.test_lenient_json()
  for body, text in pairs {
    ['{"message": "plain"}'] = "plain",
    ['{message: "no quotes around the key"}'] = "no quotes around the key",
    ["{'message': 'single'}"] = "single",
    ["{\"message\": 'mixed',}"] = "mixed",
    ["{/* a comment */ \"message\": \"commented\" // end\n}"] = "commented",
    ["{'message': 'it\\'s \\xe9 \\U0001f600', 'sendToAllSubscribers': False, 'replyToReferenceId': None}"] =
      "it's é 😀",
    ['{"MESSAGE": "upper"}'] = "upper",
    ['{"Message": "title", "unknownKey": {"a": [1]}, "subscribers": null}'] = "title",
    ['{"message": "Gr\xfc\xdfe"}'] = "Grüße",
    ['{"message": "Grüße"}'] = "Grüße",
    ['{"message": "false as text", "sendToAllSubscribers": "false"}'] = "false as text",
  } do
    lu.assertEquals(sent(body), text)
  end
end

function TestBodies.test_the_content_type_does_not_matter()
  for _, content_type in ipairs { "application/json; charset=utf-8", "text/plain", "text/json",
    "application/json;charset=UTF-8", "Application/JSON", "application/octet-stream", "*/*", "json",
    "application/x-www-form-urlencoded" } do
    lu.assertEquals(sent('{"message": "x"}', content_type), "x")
  end
end

function TestBodies.test_a_name_as_documented_wins_over_other_cases()
  lu.assertEquals(sent '{"MESSAGE": "a", "message": "b", "Message": "c"}', "b")
end

local TestCors = {}

-- With --cors: tests/e2e/sandbox/test_neighbours.py.
function TestCors.test_no_origin_may_read()
  local headers = { Origin = "https://app.example" }
  for _, path in ipairs { "/", "/_sandbox/state", "/groups", "/v1/groups", "/v1/accessToken" } do
    local _, _, response = wire.call("GET", path, { headers = headers, token = wire.access() })
    lu.assertNil(response.headers["access-control-allow-origin"], path)
  end
  headers["Access-Control-Request-Method"] = "POST"
  headers["Access-Control-Request-Headers"] = "accesstoken,content-type"
  local _, response = wire.refused(403, "Forbidden", "OPTIONS", "/v1/groups", { headers = headers })
  lu.assertNil(response.headers["access-control-allow-origin"])
  lu.assertNil(response.headers["access-control-allow-headers"])
end

local TestLongHeaders = {}

-- What is looked for in a header is not tried from each of its bytes on: one of these took seconds, in
-- which nobody else was answered.
function TestLongHeaders.test_they_cost_nothing()
  local count, limit_s, spaces = 20, 30, (" "):rep(30000)
  local page = "/api/Oauth/Authorize?redirect_uri=http://127.0.0.1:1/&client_id=" .. wire.application_id
  for _, case in ipairs {
    { 401, "/v1/users/me", { Authorization = "Bearer x" .. spaces .. "y" } },
    { 200, page, { Cookie = "a" .. spaces .. "b" } },
    { 200, page, { Cookie = ("a"):rep(30000) } },
    { 303, "/portal/connectors", { Cookie = ("a"):rep(30000) } },
  } do
    local calls = {}
    for i = 1, count do
      calls[i] = task.spawn(function()
        local url = wire.root .. case[2]
        return assert(http.request { url = url, headers = case[3], timeout = limit_s }).status
      end)
    end
    for i = 1, count do
      lu.assertEquals(calls[i]:join(), case[1])
    end
  end
end

return wire.run {
  TestPaths = TestPaths, TestBodies = TestBodies, TestCors = TestCors, TestLongHeaders = TestLongHeaders,
}
