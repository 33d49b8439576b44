--- The sandbox's database: opening, schema and migrations, and small values (clock, signing key).
local crypto = require "jeton.crypto"
local json = require "jeton.json"
local sqlite = require "jeton.sqlite"

local store = {}

-- Migrations, one per version. Released entries never change; new ones are added at the end.
local MIGRATIONS = {
  [[
  CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE tenants (id TEXT PRIMARY KEY COLLATE NOCASE, name TEXT NOT NULL);
  CREATE TABLE users (
    id TEXT PRIMARY KEY COLLATE NOCASE,
    tenant_id TEXT NOT NULL REFERENCES tenants(id),
    phone TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    picture TEXT NOT NULL,
    o365_id TEXT NOT NULL,
    provisioned INTEGER NOT NULL,
    tenant_admin INTEGER NOT NULL,
    created_at INTEGER NOT NULL);
  CREATE TABLE groups (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE COLLATE NOCASE,
    tenant_id TEXT NOT NULL REFERENCES tenants(id),
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    welcome TEXT NOT NULL,
    image TEXT NOT NULL,
    background TEXT NOT NULL,
    short_description TEXT NOT NULL,
    long_description TEXT NOT NULL,
    created_at INTEGER NOT NULL);
  CREATE INDEX groups_tenant ON groups(tenant_id);
  CREATE TABLE subgroups (
    parent INTEGER NOT NULL REFERENCES groups(number) ON DELETE CASCADE,
    child INTEGER NOT NULL REFERENCES groups(number) ON DELETE CASCADE,
    PRIMARY KEY (parent, child)) WITHOUT ROWID;
  CREATE INDEX subgroups_child ON subgroups(child);
  CREATE TABLE members (
    group_number INTEGER NOT NULL REFERENCES groups(number) ON DELETE CASCADE,
    user_id TEXT NOT NULL COLLATE NOCASE REFERENCES users(id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (group_number, user_id)) WITHOUT ROWID;
  CREATE INDEX members_user ON members(user_id);
  CREATE TABLE subscribers (
    group_number INTEGER NOT NULL REFERENCES groups(number) ON DELETE CASCADE,
    user_id TEXT NOT NULL COLLATE NOCASE REFERENCES users(id) ON DELETE CASCADE,
    PRIMARY KEY (group_number, user_id)) WITHOUT ROWID;
  CREATE TABLE connectors (
    id TEXT PRIMARY KEY COLLATE NOCASE,
    tenant_id TEXT NOT NULL REFERENCES tenants(id),
    name TEXT NOT NULL,
    owner_id TEXT NOT NULL COLLATE NOCASE REFERENCES users(id),
    secret_hash TEXT NOT NULL,
    permissions TEXT NOT NULL,
    created_at INTEGER NOT NULL);
  CREATE TABLE refresh_tokens (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hash TEXT NOT NULL UNIQUE,
    connector_id TEXT NOT NULL COLLATE NOCASE REFERENCES connectors(id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    user_id TEXT NOT NULL COLLATE NOCASE REFERENCES users(id) ON DELETE CASCADE,
    group_number INTEGER REFERENCES groups(number) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    revoked INTEGER NOT NULL DEFAULT 0);
  CREATE INDEX refresh_tokens_connector ON refresh_tokens(connector_id);
  CREATE TABLE messages (
    number INTEGER PRIMARY KEY,
    reference_id TEXT NOT NULL UNIQUE,
    group_number INTEGER NOT NULL REFERENCES groups(number) ON DELETE CASCADE,
    sender_id TEXT NOT NULL COLLATE NOCASE,
    connector_id TEXT NOT NULL COLLATE NOCASE,
    text TEXT NOT NULL,
    reply_to TEXT NOT NULL,
    to_group INTEGER NOT NULL,
    to_all_subscribers INTEGER NOT NULL,
    sent_at INTEGER NOT NULL);
  CREATE INDEX messages_group ON messages(group_number);
  CREATE TABLE message_recipients (
    message INTEGER NOT NULL REFERENCES messages(number) ON DELETE CASCADE,
    user_id TEXT NOT NULL COLLATE NOCASE,
    PRIMARY KEY (message, user_id)) WITHOUT ROWID;
  CREATE TABLE sms (
    number INTEGER PRIMARY KEY,
    phone TEXT NOT NULL,
    text TEXT NOT NULL,
    sent_at INTEGER NOT NULL);
  CREATE INDEX sms_phone ON sms(phone);
  ]],
  [[
  ALTER TABLE connectors ADD COLUMN redirect_uri TEXT NOT NULL DEFAULT '';
  CREATE TABLE pins (
    number INTEGER PRIMARY KEY,
    phone TEXT NOT NULL,
    connector_id TEXT NOT NULL COLLATE NOCASE REFERENCES connectors(id) ON DELETE CASCADE,
    hash TEXT NOT NULL,
    sent_at INTEGER NOT NULL,
    wrong INTEGER NOT NULL DEFAULT 0,
    ended INTEGER NOT NULL DEFAULT 0);
  CREATE INDEX pins_phone ON pins(phone);
  CREATE INDEX pins_connector ON pins(connector_id);
  CREATE TABLE oauth_codes (
    hash TEXT PRIMARY KEY,
    connector_id TEXT NOT NULL COLLATE NOCASE REFERENCES connectors(id) ON DELETE CASCADE,
    user_id TEXT NOT NULL COLLATE NOCASE REFERENCES users(id) ON DELETE CASCADE,
    redirect_uri TEXT NOT NULL,
    made_at INTEGER NOT NULL) WITHOUT ROWID;
  CREATE INDEX oauth_codes_connector ON oauth_codes(connector_id);
  CREATE INDEX oauth_codes_user ON oauth_codes(user_id);
  CREATE TABLE bots (
    user_id TEXT PRIMARY KEY COLLATE NOCASE REFERENCES users(id) ON DELETE CASCADE,
    creator_id TEXT NOT NULL COLLATE NOCASE,
    created_at INTEGER NOT NULL);
  CREATE INDEX bots_creator ON bots(creator_id);
  CREATE TABLE webhooks (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE COLLATE NOCASE,
    connector_id TEXT NOT NULL COLLATE NOCASE REFERENCES connectors(id) ON DELETE CASCADE,
    user_id TEXT NOT NULL COLLATE NOCASE REFERENCES users(id) ON DELETE CASCADE,
    object_id TEXT NOT NULL COLLATE NOCASE,
    object_type TEXT NOT NULL,
    events TEXT NOT NULL,
    url TEXT NOT NULL,
    token TEXT NOT NULL,
    context TEXT NOT NULL,
    headers TEXT NOT NULL,
    valid_until_ms INTEGER NOT NULL,
    active INTEGER NOT NULL DEFAULT 1,
    created_at INTEGER NOT NULL);
  CREATE INDEX webhooks_connector ON webhooks(connector_id);
  CREATE INDEX webhooks_user ON webhooks(user_id);
  CREATE INDEX webhooks_object ON webhooks(object_id);
  ]],
  [[
  CREATE TABLE actions (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE COLLATE NOCASE,
    reference_id TEXT NOT NULL UNIQUE,
    group_number INTEGER NOT NULL REFERENCES groups(number) ON DELETE CASCADE,
    type TEXT NOT NULL,
    package_id TEXT NOT NULL,
    sender_id TEXT NOT NULL COLLATE NOCASE,
    connector_id TEXT NOT NULL COLLATE NOCASE,
    body TEXT NOT NULL,
    expires_at INTEGER,
    version INTEGER NOT NULL DEFAULT 1,
    to_group INTEGER NOT NULL,
    to_all_subscribers INTEGER NOT NULL,
    created_at INTEGER NOT NULL);
  CREATE INDEX actions_list ON actions(group_number, type, created_at, number);
  CREATE TABLE action_recipients (
    action INTEGER NOT NULL REFERENCES actions(number) ON DELETE CASCADE,
    user_id TEXT NOT NULL COLLATE NOCASE,
    PRIMARY KEY (action, user_id)) WITHOUT ROWID;
  CREATE TABLE action_assignees (
    action INTEGER NOT NULL REFERENCES actions(number) ON DELETE CASCADE,
    user_id TEXT NOT NULL COLLATE NOCASE,
    PRIMARY KEY (action, user_id)) WITHOUT ROWID;
  CREATE TABLE action_responses (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE COLLATE NOCASE,
    action INTEGER NOT NULL REFERENCES actions(number) ON DELETE CASCADE,
    user_id TEXT NOT NULL COLLATE NOCASE,
    body TEXT NOT NULL,
    completed INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL);
  CREATE INDEX action_responses_action ON action_responses(action, user_id);
  CREATE TABLE action_properties (
    number INTEGER PRIMARY KEY,
    action INTEGER NOT NULL REFERENCES actions(number) ON DELETE CASCADE,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    value TEXT NOT NULL,
    UNIQUE (action, name));
  CREATE TABLE action_reminders (
    number INTEGER PRIMARY KEY,
    action INTEGER NOT NULL REFERENCES actions(number) ON DELETE CASCADE,
    user_id TEXT NOT NULL COLLATE NOCASE,
    to_group INTEGER NOT NULL,
    to_all_subscribers INTEGER NOT NULL,
    recipients INTEGER NOT NULL,
    sent_at INTEGER NOT NULL);
  CREATE INDEX action_reminders_action ON action_reminders(action);
  CREATE TABLE reactions (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    source_group INTEGER NOT NULL REFERENCES groups(number) ON DELETE CASCADE,
    reference_id TEXT NOT NULL,
    user_id TEXT NOT NULL COLLATE NOCASE,
    type TEXT NOT NULL,
    comment TEXT NOT NULL,
    ticks INTEGER NOT NULL UNIQUE);
  CREATE INDEX reactions_reference ON reactions(source_group, reference_id, ticks);
  CREATE INDEX reactions_cursor ON reactions(source_group, ticks);
  ]],
  -- The order of joining, so that the next number is found without a scan.
  [[
  CREATE INDEX members_position ON members(group_number, position);
  ]],
  [[
  CREATE TABLE media (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE COLLATE NOCASE,
    type TEXT NOT NULL,
    name TEXT NOT NULL,
    content_type TEXT NOT NULL,
    hash TEXT NOT NULL,
    size INTEGER NOT NULL,
    album TEXT COLLATE NOCASE REFERENCES media(id),
    created_at INTEGER NOT NULL);
  CREATE INDEX media_album ON media(album);
  CREATE INDEX media_hash ON media(hash);
  ]],
  -- Indices for large tenants: reactions by user and kind, answers by question, and references to users and
  -- groups that are deleted.
  [[
  CREATE INDEX reactions_type ON reactions(source_group, reference_id, type, ticks);
  CREATE INDEX reactions_user ON reactions(source_group, reference_id, user_id, type);
  CREATE INDEX action_responses_completed ON action_responses(action, completed);
  CREATE INDEX subscribers_user ON subscribers(user_id);
  CREATE INDEX connectors_owner ON connectors(owner_id);
  CREATE INDEX refresh_tokens_user ON refresh_tokens(user_id);
  CREATE INDEX refresh_tokens_group ON refresh_tokens(group_number);
  DROP INDEX refresh_tokens_connector;
  CREATE INDEX refresh_tokens_grant ON refresh_tokens(connector_id, group_number, user_id);
  CREATE INDEX pins_sent ON pins(sent_at);
  CREATE INDEX oauth_codes_made ON oauth_codes(made_at);
  ]],
  -- The tenant of a medium: actions take only media of their own tenant.
  [[
  ALTER TABLE media ADD COLUMN tenant_id TEXT NOT NULL DEFAULT '';
  UPDATE media SET tenant_id = coalesce((SELECT id FROM tenants ORDER BY rowid LIMIT 1), '');
  ]],
  -- The portal: PINs without a connector, for the account that asked for them.
  [[
  ALTER TABLE connectors ADD COLUMN description TEXT NOT NULL DEFAULT '';
  ALTER TABLE refresh_tokens ADD COLUMN last_used_at INTEGER;
  ALTER TABLE users ADD COLUMN phone_added_at INTEGER NOT NULL DEFAULT 0;
  CREATE INDEX users_email ON users(email COLLATE NOCASE);
  ALTER TABLE pins RENAME TO pins_before;
  CREATE TABLE pins (
    number INTEGER PRIMARY KEY,
    phone TEXT NOT NULL,
    connector_id TEXT COLLATE NOCASE REFERENCES connectors(id) ON DELETE CASCADE,
    user_id TEXT COLLATE NOCASE REFERENCES users(id) ON DELETE CASCADE,
    hash TEXT NOT NULL,
    sent_at INTEGER NOT NULL,
    wrong INTEGER NOT NULL DEFAULT 0,
    ended INTEGER NOT NULL DEFAULT 0);
  INSERT INTO pins (number, phone, connector_id, hash, sent_at, wrong, ended)
    SELECT number, phone, connector_id, hash, sent_at, wrong, ended FROM pins_before;
  DROP TABLE pins_before;
  CREATE INDEX pins_phone ON pins(phone);
  CREATE INDEX pins_connector ON pins(connector_id);
  CREATE INDEX pins_user ON pins(user_id);
  CREATE INDEX pins_sent ON pins(sent_at);
  ]],
  -- Positions in the conversation: messages and actions of a group in one order.
  [[
  ALTER TABLE messages ADD COLUMN position INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE actions ADD COLUMN position INTEGER NOT NULL DEFAULT 0;
  CREATE TEMPORARY TABLE positions AS
    SELECT kind, number, row_number() OVER (PARTITION BY group_number ORDER BY at, kind, number) AS position
    FROM (SELECT 1 AS kind, number, group_number, sent_at AS at FROM messages
          UNION ALL SELECT 2, number, group_number, created_at FROM actions);
  UPDATE messages SET position = positions.position FROM positions
    WHERE kind = 1 AND positions.number = messages.number;
  UPDATE actions SET position = positions.position FROM positions
    WHERE kind = 2 AND positions.number = actions.number;
  DROP TABLE positions;
  DROP INDEX messages_group;
  CREATE INDEX messages_position ON messages(group_number, position, to_all_subscribers);
  CREATE INDEX actions_position ON actions(group_number, position, to_all_subscribers);
  ]],
  -- The outbox of webhooks.
  [[
  ALTER TABLE webhooks ADD COLUMN failed INTEGER NOT NULL DEFAULT 0;
  CREATE TABLE webhook_events (
    object_id TEXT NOT NULL COLLATE NOCASE,
    event TEXT NOT NULL,
    webhook_id TEXT NOT NULL COLLATE NOCASE REFERENCES webhooks(id) ON DELETE CASCADE,
    PRIMARY KEY (object_id, event, webhook_id)) WITHOUT ROWID;
  CREATE INDEX webhook_events_webhook ON webhook_events(webhook_id);
  INSERT OR IGNORE INTO webhook_events (object_id, event, webhook_id)
    SELECT object_id, value, webhooks.id FROM webhooks, json_each(webhooks.events);
  CREATE TABLE deliveries (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    webhook_id TEXT NOT NULL COLLATE NOCASE REFERENCES webhooks(id) ON DELETE CASCADE,
    event_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting',
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL);
  CREATE INDEX deliveries_webhook ON deliveries(webhook_id, state, number);
  CREATE TABLE delivery_attempts (
    delivery INTEGER NOT NULL REFERENCES deliveries(number) ON DELETE CASCADE,
    at INTEGER NOT NULL,
    status INTEGER,
    error TEXT);
  CREATE INDEX delivery_attempts_delivery ON delivery_attempts(delivery);
  ]],
  -- Text messages in the language of who gets them.
  [[
  ALTER TABLE users ADD COLUMN language TEXT NOT NULL DEFAULT '';
  ALTER TABLE sms ADD COLUMN language TEXT NOT NULL DEFAULT 'en';
  ]],
  -- What receivers of webhooks replied.
  [[
  ALTER TABLE delivery_attempts ADD COLUMN reply TEXT;
  ]],
}

-- The order in which tables are emptied: children before parents.
local TABLES = {
  "reactions", "action_reminders", "action_properties", "action_responses", "action_assignees",
  "action_recipients", "actions",
  "media", "delivery_attempts", "deliveries", "webhook_events", "webhooks", "bots", "oauth_codes",
  "pins", "sms", "message_recipients", "messages",
  "refresh_tokens", "connectors", "subscribers", "members",
  "subgroups", "groups", "users", "tenants",
}

---@param path string
---@param message string
local function refuse(path, message)
  return nil, { kind = "config", message = ("%s: %s"):format(path, message) }
end

local function migrate(db, path)
  local version = db:row("PRAGMA user_version").user_version
  local tables = db:row "SELECT count(*) AS n, total(name = 'tenants') AS own FROM sqlite_master"
  if version > 0 and tables.own == 0 or version == 0 and tables.n > 0 then -- others count versions, too
    return refuse(path, "an SQLite file, but not of the sandbox; give --db a path of its own")
  end
  if version > #MIGRATIONS then
    return refuse(path, ("made by a newer jeton (version %d, this one knows %d); give --db another path")
      :format(version, #MIGRATIONS))
  end
  for next_version = version + 1, #MIGRATIONS do
    db:transaction(function()
      for statement in MIGRATIONS[next_version]:gmatch "[^;]+" do
        if statement:find "%S" then
          db:exec(statement)
        end
      end
      db:exec(("PRAGMA user_version = %d"):format(next_version))
    end)
  end
  return true
end

--- Opens or creates the database and migrates it to the current version.
---@param path string|nil nil: in memory
---@return table|nil db
---@return table|nil err of kind "config"
function store.open(path)
  local db, err = sqlite.open(path or ":memory:")
  if not db then
    return nil, { kind = "config", message = ("--db: %s"):format(tostring(err and err.message or err)) }
  end
  -- That a file is not a database shows only at the first statement.
  local ok, result, why = pcall(function()
    db:exec "PRAGMA foreign_keys = ON"
    return migrate(db, path or ":memory:")
  end)
  if ok and result then
    return db
  end
  db:close()
  if ok then
    return nil, why
  end
  return refuse(path or ":memory:", tostring(result))
end

---@param db table
---@return boolean empty not seeded yet
function store.is_empty(db)
  return db:row("SELECT count(*) AS n FROM tenants").n == 0
end

--- Removes everything but the schema and the signing key.
function store.clear(db)
  for _, name in ipairs(TABLES) do
    db:exec("DELETE FROM " .. name)
  end
  db:exec("DELETE FROM settings WHERE name <> 'signing_key'")
end

--- A small value kept in the database.
---@param name string
---@return any value nil if there is none
function store.get(db, name)
  local row = db:row("SELECT value FROM settings WHERE name = ?", name)
  return row and json.decode(row.value)
end

---@param name string
---@param value any
function store.set(db, name, value)
  db:exec([[INSERT INTO settings (name, value) VALUES (?, ?)
            ON CONFLICT (name) DO UPDATE SET value = excluded.value]],
    name, assert(json.encode(value)))
end

--- The key that signs access tokens; created once per database.
---@return string bytes
function store.signing_key(db)
  local hex = store.get(db, "signing_key")
  if not hex then
    hex = crypto.hex(crypto.random(32))
    store.set(db, "signing_key", hex)
  end
  return crypto.unhex(hex)
end

return store
