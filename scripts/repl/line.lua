--- `jeton run -e CODE`.
local chunk = require "repl.chunk"
local globals = require "repl.globals"
local lines = require "repl.lines"

local line = {}

--- Runs the code.
---@param code string of the last -e
---@param before string lines before it
---@param ... string the arguments
---@return any ... what gives the status, as `lines.run` has it
function line.run(code, before, ...)
  globals.install()
  local fn, expression = chunk.load(code, "=-e", before)
  if not fn then error(expression, 0) end
  return lines.run(code, fn, expression, ...)
end

return line
