--- Likes and comments. Each has a unique time in .NET ticks, which is the cursor of lists.
local ids = require "sandbox.base.ids"

local reactions = {}

local TICKS_A_SECOND = 10000000
local EPOCH_TICKS = 621355968000000000 -- 1970 in ticks since the year 1
-- Spacing of doubles of this size: cursors are exact for clients in JavaScript, too.
local STEP_TICKS = 128

---@class sandbox.reaction
---@field number integer
---@field id string
---@field user_id string
---@field type "Like"|"Comment"
---@field comment string
---@field ticks integer unique, in order of arrival

---@param ticks integer
---@return integer epoch milliseconds
function reactions.milliseconds(ticks)
  return (ticks - EPOCH_TICKS) // (TICKS_A_SECOND // 1000)
end

-- Later than all others, even after the clock was set back.
local function next_ticks(db, now)
  local last = db:row("SELECT max(ticks) AS ticks FROM reactions").ticks or 0
  return math.max((last // STEP_TICKS + 1) * STEP_TICKS, EPOCH_TICKS + now * TICKS_A_SECOND)
end

--- Adds a reaction. A second like of the same user returns the first one.
---@param kind "Like"|"Comment"
---@return string reaction_id
function reactions.add(db, source, reference_id, user_id, kind, comment, now)
  local liked = kind == "Like" and db:row([[SELECT id FROM reactions WHERE source_group = ?
    AND reference_id = ? AND user_id = ? AND type = 'Like']], source.number, reference_id, user_id)
  if liked then
    return liked.id
  end
  local id = ids.new()
  db:exec([[INSERT INTO reactions (id, source_group, reference_id, user_id, type, comment, ticks)
            VALUES (?, ?, ?, ?, ?, ?, ?)]],
    id, source.number, reference_id, user_id, kind, comment, next_ticks(db, now))
  return id
end

---@return {likes: integer, comments: integer}
function reactions.count(db, source, reference_id)
  return db:row([[SELECT count(*) FILTER (WHERE type = 'Like') AS likes,
      count(*) FILTER (WHERE type = 'Comment') AS comments
    FROM reactions WHERE source_group = ? AND reference_id = ?]], source.number, reference_id)
end

---@return boolean
function reactions.has_liked(db, source, reference_id, user_id)
  return db:row([[SELECT 1 AS found FROM reactions WHERE source_group = ? AND reference_id = ?
    AND user_id = ? AND type = 'Like']], source.number, reference_id, user_id) ~= nil
end

--- The newest comments, newest first.
---@param count integer at most
---@param before integer how many newer ones are left out
---@return sandbox.reaction[]
function reactions.newest_comments(db, source, reference_id, count, before)
  return db:rows([[SELECT * FROM reactions WHERE source_group = ? AND reference_id = ?
    AND type = 'Comment' ORDER BY ticks DESC LIMIT ? OFFSET ?]], source.number, reference_id, count, before)
end

--- The references with reactions after the cursor, by their newest reaction. A page reads only the reactions
--- between its first and last one.
---@param subscriber_id string|nil only what was sent to this subscriber
---@param cursor integer ticks
---@param limit integer
---@return {reference_id: string, ticks: integer}[]
function reactions.changed(db, source, subscriber_id, cursor, limit)
  return db:rows([[SELECT reference_id, ticks FROM reactions
    WHERE source_group = ?1 AND ticks > ?2 AND NOT EXISTS (
      SELECT 1 FROM reactions AS later WHERE later.source_group = ?1
        AND later.reference_id = reactions.reference_id AND later.ticks > reactions.ticks)
      AND (?3 IS NULL
      OR EXISTS (SELECT 1 FROM messages WHERE messages.reference_id = reactions.reference_id
        AND (to_all_subscribers OR EXISTS (SELECT 1 FROM message_recipients AS recipient
             WHERE message = messages.number AND recipient.user_id = ?3)))
      OR EXISTS (SELECT 1 FROM actions WHERE actions.reference_id = reactions.reference_id
        AND (to_all_subscribers OR EXISTS (SELECT 1 FROM action_recipients AS recipient
             WHERE action = actions.number AND recipient.user_id = ?3))))
    ORDER BY ticks LIMIT ?4]], source.number, cursor, subscriber_id, limit)
end

--- The reactions of one reference after the cursor, oldest first.
---@param kind "Like"|"Comment"|nil nil: both
---@return sandbox.reaction[]
function reactions.list(db, source, reference_id, kind, cursor, limit)
  if kind then
    return db:rows([[SELECT * FROM reactions WHERE source_group = ? AND reference_id = ? AND type = ?
      AND ticks > ? ORDER BY ticks LIMIT ?]], source.number, reference_id, kind, cursor, limit)
  end
  return db:rows([[SELECT * FROM reactions WHERE source_group = ? AND reference_id = ? AND ticks > ?
    ORDER BY ticks LIMIT ?]], source.number, reference_id, cursor, limit)
end

return reactions
