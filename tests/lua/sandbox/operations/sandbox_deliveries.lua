-- What webhooks are told: every event with its fields, in order, again when it fails, and never lost.
package.path = require("jeton").folder .. "/../../?.lua;" .. package.path
local json = require "jeton.json"
local limits = require "sandbox.base.limits"
local lu = require "luaunit"
local receivers = require "receivers"
local task = require "jeton.task"
local wire = require "wire"

local HOUR_S = 3600
local SALES = "/v1/groups/" .. wire.sales
local JOB = { actionType = "Job", actionBody = { title = "Water", assignedTo = json.array { wire.bruno } } }

local tenant, bruno, receiver, slow, status

local function set_up()
  wire.reset()
  tenant, bruno, status = wire.access(), wire.access(wire.user_token), 200
  receiver = receivers.start(function(request, token)
    return { status = request.method == "GET" and 200 or status, body = token or "" }
  end)
end

local function tear_down()
  receiver.close()
  if slow then
    slow.close()
    slow = nil
  end
end

local function subscribe(types, change)
  local fields = { objectId = wire.sales, objectType = "Group", eventTypes = json.array(types),
    callBackUrl = receiver.url, callBackToken = "a-token" }
  for name, value in pairs(change or {}) do fields[name] = value end
  return wire.ok("POST", "/v1/webhook", { token = tenant, json = fields }).webhookId
end

local function post(path, body, token)
  return wire.ok("POST", SALES .. path, { token = token or tenant, json = body })
end

local function deliveries(webhook)
  return wire.ok("GET", "/_sandbox/deliveries?webhook=" .. webhook).deliveries
end

