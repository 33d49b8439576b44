--- Actions: who sent what to whom, the answers, the properties, the reminders.
local json = require "jeton.json"
local conversation = require "sandbox.data.conversation"
local ids = require "sandbox.base.ids"
local limits = require "sandbox.base.limits"

local actions = {}

---@class sandbox.action
---@field number integer
---@field id string
---@field reference_id string
---@field group_number integer
---@field type string "Job", "Survey" … or "Package"
---@field package_id string "" for none
---@field sender_id string
---@field sender string phone number; "" if the sender no longer exists
---@field body table as checked, with its defaults
---@field bytes integer of the body, as JSON
---@field expires_at integer|nil epoch seconds
---@field version integer counts the updates
---@field to_group integer 0 or 1
---@field to_all_subscribers integer 0 or 1
---@field created_at integer epoch seconds

---@class sandbox.new_action
---@field group sandbox.group
---@field type string
---@field package_id string
---@field sender_id string
---@field connector_id string
---@field body table
---@field expires_at integer|nil
---@field assignees string[] ids of users
---@field audience sandbox.audience

local SELECT = [[SELECT actions.*, coalesce(phone, '') AS sender FROM actions
                 LEFT JOIN users ON users.id = sender_id ]]

local function decoded(row)
  if row then
    row.bytes = #row.body
    row.body = assert(json.decode(row.body))
  end
  return row
end

---@param spec sandbox.new_action
---@param now integer epoch seconds
---@return sandbox.action
function actions.create(db, spec, now)
  local to = spec.audience
  db:exec([[INSERT INTO actions (id, reference_id, group_number, type, package_id, sender_id, connector_id,
            body, expires_at, to_group, to_all_subscribers, created_at, position)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)]],
    ids.new(), ids.new(), spec.group.number, spec.type, spec.package_id, spec.sender_id, spec.connector_id,
    assert(json.encode(spec.body)), spec.expires_at, to.to_group, to.to_all_subscribers, now,
    conversation.next_position(db, spec.group))
  local number = db:last_id()
  for _, user_id in ipairs(to.recipients) do
    db:exec("INSERT OR IGNORE INTO action_recipients (action, user_id) VALUES (?, ?)", number, user_id)
  end
  for _, user_id in ipairs(spec.assignees) do
    db:exec("INSERT OR IGNORE INTO action_assignees (action, user_id) VALUES (?, ?)", number, user_id)
  end
  return actions.by_number(db, number)
end

---@param number integer
---@return sandbox.action|nil
function actions.by_number(db, number)
  return decoded(db:row(SELECT .. "WHERE number = ?", number))
end

---@param reference_id string
---@return sandbox.action|nil
function actions.by_reference(db, group, reference_id)
  return decoded(db:row(SELECT .. "WHERE reference_id = ? AND group_number = ?", reference_id, group.number))
end

---@return sandbox.action|nil
function actions.by_id(db, group, id)
  return decoded(db:row(SELECT .. "WHERE actions.id = ? AND group_number = ?", id, group.number))
end

-- Whether a subscriber sees the action.
local ADDRESSED = [[(to_all_subscribers OR EXISTS (SELECT 1 FROM action_recipients
                     WHERE action = actions.number AND action_recipients.user_id = ?))]]

---@param action sandbox.action
---@return boolean it was sent to the subscriber
function actions.is_addressed(db, action, user_id)
  return db:row("SELECT 1 AS found FROM actions WHERE number = ? AND " .. ADDRESSED,
    action.number, user_id) ~= nil
end

