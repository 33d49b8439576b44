-- Surveys, lists and reactions of the SDK, through real sockets, against the sandbox.
local json = require "jeton.json"
local kaizala = require "kaizala"
local lu = require "luaunit"
local sdk = require "sdk"

local ALICE = sdk.alice
local newest, raises, state = sdk.newest, sdk.raises, sdk.state

local kz = kaizala.connect()
local group

local function set_up()
  sdk.reset()
  group = kz:group(sdk.group)
end

local TestSurveys = { setUp = set_up }

local QUESTIONS = {
  { title = "Well?", options = { "Yes", "No" } },
  { title = "What?", type = "MultiOption", options = { "A", "B" } },
  { title = "Why?" },
  { title = "How many?", type = "Numeric" },
  { title = "When?", type = "DateTime" },
  { title = "Where?", type = "Location" },
}

function TestSurveys.test_answered_and_read_by_title()
  local survey = group:create_survey { title = "S", questions = QUESTIONS, due_in_hours = 1 }
  local answers = {
    ["Well?"] = "Yes", ["What?"] = { "B" }, ["How many?"] = 3, ["When?"] = 1530527400,
    ["Where?"] = { latitude = 48.86, longitude = 2.35, name = "Paris" },
  }
  local id = survey:respond { answers = answers, name = "Mine" }
  local other = group:action(survey.id)
  local details = other:details()
  lu.assertEquals(details.title, "S")
  lu.assertEquals(#details.responses, 1)
  lu.assertEquals(details.responses[1].id, id)
  lu.assertEquals(details.responses[1].name, "Mine")
  lu.assertEquals(details.responses[1].answers, answers)
  -- From the id alone, and in place of the first.
  answers["Why?"] = "Because"
  lu.assertEquals(group:action(survey.id):respond { answers = answers, response_id = id }, id)
  lu.assertEquals(other:details().responses[1].answers["Why?"], "Because")
end

function TestSurveys.test_files_as_answers()
  local survey = group:create_survey { title = "S",
    questions = { { title = "Files", type = "AttachmentList" } } }
  survey:respond { answers = { Files = { sdk.upload() } } }
  local files = survey:details().responses[1].answers.Files
  lu.assertEquals(#files, 1)
  lu.assertStrContains(files[1].url, "/media/")
  lu.assertEquals(files[1].file_name, "a.png")
end

-- As the app lets people make them.
function TestSurveys.test_questions_of_the_same_title()
  local titles = { "Why?", "Why? (2)", "Why?", "Well?", "Why?" }
  local questions = {}
  for i, title in ipairs(titles) do questions[i] = { title = title, type = "Text" } end
  local survey = group:action(kz:request {
    method = "POST", path = "groups/" .. group.id .. "/actions",
    json = { actionType = "Survey", actionBody = { title = "S", questions = questions } },
  }.actionId)
  local answers = { ["Why?"] = "1", ["Why? (2)"] = "2", ["Why? (3)"] = "3", ["Well?"] = "4",
    ["Why? (4)"] = "5" }
  survey:respond { answers = answers }
  local details = survey:details()
  local shown = {}
  for i, question in ipairs(details.questions) do
    shown[i] = question.title
    lu.assertEquals(question.raw.title, titles[i])
  end
  lu.assertEquals(shown, { "Why?", "Why? (2)", "Why? (3)", "Well?", "Why? (4)" })
  lu.assertEquals(details.responses[1].answers, answers)
  lu.assertEquals(details.responses[1].raw.answers, { "1", "2", "3", "4", "5" })
end

function TestSurveys.test_for_the_sender_only()
  group:create_survey { title = "S", questions = { { title = "Q" } }, sender_only = true }
  lu.assertEquals(newest().body.isSenderOnly, true)
end

function TestSurveys.test_options_of_a_survey()
  local survey = group:create_survey { title = "S", questions = { { title = "Q" } }, anonymous = true,
    multiple_responses = true, visible_to = "sender", description = "D", cover_image = "https://x/c.png" }
  survey:respond { answers = { Q = "1" } }
  survey:respond { answers = { Q = "2" } }
  survey:details()
  lu.assertEquals(#survey.responses, 2)
  lu.assertNil(survey.responses[1].responder)
  lu.assertEquals(newest().body.visibility, "1")
  lu.assertEquals(newest().body.coverImage, "https://x/c.png")
end

function TestSurveys.test_what_is_wrong_is_refused_before_a_request()
  local function with(...) return { title = "S", questions = { ... } } end
  for says, options in pairs {
    ["at least one question"] = with(),
    ["questions[1]: a SingleOption question needs options"] = with { title = "x", type = "SingleOption" },
    ["questions[2]: a MultiOption question needs"] =
      with({ title = "x" }, { title = "y", type = "MultiOption" }),
    ["another question 'x'"] = with({ title = "x" }, { title = "x" }),
    ["a Text question has no options"] = with { title = "x", type = "Text", options = { "y" } },
  } do
    raises("invalid", says, group.create_survey, group, options)
  end
  local survey = group:create_survey { title = "S", questions = QUESTIONS }
  for says, answers in pairs {
    ["no question 'Wel?'"] = { ["Wel?"] = "Yes" },
    ["'Perhaps' is none of the options Yes, No"] = { ["Well?"] = "Perhaps" },
    ["'C' is none of the options A, B"] = { ["What?"] = { "A", "C" } },
    ["'How many?' must be a number"] = { ["How many?"] = "3" },
    ["'When?' must be a time"] = { ["When?"] = "2018-07-02" },
    ["'Where?' must be a table"] = { ["Where?"] = "Paris" },
  } do
    raises("invalid", says, survey.respond, survey, { answers = answers })
  end
  lu.assertErrorMsgContains("either completed", survey.respond, survey, {})
end

local TestLists = { setUp = set_up }

function TestLists.test_of_all_types_after_an_error()
  group:announce { message = "x" }
  group:create_survey { title = "S", questions = { { title = "Q" } } }
  local match = { path = "*/actions" }
  sdk.steer("faults", json.array {
    { match = match, times = 1, headers = { ["X-Passed"] = "1" } },
    { match = match, times = 1, status = 403, body = { message = "no" } },
  })
  local list = group:actions()
  raises("auth", "403", list.next, list)
  lu.assertEquals(#list:all(), 2)
end

-- Types that the service cannot list are left out, but not all of them: then it is about something else.
function TestLists.test_types_that_are_refused()
  group:announce { message = "x" }
  local refusal = { match = { path = "*/actions" }, status = 400, body = { errorCode = "InvalidParameters" } }
  refusal.times = 1
  sdk.steer("faults", json.array { refusal })
  lu.assertEquals(#group:actions():all(), 1)
  refusal.times = 100
  sdk.steer("faults", json.array { refusal })
  local list = group:actions()
  raises("http", "InvalidParameters", list.next, list)
end

local TestReactions = { setUp = set_up }

function TestReactions.test_like_comment_and_counts()
  local message = group:send_message("x").reference_id
  lu.assertEquals(group:like(message), group:react(message, { type = "Like" }))
  local comment = group:comment(message, "Well done")
  local summary = group:reaction_summary(message)
  lu.assertEquals({ summary.likes, summary.comments, summary.reference_id }, { 1, 1, message })
  local comments = group:reactions(message, { type = "Comment" }):all()
  lu.assertEquals({ #comments, comments[1].id, comments[1].comment }, { 1, comment, "Well done" })
  lu.assertAlmostEquals(comments[1].last_modified_time, state().clock.now, 3)
  raises("invalid", "is empty", group.comment, group, message, "")
  lu.assertErrorMsgContains("'Like' or 'Comment'", group.react, group, message, { type = "Love" })
end

-- To what was posted in the group above.
function TestReactions.test_in_a_subgroup_of_the_source()
  local below = group:subgroups():next()
  local message = group:send_message("x").reference_id
  local above = { source_group = group.id }
  below:react(message, { type = "Like", source_group = group.id })
  lu.assertEquals(below:reaction_summary(message, above).likes, 1)
  lu.assertEquals(below:reaction_summaries(above):next().reference_id, message)
  lu.assertEquals(#below:reactions(message, above):all(), 1)
  raises("http", "reference", below.reaction_summary, below, message)
end

function TestReactions.test_pages_and_cursors()
  local job = group:create_job { title = "x", assigned_to = { ALICE } }
  job:like()
  job:comment "c1"
  for i = 2, 120 do
    sdk.post("/reaction", { referenceId = job.reference_id, sourceGroupId = sdk.group,
      reactionType = "Comment", comment = "c" .. i })
  end
  local all = group:reactions(job.reference_id):all()
  lu.assertEquals(#all, 121)
  lu.assertEquals(all[121].comment, "c120")
  lu.assertEquals(math.type(all[121].cursor), "integer")
  lu.assertEquals(group:reactions(job.reference_id, { cursor = all[121].cursor }):all(), {})
  local summaries = group:reaction_summaries():all()
  lu.assertEquals({ #summaries, summaries[1].comments }, { 1, 120 })
  group:like(group:send_message("y").reference_id)
  local since = group:reaction_summaries({ cursor = summaries[1].cursor }):all()
  lu.assertEquals({ #since, since[1].likes }, { 1, 1 })
end

os.exit(lu.LuaUnit.new():runSuiteByInstances {
  { "TestSurveys", TestSurveys },
  { "TestLists", TestLists },
  { "TestReactions", TestReactions },
})
