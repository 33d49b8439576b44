/* The tables of a state: as a new one has them, and how an older one comes to have them. */
#include "store_sqlite.h"

#define NEW_VERSION "(random() & 0x7fffffffffff) + 1"

/* One text, so that a new state and one that was brought up to it are the same. */
#define KV_VERSION                                                                                 \
    /* By a program that knows no versions, which replaces the row. */                             \
    "CREATE TRIGGER kv_version AFTER INSERT ON kv WHEN NEW.version = 0 BEGIN"                      \
    "  UPDATE kv SET version = " NEW_VERSION " WHERE scope = NEW.scope AND key = NEW.key;"         \
    " END;"
#define EVENTS                                                                                          \
    "CREATE TABLE event ("                                                                              \
    "  seq INTEGER PRIMARY KEY AUTOINCREMENT, scope TEXT NOT NULL, id TEXT NOT NULL,"                   \
    "  part INTEGER NOT NULL, digest BLOB, type TEXT, order_key TEXT,"                                  \
    "  state TEXT NOT NULL, received_ms INTEGER NOT NULL, next_ms INTEGER, ended_ms INTEGER,"           \
    "  attempt INTEGER NOT NULL, conflicts INTEGER NOT NULL, duplicates INTEGER NOT NULL,"              \
    "  alone INTEGER NOT NULL, owner TEXT, error TEXT, headers TEXT, body BLOB);"                       \
    "CREATE UNIQUE INDEX event_by_id ON event (scope, id, part);"                                       \
    "CREATE INDEX event_by_digest ON event (scope, digest, part) WHERE digest IS NOT NULL;" /* Only     \
                                                                                               what     \
                                                                                               can      \
                                                                                               be       \
                                                                                               claimed  \
                                                                                               has      \
                                                                                               a        \
                                                                                               next_ms. \
                                                                                             */         \
    "CREATE INDEX event_due ON event (scope, next_ms, seq) WHERE next_ms IS NOT NULL;"                  \
    "CREATE INDEX event_open ON event (scope, order_key, seq) WHERE ended_ms IS NULL;"                  \
    "CREATE INDEX event_running ON event (owner) WHERE owner IS NOT NULL;"                              \
    "CREATE INDEX event_failed ON event (scope, state) WHERE state IN ('dead', 'held');"                \
    "CREATE INDEX event_ended ON event (scope, state, ended_ms) WHERE ended_ms IS NOT NULL;"            \
    "CREATE INDEX event_full ON event (scope, state, ended_ms)"                                         \
    "  WHERE ended_ms IS NOT NULL AND body IS NOT NULL;"                                                \
    "CREATE TABLE step (seq INTEGER NOT NULL, name TEXT NOT NULL, result TEXT NOT NULL,"                \
    "  PRIMARY KEY (seq, name)) WITHOUT ROWID;"

