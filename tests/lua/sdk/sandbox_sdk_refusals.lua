-- The mistakes that people make: each is refused before a request, with what was expected. Misuse (a wrong
-- type, an unknown key) is a string that begins with the script's line; a wrong value is an err, `invalid`.
-- luacheck: no max line length
local kaizala = require "kaizala"
local lu = require "luaunit"
local sdk = require "sdk"

local kz = kaizala.connect()
local group = kz:groups():next()
local survey = group:create_survey { title = "S", questions = {
  { title = "Choice", options = { "Yes", "No" } }, { title = "Number", type = "Numeric" },
  { title = "Day", type = "Date" }, { title = "Where", type = "Location" },
} }
local job = group:create_job { title = "J", assigned_to = { "+33100000001" } }
local poll = group:create_poll { question = "Q", choices = { "Yes" } }

local names = { kaizala = kaizala, kz = kz, g = group, survey = survey, job = job, poll = poll,
  task = require "jeton.task", ipairs = ipairs, pairs = pairs }

-- Runs a line as a script of its own, which must fail before a request. What it raised.
local function fail(line)
  local before = sdk.state().counts.requests
  local ok, err = pcall(assert(load(line, "=script", "t", names)))
  lu.assertFalse(ok, line)
  lu.assertEquals(sdk.state().counts.requests, before, line)
  return err
end

local function misuse(cases)
  for line, says in pairs(cases) do
    local err = fail(line)
    lu.assertEquals(type(err), "string", line .. ": " .. tostring(err))
    lu.assertStrContains(err, "script:1: " .. says, false, false, line)
  end
end

local function invalid(cases)
  for line, says in pairs(cases) do
    local err = fail(line)
    lu.assertEquals(type(err) == "table" and err.kind, "invalid", line .. ": " .. tostring(err))
    lu.assertStrContains(err.message, says, false, false, line)
  end
end

local TestRefusals = {}

function TestRefusals.test_connecting()
  misuse {
    ["kaizala:connect()"] = "connect: name must be a string, got table: call it with a point",
    ["kaizala.connect(5)"] = "connect: name must be a string, got number",
    ["kz.groups()"] = "call it with a colon: kz:groups()",
    ["kz:request 'groups'"] = "request: options must be a table, got string",
    ["kz:request { 'groups' }"] = "request: unknown option '1'",
    ["kz:request { method = 'GET' }"] = "request: path must be a non-empty string, got nil",
  }
end

function TestRefusals.test_a_list_is_no_table()
  misuse {
    ["for _ in ipairs(kz:groups()) do end"] = "this list has no '1': the list comes in pages",
    ["for _ in pairs(kz:groups()) do end"] = "this list has no keys: ",
    ["return #kz:groups()"] = "this list has no length: ",
    ["return kz:groups()[1].name"] = "this list has no '1': ",
    ["return kz:groups().name"] = "this list has no 'name': ",
    ["task.map(kz:groups(), function() end)"] = "this list has no length: ",
    ["for _ in kz:groups().all do end"] = "call it with a colon: list:all()",
  }
end

function TestRefusals.test_phone_numbers_and_ids()
  misuse {
    ["kz:group(nil)"] = "group: id must be a non-empty string, got nil",
    ["g:add_members '+33100000002'"] = "add_members: phones must be a list of phone numbers, got string",
    ["g:add_members { 33100000002 }"] =
      'add_members: phones: entry 1 must be a string, got number; write a phone number in quotes, as "+33',
    ["g:set_role('x', 'admin')"] = "set_role: role must be 'Admin' or 'Member', got 'admin'",
    ["g:add_subgroups(g)"] = "add_subgroups: groups must be a list of ids or groups",
    ["g:like(g:members())"] = "like: reference_id must be a non-empty string, got table",
    ["g:react('r', { type = 'like' })"] = "react: type must be 'Like' or 'Comment', got 'like'",
    ["g:react('r', { type = 'Like', comment = 'x' })"] = "react: comment is for type",
    ["g:react('r')"] = "react: options must be a table, got nil",
  }
  invalid {
    ["g:add_members { '0033100000002' }"] = "'0033100000002', is not a phone number; write it with +",
    ["g:remove_member '+33100000002'"] = "'+33100000002' is a phone number; expected the `id` of an item of",
    ["g:set_role('+33100000002', 'Admin')"] = "set_role: member_id: '+33100000002' is a phone number",
    ["g:add_subgroups { g }"] = "entry 1 is the group itself",
  }
end

