-- Actions of the SDK, through real sockets, against the sandbox.
local json = require "jeton.json"
local kaizala = require "kaizala"
local lu = require "luaunit"
local sdk = require "sdk"

local ALICE, BRUNO, CHITRA = sdk.alice, sdk.bruno, sdk.chitra
local newest, raises, state, steer = sdk.newest, sdk.raises, sdk.state, sdk.steer

local kz = kaizala.connect()
local group

local function set_up()
  sdk.reset()
  group = kz:group(sdk.group)
end

local TestActions = { setUp = set_up }

function TestActions.test_announce()
  local sent = group:announce { title = "News", message = "Hello" }
  lu.assertEquals(sent.type, "Announcement")
  lu.assertEquals(newest().reference_id, sent.reference_id)
  lu.assertEquals(newest().body.message, "Hello")
  raises("invalid", "4001 characters", group.announce, group, { message = ("é"):rep(4001) })
  lu.assertErrorMsgContains("did you mean 'message'", group.announce, group, { mesage = "x" })
  lu.assertErrorMsgContains("options must be a table", group.announce, group)
  lu.assertErrorMsgContains("call it with a colon", group.announce, { message = "x" })
end

function TestActions.test_job()
  local job = group:create_job { title = "Call", assigned_to = { ALICE, BRUNO }, due_in_hours = 2 }
  lu.assertIs(job:details().status, false)
  lu.assertAlmostEquals(job.due_date, state().clock.now + 7200, 3)
  lu.assertEquals(math.type(job.due_date), "integer")
  lu.assertEquals(type(job:respond { completed = true }), "string")
  job:details()
  lu.assertEquals({ job.response_count, job.assignee_count, job.is_completed }, { 1, 2, false })
  lu.assertEquals(job.responses[1].responder, ALICE)
  lu.assertEquals(job.responses[1].is_completed, true)
  lu.assertEquals(group:action(job.id):details().title, "Call")
  raises("invalid", "assigned_to is empty", group.create_job, group, { title = "x", assigned_to = {} })
  raises("invalid", "entry 1", group.create_job, group, { title = "x", assigned_to = { "12" } })
  raises("invalid", "due_in_hours", group.create_job, group,
    { title = "x", assigned_to = { ALICE }, due_in_hours = 0.5 })
end

function TestActions.test_poll_and_meeting()
  group:create_poll { question = "Tea?", choices = { "Yes", "No" }, expires_in_hours = 1 }
  lu.assertEquals(newest().body.choices, { { title = "Yes" }, { title = "No" } })
  lu.assertEquals(newest().body.expiryInHours, 1)
  group:schedule_meeting { title = "Review", starts_at = 1893456000, minutes = 45, agenda = "All",
    place = { latitude = 48.86, longitude = 2.35, name = "Paris" } }
  local body = newest().body
  lu.assertEquals(body.startingTime, "2030-01-01T00:00:00Z")
  lu.assertEquals({ body.duration, body.agenda, body.place.name }, { 45, "All", "Paris" })
  lu.assertEquals(group:actions({ type = "letsmeet" }):next().starting_time, 1893456000)
  raises("invalid", "choices must be", group.create_poll, group, { question = "x", choices = {} })
  local choices = table.pack("Yes", { title = "No", image = "https://x/no.png" }) -- its n is none of them
  group:create_poll { question = "Tea?", choices = choices }
  lu.assertEquals(newest().body.choices, { { title = "Yes" }, { title = "No", image = "https://x/no.png" } })
  lu.assertErrorMsgContains("did you mean 'image'", group.create_poll, group,
    { question = "x", choices = { { title = "y", imag = "z" } } })
end

