-- Every method of the SDK runs against the sandbox, and is as its annotations say: the tests of the SDK once
-- more, with each method watched.
local json = require "jeton.json"
local lu = require "luaunit"
local annotations = require "annotations"
local objects = require "sdk_objects"

local FILES = {
  "sandbox_kaizala", "sandbox_kaizala_groups", "sandbox_kaizala_media", "sandbox_kaizala_bots",
  "sandbox_sdk_actions", "sandbox_sdk_surveys",
}

local JETON = assert(os.getenv "JETON", "JETON must name the program")
local SOURCE = assert(os.getenv "JETON_SOURCE", "JETON_SOURCE must name the folder of the source")
local FOLDER = SOURCE .. "/tests/lua/sdk"

-- What only a dry run has, what the service is not known to answer for media, and what a group token gets.
local NEVER_SEEN = { dry_run = true, action_id = true, is_added_as_sub_group = true }

-- Runs a file of tests in a process of its own, with a sandbox of its own.
local function run(name)
  local command = ("'%s' run --sandbox '%s/watched.lua' '%s/%s.lua'"):format(JETON, FOLDER, FOLDER, name)
  local pipe = assert(io.popen(command))
  local text = pipe:read "a"
  pipe:close()
  return assert(json.decode(text:match "([^\n]*)\n$"), name .. " does not run when it is watched")
end

local methods = {}
for class_name, class in pairs(objects.classes) do
  for name, fn in pairs(class) do
    if type(fn) == "function" and not name:find "^__" then methods[class_name .. ":" .. name] = true end
  end
end

local TestMethods = {}

function TestMethods.test_annotations_name_what_there_is()
  for name in pairs(methods) do
    local documented = annotations.methods[name]
    lu.assertNotNil(documented, name .. " has no annotation, or is no `function Class:name`")
    local names = {}
    for i, param in ipairs(documented.params) do names[i] = param.name end
    lu.assertEquals(table.concat(names, ", "), documented.parameters, name)
    lu.assertTrue(#documented.returns > 0, name .. ": no @return")
  end
  for name in pairs(annotations.methods) do
    lu.assertNotNil(methods[name], name .. " is documented, but there is none")
  end
end

-- Good values by the parameter's name, for those that come before another.
local SAMPLES = {
  text = "x", id = "a", member_id = "m", reference_id = "r", query = "q", source = "no-such-file.png",
  sources = { "no-such-file.png" }, values = { a = 1 }, role = "Admin",
}

-- Calls a method without one of its parameters and those after it. Gives whether that is misuse, or refused.
local function is_refused_without(name, documented, index)
  local self = objects[name:match "^%a+"]
  local arguments = {}
  for i = 1, index - 1 do arguments[i] = SAMPLES[documented.params[i].name] end
  local ok, err = pcall(self[name:match ":(.+)"], self, table.unpack(arguments, 1, index - 1))
  if ok then return false end
  local is_of_sample = tostring(err):find("no-such-file", 1, true) ~= nil
  return type(err) == "string" or (err.kind == "invalid" and not is_of_sample), err
end

function TestMethods.test_what_is_optional_may_be_left_out()
  local checked = 0
  for name in pairs(methods) do
    local documented = annotations.methods[name]
    for i, param in ipairs(documented.params) do
      local refused, err = is_refused_without(name, documented, i)
      lu.assertEquals(refused, not param.optional,
        ("%s without %s: %s"):format(name, param.name, tostring(err)))
      checked = checked + 1
    end
  end
  lu.assertTrue(checked > 40)
end

function TestMethods.test_each_ran_and_returned_what_it_says()
  local returned, fields_seen, problems = {}, {}, {}
  for _, file in ipairs(FILES) do
    local result = run(file)
    lu.assertTrue(result.passed, file .. " does not pass when it is watched")
    for name in pairs(result.returned) do returned[name] = true end
    for name in pairs(result.fields) do fields_seen[name] = true end
    for problem in pairs(result.problems) do problems[problem] = true end
  end
  for name in pairs(methods) do
    lu.assertTrue(returned[name] ~= nil, name .. " is called by no test")
  end
  lu.assertEquals(problems, {})
  local missing = {}
  for class_name, class in pairs(annotations.classes) do
    local is_returned = false
    for field in pairs(class.fields) do
      is_returned = is_returned or fields_seen[class_name .. "." .. field] ~= nil
    end
    for field in pairs(class.fields) do
      local key = class_name .. "." .. field
      if is_returned and not fields_seen[key] and not NEVER_SEEN[field] then missing[#missing + 1] = key end
    end
  end
  table.sort(missing)
  lu.assertEquals(missing, {}, "documented, but no reply of the sandbox made them")
end

os.exit(lu.LuaUnit.new():runSuiteByInstances { { "TestMethods", TestMethods } })