function TestRefusals.test_actions()
  misuse {
    ["g:announce 'Hello'"] = "announce: options must be a table, got string",
    ["g:announce { text = 'x' }"] =
      "announce: unknown option 'text'; there are: title, message, media, subscribers, all_subscribers, rep",
    ["g:announce { message = 'x', media = 'a.png' }"] =
      "announce: media must be a list of what kz:upload returned, got 'a.png'",
    ["g:create_poll { title = 'x' }"] = "create_poll: unknown option 'title'; there are: question,",
    ["g:create_poll { question = 'x', choices = { 5 } }"] =
      "create_poll: choices[1] must be a non-empty string, got number",
    ["g:create_poll { question = 'x', choices = { { titel = 'y' } } }"] = "create_poll: choices[1]: unknown option",
    ["g:schedule_meeting { title = 'x' }"] = "schedule_meeting: starts_at is missing",
    ["g:schedule_meeting { title = 'x', starts_at = '2026-12-01' }"] =
      "schedule_meeting: starts_at must be a time in whole epoch seconds, as os.time gives it, got '2026-12-01'",
    ["g:schedule_meeting { title = 'x', starts_at = 1.5 }"] = "schedule_meeting: starts_at must be a time",
    ["g:schedule_meeting { title = 'x', starts_at = 1, place = { lat = 1, lon = 2 } }"] =
      "schedule_meeting: place must be a table with latitude and longitude",
    ["g:schedule_meeting { title = 'x', starts_at = 1, place = { latitude = 1, longitude = 2, nam = 'y' } }"] =
      "schedule_meeting: place: unknown option 'nam'; did you mean 'name'?",
    ["g:actions { from = '2026-01-01' }"] = "actions: from must be a time",
    ["g:send_action { id = 'p', validity = 'tomorrow' }"] = "send_action: validity must be a time",
    ["job:update_properties({ a = 1 }, { types = { b = 'Text' } })"] =
      "update_properties: types names 'b', which has no value",
    ["job:update_properties { a = { [1] = 'x', [3] = 'z' } }"] = "update_properties: 'a': entry 2 is nil, and others follow it",
    ["job:update_properties { a = { b = 'x' } }"] = "update_properties: 'a' must be a list, without the key 'b'",
    ["job:update_properties({ a = 1 }, { types = { a = 'Number' } })"] =
      "update_properties: the type of 'a' cannot be 'Number'; did you mean 'Numeric'?",
  }
  invalid {
    ["g:announce { message = 'x', media = { 'a.png' } }"] =
      "announce: media: entry 1, 'a.png', is not a mediaResource; kz:upload(path) returns one",
    ["g:create_poll { question = 'x', choices = {} }"] = "choices must be a list of at least one",
    ["g:create_poll { question = 'x', choices = { 'a', 'a' } }"] = "choices[2]: there is another 'a'",
    ["g:create_job { title = 'x', assigned_to = { '+33100000002' }, due_in_hours = 0.5 }"] =
      "due_in_hours must be a whole number, at least 1, got 0.5",
    ["g:create_job { title = 'x', assigned_to = { '+33100000002' }, due_in_hours = '24' }"] = "due_in_hours must",
    ["g:schedule_meeting { title = 'x', starts_at = 1893456000000 }"] = "are these milliseconds?",
    ["g:schedule_meeting { title = 'x', starts_at = 1, place = { latitude = 200, longitude = 2 } }"] =
      "there is no latitude 200",
    ["g:send_image 'nope.png'"] = "No such file or directory; it counts from the working directory",
    ["g:send_image '~/nope.png'"] = "No such file or directory; `~` is the shell's",
  }
end

-- What ipairs would leave out.
function TestRefusals.test_lists_are_whole()
  misuse {
    ["g:announce { message = 'x', media = { 'YQ==', nil, 'Yg==' } }"] = "announce: media: entry 2 is nil, and others follow",
    ["g:announce { message = 'x', media = { a = 'YQ==' } }"] = "announce: media must be a list, without the key 'a'",
    ["g:create_poll { question = 'x', choices = { 'a', nil, 'c' } }"] = "create_poll: choices: entry 2 is nil",
    ["g:create_poll { question = 'x', choices = { 'a', b = 'c' } }"] = "create_poll: choices must be a list, without",
    ["g:create_survey { title = 'S', questions = { { title = 'x' }, nil, { title = 'y' } } }"] =
      "create_survey: questions: entry 2 is nil",
    ["g:create_survey { title = 'S', questions = { { title = 'x', options = { 'a', nil, 'c' } } } }"] =
      "create_survey: questions[1]: options: entry 2 is nil",
    ["g:send_album { 'a.png', nil, 'c.png' }"] = "send_album: sources: entry 2 is nil",
    ["g:add_subgroups { 'a', nil, 'c' }"] = "add_subgroups: groups: entry 2 is nil",
    ["kz:create_group { name = 'x', member_ids = { 'a', nil, 'c' } }"] = "create_group: member_ids: entry 2 is nil",
    ["kz:create_webhook { object_id = g.id, object_type = 'Group', events = { 'MemberAdded', nil, 'MemberRemoved' }, callback_url = 'http://127.0.0.1:1' }"] =
      "create_webhook: events: entry 2 is nil",
  }
