-- Actions: every type sent, listed, shown, updated, reminded of; jobs done; and what is refused.
package.path = require("jeton").folder .. "/../../?.lua;" .. package.path
local crypto = require "jeton.crypto"
local http = require "jeton.http"
local json = require "jeton.json"
local lu = require "luaunit"
local contract = require "contract"
local kaizala_names = require "kaizala.names"
local operations = require "sandbox.operations"
local wire = require "wire"

local HOUR = 3600
local tenant, bruno

local function set_up()
  wire.reset()
  tenant, bruno = wire.access(), wire.access(wire.user_token)
end

local function path(group, tail)
  return "/v1/groups/" .. group .. "/actions" .. (tail or "")
end

local function send(kind, fields, options)
  options = options or {}
  return wire.ok("POST", path(options.group or wire.sales), {
    token = options.token or tenant,
    json = {
      actionType = kind, actionBody = fields,
      subscribers = options.subscribers, sendToAllSubscribers = options.all,
    },
  })
end

local function refused(says, fields, group, token)
  local before = wire.state().counts.actions
  local message = wire.refused(400, "InvalidParameters", "POST", path(group or wire.sales),
    { token = token or tenant, json = fields })
  lu.assertStrContains(message, says)
  lu.assertEquals(wire.state().counts.actions, before)
end

local function list(kind, query, options)
  options = options or {}
  return wire.ok("GET", path(options.group or wire.sales) .. "?actionType=" .. kind .. (query or ""),
    { token = options.token or tenant })
end

local function get(id, token, details)
  return wire.ok("GET", path(wire.sales, "/" .. id) .. (details and "?getDetails=true" or ""),
    { token = token or tenant })
end

local function now()
  return wire.state().clock.now
end

-- A mediaResource that no upload returned.
local function forged(id, kind)
  return crypto.base64(assert(json.encode { id = id, type = kind, name = "f" }))
end

-- A time of a reply is text, and this one, give or take a moment.
local function assert_time(text, epoch_s)
  lu.assertStrMatches(text, "%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%dZ")
  local near = {}
  for late = -2, 2 do near[os.date("!%Y-%m-%dT%H:%M:%SZ", epoch_s + late)] = true end
  lu.assertTrue(near[text], text)
end

local JOB = { title = "Call", assignedTo = json.array { wire.bruno, wire.chitra } }

local TestTypes = { setUp = set_up }

