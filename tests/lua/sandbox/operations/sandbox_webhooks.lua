-- Webhook subscriptions: that receivers are asked, and what is kept.
package.path = require("jeton").folder .. "/../../?.lua;" .. package.path
local json = require "jeton.json"
local lu = require "luaunit"
local names = require "kaizala.names"
local receivers = require "receivers"
local task = require "jeton.task"
local wire = require "wire"

local TWO_YEARS_MS = 2 * 365 * 86400 * 1000

local tenant, bruno, receiver

local function set_up()
  wire.reset()
  tenant, bruno = wire.access(), wire.access(wire.user_token)
  receiver = receivers.start()
end

local function tear_down()
  receiver.close()
end

local function fields(change)
  local out = { objectId = wire.sales, objectType = "Group", eventTypes = json.array { "TextMessageCreated" },
    callBackUrl = receiver.url }
  for name, value in pairs(change or {}) do out[name] = value end
  return out
end

local function create(change, token)
  return wire.ok("POST", "/v1/webhook", { token = token or tenant, json = fields(change) }).webhookId
end

local function refused(change, status, code)
  return wire.refused(status or 400, code or "InvalidParameters", "POST", "/v1/webhook",
    { token = tenant, json = fields(change) })
end

local function list(token, query)
  return wire.ok("GET", "/v1/webhook" .. (query or ""), { token = token or tenant }).webhooks
end

local TestCreating = { setUp = set_up, tearDown = tear_down }

