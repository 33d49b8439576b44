--- The one way to refuse: raise a failure. What was written is rolled back, and the failure becomes an
--- error body (sandbox.http.reply).
local assumptions = require "sandbox.base.assumptions"

local refusal = {}

---@class sandbox.failure
---@field status integer
---@field code string
---@field message string
---@field headers table<string, string>|nil
local Failure = { __name = "sandbox.failure" }
Failure.__tostring = function(failure)
  return ("%d %s: %s"):format(failure.status, failure.code, failure.message)
end

refusal.INVALID = "InvalidParameters" -- the errorCode of 400

--- A failure to return from an operation instead of raising it: what it wrote stays.
---@param status integer
---@param code string errorCode
---@param message string
---@param headers table<string, string>|nil
---@return sandbox.failure
function refusal.failure(status, code, message, headers)
  return setmetatable({ status = status, code = code, message = message, headers = headers }, Failure)
end

---@param value any
---@return boolean
function refusal.is_failure(value)
  return getmetatable(value) == Failure
end

--- Raises a failure.
---@param status integer
---@param code string errorCode
---@param message string
---@param headers table<string, string>|nil
function refusal.fail(status, code, message, headers)
  error(refusal.failure(status, code, message, headers), 0)
end

--- Raises 400 InvalidParameters.
---@param format string
function refusal.invalid(format, ...)
  refusal.fail(400, refusal.INVALID, format:format(...))
end

--- Raises 404: no such thing.
---@param format string
function refusal.not_found(format, ...)
  refusal.fail(assumptions.not_found_status, assumptions.not_found_code, format:format(...))
end

--- Raises 403.
---@param need string what is needed: "only an admin of the group may do this"
function refusal.forbidden(need)
  refusal.fail(assumptions.permission_status, assumptions.permission_code,
    assumptions.role_message:format(need))
end

return refusal
