-- Surveys: their questions, answers of every type, who may answer how often, who sees the answers.
package.path = require("jeton").folder .. "/../../?.lua;" .. package.path
local json = require "jeton.json"
local lu = require "luaunit"
local wire = require "wire"

local HOUR = 3600
local tenant, bruno, group_token

local function log_in()
  tenant, bruno, group_token = wire.access(), wire.access(wire.user_token), wire.access(wire.group_token)
end

-- To every question of QUESTIONS.
local ANSWERS

local function set_up()
  wire.reset()
  log_in()
  local image = wire.upload "Image"
  ANSWERS = json.array {
    "Yes", json.array { "A", "B" }, "Fine", image, 4.5, 1530527400.75, 1530527401,
    { lt = 48.86, lg = 2.35, n = "Paris" }, json.array { image },
  }
end

local function path(tail)
  return "/v1/groups/" .. wire.sales .. "/actions" .. (tail or "")
end

local QUESTIONS = json.array {
  { title = "One", type = "SingleOption", options = json.array { { title = "Yes" }, { title = "No" } } },
  { title = "Many", type = "multioption", options = json.array { { title = "A" }, { title = "B" } } },
  { title = "Text", type = "Text" },
  { title = "Image", type = "Image" },
  { title = "Number", type = "Numeric" },
  { title = "Day", type = "Date" },
  { title = "When", type = "DateTime" },
  { title = "Where", type = "Location", isInvisible = true },
  { title = "Files", type = "AttachmentList" },
}

local function survey(fields, token)
  local body = { title = "Survey", questions = QUESTIONS }
  for name, value in pairs(fields or {}) do
    body[name] = value
  end
  local posted = { actionType = "Survey", actionBody = body }
  return wire.ok("POST", path(), { token = token or tenant, json = posted }).actionId
end

-- Returns status and reply.
local function answer(id, token, answers, more)
  local fields = { actionType = "survey", actionBody = { answers = answers } }
  for name, value in pairs(more or {}) do
    fields[name] = value
  end
  return wire.call("POST", path("/" .. id .. "/responses"), { token = token, json = fields })
end

local function details(id, token)
  return wire.ok("GET", path("/" .. id .. "?getDetails=true"), { token = token or tenant }).actionDetails
end

local function one_question(fields)
  fields = fields or {}
  fields.questions = json.array { { title = "Q", type = "Text" } }
  return survey(fields)
end

local TestSurvey = { setUp = set_up }

