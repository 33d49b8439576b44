-- The portal's pages of webhooks: what is told, what came of it, and what is kept from sight.
package.path = require("jeton").folder .. "/../../?.lua;" .. package.path
local browser = require "browser"
local json = require "jeton.json"
local lu = require "luaunit"
local receivers = require "receivers"
local task = require "jeton.task"
local wire = require "wire"

local HOUR_S = 3600
local CONNECTOR = "/portal/connectors/" .. wire.application_id
local NOBODYS = "00000000-0000-4000-8000-000000000000"

local receiver, status

local EVENTS = {
  "ActionCreated", "ActionResponse", "SurveyCreated", "SurveyResponse", "JobCreated", "JobResponse",
  "PollCreated", "PollResponse", "LetsMeetCreated", "LetsMeetResponse", "TextMessageCreated",
  "AttachmentCreated", "Announcement", "MemberAdded", "MemberRemoved", "GroupAdded", "GroupRemoved",
}

local TestWebhooks = {}

function TestWebhooks.setUp()
  wire.reset()
  status = 200
  receiver = receivers.start(function(request, token)
    return { status = request.method == "GET" and 200 or status, body = token or "" }
  end)
end

function TestWebhooks.tearDown()
  receiver.close()
end

-- Subscribes; returns the webhook's id and page.
local function subscribe(change, token)
  local fields = { objectId = wire.sales, objectType = "Group", callBackUrl = receiver.url,
    eventTypes = json.array { "TextMessageCreated", "JobCreated" }, callBackToken = "a-callback-token",
    callBackHeaders = { ["X-Key"] = "a-header-value" } }
  for name, value in pairs(change or {}) do fields[name] = value end
  local id = wire.ok("POST", "/v1/webhook", { token = token or wire.access(), json = fields }).webhookId
  return id, CONNECTOR .. "/webhooks/" .. id
end

-- Waits until so many attempts of a delivery are noted.
local function noted(number, attempts)
  for _ = 1, 500 do
    for _, shown in ipairs(wire.ok("GET", "/_sandbox/deliveries").deliveries) do
      if shown.number == number and #shown.attempts >= attempts then return end
    end
    task.sleep(0.01)
  end
  lu.fail(("%d attempts were not made"):format(attempts))
end

-- Tells an event, and waits for the first attempt. Returns the number of the first webhook's delivery.
local function tell(event)
  local number = wire.steer("trigger", event or { event = "TextMessageCreated" }).deliveries[1]
  noted(number, 1)
  return number
end

local function words(body)
  return (browser.text(browser.main(body):gsub("<[^>]+>", " ")):gsub("%s+", " "))
end

function TestWebhooks.test_all_that_one_sees_with_what_they_were_told()
  local alice = browser.of "alice"
  lu.assertStrContains(alice:page "/portal/webhooks", "None yet. A program makes one")
  local _, path = subscribe { callBackUrl = receiver.url .. "?code=a-key" }
  tell()
  local page = alice:page "/portal/webhooks"
  lu.assertStrContains(page, 'href="' .. path .. '"')
  lu.assertStrMatches(words(page), ".*Group Sales Demo TextMessageCreated, JobCreated .*active.*"
    .. "TextMessageCreated Group Sales %d%d:%d%d:%d%d delivered 1 200.*")
  for _, secret in ipairs { "a-key", "a-callback-token", "a-header-value" } do
    lu.assertNotStrContains(page, secret)
  end
  -- The connector is Alice's, and so is the webhook.
  lu.assertStrContains(browser.of("chitra"):page "/portal/webhooks", "None yet.")
end

function TestWebhooks.test_the_connectors_list()
  local alice = browser.of "alice"
  lu.assertNotStrContains(browser.main(alice:page(CONNECTOR)), "Webhooks")
  local _, path = subscribe { callBackUrl = receiver.url .. "?code=a-key&plain" }
  local page = alice:page(CONNECTOR)
  lu.assertStrContains(page, 'href="' .. path .. '"')
  lu.assertStrContains(words(page), "Group Sales TextMessageCreated, JobCreated " .. receiver.url
    .. "?code=***&*** active")
  wire.steer("clock", { advance_s = 3 * 365 * 24 * HOUR_S })
  lu.assertStrContains(words(browser.of("alice", { language = "fr" }):page(CONNECTOR)), "*** expiré")
end

function TestWebhooks.test_deliveries_and_one_of_them()
  local _, path = subscribe()
  local alice = browser.of "alice"
  lu.assertStrContains(alice:page(path), "Nothing yet")
  local number = tell { event = "TextMessageCreated", data = {
    text = "<script>alert(1)</script>", note = "a-header-value and a-callback-token", password = "geheim" } }
  lu.assertStrMatches(words(alice:page(path)), ".*TextMessageCreated [^*]- delivered 1 200 .*")
  local page = alice:page(path .. "/" .. number)
  lu.assertStrContains(page, "&lt;script&gt;alert(1)&lt;/script&gt;")
  lu.assertNotStrContains(page, "<script>alert")
  lu.assertStrContains(words(page), '"eventType": "TextMessageCreated"')
  lu.assertStrContains(words(page), '"note": "*** and ***"')
  lu.assertNotStrContains(page, "geheim")
  lu.assertStrContains(words(browser.of("alice", { language = "fr" }):page(path .. "/" .. number)), "livré")
