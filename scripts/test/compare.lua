--- Checks of values: t:equal, t:like, t:fails, and the diffs that they fail with.
local failure = require "test.failure"
local show = require "test.show"
local text_diff = require "test.text_diff"

failure.pass_over()

local compare = { methods = {} }

local DIFFERENCES_MAX <const> = 20 -- shown; the others are counted
local DEPTH_MAX <const> = 200      -- of values that are compared

--- Fits everything but nil.
compare.any = setmetatable({}, { __name = "t.any", __tostring = function() return "t.any" end })

compare.methods.any = compare.any -- t.any

---@class test.Differences
---@field lines string[]
---@field count integer

local function add(found, path, text)
  found.count = found.count + 1
  if found.count <= DIFFERENCES_MAX then
    found.lines[#found.lines + 1] = (path == "" and "the value" or path) .. ": " .. text
  end
end

local function finish(found)
  if found.count > DIFFERENCES_MAX then
    found.lines[#found.lines + 1] = ("and %d more"):format(found.count - DIFFERENCES_MAX)
  end
  return table.concat(found.lines, "\n")
end

local function at_key(path, key)
  if type(key) == "string" and key:find "^[%a_][%w_]*$" then
    return path == "" and key or path .. "." .. key
  end
  return path .. "[" .. show.scalar(key) .. "]"
end

-- The type of a value where the text alone would not tell two values apart.
local function typed(value, other)
  local text = show.line(value)
  local kind, its = math.type(value) or type(value), math.type(other) or type(other)
  if kind ~= its and (type(value) == "number" or type(value) == "string") then
    return ("%s (%s)"):format(text, kind)
  end
  return text
end

local function same_scalar(got, want)
  if got ~= got and want ~= want then return true end -- NaN
  return rawequal(got, want) and math.type(got) == math.type(want)
end

local function say(found, path, got, want)
  if type(got) == "string" and type(want) == "string" and (got:find "\n" or want:find "\n") then
    add(found, path, "other lines (- want, + got)\n" .. text_diff.lines(want, got))
  else
    add(found, path, ("got %s, want %s"):format(typed(got, want), typed(want, got)))
  end
end

local equal -- forward

local function same(got, want, seen)
  local found = { lines = {}, count = 0 }
  equal(got, want, "", found, seen)
  return found.count == 0
end

--- Elements that were added to a list, or left out of it, in one place: nothing else has changed.
local function equal_lists(got, want, path, found, seen)
  local most = math.min(#got, #want)
  local first, last = 1, 0
  while first <= most and same(got[first], want[first], seen) do first = first + 1 end
  while last < most - first + 1 and same(got[#got - last], want[#want - last], seen) do last = last + 1 end
  if first + last <= most then return false end
  for index = first, #got - last do
    add(found, at_key(path, index), ("got %s, which is not wanted"):format(show.line(got[index])))
  end
  for index = first, #want - last do
    add(found, at_key(path, index), ("missing: want %s"):format(show.line(want[index])))
  end
  return true
end

local function is_list(value)
  local count = #value
  for key in next, value do
    if not (math.type(key) == "integer" and key >= 1 and key <= count) then return false end
  end
  return true
end

local function equal_tables(got, want, path, found, seen)
  local lists = #got ~= #want and is_list(got) and is_list(want)
  if lists and equal_lists(got, want, path, found, seen) then return end
  for _, key in ipairs(show.keys(want)) do
    equal(rawget(got, key), rawget(want, key), at_key(path, key), found, seen)
  end
  for _, key in ipairs(show.keys(got)) do
    if rawget(want, key) == nil then
      add(found, at_key(path, key), ("got %s, which is not wanted"):format(show.line(rawget(got, key))))
    end
  end
end

--- Fills found with what differs. seen: pairs of tables that are being compared, or were.
function equal(got, want, path, found, seen)
  if same_scalar(got, want) then return end
  if type(got) ~= "table" or type(want) ~= "table" then
    if want ~= nil and got == nil and path ~= "" then
      return add(found, path, ("missing: want %s"):format(show.line(want)))
    end
    return say(found, path, got, want)
  end
  local partners = seen[got] or {}
  if partners[want] then return end
  seen[got], partners[want] = partners, true
  seen.depth = (seen.depth or 0) + 1
  if seen.depth > DEPTH_MAX then
    add(found, path, ("deeper than %d tables: not compared"):format(DEPTH_MAX))
  else
    equal_tables(got, want, path, found, seen)
  end
  seen.depth = seen.depth - 1
  partners[want] = nil
end

--- The lines of what differs, or nil.
---@return string|nil
function compare.differences(got, want)
  local found = { lines = {}, count = 0 }
  equal(got, want, "", found, {})
  if found.count > 0 then return finish(found) end
end

local function index(value, key)
  local fine, found = pcall(function() return value[key] end)
  if fine then return found end
end

local like -- forward

local LIKE = {}

function LIKE.table(got, shape, path, found, above)
  if type(got) ~= "table" and type(got) ~= "userdata" then
    return add(found, path, ("got %s, want a table like %s"):format(show.line(got), show.line(shape)))
  end
  if above[shape] then return end
  above[shape] = true
  for _, key in ipairs(show.keys(shape)) do
    like(index(got, key), shape[key], at_key(path, key), found, above)
  end
  above[shape] = nil
end

LIKE["function"] = function(got, shape, path, found)
  local fits, why = shape(got)
  if not fits then
    local reason = type(why) == "string" and ": " .. why or ""
    add(found, path, ("got %s, which the function at line %d refuses%s"):format(show.line(got),
      debug.getinfo(shape, "S").linedefined, reason))
  end
end

function LIKE.string(got, shape, path, found)
  if shape:sub(1, 1) ~= "^" then
    if got ~= shape then say(found, path, got, shape) end
  elseif type(got) ~= "string" or not got:find(shape) then
    add(found, path, ("got %s, want what fits %s"):format(show.line(got), show.line(shape)))
  end
end

function LIKE.number(got, shape, path, found)
  if got ~= shape and not (got ~= got and shape ~= shape) then say(found, path, got, shape) end
end

function like(got, shape, path, found, above)
  if rawequal(shape, compare.any) then
    if got == nil then add(found, path, "missing: want anything but nil") end
    return
  end
  local fit = LIKE[type(shape)]
  if fit then return fit(got, shape, path, found, above) end
  if not rawequal(got, shape) then say(found, path, got, shape) end
end

--- The lines of what does not fit, or nil.
---@return string|nil
function compare.misfits(got, shape)
  local found = { lines = {}, count = 0 }
  like(got, shape, "", found, {})
  if found.count > 0 then return finish(found) end
end

function compare.methods.equal(_, got, want)
  local diff = compare.differences(got, want)
  if diff then failure.raise("not equal", diff) end
end

function compare.methods.like(_, got, shape)
  local diff = compare.misfits(got, shape)
  if diff then failure.raise("it does not fit", diff) end
end

--- A text that begins with "^" is a pattern for the message, another one stands somewhere in it; a
--- table is a shape of the err, where a message without more is { message = … }.
local function misfits_err(err, shape)
  if type(shape) == "string" then
    if tostring(err):find(shape, 1, shape:sub(1, 1) ~= "^") then return end
    return ("the error: got %s, want %s"):format(show.line(tostring(err)), show.line(shape))
  end
  if type(err) == "string" and type(shape) == "table" then err = { message = err } end
  return compare.misfits(err, shape)
end

local function outcome(fine, ...)
  if not fine then return (...) or "nil was raised" end
  local first, err = ...
  if not first and err ~= nil then return err end
  local shown = {}
  for position = 1, select("#", ...) do shown[position] = show.line((select(position, ...))) end
  failure.raise("it did not fail: it returned " .. (#shown > 0 and table.concat(shown, ", ") or "nothing"))
end

function compare.methods.fails(_, fn, shape)
  if type(fn) ~= "function" then
    error(("t:fails: a function expected, got a %s; write t:fails(function() … end)"):format(type(fn)), 2)
  end
  local results = table.pack(pcall(fn))
  if not results[1] and failure.is(results[2]) then error(results[2], 0) end
  local err = outcome(table.unpack(results, 1, results.n))
  local diff = shape ~= nil and misfits_err(err, shape)
  if diff then failure.raise("it failed in another way", diff) end
  return err
end

return compare
