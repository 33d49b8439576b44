--- `jeton run -e CODE`.
local chunk = require "repl.chunk"
local globals = require "repl.globals"
local lines = require "repl.lines"

local line = {}

--- Runs the code. An expression prints its value, unless that is the `nil, err` of something that failed;
--- statements end as a script does.
---@param code string of the last -e
---@param before string lines before it
---@param ... string the arguments
---@return any ... of statements what they return; of an expression nothing, or its nil and err
function line.run(code, before, ...)
  globals.install()
  local fn, expression = chunk.load(code, "=-e", before)
  if not fn then error(expression, 0) end
  if not expression then return fn(...) end
  local values = table.pack(fn(...))
  local why = type(values[2])
  if not values[1] and (why == "string" or why == "table") then return values[1], values[2] end
  lines.print(values)
end

return line
