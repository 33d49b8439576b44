--- Text messages.
local json = require "jeton.json"
local assumptions = require "sandbox.assumptions"
local demo = require "sandbox.demo"
local groups = require "sandbox.data.groups"
local limits = require "sandbox.limits"
local messages = require "sandbox.data.messages"
local reply = require "sandbox.http.reply"
local users = require "sandbox.data.users"

-- Who of the given numbers subscribes: ids, and an entry of failedResult for each of the others.
local function find_subscribers(call, phones)
  local found, failed = {}, {}
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
  return found, failed
end

-- Refuses what the kind of group or the caller's role does not allow.
local function check_audience(call, to_subscribers)
  local is_public = call.group.type == "ConnectGroup"
  if to_subscribers and not is_public then
    reply.invalid "subscribers, sendToAllSubscribers: only for public groups (ConnectGroup)"
  end
  local needs_admin = to_subscribers or (is_public and assumptions.plain_message_in_public_group == "Admin")
  if needs_admin and call.role ~= "Admin" then
    reply.forbidden "only an admin of the group may send to subscribers"
  end
end

local function send(call)
  local fields = call.body
  -- An empty list of subscribers means nobody, not the whole group.
  local to_subscribers = fields.subscribers ~= nil or fields.sendToAllSubscribers
  check_audience(call, to_subscribers)
  local reply_to = fields.replyToReferenceId
  if reply_to ~= "" and not messages.exists(call.db, call.group, reply_to) then
    reply.invalid "replyToReferenceId: the group has no message with this id"
  end
  local found, failed = find_subscribers(call, fields.subscribers or {})
  local out = {
    referenceId = messages.create(call.db, {
      group = call.group,
      sender_id = call.caller.user.id,
      connector_id = call.caller.connector.id,
      text = fields.message,
      reply_to = reply_to,
      to_group = not to_subscribers,
      to_all_subscribers = fields.sendToAllSubscribers,
      recipients = found,
    }, call.now),
  }
  if #failed > 0 then
    out.failedResult = json.array(failed)
  end
  return out
end

---@type sandbox.operation[]
return {
  {
    name = "messages.send",
    summary = "Posts a text message: to the group, to some subscribers of a public group, or to all of them.",
    method = "POST",
    path = "/groups/{group}/messages",
    permission = "textmessage.write",
    who = "reach",
    body = {
      { "message", kind = "string", required = true, not_empty = not assumptions.empty_message_allowed,
        max = limits.message_characters },
      { "sendToAllSubscribers", kind = "boolean", default = false },
      { "subscribers", kind = "phones", max = limits.subscribers_per_request },
      { "replyToReferenceId", kind = "string", max = limits.identifier_characters, default = "" },
    },
    reply = {
      { "referenceId", kind = "id" },
      { "failedResult", kind = "list", optional = true, of = {
        { "subscriber", kind = "phone" },
        { "subscriberId", kind = "string" },
        { "errorReason", kind = "string" },
        { "errorCode", kind = "string" },
      } },
    },
    example = {
      params = { group = demo.names.news },
      body = { message = "Hello", subscribers = json.array { demo.names.chitra, demo.names.nobody } },
    },
    run = send,
  },
}
