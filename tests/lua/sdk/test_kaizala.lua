-- What of the SDK needs no service: names, times, iterators, refusals; and that all of it is documented.
local iterator = require "kaizala.iterator"
local json = require "jeton.json"
local kaizala = require "kaizala"
local lu = require "luaunit"
local task = require "jeton.task"
local names = require "kaizala.names"

local FILES = { "actions", "bots", "media", "reactions", "subgroups", "subscribers", "webhooks" }
local read_at_once = {}
for _, name in ipairs(FILES) do
  read_at_once[name] = package.loaded["kaizala." .. name]
end

local TestNames = {}

function TestNames.test_the_objects_own_name_is_dropped()
  local cases = {
    { "groupId", "group", "id" }, { "groupName", "group", "name" },
    { "groupImageUrl", "group", "image_url" }, { "actionType", "action", "type" },
    { "groupType", "group", "type" }, { "groupedBy", "group", "grouped_by" },
    { "group", "group", "group" }, { "id", "member", "id" }, { "groupId", nil, "group_id" },
  }
  for _, case in ipairs(cases) do
    lu.assertEquals(names.snake(case[1], case[2]), case[3])
  end
end

function TestNames.test_the_rest_is_snake_case()
  local cases = {
    isProvisioned = "is_provisioned", mobileNumber = "mobile_number", hasSubGroups = "has_sub_groups",
    currentLevelUnProvisionedUserCount = "current_level_un_provisioned_user_count",
    O365UserEmailId = "o365_user_email_id", callbackURL = "callback_url", MediaResources = "media_resources",
    profilePic = "profile_pic", name = "name",
  }
  for name, expected in pairs(cases) do
    lu.assertEquals(names.snake(name), expected)
  end
end

function TestNames.test_convert()
  local raw = {
    groupId = "g", groupName = json.null, isDuplicate = false, creationTime = 1530527400,
    lastModifiedTime = 1530527400123, sentAt = "2018-07-02T10:30:00.5Z", members = {}, raw = 1,
  }
  local into = names.convert(raw, "group", {}, { members = true })
  lu.assertEquals(into, {
    id = "g", is_duplicate = false, creation_time = 1530527400, last_modified_time = 1530527400,
    sent_at = 1530527400, raw = raw,
  })
  lu.assertEquals(math.type(into.last_modified_time), "integer")
  lu.assertEquals(names.convert({ id = "own", memberId = "prefixed" }, "member", {}).id, "own")
  lu.assertEquals(names.convert({ id = json.null, memberId = "prefixed" }, "member", {}).id, "prefixed")
end

function TestNames.test_iso_times()
  local cases = {
    ["1970-01-01T00:00:00Z"] = 0, ["2018-07-02T10:30:00"] = 1530527400,
    ["2018-07-02T12:30:00+02:00"] = 1530527400,
    ["2018-07-02T05:00:00.123-0530"] = 1530527400, ["2000-02-29 23:59:59Z"] = 951868799,
    ["2100-03-01T00:00:00Z"] = 4107542400, ["2018-07-02T10:30"] = 1530527400,
    ["2018-07-02T10:30Z"] = 1530527400, ["2018-07-02T12:30:00+02"] = 1530527400,
    ["2018-12-31T23:59:59Z"] = 1546300799, ["1969-12-31T23:59:59Z"] = -1,
  }
  for text, expected in pairs(cases) do
    lu.assertEquals(names.iso_time(text), expected, text)
    lu.assertEquals(math.type(names.iso_time(text)), "integer")
  end
  for _, text in ipairs {
    "", "yesterday", "2018-07-02", "2018-07-02T10:30:00 CET", "2018-13-02T10:30:00Z", "2018-00-02T10:30:00Z",
    "2018-02-29T10:30:00Z", "2018-07-00T10:30:00Z", "2018-07-02T24:00:00Z", "2018-07-02T10:60:00Z",
    "2018-07-02T10:30:60Z", "2018-07-02T10:30:00+2", "2018-07-02T10:30:00+020",
  } do
    lu.assertNil(names.iso_time(text))
  end
end

local TestFiles = {}