function TestCreating.test_what_the_state_says()
  local before = os.time()
  local id = create({ callBackToken = "a-secret", callBackHeaders = { ["X-A"] = "another-secret" },
    callBackContext = { a = 1 } }, bruno)
  local state = wire.state()
  lu.assertEquals(state.counts.webhooks, 1)
  local webhook = state.webhooks[1]
  lu.assertAlmostEquals(names.iso_time(webhook.valid_until), before + TWO_YEARS_MS // 1000, 60)
  webhook.valid_until = nil
  lu.assertEquals(state.webhooks, { {
    id = id, connector = wire.application_id, user = wire.bruno, object = wire.sales, object_type = "Group",
    events = { "TextMessageCreated" }, url = receiver.url, context = { a = 1 }, active = true,
    failed = false,
  } })
end

function TestCreating.test_what_is_kept()
  local before = os.time()
  local id = create { callBackToken = "a-secret", callBackContext = { a = json.array { 1 } },
    callBackHeaders = { ["X-A"] = "b" },
    eventTypes = json.array { "jobcreated", "JobCreated", "MemberAdded" } }
  local found = list()
  lu.assertEquals(#found, 1)
  local webhook = found[1]
  lu.assertEquals(webhook.id, id)
  lu.assertEquals(webhook.objectId, wire.sales)
  lu.assertEquals(webhook.objectType, "Group")
  lu.assertEquals(webhook.events, { "JobCreated", "MemberAdded" })
  lu.assertEquals(webhook.callbackUrl, receiver.url)
  lu.assertEquals(webhook.callbackToken, "a-secret")
  lu.assertEquals(webhook.callbackContext, { a = { 1 } })
  lu.assertEquals(webhook.active, true)
  lu.assertAlmostEquals(webhook.validity, before * 1000 + TWO_YEARS_MS, 60000)
end

function TestCreating.test_how_the_receiver_is_asked()
  create()
  create { callBackUrl = receiver.url .. "?a=b" }
  lu.assertEquals(#receiver.seen, 2)
  lu.assertEquals(receiver.seen[1].method, "GET")
  lu.assertStrMatches(receiver.seen[1].target, "/hook%?validationToken=%w+")
  lu.assertStrMatches(receiver.seen[2].target, "/hook%?a=b&validationToken=%w+")
  lu.assertNotEquals(receiver.seen[1].query.validationToken, receiver.seen[2].query.validationToken)
end

function TestCreating.test_both_spellings()
  local id = wire.ok("POST", "/v1/webhook", { token = tenant, json = {
    objectId = wire.sales, objectType = "group", eventTypes = json.array { "Announcement" },
    callbackUrl = receiver.url, callbackToken = "t-1", callbackContext = "c",
  } }).webhookId
  lu.assertEquals(list()[1].callbackToken, "t-1")
  local shown = list()[1] -- by the names that it is listed with
  shown.events = json.array { "JobCreated" }
  wire.ok("PUT", "/v1/webhook/" .. id, { token = tenant, json = shown })
  lu.assertEquals(list()[1].events, { "JobCreated" })
  wire.ok("PUT", "/v1/webhook/" .. id, { token = tenant, json = { callbackContext = "d" } })
  lu.assertEquals(list()[1].callbackContext, "d")
end

function TestCreating.test_receivers_that_are_refused()
  local answers = {
    function() return { body = "something else" } end,
    function(_, token) return { body = token .. "x" } end,
    function() return { body = "" } end,
    function(_, token) return { status = 500, body = token } end,
    function(_, token) return { status = 302, headers = { Location = receiver.url }, body = token } end,
    function(_, token) return { body = token .. (" "):rep(10000) } end,
    function() return { drop = true } end,
  }
  for i, answer in ipairs(answers) do
    local bad = receivers.start(answer)
    lu.assertStrContains(refused { callBackUrl = bad.url }, "callBackUrl", false, tostring(i))
    bad.close()
  end
  local gone = receivers.start()
  gone.close()
  refused { callBackUrl = gone.url }
  lu.assertEquals(#list(), 0)
end

function TestCreating.test_a_receiver_that_is_slow()
  local slow = receivers.start(function(_, token)
    task.sleep(8)
    return { body = token }
  end)
  local started = os.time()
  -- Others are served in the meantime.
  local other = task.spawn(create)
  lu.assertStrContains(refused { callBackUrl = slow.url }, "5 seconds")
  local took = os.time() - started
  lu.assertTrue(took >= 4 and took <= 7, tostring(took))
  other:join()
  lu.assertEquals(#list(), 1)
  slow.close()
end

function TestCreating.test_which_urls()
  for _, url in ipairs {
    "http://receiver.example/", "http://127.0.0.1.evil.example/", "ftp://127.0.0.1/", "127.0.0.1", "x",
    "https://user:password@receiver.example/", "http://127.0.0.1/#x", "https://a b/",
  } do
    refused { callBackUrl = url }
  end
end

function TestCreating.test_values_that_are_refused()
  for _, change in ipairs {
    { eventTypes = json.array {} }, { eventTypes = json.array { "Nothing" } },
    { validity = os.time() * 1000 - 1000 }, { validity = os.time() },
    { callBackHeaders = { ["KZ-Callback-Token"] = "b" } },
    { callBackHeaders = { ["Proxy-Connection"] = "a" } },
    { callBackHeaders = { ["Transfer-Encoding"] = "chunked" } }, { callBackHeaders = { host = "a" } },
    { callBackHeaders = { ["X A"] = "b" } }, { callBackHeaders = { A = "b\r\nC: d" } },
    { callBackToken = "a\r\nB: c" }, { callBackHeaders = { A = 5 } }, { callBackContext = ("x"):rep(5000) },
    { callBackUrl = "https://x.example/" .. ("x"):rep(9000) },
  } do
    refused(change)
  end
  lu.assertEquals(#receiver.seen, 0)
end

function TestCreating.test_what_it_may_be_about()
  refused({ objectId = "00000000-0000-4000-8000-000000000000" }, 404, "NotFound")
  refused({ objectType = "Action" }, 404, "NotFound")
  local action = wire.ok("POST", "/v1/groups/" .. wire.sales .. "/actions", { token = tenant, json = {
    actionType = "Job", actionBody = { title = "Do it", assignedTo = json.array { wire.bruno } },
  } }).actionId
  create { objectType = "Action", objectId = action }
  create { objectType = "ActionPackage", objectId = "com.example.package" }
  create({}, bruno)
  local other = wire.ok("POST", "/v1/groups", { token = tenant, json = { name = "Other" } }).groupId
  wire.refused(403, "PermissionDenied", "POST", "/v1/webhook",
    { token = bruno, json = fields { objectId = other } })
end

local TestKeeping = { setUp = set_up, tearDown = tear_down }

function TestKeeping.test_filters()
  create()
  create { objectId = wire.news }
  create { objectType = "ActionPackage", objectId = "com.example.package" }
  lu.assertEquals(#list(), 3)
  lu.assertEquals(#list(tenant, "?objectId=" .. wire.news), 1)
  lu.assertEquals(#list(tenant, "?objectType=group"), 2)
  lu.assertEquals(#list(tenant, "?objectType=ActionPackage&objectId=" .. wire.news), 0)
end

function TestKeeping.test_whose_they_are()
  local of_alice, of_bruno = create(), create({}, bruno)
  lu.assertEquals(#list(bruno), 1)
  lu.assertEquals(#list(tenant), 2)
  for _, method in ipairs { "PUT", "DELETE" } do
    wire.refused(404, "NotFound", method, "/v1/webhook/" .. of_alice, { token = bruno, json = {} })
  end
  local made = wire.steer("connectors", { name = "Other", owner = wire.alice,
    tokens = json.array { { user = wire.alice } } })
  local other = wire.ok("GET", "/v1/accessToken", { headers = {
    applicationId = made.id, applicationSecret = made.secret, refreshToken = made.tokens[1].refresh_token,
  } }).accessToken
  lu.assertEquals(#list(other), 0)
  wire.refused(404, "NotFound", "DELETE", "/v1/webhook/" .. of_bruno, { token = other })
  wire.ok("DELETE", "/v1/webhook/" .. of_bruno, { token = tenant })
  lu.assertEquals(#list(tenant), 1)
end

function TestKeeping.test_a_group_token_sees_those_of_its_group()
  local group_token = wire.access(wire.group_token) -- of Alice, as the tenant-level one
  local here, elsewhere = create(nil, tenant), create({ objectId = wire.news }, tenant)
  local seen = list(group_token)
  lu.assertEquals({ #seen, seen[1].id }, { 1, here })
  wire.ok("PUT", "/v1/webhook/" .. here, { token = group_token, json = { active = false } })
  wire.refused(404, "NotFound", "PUT", "/v1/webhook/" .. elsewhere,
    { token = group_token, json = { callBackToken = "mine" } })
  wire.refused(404, "NotFound", "DELETE", "/v1/webhook/" .. elsewhere, { token = group_token })
  lu.assertEquals(#list(tenant), 2)
end

function TestKeeping.test_changes()
  local id = create { callBackToken = "t-1", callBackContext = "c" }
  local polls = { eventTypes = json.array { "PollCreated" } }
  wire.ok("PUT", "/v1/webhook/" .. id, { token = tenant, json = polls })
  lu.assertEquals(list()[1].events, { "PollCreated" })
  lu.assertEquals(list()[1].callbackToken, "t-1")
  lu.assertEquals(#receiver.seen, 1)
  local bad = receivers.start(function() return { body = "no" } end)
  wire.refused(400, "InvalidParameters", "PUT", "/v1/webhook/" .. id,
    { token = tenant, json = { callBackUrl = bad.url } })
  bad.close()
  lu.assertEquals(list()[1].callbackUrl, receiver.url)
  wire.ok("PUT", "/v1/webhook/" .. id, { token = tenant, json = { callBackUrl = receiver.url .. "2" } })
  lu.assertEquals(list()[1].callbackUrl, receiver.url .. "2")
  lu.assertEquals(#receiver.seen, 2)
end

function TestKeeping.test_disabled_and_woken()
  local id = create()
  wire.ok("PUT", "/v1/webhook/" .. id, { token = tenant, json = { active = false } })
  lu.assertEquals(list()[1].active, false)
  wire.ok("PUT", "/v1/webhook/" .. id, { token = tenant, json = { Active = "true" } })
  lu.assertEquals(list()[1].active, true)
end

function TestKeeping.test_validity()
  local now = wire.state().clock.now
  create { validity = (now + 3600) * 1000 }
  lu.assertEquals(list()[1].validity, (now + 3600) * 1000)
  create { validity = now + 7200 } -- in seconds
  lu.assertEquals(list()[2].validity, (now + 7200) * 1000)
  create { validity = 0 } -- not given
  lu.assertAlmostEquals(list()[3].validity, now * 1000 + TWO_YEARS_MS, 60000)
  wire.steer("clock", { advance_s = 3700 })
  lu.assertEquals(list()[1].active, false)
end

function TestKeeping.test_what_arrived_is_shown_without_secrets()
  create { callBackToken = "a-secret-token", callBackHeaders = { Authorization = "a-secret-header" } }
  local text = json.encode((wire.ok("GET", "/_sandbox/requests")))
  lu.assertNil(text:find("a-secret", 1, true))
end

return wire.run { TestCreating = TestCreating, TestKeeping = TestKeeping }
