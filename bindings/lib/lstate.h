/* What a run, or the handling of an event, has changed in jeton.state and not written yet. */
#ifndef JETON_LSTATE_H
#define JETON_LSTATE_H

#include "store.h"

#include <lua.h>

#define LSTATE_RECORD 1 /* user value of a task's context (task_push_context): its record */

/* Pushes the scope of the run's keys. NULL with err: it has none, and nothing is pushed. */
const char *lstate_scope(lua_State *L, struct err *err);
/* Pushes the record of the running task's context, else that of the run. */
void lstate_push_record(lua_State *L);
void lstate_new_record(lua_State *L); /* pushes an empty one */
/* Index 1: the name of the step in which this thread is from now on, and cannot set keys; nil: in
 * none. Pushes that in which it was. */
void lstate_step(lua_State *L);

struct lstate_changes {
    const struct store_kv *items;
    size_t count;
    const struct store_kv_seen *seen;
    size_t nseen;
};
/* Of the record on top. Pushes four values above it that hold what `changes` points to; the first
 * is a copy of its changes. */
void lstate_gather(lua_State *L, struct lstate_changes *changes);

#endif