function TestSurvey.test_questions_and_answers_of_every_type()
  local id = survey()
  local status, reply = answer(id, bruno, ANSWERS, { actionBody = {
    answers = ANSWERS, responseName = "Mine", responseLocation = { latitude = 1, longitude = 2, name = "x" },
  } })
  lu.assertEquals(status, 200, reply.message)
  local shown = details(id)
  lu.assertEquals(shown.responseCount, 1)
  lu.assertEquals(#shown.questions, #QUESTIONS)
  lu.assertEquals(shown.questions[2].type, "MultiOption")
  lu.assertEquals(shown.questions[8].isInvisible, true)
  lu.assertEquals(shown.questions[1].isInvisible, false)
  local response = shown.responses[1]
  lu.assertEquals(response.responseId, reply.responseId)
  lu.assertEquals(response.responder, wire.bruno)
  lu.assertEquals(response.responderName, "Bruno Keller")
  lu.assertEquals(response.responseName, "Mine")
  lu.assertEquals(response.responseLocation.longitude, 2)
  local answers = response.answers
  lu.assertEquals(answers[1], { "Yes" })
  lu.assertEquals(answers[2], { "A", "B" })
  lu.assertEquals(answers[3], "Fine")
  lu.assertStrMatches(answers[4].mediaUrl, wire.root .. "/v1/media/[%x-]+")
  lu.assertEquals(answers[5], 4.5)
  lu.assertEquals(answers[6], 1530527400000) -- sent with a fraction
  lu.assertEquals(answers[7], 1530527401000)
  lu.assertEquals(answers[8], { lt = 48.86, lg = 2.35, n = "Paris" })
  lu.assertEquals(answers[9][1].mediaFileName, "f.png")
end

function TestSurvey.test_an_album_is_an_attachment_a_picture()
  local id = survey { questions = json.array { { title = "Files", type = "AttachmentList" } } }
  local files = json.array { wire.upload "Album", wire.upload "Document" }
  lu.assertEquals(answer(id, bruno, json.array { files }), 200)
  local names = {}
  for i, shown in ipairs(details(id).responses[1].answers[1]) do names[i] = shown.mediaFileName end
  lu.assertEquals(names, { "f.png", "f.png", "f.pdf" })
end

function TestSurvey.test_without_details_no_questions()
  local id = survey()
  local shown = wire.ok("GET", path("/" .. id), { token = tenant })
  lu.assertNil(shown.actionDetails.questions)
  lu.assertNil(shown.actionDetails.responses)
  local entry = wire.ok("GET", path "?actionType=survey", { token = tenant }).actions[1].actionBody
  lu.assertEquals({ entry.actionId, entry.title, entry.responseCount }, { id, "Survey", 0 })
end

function TestSurvey.test_what_is_refused()
  local function with(question)
    return { questions = json.array { question } }
  end
  local cases = {
    { "title: must not be empty", { title = "" } },
    { "questions: at least 1", { questions = json.array {} } },
    { "questions: expected a list", { questions = {} } },
    { "questions[0].title: missing", with { type = "Text" } },
    { "questions[0].type: missing", with { title = "x" } },
    { "questions[0].type: expected one of", with { title = "x", type = "Colour" } },
    { "questions[0].options: missing", with { title = "x", type = "SingleOption" } },
    { "options: at least 1", with { title = "x", type = "MultiOption", options = json.array {} } },
    { "options[0].title: missing", with { title = "x", type = "MultiOption", options = json.array { {} } } },
    { "visibility: expected", { visibility = "7" } },
    { "isAnonymous: expected true or false", { isAnonymous = 3 } },
  }
  for _, case in ipairs(cases) do
    local body = { title = "x", questions = QUESTIONS }
    for name, value in pairs(case[2]) do body[name] = value end
    local message = wire.refused(400, "InvalidParameters", "POST", path(),
      { token = tenant, json = { actionType = "Survey", actionBody = body } })
    lu.assertStrContains(message, case[1])
  end
  lu.assertEquals(wire.state().counts.actions, 0)
end

function TestSurvey.test_answers_that_are_refused()
  local id = survey()
  local wrong = {
    "Perhaps", json.array { "C" }, 5, "no resource", "four", "today", "2018-07-02", { lt = 1 },
    json.array { "x" },
  }
  for i, value in ipairs(wrong) do
    local answers = json.array(table.move(ANSWERS, 1, #ANSWERS, 1, {}))
    answers[i] = value
    local status, reply = answer(id, bruno, answers)
    lu.assertEquals(status, 400, i)
    lu.assertStrContains(reply.message, ("answers[%d]"):format(i - 1))
  end
  local many = json.array(table.move(ANSWERS, 1, #ANSWERS, 1, {}))
  many[2] = json.array {}
  for i = 1, 101 do many[2][i] = "A" end
  lu.assertEquals(answer(id, bruno, many), 400)
  for _, date in ipairs { math.maxinteger, math.mininteger, 9007199254741 } do
    local answers = json.array(table.move(ANSWERS, 1, #ANSWERS, 1, {}))
    answers[6] = date -- whose milliseconds are no number that clients can hold
    lu.assertEquals(answer(id, bruno, answers), 400, date)
  end
  local status, reply = answer(id, bruno, json.array { "Yes" })
  lu.assertEquals(status, 400)
  lu.assertStrContains(reply.message, "expected 9, one for each question, got 1")
  lu.assertEquals(answer(id, bruno, nil), 400)
  lu.assertEquals(details(id).responseCount, 0)
end

function TestSurvey.test_a_number_as_text()
  local id = survey()
  local answers = json.array(table.move(ANSWERS, 1, #ANSWERS, 1, {}))
  answers[5] = "-4.25"
  lu.assertEquals(answer(id, bruno, answers), 200)
  lu.assertEquals(details(id).responses[1].answers[5], -4.25)
end

function TestSurvey.test_what_was_not_answered_is_null()
  local id = survey()
  local answers = json.array {}
  for i = 1, #QUESTIONS do answers[i] = json.null end
  answers[1] = json.array { "No" }
  lu.assertEquals(answer(id, bruno, answers), 200)
  local shown = details(id).responses[1].answers
  lu.assertEquals(shown[1], { "No" })
  lu.assertEquals(shown[2], json.null)
  lu.assertEquals(#shown, #QUESTIONS)
end

local TestResponses = { setUp = set_up }

local function texts(id, token)
  local out = {}
  for i, response in ipairs(details(id, token).responses) do
    out[i] = response.answers[1]
  end
  return out
end

function TestResponses.test_once_and_replaced_by_its_id()
  local id = one_question()
  local _, first = answer(id, bruno, json.array { "a" }, { responseId = "" }) -- as if left out
  local status, reply = answer(id, bruno, json.array { "b" })
  lu.assertEquals(status, 400)
  lu.assertStrContains(reply.message, "responseId")
  local _, again = answer(id, bruno, json.array { "c" }, { responseId = first.responseId })
  lu.assertEquals(again.responseId, first.responseId)
  lu.assertEquals(texts(id), { "c" })
  lu.assertEquals(answer(id, tenant, json.array { "x" }, { responseId = first.responseId }), 403)
  lu.assertEquals(answer(id, bruno, json.array { "x" }, { responseId = "nothing" }), 404)
  lu.assertEquals(texts(id), { "c" })
end

function TestResponses.test_several()
  local id = one_question { acceptMultipleResponses = true }
  answer(id, bruno, json.array { "a" })
  answer(id, bruno, json.array { "b" })
  lu.assertEquals(texts(id), { "a", "b" })
end

function TestResponses.test_anonymous()
  local id = one_question { isAnonymous = true }
  answer(id, bruno, nil, { actionBody = {
    answers = json.array { "a" }, responseName = "Bruno's",
    responseLocation = { latitude = 48.86, longitude = 2.35, name = "At Bruno's" },
  } })
  local response = details(id).responses[1]
  lu.assertEquals(response.answers, { "a" })
  lu.assertEquals(response.isAnonymous, true)
  for _, name in ipairs {
    "responder", "responderId", "responderName", "responseName", "responseLocation",
  } do
    lu.assertNil(response[name])
  end
  lu.assertEquals(answer(id, bruno, json.array { "b" }), 400)
end

function TestResponses.test_who_sees_them()
  -- Alice sends; both answer.
  local sees = { ["0"] = { "a", "b" }, ["1"] = { "b" }, ["2"] = { "b" }, ["3"] = { "a", "b" } }
  for visibility, expected in pairs(sees) do
    local id = one_question { visibility = visibility }
    answer(id, tenant, json.array { "a" })
    answer(id, bruno, json.array { "b" })
    lu.assertEquals(texts(id), { "a", "b" })
    lu.assertEquals(texts(id, bruno), expected, visibility)
    lu.assertEquals(details(id, bruno).responseCount, 2)
  end
  local id = one_question { isSenderOnly = true, visibility = 0 }
  answer(id, tenant, json.array { "a" })
  lu.assertEquals(texts(id, bruno), {})
end

function TestResponses.test_an_admin_who_did_not_send_it()
  local function of(visibility)
    local questions = json.array { { title = "Q", type = "Text" } }
    local id = survey({ visibility = visibility, questions = questions }, bruno)
    answer(id, bruno, json.array { "b" })
    return id
  end
  lu.assertEquals(texts(of "2", group_token), { "b" })
  lu.assertEquals(texts(of "1", group_token), {})
end

function TestResponses.test_expiry_by_the_sandboxs_clock()
  local default, long = one_question(), one_question { dueDate = 48 }
  wire.steer("clock", { advance_s = 24 * HOUR - 60 })
  log_in()
  lu.assertEquals(answer(default, tenant, json.array { "x" }), 200)
  wire.steer("clock", { advance_s = 120 })
  log_in()
  local status, reply = answer(default, bruno, json.array { "x" })
  lu.assertEquals(status, 400)
  lu.assertStrContains(reply.message, "expired")
  lu.assertEquals(answer(long, bruno, json.array { "x" }), 200)
  lu.assertEquals(texts(default), { "x" })
end

function TestResponses.test_of_a_package()
  local now = wire.state().clock.now
  local function package(validity)
    return wire.ok("POST", path(), { token = tenant, json = { id = "com.example.p", actionBody = {
      questions = json.array { { title = "Q", type = "Text" } }, validity = validity,
    } } }).actionId
  end
  local id = package((now + HOUR) * 1000)
  local function respond(package_id)
    return wire.call("POST", path("/" .. id .. "/responses"), { token = bruno,
      json = { id = package_id, actionBody = { answers = json.array { "x" } } } })
  end
  lu.assertEquals(respond "com.example.other", 400)
  lu.assertEquals(respond "com.example.P", 200)
  lu.assertEquals(texts(id), { "x" })
  id = package((now - 1) * 1000)
  lu.assertEquals(respond "com.example.p", 400)
  id = package(nil)
  lu.assertEquals(respond "com.example.p", 200)
  -- Nobody knows what a validity is written in: hours, seconds and milliseconds are told apart.
  for _, validity in ipairs { 0, 24, now + HOUR } do
    id = package(validity)
    lu.assertEquals(respond "com.example.p", 200, validity)
  end
  id = package(1)
  wire.steer("clock", { advance_s = HOUR + 1 })
  log_in()
  lu.assertEquals(respond "com.example.p", 400)
  local status = wire.call("POST", path(), { token = tenant,
    json = { id = "com.example.p", actionBody = { title = "x", validity = math.maxinteger } } })
  lu.assertEquals(status, 400) -- no calendar has it
  wire.state()
end

return wire.run { TestSurvey = TestSurvey, TestResponses = TestResponses }
