--- Values as lines, for a pipe: a string as it is, all else as JSON, what an iterator gives one a line.
local chunk = require "repl.chunk"
local json = require "jeton.json"
local output = require "jeton.output"

local lines = {}

local ITERATOR = "kaizala.Iterator"

local function class(value)
  local meta = type(value) == "table" and debug.getmetatable(value)
  return meta and meta.__name
end

--- Whether a function keeps something between its calls, as iterators do.
local function has_state(fn)
  local info = debug.getinfo(fn, "Su")
  if info.nparams > 0 or info.isvararg and info.what ~= "C" then return false end
  for i = 1, info.nups do
    if debug.getupvalue(fn, i) ~= "_ENV" then return true end
  end
  return false
end

local OPERATORS = { ["and"] = true, ["not"] = true, ["or"] = true, ["return"] = true }

--- Code without the comments at its end. Where what stands before compiles, no string can be open there.
local function without_comment(code)
  for at = #code - 1, 1, -1 do
    local tail = code:sub(at)
    local comment = tail:find "^%-%-[^\n]*%s*$" or tail:find "^%-%-%[(=*)%[.*%]%1%]%s*$"
    if comment and chunk.load(code:sub(1, at - 1), "=") then
      return without_comment(code:sub(1, at - 1))
    end
  end
  return code
end

--- Whether code ends with a call: f(), f{}, f"".
local function is_call(code)
  code = without_comment(code):match "^(.-)[%s;]*$"
  local before = code:match "^(.*)%b()$"
  if before then
    return before:find "[%w_%])}'\"]%s*$" ~= nil and not OPERATORS[before:match "([%a_][%w_]*)%s*$"]
  end
  return code:find "[}'\"]%s*$" ~= nil or code:find "%]%]%s*$" ~= nil
end

--- Whether `for … in` is meant to take it: what a call has given, for a function that is only named must not
--- be called; and either it keeps a state, or it came with one, as pairs and ipairs give it.
---@param values table what an expression gave, packed
---@param code string the expression
---@return boolean
function lines.is_iterator(values, code)
  local first = values[1]
  if class(first) == ITERATOR then return true end
  if type(first) ~= "function" or not is_call(code) then return false end
  if values.n > 1 then return type(values[2]) == "table" or type(values[2]) == "userdata" end
  return has_state(first)
end

--- What the SDK gives holds the service's reply once more, as `raw`.
local function without_raw(value)
  local copy = {}
  for key, field in pairs(value) do
    if key ~= "raw" then copy[key] = field end
  end
  return copy
end

--- A value as one line, without its end.
---@param value any
---@param sdk? boolean it is an object of the SDK
---@return string text raises the err of what JSON cannot have
function lines.text(value, sdk)
  local kind = type(value)
  if kind == "string" then return value end
  local shown = kind == "function" or kind == "userdata" and value ~= json.null or kind == "thread"
  if shown or value ~= value or value == math.huge or value == -math.huge then return tostring(value) end
  if kind == "table" and (sdk or (class(value) or ""):find "^kaizala%.") then value = without_raw(value) end
  local text, err = json.encode(value)
  if not text then error(err, 0) end
  return text
end

--- Several on one line, with tabs between them.
local function write(values, sdk)
  local texts = {}
  for i = 1, values.n do texts[i] = lines.text(values[i], sdk) end
  output.write(table.concat(texts, "\t") .. "\n")
end

--- Prints what an expression gave.
---@param values table packed; none prints nothing
---@param code string the expression
function lines.print(values, code)
  if lines.is_iterator(values, code) then
    local sdk = class(values[1]) == ITERATOR
    local next, state, control = table.unpack(values, 1, 3)
    local item = table.pack(next(state, control))
    while item[1] ~= nil do
      write(item, sdk)
      control = item[1]
      item = table.pack(next(state, control))
    end
  elseif values.n > 0 and values[1] ~= io.stdout and values[1] ~= io.stderr then -- what io.write gives
    write(values)
  end
end

--- Runs a chunk and prints what it gives, unless that is the `nil, err` of something that failed. Statements
--- end as a script does; the true or false that they return is only the status.
---@param code string
---@param fn function
---@param expression boolean
---@param ... any for the function
---@return any ... the nil and err, or the boolean; else nothing
function lines.run(code, fn, expression, ...)
  local values = table.pack(fn(...))
  local why = type(values[2])
  if not values[1] and (why == "string" or why == "table") then return values[1], values[2] end
  if not expression and type(values[1]) == "boolean" then return table.unpack(values, 1, values.n) end
  lines.print(values, code)
end

return lines
