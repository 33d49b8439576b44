--- Text messages.
local json = require "jeton.json"
local assumptions = require "sandbox.base.assumptions"
local audience = require "sandbox.rules.audience"
local conversation = require "sandbox.data.conversation"
local demo = require "sandbox.seed.demo"
local events = require "sandbox.events"
local limits = require "sandbox.base.limits"
local messages = require "sandbox.data.messages"
local refusal = require "sandbox.base.refusal"

local function send(call)
  local fields = call.body
  local to = audience.resolve(call)
  local reply_to = fields.replyToReferenceId:lower() -- ids are given out in lower case
  if reply_to ~= "" and not conversation.find(call.db, call.group, reply_to) then
    refusal.invalid "replyToReferenceId: the group has no message or action with this reference"
  end
  local out = {
    referenceId = messages.create(call.db, {
      group = call.group,
      sender_id = call.caller.user.id,
      connector_id = call.caller.connector.id,
      text = fields.message,
      reply_to = reply_to,
      to_group = to.to_group,
      to_all_subscribers = to.to_all_subscribers,
      recipients = to.recipients,
    }, call.now),
  }
  if #to.failed > 0 then
    out.failedResult = json.array(to.failed)
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
      audience.FIELDS[1],
      audience.FIELDS[2],
      { "replyToReferenceId", kind = "string", max = limits.identifier_characters, default = "" },
    },
    reply = {
      { "referenceId", kind = "id" },
      audience.FAILED,
    },
    example = {
      params = { group = demo.names.news },
      body = { message = "Hello", subscribers = json.array { demo.names.chitra, demo.names.nobody } },
    },
    run = send,
    event = events.message,
  },
}
