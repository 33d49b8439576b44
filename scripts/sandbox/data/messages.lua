--- Text messages.
local conversation = require "sandbox.data.conversation"
local ids = require "sandbox.base.ids"

local messages = {}

---@class sandbox.new_message
---@field group sandbox.group
---@field sender_id string
---@field connector_id string "" for none: written in the portal
---@field text string
---@field reply_to string "" for none
---@field to_group boolean to everybody in the group; false: only to subscribers
---@field to_all_subscribers boolean
---@field recipients string[] ids of single subscribers

---@param spec sandbox.new_message
---@param now integer epoch seconds
---@return string reference_id
function messages.create(db, spec, now)
  local reference_id = ids.new()
  db:exec([[INSERT INTO messages (reference_id, group_number, sender_id, connector_id, text, reply_to,
            to_group, to_all_subscribers, sent_at, position) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)]],
    reference_id, spec.group.number, spec.sender_id, spec.connector_id, spec.text, spec.reply_to,
    spec.to_group, spec.to_all_subscribers, now, conversation.next_position(db, spec.group))
  local number = db:last_id()
  for _, user_id in ipairs(spec.recipients) do
    db:exec("INSERT OR IGNORE INTO message_recipients (message, user_id) VALUES (?, ?)", number, user_id)
  end
  return reference_id
end

---@param number integer
---@return table|nil
function messages.by_number(db, number)
  return db:row("SELECT * FROM messages WHERE number = ?", number)
end

--- The newest messages of all groups, oldest of them first.
---@param count integer
---@return table[]
function messages.newest(db, count)
  return db:rows([[
    SELECT * FROM (
      SELECT messages.*, groups.id AS group_id, users.phone AS sender,
        (SELECT group_concat(recipient.phone, ' ') FROM message_recipients
          JOIN users AS recipient ON recipient.id = message_recipients.user_id
          WHERE message = messages.number) AS recipients
      FROM messages JOIN groups ON groups.number = group_number LEFT JOIN users ON users.id = sender_id
      ORDER BY messages.number DESC LIMIT ?)
    ORDER BY number]], count)
end

return messages