/* What the migrations lead to, made at once: ALTER TABLE makes SQLite read all tables again. */
const char store_sqlite_schema[] =
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
    "INSERT INTO meta (key, value) VALUES ('salt', randomblob(32)), ('version', 11);"
    "CREATE TABLE token ("
    "  owner TEXT PRIMARY KEY, generation INTEGER NOT NULL, access_token TEXT, endpoint_url TEXT,"
    "  scope TEXT, lifetime_ms INTEGER NOT NULL, received_wall_ms INTEGER NOT NULL,"
    "  received_boot_ms INTEGER NOT NULL, received_boot_id TEXT NOT NULL, refresh_token TEXT,"
    "  refresh_previous TEXT, refresh_since_ms INTEGER NOT NULL, configured_fingerprint TEXT,"
    "  application_fingerprint TEXT, service_override TEXT, token_type TEXT,"
    "  refresh_expires_ms INTEGER NOT NULL DEFAULT 0, login_since_ms INTEGER NOT NULL DEFAULT 0,"
    "  asked TEXT, secret_fingerprint TEXT, barred INTEGER NOT NULL DEFAULT 0, metadata TEXT,"
    "  metadata_ms INTEGER NOT NULL DEFAULT 0, stop_kind INTEGER NOT NULL DEFAULT 0,"
    "  stop_since_ms INTEGER NOT NULL DEFAULT 0, stop_times INTEGER NOT NULL DEFAULT 0,"
    "  stop_reason TEXT, home TEXT, subject_fingerprint TEXT, service_host TEXT, spent TEXT) "
    "WITHOUT ROWID;"
    "CREATE TABLE token_intent (owner TEXT PRIMARY KEY, id TEXT NOT NULL,"
    "  generation INTEGER NOT NULL, started_ms INTEGER NOT NULL, host TEXT NOT NULL)"
    "  WITHOUT ROWID;"
    "CREATE TABLE kv (scope TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,"
    "  version INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (scope, key)) WITHOUT ROWID;" KV_VERSION
    /* As the migrations leave it: what came later stands behind the output. */
    "CREATE TABLE run ("
    "  row INTEGER PRIMARY KEY, run TEXT NOT NULL, scope TEXT NOT NULL, job TEXT NOT NULL,"
    "  slot_ms INTEGER, attempt INTEGER NOT NULL, started_ms INTEGER NOT NULL, ended_ms INTEGER,"
    "  exit INTEGER, cause TEXT, message TEXT, requests INTEGER NOT NULL,"
    "  exchanges INTEGER NOT NULL, peak_kib INTEGER NOT NULL, pid INTEGER NOT NULL,"
    "  pid_start INTEGER NOT NULL, boot_id TEXT NOT NULL, output_bytes INTEGER NOT NULL,"
    "  output BLOB, untold INTEGER, host TEXT);"
    "CREATE UNIQUE INDEX run_by_id ON run (run, attempt);"
    "CREATE INDEX run_by_scope ON run (scope);"
    "CREATE INDEX run_untold ON run (scope) WHERE untold IS NOT NULL;"
    "CREATE TABLE slot (scope TEXT NOT NULL, slot_ms INTEGER NOT NULL,"
    "  PRIMARY KEY (scope, slot_ms)) WITHOUT ROWID;"
    "CREATE TABLE job (scope TEXT PRIMARY KEY, installed_ms INTEGER, boot_id TEXT) WITHOUT ROWID;"
    "CREATE TABLE job_counter ("
    "  scope TEXT PRIMARY KEY, runs INTEGER NOT NULL, failures INTEGER NOT NULL,"
    "  skipped INTEGER NOT NULL, requests INTEGER NOT NULL, exchanges INTEGER NOT NULL,"
    "  success_ms INTEGER) WITHOUT ROWID;"
    "CREATE TABLE bucket (key TEXT PRIMARY KEY, slots TEXT NOT NULL) WITHOUT ROWID;" EVENTS;

