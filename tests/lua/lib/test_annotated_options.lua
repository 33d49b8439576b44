-- scripts/meta and the SDK: the options that modules in Lua take are the fields of their classes, both ways.
local lu = require "luaunit"
local sources = require "sources"

local sorted = sources.sorted

local function read(path)
  return sources.read("scripts/" .. path .. ".lua")
end

local function list(pattern)
  local found = sources.list(pattern)
  for i, path in ipairs(found) do found[i] = path:match "^scripts/(.*)%.lua$" end
  return found
end

-- Of a file: class → { parent = name, [field] = true in fields }
local function read_classes(path)
  local found, last = {}, nil
  for line in read(path):gmatch "[^\n]+" do
    local name, rest = line:match "^%-%-%-@class ([%w.]+)(.*)"
    local field = line:match "^%-%-%-@field ([%w_]+)"
    if name then
      last = name
      found[name] = { parent = rest:match "^ *: *([%w.]+)", fields = {} }
    elseif field then
      found[last].fields[field] = true
    end
  end
  return found
end

local classes = {} -- of the SDK, and of the modules' stubs
for _, path in ipairs(list "scripts/meta/jeton/*.lua scripts/kaizala/*.lua") do
  for name, class in pairs(read_classes(path)) do
    if next(class.fields) then classes[name] = class end
  end
end

local function fields(name)
  local set, class = {}, classes[name]
  lu.assertNotNil(class, name)
  while class do
    for field in pairs(class.fields) do set[field] = true end
    class = classes[class.parent]
  end
  return sorted(set)
end

-- { a?: string, b?: "x"|"y" } as the type of the options of a function.
local function fields_of_parameter(path, name)
  local head = assert(read(path):match("(.*\n)function [%w_]+[:.]" .. name .. "%("), name)
  local given, set = head:match ".*%-%-%-@param options%?? (%b{})", {}
  for field in assert(given, name):gmatch "([%w_]+)%??:" do set[field] = true end
  return sorted(set)
end

-- What a table of options in the code takes: { a = …, b = … }; or, in the SDK, { { "a", … }, { "b", … } }.
local function taken(path, variable)
  local helper, body = read(path):match("\nlocal " .. variable .. " = ([%w_]*) ?(%b{})")
  assert(body, path .. ": " .. variable)
  local set = {}
  if path:find "^kaizala/" then
    for one in body:sub(2):gmatch "%b{}" do set[one:match '^{ "([%w_]+)"'] = true end
    local others = body:match "table%.unpack%(([%w_]+)%)"
    for _, name in ipairs(others and taken(path, others) or {}) do set[name] = true end
  else
    for name in body:gmatch "([%w_]+) = " do set[name] = true end
  end
  if helper == "with_audience" then
    local own = read(path):match "\nlocal function with_audience%(own%)\n(.-)\nend"
    for name in own:gmatch '{ "([%w_]+)"' do set[name] = true end
  end
  return sorted(set)
end

