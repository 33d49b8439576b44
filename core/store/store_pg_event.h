/* What the files of events on PostgreSQL share. */
#ifndef JETON_STORE_PG_EVENT_H
#define JETON_STORE_PG_EVENT_H

#include "store_events.h"
#include "store_pg.h"

#define STORE_PG_EVENT_HEADERS "event.headers"
#define STORE_PG_EVENT_BODY    "event.body"
#define STORE_PG_STEP          "step.result"
/* As store_pg_event_rows reads them; behind them headers and body. `its` is the row of @hook. */
#define STORE_PG_EVENT                                                                             \
    "event.seq, its.scope, event.id, part, type, order_key, state, received_ms, next_ms,"          \
    " ended_ms, attempt, conflicts, duplicates, alone, owner, error"

/* What keeps those of one order key apart. Two keys may have one: then they wait for each other. */
int64_t store_pg_event_lock_of(const char *scope, const char *order_key);
/* Whose headers and body are. */
const char *store_pg_event_owner(struct arena *arena, const char *scope, const char *id,
                                 int64_t part);
/* All rows of a statement. -1: no key opens some of them, which are `shut`. */
int store_pg_event_rows(struct store_pg_batch *batch, size_t statement, bool content,
                        struct store_events *events, struct err *err);
/* The lock of the event's order key, if it has one: before anything that changes who is first. */
void store_pg_event_lock(struct store_pg_batch *batch, int64_t seq);
/* Whoever is the first of the event's order key, and has no time to run at, can run at this one. */
void store_pg_event_next(struct store_pg_batch *batch, int64_t seq, int64_t now_ms);

#endif
