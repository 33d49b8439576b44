-- scripts/meta and the annotations of the SDK: every module, function and method that a script can reach
-- is there, nothing else is, and each parameter is explained.
local csv = require "jeton.csv"
local lu = require "luaunit"
local progress = require "jeton.progress"
local server = require "jeton.server"
local sources = require "sources"
local sqlite = require "jeton.sqlite"
local state = require "jeton.state"
local task = require "jeton.task"

-- Modules in the executable that are not for scripts, or (cjson) described elsewhere.
local INTERNAL = {
  ["cjson"] = true, ["cjson.safe"] = true, ["jeton.csv_check"] = true, ["jeton.csv_reader"] = true,
  ["jeton.csv_writer"] = true, ["jeton.exec"] = true, ["jeton.hook"] = true,
  ["jeton.output"] = true, ["jeton.place"] = true, ["jeton.progress_line"] = true, ["jeton.test_host"] = true,
  ["jeton.test_native"] = true,
}
-- Of modules for scripts: what other modules call.
local NOT_FOR_SCRIPTS = { ["jeton.progress"] = { of = true, transfer = true } }
-- Only where `jeton test` runs a file: its functions are read from the source.
local TEST = "jeton.test"

local read, list, sorted = sources.read, sources.list, sources.sorted

-- The functions of a stub: of its module, and of the others, by the local that stands for them. And what else
-- stands in the module.
local function described(path)
  local text = read(path)
  local module, found = text:match "\nreturn ([%w_]+)%s*$", {}
  for owner, name in text:gmatch "\nfunction ([%w_]+)[:.]([%w_]+)%(" do
    found[owner] = found[owner] or {}
    found[owner][name] = true
  end
  return found[module] or {}, found, text
end

local function functions(of)
  local set = {}
  for name, value in pairs(of) do
    if type(value) == "function" and not name:find "^_" then set[name] = true end
  end
  return set
end

local TestModules = {}

function TestModules.test_each_module_is_described()
  local known = {}
  for name in read "bindings/lib/modules.c":gmatch '{"([%w_.]+)", luaopen' do known[name] = true end
  for _, path in ipairs(list "scripts/jeton/*.lua") do
    known["jeton." .. path:match "([%w_]+)%.lua$"] = true
  end
  for name in pairs(known) do
    local stub = "scripts/meta/" .. name:gsub("%.", "/") .. ".lua"
    if not INTERNAL[name] then
      local said, _, text = described(stub)
      lu.assertStrContains(text, "---@meta " .. name .. "\n", false, stub)
      local there = name ~= TEST and functions(require(name)) or said
      for other in pairs(NOT_FOR_SCRIPTS[name] or {}) do there[other] = nil end
      lu.assertEquals(sorted(there), sorted(said), name)
    end
  end
end

-- What is called, and the methods it has: an object's, or those of the source that makes it.
function TestModules.test_each_method_is_described()
  local function methods(object)
    local index = debug.getmetatable(object).__index
    return functions(type(index) == "table" and index or select(2, debug.getupvalue(index, 1)))
  end
  local db <close> = sqlite.open ":memory:"
  local file = os.tmpname()
  local writer = csv.writer(file)
  os.remove(file)
  local listening <close> = assert(server.listen { port = 0, handler = print })
  for stub, objects in pairs {
    task = { Task = methods(task.spawn(function() end)), Lock = methods(task.lock()) },
    sqlite = { db = methods(db) },
    server = { instance = methods(listening) },
    csv = { Writer = methods(writer) },
    progress = { Progress = methods(progress.new { total = 1 }) },
  } do
    local _, found = described("scripts/meta/jeton/" .. stub .. ".lua")
    for owner, set in pairs(objects) do
      lu.assertEquals(sorted(set), sorted(found[owner]), stub .. ": " .. owner)
    end
  end
  lu.assertEquals(sorted(functions(state)), { "commit", "get", "keys", "set", "shared" })
end

-- In the sources: `t`, and what its methods return.
function TestModules.test_each_method_of_tests_is_described()
  local _, found = described "scripts/meta/jeton/test.lua"
  local made = { T = {}, Kaizala = {} }
  for _, path in ipairs(list "scripts/test/*.lua") do
    local text = read(path)
    for name in text:gmatch "\nfunction [%w_]*%.?methods[:.]([%w_]+)%(" do made.T[name] = true end
    for name in text:gmatch "\nfunction methods[:.]([%w_]+)%(" do made.T[name] = true end
    for name in text:gmatch 'rawset%(kz, "([%w_]+)"' do made.Kaizala[name] = true end
    for owner, name in text:gmatch "\nfunction (%u[%w_]*):(%l[%w_]*)%(" do
      made[owner] = made[owner] or {}
      made[owner][name] = true
    end
  end
  for owner, set in pairs(found) do
    if owner ~= "test" then
      for name in pairs(set) do
        local there = made[owner] and made[owner][name] or false
        lu.assertTrue(there, ("%s:%s is in no source"):format(owner, name))
      end
    end
  end
  lu.assertEquals(sorted(made.T), sorted(found.T))
end

local TestText = {}

-- The comment above a line, and whether all parameters stand in it.
local function check(path, lines, at)
  local name, parameters = lines[at]:match "^function [%w_.]+[:.]([%w_]+)%((.-)%)"
  if not name or name:find "^_" then return end
  local comment, above = {}, at - 1
  while above > 0 and lines[above]:find "^%-%-%-" do
    table.insert(comment, lines[above])
    above = above - 1
  end
  local text = table.concat(comment, "\n")
  lu.assertTrue(text ~= "", ("%s:%d: %s has no comment"):format(path, at, name))
  for parameter in parameters:gmatch "[%w_.]+" do
    local said = text:find("@param " .. parameter:gsub("%.", "%%.") .. "%f[%s?]")
    local fine = said ~= nil or parameter:find "^_" ~= nil
    lu.assertTrue(fine, ("%s:%d: %s: %s"):format(path, at, name, parameter))
  end
end

function TestText.test_each_parameter_is_explained()
  local count = 0
  for _, path in ipairs(list "scripts/kaizala/*.lua scripts/meta/*.lua scripts/meta/*/*.lua") do
    local lines = {}
    for line in read(path):gmatch "([^\n]*)\n" do lines[#lines + 1] = line end
    for at in ipairs(lines) do check(path, lines, at) end
    count = count + 1
  end
  lu.assertTrue(count > 30)
end

-- What others read of a result is in a class, or is the result of a call.
function TestText.test_each_type_of_the_sdk_exists()
  local known, named = {}, {}
  for _, path in ipairs(list "scripts/kaizala/*.lua scripts/meta/*.lua scripts/meta/*/*.lua") do
    for line in read(path):gmatch "[^\n]+" do
      local class = line:match "^%-%-%-@class ([%w.]+)" or line:match "^%-%-%-@alias ([%w.]+)"
      if class then known[class] = true end
      local kinds = line:match "^%-%-%-@param [%w_.]+%?? (.*)" or line:match "^%-%-%-@return (.*)"
        or line:match "^%-%-%-@field [%w_]+%?? (.*)"
      for kind in (kinds or ""):gmatch "%f[%w.]kaizala%.%u[%w]*" do named[kind] = path end
    end
  end
  for kind, path in pairs(named) do lu.assertTrue(known[kind], ("%s: %s"):format(path, kind)) end
end

local runner = lu.LuaUnit.new()
runner:setOutputType "text"
return runner:runSuiteByInstances { { "TestModules", TestModules }, { "TestText", TestText } } == 0
