--- The conversation of a group: messages and actions in order of arrival. Each has a position in its group,
--- counted over both kinds; pages are read by position, from the newest back.
local conversation = {}

---@class sandbox.place one entry of a conversation
---@field kind "message"|"action"
---@field number integer of the message or the action
---@field position integer

---@param group sandbox.group
---@return integer position the next free one
function conversation.next_position(db, group)
  return db:row([[SELECT max(
    coalesce((SELECT max(position) FROM messages WHERE group_number = ?1), 0),
    coalesce((SELECT max(position) FROM actions WHERE group_number = ?1), 0)) AS position]],
    group.number).position + 1
end

-- SQL for one of the two tables, newest first. Subscribers see what was sent to all subscribers or to them.
local function select_of(kind)
  return ([[SELECT * FROM (SELECT '%s' AS kind, number, position FROM %ss WHERE group_number = ?1
    AND position < ?2 AND (?3 IS NULL OR to_all_subscribers
      OR EXISTS (SELECT 1 FROM %s_recipients WHERE %s = number AND user_id = ?3))
    ORDER BY position DESC LIMIT ?4)]]):format(kind, kind, kind, kind)
end

local PAGE = select_of "message" .. " UNION ALL " .. select_of "action" .. " ORDER BY position DESC LIMIT ?4"

--- The entries before a position, newest first. Reads only the index.
---@param group sandbox.group
---@param before integer|nil nil: from the newest
---@param subscriber_id string|nil only what was sent to this subscriber
---@param count integer
---@return sandbox.place[] at most count of them
---@return boolean has_older
function conversation.page(db, group, before, subscriber_id, count)
  local found = db:rows(PAGE, group.number, before or math.maxinteger, subscriber_id, count + 1)
  local has_older = #found > count
  found[count + 1] = nil
  return found, has_older
end

--- The position of the message or action with this reference.
---@param group sandbox.group
---@param reference_id string
---@param subscriber_id string|nil only what was sent to this subscriber
---@return sandbox.place|nil
function conversation.find(db, group, reference_id, subscriber_id)
  return db:row([[
    SELECT 'message' AS kind, number, position FROM messages WHERE group_number = ?1 AND reference_id = ?2
      AND (?3 IS NULL OR to_all_subscribers
           OR EXISTS (SELECT 1 FROM message_recipients WHERE message = number AND user_id = ?3))
    UNION ALL
    SELECT 'action', number, position FROM actions WHERE group_number = ?1 AND reference_id = ?2
      AND (?3 IS NULL OR to_all_subscribers
           OR EXISTS (SELECT 1 FROM action_recipients WHERE action = number AND user_id = ?3))]],
    group.number, reference_id, subscriber_id)
end

return conversation