--- A page of one type, oldest first, from a time on.
---@param subscriber_id string|nil only what was sent to this subscriber
---@param count integer
---@return sandbox.action[] page at most count of them, and at least one
---@return boolean has_more
function actions.list(db, group, kind, from, subscriber_id, count)
  local out, bytes = {}, 0
  for row in db:iterate(SELECT .. "WHERE group_number = ? AND type = ? AND actions.created_at >= ? AND (? OR "
    .. ADDRESSED .. ") ORDER BY actions.created_at, number LIMIT ?",
    group.number, kind, from, subscriber_id == nil, subscriber_id, count + 1) do
    bytes = bytes + #row.body
    if #out == count or (#out > 0 and bytes > limits.page_bytes) then
      return out, true
    end
    out[#out + 1] = decoded(row)
  end
  return out, false
end

--- Counts the responses, the assignees, and the assignees who are done.
---@return {responses: integer, assignees: integer, completed: integer}
function actions.counts(db, action)
  return db:row([[SELECT count(*) AS responses, coalesce(sum(completed), 0) AS completed,
    (SELECT count(*) FROM action_assignees WHERE action = ?1) AS assignees
    FROM action_responses WHERE action = ?1]], action.number)
end

---@return boolean
function actions.is_assignee(db, action, user_id)
  return db:row("SELECT 1 AS found FROM action_assignees WHERE action = ? AND user_id = ?",
    action.number, user_id) ~= nil
end

--- The assignees of a job, and which of them are done.
---@param count integer at most
---@param before integer|nil how many are left out before
---@return {id: string, name: string, phone: string, completed: integer}[]
function actions.assignees(db, action, count, before)
  return db:rows([[
    SELECT users.id, name, phone, coalesce((SELECT max(completed) FROM action_responses
      WHERE action_responses.action = ?1 AND action_responses.user_id = users.id), 0) AS completed
    FROM action_assignees JOIN users ON users.id = action_assignees.user_id
    WHERE action_assignees.action = ?1 LIMIT ?2 OFFSET ?3]], action.number, count, before or 0)
end

---@class sandbox.response
---@field number integer
---@field id string
---@field user_id string
---@field phone string|nil
---@field name string|nil
---@field body table
---@field completed integer 0 or 1
---@field updated_at integer epoch seconds

---@param id string
---@return sandbox.response|nil
function actions.response(db, action, id)
  return decoded(db:row("SELECT * FROM action_responses WHERE action = ? AND id = ?", action.number, id))
end

---@param user_id string
---@return sandbox.response|nil the user's first
function actions.response_of(db, action, user_id)
  return decoded(db:row([[SELECT * FROM action_responses WHERE action = ? AND user_id = ?
                          ORDER BY number LIMIT 1]], action.number, user_id))
end

local RESPONSES = [[SELECT action_responses.*, phone, name FROM action_responses
                    LEFT JOIN users ON users.id = user_id ]]

---@param user_id string|nil only those of this user
---@return sandbox.response[] oldest first
function actions.responses(db, action, user_id)
  local rows
  if user_id then
    rows = db:rows(RESPONSES .. "WHERE action = ? AND user_id = ? ORDER BY number", action.number, user_id)
  else
    rows = db:rows(RESPONSES .. "WHERE action = ? ORDER BY number", action.number)
  end
  for _, row in ipairs(rows) do
    row.body = assert(json.decode(row.body))
  end
  return rows
end

--- The newest responses, newest first.
---@param user_id string|nil only those of this user
---@param count integer at most
---@param from integer how many are left out before them
---@return sandbox.response[]
function actions.newest_responses(db, action, user_id, count, from)
  local rows = db:rows(RESPONSES .. [[WHERE action_responses.number IN (
      SELECT number FROM action_responses WHERE action = ?1 AND (?2 IS NULL OR user_id = ?2)
      ORDER BY number DESC LIMIT ?3 OFFSET ?4)
    ORDER BY number DESC]], action.number, user_id, count, from)
  for _, row in ipairs(rows) do
    row.body = assert(json.decode(row.body))
  end
  return rows
end

---@param user_id string|nil only those of this user
---@return integer
function actions.count_responses(db, action, user_id)
  return db:row([[SELECT count(*) AS n FROM action_responses
    WHERE action = ?1 AND (?2 IS NULL OR user_id = ?2)]], action.number, user_id).n
end

---@param body table as checked
---@param completed boolean
---@return string response_id
function actions.add_response(db, action, user_id, body, completed, now)
  local id = ids.new()
  db:exec([[INSERT INTO action_responses (id, action, user_id, body, completed, created_at, updated_at)
            VALUES (?, ?, ?, ?, ?, ?, ?)]],
    id, action.number, user_id, assert(json.encode(body)), completed, now, now)
  return id
end

---@param response sandbox.response
---@return string response_id
function actions.replace_response(db, response, body, completed, now)
  db:exec("UPDATE action_responses SET body = ?, completed = ?, updated_at = ? WHERE number = ?",
    assert(json.encode(body)), completed, now, response.number)
  return response.id
end

---@param list {name: string, type: string, value: any}[]
function actions.set_properties(db, action, list)
  for _, property in ipairs(list) do
    db:exec([[INSERT INTO action_properties (action, name, type, value) VALUES (?, ?, ?, ?)
              ON CONFLICT (action, name) DO UPDATE SET type = excluded.type, value = excluded.value]],
      action.number, property.name, property.type, assert(json.encode(property.value)))
  end
end

---@return {name: string, type: string, value: any}[] in the order they came
function actions.properties(db, action)
  local rows = db:rows("SELECT name, type, value FROM action_properties WHERE action = ? ORDER BY number",
    action.number)
  for _, row in ipairs(rows) do
    row.value = json.decode(row.value)
  end
  return rows
end

---@return integer version the new one
function actions.add_version(db, action)
  db:exec("UPDATE actions SET version = version + 1 WHERE number = ?", action.number)
  return action.version + 1
end

---@param user_id string who sends the reminder
---@param to sandbox.audience
function actions.add_reminder(db, action, user_id, to, now)
  db:exec([[INSERT INTO action_reminders (action, user_id, to_group, to_all_subscribers, recipients, sent_at)
            VALUES (?, ?, ?, ?, ?, ?)]],
    action.number, user_id, to.to_group, to.to_all_subscribers, #to.recipients, now)
end

--- The newest actions of all groups, oldest of them first.
---@param count integer
---@return table[]
function actions.newest(db, count)
  local rows = db:rows([[
    SELECT * FROM (
      SELECT actions.*, groups.id AS group_id, coalesce(users.phone, '') AS sender,
        (SELECT group_concat(recipient.phone, ' ') FROM action_recipients
          JOIN users AS recipient ON recipient.id = action_recipients.user_id
          WHERE action = actions.number) AS recipients,
        (SELECT count(*) FROM action_responses WHERE action = actions.number) AS responses,
        (SELECT count(*) FROM action_reminders WHERE action = actions.number) AS reminders
      FROM actions JOIN groups ON groups.number = group_number LEFT JOIN users ON users.id = sender_id
      ORDER BY actions.number DESC LIMIT ?)
    ORDER BY number]], count)
  for _, row in ipairs(rows) do
    decoded(row)
  end
  return rows
end

return actions
