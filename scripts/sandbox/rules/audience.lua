--- The audience of a message or an action: the group, or subscribers of a public group.
local assumptions = require "sandbox.base.assumptions"
local groups = require "sandbox.data.groups"
local limits = require "sandbox.base.limits"
local numbers = require "sandbox.rules.numbers"
local refusal = require "sandbox.base.refusal"
local users = require "sandbox.data.users"

local audience = {}

--- Its fields in a body.
---@type sandbox.field[]
audience.FIELDS = {
  { "sendToAllSubscribers", kind = "boolean", default = false },
  { "subscribers", kind = "strings", max = limits.subscribers_per_request },
}

--- The field of a reply that lists numbers it was not sent to.
---@type sandbox.reply_field
audience.FAILED = { "failedResult", kind = "list", optional = true, of = {
  { "subscriber", kind = "string" },
  { "subscriberId", kind = "string" },
  { "errorReason", kind = "string" },
  { "errorCode", kind = "string" },
} }

---@class sandbox.audience
---@field to_group boolean to everybody in the group; false: only to subscribers
---@field to_all_subscribers boolean
---@field recipients string[] ids of single subscribers
---@field failed table[] an entry of failedResult for each number that is not a subscriber

-- The fields of the call, without what means nothing in this group.
local function fields_of(call)
  local fields = call.body
  if call.group.type ~= "ConnectGroup" and (fields.subscribers or fields.sendToAllSubscribers) then
    if not assumptions.plain_group_ignores_subscribers then
      refusal.invalid "subscribers, sendToAllSubscribers: only for public groups (ConnectGroup)"
    end
    return { sendToAllSubscribers = false }
  end
  return fields
end

-- Refuses what the caller's role does not allow.
local function check(call, to_subscribers)
  local is_public = call.group.type == "ConnectGroup"
  local needs_admin = to_subscribers or (is_public and assumptions.plain_message_in_public_group == "Admin")
  if needs_admin and call.role ~= "Admin" then
    refusal.forbidden "only an admin of the group may send to subscribers"
  end
end

--- Reads it from the body of a call. Raises 400 and 403.
---@param call sandbox.call
---@return sandbox.audience
function audience.resolve(call)
  local fields = fields_of(call)
  -- An empty list of subscribers means nobody, not the whole group.
  local to_subscribers = fields.subscribers ~= nil or fields.sendToAllSubscribers
  check(call, to_subscribers)
  local phones, others = numbers.divide("subscribers", fields.subscribers)
  local found, failed = {}, {}
  for i, text in ipairs(others) do
    failed[i] = {
      subscriber = text, subscriberId = "", errorReason = assumptions.bad_number[2],
      errorCode = assumptions.bad_number[1],
    }
  end
  for _, phone in ipairs(phones) do
    local user = users.by_phone(call.db, phone)
    if user and groups.is_subscriber(call.db, call.group, user.id) then
      found[#found + 1] = user.id
    else
      failed[#failed + 1] = {
        subscriber = phone,
        subscriberId = user and user.id or "",
        errorReason = assumptions.failed_subscriber_reason,
        errorCode = assumptions.failed_subscriber_code,
      }
    end
  end
  return {
    to_group = not to_subscribers,
    to_all_subscribers = fields.sendToAllSubscribers,
    recipients = found,
    failed = failed,
  }
end

return audience