-- Waits for so many requests of deliveries; returns their bodies.
local function arrived(count)
  local out
  for _ = 1, 500 do
    out = {}
    for _, request in ipairs(receiver.seen) do
      out[#out + 1] = request.method == "POST" and request or nil
    end
    if #out >= count then
      break
    end
    task.sleep(0.01)
  end
  lu.assertEquals(#out, count)
  for i, request in ipairs(out) do
    out[i] = assert(json.decode(request.body))
  end
  return out
end

-- Waits until the sandbox has noted so many attempts of the only delivery.
local function noted(webhook, attempts)
  for _ = 1, 500 do
    local found = deliveries(webhook)[1]
    if found and #found.attempts >= attempts then
      return found
    end
    task.sleep(0.01)
  end
  lu.fail(("%d attempts were not made"):format(attempts))
end

local TestEvents = { setUp = set_up, tearDown = tear_down }

function TestEvents.test_a_message()
  local id = subscribe({ "TextMessageCreated" }, { callBackContext = { a = 1 },
    callBackHeaders = { ["X-Source"] = "kaizala" } })
  post("/messages", { message = "Hello" }, bruno)
  local got = arrived(1)[1]
  lu.assertEquals(got.fromUser, wire.bruno)
  for _, name in ipairs { "eventId", "fromUserId", "fromUser", "fromUserName", "fromUserProfilePic" } do
    lu.assertIsString(got[name])
    got[name] = nil
  end
  lu.assertEquals(got, {
    subscriptionId = id, objectId = wire.sales, objectType = "Group", eventType = "TextMessageCreated",
    data = { text = "Hello" }, context = { a = 1 }, isBotfromUser = false, groupId = wire.sales,
    sourceGroupId = wire.sales,
  })
  local request = receiver.seen[#receiver.seen]
  lu.assertEquals(request.headers["kz-callback-token"], "a-token")
  lu.assertEquals(request.headers["x-source"], "kaizala")
  lu.assertEquals(request.headers["content-type"], "application/json")
  lu.assertStrMatches(request.target, "/hook")
end

function TestEvents.test_only_what_was_subscribed_to()
  subscribe { "JobCreated" }
  post("/messages", { message = "Hello" })
  post("/actions", JOB)
  lu.assertEquals(arrived(1)[1].eventType, "JobCreated")
end

function TestEvents.test_a_job_and_its_response()
  subscribe { "JobCreated", "JobResponse" }
  local id = post("/actions", JOB).actionId
  post("/actions/" .. id .. "/responses", { actionType = "Job", actionBody = { isCompleted = true } }, bruno)
  local got = arrived(2)
  lu.assertEquals(got[1].data.title, "Water")
  lu.assertEquals(got[1].data.actionId, id)
  lu.assertEquals(#got[1].data.assignedTo, 1)
  local response = got[2].data
  lu.assertEquals(response.actionId, id)
  lu.assertEquals(response.groupId, wire.sales)
  lu.assertNotNil(response.responseId)
  lu.assertEquals(response.responseDetails.response.isCompleted, true)
  lu.assertNotNil(response.responseDetails.response.assignee)
end

function TestEvents.test_a_survey_by_its_action()
  local options = json.array { { title = "Yes" }, { title = "No" } }
  local questions = json.array {
    { title = "Hungry?", type = "SingleOption", options = options },
    { title = "Since", type = "Text" },
  }
  local id = post("/actions", { actionType = "Survey",
    actionBody = { title = "Lunch", questions = questions } }).actionId
  subscribe({ "SurveyResponse" }, { objectId = id, objectType = "Action" })
  post("/actions/" .. id .. "/responses", { actionType = "Survey", actionBody = {
    answers = json.array { json.array { "Yes" }, "noon" } } }, bruno)
  local got = arrived(1)[1]
  lu.assertEquals(got.objectType, "Action")
  lu.assertEquals(got.data.responder, wire.bruno)
  lu.assertEquals(got.data.isUpdateResponse, false)
  local answered = got.data.responseDetails.responseWithQuestions
  lu.assertEquals(answered[1].title, "Hungry?")
  lu.assertEquals(answered[1].type, "SingleOption")
  lu.assertEquals(answered[2].answer, "noon")
end

function TestEvents.test_an_anonymous_survey_names_nobody()
  local questions = json.array { { title = "Well?", type = "Text" } }
  local id = post("/actions", { actionType = "Survey",
    actionBody = { title = "Lunch", questions = questions, isAnonymous = true } }).actionId
  subscribe { "SurveyResponse" }
  subscribe({ "SurveyResponse" }, { objectId = id, objectType = "Action" })
  post("/actions/" .. id .. "/responses", { actionType = "Survey", actionBody = {
    answers = json.array { "no" } } }, bruno)
  for _, got in ipairs(arrived(2)) do
    lu.assertTrue(got.data.isAnonymous)
    lu.assertEquals({ got.fromUser, got.fromUserId, got.fromUserName, got.fromUserProfilePic },
      { "", "", "", "" })
    local said = assert(json.encode(got))
    for _, name in ipairs { wire.bruno, "Bruno" } do
      lu.assertNotStrContains(said, name)
    end
  end
end

function TestEvents.test_the_kinds_of_actions()
  subscribe { "Announcement", "PollCreated", "LetsMeetCreated", "AttachmentCreated", "SurveyCreated" }
  post("/actions", { actionType = "Announcement", actionBody = { title = "News", message = "Rain" } })
  post("/actions", { actionType = "Image",
    actionBody = { mediaResource = wire.upload "Image", caption = "A" } })
  post("/actions", { actionType = "Poll", actionBody = { question = "Tea?",
    choices = json.array { { title = "Yes" }, { title = "No" } } } })
  local got = arrived(3)
  lu.assertEquals(got[1].data, { title = "News", text = "Rain", media = {} })
  lu.assertEquals(got[2].data.actionType, "Image")
  lu.assertStrContains(got[2].data.media[1].mediaUrl, "http://")
  lu.assertEquals(got[3].eventType, "PollCreated")
end

function TestEvents.test_members_and_groups()
  subscribe { "MemberAdded", "MemberRemoved", "GroupAdded", "GroupRemoved" }
  local group = post("/subGroups", { groupName = "East", groupType = "Group" }).groupId
  wire.ok("DELETE", SALES .. "/subGroups/" .. group, { token = tenant })
  wire.ok("PUT", SALES .. "/members", { token = tenant, json = { members = json.array { "+33199999999" } } })
  wire.ok("PUT", SALES .. "/members", { token = tenant, json = { members = json.array { "+33199999999" } } })
  local got = arrived(3)
  wire.ok("DELETE", SALES .. "/members/" .. got[3].data.memberId, { token = tenant })
  got = arrived(4) -- who was a member already was not added again
  lu.assertEquals({ got[1].eventType, got[2].eventType, got[3].eventType, got[4].eventType },
    { "GroupAdded", "GroupRemoved", "MemberAdded", "MemberRemoved" })
  lu.assertEquals(got[1].data, { groupId = group, groupName = "East" })
  lu.assertEquals(got[4].data, got[3].data)
  lu.assertEquals(got[3].data.member, "+33199999999")
end

function TestEvents.test_what_is_refused_is_not_told()
  local id = subscribe { "TextMessageCreated" }
  wire.refused(400, "InvalidParameters", "POST", SALES .. "/messages",
    { token = tenant, json = { message = "" } })
  lu.assertEquals(deliveries(id), {})
end

local TestDelivery = { setUp = set_up, tearDown = tear_down }

function TestDelivery.test_six_retries_then_disabled_and_woken_without_a_loss()
  status = 500
  local id = subscribe { "TextMessageCreated" }
  post("/messages", { message = "1" })
  for attempt = 1, 6 do
    local shown = noted(id, attempt)
    lu.assertEquals(#shown.attempts, attempt)
    lu.assertEquals(shown.state, "waiting")
    wire.steer("clock", { advance_s = 35 * HOUR_S })
  end
  lu.assertEquals(noted(id, 7).attempts[7].status, 500)
  lu.assertEquals({ wire.state().webhooks[1].active, wire.state().webhooks[1].failed }, { false, true })
  post("/messages", { message = "2" }, wire.access()) -- the first token is too old by now
  wire.steer("clock", { advance_s = 48 * HOUR_S })
  lu.assertEquals(#arrived(7), 7)
  status = 200
  wire.ok("PUT", "/v1/webhook/" .. id, { token = wire.access(), json = { Active = "true" } })
  local got = arrived(9)
  lu.assertEquals({ got[8].data.text, got[9].data.text }, { "1", "2" })
  lu.assertEquals(got[8].eventId, got[1].eventId)
  lu.assertEquals({ wire.state().webhooks[1].active, wire.state().webhooks[1].failed }, { true, false })
end

function TestDelivery.test_the_beginning_of_replies_is_kept()
  slow = receivers.start(function(request, token)
    local json_text = '{"note":"a-header-value","password":"geheim"}'
    return { body = token or request.target == "/hook?json" and json_text
      or ("é"):rep(501) .. "a-value-to-send" .. ("é"):rep(100) .. "<end>" }
  end)
  local fields = { callBackUrl = slow.url, callBackToken = "a-value-to-send",
    callBackHeaders = { ["X-Key"] = "a-header-value" } }
  local long = subscribe({ "TextMessageCreated" }, fields)
  fields.callBackUrl = slow.url .. "?json"
  local short = subscribe({ "TextMessageCreated" }, fields)
  post("/messages", { message = "1" })
  local reply = noted(long, 1).attempts[1].reply
  lu.assertEquals(reply, ("é"):rep(501) .. "***" .. ("é"):rep(9)) -- 1023 bytes: no half of a character
  lu.assertEquals(json.decode(noted(short, 1).attempts[1].reply), { note = "***", password = "***" })
end

function TestDelivery.test_a_long_reply_is_no_failure()
  local kept, read = limits.webhook_reply_kept, limits.webhook_answer_bytes
  slow = receivers.start(function(request, token)
    local fails = not token and request.target == "/hook?fails"
    return { status = fails and 500 or 200, body = token or ("x"):rep(2 * read) }
  end)
  local good = subscribe({ "TextMessageCreated" }, { callBackUrl = slow.url })
  local bad = subscribe({ "TextMessageCreated" }, { callBackUrl = slow.url .. "?fails" })
  post("/messages", { message = "1" })
  local found, failed = noted(good, 1), noted(bad, 1)
  local try, other = found.attempts[1], failed.attempts[1]
  lu.assertEquals({ found.state, try.status, try.reply }, { "delivered", 200, ("x"):rep(kept) })
  lu.assertEquals({ failed.state, other.status, #other.reply }, { "waiting", 500, kept })
end

function TestDelivery.test_order_is_kept_and_others_do_not_wait()
  slow = receivers.start(function(request, token)
    if request.method == "POST" then
      task.sleep(0.3)
    end
    return { body = token or "" }
  end)
  local slow_id = subscribe({ "TextMessageCreated" }, { callBackUrl = slow.url })
  subscribe { "TextMessageCreated" }
  for i = 1, 5 do
    post("/messages", { message = tostring(i) })
  end
  local texts = {}
  for i, got in ipairs(arrived(5)) do
    texts[i] = got.data.text
  end
  lu.assertEquals(texts, { "1", "2", "3", "4", "5" })
  lu.assertEquals(deliveries(slow_id)[5].state, "waiting")
end

function TestDelivery.test_over_validity_nothing_is_sent()
  status = 503
  local id = subscribe({ "TextMessageCreated" }, { validity = (os.time() + 60) * 1000 })
  post("/messages", { message = "1" })
  noted(id, 1)
  wire.steer("clock", { advance_s = HOUR_S })
  for _ = 1, 500 do
    if deliveries(id)[1].state == "dropped" then
      break
    end
    task.sleep(0.01)
  end
  lu.assertEquals(deliveries(id)[1].state, "dropped")
  arrived(1)
end

function TestDelivery.test_sent_again()
  local id = subscribe { "TextMessageCreated" }
  post("/messages", { message = "1" })
  arrived(1)
  wire.steer("deliveries", { again = noted(id, 1).number })
  local got = arrived(2)
  lu.assertEquals(got[2], got[1])
  wire.refused(404, "NotFound", "POST", "/_sandbox/deliveries", { json = { again = 1000000 } })
end

function TestDelivery.test_not_to_itself_nor_to_link_local_addresses()
  for _, url in ipairs {
    wire.root .. "/v1/users/me", (wire.root:gsub("127%.0%.0%.1", "localhost")) .. "/",
    "https://169.254.169.254/latest", "https://[fe80::1]/",
    "https://[::ffff:a9fe:a9fe]/", "https://[2002:A9FE:a9fe::1]/", "http://192.0.2.1/",
  } do
    local fields = { objectId = wire.sales, objectType = "Group", callBackUrl = url,
      eventTypes = json.array { "JobCreated" } }
    lu.assertStrContains(wire.refused(400, "InvalidParameters", "POST", "/v1/webhook",
      { token = tenant, json = fields }), "callBackUrl")
  end
end

local TestTrigger = { setUp = set_up, tearDown = tear_down }

local CREATED = { "actionId", "groupId", "questions" }
local RESPONSE = {
  "actionId", "actionPackageId", "packageId", "groupId", "sourceGroupId", "responseId", "isUpdateResponse",
  "responder", "responderId", "creatorId", "responderName", "responderProfilePic", "isAnonymous",
  "responseDetails", "Properties",
}
local MEMBER = { "member", "memberId", "memberName", "type", "memberProfilePic" }
-- By event: the documented fields of its data.
local DOCUMENTED = {
  ActionCreated = CREATED, ActionResponse = RESPONSE, SurveyCreated = CREATED, SurveyResponse = RESPONSE,
  PollCreated = CREATED, PollResponse = RESPONSE, LetsMeetCreated = CREATED, LetsMeetResponse = RESPONSE,
  JobCreated = { "title", "assignedTo", "dueDate", "actionId", "groupId" },
  JobResponse = { "actionId", "groupId", "responseId", "responseDetails" },
  TextMessageCreated = { "text" },
  AttachmentCreated = { "media", "actionType", "caption" },
  Announcement = { "title", "text", "media" },
  MemberAdded = MEMBER, MemberRemoved = MEMBER,
  GroupAdded = { "groupId", "groupName" }, GroupRemoved = { "groupId", "groupName" },
}

local function all_types()
  local out = {}
  for name in pairs(DOCUMENTED) do out[#out + 1] = name end
  table.sort(out)
  return out
end

function TestTrigger.test_an_example_of_each_event()
  local types = all_types()
  lu.assertEquals(#types, 17)
  local id = subscribe(types)
  for _, name in ipairs(types) do
    local numbers = wire.steer("trigger", { event = name, group = wire.sales }).deliveries
    lu.assertEquals(#numbers, 1, name)
    local shown = deliveries(id)
    lu.assertEquals(shown[#shown].number, numbers[1])
  end
  for i, got in ipairs(arrived(17)) do
    lu.assertEquals(got.eventType, types[i])
    lu.assertEquals(got.fromUser, wire.alice)
    lu.assertEquals({ got.subscriptionId, got.groupId, got.objectId }, { id, wire.sales, wire.sales })
    for _, field in ipairs(DOCUMENTED[types[i]]) do
      lu.assertNotNil(got.data[field], types[i] .. "." .. field)
    end
  end
end

function TestTrigger.test_what_is_asked_and_answered()
  subscribe { "LetsMeetResponse" }
  wire.steer("trigger", { event = "letsmeetresponse" })
  lu.assertEquals(arrived(1)[1].data.responseDetails.responseWithQuestions, { {
    title = "An example meeting", type = "SingleOption", isInvisible = false, answer = { "Yes" },
    options = { { title = "Yes" }, { title = "No" }, { title = "Maybe" } },
  } })
end

function TestTrigger.test_those_of_actions_and_packages()
  local poll = { actionType = "Poll", actionBody = { question = "Tea?",
    choices = json.array { { title = "Yes" }, { title = "No" } } } }
  local first, second = post("/actions", poll).actionId, post("/actions", poll).actionId
  subscribe({ "PollResponse", "SurveyResponse" }, { objectId = first, objectType = "Action" })
  local own = subscribe({ "PollResponse" }, { objectId = second, objectType = "Action" })
  subscribe { "PollResponse" }
  wire.steer("trigger", { event = "PollResponse" }) -- of the newest that is watched
  local got = arrived(2)
  lu.assertEquals({ got[1].data.actionId, got[2].data.actionId }, { second, second })
  wire.ok("PUT", "/v1/webhook/" .. own, { token = tenant, json = { active = false } })
  wire.steer("trigger", { event = "PollResponse" })
  lu.assertEquals(arrived(4)[4].data.actionId, first)
  wire.ok("PUT", "/v1/webhook/" .. own, { token = tenant, json = { active = true } })
  wire.steer("trigger", { event = "PollResponse", data = { actionId = first } })
  lu.assertEquals(arrived(6)[6].data.actionId, first)
  lu.assertEquals(wire.steer("trigger", { event = "SurveyResponse" }).deliveries, {}) -- the action is a poll
  for _, package in ipairs { "com.example.inspection", "com.example.other" } do
    subscribe({ "ActionResponse" }, { objectId = package, objectType = "ActionPackage" })
    wire.steer("trigger", { event = "ActionResponse" })
  end
  wire.steer("trigger", { event = "ActionResponse", data = { packageId = "com.example.inspection" } })
  got = arrived(9)
  lu.assertEquals({ got[7].objectId, got[8].objectId, got[9].objectId },
    { "com.example.inspection", "com.example.other", "com.example.inspection" })
  lu.assertEquals({ got[7].data.packageId, got[8].data.actionPackageId, got[9].data.packageId },
    { "com.example.inspection", "com.example.other", "com.example.inspection" })
end

function TestTrigger.test_the_group_of_the_action_that_is_named()
  local path = "/v1/groups/" .. wire.news .. "/actions"
  local id = wire.ok("POST", path, { token = tenant, json = JOB }).actionId
  subscribe({ "JobResponse" }, { objectId = id, objectType = "Action" })
  wire.steer("trigger", { event = "JobResponse", data = { actionId = id } })
  lu.assertEquals(arrived(1)[1].groupId, wire.news)
end

function TestTrigger.test_own_data_and_the_first_group()
  subscribe { "Announcement" }
  wire.steer("trigger", { event = "Announcement", data = { text = "Mine", more = 1 } })
  local got = arrived(1)[1]
  lu.assertEquals(got.groupId, wire.sales)
  lu.assertEquals({ got.data.text, got.data.more, got.data.title }, { "Mine", 1, "An example announcement" })
end

function TestTrigger.test_only_those_who_subscribe()
  local id = subscribe { "JobCreated" }
  lu.assertEquals(wire.steer("trigger", { event = "Announcement" }).deliveries, {})
  lu.assertEquals(wire.steer("trigger", { event = "JobCreated", group = wire.news }).deliveries, {})
  lu.assertEquals(deliveries(id), {})
end

function TestTrigger.test_mistakes()
  local function refused(code, name, value)
    return wire.refused(code, name, "POST", "/_sandbox/trigger", { json = value })
  end
  local message = refused(400, "InvalidParameters", { event = "Earthquake" })
  lu.assertStrContains(message, "event: expected one of ActionCreated, ")
  lu.assertStrContains(message, "GroupRemoved")
  lu.assertStrContains(refused(400, "InvalidParameters", { group = wire.sales }), "event")
  lu.assertStrContains(refused(400, "InvalidParameters", { event = "JobCreated", data = "x" }), "data")
  lu.assertStrContains(refused(400, "InvalidParameters", { event = "JobCreated", to = "x" }), "to")
  lu.assertStrContains(refused(404, "NotFound", { event = "JobCreated",
    group = "00000000-0000-4000-8000-000000000000" }), "group: there is no group")
end

return wire.run { TestEvents = TestEvents, TestDelivery = TestDelivery, TestTrigger = TestTrigger }
