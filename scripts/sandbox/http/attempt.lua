--- Runs what answers a request: refusals and mistakes become responses.
local log = require "jeton.log"
local assumptions = require "sandbox.base.assumptions"
local refusal = require "sandbox.base.refusal"

-- The handler of errors that are no refusals: the traceback is taken while the stack is there.
local function trace(err)
  if type(err) == "string" then
    return debug.traceback(err, 2)
  end
  return err
end

--- Runs fn; a refusal is rendered, a mistake of the sandbox is logged and rendered as a 500.
---@param render fun(failure: sandbox.failure): table makes a response
---@param fn function returns a response
---@return table response
local function attempt(render, fn, ...)
  local ok, result = xpcall(fn, trace, ...)
  if ok then
    return result
  elseif refusal.is_failure(result) then
    return render(result)
  elseif type(result) == "table" and (result.kind == "cancelled" or result.kind == "deadline") then
    error(result, 0) -- the task ends
  end
  log.error("sandbox: " .. tostring(result))
  return render(refusal.failure(500, assumptions.internal_code, "the sandbox failed; its log says how"))
end

return attempt
