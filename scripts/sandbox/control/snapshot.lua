--- The contents of the sandbox, for GET /_sandbox/state and other replies below /_sandbox. Secrets are left
--- out: the database has hashes of most, and tokens and headers of webhooks in clear.
local json = require "jeton.json"
local actions = require "sandbox.data.actions"
local bots = require "sandbox.data.bots"
local clock = require "sandbox.base.clock"
local groups = require "sandbox.data.groups"
local limits = require "sandbox.base.limits"
local messages = require "sandbox.data.messages"
local permissions = require "sandbox.base.permissions"
local switches = require "sandbox.calls.switches"
local token_service = require "sandbox.rules.token_service"
local webhooks = require "sandbox.data.webhooks"

local snapshot = {}

-- Copies a value, cutting long texts: the pictures of all polls would not fit into a reply.
local function short(value)
  if type(value) == "string" and #value > limits.state_text_bytes then
    local at = limits.state_text_bytes + 1
    while value:byte(at) & 0xC0 == 0x80 do
      at = at - 1 -- do not cut inside a character
    end
    return value:sub(1, at - 1) .. "…"
  elseif type(value) ~= "table" or value == json.null then
    return value
  end
  for key, item in pairs(value) do
    value[key] = short(item)
  end
  return value
end

---@param user sandbox.user
function snapshot.user(user)
  return {
    id = user.id,
    phone = user.phone,
    name = user.name,
    email = user.email,
    picture = short(user.picture),
    tenant_admin = user.tenant_admin ~= 0,
    provisioned = user.provisioned ~= 0,
  }
end

---@param group sandbox.group
function snapshot.group(db, group)
  local admins, members, subscribers, subgroups = {}, {}, {}, {}
  for _, user in ipairs(groups.members(db, group)) do
    local list = user.role == "Admin" and admins or members
    list[#list + 1] = user.phone
  end
  for i, row in ipairs(db:rows([[SELECT phone FROM subscribers JOIN users ON users.id = user_id
                                 WHERE group_number = ? ORDER BY phone]], group.number)) do
    subscribers[i] = row.phone
  end
  for i, row in ipairs(db:rows([[SELECT id FROM subgroups JOIN groups ON number = child
                                 WHERE parent = ? ORDER BY number]], group.number)) do
    subgroups[i] = row.id
  end
  return {
    id = group.id,
    name = group.name,
    type = group.type,
    welcome_message = group.welcome,
    image = short(group.image),
    admins = json.array(admins),
    members = json.array(members),
    subscribers = json.array(subscribers),
    subgroups = json.array(subgroups),
  }
end

local function connector_tokens(db, connector)
  local out = {}
  for i, row in ipairs(db:rows([[
    SELECT refresh_tokens.*, users.phone, groups.id AS group_id FROM refresh_tokens
    JOIN users ON users.id = user_id LEFT JOIN groups ON groups.number = group_number
    WHERE connector_id = ? ORDER BY refresh_tokens.id]], connector.id)) do
    out[i] = {
      kind = row.kind,
      user = row.phone,
      group = row.group_id,
      created_at = clock.rfc3339(row.created_at),
      expires_at = clock.rfc3339(token_service.expires_at(row)),
      revoked = row.revoked ~= 0,
    }
  end
  return json.array(out)
end

local function phones(text)
  local out = {}
  for phone in (text or ""):gmatch "%S+" do
    out[#out + 1] = phone
  end
  return json.array(out)
end

local function action(row)
  return {
    id = row.id,
    reference_id = row.reference_id,
    group = row.group_id,
    type = row.type,
    package = row.package_id ~= "" and row.package_id or nil,
    sender = row.sender,
    connector = row.connector_id ~= "" and row.connector_id or nil,
    body = short(row.body),
    to_group = row.to_group ~= 0,
    to_all_subscribers = row.to_all_subscribers ~= 0,
    recipients = phones(row.recipients),
    responses = row.responses,
    reminders = row.reminders,
    at = clock.rfc3339(row.created_at),
    expires_at = row.expires_at and clock.rfc3339(row.expires_at),
  }
end

local function bot(row)
  return {
    id = row.id,
    name = row.name,
    phone = row.phone,
    creator = row.creator_phone or "",
    picture = row.picture,
  }
end

local function webhook(row)
  return {
    id = row.id,
    connector = row.connector_id,
    user = row.owner,
    object = row.object_id,
    object_type = row.object_type,
    events = row.events,
    url = row.url,
    context = row.context,
    active = row.active ~= 0,
    failed = row.failed ~= 0,
    valid_until = clock.rfc3339(row.valid_until_ms // 1000),
  }
end

local function message(row)
  return {
    reference_id = row.reference_id,
    group = row.group_id,
    sender = row.sender or "",
    connector = row.connector_id ~= "" and row.connector_id or nil, -- written in the portal
    text = row.text,
    reply_to = row.reply_to,
    to_group = row.to_group ~= 0,
    to_all_subscribers = row.to_all_subscribers ~= 0,
    recipients = phones(row.recipients),
    at = clock.rfc3339(row.sent_at),
  }
end

local function each(rows, fn)
  local out = {}
  for i, row in ipairs(rows) do
    out[i] = fn(row)
  end
  return json.array(out)
end

local function counts(world)
  local row = world.db:row [[SELECT (SELECT count(*) FROM users) AS users,
    (SELECT count(*) FROM groups) AS groups, (SELECT count(*) FROM connectors) AS connectors,
    (SELECT count(*) FROM bots) AS bots, (SELECT count(*) FROM webhooks) AS webhooks,
    (SELECT count(*) FROM messages) AS messages, (SELECT count(*) FROM actions) AS actions,
    (SELECT count(*) FROM reactions) AS reactions]]
  row.requests, row.exchanges = world.counts.requests, world.counts.exchanges
  return row
end

local function connector_state(db, connector)
  return {
    id = connector.id,
    name = connector.name,
    scope = permissions.to_scope(permissions.from_mask(connector.permissions)),
    tokens = connector_tokens(db, connector),
  }
end

--- Everything. Long lists are cut; counts has the full numbers.
---@param world sandbox.world
function snapshot.state(world)
  local db, now = world.db, world.clock:now()
  return {
    url = world.url,
    clock = { now = now, at = clock.rfc3339(now), advance_s = world.clock.advance_s },
    tenant = world:tenant(),
    switches = switches.describe(world.switches),
    faults = world.faults:describe(),
    counts = counts(world),
    users = each(db:rows("SELECT * FROM users ORDER BY rowid LIMIT ?", limits.state_rows), snapshot.user),
    groups = each(db:rows("SELECT * FROM groups ORDER BY number LIMIT ?", limits.state_rows), function(group)
      return snapshot.group(db, group)
    end),
    connectors = each(db:rows("SELECT * FROM connectors ORDER BY rowid LIMIT ?", limits.state_rows),
      function(connector)
        return connector_state(db, connector)
      end),
    bots = each(bots.oldest(db, limits.state_rows), bot),
    webhooks = each(webhooks.oldest(db, limits.state_rows), webhook),
    actions = each(actions.newest(db, limits.state_actions), action),
    messages = each(messages.newest(db, limits.state_messages), message),
  }
end

return snapshot
