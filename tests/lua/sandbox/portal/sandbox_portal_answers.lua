-- Answering by hand in the portal, as somebody of the group; read back by the API, as scripts do.
package.path = require("jeton").folder .. "/../../?.lua;" .. package.path
local browser = require "browser"
local json = require "jeton.json"
local kaizala = require "kaizala"
local lu = require "luaunit"
local receivers = require "receivers"
local talking = require "talking"
local task = require "jeton.task"
local wire = require "wire"

local item, text, path = talking.item, talking.text, talking.path

-- The page of the conversation as Alice, who acts as somebody.
local function as(name, reference_id)
  local alice = browser.of "alice"
  return alice, alice:page(path(reference_id) .. "?as=" .. talking[name])
end

local TestPolls = {}

function TestPolls.test_answered_by_hand_and_read_by_a_script()
  local poll = talking.act("Poll", talking.poll)
  local alice, body = as("bruno")
  body = alice:submit(body, path(poll.referenceId) .. "/answer", { answer_1 = "2" })
  lu.assertStrContains(body, "Answered as Bruno Keller.")
  local shown = item(body, poll.referenceId)
  lu.assertStrContains(text(shown), "Green 0 · 0% Black 1 · 100%")
  lu.assertStrContains(shown, '<rect class="bar-part" height="8" width="100.00"></rect>')
  lu.assertStrContains(shown, "Change the answer")
  -- As docs/sandbox.md shows it.
  local answers = kaizala.connect():group(wire.sales):action(poll.actionId):details().responses
  lu.assertEquals(#answers, 1)
  lu.assertEquals(answers[1].answers, { ["Tea?"] = "Black" })
  lu.assertEquals({ answers[1].responder, answers[1].responder_name }, { wire.bruno, "Bruno Keller" })
end

function TestPolls.test_another_answer_takes_the_place_of_the_first()
  local poll = talking.act("Poll", talking.poll)
  local alice, body = as("bruno")
  body = alice:submit(body, path(poll.referenceId) .. "/answer", { answer_1 = "2" })
  lu.assertStrMatches(item(body, poll.referenceId), '.*<input checked id="[^"]*%-2" name="answer_1".*')
  alice:submit(body, path(poll.referenceId) .. "/answer", { answer_1 = "1" })
  local details = talking.details(poll.actionId)
  lu.assertEquals(details.responseCount, 1)
  lu.assertEquals(details.responses[1].answers, { { "Green" } })
  lu.assertEquals(details.questions, { {
    title = "Tea?", type = "SingleOption", isInvisible = false,
    options = { { title = "Green" }, { title = "Black" } },
  } })
end

function TestPolls.test_what_is_no_choice()
  local poll = talking.act("Poll", talking.poll)
  local alice, body = as("bruno")
  for _, choice in ipairs { "", "3", "x" } do
    alice:send(body, path(poll.referenceId) .. "/answer", { answer_1 = choice })
  end
  lu.assertEquals(talking.details(poll.actionId).responses, {})
end

function TestPolls.test_only_the_sender_sees_the_answers()
  local poll = talking.act("Poll", { question = "Q", choices = talking.poll.choices, isSenderOnly = true })
  local alice, body = as("bruno")
  body = alice:submit(body, path(poll.referenceId) .. "/answer", { answer_1 = "1" })
  local shown = text(item(body, poll.referenceId))
  lu.assertStrContains(shown, "only the sender sees the answers")
  lu.assertNotStrContains(shown, "%")
  lu.assertStrContains(text(item(alice:page(path()), poll.referenceId)), "Green 1 · 100%")
  local chitra = wire.exchange(wire.user_token).accessToken -- Bruno's: he sees his own
  lu.assertEquals(#talking.details(poll.actionId, chitra).responses, 1)
  alice, body = as("chitra")
  alice:submit(body, path(poll.referenceId) .. "/answer", { answer_1 = "2" })
  lu.assertEquals(#talking.details(poll.actionId, chitra).responses, 1)
  lu.assertEquals(#talking.details(poll.actionId).responses, 2)
end

function TestPolls.test_who_comes_to_a_meeting()
  local meeting = talking.act("LetsMeet", { title = "Review", startingTime = "2030-12-01T09:30:00Z" })
  local chitra = browser.of("chitra", { language = "fr" })
  local body = chitra:page(path())
  lu.assertStrContains(text(item(body, meeting.referenceId)), "Oui 0 · 0\u{a0}% Non 0 · 0\u{a0}% Peut-être")
  chitra:submit(body, path(meeting.referenceId) .. "/answer", { answer_1 = "3" })
  local response = talking.details(meeting.actionId).responses[1]
  lu.assertEquals({ response.responder, response.answers }, { wire.chitra, { { "Maybe" } } })
end

-- Subscribes to a receiver's events of a group or an action.
local function subscribe(receiver, kind, id, event)
  wire.ok("POST", "/v1/webhook", { token = talking.token(), json = {
    objectId = id, objectType = kind, eventTypes = json.array { event }, callBackUrl = receiver.url,
  } })
end

-- The next deliveries, without the requests of subscribing.
local function told(receiver, count)
  local out
  for _ = 1, 500 do
    out = {}
    for _, request in ipairs(receiver.seen) do
      out[#out + 1] = request.method == "POST" and assert(json.decode(request.body)) or nil
    end
    if #out >= count then break end
    task.sleep(0.01)
  end
  lu.assertEquals(#out, count)
  return out
end

function TestPolls.test_webhooks_are_told_of_answers()
  local receiver <close> = setmetatable(receivers.start(function(_, token)
    return { body = token or "" }
  end), { __close = function(self) self.close() end })
  local poll = talking.act("Poll", talking.poll)
  subscribe(receiver, "Group", wire.sales, "PollResponse")
  subscribe(receiver, "Action", poll.actionId, "PollResponse")
  local alice, body = as("bruno")
  body = alice:submit(body, path(poll.referenceId) .. "/answer", { answer_1 = "2" })
  local kinds = {}
  for i, got in ipairs(told(receiver, 2)) do
    kinds[i] = got.objectType
    lu.assertEquals({ got.eventType, got.fromUser, got.data.actionId, got.data.responder },
      { "PollResponse", wire.bruno, poll.actionId, wire.bruno })
    lu.assertFalse(got.data.isUpdateResponse)
    lu.assertEquals(got.data.responseDetails.responseWithQuestions[1].answer, { "Black" })
  end
  table.sort(kinds)
  lu.assertEquals(kinds, { "Action", "Group" })
  alice:submit(body, path(poll.referenceId) .. "/answer", { answer_1 = "1" })
  lu.assertTrue(told(receiver, 4)[4].data.isUpdateResponse)

  local meeting = talking.act("LetsMeet", { title = "Review", startingTime = "2030-12-01T09:30:00Z" })
  subscribe(receiver, "Action", meeting.actionId, "LetsMeetResponse")
  local chitra = browser.of "chitra"
  chitra:submit(chitra:page(path()), path(meeting.referenceId) .. "/answer", { answer_1 = "3" })
  local got = told(receiver, 5)[5]
  lu.assertEquals({ got.eventType, got.data.actionId, got.data.responder },
    { "LetsMeetResponse", meeting.actionId, wire.chitra })
  lu.assertEquals(got.data.responseDetails.responseWithQuestions[1].answer, { "Maybe" })
end

local TestJobs = {}

function TestJobs.test_done_and_not_done_after_all()
  local job = talking.act("Job", { title = "Do it", assignedTo = json.array { wire.bruno, wire.chitra } })
  local alice, body = as("bruno")
  lu.assertStrContains(text(item(body, job.referenceId)), "0 of 2 done")
  body = alice:submit(body, path(job.referenceId) .. "/job")
  lu.assertStrContains(text(item(body, job.referenceId)), "1 of 2 done")
  lu.assertStrContains(text(item(body, job.referenceId)), "Bruno Keller Done Chitra Rao Not yet")
  local responses = talking.details(job.actionId).responses
  lu.assertEquals({ #responses, responses[1].responder, responses[1].isCompleted }, { 1, wire.bruno, true })
  alice:submit(body, path(job.referenceId) .. "/job")
  lu.assertFalse(talking.details(job.actionId).responses[1].isCompleted)
end

function TestJobs.test_only_who_has_to_do_it()
  local job = talking.act("Job", { title = "Do it", assignedTo = json.array { wire.bruno } })
  local alice, body = as("bruno")
  local form = browser.form(body, path(job.referenceId) .. "/job")
  lu.assertNotStrContains(alice:page(path()), "Mark as done")
  form.as = talking.chitra
  lu.assertEquals(alice:request("POST", path(job.referenceId) .. "/job", { form = form }).status, 403)
  lu.assertEquals(#talking.details(job.actionId).responses, 0)
end

local TestSurveys = {}

local QUESTIONS = json.array {
  { title = "One", type = "SingleOption", options = json.array { { title = "Yes" }, { title = "No" } } },
  { title = "Many", type = "MultiOption",
    options = json.array { { title = "A" }, { title = "B" }, { title = "C" } } },
  { title = "Text", type = "Text" },
  { title = "Number", type = "Numeric" },
  { title = "Day", type = "Date" },
  { title = "When", type = "DateTime" },
  { title = "Where", type = "Location" },
  { title = "Image", type = "Image" },
  { title = "Files", type = "AttachmentList" },
  { title = "Hidden", type = "Text", isInvisible = true },
}

local function survey(fields)
  local values = { title = "S", questions = QUESTIONS }
  for name, value in pairs(fields or {}) do values[name] = value end
  return talking.act("Survey", values)
end

-- What the boxes of a page are called: by the label beside them.
local function box(body, label)
  return assert(body:match('name="([%w_%-]+)" type="checkbox" value="[^"]*"><label for="[^"]*">' .. label))
end

function TestSurveys.test_questions_of_every_type()
  wire.upload "Image"
  wire.upload "Document"
  local sent = survey()
  local alice, body = as("bruno", sent.referenceId)
  local picture = body:match 'name="answer_8" type="radio" value="([^"]+)"'
  local document = box(body, "f%.pdf")
  body = alice:submit(body, path(sent.referenceId) .. "/answer", {
    answer_1 = "2", answer_2_1 = "yes", answer_2_3 = "yes", answer_3 = "a\r\nb", answer_4 = "4,5",
    answer_5 = "2026-11-24", answer_6 = "2026-11-24T18:30", answer_7_n = "Paris", answer_7_lt = "48.86",
    answer_7_lg = "2.35", answer_8 = picture, [document] = document:match "answer_9_(.*)",
  })
  local answers = talking.details(sent.actionId).responses[1].answers
  local at = os.time { year = 2026, month = 11, day = 24, hour = 0 }
  lu.assertEquals({ table.unpack(answers, 1, 6) }, {
    { "No" }, { "A", "C" }, "a\nb", 4.5, at * 1000, (at + 18 * 3600 + 1800) * 1000,
  })
  lu.assertEquals(answers[7], { lt = 48.86, lg = 2.35, n = "Paris" })
  lu.assertEquals({ answers[8].mediaFileName, answers[9][1].mediaFileName, answers[10] },
    { "f.png", "f.pdf", json.null })
  local shown = text(body)
  lu.assertStrContains(shown, "One No Many A, C Text a b Number 4.5 Day 24 November 2026 "
    .. "When 24 November 2026, 18:30 Where Paris (48.86000; 2.35000)")
  lu.assertStrContains(shown, "Yes 0 · 0% No 1 · 100%")
  lu.assertStrContains(shown, "Mean 4.5, from 4.5 to 4.5")
  lu.assertNotStrContains(text((body:gsub('<details class="raw">.-</details>', ""))), "Hidden")
end

function TestSurveys.test_an_answer_is_changed_where_it_is_one()
  local sent = survey { questions = json.array { { title = "Q", type = "Text" } } }
  local alice, body = as("bruno", sent.referenceId)
  body = alice:submit(body, path(sent.referenceId) .. "/answer", { answer_1 = "one" })
  lu.assertEquals(browser.form(body, path(sent.referenceId) .. "/answer").answer_1, "one")
  alice:submit(body, path(sent.referenceId) .. "/answer", { answer_1 = "two" })
  local responses = talking.details(sent.actionId).responses
  lu.assertEquals({ #responses, responses[1].answers[1] }, { 1, "two" })
end

function TestSurveys.test_more_than_one_where_it_may_be()
  local sent = survey {
    questions = json.array { { title = "Q", type = "Text" } }, acceptMultipleResponses = true,
  }
  local alice, body = as("bruno", sent.referenceId)
  for _, answer in ipairs { "one", "two" } do
    body = alice:submit(body, path(sent.referenceId) .. "/answer", { answer_1 = answer })
  end
  lu.assertEquals(#talking.details(sent.actionId).responses, 2)
end

function TestSurveys.test_all_answers_are_reached()
  local sent = survey {
    questions = json.array { { title = "Q", type = "Text" } }, acceptMultipleResponses = true,
  }
  for i = 1, 52 do
    wire.ok("POST", ("/v1/groups/%s/actions/%s/responses"):format(wire.sales, sent.actionId), {
      token = talking.token(),
      json = { actionType = "Survey", actionBody = { answers = json.array { ("no. %02d."):format(i) } } },
    })
  end
  local alice, body = as("alice", sent.referenceId)
  lu.assertStrContains(body, ">no. 52.<")
  lu.assertStrContains(body, ">no. 03.<")
  lu.assertNotStrContains(body, ">no. 02.<")
  body = alice:page(browser.text(body:match 'href="([^"]*answers=50[^"]*)"'))
  lu.assertStrContains(body, ">no. 02.<")
  lu.assertStrContains(body, ">no. 01.<")
  lu.assertNotStrContains(body, ">no. 03.<")
end

function TestSurveys.test_long_answers_and_comments_are_on_several_pages()
  local sent = survey {
    questions = json.array { { title = "Q", type = "Text" } }, acceptMultipleResponses = true,
  }
  local group, long = "/v1/groups/" .. wire.sales, ("<&> "):rep(300)
  for i = 1, 20 do
    wire.ok("POST", ("%s/actions/%s/responses"):format(group, sent.actionId), {
      token = talking.token(),
      json = {
        actionType = "Survey", actionBody = { answers = json.array { ("no. %02d. "):format(i) .. long } },
      },
    })
    wire.ok("POST", group .. "/reaction", { token = talking.token(), json = {
      referenceId = sent.referenceId, sourceGroupId = wire.sales, reactionType = "Comment",
      comment = ("comment %02d "):format(i) .. long,
    } })
  end
  local alice, body = as("alice", sent.referenceId)
  lu.assertStrContains(body, "comment 20")
  lu.assertTrue(body:find "comment 19" < body:find "comment 20") -- the newest last
  for name, pattern in pairs { answers = ">no%. (%d%d)", comments = ">comment (%d%d)" } do
    local at, seen = path(sent.referenceId), {}
    while at do
      local page = alice:page(at)
      lu.assertTrue(#page < 60000, tostring(#page))
      for number in page:gmatch(pattern) do seen[number] = true end
      local more = page:match('href="([^"]*' .. name .. '=%d+[^"]*)">Next')
      at = more and browser.text(more)
    end
    for i = 1, 20 do lu.assertTrue(seen[("%02d"):format(i)], name .. i) end
  end
end

function TestSurveys.test_what_is_wrong_comes_back_as_it_was_entered()
  local sent = survey()
  local alice, body = as("bruno", sent.referenceId)
  for name, value in pairs { answer_4 = "many", answer_5 = "tomorrow", answer_7_lt = "north" } do
    local response = alice:send(body, path(sent.referenceId) .. "/answer",
      { answer_2_2 = "yes", answer_3 = "kept", [name] = value })
    lu.assertEquals(response.status, 400)
    lu.assertStrContains(response.body, "expected a")
    local form = browser.form(response.body, path(sent.referenceId) .. "/answer")
    lu.assertEquals({ form.answer_3, form[name] }, { "kept", value })
    lu.assertStrContains(response.body, '<input checked id="field-answer_2-2"')
  end
  lu.assertEquals(#talking.details(sent.actionId).responses, 0)
  alice.headers["Accept-Language"] = "fr"
  body = alice:page(path(sent.referenceId))
  local response = alice:send(body, path(sent.referenceId) .. "/answer", { answer_4 = "x" })
  lu.assertStrContains(response.body, "un nombre est attendu</p>")
  lu.assertNotStrContains(response.body, "en anglais")
end

function TestSurveys.test_anonymous_ones_name_nobody()
  local sent = survey { isAnonymous = true }
  local alice, body = as("bruno", sent.referenceId)
  body = alice:submit(body, path(sent.referenceId) .. "/answer", { answer_3 = "secretly" })
  local shown = text(item(alice:page(path(sent.referenceId)), sent.referenceId))
  lu.assertStrContains(shown, "secretly")
  lu.assertNotStrContains(shown, "Bruno")
  lu.assertNotStrContains(text(item(alice:page(path()), sent.referenceId)), "Bruno")
  lu.assertNil(talking.details(sent.actionId).responses[1].responder)
  lu.assertStrContains(body, "anonymous")
end

function TestSurveys.test_answers_that_are_not_for_all_eyes()
  local bruno = browser.of "bruno"
  for visibility, why in pairs { ["1"] = "only the sender", ["2"] = "only admins and the sender" } do
    local sent = survey { visibility = visibility }
    local alice, body = as("chitra", sent.referenceId)
    alice:submit(body, path(sent.referenceId) .. "/answer", { answer_3 = "hers alone" })
    body = bruno:page(path(sent.referenceId))
    lu.assertStrContains(body, why)
    lu.assertNotStrContains(body, "hers alone")
    lu.assertNotStrContains(text(item(body, sent.referenceId)), "%")
    lu.assertStrContains(alice:page(path(sent.referenceId)), "hers alone")
    lu.assertStrContains(alice:page(path(sent.referenceId) .. "?as=" .. talking.chitra), "Your answer")
  end
end

function TestSurveys.test_a_package()
  local sent = wire.ok("POST", "/v1/groups/" .. wire.sales .. "/actions", { token = talking.token(), json = {
    id = "com.example.approval", actionBody = { questions = json.array { QUESTIONS[1] } },
  } })
  local alice, body = as("bruno", sent.referenceId)
  alice:submit(body, path(sent.referenceId) .. "/answer", { answer_1 = "1" })
  lu.assertEquals(talking.details(sent.actionId).responses[1].answers, { { "Yes" } })
end

function TestSurveys.test_what_takes_no_answer()
  local alice, body = as("bruno")
  local csrf = browser.form(body, path()).csrf
  local message = talking.say "Hello"
  local announcement = talking.act("Announcement", { message = "x" }).referenceId
  for _, where in ipairs {
    path(message) .. "/answer", path(message) .. "/job", path(announcement) .. "/answer",
  } do
    lu.assertEquals(alice:request("POST", where, { form = { csrf = csrf, answer_1 = "1" } }).status, 400)
  end
  lu.assertEquals(alice:request("POST", path "none" .. "/like", { form = { csrf = csrf } }).status, 404)
end

function TestSurveys.test_a_subscriber_answers_what_went_to_her()
  local sent = talking.act("Survey", { title = "S", questions = json.array { QUESTIONS[3] } }, wire.news,
    { subscribers = json.array { wire.chitra } })
  local where = path(sent.referenceId, wire.news)
  local chitra = browser.of "chitra"
  chitra:submit(chitra:page(where), where .. "/answer", { answer_3 = "x", answer_1 = "Fine" })
  lu.assertEquals(talking.details(sent.actionId, nil, wire.news).responses[1].answers, { "Fine" })
  local csrf = browser.of("bruno")
  local body = csrf:page(path(nil, wire.news))
  local response = csrf:request("POST", where .. "/answer", {
    form = { csrf = body:match 'name="csrf" type="hidden" value="([^"]+)"', answer_1 = "x" },
  })
  lu.assertEquals(response.status, 404)
end

return wire.run { TestPolls = TestPolls, TestJobs = TestJobs, TestSurveys = TestSurveys }
