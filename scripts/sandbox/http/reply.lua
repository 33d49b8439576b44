--- Replies, and the one way to refuse: raise a failure, which rolls back and becomes an error body.
local json = require "jeton.json"
local assumptions = require "sandbox.base.assumptions"
local request = require "sandbox.http.request"

local reply = {}

---@class sandbox.failure
---@field status integer
---@field code string
---@field message string
---@field headers table<string, string>|nil
local Failure = { __name = "sandbox.failure" }
Failure.__tostring = function(failure)
  return ("%d %s: %s"):format(failure.status, failure.code, failure.message)
end

reply.INVALID = "InvalidParameters" -- the errorCode of 400
reply.CONTENT_TYPE = "application/json; charset=utf-8"

--- A refusal that is returned by an operation: what it wrote stays.
---@param status integer
---@param code string errorCode
---@param message string
---@param headers table<string, string>|nil
---@return sandbox.failure
function reply.failure(status, code, message, headers)
  return setmetatable({ status = status, code = code, message = message, headers = headers }, Failure)
end

--- Refuses: raises, and what was written is rolled back.
---@param status integer
---@param code string errorCode
---@param message string
---@param headers table<string, string>|nil
function reply.fail(status, code, message, headers)
  error(reply.failure(status, code, message, headers), 0)
end

--- 400 InvalidParameters.
---@param format string
function reply.invalid(format, ...)
  reply.fail(400, reply.INVALID, format:format(...))
end

--- 404: no such thing.
---@param format string
function reply.not_found(format, ...)
  reply.fail(assumptions.not_found_status, assumptions.not_found_code, format:format(...))
end

--- 403: what is needed.
---@param need string "only an admin of the group may do this"
function reply.forbidden(need)
  reply.fail(assumptions.permission_status, assumptions.permission_code,
    assumptions.role_message:format(need))
end

---@param value any
---@return boolean
function reply.is_failure(value)
  return getmetatable(value) == Failure
end

---@param status integer
---@param value table
---@param headers table<string, string>|nil
function reply.json(status, value, headers)
  local out = { ["Content-Type"] = reply.CONTENT_TYPE }
  for name, text in pairs(headers or {}) do
    out[name] = text
  end
  return { status = status, headers = out, body = assert(json.encode(value)) }
end

---@param value table an object: never empty of meaning, never with errorCode
function reply.success(value)
  return reply.json(200, value)
end

--- A message may quote bytes that came: JSON carries them as text.
---@param failure sandbox.failure
function reply.error(failure)
  return reply.json(failure.status, {
    message = request.to_utf8(failure.message),
    errorCode = failure.code,
    errorCategoryKey = assumptions.categories[failure.status] or assumptions.category_fallback,
  }, failure.headers)
end

return reply
