--- Tests of scripts, for files that `jeton test` runs.
local native = require "jeton.test_native" -- raises where no test is run

if not native.report then error("jeton.test is for test files, not for the scripts that they run", 0) end

---@class jeton.Test: table
local test = {}

-- What makes `t`: each gives `methods`. Those that are not there yet are left out.
local MODULES = {
  "test.case", "test.clock", "test.fake", "test.script", "test.oauth", "test.sandbox",
  "test.compare", "test.snapshot", "test.cassette", "test.event",
}

--- The tests of this file, in the order in which they stand there. For test.child.
---@class test.case
---@field name string
---@field fn fun(t: table)
---@field line integer
---@field skip boolean
---@field only boolean
test.cases = {}
test.begun = false -- they are being run: none can be added

local function add(name, fn, kind)
  if test.begun then
    error("test: inside of another test it would not be run; put it beside that one", 3)
  elseif type(name) ~= "string" or name == "" or name:find "%c" or name:find "\xC2[\x80-\x9F]" then
    error("test: a name (one line of text) expected", 3)
  elseif type(fn) ~= "function" then
    error("test: a function expected after the name", 3)
  elseif test.cases[name] then
    error(("test: line %d has a test of this name already"):format(test.cases[name].line), 3)
  end
  local case = {
    name = name,
    fn = fn,
    line = debug.getinfo(3, "l").currentline,
    skip = kind == "skip",
    only = kind == "only",
  }
  test.cases[#test.cases + 1] = case
  test.cases[name] = case
end

--- A test that is not run for now.
---@param name string
---@param fn fun(t: jeton.T)
function test.skip(name, fn)
  add(name, fn, "skip")
end

--- While there is one, it alone is run. Fails where CI is set.
---@param name string
---@param fn fun(t: jeton.T)
function test.only(name, fn)
  add(name, fn, "only")
end

local loaded

--- What makes `t`. Each may have `methods`, and `begin` and `finish`, called around each test with its `t`.
---@return table[]
function test.modules()
  if loaded then return loaded end
  loaded = {}
  for _, name in ipairs(MODULES) do
    local found, module = pcall(require, name)
    if found then
      loaded[#loaded + 1] = module
    elseif not tostring(module):find("module '" .. name .. "' not found", 1, true) then
      error(module, 0)
    end
  end
  return loaded
end

--- The methods of `t`, of all modules.
---@return table<string, function>
function test.methods()
  local methods = {}
  for _, module in ipairs(test.modules()) do
    for key, method in pairs(module.methods or {}) do
      methods[key] = method
    end
  end
  return methods
end

return setmetatable(test, {
  __call = function(_, name, fn)
    add(name, fn)
  end,
})
