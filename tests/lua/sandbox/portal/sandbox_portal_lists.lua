-- The portal's pages of people, the API's reference, and an item as programs see it.
package.path = require("jeton").folder .. "/../../?.lua;" .. package.path
local browser = require "browser"
local json = require "jeton.json"
local lu = require "luaunit"
local receivers = require "receivers"
local talking = require "talking"
local wire = require "wire"

local PAGE_BYTES = 60000 -- of any page, without pictures
local GRANTS = 3 -- tokens of the demo connector

local TestPeople = {}

function TestPeople.setUp()
  wire.reset()
end

local function rows(body)
  local _, count = body:gsub('role="rowheader"', "")
  return count
end

-- Rows of all pages of a list, beside the rows of other lists, which are on each of them.
local function rows_of_all(who, at, name)
  local seen = 0
  while at do
    local body = who:page(at)
    seen = seen + rows(body)
    at = body:match('href="([^"#]*' .. name .. '=[^"#]*)#?%a*">Next')
  end
  return seen
end

function TestPeople.test_everybody_in_pages_and_found()
  for i = 1, 120 do
    wire.steer("users", {
      phone = ("+3320000%04d"):format(i), name = "Person <" .. i .. ">", provisioned = i > 5,
    })
  end
  wire.ok("POST", "/v1/bot", { token = wire.access(), json = { name = "Helper" } })
  local alice = browser.of "alice"
  local first = alice:page "/portal/people"
  lu.assertEquals(rows(first), 100)
  lu.assertStrContains(first, "Person &lt;1&gt;")
  local second = alice:page(browser.text(first:match 'href="([^"]*after=[^"]*)"'))
  lu.assertEquals(rows(first) + rows(second), #wire.state().users)
  for query, count in pairs {
    ["query=%3C77%3E"] = 1, ["query=ALICE%40"] = 1, ["query=20000007"] = 10, ["query=%25"] = 0,
    ["kind=invited"] = 6, ["kind=bots"] = 1, ["kind=admins"] = 1, ["kind=x%27"] = 100,
  } do
    lu.assertEquals(rows(alice:page("/portal/people?" .. query)), count, query)
  end
  lu.assertStrContains(alice:page "/portal/people?kind=bots", "made by Alice Martin")
end

function TestPeople.test_adding_one()
  local alice, page = browser.of "alice", "/portal/people"
  local body = alice:submit(alice:page(page), page, {
    phone = "+33 1 00 00 00 99", name = "Ève", email = "eve@contoso.example" })
  lu.assertStrContains(body, "Ève was added.")
  lu.assertStrContains(browser.new():sign_in "eve@contoso.example", "Add a phone number")
  for fields, says in pairs {
    [{ phone = "12" }] = "Enter a phone number with",
    [{ phone = "+33100000099" }] = "Somebody has this number already.",
    [{ phone = "+33100000098", email = "EVE@contoso.example" }] = "Somebody has this e-mail address already.",
  } do
    local response = alice:send(alice:page(page), page, fields)
    lu.assertEquals(response.status, 400)
    lu.assertStrContains(response.body, says)
  end
  local long = alice:send(alice:page(page), page, { phone = "+33100000097", name = ("x"):rep(101) })
  lu.assertEquals(long.status, 400)
  local bruno = browser.of "bruno"
  local form = { csrf = browser.form(bruno:page(page), "/portal/sign-out").csrf, phone = "+33100000096" }
  lu.assertEquals(bruno:request("POST", page, { form = form }).status, 403)
end

function TestPeople.test_changing_one()
  local alice, bruno = browser.of "alice", browser.of "bruno"
  local ids = {}
  for _, user in ipairs(wire.state().users) do ids[user.phone] = user.id end
  local function page(phone) return "/portal/people/" .. ids[phone] .. "/edit" end
  local his, hers = page "+33100000002", page(wire.alice)
  lu.assertStrContains(alice:page "/portal/people", 'href="' .. his .. '"')
  lu.assertNotStrContains(bruno:page "/portal/people", 'href="' .. hers .. '"')
  lu.assertStrContains(alice:submit(alice:page(his), his, {
    name = "Bruno <B>", email = "bb@contoso.example", tenant_admin = "yes" }), "Bruno &lt;B&gt; was changed.")
  lu.assertStrContains(bruno:page(hers), "Alice Martin") -- he is an admin now
  lu.assertStrContains(alice:submit(alice:page(his), his, { name = "Bruno", email = "bb@contoso.example" }),
    "Bruno was changed.")
  -- He is none any more, and cannot make himself one.
  lu.assertEquals(bruno:request("GET", hers).status, 404)
  lu.assertStrContains(bruno:submit(bruno:page(his), his, {
    name = "B", email = "b@contoso.example", tenant_admin = "yes" }), "B was changed.")
  lu.assertEquals(bruno:request("GET", hers).status, 404)
  for fields, says in pairs {
    [{ name = "x", email = "ALICE@contoso.example" }] = "Somebody has this e-mail address already.",
    [{ name = "x", email = "" }] = "please fill it in", -- he could not sign in again
  } do
    local response = bruno:send(bruno:page(his), his, fields)
    lu.assertEquals(response.status, 400)
    lu.assertStrContains(response.body, says)
  end
  -- An admin stays one, whatever the form says.
  alice:submit(alice:page(hers), hers, { name = "Alice", email = "alice@contoso.example" })
  lu.assertStrContains(alice:page "/portal/people", "Add a person")
  local bot = wire.ok("POST", "/v1/bot", { token = wire.access(), json = { name = "Helper" } })
  lu.assertEquals(alice:request("GET", "/portal/people/" .. bot.botUserId .. "/edit").status, 404)
end

local TestWeight = { setUp = TestPeople.setUp }
local receiver

function TestWeight.tearDown()
  if receiver then receiver.close() end
  receiver = nil
end

-- With more of everything than a page shows.
function TestWeight.test_long_lists_make_no_heavy_pages()
  local long = ("x"):rep(90)
  local phones, token = {}, wire.access()
  for i = 1, 130 do
    phones[i] = ("+3320000%04d"):format(i)
    wire.steer("groups", { name = long .. i, admins = { wire.alice }, members = { phones[i] } })
    wire.steer("connectors", {
      name = long .. i, owner = wire.alice, tokens = { { user = wire.alice } },
    })
    wire.steer("connectors", { id = wire.application_id, tokens = { { user = wire.alice } } })
    if i <= 60 then
      wire.ok("POST", "/v1/groups/" .. wire.sales .. "/messages", {
        token = token, json = { message = long },
      })
    end
  end
  wire.ok("PUT", "/v1/groups/" .. wire.sales .. "/members", { token = token, json = { members = phones } })
  local alice, sales = browser.of "alice", "/portal/groups/" .. wire.sales
  for _, path in ipairs {
    "/portal/groups", "/portal/groups?query=xx", "/portal/connectors", "/portal/people", "/portal/sms",
    "/portal/traffic", sales .. "/members", sales .. "/conversation", sales .. "/connectors",
    "/portal/connectors/" .. wire.application_id,
  } do
    local size = #alice:page(path)
    lu.assertTrue(size < PAGE_BYTES, path .. " " .. size)
  end
  lu.assertEquals(rows_of_all(alice, sales .. "/members", "from"), 134) -- no member is out of reach
  lu.assertEquals(rows_of_all(alice, "/portal/connectors/" .. wire.application_id, "tokens"), 130 + GRANTS)
end

-- Pages from the newest to the oldest: none is heavy, and what they show is counted.
local function count_older(who, path, pattern)
  local seen, pages = 0, 0
  while path do
    local body = who:page(path)
    lu.assertTrue(#body < PAGE_BYTES, path .. " " .. #body)
    seen, pages = seen + select(2, body:gsub(pattern, "")), pages + 1
    local older = body:match 'href="([^"]*before=[^"]*)"[^>]*>Older<'
    path = older and browser.text(older)
  end
  return seen, pages
end

function TestWeight.test_requests_with_long_paths()
  local token = wire.access()
  wire.steer("switches", { per_minute = 0, tenant_per_minute = 0 })
  for i = 1, 240 do
    local long = i % 3 == 0 and ("/" .. ("é"):rep(1500)) or "/actions/" .. ("x"):rep(80)
    wire.call("GET", "/v1/groups/" .. wire.sales .. long .. i, { token = token })
  end
  local alice = browser.of "alice"
  local row = 'href="/portal/traffic/%d+"'
  local seen, pages = count_older(alice, "/portal/traffic", row)
  lu.assertTrue(seen >= 240 and pages > 2, seen .. " in " .. pages)
  lu.assertEquals(count_older(alice, "/portal/traffic?method=GET&query=xxx", row), 160)
  local body = alice:page "/portal/traffic?query=xxx&method=GET"
  lu.assertStrContains(body, "method=GET&amp;query=xxx")
  lu.assertStrContains(body, "data-live")
  local second = alice:page(browser.text(body:match 'href="([^"]*before=[^"]*)"'))
  lu.assertStrContains(second, 'href="/portal/traffic?method=GET&amp;query=xxx">Back to the newest<')
  lu.assertNotStrContains(second, "data-live")
end

-- The page of a call has the begin of all that it was; all of it is a text, masked as well.
function TestWeight.test_a_large_call()
  local token, long = wire.access(), ('"&'):rep(800)
  local headers = { ["X-Secret"] = "hush-hush" }
  for i = 1, 4 do headers["X-Long-" .. i] = long end
  wire.call("POST", "/v1/groups/" .. wire.sales .. "/messages?note=" .. ("%26"):rep(2000), {
    token = token, headers = headers, json = { message = ("'\""):rep(3500) .. " hush-hush end" },
  })
  local alice = browser.of "alice"
  local path = alice:page("/portal/traffic"):match 'href="(/portal/traffic/%d+)"'
  local body = alice:page(path)
  lu.assertTrue(#body < PAGE_BYTES, tostring(#body))
  lu.assertStrContains(body, 'href="' .. path .. '/text"')
  local whole = alice:get(path .. "/text")
  lu.assertEquals(whole.headers["content-type"], "text/plain; charset=utf-8")
  lu.assertEquals(whole.headers["x-content-type-options"], "nosniff")
  lu.assertStrContains(whole.body, " *** end")
  lu.assertStrContains(whole.body, long)
  for _, secret in ipairs { "hush-hush", token } do
    lu.assertNotStrContains(whole.body, secret)
  end
  lu.assertEquals(browser.new():get(path .. "/text").headers.location, "/portal/sign-in")
  lu.assertEquals(alice:get("/portal/traffic/999/text").status, 404)
  wire.call("POST", "/v1/groups/" .. wire.sales .. "/messages", {
    token = token, json = { message = ("x"):rep(9000) },
  })
  path = alice:page("/portal/traffic"):match 'href="(/portal/traffic/%d+)"'
  lu.assertStrContains(alice:page(path), "--data-binary @body") -- the command is whole without its body
end

function TestWeight.test_a_conversation_of_long_texts()
  local group, token = "/v1/groups/" .. wire.sales, wire.access()
  wire.steer("switches", { per_minute = 0, tenant_per_minute = 0 })
  local function say(message)
    wire.ok("POST", group .. "/messages", { token = token, json = { message = message } })
  end
  local function ask(count)
    local questions = {}
    for i = 1, count do
      questions[i] = { title = "Question " .. i, type = "SingleOption", options = {
        { title = "Yes" }, { title = "No" }, { title = "Perhaps" }, { title = "Another" } } }
    end
    return wire.ok("POST", group .. "/actions", { token = token, json = {
      actionType = "Survey", actionBody = { title = "Training", questions = questions } } }).referenceId
  end
  for _ = 1, 20 do
    say(("Lorem ipsum dolor sit amet. "):rep(140))
    say(('"'):rep(4000))
    ask(10)
  end
  local alice, path = browser.of "alice", "/portal/groups/" .. wire.sales .. "/conversation"
  local seen, pages = count_older(alice, path, "<article ")
  lu.assertEquals(seen, 60)
  lu.assertTrue(pages > 60 // 16)
  -- One that would be heavy by itself is seen on its own page.
  local large = ask(90)
  local link = 'href="(' .. path:gsub("%-", "%%-") .. "/" .. large:gsub("%-", "%%-") .. ')">Too long'
  local whole = assert(alice:page(path):match(link))
  lu.assertEquals(count_older(alice, path, "<article "), 61)
  lu.assertStrContains(alice:page(whole), ">Question 1<")
  lu.assertStrContains(alice:page(whole .. "?questions=80"), ">Question 90<")
end

local function options(count, title)
  local list = {}
  for i = 1, count do list[i] = { title = title .. " " .. i } end
  return list
end

-- Goes through the parts of a survey's form, answering with `fields`, to the page after the last.
local function answer_parts(who, at, fields)
  local body, parts = who:page(at), 0
  while true do
    parts = parts + 1
    lu.assertTrue(#body < PAGE_BYTES, #body .. " of part " .. parts)
    local from = tonumber(body:match 'name="from" type="hidden" value="(%d+)"')
    local last = tonumber(body:match 'name="last" type="hidden" value="(%d+)"')
    local given = {}
    for number, values in pairs(fields) do
      if number > from and number <= last then
        for name, value in pairs(values) do given[name] = value end
      end
    end
    given.go = body:match 'name="go" value="(%d+)">Next questions<'
    body = who:submit(body, at .. "/answer", given)
    if not given.go then return body, parts end
  end
end

-- A survey's form is in parts, and sends all that was entered in any of them; a poll's choices are in pages.
function TestWeight.test_surveys_and_polls_of_very_many_options()
  local group, token = "/v1/groups/" .. wire.sales, wire.access()
  local function post(kind, body)
    return wire.ok("POST", group .. "/actions", {
      token = token, json = { actionType = kind, actionBody = body },
    })
  end
  local questions = {}
  for i = 1, 60 do
    questions[i] = {
      title = ("%d. How was this part of it?"):format(i),
      type = i % 2 == 0 and "MultiOption" or "SingleOption",
      options = i < 58 and options(20, "Rather good") or options(100, ('"'):rep(900)),
    }
  end
  questions[30] = { title = "Why?", type = "Text" }
  local survey = post("Survey", { title = "S", questions = questions })
  local alice, at = browser.of "alice", "/portal/groups/" .. wire.sales .. "/conversation/"
  local _, parts = answer_parts(alice, at .. survey.referenceId, {
    [1] = { answer_1 = "7" }, [2] = { answer_2_3 = "yes", answer_2_20 = "yes" },
    [30] = { answer_30 = "Because" }, [60] = { answer_60_100 = "yes" },
  })
  lu.assertTrue(parts > 3)
  local function answers()
    local responses = talking.details(survey.actionId).responses
    lu.assertEquals(#responses, 1)
    return responses[1].answers
  end
  local given = answers()
  lu.assertEquals({ given[1], given[2], given[3], given[30] },
    { { "Rather good 7" }, { "Rather good 3", "Rather good 20" }, json.null, "Because" })
  lu.assertEquals(given[60], { questions[60].options[100].title })
  -- What she does not change stays.
  answer_parts(alice, at .. survey.referenceId, { [4] = { answer_4_1 = "yes" } })
  lu.assertEquals({ answers()[30], answers()[4] }, { "Because", { "Rather good 1" } })
  local poll = post("Poll", { question = "Where?", choices = options(100, "Restaurant number") })
  local page, seen = alice:page(at .. poll.referenceId), 0
  while page do
    lu.assertTrue(#page < PAGE_BYTES, tostring(#page))
    seen = seen + select(2, page:gsub('type="radio"', ""))
    local more = page:match 'href="([^"]*choices=[^"]*)">Next'
    page = more and alice:page(browser.text(more))
  end
  lu.assertEquals(seen, 100)
  alice:submit(alice:page(at .. poll.referenceId .. "?choices=90"), at .. poll.referenceId .. "/answer",
    { answer_1 = "99" })
  lu.assertStrContains(alice:page(at .. poll.referenceId .. "?choices=90"), "1 · 100%")
end

-- Of a connector's page, of a webhook's own, and of the page of all of them.
function TestWeight.test_webhooks_and_deliveries_are_reached_to_the_last()
  receiver = receivers.start(function(_, token) return { body = token or "" } end)
  local token, id = wire.access()
  for i = 1, 55 do
    id = wire.ok("POST", "/v1/webhook", { token = token, json = {
      objectId = wire.sales, objectType = "Group", callBackUrl = receiver.url,
      eventTypes = { i == 55 and "JobCreated" or "PollCreated" },
    } }).webhookId
  end
  for _ = 1, 55 do wire.steer("trigger", { event = "JobCreated" }) end
  local alice, connector = browser.of "alice", "/portal/connectors/" .. wire.application_id
  lu.assertEquals(rows_of_all(alice, connector, "webhooks"), 55 + 2 * GRANTS)
  lu.assertEquals(rows_of_all(alice, "/portal/webhooks", "hooks"), 55 + 2 * 30)
  lu.assertEquals(rows_of_all(alice, "/portal/webhooks", "deliveries"), 55 + 2 * 30)
  lu.assertEquals(rows_of_all(alice, connector .. "/webhooks/" .. id, "from"), 55)
  for _, path in ipairs { "/portal/webhooks", connector, connector .. "/webhooks/" .. id } do
    local size = #alice:page(path)
    lu.assertTrue(size < PAGE_BYTES, path .. " " .. size)
  end
end

function TestWeight.test_groups_that_one_follows_are_reached_to_the_last()
  local chitra = "+33100000003"
  for i = 1, 55 do
    wire.steer("groups", { name = "Public " .. i, type = "ConnectGroup", admins = { wire.alice },
      subscribers = { chitra } })
  end
  local visitor = browser.of "chitra"
  local first = visitor:page "/portal/groups"
  local second = visitor:page(browser.text(first:match 'href="([^"]*followed=50[^"]*)"'))
  lu.assertStrContains(first, ">Public 1<")
  lu.assertNotStrContains(first, ">Public 55<")
  lu.assertStrContains(second, ">Public 55<")
end

local TestReference = { setUp = TestPeople.setUp }

function TestReference.test_each_operation_has_a_page()
  local alice = browser.of "alice"
  local body, count = alice:page "/portal/reference", 0
  for path in body:gmatch 'href="(/portal/reference/[^"]+)"' do
    count = count + 1
    local page = alice:page(path)
    lu.assertNotStrContains(page, "`")
    lu.assertTrue(#page < PAGE_BYTES, path .. " " .. #page)
  end
  lu.assertEquals(count, #require "sandbox.operations")
  lu.assertEquals(alice:get("/portal/reference/none").status, 404)
  -- One with very many fields has several pages.
  local path, seen, operation = "/portal/reference/actions.get", 0, nil
  for _, one in ipairs(require "sandbox.operations") do
    operation = one.name == "actions.get" and one or operation
  end
  while path do
    body = alice:page(path)
    seen = seen + rows(body)
    local more = body:match 'href="([^"]*from=[^"]*)">Next'
    path = more and browser.text(more)
  end
  lu.assertEquals(seen, #require("sandbox.reference").rows(operation))
  lu.assertStrContains(alice:page "/portal/reference/members.add", "<code>groupmember.write</code>")
end

local TestRaw = { setUp = TestPeople.setUp }

function TestRaw.test_a_message_and_an_action()
  local alice, token = browser.of "alice", wire.access()
  local path = "/portal/groups/" .. wire.sales .. "/conversation/"
  local sent = wire.ok("POST", "/v1/groups/" .. wire.sales .. "/messages",
    { token = token, json = { message = "<b>&" } })
  local function raw(reference, query)
    local body = alice:page(path .. reference .. (query or ""))
    return json.decode(browser.text(body:match '<code id="raw">(.-)</code>'))
  end
  local message = raw(sent.referenceId)
  lu.assertEquals({ message.message, message.sender, message.applicationId },
    { "<b>&", wire.alice, wire.application_id })
  local poll = wire.ok("POST", "/v1/groups/" .. wire.sales .. "/actions", { token = token, json = {
    actionType = "Poll",
    actionBody = { question = "Tea?", choices = { { title = "Green" }, { title = "Black" } } },
  } })
  lu.assertEquals(raw(poll.referenceId), wire.ok("GET",
    "/v1/groups/" .. wire.sales .. "/actions/" .. poll.actionId .. "?getDetails=true", { token = token }))
  lu.assertNotNil(raw(poll.referenceId, "?as=" .. talking.bruno))
end

return wire.run {
  TestPeople = TestPeople, TestWeight = TestWeight, TestReference = TestReference, TestRaw = TestRaw,
}
