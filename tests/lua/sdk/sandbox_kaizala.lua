-- Every function of the SDK, through real sockets, against the sandbox.
local http = require "jeton.http"
local json = require "jeton.json"
local kaizala = require "kaizala"
local lu = require "luaunit"
local task = require "jeton.task"

local SANDBOX = assert(os.getenv "JETON_SANDBOX_URL", "run this by: jeton run --sandbox")
local GROUP = assert(os.getenv "JETON_SANDBOX_GROUP_ID")
local ALICE, BRUNO, NEW = "+33100000001", "+33100000002", "+33100000077"

local kz = kaizala.connect()

local function steer(path, value)
  local response = assert(http.post(SANDBOX .. "/_sandbox/" .. path, { json = value }))
  lu.assertEquals(response.status, 200, response.body)
  return assert(response:json())
end

local function state()
  return assert(assert(http.get(SANDBOX .. "/_sandbox/state")):json())
end

-- The next request that fits is answered so.
local function answer(method, path, body, status)
  steer("faults", { { match = { method = method, path = path }, status = status, body = body } })
end

-- Calls, which must raise an err of this kind whose line says so.
local function raises(kind, says, fn, ...)
  local ok, err = pcall(fn, ...)
  lu.assertFalse(ok)
  lu.assertEquals(type(err), "table", tostring(err))
  lu.assertEquals(err.kind, kind, tostring(err))
  lu.assertStrContains(tostring(err), says)
  return err
end

local function by_phone(group, phone)
  for member in group:members() do
    if member.mobile_number == phone then return member end
  end
  return nil
end

local TestClient = {}

function TestClient.test_connect()
  lu.assertEquals(kz.connector, "sandbox")
  lu.assertEquals(kaizala.connect("sandbox").connector, "sandbox")
  raises("config", "sandbox", kaizala.connect, "sandbux")
end

function TestClient.test_me()
  local me = kz:me()
  lu.assertEquals(me.name, "Alice Martin")
  lu.assertEquals(me.mobile_number, ALICE)
  lu.assertEquals(me.is_tenant_admin, true)
  lu.assertEquals(me.raw.mobileNumber, ALICE)
end