function TestTypes.test_announcement()
  local sent = send("announcement", { title = "News", message = "Hello",
    MediaResources = json.array { wire.upload "Image" } })
  lu.assertEquals(#sent.referenceId, 36)
  local entry = list("ANNOUNCEMENT").actions[1]
  lu.assertEquals(entry.referenceId, sent.referenceId)
  lu.assertEquals(entry.actionType, "Announcement")
  lu.assertEquals(entry.sender, wire.alice)
  lu.assertEquals(entry.actionBody.message, "Hello")
  lu.assertEquals(entry.actionBody.media[1].mediaFileName, "f.png")
  lu.assertAlmostEquals(entry.creationTime, now(), 2)
end

function TestTypes.test_job()
  local sent = send("Job", JOB)
  lu.assertEquals(list("job").actions[1].actionBody, {
    actionId = sent.actionId, title = "Call", assigneeCount = 2, responseCount = 0, isCompleted = false,
  })
  local shown = get(sent.actionId)
  lu.assertEquals(shown.actionType, "Job")
  lu.assertStrMatches(shown.sentAt, "%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%dZ")
  assert_time(shown.actionDetails.dueDate, now() + 24 * HOUR)
  lu.assertIs(shown.actionDetails.status, false) -- whether all assignees have completed it
  wire.steer("clock", { advance_s = 25 * HOUR })
  tenant = wire.access()
  lu.assertIs(get(sent.actionId).actionDetails.status, false)
end

function TestTypes.test_poll()
  local choices = json.array { { title = "Yes" }, { title = "No", image = "u" } }
  send("Poll", { question = "Tea?", choices = choices })
  local body = list("poll").actions[1].actionBody
  lu.assertEquals(body.question, "Tea?")
  lu.assertEquals(body.choices, choices)
  lu.assertEquals(body.isSenderOnly, false)
  assert_time(body.expiryDate, now() + 720 * HOUR)
end

-- A mediaResource is sent, the picture's URL comes back.
function TestTypes.test_pictures_of_choices()
  local elsewhere = "https://cdn.example.org/a.png?sv=1&sig=x%3D"
  local hosted = crypto.base64(assert(json.encode {
    Thumbnail = "/9j/", ActionType = 3, Files = json.array { { Id = "1", Name = "a.png", Url = elsewhere } },
  }))
  local id = send("Poll", { question = "Tea?", choices = json.array {
    { title = "Green", image = wire.upload "Image" }, { title = "Black", image = hosted },
    { title = "White", image = elsewhere }, { title = "None" },
  } }).actionId
  for _, body in ipairs { list("poll").actions[1].actionBody, get(id).actionDetails } do
    local choices = body.choices
    lu.assertEquals(assert(http.get(choices[1].image)).body, "x")
    lu.assertEquals({ choices[2].image, choices[3].image, choices[4].image }, { elsewhere, elsewhere })
  end
end

function TestTypes.test_lets_meet()
  local place = { latitude = 48.86, longitude = 2.35, name = "Paris" }
  send("LetsMeet", { title = "Review", startingTime = "2030-07-02T10:30:00Z", place = place, agenda = "All" })
  send("letsmeet", { title = "Long", startingTime = "2030-07-02T10:30:00+02:00", durationInMins = 90 })
  local entries = list("letsmeet").actions
  lu.assertEquals(entries[1].actionBody.duration, 30)
  lu.assertEquals(entries[1].actionBody.place, place)
  lu.assertEquals(entries[1].actionBody.agenda, "All")
  lu.assertEquals(entries[1].actionBody.startingTime, "2030-07-02T10:30:00Z")
  lu.assertEquals(entries[2].actionBody.duration, 90)
end

function TestTypes.test_when_a_meeting_starts()
  for _, text in ipairs {
    "2030-07-02T10:30", "2030-07-02T10:30Z", "2030-07-02 10:30:00", "2030-07-02T12:30:00.0000000+02",
  } do
    send("LetsMeet", { title = "x", startingTime = text })
  end
  for _, text in ipairs {
    "2030-13-02T10:30:00Z", "2030-02-30T10:30:00Z", "2030-07-02T24:30:00Z", "2030-07-02T10:60:00Z",
  } do
    refused("startingTime: expected a time", { actionType = "LetsMeet",
      actionBody = { title = "x", startingTime = text } })
  end
end

function TestTypes.test_numbers_as_text()
  local place = { latitude = "-48.86", longitude = "2", name = "x" }
  send("LetsMeet", { title = "x", startingTime = "2030-07-02T10:30:00Z", place = place })
  lu.assertEquals(list("letsmeet").actions[1].actionBody.place,
    { latitude = -48.86, longitude = 2, name = "x" })
end

function TestTypes.test_media_answer_without_action_id()
  for _, kind in ipairs { "Image", "Album", "Audio", "Document", "Video" } do
    local sent = send(kind, { mediaResource = wire.upload(kind), caption = "c" })
    lu.assertNil(sent.actionId)
    lu.assertEquals(type(sent.referenceId), "string")
  end
  lu.assertStrMatches(list("image").actions[1].actionBody.imageUrl, wire.root .. "/v1/media/[%x-]+")
  lu.assertEquals(list("document").actions[1].actionBody.mediaFileName, "f.pdf")
end

-- Every picture of an album, each at a URL of its own.
function TestTypes.test_albums_of_an_announcement()
  local album = wire.ok("POST", "/v1/media", { token = tenant, parts = {
    { name = "1", filename = "a.png", content_type = "image/png", value = "one" },
    { name = "2", filename = "b.jpg", content_type = "image/jpeg", value = "two" },
  } }).mediaResource
  send("Announcement", { message = "x", MediaResources = json.array { album, wire.upload "Document" } })
  local media = list("announcement").actions[1].actionBody.media
  local names, texts = {}, {}
  for i, shown in ipairs(media) do
    names[i], texts[i] = shown.mediaFileName, assert(http.get(shown.mediaUrl)).body
  end
  lu.assertEquals(names, { "a.png", "b.jpg", "f.pdf" })
  lu.assertEquals(texts, { "one", "two", "x" })
end

-- Whether an entry is as the table says.
local function check_listed(entry)
  for _, operation in ipairs(operations) do
    if operation.name == "actions.list" then
      return contract.check_reply(entry, operation.reply[1].of)
    end
  end
  lu.fail "there is no operation actions.list"
end

-- What phones send, by steering: connectors list it.
function TestTypes.test_places_that_people_share()
  local place = { group = wire.sales, phone = wire.bruno, latitude = 48.86, longitude = -2.35 }
  local shared = wire.steer("locations", place)
  lu.assertEquals(shared.actionType, "ShareLocation")
  local entry = list("shareLocation").actions[1]
  check_listed(entry)
  lu.assertEquals({ entry.referenceId, entry.sender }, { shared.referenceId, wire.bruno })
  lu.assertEquals(entry.actionBody, { latitude = 48.86, longitude = -2.35 })
  place.picture = wire.upload "Image"
  wire.steer("locations", place)
  entry = list("photowithlocation").actions[1]
  check_listed(entry)
  lu.assertEquals(assert(http.get(entry.actionBody.imageUrl)).body, "x")
  lu.assertEquals({ entry.actionBody.latitude, entry.actionBody.longitude }, { 48.86, -2.35 })
  wire.ok("POST", "/v1/groups/" .. wire.sales .. "/reaction", { token = tenant, json = {
    referenceId = shared.referenceId, sourceGroupId = wire.sales, reactionType = "Like",
  } })
end

function TestTypes.test_places_that_nobody_shares()
  for name, value in pairs {
    latitude = 90.5, longitude = -181, phone = "+33199999999", colour = "red",
    picture = wire.upload "Document",
  } do
    local place = { group = wire.sales, phone = wire.bruno, latitude = 1, longitude = 2 }
    place[name] = value
    local says = wire.refused(400, "InvalidParameters", "POST", "/_sandbox/locations", { json = place })
    lu.assertStrContains(says, name)
  end
  wire.refused(404, "NotFound", "POST", "/_sandbox/locations", { json = {
    group = crypto.uuid(), phone = wire.bruno, latitude = 1, longitude = 2,
  } })
  lu.assertEquals(list("shareLocation").actions, {})
end

function TestTypes.test_media_that_nobody_uploaded()
  local id = json.decode(crypto.unbase64(wire.upload "Image")).id
  for says, resource in pairs {
    ["as an upload returns it"] = "no such thing",
    ["no upload of this tenant"] = forged("853654b2-0000-4000-8000-000000000000", "Image"),
    ["upload the file first"] = forged(id, "Album"),
  } do
    local kind = resource == forged(id, "Album") and "Album" or "Image"
    refused("actionBody.mediaResource: ", { actionType = kind, actionBody = { mediaResource = resource } })
    refused(says, { actionType = kind, actionBody = { mediaResource = resource } })
    refused("actionBody.MediaResources[1]: ", { actionType = "Announcement", actionBody = {
      message = "x", MediaResources = json.array { wire.upload "Image", resource },
    } })
  end
end

function TestTypes.test_package()
  local sent = wire.ok("POST", path(wire.sales), { token = tenant, json = { id = "com.example.visit",
    actionBody = { title = "Visit", properties = json.array { { name = "n", type = 1, value = "5" } } } } })
  local shown = get(sent.actionId)
  lu.assertEquals(shown.actionDetails.packageId, "com.example.visit")
  lu.assertEquals(shown.actionDetails.properties, { { name = "n", type = "Numeric", value = 5 } })
end

function TestTypes.test_a_package_ends_and_hides_answers_as_a_survey_does()
  local id = wire.ok("POST", path(wire.sales), { token = tenant, json = { id = "com.example.visit",
    actionBody = { title = "Visit", dueDate = 10, isSenderOnly = true } } }).actionId
  local shown = get(id, bruno).actionDetails
  assert_time(shown.expiryDate, now() + 10 * HOUR)
  lu.assertEquals(shown.visibility, "1")
end

function TestTypes.test_a_package_without_questions_takes_answers()
  local id = wire.ok("POST", path(wire.sales), { token = tenant,
    json = { id = "com.example.visit", actionBody = { title = "Visit" } } }).actionId
  local answers = json.array { "x", 5, json.array { "a", "b" }, json.null, { lt = 1.5, lg = 2.5, n = "H" } }
  local given = wire.ok("POST", path(wire.sales, "/" .. id .. "/responses"), { token = tenant,
    json = { id = "com.example.visit", actionBody = { Answers = answers } } }).responseId
  local details = get(id, tenant, true).actionDetails
  lu.assertEquals(details.responseCount, 1)
  lu.assertEquals(details.responses[1].responseId, given)
  lu.assertEquals(details.responses[1].answers, answers)
end

function TestTypes.test_without_v1_and_as_naive_clients_write_it()
  local body = "{'ActionType': 'JOB', Id: null, 'actionbody': {'Title': 'x', 'AssignedTo': ['"
    .. wire.bruno .. "'], dueDate: '5',}}"
  local sent = wire.ok("POST", "//groups/" .. wire.sales .. "/Actions/", { token = tenant, body = body })
  assert_time(get(sent.actionId).actionDetails.dueDate, now() + 5 * HOUR)
end

function TestTypes.test_what_is_refused()
  local function of(kind, fields)
    return { actionType = kind, actionBody = fields }
  end
  local people = json.array { wire.bruno }
  local cases = {
    { "actionType: missing", { actionBody = {} } },
    { "actionType: expected one of", of("Chat", {}) },
    { "actionBody: missing", { actionType = "Job" } },
    { "actionBody: expected an object", of("Job", json.array {}) },
    { "message: missing", of("Announcement", { title = "x" }) },
    { "at most 4000", of("Announcement", { message = ("é"):rep(4001) }) },
    { "MediaResources[0]", of("Announcement", { message = "x", MediaResources = json.array { "eA==" } }) },
    { "title: missing", of("Job", { assignedTo = people }) },
    { "title: must not be empty", of("Job", { title = " ", assignedTo = people }) },
    { "title: at most", of("Job", { title = ("x"):rep(4001), assignedTo = people }) },
    { "assignedTo: missing", of("Job", { title = "x" }) },
    { "assignedTo: at least 1", of("Job", { title = "x", assignedTo = json.array {} }) },
    { "assignedTo[0]: expected a phone", of("Job", { title = "x", assignedTo = json.array { "12" } }) },
    { "dueDate: expected an integer", of("Job", { title = "x", assignedTo = people, dueDate = 1.5 }) },
    { "dueDate: expected an integer from 1", of("Job", { title = "x", assignedTo = people, dueDate = -1 }) },
    { "question: missing", of("Poll", { choices = json.array { { title = "x" } } }) },
    { "choices: missing", of("Poll", { question = "x" }) },
    { "choices: at least 1", of("Poll", { question = "x", choices = json.array {} }) },
    { "choices[0].title: missing", of("Poll", { question = "x", choices = json.array { {} } }) },
    { "choices[0]: expected an object", of("Poll", { question = "x", choices = json.array { "x" } }) },
    { "startingTime: missing", of("LetsMeet", { title = "x" }) },
    { "startingTime: expected a time", of("LetsMeet", { title = "x", startingTime = "tomorrow" }) },
    { "place.longitude: missing", of("LetsMeet", { title = "x", startingTime = "2030-07-02T10:30:00Z",
      place = { latitude = 1 } }) },
    { "mediaResource: missing", of("Image", {}) },
    { "as an upload returns it", of("Image", { mediaResource = "https://x" }) },
    { "of type Image, got one of type Video", of("Image", { mediaResource = wire.upload "Video" }) },
    { "properties[0].type", { id = "p", actionBody = { properties = json.array {
      { name = "n", type = 99, value = 1 } } } } },
    { "properties[0].value: expected a number", { id = "p", actionBody = { properties = json.array {
      { name = "n", type = "Numeric", value = "five" } } } } },
    { "properties[0].value: expected a list, got a string", { id = "p", actionBody = { properties =
      json.array { { name = "n", type = "StringList", value = "five" } } } } },
  }
  for _, case in ipairs(cases) do
    refused(case[1], case[2])
  end
end

-- Typed clients send 0 for what they leave out.
function TestTypes.test_zero_is_the_default()
  for _, spec in ipairs {
    { 24, "Job", "dueDate", "dueDate", { title = "x", assignedTo = json.array { wire.bruno } } },
    { 720, "Poll", "expiryInHours", "expiryDate", { question = "x", choices = json.array {
      { title = "y" } } } },
    { 24, "Survey", "dueDate", "expiryDate", { title = "x", questions = json.array {
      { title = "y", type = "Text" } } } },
  } do
    for _, zero in ipairs { 0, "0", 0.0 } do
      spec[5][spec[3]] = zero
      local id = send(spec[2], spec[5]).actionId
      assert_time(get(id).actionDetails[spec[4]], now() + spec[1] * HOUR)
    end
  end
  local id = send("LetsMeet", { title = "x", startingTime = "2030-07-02T10:30:00Z", durationInMins = 0 })
    .actionId
  lu.assertEquals(get(id).actionDetails.duration, 30)
end

-- The same for text, and null for everything.
function TestTypes.test_empty_text_is_nothing()
  local body = [[{"id": "", "actionType": "Poll", "subscribers": null, "sendToAllSubscribers": null,
    "actionBody": {"question": "x", "choices": [{"title": "y", "image": ""}, {"title": "z", "image": null}],
    "expiryInHours": null, "isSenderOnly": null}}]]
  local id = wire.ok("POST", path(wire.sales), { token = tenant, body = body }).actionId
  lu.assertEquals(get(id).actionDetails.choices, { { title = "y" }, { title = "z" } })
end

-- Of the tenant or of nobody: they count, and the job is done when they are.
function TestTypes.test_assignees_outside_of_the_group()
  local people = json.array { wire.bruno, wire.daria, "+33999999999" }
  local id = send("Job", { title = "x", assignedTo = people }, { group = wire.sales_north }).actionId
  local shown = wire.ok("GET", path(wire.sales_north, "/" .. id), { token = tenant }).actionDetails
  lu.assertEquals({ shown.assigneeCount, shown.responseCount, shown.status }, { 3, 0, false })
  lu.assertEquals(wire.ok("GET", "/_sandbox/sms").sms, {})
end

local TestLists = { setUp = set_up }

function TestLists.test_pages_from_a_time_on()
  local sent = {}
  for i = 1, 5 do
    sent[i] = send("Job", JOB).referenceId
    wire.steer("clock", { advance_s = 10 })
  end
  local page = list("job", "&count=3")
  lu.assertEquals(#page.actions, 3)
  lu.assertEquals(page.actions[1].referenceId, sent[1])
  lu.assertEquals(page.hasMore, true)
  local from = page.actions[3].creationTime
  lu.assertEquals(kaizala_names.iso_time(page.actions[3].sentAt), from)
  local rest = list("job", "&count=3&fromDate=" .. from)
  lu.assertEquals(#rest.actions, 3)
  lu.assertEquals(rest.actions[1].referenceId, sent[3])
  lu.assertEquals(rest.hasMore, false)
  lu.assertEquals(#list("job", "&fromDate=" .. from * 1000).actions, 3)
  lu.assertEquals(#list("job", "&fromDate=" .. page.actions[3].sentAt).actions, 3)
  lu.assertEquals(#list("job", "&count=0").actions, 5)
end

-- All together they would be more than a reply can hold.
function TestLists.test_a_page_of_large_ones_is_shorter()
  local image = ("x"):rep(510 * 1024)
  local poll = json.encode { actionType = "Poll", actionBody = { question = "q", choices = json.array {
    { title = "a", image = image }, { title = "b", image = image },
  } } }
  for _ = 1, 66 do
    wire.ok("POST", path(wire.sales), { token = tenant, body = poll })
  end
  local page = list("poll", "&count=100")
  lu.assertEquals(page.hasMore, true)
  lu.assertTrue(#page.actions > 0)
  lu.assertTrue(#wire.state().actions[1].body.choices[1].image < #image)
end

function TestLists.test_30_by_default_and_what_is_refused()
  for _ = 1, 31 do send("Announcement", { message = "x" }) end
  local page = list "announcement"
  lu.assertEquals(#page.actions, 30)
  lu.assertEquals(page.hasMore, true)
  lu.assertEquals(list("sharelocation"), { actions = {}, hasMore = false })
  local queries = { "", "?actionType=chat", "?actionType=job&count=-1", "?actionType=job&fromDate=x" }
  for _, query in ipairs(queries) do
    wire.refused(400, "InvalidParameters", "GET", path(wire.sales) .. query, { token = tenant })
  end
end

local TestJobs = { setUp = set_up }

local function respond(id, token, fields, group)
  return wire.call("POST", path(group or wire.sales, "/" .. id .. "/responses"),
    { token = token, json = { actionType = "job", actionBody = fields } })
end

function TestJobs.test_done_by_each_assignee()
  local id = send("Job", { title = "x", assignedTo = json.array { wire.bruno, wire.alice } }).actionId
  local status, first = respond(id, bruno, { isCompleted = true })
  lu.assertEquals(status, 200)
  local details = get(id).actionDetails
  lu.assertEquals(details.isCompleted, false)
  lu.assertEquals(details.responseCount, 1)
  lu.assertEquals(details.responses[1].responder, wire.bruno)
  lu.assertEquals(details.responses[1].isCompleted, true)
  -- Again is the same response, not one more.
  local _, second = respond(id, bruno, { isCompleted = true })
  lu.assertEquals(second.responseId, first.responseId)
  respond(id, tenant, { isCompleted = true })
  details = get(id).actionDetails
  lu.assertEquals(details.isCompleted, true)
  lu.assertIs(details.status, true)
  respond(id, tenant, { isCompleted = false })
  lu.assertIs(get(id).actionDetails.status, false)
end

function TestJobs.test_who_may_and_what_is_refused()
  local id = send("Job", JOB).actionId
  lu.assertEquals(respond(id, tenant, { isCompleted = true }), 403)
  lu.assertEquals(respond(id, bruno, {}), 400)
  lu.assertEquals(respond(id, bruno, { isCompleted = 5 }), 400)
  lu.assertEquals(respond("5b2e1d4c-0000-4b70-9d8e-0f1c2b3d4e52", bruno, { isCompleted = true }), 404)
  lu.assertEquals(respond(id, bruno, { isCompleted = true }, wire.sales_north), 404)
  local poll = send("Poll", { question = "x", choices = json.array { { title = "y" } } }).actionId
  lu.assertEquals(respond(poll, bruno, { isCompleted = true }), 400)
  local fields = { actionType = "Poll", actionBody = { answers = json.array {} } }
  local message = wire.refused(400, "InvalidParameters", "POST",
    path(wire.sales, "/" .. poll .. "/responses"), { token = bruno, json = fields })
  lu.assertStrContains(message, "actionType: expected one of Job, Survey, ActionPackage")
  lu.assertEquals(get(id).actionDetails.responseCount, 0)
end

local TestUpdates = { setUp = set_up }

local function update(id, token, fields, tail)
  return wire.call("PUT", path(wire.sales, "/" .. id .. (tail or "")), { token = token, json = fields })
end

function TestUpdates.test_properties_of_every_type()
  local id = send("Job", JOB).actionId
  local list_of = json.array
  local given = {
    { name = "a", type = "Text", value = "x" }, { name = "b", type = 0, value = "y" },
    { name = "c", type = "numeric", value = 1.5 }, { name = "d", type = "1", value = "7" },
    { name = "e", type = 3, value = 1530527400 }, { name = "f", type = 6, value = '["p","q"]' },
    { name = "g", type = "StringSet", value = list_of { "p", "p" } },
    { name = "h", type = "Location", value = { lt = 1, lg = 2, n = "z" } },
    { name = "i", type = "Attachment", value = wire.upload "Image" },
    { name = "j", type = "AttachmentList", value = list_of { wire.upload "Image" } },
    { name = "k", type = "Location", value = '{"latitude": 1, "longitude": "2"}' },
    { name = "l", type = "DateTime", value = "2018-07-02T10:30:00Z" },
  }
  local status, reply = update(id, tenant, { version = -1, updateProperties = list_of(given) })
  lu.assertEquals(status, 200)
  lu.assertEquals(reply.version, 2)
  local values, types = {}, {}
  for _, property in ipairs(get(id).actionDetails.properties) do
    values[property.name], types[property.name] = property.value, property.type
  end
  lu.assertEquals(values.d, 7)
  lu.assertEquals(values.f, { "p", "q" })
  lu.assertEquals(values.g, { "p" })
  lu.assertEquals(values.h, { lt = 1, lg = 2, n = "z" })
  lu.assertEquals(values.k, { lt = 1, lg = 2, n = "" })
  lu.assertEquals(values.l, 1530527400000)
  lu.assertEquals(types.e, "DateTime")
  lu.assertEquals(types.f, "StringList")
  -- The other path, the present version; a name that exists is changed.
  local new = list_of { { name = "a", type = "Text", value = "new" } }
  update(id, tenant, { version = 2, updateProperties = new }, "/properties")
  lu.assertEquals(get(id).actionDetails.properties[1].value, "new")
  lu.assertEquals(#get(id).actionDetails.properties, #given)
end

function TestUpdates.test_who_may_and_what_is_refused()
  local id = send("Job", JOB).actionId
  local fine = json.array { { name = "a", type = "Text", value = "x" } }
  lu.assertEquals(update(id, bruno, { updateProperties = fine }), 403)
  lu.assertEquals(update(id, tenant, { version = 9, updateProperties = fine }), 400)
  lu.assertEquals(update(id, tenant, {}), 400)
  lu.assertEquals(update(id, tenant, { updateProperties = json.array {} }), 400)
  for _, wrong in ipairs {
    { name = "a", type = "Text", value = 5 },
    { name = "a", type = "Numeric", value = ("9"):rep(400) }, -- more than any double
    { name = "a", type = "DateTime", value = "1.5" },
  } do
    lu.assertEquals(update(id, tenant, { updateProperties = json.array { wrong } }), 400)
  end
  lu.assertEquals(update(id, tenant, { updateProperties = json.array {}, version = 1 }), 400)
  lu.assertNil(get(id).actionDetails.properties)
  lu.assertEquals(update(id, tenant, { updateProperties = fine, sendToAllSubscribers = true }), 200)
  local own = send("Job", JOB, { token = bruno }).actionId
  lu.assertEquals(update(own, bruno, { updateProperties = fine }), 200)
end

function TestUpdates.test_reminders()
  local id = send("Job", JOB).actionId
  local function remind(token, fields)
    return wire.call("POST", path(wire.sales, "/" .. id .. "/reminder"), { token = token, json = fields })
  end
  lu.assertEquals(remind(tenant, {}), 200)
  lu.assertEquals(remind(bruno, {}), 403)
  lu.assertEquals(remind(tenant, { sendToAllSubscribers = true }), 200)
  local actions = wire.state().actions
  lu.assertEquals(actions[#actions].reminders, 2)
  id = send("Announcement", { message = "x" }).actionId
  lu.assertEquals(remind(tenant, {}), 400)
end

local TestPublicGroup = { setUp = set_up }

function TestPublicGroup.test_partial_failure_and_who_sees()
  local options = { group = wire.news, subscribers = json.array { wire.chitra, wire.daria } }
  local sent = send("Job", { title = "x", assignedTo = json.array { wire.chitra } }, options)
  lu.assertEquals(#sent.failedResult, 1)
  lu.assertEquals(sent.failedResult[1].subscriber, wire.daria)
  local actions = wire.state().actions
  lu.assertEquals(actions[#actions].recipients, { wire.chitra })
  -- Bruno subscribes too, but it did not go to him.
  lu.assertEquals(list("job", "", { group = wire.news, token = bruno }).actions, {})
  wire.refused(404, "NotFound", "GET", path(wire.news, "/" .. sent.actionId), { token = bruno })
  local for_bruno = { title = "y", assignedTo = json.array { wire.bruno } }
  local all = send("Job", for_bruno, { group = wire.news, all = true })
  lu.assertEquals(#list("job", "", { group = wire.news, token = bruno }).actions, 1)
  lu.assertEquals(respond(all.actionId, bruno, { isCompleted = true }, wire.news), 200)
  lu.assertEquals(#list("job", "", { group = wire.news }).actions, 2)
  wire.refused(403, "PermissionDenied", "POST", path(wire.news), { token = bruno,
    json = { actionType = "Job", actionBody = JOB, sendToAllSubscribers = true } })
end

function TestPublicGroup.test_out_of_reach()
  local id = send("Job", { title = "x", assignedTo = json.array { wire.bruno } },
    { group = wire.sales_north }).actionId
  local group_token = wire.access(wire.group_token)
  wire.refused(403, "PermissionDenied", "GET", path(wire.sales_north, "/" .. id), { token = group_token })
  wire.refused(404, "NotFound", "GET", path(wire.sales, "/" .. id), { token = tenant })
  lu.assertEquals(send("Job", JOB, { token = group_token }).failedResult, nil)
end

return wire.run {
  TestTypes = TestTypes, TestLists = TestLists, TestJobs = TestJobs, TestUpdates = TestUpdates,
  TestPublicGroup = TestPublicGroup,
}