end

function TestWebhooks.test_a_large_delivery()
  local _, path = subscribe()
  local alice, long = browser.of "alice", ("'<"):rep(20000)
  local data = { a = long, b = "a-header-value", password = "geheim" }
  path = path .. "/" .. tell { event = "TextMessageCreated", data = data }
  local page = alice:page(path)
  lu.assertTrue(#page < 60000, tostring(#page))
  lu.assertStrContains(page, 'href="' .. path .. '/text"')
  local whole = alice:get(path .. "/text")
  lu.assertEquals(whole.headers["content-type"], "text/plain; charset=utf-8")
  lu.assertStrContains(whole.body, long)
  lu.assertStrContains(whole.body, '"b": "***"')
  lu.assertNotStrContains(whole.body, "geheim")
  lu.assertEquals(browser.new():get(path .. "/text").headers.location, "/portal/sign-in")
  lu.assertEquals(browser.of("chitra"):get(path .. "/text").status, alice:get(path .. "0/text").status)
end

-- The types of events that the page offers.
local function offered(page)
  local out = {}
  for name in page:match('<select id="field%-event".-</select>'):gmatch 'value="(%a+)"' do
    out[#out + 1] = name
  end
  return out
end

function TestWebhooks.test_an_example_of_any_event()
  local alice, path = browser.of "alice", "/portal/webhooks/example"
  lu.assertNotStrContains(alice:page "/portal/webhooks", "Try a receiver")
  local all = EVENTS
  local id = subscribe { eventTypes = json.array(all) }
  local types = offered(alice:page "/portal/webhooks")
  lu.assertItemsEquals(types, all)
  for i, event in ipairs(types) do
    local page = alice:page(("%s?webhook=%s&event=%s"):format(path, id, event))
    lu.assertStrContains(page, "Example: " .. event)
    local text = browser.text(page:match "<textarea.->(.-)</textarea>")
    lu.assertIsTable(json.decode(text))
    local shown = alice:submit(page, path, { data = text })
    lu.assertStrContains(shown, event .. ": 1 delivery.")
    lu.assertEquals(wire.ok("GET", "/_sandbox/deliveries").deliveries[i].body.data, json.decode(text))
  end
  local page = browser.of("alice", { language = "fr" }):page(path .. "?event=JobCreated&webhook=" .. id)
  lu.assertStrContains(page, "Informer les webhooks")
  lu.assertEquals(alice:send(page, path, { data = "{" }).status, 403) -- another session's form
  page = alice:page(path .. "?event=JobCreated&webhook=" .. id)
  for _, data in ipairs { "{", "1", "<script>" } do
    local refused = alice:send(page, path, { data = data })
    lu.assertEquals(refused.status, 400, data)
    lu.assertNotStrContains(refused.body, "<script>")
  end
  lu.assertEquals(alice:get(path .. "?event=Earthquake&webhook=" .. id).status, 400)
  lu.assertEquals(browser.of("bruno"):get(path .. "?event=JobCreated&webhook=" .. id).status, 404)
  lu.assertEquals(alice:get(path .. "?event=JobCreated").status, 404)
end

function TestWebhooks.test_an_example_of_an_action()
  local job = wire.ok("POST", ("/v1/groups/%s/actions"):format(wire.news), { token = wire.access(), json = {
    actionType = "Job", actionBody = { title = "Water", assignedTo = json.array { wire.bruno } } } }).actionId
  local id = subscribe { objectId = job, objectType = "Action", eventTypes = json.array { "JobResponse" } }
  local alice, path = browser.of "alice", "/portal/webhooks/example"
  local page = alice:page(path .. "?event=JobResponse&webhook=" .. id)
  lu.assertStrContains(page, job)
  lu.assertStrContains(alice:submit(page, path, {
    data = browser.text(page:match "<textarea.->(.-)</textarea>") }), "JobResponse: 1 delivery.")
  page = alice:page(path .. "?event=MemberAdded&webhook=" .. id)
  lu.assertStrContains(alice:submit(page, path, { data = "{}" }), "MemberAdded: no webhook subscribes to it")
end

function TestWebhooks.test_the_reply_of_an_attempt()
  receiver.close()
  receiver = receivers.start(function(_, token)
    return { body = token or "<b>Thanks</b> for a-header-value" }
  end)
  local _, path = subscribe()
  local page = browser.of("alice"):page(path .. "/" .. tell())
  lu.assertStrContains(page, "&lt;b&gt;Thanks&lt;/b&gt; for ***")
  lu.assertNotStrContains(page, "<b>Thanks")
end

function TestWebhooks.test_secrets_are_masked()
  local _, path = subscribe()
  local number = tell()
  local alice = browser.of "alice"
  lu.assertStrContains(alice:page(path), "X-Key: ***")
  for _, address in ipairs { CONNECTOR, path, path .. "/" .. number } do
    local page = alice:page(address)
    lu.assertNotStrContains(page, "a-callback-token")
    lu.assertNotStrContains(page, "a-header-value")
  end
end

function TestWebhooks.test_what_failed()
  local _, path = subscribe()
  status = 503
  local number = tell()
  local alice = browser.of "alice"
  lu.assertStrMatches(words(alice:page(path)), ".*waiting 1 503 .*")
  lu.assertStrContains(words(alice:page(path .. "/" .. number)), "Next attempt")
  receiver.close()
  wire.steer("clock", { advance_s = HOUR_S })
  noted(number, 2)
  lu.assertStrMatches(words(alice:page(path .. "/" .. number)), ".* 1 [^*]+ 503 — 2 [^*]+refused.*")
end

function TestWebhooks.test_sent_again()
  local _, path = subscribe()
  local number = tell()
  local alice = browser.of "alice"
  local page = alice:submit(alice:page(path .. "/" .. number), ("%s/%d/again"):format(path, number))
  lu.assertStrContains(page, ("as delivery no. %d."):format(number + 1))
  noted(number + 1, 1)
  lu.assertEquals(receiver.seen[3].body, receiver.seen[2].body)
  wire.steer("clock", { advance_s = 3 * 365 * 24 * HOUR_S }) -- nothing is sent any more
  lu.assertNotStrContains(browser.of("alice"):page(path .. "/" .. number), "Send again")
end

function TestWebhooks.test_enabled_again()
  local id, path = subscribe()
  lu.assertNotStrContains(browser.of("alice"):page(path), "Enable again")
  status = 500
  local number = tell()
  for attempt = 2, 7 do
    wire.steer("clock", { advance_s = 35 * HOUR_S })
    noted(number, attempt)
  end
  local alice = browser.of "alice"
  local page = alice:page(path)
  lu.assertStrContains(words(page), "failed")
  lu.assertStrContains(words(browser.of("alice", { language = "fr" }):page(path)), "Réactiver")
  status = 200
  lu.assertStrContains(alice:submit(page, path .. "/enable"), "The webhook is enabled.")
  noted(number, 8)
  page = alice:page(path)
  lu.assertNotStrContains(page, "Enable again")
  lu.assertStrContains(words(page), "delivered 8 200")
  wire.ok("PUT", "/v1/webhook/" .. id, { token = wire.access(), json = { active = false } })
  lu.assertStrContains(alice:submit(alice:page(path), path .. "/enable"), "active")
  lu.assertTrue(wire.state().webhooks[1].active)
end

function TestWebhooks.test_only_their_own_and_the_owners()
  local _, of_tenant = subscribe()
  local _, of_bruno = subscribe(nil, wire.access(wire.user_token))
  local alice, bruno = browser.of "alice", browser.of "bruno"
  local number = tell()
  lu.assertStrContains(alice:page(CONNECTOR), of_bruno)
  lu.assertStrContains(alice:page(of_bruno), "Bruno")
  lu.assertStrContains(bruno:page(CONNECTOR), of_bruno)
  lu.assertNotStrContains(bruno:page(CONNECTOR), of_tenant)
  lu.assertEquals(bruno:get(of_bruno .. "/" .. number + 1).status, 200)
  for _, path in ipairs { of_tenant, of_tenant .. "/" .. number, of_bruno .. "/" .. number,
    of_bruno .. "/1e999", of_bruno .. "/x", CONNECTOR .. "/webhooks/" .. NOBODYS } do
    lu.assertEquals(bruno:get(path).status, 404, path)
  end
  local before = wire.ok("GET", "/_sandbox/digest").digest
  local csrf = browser.form(bruno:page "/", "/portal/sign-out").csrf
  for _, path in ipairs { of_tenant .. "/enable", ("%s/%d/again"):format(of_tenant, number),
    ("%s/%d/again"):format(of_bruno, number) } do
    lu.assertEquals(bruno:request("POST", path, { form = { csrf = csrf } }).status, 404, path)
  end
  lu.assertEquals(wire.ok("GET", "/_sandbox/digest").digest, before)
  local french = browser.of("bruno", { language = "fr" })
  lu.assertStrContains(words(french:get(of_tenant).body), "Il n'y a plus de webhook ici")
  lu.assertStrContains(words(french:get(of_bruno .. "/" .. number).body),
    "Cette livraison n'est plus conservée")
end

return wire.run { TestWebhooks = TestWebhooks }
