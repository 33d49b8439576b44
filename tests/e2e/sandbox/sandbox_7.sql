-- A database of the sandbox as version 7 of its schema had it, filled from support.SEED.
BEGIN TRANSACTION;
CREATE TABLE action_assignees (
    action INTEGER NOT NULL REFERENCES actions(number) ON DELETE CASCADE,
    user_id TEXT NOT NULL COLLATE NOCASE,
    PRIMARY KEY (action, user_id)) WITHOUT ROWID;
CREATE TABLE action_properties (
    number INTEGER PRIMARY KEY,
    action INTEGER NOT NULL REFERENCES actions(number) ON DELETE CASCADE,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    value TEXT NOT NULL,
    UNIQUE (action, name));
CREATE TABLE action_recipients (
    action INTEGER NOT NULL REFERENCES actions(number) ON DELETE CASCADE,
    user_id TEXT NOT NULL COLLATE NOCASE,
    PRIMARY KEY (action, user_id)) WITHOUT ROWID;
CREATE TABLE action_reminders (
    number INTEGER PRIMARY KEY,
    action INTEGER NOT NULL REFERENCES actions(number) ON DELETE CASCADE,
    user_id TEXT NOT NULL COLLATE NOCASE,
    to_group INTEGER NOT NULL,
    to_all_subscribers INTEGER NOT NULL,
    recipients INTEGER NOT NULL,
    sent_at INTEGER NOT NULL);
CREATE TABLE action_responses (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE COLLATE NOCASE,
    action INTEGER NOT NULL REFERENCES actions(number) ON DELETE CASCADE,
    user_id TEXT NOT NULL COLLATE NOCASE,
    body TEXT NOT NULL,
    completed INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL);
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
CREATE TABLE bots (
    user_id TEXT PRIMARY KEY COLLATE NOCASE REFERENCES users(id) ON DELETE CASCADE,
    creator_id TEXT NOT NULL COLLATE NOCASE,
    created_at INTEGER NOT NULL);
CREATE TABLE connectors (
    id TEXT PRIMARY KEY COLLATE NOCASE,
    tenant_id TEXT NOT NULL REFERENCES tenants(id),
    name TEXT NOT NULL,
    owner_id TEXT NOT NULL COLLATE NOCASE REFERENCES users(id),
    secret_hash TEXT NOT NULL,
    permissions TEXT NOT NULL,
    created_at INTEGER NOT NULL, redirect_uri TEXT NOT NULL DEFAULT '');
INSERT INTO "connectors" VALUES('2ab9b820-7a1c-4d65-9b3e-0f1d2c3b4a59','6f1c2f0a-55a4-4b0e-9a58-0d8b0b7f4c11','Demo','379fdd22-74b2-4850-bbf6-6756f587c9b8','69cfeed27d029d0cb41a6ed7de899918:0c74c9aeab99e55484897a641de9e922110c8f2d3d9e162035cea9c2a4324b60','2.30:3.30:4.10:6.22:5.4:9.2:15.30:14.30:19.30:24.30',1700000000,'');
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
INSERT INTO "groups" VALUES(1,'853654b2-9d4e-4a53-8c11-1f7f7d1c0a01','6f1c2f0a-55a4-4b0e-9a58-0d8b0b7f4c11','Sales','Group','','','','','',1700000000);
CREATE TABLE media (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE COLLATE NOCASE,
    type TEXT NOT NULL,
    name TEXT NOT NULL,
    content_type TEXT NOT NULL,
    hash TEXT NOT NULL,
    size INTEGER NOT NULL,
    album TEXT COLLATE NOCASE REFERENCES media(id),
    created_at INTEGER NOT NULL, tenant_id TEXT NOT NULL DEFAULT '');