function TestClient.test_groups()
  local ids = {}
  for group in kz:groups() do
    ids[group.id] = group
    lu.assertEquals(group.raw.groupId, group.id)
    lu.assertEquals(group.raw.groupName, group.name)
  end
  lu.assertNotNil(ids[GROUP])
  local all = kz:groups({ details = true, all = true }):all()
  lu.assertTrue(#all >= 1)
  lu.assertEquals(all[1].caller_role, "Admin")
  lu.assertErrorMsgContains("did you mean 'details'", kz.groups, kz, { detail = true })
  lu.assertErrorMsgContains("must be a boolean", kz.groups, kz, { all = 1 })
end

function TestClient.test_groups_ask_for_what_is_wanted()
  kz:groups({ details = true }):all()
  local requests = assert(assert(http.get(SANDBOX .. "/_sandbox/requests")):json()).requests
  local newest = requests[#requests]
  lu.assertEquals(newest.path, "/v1/groups")
  lu.assertEquals(newest.query.showDetails or newest.query.showdetails, "true")
end

function TestClient.test_create_group()
  local group = kz:create_group {
    name = "Été", welcome_message = "Hello", members = { BRUNO }, type = "Group",
  }
  lu.assertEquals(group.name, "Été")
  lu.assertEquals(group.members_added, true)
  local details = group:details()
  lu.assertEquals(details.welcome_message, "Hello")
  lu.assertEquals(details.type, "Group")
  lu.assertNotNil(by_phone(group, BRUNO))
  lu.assertEquals(kz:create_group({ name = "Public", type = "ConnectGroup" }):details().type, "ConnectGroup")
end

function TestClient.test_create_group_refuses_what_is_wrong()
  lu.assertErrorMsgContains("name must be", kz.create_group, kz, {})
  lu.assertErrorMsgContains("options must be a table", kz.create_group, kz)
  lu.assertErrorMsgContains("'Group' or 'ConnectGroup'", kz.create_group, kz, { name = "x", type = "Chat" })
  lu.assertErrorMsgContains("did you mean 'welcome_message'", kz.create_group, kz,
    { name = "x", welcome_mesage = "" })
  raises("invalid", "not valid UTF-8", kz.create_group, kz, { name = "\255" })
  raises("invalid", "entry 1", kz.create_group, kz, { name = "x", members = { "0123" } })
end

function TestClient.test_request()
  local reply = kz:request { path = "groups", query = { fetchAllGroups = true } }
  lu.assertTrue(json.is_array(reply.groups))
  local err = raises("http", "GET", kz.request, kz, { path = "/groups/there-is-none" })
  lu.assertEquals(err.status, 404)
  lu.assertEquals(err.code, "NotFound")
  lu.assertErrorMsgContains("path", kz.request, kz, {})
  lu.assertErrorMsgContains("did you mean 'query'", kz.request, kz, { path = "/groups", qery = {} })
end

local TestGroup = {}

function TestGroup.test_group_makes_no_request()
  local group = kz:group "there is/none@2"
  lu.assertEquals(group.id, "there is/none@2")
  local err = raises("http", "404", group.details, group)
  lu.assertStrContains(err.request, "/v1/groups/there%20is%2Fnone@2")
  lu.assertErrorMsgContains("non-empty string", kz.group, kz, "")
end

function TestGroup.test_details()
  local group = kz:group(GROUP)
  lu.assertNil(group.name)
  lu.assertTrue(rawequal(group:details(), group))
  lu.assertEquals(type(group.name), "string")
  lu.assertEquals(math.type(group.user_count), "integer")
  lu.assertEquals(group.has_sub_groups ~= nil, true)
end

function TestGroup.test_details_in_a_list_alone()
  answer("GET", "/v1/groups/*", { groups = { { groupId = "g", groupName = "Old" } } })
  lu.assertEquals(kz:group("g"):details().name, "Old")
end

function TestGroup.test_members()
  local group = kz:create_group { name = "Members" }
  lu.assertEquals(#group:members():all(), 1)
  lu.assertTrue(group:add_members { BRUNO, NEW })
  local bruno, new = by_phone(group, BRUNO), by_phone(group, NEW)
  lu.assertEquals(bruno.role, "Member")
  lu.assertEquals(bruno.is_provisioned, true)
  lu.assertEquals(new.is_provisioned, false)
  lu.assertEquals(bruno.raw.mobileNumber, BRUNO)

  lu.assertTrue(group:set_role(bruno.id, "Admin"))
  lu.assertEquals(by_phone(group, BRUNO).role, "Admin")
  lu.assertTrue(group:set_role(bruno.id, "Member"))
  lu.assertEquals(by_phone(group, BRUNO).role, "Member")

  lu.assertTrue(group:remove_member(bruno.id))
  lu.assertNil(by_phone(group, BRUNO))
  local err = raises("http", "404", group.remove_member, group, bruno.id)
  lu.assertEquals(err.code, "NotFound")
end

function TestGroup.test_a_result_of_false_is_an_error()
  local group = kz:group(GROUP)
  for _, result in ipairs { "false", "False" } do
    answer("PUT", "*/members", { result = result })
    raises("http", "was not done", group.add_members, group, { BRUNO })
  end
  answer("DELETE", "*/members/*", { result = false })
  raises("http", "was not done", group.remove_member, group, "m")
end

function TestGroup.test_send_message()
  local group = kz:group(GROUP)
  local sent = group:send_message "Bonjour à tous"
  lu.assertEquals(type(sent.reference_id), "string")
  lu.assertNil(sent.dry_run)
  local answered = group:send_message("It is me", { reply_to = sent.reference_id })
  lu.assertNotEquals(answered.reference_id, sent.reference_id)
  local messages = state().messages
  lu.assertEquals(messages[#messages].text, "It is me")
  lu.assertEquals(messages[#messages - 1].text, "Bonjour à tous")
  group:send_message(("é"):rep(4000))
  raises("http", "replyToReferenceId", group.send_message, group, "x", { reply_to = "nothing" })
end

function TestGroup.test_send_to_subscribers()
  local public = kz:create_group { name = "News", type = "ConnectGroup" }
  lu.assertNotNil(public:send_message("To all", { all_subscribers = true }).reference_id)
  lu.assertNotNil(public:send_message("To nobody", { subscribers = {} }).reference_id)
  local sent = public:send_message("To one", { subscribers = { NEW } })
  lu.assertEquals(#sent.failed_result, 1)
  lu.assertEquals(sent.failed_result[1].subscriber, NEW)
  lu.assertEquals(type(sent.failed_result[1].error_code), "string")
  -- By its id the SDK does not know that the group is not public; the service ignores it there.
  lu.assertNil(kz:group(GROUP):send_message("x", { all_subscribers = true }).failed_result)
end

local TestReplies = {}

function TestReplies.test_a_reply_of_the_wrong_shape_names_the_field()
  local group = kz:group(GROUP)
  local cases = {
    { "*/messages", "POST", {}, "'referenceId' should be a string, but it is missing",
      group.send_message, group, "x" },
    { "*/messages", "POST", { referenceId = "" }, "'referenceId' should be a string, but it is empty",
      group.send_message, group, "x" },
    { "*/messages", "POST", { referenceId = 5 }, "'referenceId'", group.send_message, group, "x" },
    { "*/members", "GET", { members = {} }, "'members' should be a list, but it is object",
      function() group:members():all() end },
    { "*/members", "GET", '{"members": [{"role": "Admin"}]}', "'id'", function() group:members():all() end },
    { "*/members", "GET", '{"members": [null]}', "'members[]'", function() group:members():all() end },
    { "/v1/groups", "GET", { groups = json.null }, "'groups' should be a list, but it is null",
      function() kz:groups():all() end },
    { "/v1/groups", "GET", '{"groups": [{"groupName": "x"}]}', "'groupId'",
      function() kz:groups():all() end },
    { "/v1/groups", "POST", { groupName = "x" }, "'groupId'", kz.create_group, kz, { name = "x" } },
    { "/v1/groups/*", "GET", '{"groups": []}', "'groups[]'", group.details, group },
    { "/v1/users/me", "GET", { name = "x" }, "'id' should be a string", kz.me, kz },
    { "/v1/users/me", "GET", "[]", "JSON object", kz.me, kz },
    { "/v1/users/me", "GET", "null", "JSON object", kz.me, kz },
    { "/v1/users/me", "GET", "{", "the body of the reply", kz.me, kz },
    { "/v1/users/me", "GET", ("["):rep(10000), "the body of the reply", kz.me, kz },
  }
  for _, case in ipairs(cases) do
    answer(case[2], case[1], case[3])
    local err = raises("invalid", case[4], table.unpack(case, 5))
    lu.assertStrContains(err.request, case[2])
  end
end

-- Services of .NET write what they have not as null. After a POST an err would be wrong: it was done.
function TestReplies.test_null_is_as_if_it_were_missing()
  local group, action = kz:group(GROUP), kz:group(GROUP):action "a"
  answer("POST", "*/messages", '{"referenceId": "r", "failedResult": null, "errorCode": null}')
  lu.assertNil(group:send_message "x".failed_result)
  answer("POST", "*/actions", '{"referenceId": "r", "actionId": null, "failedResult": null}')
  local sent = group:announce { message = "x" }
  lu.assertEquals({ sent.id, sent.failed_result }, {})
  for _, id in ipairs { '""', "5", "false", '{"id": "a"}' } do -- calls with it would raise, far from here
    answer("POST", "*/actions", ('{"referenceId": "r", "actionId": %s}'):format(id))
    lu.assertNil(group:announce { message = "x" }.id)
  end
  answer("GET", "/v1/users/me", '{"id": null, "userId": "u"}')
  lu.assertEquals(kz:me().id, "u")
  answer("POST", "*/reminder", '{"result": true, "failedResult": null}')
  lu.assertNil(action:remind())
  answer("GET", "/v1/groups/*", '{"groupId": null, "groups": [{"groupId": "g", "groupName": null}]}')
  lu.assertEquals(kz:group(GROUP):details().id, "g")
  answer("GET", "*/subGroups", '{"subGroups": null, "groups": [{"subGroups": [{"groupId": "s"}]}]}')
  lu.assertEquals(group:subgroups():next().id, "s")
  answer("GET", "*/actions", '{"actions": [{"referenceId": "r", "actionBody": null}], "hasMore": null}')
  lu.assertEquals(group:actions { type = "Job" }:next().reference_id, "r")
  answer("GET", "*/reaction/r/summary",
    '{"summary": [{"referenceId": "r", "reactionsCountMap": {"like": null}}]}')
  lu.assertEquals(group:reaction_summary "r".likes, 0)
  answer("GET", "*/actions/a",
    '{"actionDetails": {"properties": null, "responses": null, "questions": null}}')
  lu.assertNil(action:details().responses)
  answer("GET", "*/actions/a", [[{"actionDetails": {
    "questions": [{"title": "q", "type": "Text", "options": null}],
    "responses": [{"id": null, "responseId": "1", "answers": null}],
    "properties": [{"name": "p", "type": "Text", "value": null}]}}]])
  lu.assertEquals(action:details().responses[1].id, "1")
  lu.assertEquals(action.properties, {})
end

function TestReplies.test_a_change_that_is_answered_by_nothing_is_done()
  local group = kz:group(GROUP)
  answer("DELETE", "*/members/*", "", 204)
  lu.assertTrue(group:remove_member "m")
  answer("PUT", "*/members/*", "")
  lu.assertTrue(group:set_role("m", "Admin"))
  answer("POST", "*/messages", "")
  raises("invalid", "'referenceId' should be a string, but it is missing", group.send_message, group, "x")
  answer("GET", "/v1/users/me", "")
  raises("invalid", "the body of the reply", kz.me, kz)
end

function TestReplies.test_success_with_an_error_code_is_an_error()
  answer("GET", "/v1/users/me", { message = "Not today", errorCode = "Tired" })
  local err = raises("http", "Not today", kz.me, kz)
  lu.assertEquals(err.code, "Tired")
end

function TestReplies.test_fields_cannot_hide_methods()
  answer("GET", "/v1/groups", '{"groups": [{"groupId": "g", "members": 1, "groupSendMessage": 2, "raw": 3}]}')
  local group = kz:groups():next()
  lu.assertEquals(type(group.members), "function")
  lu.assertEquals(type(group.send_message), "function")
  lu.assertEquals(group.raw.members, 1)
end

function TestReplies.test_a_token_that_the_service_refuses_is_renewed()
  steer("clock", { advance_s = 86400 + 60 })
  lu.assertEquals(kz:me().name, "Alice Martin")
end

function TestReplies.test_tasks_share_a_client()
  local names = task.map({ 1, 2, 3, 4, 5, 6 }, function() return kz:me().name end, { limit = 3 })
  lu.assertEquals(table.concat(names, ","), ("Alice Martin"):rep(6, ","))
end

steer("switches", { per_minute = 0, tenant_per_minute = 0 })
os.exit(lu.LuaUnit.new():runSuiteByInstances {
  { "TestClient", TestClient },
  { "TestGroup", TestGroup },
  { "TestReplies", TestReplies },
})
