--- One test: what `t` is, what is done at its end, and what it says of itself.
local native = require "jeton.test_native"
local show = require "test.show"

local case = { methods = {} }

local methods = case.methods
local LOG_MAX = 200 -- lines that are kept, the last

--- Called at the test's end, whatever became of it; the last one first.
---@param fn fun()
function methods:defer(fn)
  if type(fn) ~= "function" then error("t:defer: a function expected", 2) end
  table.insert(self.deferred, fn)
end

--- Shown if the test fails.
---@param ... any
function methods:log(...)
  local parts = table.pack(...)
  for i = 1, parts.n do
    parts[i] = tostring(parts[i])
  end
  table.insert(self.lines, table.concat(parts, " "))
  if #self.lines > LOG_MAX then table.remove(self.lines, 1) end
end

--- Where a failure was raised, as "file:line": the nearest frame that is not ours.
---@param level integer
---@return string|nil
function case.where(level)
  for at = level + 1, level + 200 do
    local info = debug.getinfo(at, "Sl")
    if not info then return nil end
    if info.currentline > 0 and not native.owns(info.short_src) then
      return ("%s:%d"):format(info.short_src, info.currentline)
    end
  end
end

--- A message that begins with its place, in two.
---@param text string
---@return table
function case.split(text)
  local where, message = text:match "^([^\n]-:%d+): (.*)$"
  return { message = message or text, where = where }
end

--- What a test failed with, as a table: message, where, diff.
---@param raised any
---@param level integer of the raising function
---@return table
function case.failure(raised, level)
  if type(raised) == "table" and raised.message and raised.kind == nil then
    return { message = raised.message, where = raised.where, diff = raised.diff }
  end
  local plain = type(raised) == "table" and not getmetatable(raised)
  local failure = type(raised) == "string" and case.split(raised)
    or { message = plain and show.line(raised) or tostring(raised) }
  failure.where = failure.where or case.where(level + 1)
  return failure
end

--- Calls fn. Where memory runs out, Lua calls no handler: what it failed with is returned, not noted there.
---@param fn function
---@return boolean fine
---@return table|nil failure
function case.attempt(fn, ...)
  local fine, failure = xpcall(fn, function(raised) return case.failure(raised, 2) end, ...)
  if fine then return true end
  return false, type(failure) == "table" and failure or { message = tostring(failure) }
end

--- The first failure counts; of the others it is told what they are.
function case.fail(t, failure)
  if not t.failure then
    t.failure = failure
  else
    t:log("also: " .. failure.message)
  end
end

--- A test's `t`. `index` has its methods.
function case.new(definition, options, path, index)
  return setmetatable({
    name = definition.name,
    line = definition.line,
    file = options.file,
    path = path,
    options = options,
    deferred = {},
    at_end = {},
    lines = {},
  }, { __index = index, __name = "jeton.T" })
end

return case
