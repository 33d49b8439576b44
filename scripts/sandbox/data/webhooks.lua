--- Webhooks: who is told about what.
local counting = require "sandbox.data.counting"
local ids = require "sandbox.base.ids"
local json = require "jeton.json"
local limits = require "sandbox.base.limits"
local refusal = require "sandbox.base.refusal"

local webhooks = {}

---@class sandbox.webhook
---@field id string
---@field connector_id string
---@field user_id string who created it
---@field object_id string
---@field object_type "Group"|"Action"|"ActionPackage"
---@field events string[]
---@field url string
---@field token string
---@field context any
---@field headers table<string, string>
---@field valid_until_ms integer
---@field active integer 0 or 1
---@field failed integer 0 or 1: it was disabled because its receiver failed
---@field created_at integer

local JSON_FIELDS = { "events", "context", "headers" }

local function decoded(row)
  for _, name in ipairs(row and JSON_FIELDS or {}) do
    row[name] = assert(json.decode(row[name]))
  end
  return row
end

-- So that an event finds its webhooks without looking at all of its group's.
local function write_events(db, id, object_id, events)
  db:exec("DELETE FROM webhook_events WHERE webhook_id = ?", id)
  for _, event in ipairs(events) do
    db:exec("INSERT INTO webhook_events (object_id, event, webhook_id) VALUES (?, ?, ?)",
      object_id, event, id)
  end
end

---@param spec table the fields of sandbox.webhook but for id and active
---@return string id
function webhooks.create(db, spec)
  if counting.reaches(db, limits.webhooks, "SELECT max(number) AS n FROM webhooks",
    "SELECT count(*) AS n FROM webhooks WHERE connector_id = ?", spec.connector_id) then
    refusal.invalid("a connector has at most %d webhooks", limits.webhooks)
  end
  local id = ids.new()
  db:exec([[INSERT INTO webhooks (id, connector_id, user_id, object_id, object_type, events, url, token,
            context, headers, valid_until_ms, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)]],
    id, spec.connector_id, spec.user_id, spec.object_id, spec.object_type,
    assert(json.encode(spec.events)), spec.url, spec.token, assert(json.encode(spec.context)),
    assert(json.encode(spec.headers)), spec.valid_until_ms, spec.created_at)
  write_events(db, id, spec.object_id, spec.events)
  return id
end

--- Writes all that may change.
---@param webhook sandbox.webhook
function webhooks.save(db, webhook)
  db:exec([[UPDATE webhooks SET object_id = ?, object_type = ?, events = ?, url = ?, token = ?, context = ?,
            headers = ?, valid_until_ms = ?, active = ? WHERE id = ?]],
    webhook.object_id, webhook.object_type, assert(json.encode(webhook.events)), webhook.url, webhook.token,
    assert(json.encode(webhook.context)), assert(json.encode(webhook.headers)), webhook.valid_until_ms,
    webhook.active, webhook.id)
  write_events(db, webhook.id, webhook.object_id, webhook.events)
end

---@return sandbox.webhook|nil
function webhooks.by_id(db, id)
  return decoded(db:row("SELECT * FROM webhooks WHERE id = ?", id))
end

---@param filter {connector_id: string, user_id: string|nil, object_id: string|nil, object_type: string|nil}
---@param count integer|nil at most so many; nil: all
---@param from integer|nil how many are left out before them
---@return sandbox.webhook[] oldest first
function webhooks.list(db, filter, count, from)
  local out = {}
  for i, row in ipairs(db:rows([[
    SELECT * FROM webhooks WHERE connector_id = ?1 AND (?2 IS NULL OR user_id = ?2)
    AND (?3 IS NULL OR object_id = ?3) AND (?4 IS NULL OR object_type = ?4) ORDER BY number
    LIMIT ?5 OFFSET ?6]],
    filter.connector_id, filter.user_id, filter.object_id, filter.object_type, count or -1, from or 0)) do
    out[i] = decoded(row)
  end
  return out
end

---@param user_id string|nil nil: made by anybody
---@return integer
function webhooks.count(db, connector_id, user_id)
  return db:row("SELECT count(*) AS n FROM webhooks WHERE connector_id = ?1 AND (?2 IS NULL OR user_id = ?2)",
    connector_id, user_id).n
end

--- Those that a user sees: of connectors that are hers, and those that she made.
---@param user_id string
---@param count integer at most
---@param from integer how many are left out before them
---@return table[] rows sandbox.webhook with `connector_name`, newest first
function webhooks.seen_by(db, user_id, count, from)
  local out = {}
  for i, row in ipairs(db:rows([[SELECT webhooks.*, connectors.name AS connector_name
    FROM webhooks JOIN connectors ON connectors.id = connector_id WHERE user_id = ?1 OR owner_id = ?1
    ORDER BY webhooks.number DESC LIMIT ?2 OFFSET ?3]], user_id, count, from)) do
    out[i] = decoded(row)
  end
  return out
end

---@return integer
function webhooks.count_seen_by(db, user_id)
  return db:row([[SELECT count(*) AS n FROM webhooks JOIN connectors ON connectors.id = connector_id
    WHERE user_id = ?1 OR owner_id = ?1]], user_id).n
end

--- Those of all connectors, oldest first.
---@param count integer at most so many
---@return table[] rows sandbox.webhook with the phone number of who made it as `owner`
function webhooks.oldest(db, count)
  local out = {}
  for i, row in ipairs(db:rows([[SELECT webhooks.*, users.phone AS owner FROM webhooks
    JOIN users ON users.id = user_id ORDER BY webhooks.number LIMIT ?]], count)) do
    out[i] = decoded(row)
  end
  return out
end

function webhooks.delete(db, id)
  db:exec("DELETE FROM webhooks WHERE id = ?", id)
end

--- The group that an action is in.
---@param action_id string
---@return string|nil group_id
function webhooks.group_of_action(db, action_id)
  local row = db:row([[SELECT groups.id FROM actions JOIN groups ON groups.number = group_number
                       WHERE actions.id = ?]], action_id)
  return row and row.id
end

return webhooks
