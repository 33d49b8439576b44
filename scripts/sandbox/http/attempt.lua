--- Runs the code that answers a request, and turns refusals and bugs into responses.
local log = require "jeton.log"
local assumptions = require "sandbox.base.assumptions"
local refusal = require "sandbox.base.refusal"

-- The message handler: takes the traceback of anything but a refusal while the stack still exists.
local function trace(err)
  if type(err) == "string" then
    return debug.traceback(err, 2)
  end
  return err
end

--- Runs fn. A refusal is rendered; any other error is logged and rendered as a 500.
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