function TestFiles.test_methods_come_with_their_file()
  local classes = {
    require "kaizala.client".Client, require "kaizala.group".Group, require "kaizala.action".Action,
  }
  local before = {}
  for i, class in ipairs(classes) do
    before[i] = {}
    for name in pairs(class) do before[i][name] = true end
  end
  lu.assertEquals(read_at_once, {})
  for _, name in ipairs(FILES) do require("kaizala." .. name) end
  for i, class in ipairs(classes) do
    for name, value in pairs(class) do
      lu.assertTrue(before[i][name], name .. " is not there before its file")
      if type(value) == "function" then
        lu.assertNotStrContains(debug.getinfo(value, "S").short_src, "later", false, name .. " never comes")
      end
    end
  end
end

local TestIterator = {}

-- An iterator over pages, and the cursors that it asked with.
local function over(pages)
  local asked = {}
  return iterator.new(function(cursor)
    asked[#asked + 1] = cursor or 1
    local at = cursor or 1
    return pages[at], pages[at + 1] and at + 1
  end), asked
end

function TestIterator.test_pages_are_fetched_as_needed()
  local list, asked = over { { 1, 2 }, {}, { 3 } }
  lu.assertEquals(asked, {})
  lu.assertEquals(list:next(), 1)
  lu.assertEquals(list(), 2)
  lu.assertEquals(asked, { 1 })
  lu.assertEquals(list:next(), 3)
  lu.assertEquals(asked, { 1, 2, 3 })
  lu.assertNil(list:next())
  lu.assertNil(list:next())
  lu.assertEquals(asked, { 1, 2, 3 })
end

function TestIterator.test_all_shows_its_progress_from_the_second_page_on()
  local said = {}
  local real = package.loaded["jeton.progress"]
  package.loaded["jeton.progress"] = {
    new = function(options)
      said[#said + 1] = options.label
      return {
        set = function(_, count) said[#said + 1] = count end,
        done = function() said[#said + 1] = "done" end,
      }
    end,
  }
  local function numbers(first)
    local list = {}
    for i = 0, 59 do list[i + 1] = first + i end
    return list
  end
  local function pages_of(count, breaks)
    return iterator.new(function(cursor)
      local at = cursor or 1
      if at == breaks then error "broken" end
      return numbers(at * 60), at < count and at + 1 or nil
    end, "people")
  end
  lu.assertEquals(#pages_of(1):all(), 60)
  lu.assertEquals(said, {})
  lu.assertEquals(#pages_of(2):all(), 120)
  lu.assertEquals(said, { "people", 100, 120, "done" })
  said = {}
  lu.assertErrorMsgContains("broken", pages_of(3, 3).all, pages_of(3, 3))
  lu.assertEquals(said, { "people", 100, "done" })
  package.loaded["jeton.progress"] = real
end

function TestIterator.test_for_and_all()
  local seen = {}
  for item in over { { "a" }, { "b" } } do seen[#seen + 1] = item end
  lu.assertEquals(seen, { "a", "b" })
  lu.assertEquals((over { { 1, 2 }, { 3 } }):all(), { 1, 2, 3 })
  lu.assertEquals((over { {} }):all(), {})
end

function TestIterator.test_tasks_that_share_one_get_each_item_once()
  local asked, got = {}, {}
  local list = iterator.new(function(cursor)
    asked[#asked + 1] = cursor or 0
    task.sleep(0.005)
    if #asked == 2 then error "a page that breaks" end
    local at = cursor or 0
    return { at + 1, at + 2, at + 3 }, at < 6 and at + 3 or nil
  end)
  local function take()
    while true do
      local fine, item = pcall(list.next, list)
      if fine and item == nil then return end
      got[#got + 1] = fine and item or nil
      task.yield()
    end
  end
  local others = {}
  for i = 1, 4 do others[i] = task.spawn(take) end
  for _, other in ipairs(others) do other:join() end
  table.sort(got)
  lu.assertEquals(got, { 1, 2, 3, 4, 5, 6, 7, 8, 9 })
  lu.assertEquals(asked, { 0, 3, 3, 6 })
end

local TestDocumentation = {}

local source = assert(os.getenv "JETON_SOURCE", "JETON_SOURCE is not set")

-- Calls fn(name, parameters, comment, body) for every function that a file exports.
local function each_function(path, fn)
  local comment, name, parameters, body = {}, nil, nil, nil
  for line in io.lines(source .. path) do
    if name then
      body[#body + 1] = line
      if line:find "^end" then
        fn(name, parameters, table.concat(comment, "\n"), table.concat(body, "\n"))
        comment, name = {}, nil
      end
    elseif line:find "^%-%-%-" then
      comment[#comment + 1] = line
    elseif line:find "^function " then
      name, parameters = line:match "^function ([%w_.:]+)%((.*)%)"
      body = { line }
      if line:find " end$" then
        fn(name, parameters, table.concat(comment, "\n"), line)
        comment, name = {}, nil
      end
    else
      comment = {}
    end
  end
end

-- One line on what it does, each parameter, and the result.
local function check_annotations(path)
  local count = 0
  each_function(path, function(name, parameters, comment, body)
    local where = path .. ": " .. name
    lu.assertStrMatches(comment, "%-%-%- %u.*", 1, #comment, where .. " does not say what it does")
    for parameter in parameters:gmatch "[%a_][%w_]*" do
      lu.assertTrue(comment:find("---@param " .. parameter .. "%f[^%w_]") ~= nil, where .. ": " .. parameter)
    end
    if body:find "\n  return [^\n]" then
      lu.assertStrContains(comment, "---@return ", false, where .. " does not say what it returns")
    end
    count = count + 1
  end)
  return count
end

function TestDocumentation.test_every_exported_function_is_annotated()
  local count = 0
  for module in pairs(package.loaded) do
    local name = module == "kaizala" and "init" or module:match "^kaizala%.(.+)$"
    if name then count = count + check_annotations("/scripts/kaizala/" .. name .. ".lua") end
  end
  lu.assertTrue(count >= 25, "the functions are found: " .. count)
end

function TestDocumentation.test_every_binding_has_its_stub()
  local file <close> = assert(io.open(source .. "/docs/lua-api.md"))
  local reference = file:read "a"
  local modules = { "crypto", "http", "json", "log", "server", "sqlite", "state", "task", "token", "yaml" }
  for _, name in ipairs(modules) do
    local path = "/scripts/meta/jeton/" .. name .. ".lua"
    check_annotations(path)
    local stubs = {}
    each_function(path, function(stub) stubs[stub] = true end)
    local section = assert(reference:match("\n## jeton%." .. name .. "\n(.-)\n## "), name)
    for key, value in pairs(require("jeton." .. name)) do
      lu.assertTrue(stubs[name .. "." .. key] or type(value) ~= "function", path .. ": " .. key)
      local named = section:find("%f[%w_]" .. key .. "%f[^%w_]") ~= nil
      lu.assertTrue(named, "lua-api.md, " .. name .. ": " .. key)
    end
  end
end

function TestDocumentation.test_every_method_is_in_the_reference()
  local file <close> = assert(io.open(source .. "/docs/lua-api.md"))
  local reference = file:read "a"
  local client = require("kaizala.client").new "x"
  for _, object in ipairs { client, client:group "g", client:group("g"):action "a" } do
    for key, value in pairs(getmetatable(object).__index) do
      if type(value) == "function" then
        lu.assertTrue(reference:find(":" .. key .. "%f[^%w_]") ~= nil, key)
      end
    end
  end
end

local TestRefusals = {}

local group = require("kaizala.client").new("nobody"):group "g"

-- Raises an err of kind invalid that says so.
local function invalid(says, fn, ...)
  local ok, err = pcall(fn, ...)
  lu.assertFalse(ok)
  lu.assertEquals(err.kind, "invalid")
  lu.assertStrContains(err.message, says)
end

function TestRefusals.test_messages()
  invalid("is empty", group.send_message, group, "")
  invalid("4001 characters", group.send_message, group, ("é"):rep(4001))
  invalid("not valid UTF-8 at byte 3", group.send_message, group, "ab\255")
  lu.assertErrorMsgContains("must be a string, got nil", group.send_message, group)
  local options = { subscriber = {} }
  lu.assertErrorMsgContains("did you mean 'subscribers'?", group.send_message, group, "x", options)
end

function TestRefusals.test_phone_numbers()
  local wrong = {
    "33100000001", "+", "+0123456789", "+3310000000a", "+331", "+1234567890123456", " +33100000001",
  }
  for _, phone in ipairs(wrong) do
    invalid("entry 2", group.add_members, group, { "+33100000001", phone })
  end
  lu.assertErrorMsgContains("list of phone numbers", group.add_members, group, "+33100000001")
  lu.assertErrorMsgContains("key 'a'", group.add_members, group, { a = "+33100000001" })
  lu.assertErrorMsgContains("is empty", group.add_members, group, {})
end

function TestRefusals.test_ids_and_roles()
  lu.assertErrorMsgContains("non-empty string", group.remove_member, group, "")
  lu.assertErrorMsgContains("got '..'", group.remove_member, group, "..")
  lu.assertErrorMsgContains("non-empty string, got number", group.set_role, group, 5, "Admin")
  lu.assertErrorMsgContains("'Admin' or 'Member'", group.set_role, group, "m", "admin")
end

function TestRefusals.test_the_position_is_the_callers()
  local ok, message = pcall(function() group:send_message("x", { nonsense = 1 }) end)
  lu.assertFalse(ok)
  lu.assertStrContains(message, "test_kaizala.lua:")
  lu.assertStrContains(message, "there are: subscribers")
end

function TestRefusals.test_connect()
  local ok, err = pcall(kaizala.connect, "there-is-none")
  lu.assertFalse(ok)
  lu.assertEquals(err.kind, "config")
  lu.assertErrorMsgContains("must be a string", kaizala.connect, {})
end

local TestChunks = {}

function TestChunks.test_an_err_with_which_the_run_ends_is_raised()
  local chunks = require "kaizala.chunks"
  local function each(kind)
    return pcall(chunks.each, { { "a" }, { "b" }, { "c" } }, function(_, i)
      if i == 2 then error({ kind = kind, message = "m" }, 0) end
    end)
  end
  for _, kind in ipairs { "cancelled", "deadline", "lost" } do
    local ok, err = each(kind)
    lu.assertEquals({ ok, err.kind }, { false, kind })
  end
  local ok, failed = each "http"
  lu.assertEquals({ ok, #failed }, { true, 2 })
end

local TestAnswers = {}

function TestAnswers.test_of_an_event()
  local questions = {
    { title = "Approve?", type = "SingleOption", answer = { "Yes" } },
    { title = "Which?", type = "MultiOption", answer = { "A", "C" } },
    { title = "When?", type = "DateTime", answer = 1767603600000 },
    { title = "Why?", type = "Text", answer = json.null },
    { title = "Where?", type = "Location", isInvisible = json.null,
      answer = { lt = 1, lg = 2, n = json.null } },
    { title = "ticket", type = "Text", isInvisible = true, answer = "17" },
    { title = "Which?", type = "Text", answer = "the other" },
  }
  local event = { data = { data = { responseDetails = { responseWithQuestions = questions } } } }
  lu.assertEquals(kaizala.answers(event),
    { ["Approve?"] = "Yes", ["Which?"] = { "A", "C" }, ["When?"] = 1767603600,
      ["Where?"] = { latitude = 1, longitude = 2 }, ["Which? (2)"] = "the other" })
  lu.assertEquals(questions[7].title, "Which?")
end

function TestAnswers.test_of_another_event()
  for _, event in ipairs { {}, { data = {} }, { data = { data = { text = "x" } } }, { data = "x" } } do
    lu.assertErrorMsgContains("expected the event of a response", kaizala.answers, event)
  end
  lu.assertErrorMsgContains("test_kaizala.lua:", function() kaizala.answers(nil) end)
end

os.exit(lu.LuaUnit.new():runSuiteByInstances {
  { "TestNames", TestNames },
  { "TestFiles", TestFiles },
  { "TestIterator", TestIterator },
  { "TestDocumentation", TestDocumentation },
  { "TestRefusals", TestRefusals },
  { "TestChunks", TestChunks },
  { "TestAnswers", TestAnswers },
})
