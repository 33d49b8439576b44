--- The outbox of webhooks: what is to be delivered, in the order in which it happened. A delivery is written
--- in the transaction of the operation that it tells of, so that neither exists without the other.
local json = require "jeton.json"
local limits = require "sandbox.base.limits"

local outbox = {}

---@class sandbox.delivery
---@field number integer
---@field webhook_id string
---@field event_id string
---@field event_type string
---@field body string JSON, as it is sent
---@field state "waiting"|"delivered"|"dropped"
---@field attempts integer since it was told, or since the webhook was enabled again
---@field next_at integer epoch seconds
---@field created_at integer epoch seconds

---@class sandbox.attempt
---@field at integer epoch seconds
---@field status integer|nil of the receiver's reply
---@field error string|nil why there is no reply
---@field reply string|nil the beginning of the reply's text, masked

-- The webhooks that are told of an event: of the group, of the action, of the action's package. One that was
-- disabled because its receiver failed misses nothing: it is told once it is enabled again.
local TOLD = [[
  SELECT webhooks.* FROM webhook_events JOIN webhooks ON webhooks.id = webhook_id
  WHERE webhook_events.object_id IN (?1, ?2, ?3) AND event = ?5
    AND webhooks.object_id = CASE object_type WHEN 'Group' THEN ?1 WHEN 'Action' THEN ?2 ELSE ?3 END
    AND (active = 1 OR failed = 1) AND valid_until_ms > ?4
  ORDER BY number]]

---@class sandbox.told which webhooks are meant
---@field type string of the event
---@field group_id string
---@field action_id string|nil
---@field package_id string|nil

---@param told sandbox.told
---@param now integer epoch seconds
---@return sandbox.webhook[] events, context and headers as JSON text
function outbox.audience(db, told, now)
  return db:rows(TOLD, told.group_id, told.action_id or "", told.package_id or "", now * 1000, told.type)
end

-- An action of a group, or a package, that a webhook is told of.
local WATCHED = [[
  FROM webhook_events JOIN webhooks ON webhooks.id = webhook_id %s
  WHERE event = ?1 AND (active = 1 OR failed = 1) AND valid_until_ms > ?2 AND %s
  ORDER BY webhooks.number DESC LIMIT 1]]
local WATCHED_ACTION = "SELECT actions.id, package_id " .. WATCHED:format(
  "JOIN actions ON actions.id = webhooks.object_id",
  "object_type = 'Action' AND group_number = ?3 AND actions.type = ?4")
local WATCHED_PACKAGE = "SELECT webhooks.object_id AS id " .. WATCHED:format("",
  "object_type = 'ActionPackage'")

--- The action that the newest webhook for an event is of.
---@param event string its type
---@param group sandbox.group
---@param type string of the action
---@param now integer epoch seconds
---@return {id: string, package_id: string}|nil
function outbox.watched_action(db, event, group, type, now)
  return db:row(WATCHED_ACTION, event, now * 1000, group.number, type)
end

--- The package that the newest webhook for an event is of.
---@return string|nil id
function outbox.watched_package(db, event, now)
  local row = db:row(WATCHED_PACKAGE, event, now * 1000)
  return row and row.id
end

-- The oldest make room for the newest: those that were delivered without a word, those that wait as dropped.
local function make_room(db, webhook_id)
  db:exec([[
    DELETE FROM deliveries WHERE number IN (
      SELECT number FROM deliveries WHERE webhook_id = ? AND state <> 'waiting'
      ORDER BY number DESC LIMIT -1 OFFSET ?)]], webhook_id, limits.deliveries_kept)
  db:exec([[
    UPDATE deliveries SET state = 'dropped' WHERE number IN (
      SELECT number FROM deliveries WHERE webhook_id = ? AND state = 'waiting'
      ORDER BY number DESC LIMIT -1 OFFSET ?)]], webhook_id, limits.deliveries_waiting - 1)
end

---@param webhook_id string
---@param event {id: string, type: string, envelope: table}
---@param now integer epoch seconds
---@return integer number of the delivery
function outbox.add(db, webhook_id, event, now)
  make_room(db, webhook_id)
  db:exec([[INSERT INTO deliveries (webhook_id, event_id, event_type, body, next_at, created_at)
            VALUES (?, ?, ?, ?, ?, ?)]],
    webhook_id, event.id, event.type, assert(json.encode(event.envelope)), now, now)
  return db:last_id()
end

--- Drops what waits for webhooks whose validity is over.
---@param now integer epoch seconds
function outbox.drop_expired(db, now)
  db:exec([[UPDATE deliveries SET state = 'dropped' WHERE state = 'waiting' AND webhook_id IN (
              SELECT id FROM webhooks WHERE valid_until_ms <= ?)]], now * 1000)
end

--- The next delivery of each enabled webhook that has one, soonest first.
---@return {webhook_id: string, next_at: integer}[]
function outbox.heads(db)
  return db:rows [[
    SELECT webhook_id, next_at FROM deliveries JOIN webhooks ON webhooks.id = webhook_id
    WHERE active = 1 AND deliveries.number = (
      SELECT min(waiting.number) FROM deliveries AS waiting
      WHERE waiting.webhook_id = webhooks.id AND waiting.state = 'waiting')
    ORDER BY next_at, deliveries.number]]
end

---@return sandbox.delivery|nil
function outbox.head(db, webhook_id)
  return db:row([[SELECT * FROM deliveries WHERE webhook_id = ? AND state = 'waiting'
                  ORDER BY number LIMIT 1]], webhook_id)