const char *const store_sqlite_migrations[] = {
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE token ("
    "  owner TEXT PRIMARY KEY, generation INTEGER NOT NULL, access_token TEXT, endpoint_url TEXT,"
    "  scope TEXT, lifetime_ms INTEGER NOT NULL, received_wall_ms INTEGER NOT NULL,"
    "  received_boot_ms INTEGER NOT NULL, received_boot_id TEXT NOT NULL, refresh_token TEXT,"
    "  refresh_previous TEXT, refresh_since_ms INTEGER NOT NULL, configured_fingerprint TEXT,"
    "  application_fingerprint TEXT, service_override TEXT) WITHOUT ROWID;"
    "CREATE TABLE kv (scope TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,"
    "  PRIMARY KEY (scope, key)) WITHOUT ROWID;"
    "INSERT INTO meta (key, value) VALUES ('salt', randomblob(32));",
    /* Lists are read without the output: it stands last. */
    "CREATE TABLE run ("
    "  row INTEGER PRIMARY KEY, run TEXT NOT NULL, scope TEXT NOT NULL, job TEXT NOT NULL,"
    "  slot_ms INTEGER, attempt INTEGER NOT NULL, started_ms INTEGER NOT NULL, ended_ms INTEGER,"
    "  exit INTEGER, cause TEXT, message TEXT, requests INTEGER NOT NULL,"
    "  exchanges INTEGER NOT NULL, peak_kib INTEGER NOT NULL, pid INTEGER NOT NULL,"
    "  pid_start INTEGER NOT NULL, boot_id TEXT NOT NULL, output_bytes INTEGER NOT NULL,"
    "  output BLOB);"
    "CREATE UNIQUE INDEX run_by_id ON run (run, attempt);"
    "CREATE INDEX run_by_scope ON run (scope);"
    "CREATE TABLE slot (scope TEXT NOT NULL, slot_ms INTEGER NOT NULL,"
    "  PRIMARY KEY (scope, slot_ms)) WITHOUT ROWID;"
    "CREATE TABLE job (scope TEXT PRIMARY KEY, installed_ms INTEGER, boot_id TEXT) WITHOUT ROWID;",
    "CREATE TABLE job_counter ("
    "  scope TEXT PRIMARY KEY, runs INTEGER NOT NULL, failures INTEGER NOT NULL,"
    "  skipped INTEGER NOT NULL, requests INTEGER NOT NULL, exchanges INTEGER NOT NULL,"
    "  success_ms INTEGER) WITHOUT ROWID;",
    "ALTER TABLE run ADD COLUMN untold INTEGER;"
    "CREATE INDEX run_untold ON run (scope) WHERE untold IS NOT NULL;",
    "INSERT INTO meta (key, value) VALUES ('version', 5);",
    "ALTER TABLE token ADD COLUMN token_type TEXT;"
    "ALTER TABLE token ADD COLUMN refresh_expires_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE token ADD COLUMN login_since_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE token ADD COLUMN asked TEXT;"
    "ALTER TABLE token ADD COLUMN secret_fingerprint TEXT;"
    "ALTER TABLE token ADD COLUMN barred INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE token ADD COLUMN metadata TEXT;"
    "ALTER TABLE token ADD COLUMN metadata_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE token ADD COLUMN stop_kind INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE token ADD COLUMN stop_since_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE token ADD COLUMN stop_times INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE token ADD COLUMN stop_reason TEXT;"
    /* Not in the token's row: a program that does not know it replaces rows as a whole. */
    "CREATE TABLE token_intent (owner TEXT PRIMARY KEY, id TEXT NOT NULL,"
    "  generation INTEGER NOT NULL, started_ms INTEGER NOT NULL, host TEXT NOT NULL)"
    "  WITHOUT ROWID;"
    "UPDATE meta SET value = 6 WHERE key = 'version';",
    /* Whose a token is (the owner is a hash), and where a run was. */
    "ALTER TABLE token ADD COLUMN home TEXT; ALTER TABLE run ADD COLUMN host TEXT;"
    "UPDATE meta SET value = 7 WHERE key = 'version';",
    "ALTER TABLE token ADD COLUMN subject_fingerprint TEXT;"
    "UPDATE meta SET value = 8 WHERE key = 'version';",
    "CREATE TABLE bucket (key TEXT PRIMARY KEY, slots TEXT NOT NULL) WITHOUT ROWID;"
    "UPDATE meta SET value = 9 WHERE key = 'version';",
    "ALTER TABLE kv ADD COLUMN version INTEGER NOT NULL DEFAULT 0;"
    "UPDATE kv SET version = " NEW_VERSION ";" KV_VERSION EVENTS
    "UPDATE meta SET value = 10 WHERE key = 'version';",
    "ALTER TABLE token ADD COLUMN service_host TEXT; ALTER TABLE token ADD COLUMN spent TEXT;"
    "UPDATE meta SET value = 11 WHERE key = 'version';",
};
_Static_assert(sizeof store_sqlite_migrations / sizeof *store_sqlite_migrations == STORE_VERSION,
               "one a version");