function TestActions.test_package()
  local sent = group:send_action { id = "com.example.visit", body = { title = "Visit" },
    questions = { { title = "How was it?" } } }
  lu.assertEquals(newest().package, "com.example.visit")
  sent:respond { answers = { ["How was it?"] = "Fine" } }
  local again = group:action(sent.id):details()
  lu.assertEquals(again.responses[1].answers, { ["How was it?"] = "Fine" })
  lu.assertErrorMsgContains("either id", group.send_action, group, {})
  local later = state().clock.now + 3600
  local properties = {
    state = "open", seats = 4, place = { latitude = 48.86, longitude = 2.35, name = "Paris" },
  }
  local visit = group:send_action { id = "com.example.visit", title = "Visit", validity = later,
    properties = properties }
  lu.assertEquals(newest().body.validity, later * 1000)
  visit:details()
  lu.assertEquals(visit.title, "Visit")
  lu.assertEquals(visit.properties, properties)
  lu.assertErrorMsgContains("epoch seconds", group.send_action, group, { id = "a", validity = "x" })
  raises("invalid", "'x' must be", group.send_action, group, { id = "a", properties = { x = true } })
end

function TestActions.test_lists()
  for i = 1, 3 do
    group:announce { message = "a" .. i }
    group:create_job { title = "j" .. i, assigned_to = { ALICE } }
    steer("clock", { advance_s = 10 })
  end
  local titles = {}
  for action in group:actions { type = "JOB" } do titles[#titles + 1] = action.title end
  lu.assertEquals(titles, { "j1", "j2", "j3" })
  local all = group:actions():all()
  lu.assertEquals(#all, 6)
  for i = 2, #all do lu.assertTrue(all[i].creation_time >= all[i - 1].creation_time) end
  local from = all[5].creation_time
  lu.assertEquals(#group:actions({ from = from }):all(), 2)
  lu.assertEquals(all[1].sender, ALICE)
end

-- What phones send is among the others.
function TestActions.test_places_that_people_share()
  steer("locations", { group = sdk.group, phone = BRUNO, latitude = 48.86, longitude = 2.35 })
  steer("clock", { advance_s = 10 })
  group:announce { message = "x" }
  steer("clock", { advance_s = 10 })
  steer("locations", { group = sdk.group, phone = BRUNO, latitude = 1.5, longitude = 2.5,
    picture = sdk.upload() })
  local all = group:actions():all()
  lu.assertEquals({ all[1].type, all[2].type, all[3].type },
    { "ShareLocation", "Announcement", "PhotoWithLocation" })
  lu.assertEquals({ all[1].latitude, all[1].longitude, all[1].sender }, { 48.86, 2.35, BRUNO })
  lu.assertStrContains(all[3].image_url, "/v1/media/")
  lu.assertEquals({ all[3].latitude, all[3].longitude }, { 1.5, 2.5 })
end

-- The service was seen to say `sentAt`, in ISO 8601, in place of `creationTime`.
function TestActions.test_all_types_by_time_where_lists_say_sentAt()
  local faults = json.array {}
  for i, entry in ipairs {
    { "Image", "i", "2018-07-02T10:30:02Z" }, { "Job", "j", "2018-07-02T10:30:01Z" },
    { "Survey", "s", "2018-07-02T12:30:03+02:00" },
  } do
    faults[i] = { match = { path = "*/actions" }, times = 1, status = 200, body = {
      actions = json.array { { actionType = entry[1], referenceId = entry[2], sentAt = entry[3] } },
      hasMore = false,
    } }
  end
  steer("faults", faults)
  local order = {}
  for action in group:actions() do order[#order + 1] = action.reference_id end
  lu.assertEquals(order, { "j", "i", "s" })
  steer("faults", json.array { faults[1] })
  lu.assertEquals(group:actions({ type = "Image" }):next().creation_time, 1530527402)
end

function TestActions.test_a_list_of_many_in_one_second()
  local sent = {}
  for i = 1, 250 do
    local fields = { actionType = "Announcement", actionBody = { message = "x" } }
    sent[i] = sdk.post("/actions", fields).referenceId
  end
  local seen, count = {}, 0
  for action in group:actions { type = "announcement" } do
    lu.assertNil(seen[action.reference_id])
    seen[action.reference_id], count = true, count + 1
  end
  lu.assertEquals(count, #sent)
end

function TestActions.test_properties_and_reminder()
  local job = group:create_job { title = "x", assigned_to = { ALICE } }
  lu.assertEquals(job:update_properties { state = "open", price = 5, tags = { "a", "b" } }, 2)
  job:update_properties({ at = 1530527400 }, { types = { at = "DateTime" }, version = 2 })
  lu.assertEquals(job:details().properties,
    { state = "open", price = 5, tags = { "a", "b" }, at = 1530527400 })
  raises("http", "version", job.update_properties, job, { a = "x" }, { version = 9 })
  raises("invalid", "'a' must be", job.update_properties, job, { a = true })
  job:update_properties { place = { latitude = 48.86, longitude = 2.35 }, old = { lt = 1, lg = 2, n = "x" } }
  local places = job:details().properties
  lu.assertEquals(places.place, { latitude = 48.86, longitude = 2.35, name = "" })
  lu.assertEquals(places.old, { latitude = 1, longitude = 2, name = "x" })
  lu.assertErrorMsgContains("at least one", job.update_properties, job, {})
  lu.assertNil(job:remind())
  lu.assertEquals(newest().reminders, 1)
end

function TestActions.test_to_subscribers()
  local public = kz:create_group { name = "News", type = "ConnectGroup" }
  public:add_subscribers { BRUNO }
  local sent = public:announce { message = "x", subscribers = { BRUNO, CHITRA } }
  lu.assertEquals(#sent.failed_result, 1)
  lu.assertEquals(sent.failed_result[1].subscriber, CHITRA)
  lu.assertEquals(newest().recipients, { BRUNO })
  local poll = public:create_poll { question = "x", choices = { "y" }, all_subscribers = true }
  lu.assertEquals(newest().to_all_subscribers, true)
  lu.assertEquals(poll:remind({ subscribers = { CHITRA } })[1].subscriber, CHITRA)
end

function TestActions.test_one_action_for_many_subscribers()
  local public = kz:create_group { name = "News", type = "ConnectGroup" }
  local phones = {}
  for i = 1, 1001 do phones[i] = ("+3316%07d"):format(i) end
  public:add_subscribers(table.move(phones, 1, 70, 1, {}))
  local before = state().counts.actions
  local questions = { { title = "How?" } }
  local many = table.move(phones, 1, 71, 1, {})
  local survey = public:create_survey { title = "x", questions = questions, subscribers = many }
  lu.assertEquals(state().counts.actions, before + 1)
  lu.assertEquals(#newest().recipients, 70)
  lu.assertEquals(newest().id, survey.id)
  lu.assertEquals(#survey.failed_result, 1)
  lu.assertEquals(survey.failed_result[1].subscriber, phones[71])
  local function send_to(list)
    return public:create_survey { title = "x", questions = questions, subscribers = list }
  end
  raises("invalid", "create_survey: 1001 subscribers, of at most 1000", send_to, phones)
  phones[1001] = nil
  lu.assertEquals(#send_to(phones).failed_result, 930)
  lu.assertEquals(state().counts.actions, before + 2)
end

function TestActions.test_nested_fields_have_names_of_lua()
  group:create_poll { question = "Tea?", choices = { "Yes", "No" } }
  local poll = group:actions({ type = "Poll" }):next()
  lu.assertEquals(poll.question, "Tea?")
  lu.assertEquals(poll.choices, { { title = "Yes" }, { title = "No" } })
  local sent = group:announce { message = "x", media = { sdk.upload() } }
  local listed = group:actions({ type = "Announcement" }):next()
  for _, announcement in ipairs { listed, group:action(sent.id):details() } do
    lu.assertEquals(announcement.message, "x")
    lu.assertEquals(announcement.media[1].file_name, "a.png")
    lu.assertStrContains(announcement.media[1].url, "/media/")
  end
  local survey = group:create_survey { title = "S", questions = { { title = "Q", invisible = true } } }
  survey:respond { answers = { Q = "x" }, name = "Mine", location = { latitude = 1, longitude = 2 } }
  for _, asked in ipairs { survey, group:action(survey.id):details() } do
    lu.assertEquals(asked.questions[1].title, "Q")
    lu.assertEquals(asked.questions[1].is_invisible, true)
  end
  lu.assertEquals(survey:details().responses[1].location, { latitude = 1, longitude = 2, name = "" })
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "TestActions", TestActions } })
