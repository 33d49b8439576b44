/* The store's contract is tested on each engine: the tests of a file run once for each of them. */
#ifndef JETON_TEST_STORE_FIXTURE_H
#define JETON_TEST_STORE_FIXTURE_H

#include "folder.h"
#include "store_engine.h"
#include "store_events.h"
#include "store_runs.h"

/* SQLite that finishes every call later, from the loop. */
extern const struct store_engine store_late;

/* base64 of 32 bytes, and a comment */
#define STORE_FIXTURE_KEY "# of tests\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"

/* That of this turn; SQLite where there are no turns. */
extern const struct store_engine *store_fixture_engine;
/* All tests on each engine; returns what main returns. */
int store_fixture_run(const struct CMUnitTest *tests, size_t count);
#define STORE_FIXTURE_RUN(tests) store_fixture_run(tests, sizeof(tests) / sizeof(tests)[0])

/* A handle on the state of this test, on the engine of this turn; opened. To be freed. */
struct store *store_fixture_open(void);
/* The same, not opened yet. */
struct store *store_fixture_new(struct loop *loop);
/* The same in this folder, or in a schema of its own. */
struct store *store_fixture_at(char *folder, struct loop *loop);

/* What is only started in the program, to its end. */
int store_fixture_load(struct store *store, const char *owner, struct store_token *row);
int store_fixture_save(struct store *store, struct store_token *row,
                       const struct store_lease *under, struct err *err);
/* "key=value;…" of all keys of the scope */
void store_fixture_keys(struct store *store, const char *scope, struct buf *out);

/* An event of this webhook, received then. */
#define STORE_FIXTURE_HOOK "hook:orders:/etc/jeton.yaml"
#define STORE_FIXTURE_NOW  INT64_C(1000000)
struct store_event_new store_fixture_event(const char *id, const char *order_key);
/* Claims one of its events, to be ended by *end. Its id; "-": none is due. */
const char *store_fixture_claim(struct store *store, const char *owner, int64_t now_ms,
                                struct store_event_end *end);

#endif