end

--- Notes an attempt.
---@param delivery sandbox.delivery
---@param attempt sandbox.attempt
---@param change {state: string|nil, attempts: integer|nil, next_at: integer|nil}
function outbox.note(db, delivery, attempt, change)
  local changed = db:exec("UPDATE deliveries SET state = ?, attempts = ?, next_at = ? WHERE number = ?",
    change.state or delivery.state, change.attempts or delivery.attempts, change.next_at or delivery.next_at,
    delivery.number)
  if changed > 0 then -- else it was deleted with its webhook meanwhile
    db:exec("INSERT INTO delivery_attempts (delivery, at, status, error, reply) VALUES (?, ?, ?, ?, ?)",
      delivery.number, attempt.at, attempt.status, attempt.error, attempt.reply)
  end
end

--- Disables a webhook whose receiver failed for good.
function outbox.fail(db, webhook_id)
  db:exec("UPDATE webhooks SET failed = 1, active = 0 WHERE id = ?", webhook_id)
end

--- Enables a webhook; what waits for it is due now, with all its attempts before it.
---@param now integer epoch seconds
function outbox.enable(db, webhook_id, now)
  db:exec("UPDATE webhooks SET failed = 0, active = 1 WHERE id = ?", webhook_id)
  db:exec("UPDATE deliveries SET attempts = 0, next_at = ? WHERE webhook_id = ? AND state = 'waiting'",
    now, webhook_id)
end

--- Sends a delivery once more, after those that wait.
---@param number integer
---@param now integer epoch seconds
---@return integer|nil number of the copy; nil: there is none with this number
function outbox.again(db, number, now)
  local row = db:row("SELECT * FROM deliveries WHERE number = ?", number)
  if not row then
    return nil
  end
  make_room(db, row.webhook_id)
  db:exec([[INSERT INTO deliveries (webhook_id, event_id, event_type, body, next_at, created_at)
            VALUES (?, ?, ?, ?, ?, ?)]],
    row.webhook_id, row.event_id, row.event_type, row.body, now, now)
  return db:last_id()
end

local function tries_of(db, number)
  return db:rows([[SELECT at, status, error, reply FROM delivery_attempts WHERE delivery = ?
                    ORDER BY rowid]], number)
end

--- The newest deliveries of a webhook, newest first, without their bodies.
---@param count integer
---@param from integer how many are left out before them
---@return table[] rows with `tries`, a number, and `status` and `error` of the last
function outbox.list(db, webhook_id, count, from)
  return db:rows([[
    SELECT number, event_type, state, created_at, status, error,
      (SELECT count(*) FROM delivery_attempts WHERE delivery = number) AS tries
    FROM deliveries LEFT JOIN delivery_attempts AS last
      ON last.rowid = (SELECT max(rowid) FROM delivery_attempts WHERE delivery = number)
    WHERE webhook_id = ? ORDER BY number DESC LIMIT ? OFFSET ?]], webhook_id, count, from)
end

---@return integer
function outbox.count(db, webhook_id)
  return db:row("SELECT count(*) AS n FROM deliveries WHERE webhook_id = ?", webhook_id).n
end

--- The newest deliveries to webhooks that a user sees, newest first, as outbox.list gives them.
---@param user_id string
---@param count integer
---@param from integer how many are left out before them
---@return table[] rows also with `webhook_id` and `connector_id`
function outbox.seen_by(db, user_id, count, from)
  return db:rows([[
    SELECT deliveries.number, event_type, state, deliveries.created_at, status, error,
      webhook_id, connector_id,
      (SELECT count(*) FROM delivery_attempts WHERE delivery = deliveries.number) AS tries
    FROM deliveries JOIN webhooks ON webhooks.id = webhook_id
      JOIN connectors ON connectors.id = connector_id
      LEFT JOIN delivery_attempts AS last
        ON last.rowid = (SELECT max(rowid) FROM delivery_attempts WHERE delivery = deliveries.number)
    WHERE webhooks.user_id = ?1 OR owner_id = ?1 ORDER BY deliveries.number DESC LIMIT ?2 OFFSET ?3]],
    user_id, count, from)
end

---@return integer
function outbox.count_seen_by(db, user_id)
  return db:row([[SELECT count(*) AS n FROM deliveries JOIN webhooks ON webhooks.id = webhook_id
    JOIN connectors ON connectors.id = connector_id WHERE webhooks.user_id = ?1 OR owner_id = ?1]], user_id).n
end

---@return table|nil row a sandbox.delivery with its attempts as `tries`
function outbox.by_number(db, webhook_id, number)
  local row = db:row("SELECT * FROM deliveries WHERE number = ? AND webhook_id = ?", number, webhook_id)
  if row then
    row.tries = tries_of(db, number)
  end
  return row
end

--- The newest deliveries, oldest of them first, each with its attempts.
---@param webhook_id string|nil nil: of all
---@param count integer
---@return table[]
function outbox.newest(db, webhook_id, count)
  local rows = db:rows([[
    SELECT * FROM (
      SELECT * FROM deliveries WHERE ?1 IS NULL OR webhook_id = ?1 ORDER BY number DESC LIMIT ?2)
    ORDER BY number]], webhook_id, count)
  for _, row in ipairs(rows) do
    row.tries = tries_of(db, row.number)
  end
  return rows
end

return outbox
