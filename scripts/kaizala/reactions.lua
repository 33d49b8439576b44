--- Likes and comments on messages and actions.
local action = require "kaizala.action"
local check = require "kaizala.check"
local group = require "kaizala.group"
local iterator = require "kaizala.iterator"
local json = require "jeton.json"
local names = require "kaizala.names"

---@class kaizala.Group
local Group = group.Group
---@class kaizala.Action
local Action = action.Action

---@class kaizala.ReactionSummary
---@field reference_id string
---@field likes integer
---@field comments integer
---@field cursor? integer of its page, to continue `reaction_summaries`
---@field raw table

---@class kaizala.Reaction
---@field id string
---@field user_id string
---@field type? "Like"|"Comment"
---@field comment? string
---@field last_modified_time integer
---@field cursor integer of its page, to continue `reactions`
---@field raw table

---@class kaizala.ReactOptions
---@field type "Like"|"Comment"
---@field comment? string of a comment
---@field source_group? string id of the group where it was posted, if another
local TYPES = { "Like", "Comment" }
local function kind(value, what) return check.word(value, TYPES, what) end
local react_options = {
  { "type", kind, "reactionType", required = true }, { "comment", nil, "comment" },
  { "source_group", "string", "sourceGroupId" },
}
-- Options of the lists; each takes some of these.
local list_options = {
  type = { "type", TYPES, "reactionType" },
  cursor = { "cursor", "number", "cursor" },
  source_group = { "source_group", "string", "sourceGroupId" },
}

local function path(self, tail)
  return group.path(self, "/reaction" .. (tail or ""))
end

--- Likes or comments on a message or an action (*waits*).
---@param reference_id string
---@param options kaizala.ReactOptions
---@return string reaction_id `dry-run` in a dry run; raises an err
function Group:react(reference_id, options)
  check.method(self, Group, "group:react(reference_id, {…})")
  check.id(reference_id, "react: reference_id")
  local body
  options, body = check.needed(options, "react", react_options)
  if options.type == "Comment" then
    check.message(options.comment, "react: comment")
  elseif options.comment ~= nil then
    check.misuse("react: comment is for type = \"Comment\"")
  end
  local target = path(self)
  body.referenceId, body.sourceGroupId = reference_id, body.sourceGroupId or self.id
  local reply, dry_run = group.client(self):request { method = "POST", path = target, json = body }
  if dry_run then return "dry-run" end
  return check.reply(reply.reactionId, "reactionId", "string", "POST " .. target)
end

--- Likes a message or an action (*waits*).
---@param reference_id string
---@return string reaction_id raises an err
function Group:like(reference_id)
  check.method(self, Group, "group:like(reference_id)")
  check.id(reference_id, "like: reference_id")
  return self:react(reference_id, { type = "Like" })
end

--- Comments on a message or an action (*waits*).
---@param reference_id string
---@param text string 1 to 4,000 characters
---@return string reaction_id raises an err
function Group:comment(reference_id, text)
  check.method(self, Group, "group:comment(reference_id, text)")
  check.id(reference_id, "comment: reference_id")
  check.message(text, "comment: text")
  return self:react(reference_id, { type = "Comment", comment = text })
end

-- Checks the options of a list and gives its query, with the group of the post, which may be above this one.
local function query_of(self, options, what, ...)
  local fields = {}
  for i, name in ipairs { ... } do fields[i] = list_options[name] end
  local _, query = check.fields(options, what, fields)
  query.sourceGroupId = query.sourceGroupId or self.id
  return query
end

local function read_summary(raw, request)
  check.reply(raw, "summary[]", "object", request)
  local counts = check.reply(raw.reactionsCountMap, "reactionsCountMap", "object", request)
  local likes, comments = check.given(counts.like), check.given(counts.comment)
  local summary = { likes = likes or 0, comments = comments or 0, raw = raw }
  summary.reference_id = check.reply(raw.referenceId, "referenceId", "string", request)
  return summary
end

--- Counts likes and comments of one message or action (*waits*).
---@param reference_id string
---@param options? { source_group?: string } source_group: id of the group where it was posted, if
--- another
---@return kaizala.ReactionSummary summary raises an err
function Group:reaction_summary(reference_id, options)
  check.method(self, Group, "group:reaction_summary(reference_id)")
  local query = query_of(self, options, "reaction_summary", "source_group")
  local id = check.id(reference_id, "reaction_summary: reference_id")
  local target = path(self, ("/%s/summary"):format(id))
  local request = "GET " .. target
  local reply = group.client(self):request { path = target, query = query }
  return read_summary(check.reply(reply.summary, "summary", "list", request)[1], request)
end

-- Pages until one is empty or the cursor does not change.
local function pages(self, target, query, field, read)
  local request = "GET " .. target
  return iterator.new(function(cursor)
    local asked = cursor or query.cursor
    local reply = group.client(self):request { path = target, query = {
      sourceGroupId = query.sourceGroupId, reactionType = query.reactionType, cursor = asked,
    } }
    local list = {}
    for i, raw in ipairs(check.reply(reply[field], field, "list", request)) do
      list[i] = read(raw, request)
      list[i].cursor = math.tointeger(reply.cursor)
    end
    local following = math.tointeger(reply.cursor)
    if not following and #list > 0 and reply.cursor and reply.cursor ~= json.null and reply.cursor ~= "" then
      check.fail("invalid", "the reply's cursor is no whole number: nothing can follow", request)
    end
    return list, #list > 0 and following ~= asked and following or nil
  end, "reactions")
end

--- Counts likes and comments of all messages and actions with reactions (*waits*, when the first is taken).
---@param options? { cursor?: integer, source_group?: string } cursor: only later reactions: the `cursor`
--- of an earlier summary; source_group: as for `reaction_summary`
---@return kaizala.Iterator<kaizala.ReactionSummary> summaries gives `kaizala.ReactionSummary`; raises an err
function Group:reaction_summaries(options)
  check.method(self, Group, "group:reaction_summaries()")
  local query = query_of(self, options, "reaction_summaries", "cursor", "source_group")
  return pages(self, path(self, "/summary"), query, "summary", read_summary)
end

--- Lists likes and comments (*waits*, when the first is taken).
---@param reference_id string
---@param options? { type?: "Like"|"Comment", cursor?: integer, source_group?: string } type: both by
--- default; cursor: only later ones; source_group: as for `reaction_summary`
---@return kaizala.Iterator<kaizala.Reaction> reactions gives `kaizala.Reaction`; raises an err
function Group:reactions(reference_id, options)
  check.method(self, Group, "group:reactions(reference_id)")
  local query = query_of(self, options, "reactions", "type", "cursor", "source_group")
  local target = path(self, "/" .. check.id(reference_id, "reactions: reference_id"))
  return pages(self, target, query, "reactionDetails", function(raw, request)
    check.reply(raw, "reactionDetails[]", "object", request)
    check.reply(raw.reactionId, "reactionId", "string", request)
    return names.convert(raw, "reaction")
  end)
end

--- Likes the action (*waits*).
---@return string reaction_id raises an err
function Action:like()
  check.method(self, Action, "action:like()")
  return action.group(self):react(self.reference_id, { type = "Like" })
end

--- Comments on the action (*waits*).
---@param text string 1 to 4,000 characters
---@return string reaction_id raises an err
function Action:comment(text)
  check.method(self, Action, "action:comment(text)")
  return action.group(self):comment(self.reference_id, text)
end