CREATE TABLE members (
    group_number INTEGER NOT NULL REFERENCES groups(number) ON DELETE CASCADE,
    user_id TEXT NOT NULL COLLATE NOCASE REFERENCES users(id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (group_number, user_id)) WITHOUT ROWID;
INSERT INTO "members" VALUES(1,'379fdd22-74b2-4850-bbf6-6756f587c9b8','Admin',1);
INSERT INTO "members" VALUES(1,'c15c6715-2a3d-4665-bb5c-773c8e7f4e49','Member',2);
CREATE TABLE message_recipients (
    message INTEGER NOT NULL REFERENCES messages(number) ON DELETE CASCADE,
    user_id TEXT NOT NULL COLLATE NOCASE,
    PRIMARY KEY (message, user_id)) WITHOUT ROWID;
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
CREATE TABLE oauth_codes (
    hash TEXT PRIMARY KEY,
    connector_id TEXT NOT NULL COLLATE NOCASE REFERENCES connectors(id) ON DELETE CASCADE,
    user_id TEXT NOT NULL COLLATE NOCASE REFERENCES users(id) ON DELETE CASCADE,
    redirect_uri TEXT NOT NULL,
    made_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE pins (
    number INTEGER PRIMARY KEY,
    phone TEXT NOT NULL,
    connector_id TEXT NOT NULL COLLATE NOCASE REFERENCES connectors(id) ON DELETE CASCADE,
    hash TEXT NOT NULL,
    sent_at INTEGER NOT NULL,
    wrong INTEGER NOT NULL DEFAULT 0,
    ended INTEGER NOT NULL DEFAULT 0);
INSERT INTO "pins" VALUES(1,'+33100000002','2ab9b820-7a1c-4d65-9b3e-0f1d2c3b4a59','00:00',4000000000,0,0);
CREATE TABLE reactions (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    source_group INTEGER NOT NULL REFERENCES groups(number) ON DELETE CASCADE,
    reference_id TEXT NOT NULL,
    user_id TEXT NOT NULL COLLATE NOCASE,
    type TEXT NOT NULL,
    comment TEXT NOT NULL,
    ticks INTEGER NOT NULL UNIQUE);
CREATE TABLE refresh_tokens (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hash TEXT NOT NULL UNIQUE,
    connector_id TEXT NOT NULL COLLATE NOCASE REFERENCES connectors(id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    user_id TEXT NOT NULL COLLATE NOCASE REFERENCES users(id) ON DELETE CASCADE,
    group_number INTEGER REFERENCES groups(number) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    revoked INTEGER NOT NULL DEFAULT 0);
INSERT INTO "refresh_tokens" VALUES(1,'e66abc37a77889ec85f387fb11f95328b563d284eed1ad4676341b930a46ae62','2ab9b820-7a1c-4d65-9b3e-0f1d2c3b4a59','tenant','379fdd22-74b2-4850-bbf6-6756f587c9b8',NULL,4000000000,0);
INSERT INTO "refresh_tokens" VALUES(2,'1e10607f363f812d24bc129878fdc134e782018cbc255c3d1e9bb13fa3ec03a0','2ab9b820-7a1c-4d65-9b3e-0f1d2c3b4a59','user','c15c6715-2a3d-4665-bb5c-773c8e7f4e49',NULL,4000000000,0);
INSERT INTO "refresh_tokens" VALUES(3,'ca23fe7fe1e5deefcb44c5f392c6fa51ca1e8912fbdf0533bc31e934825fb433','2ab9b820-7a1c-4d65-9b3e-0f1d2c3b4a59','group','379fdd22-74b2-4850-bbf6-6756f587c9b8',1,4000000000,0);
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO "settings" VALUES('signing_key','"11d729480c1491b5b70d6cb373c7219da051875f0b06451e9ca500f88a916573"');
CREATE TABLE sms (
    number INTEGER PRIMARY KEY,
    phone TEXT NOT NULL,
    text TEXT NOT NULL,
    sent_at INTEGER NOT NULL);
CREATE TABLE subgroups (
    parent INTEGER NOT NULL REFERENCES groups(number) ON DELETE CASCADE,
    child INTEGER NOT NULL REFERENCES groups(number) ON DELETE CASCADE,
    PRIMARY KEY (parent, child)) WITHOUT ROWID;
CREATE TABLE subscribers (
    group_number INTEGER NOT NULL REFERENCES groups(number) ON DELETE CASCADE,
    user_id TEXT NOT NULL COLLATE NOCASE REFERENCES users(id) ON DELETE CASCADE,
    PRIMARY KEY (group_number, user_id)) WITHOUT ROWID;
CREATE TABLE tenants (id TEXT PRIMARY KEY COLLATE NOCASE, name TEXT NOT NULL);
INSERT INTO "tenants" VALUES('6f1c2f0a-55a4-4b0e-9a58-0d8b0b7f4c11','Contoso');
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
INSERT INTO "users" VALUES('379fdd22-74b2-4850-bbf6-6756f587c9b8','6f1c2f0a-55a4-4b0e-9a58-0d8b0b7f4c11','+33100000001','Alice Martin','alice@contoso.example','','3098d8a8-a4e2-4157-8b0a-c6d616f2472d',1,1,1700000000);
INSERT INTO "users" VALUES('c15c6715-2a3d-4665-bb5c-773c8e7f4e49','6f1c2f0a-55a4-4b0e-9a58-0d8b0b7f4c11','+33100000002','Bob Durand','bob@contoso.example','','2ae2f601-a4eb-4f3b-99ab-91d09b5b5977',1,0,1700000000);
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
CREATE INDEX groups_tenant ON groups(tenant_id);
CREATE INDEX subgroups_child ON subgroups(child);
CREATE INDEX members_user ON members(user_id);
CREATE INDEX messages_group ON messages(group_number);
CREATE INDEX sms_phone ON sms(phone);
CREATE INDEX oauth_codes_connector ON oauth_codes(connector_id);
CREATE INDEX oauth_codes_user ON oauth_codes(user_id);
CREATE INDEX bots_creator ON bots(creator_id);
CREATE INDEX webhooks_connector ON webhooks(connector_id);
CREATE INDEX webhooks_user ON webhooks(user_id);
CREATE INDEX webhooks_object ON webhooks(object_id);
CREATE INDEX actions_list ON actions(group_number, type, created_at, number);
CREATE INDEX action_responses_action ON action_responses(action, user_id);
CREATE INDEX action_reminders_action ON action_reminders(action);
CREATE INDEX reactions_reference ON reactions(source_group, reference_id, ticks);
CREATE INDEX reactions_cursor ON reactions(source_group, ticks);
CREATE INDEX members_position ON members(group_number, position);
CREATE INDEX media_album ON media(album);
CREATE INDEX media_hash ON media(hash);
CREATE INDEX reactions_type ON reactions(source_group, reference_id, type, ticks);
CREATE INDEX reactions_user ON reactions(source_group, reference_id, user_id, type);
CREATE INDEX action_responses_completed ON action_responses(action, completed);
CREATE INDEX subscribers_user ON subscribers(user_id);
CREATE INDEX connectors_owner ON connectors(owner_id);
CREATE INDEX refresh_tokens_user ON refresh_tokens(user_id);
CREATE INDEX refresh_tokens_group ON refresh_tokens(group_number);
CREATE INDEX refresh_tokens_grant ON refresh_tokens(connector_id, group_number, user_id);
CREATE INDEX oauth_codes_made ON oauth_codes(made_at);
CREATE INDEX pins_phone ON pins(phone);
CREATE INDEX pins_connector ON pins(connector_id);
CREATE INDEX pins_sent ON pins(sent_at);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('refresh_tokens',3);
COMMIT;
PRAGMA user_version = 7;