-- By file and variable: the class; or the function whose parameter says it.
local TABLES = {
  ["jeton/csv_reader"] = { OPTIONS = "jeton.csv.ReadOptions" },
  ["jeton/csv_writer"] = { OPTIONS = "jeton.csv.WriteOptions" },
  ["jeton/progress"] = { OPTIONS = "jeton.progress.Options" },
  ["kaizala/action"] = {
    respond_options = "kaizala.RespondOptions", remind_options = "kaizala.AudienceOptions",
    update_options = "kaizala.UpdateOptions",
  },
  ["kaizala/actions"] = {
    announce_options = "kaizala.AnnounceOptions", job_options = "kaizala.JobOptions",
    poll_options = "kaizala.PollOptions", meeting_options = "kaizala.MeetingOptions",
    survey_options = "kaizala.SurveyOptions", action_options = "kaizala.SendActionOptions",
  },
  ["kaizala/bots"] = { bot_options = "kaizala.BotOptions" },
  ["kaizala/client"] = {
    request_options = "kaizala.RequestOptions", create_options = "kaizala.CreateOptions",
    groups_options = { "groups" },
  },
  ["kaizala/group"] = { send_options = "kaizala.SendOptions" },
  ["kaizala/media"] = { media_options = "kaizala.MediaOptions" },
  ["kaizala/reactions"] = { react_options = "kaizala.ReactOptions" },
  ["kaizala/subgroups"] = { subgroup_options = "kaizala.SubgroupOptions" },
  ["kaizala/webhooks"] = {
    list_options = { "webhooks" }, webhook_options = "kaizala.WebhookOptions",
    update_options = "kaizala.WebhookChanges",
  },
  ["test/cassette"] = { OPTIONS = "jeton.test.CassetteOptions" },
  ["test/event"] = { OPTIONS = "jeton.test.EventOptions" },
  ["test/fake"] = { REPLY = "jeton.test.Reply" },
  ["test/oauth"] = { OPTIONS = "jeton.test.OAuthOptions" },
  ["test/sandbox"] = { OPTIONS = "jeton.test.SandboxOptions" },
  ["test/script"] = { OPTIONS = "jeton.test.RunOptions" },
}
-- Other tables with such a name; the lists of reactions are below.
local NO_OPTIONS = { ["kaizala/survey needs_options"] = true, ["kaizala/reactions list_options"] = true }

local TestOptions = {}

function TestOptions.test_each_table_of_options_is_its_class()
  for path, variables in pairs(TABLES) do
    for variable, class in pairs(variables) do
      local what = path .. ": " .. variable
      local said = type(class) == "string" and fields(class) or fields_of_parameter(path, class[1])
      lu.assertTrue(#said > 0, what)
      lu.assertEquals(said, taken(path, variable), what)
    end
  end
end

function TestOptions.test_no_table_is_forgotten()
  for _, path in ipairs(list "scripts/jeton/*.lua scripts/kaizala/*.lua scripts/test/*.lua") do
    for variable in ("\n" .. read(path)):gmatch "\nlocal ([%w_]+) = [%w_]* ?{" do
      local known = (TABLES[path] or {})[variable] or NO_OPTIONS[path .. " " .. variable]
      lu.assertTrue(known ~= nil or not variable:lower():find "options$", path .. ": " .. variable)
    end
  end
end

-- Written where they are checked.
function TestOptions.test_tables_within_calls()
  local function names(path, pattern, each)
    local set, text = {}, read(path):match(pattern)
    for name in assert(text, pattern):gmatch(each or '"([%w_]+)"') do set[name] = true end
    return sorted(set)
  end
  for name, path in pairs { actions = "kaizala/actions", subgroups = "kaizala/subgroups" } do
    local pattern = 'check%.fields%(options, "' .. name .. '", (%b{})%)'
    lu.assertEquals(fields_of_parameter(path, name), names(path, pattern, '{ "([%w_]+)"'), name)
  end
  for _, name in ipairs { "reaction_summary", "reaction_summaries", "reactions" } do
    local pattern = 'query_of%(self, options, "' .. name .. '"(.-)%)\n'
    lu.assertEquals(fields_of_parameter("kaizala/reactions", name), names("kaizala/reactions", pattern), name)
  end
  lu.assertEquals(fields "kaizala.Question", names("kaizala/survey", "\nlocal question_keys = (%b{})"))
  lu.assertEquals(fields "kaizala.PollChoice",
    names("kaizala/actions", "check%.options%(choice, what, (%b{})%)"))
end

-- jeton.test says its classes in the stub and beside the code.
function TestOptions.test_classes_that_are_said_twice()
  local count = 0
  for _, path in ipairs(list "scripts/test/*.lua") do
    for name, class in pairs(read_classes(path)) do
      if classes[name] and next(class.fields) then
        count = count + 1
        lu.assertEquals(sorted(class.fields), fields(name), path .. ": " .. name)
      end
    end
  end
  lu.assertTrue(count >= 4)
end

local runner = lu.LuaUnit.new()
runner:setOutputType "text"
return runner:runSuiteByInstances { { "TestOptions", TestOptions } } == 0
