--- Replies in JSON: successes, and the error body of a refusal.
local json = require "jeton.json"
local assumptions = require "sandbox.base.assumptions"
local request = require "sandbox.http.request"

local reply = {}

reply.CONTENT_TYPE = "application/json; charset=utf-8"

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

--- A success that was encoded before.
---@param body string
function reply.success_of(body)
  return { status = 200, headers = { ["Content-Type"] = reply.CONTENT_TYPE, Date = nil }, body = body }
end

---@param value table an object without errorCode
function reply.success(value)
  return reply.json(200, value)
end

--- The error body. A message may quote bytes from the request, so it is made valid UTF-8.
---@param failure sandbox.failure
function reply.error(failure)
  return reply.json(failure.status, {
    message = request.to_utf8(failure.message),
    errorCode = failure.code,
    errorCategoryKey = assumptions.categories[failure.status] or assumptions.category_fallback,
  }, failure.headers)
end

return reply