end

function TestRefusals.test_surveys()
  misuse {
    ["g:create_survey { title = 'S', questions = { { title = 'x', type = 'singleoption', options = { 'a' } } } }"] =
      "create_survey: questions[1]: type cannot be 'singleoption'; did you mean 'SingleOption'?",
    ["g:create_survey { title = 'S', questions = { { title = 'x', options = { { title = 'a' } } } } }"] =
      "create_survey: questions[1]: options[1], a title, must be a non-empty string, got table",
    ["g:create_survey { title = 'S', questions = { { text = 'x' } } }"] = "create_survey: questions[1]: unknown option",
    ["g:create_survey { title = 'S', questions = { { title = 'x', invisible = 1 } } }"] =
      "create_survey: questions[1]: invisible must be a boolean",
    ["g:create_survey { title = 'S', questions = { { title = 'x' } }, visible_to = 'everyone' }"] =
      "create_survey: visible_to must be 'all', 'sender', 'admins' or 'members', got 'everyone'",
    ["survey:respond()"] = "respond: give either completed (of a job) or answers (of a survey)",
  }
  invalid {
    ["g:create_survey { title = 'S' }"] = "questions must be a list of at least one question, as { { title",
    ["g:create_survey { title = 'S', questions = { title = 'x' } }"] = "questions must be a list",
    ["g:create_survey { title = 'S', questions = { 'x' } }"] = "questions[1] must be a table, as { title",
    ["g:create_survey { title = 'S', questions = { { title = 'x', options = 'Yes' } } }"] =
      "questions[1]: a SingleOption question needs options, a list of titles",
    ["g:create_survey { title = 'S', questions = { { title = 'x', options = { 'a', 'a' } } } }"] =
      "questions[1]: there is another option 'a'",
    ["survey:respond { answers = { choice = 'Yes' } }"] = "there is no question 'choice'",
    ["survey:respond { answers = { Choice = 'yes' } }"] = "'yes' is none of the options Yes, No",
    ["survey:respond { answers = { Choice = { 'Yes' } } }"] = "must be an option's title, got table",
    ["survey:respond { answers = { Number = '5' } }"] = "the answer to 'Number' must be a number",
    ["survey:respond { answers = { Day = 1893456000000 } }"] = "are these milliseconds?",
    ["survey:respond { answers = { Day = '2026-01-01' } }"] = "the answer to 'Day' must be a time in whole epoch",
    ["survey:respond { answers = { Where = 'Paris' } }"] = "'Where' must be a table with latitude and longitude",
    ["survey:respond { completed = true }"] = "completed is for a job; this is of type Survey",
    ["job:respond { answers = { x = 1 } }"] = "answers are for a survey or a package with questions",
    ["poll:respond { answers = { Q = 'Yes' } }"] = "this is of type Poll",
  }
end

function TestRefusals.test_webhooks()
  local function hook(fields)
    return ("kz:create_webhook { object_id = 'g', object_type = 'Group', callback_url = 'https://x.example/', %s }")
      :format(fields)
  end
  misuse {
    [hook "events = 'TextMessageCreated'"] = "create_webhook: events must be a list of names of events, not empty",
    [hook "events = { 'TextMesageCreated' }"] =
      "create_webhook: events: entry 1 cannot be 'TextMesageCreated'; did you mean 'TextMessageCreated'?",
    [hook "events = { 5 }"] = "create_webhook: events: entry 1 must be a string, got number",
    ["kz:create_webhook { object_type = 'group' }"] =
      "create_webhook: object_type must be 'Group', 'Action' or 'ActionPackage', got 'group'",
  }
  invalid { [hook "events = { 'JobResponse' }, validity = 1893456000000"] = "are these milliseconds?" }
  misuse { [hook "events = { 'JobResponse' }, callback_headers = { x = 5 }"] =
    "create_webhook: callback_headers: x must be a string, got number" }
end

function TestRefusals.test_subscribers_of_a_group_that_has_none()
  local says = "'Sales' is of type Group; only a public group (ConnectGroup) has subscribers"
  invalid {
    ["g:subscribers()"] = "subscribers: " .. says,
    ["g:add_subscribers { '+33100000002' }"] = "add_subscribers: " .. says,
    ["g:send_message('x', { all_subscribers = true })"] = "send_message: " .. says,
    ["g:create_poll { question = 'x', choices = { 'y' }, subscribers = { '+33100000002' } }"] = "create_poll: " .. says,
    ["survey:remind { all_subscribers = true }"] = "remind: " .. says,
  }
end

function TestRefusals.test_bots()
  invalid { ["kz:create_bot { name = 'x', profile_pic = 'photo.png' }"] = "profile_pic must be a picture in base64" }
  misuse { ["kz:create_bot 'x'"] = "create_bot: options must be a table, got string" }
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "TestRefusals", TestRefusals } })
