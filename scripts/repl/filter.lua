--- `jeton api --lua EXPR`.
local chunk = require "repl.chunk"
local globals = require "repl.globals"
local json = require "jeton.json"
local lines = require "repl.lines"

local filter = {}

--- Prints what the code makes of a reply.
---@param code string an expression, or statements
---@param body string JSON, which the code finds as `it`; nothing where it is empty
---@return any ... what gives the status, as `lines.run` has it
function filter.run(code, body)
  globals.install()
  if body ~= "" then
    local it, err = json.decode(body, { mend = true })
    if err then
      err.message = "--lua: the reply is no JSON: " .. err.message
      return nil, err
    end
    rawset(_G, "it", it)
  end
  return lines.run(code, chunk.load(code, "=--lua"))
end

return filter
