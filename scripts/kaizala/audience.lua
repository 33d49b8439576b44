--- To whom a message or an action goes, and whom it did not reach.
local check = require "kaizala.check"
local names = require "kaizala.names"

local audience = {}

---@class kaizala.AudienceOptions
---@field subscribers? string[] phone numbers, in a public group; an empty list: nobody
---@field all_subscribers? boolean all of a public group

---@class kaizala.Failed
---@field subscriber string phone number
---@field subscriber_id string
---@field error_code string
---@field error_reason string
---@field raw table

--- Writes the audience into a body.
---@param options kaizala.AudienceOptions
---@param what string the function, for messages
---@param level integer the error's level: 3 is the caller of the function that calls this one
---@param body table receives `subscribers` and `sendToAllSubscribers`
---@return table body
function audience.write(options, what, level, body)
  check.optional(options.all_subscribers, "boolean", what .. ": all_subscribers", level + 1)
  body.sendToAllSubscribers = options.all_subscribers
  if options.subscribers ~= nil then
    body.subscribers = check.phones(options.subscribers, what .. ": subscribers", level + 1)
  end
  return body
end

--- Reads whom it did not reach.
---@param reply table decoded
---@param request string "POST /groups/…", for the error
---@return kaizala.Failed[]? failed nil: it reached everybody
function audience.failed(reply, request)
  if reply.failedResult == nil then return nil end
  local failed = {}
  for i, raw in ipairs(check.reply(reply.failedResult, "failedResult", "list", request)) do
    check.reply(raw, "failedResult[]", "object", request)
    failed[i] = names.convert(raw, nil, {})
  end
  return failed
end

return audience
