--- Reactions: like, comment, counts, lists.
local json = require "jeton.json"
local access = require "sandbox.rules.access"
local assumptions = require "sandbox.base.assumptions"
local conversation = require "sandbox.data.conversation"
local demo = require "sandbox.seed.demo"
local groups = require "sandbox.data.groups"
local limits = require "sandbox.base.limits"
local reactions = require "sandbox.data.reactions"
local refusal = require "sandbox.base.refusal"

-- The group where the message was posted: the group of the path, or one above it.
local function need_source(call)
  local id = call.body.sourceGroupId or call.query.sourceGroupId
  if not id or id:lower() == call.group.id:lower() then
    return call.group
  end
  local source = groups.by_id(call.db, id)
  if not source then
    refusal.not_found "sourceGroupId: there is no group with this id"
  end
  ---@cast source sandbox.group
  if not groups.is_above(call.db, source, call.group) and not access.role(call.db, call.caller, source) then
    refusal.forbidden "sourceGroupId: only a member of the group may do this"
  end
  return source
end

-- The caller's id if only a subscriber: then only what was sent to them counts.
local function subscriber_of(call)
  return call.role == "Subscriber" and call.caller.user.id or nil
end

-- Returns the reference in its original case: clients may change it.
local function need_reference(call, source, given)
  local reference_id = given:lower()
  if not conversation.find(call.db, source, reference_id, subscriber_of(call)) then
    refusal.not_found "referenceId: the group has no message or action with this reference"
  end
  return reference_id
end

local function react(call)
  local fields = call.body
  local source = need_source(call)
  local reference_id = need_reference(call, source, fields.referenceId)
  return {
    reactionId = reactions.add(call.db, source, reference_id, call.caller.user.id, fields.reactionType,
      fields.comment or "", call.now),
  }
end

local function summary_of(call, source, reference_id)
  local count = reactions.count(call.db, source, reference_id)
  return { referenceId = reference_id, reactionsCountMap = { like = count.likes, comment = count.comments } }
end

local function summary(call)
  local source = need_source(call)
  local reference_id = need_reference(call, source, call.params.reference)
  return { summary = json.array { summary_of(call, source, reference_id) } }
end

local function summaries(call)
  local source, cursor, out = need_source(call), call.query.cursor, json.array {}
  local found = reactions.changed(call.db, source, subscriber_of(call), cursor, limits.reactions_per_page)
  for i, row in ipairs(found) do
    out[i] = summary_of(call, source, row.reference_id)
    cursor = row.ticks
  end
  return { cursor = cursor, summary = out }
end

local function details(call)
  local source, cursor, out = need_source(call), call.query.cursor, json.array {}
  local reference_id = need_reference(call, source, call.params.reference)
  local found = reactions.list(call.db, source, reference_id, call.query.reactionType, cursor,
    limits.reactions_per_page)
  for i, row in ipairs(found) do
    out[i] = {
      reactionId = row.id,
      userId = row.user_id,
      reactionType = row.type,
      comment = row.type == "Comment" and row.comment or nil,
      lastModifiedTime = reactions.milliseconds(row.ticks),
    }
    cursor = row.ticks
  end
  return { cursor = cursor, reactionDetails = out }
end

local SOURCE = { "sourceGroupId", kind = "string", max = limits.identifier_characters }
local KINDS = { "Like", "Comment" }
local CURSOR = { "cursor", kind = "integer", min = 0, default = 0 }
local SUMMARY = { "summary", kind = "list", of = {
  { "referenceId", kind = "id" },
  { "reactionsCountMap", kind = "object", fields = {
    { "like", kind = "integer" },
    { "comment", kind = "integer" },
  } },
} }
local MESSAGE = { "messages.send", reference = "referenceId" }

---@type sandbox.operation[]
return {
  {
    name = "reactions.add",
    summary = "Likes or comments on a message or an action.",
    method = "POST",
    path = "/groups/{group}/reaction",
    permission = "reactions.write",
    who = "audience",
    body = {
      { "referenceId", kind = "string", required = true, not_empty = true,
        max = limits.identifier_characters },
      { "sourceGroupId", kind = "id", required = assumptions.source_group_required },
      { "reactionType", kind = "choice", choices = KINDS, required = true },
      { "comment", kind = "variant", variants = {
        { by = "reactionType", is = "Comment", kind = "string", required = true, not_empty = true,
          max = limits.comment_characters },
      } },
    },
    reply = { { "reactionId", kind = "id" } },
    example = {
      name = "Comment",
      given = { MESSAGE },
      params = { group = demo.names.news },
      body = { referenceId = "{reference}", sourceGroupId = demo.names.news, reactionType = "Comment",
        comment = "Well done" },
    },
    more = { { name = "Like", body = {
      referenceId = "{reference}", sourceGroupId = demo.names.news, reactionType = "Like",
    } } },
    run = react,
  },
  {
    name = "reactions.summaries",
    summary = "Counts the likes and comments of messages and actions with reactions after the cursor.",
    method = "GET",
    path = "/groups/{group}/reaction/summary",
    permission = "reactions.read",
    who = "audience",
    query = { SOURCE, CURSOR },
    reply = { { "cursor", kind = "integer" }, SUMMARY },
    example = {
      given = { MESSAGE },
      params = { group = demo.names.news },
      query = { sourceGroupId = demo.names.news, cursor = "636674054802000000" },
    },
    run = summaries,
  },
  {
    name = "reactions.summary",
    summary = "Counts the likes and comments of a message or action.",
    method = "GET",
    path = "/groups/{group}/reaction/{reference}/summary",
    permission = "reactions.read",
    who = "audience",
    query = { SOURCE },
    reply = { SUMMARY },
    example = {
      given = { MESSAGE },
      params = { group = demo.names.news, reference = "{reference}" },
      query = { sourceGroupId = demo.names.news },
    },
    run = summary,
  },
  {
    name = "reactions.details",
    summary = "Lists the reactions to a message or action after the cursor, oldest first.",
    method = "GET",
    path = "/groups/{group}/reaction/{reference}",
    permission = "reactions.read",
    who = "audience",
    query = { SOURCE, { "reactionType", kind = "choice", choices = KINDS }, CURSOR },
    reply = {
      { "cursor", kind = "integer" },
      { "reactionDetails", kind = "list", of = {
        { "reactionId", kind = "id" },
        { "userId", kind = "id" },
        { "reactionType", kind = "choice", choices = KINDS },
        { "comment", kind = "string", optional = true },
        { "lastModifiedTime", kind = "integer" },
      } },
    },
    example = {
      given = { MESSAGE },
      params = { group = demo.names.news, reference = "{reference}" },
      query = { sourceGroupId = demo.names.news, reactionType = "like" },
    },
    run = details,
  },
}
