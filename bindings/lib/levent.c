/*
 * jeton.hook, internal, for scripts/hook/worker.lua: the events of a webhook, and how their
 * handling ends. A claim is a userdata: the context of the tasks that handle an event, with the
 * record of what they change in jeton.state.
 */
#include "larg.h"
#include "lerr.h"
#include "lstate.h"
#include "luaopen.h"
#include "mem.h"
#include "store_events.h"
#include "store_lease.h"
#include "task.h"
#include "task_scheduler.h"
#include "vm.h"

#include <errno.h>
#include <lauxlib.h>
#include <string.h>
#include <unistd.h>

#define CLAIM_TYPE "jeton.hook.claim"
#define LOOK_TYPE  "jeton.hook.look"
#define SLOW_MS    50 /* of computing beside a handler, from here on it is given back */
/* Whoever makes an event ready has the worker woken; this is for what is left behind. */
#define LOOK_MS 30000
#define HIDDEN  "***" /* as what was not stored of a request */

struct claim {
    struct loop *loop;
    lua_State *L; /* the main state */
    struct loop_timer timer;
    struct task_watch main; /* of the task that hook.start has started */
    struct task *task;      /* this one */
    int64_t seq, attempt;
    int64_t computed_ms; /* task_computed_ms when it began */
    bool extended;
};

/* The pump's waiting: for events, for the end of a handler, for the end of all. */
struct look {
    struct task_wait wait;
    struct loop *loop;
    struct loop_fd fd;
    struct loop_timer timer;
    bool busy; /* handlers run */
    bool stop;
};

static const struct vm_events *events_of(lua_State *L)
{
    const struct vm_events *events = vm_options_of(vm_of(L))->events;
    if (events == NULL)
        luaL_error(L, "jeton.hook is for the handling of events");
    return events;
}

/* The first argument of most functions. */
static struct claim *check_claim(lua_State *L)
{
    return luaL_checkudata(L, 1, CLAIM_TYPE);
}

/* Raises err. The call that follows may block. */
static struct store *ready_store(lua_State *L)
{
    struct err err = {0};
    struct engine *engine = vm_engine(vm_of(L));
    vm_own_time(vm_of(L), (int64_t)2 * STORE_BUSY_MS); /* opening it, too */
    if (engine_need_store(engine, &err) != 0)
        lerr_raise(L, &err);
    return engine->store;
}

/* Settings */

static void set_integer(lua_State *L, const char *key, int64_t value)
{
    lua_pushinteger(L, value);
    lua_setfield(L, -2, key);
}

static void set_text(lua_State *L, const char *key, const char *value)
{
    lua_pushstring(L, value); /* NULL is nil */
    lua_setfield(L, -2, key);
}

static int hook_settings(lua_State *L)
{
    const struct vm_events *events = events_of(L);
    lua_createtable(L, 0, 11);
    set_text(L, "hook", events->hook);
    set_text(L, "forward", events->forward);
    set_integer(L, "concurrency", events->concurrency);
    set_integer(L, "attempts", events->attempts);
    set_integer(L, "delay_ms", events->delay_ms);
    set_integer(L, "max_delay_ms", events->max_delay_ms);
    set_integer(L, "grace_ms", events->grace_ms);
    set_integer(L, "timeout_ms", events->timeout_ms);
    lua_pushboolean(L, events->answer_fd >= 0);
    lua_setfield(L, -2, "answers");
    if (events->command == NULL)
        return 1;
    lua_newtable(L);
    for (lua_Integer i = 0; events->command[i] != NULL; i++) {
        lua_pushstring(L, events->command[i]);
        lua_seti(L, -2, i + 1);
    }
    lua_setfield(L, -2, "command");
    return 1;
}

/* Claiming */

static int claim_gc(lua_State *L)
{
    struct claim *claim = check_claim(L);
    loop_timer_stop(claim->loop, &claim->timer);
    return 0;
}

static void push_claim(lua_State *L, const struct store_event *event)
{
    struct claim *claim = lua_newuserdatauv(L, sizeof *claim, LSTATE_RECORD);
    *claim = (struct claim){
        .loop = vm_engine(vm_of(L))->loop, .seq = event->seq, .attempt = event->attempt};
    luaL_setmetatable(L, CLAIM_TYPE);
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
    claim->L = lua_tothread(L, -1);
    lua_pop(L, 1);
    if (events_of(L)->once != NULL) /* what it sets is the run's */
        lstate_push_record(L);
    else
        lstate_new_record(L);
    lua_setiuservalue(L, -2, LSTATE_RECORD);
}

static void push_event(lua_State *L, const struct store_event *event)
{
    lua_createtable(L, 0, 12);
    push_claim(L, event);
    lua_setfield(L, -2, "claim");
    set_integer(L, "seq", event->seq);
    set_integer(L, "part", event->part);
    set_integer(L, "attempt", event->attempt);
    set_integer(L, "conflicts", event->conflicts);
    set_integer(L, "received_ms", event->received_ms);
    set_text(L, "id", event->id);
    set_text(L, "type", event->type);
    set_text(L, "headers", event->headers);
    lua_pushlstring(L, event->body != NULL ? event->body : "", event->body_len);
    lua_setfield(L, -2, "body");
    lua_pushboolean(L, event->alone);
    lua_setfield(L, -2, "alone");
}

struct claiming {
    struct store_events events;
    int64_t next_ms;
};

static int push_claimed(lua_State *L)
{
    const struct claiming *claiming = lua_touserdata(L, 1);
    lua_newtable(L);
    for (size_t i = 0; i < claiming->events.count; i++) {
        push_event(L, &claiming->events.items[i]);
        lua_seti(L, -2, (lua_Integer)i + 1);
    }
    if (claiming->next_ms == STORE_NONE)
        lua_pushnil(L);
    else
        lua_pushinteger(L, claiming->next_ms);
    return 2;
}

/* hook.claim(max) → list, next_ms; or nil: others take this process for dead, and would take away
 * at once what it claims. Protected, since the rows are not Lua's. */
static int hook_claim(lua_State *L)
{
    const struct vm_events *events = events_of(L);
    lua_Integer max = luaL_checkinteger(L, 1);
    struct err err = {0};
    struct claiming claiming;
    struct store *store = ready_store(L);
    vm_watch_tasks(vm_of(L), true);
    if (events->lease != NULL && !store_lease_is_seen(events->lease, events->owner))
        return 0;
    const struct store_event_claim claim = {.scope = events->scope,
                                            .owner = events->owner,
                                            .listener = events->listener,
                                            .now_ms = store_now_ms(store),
                                            .max = (size_t)max};
    if (store_event_claim(store, &claim, &claiming.events, &claiming.next_ms, &err) != 0)
        return lerr_raise(L, &err);
    vm_own_time(vm_of(L), 0);
    lua_pushcfunction(L, push_claimed);
    lua_pushlightuserdata(L, &claiming);
    int status = lua_pcall(L, 1, 2, 0);
    store_events_destroy(&claiming.events);
    return status == LUA_OK ? 2 : lua_error(L);
}

/* hook.once() → the event that is to be tried, or nil */
static int hook_once(lua_State *L)
{
    const struct store_event *event = events_of(L)->once;
    if (event == NULL)
        return 0;
    push_event(L, event);
    return 1;
}

/* Running */

/* What handlers have computed meanwhile, this one or others of its process, is given back, once:
 * one that was kept waiting by another has not used up its time. */
static void on_deadline(void *arg)
{
    struct claim *claim = arg;
    struct err err;
    int64_t taken_ms = task_computed_ms(claim->L) - claim->computed_ms;
    if (!claim->extended && taken_ms > SLOW_MS) {
        claim->extended = true;
        task_extend_context(claim->L, claim, loop_now_ms(claim->loop) + taken_ms);
        loop_timer_start(claim->loop, &claim->timer, taken_ms, on_deadline, claim);
        return;
    }
    task_deadline_err(&err);
    task_cancel_context(claim->L, claim, &err);
}

/* At once, not when the worker's turn comes: there may be tens of thousands that have not begun. */
static void on_main_ended(void *arg)
{
    struct claim *claim = arg;
    struct err err;
    if (!task_failed(claim->task))
        return;
    err_set(&err, ERR_CANCELLED, "the handler failed");
    task_cancel_context(claim->L, claim, &err);
}

/* hook.start(claim, limit_ms|nil, fn, …) → task; nil: the webhook's timeout */
static int hook_start(lua_State *L)
{
    struct claim *claim = check_claim(L);
    int64_t limit_ms = luaL_optinteger(L, 2, events_of(L)->timeout_ms);
    luaL_checktype(L, 3, LUA_TFUNCTION);
    if (!task_new_of(L, lua_gettop(L) - 3, 1, loop_now_ms(claim->loop) + limit_ms))
        return luaL_error(L, "too many tasks");
    claim->task = lua_touserdata(L, -1);
    claim->main = (struct task_watch){.ended = on_main_ended, .arg = claim};
    task_watch_add(claim->task, &claim->main);
    claim->computed_ms = task_computed_ms(L);
    claim->extended = false;
    loop_timer_start(claim->loop, &claim->timer, limit_ms, on_deadline, claim);
    return 1;
}

/* hook.text(error value) → text */
static int hook_text(lua_State *L)
{
    luaL_checkany(L, 1);
    lerr_text(L, 1);
    return 1;
}

/* hook.cancel(claim, why) */
static int hook_cancel(lua_State *L)
{
    const struct claim *claim = check_claim(L);
    struct err err;
    luaL_checkstring(L, 2);
    err_set(&err, ERR_CANCELLED, "%s", larg_shown(L, 2));
    task_cancel_context(L, claim, &err);
    return 0;
}

/* hook.left(claim) → a task that has not ended, or whose failure nobody has seen; or nil
 * hook.left() → of those that belong to no event, one whose failure nobody has seen, or nil;
 * whether there are any */
static int hook_left(lua_State *L)
{
    if (lua_isnone(L, 1)) {
        lua_pushboolean(L, task_push_beside(L) > 0);
        return 2;
    }
    return task_push_of_context(L, check_claim(L)) ? 1 : 0;
}

/* Ending */

static struct store_event_end end_of(lua_State *L, const struct claim *claim)
{
    const struct vm_events *events = events_of(L);
    return (struct store_event_end){.scope = events->scope,
                                    .seq = claim->seq,
                                    .owner = events->owner,
                                    .attempt = claim->attempt,
                                    .now_ms = store_now_ms(ready_store(L))};
}

/* Of a handler that is over: its deadline goes. */
static struct store_event_end begin_end(lua_State *L)
{
    struct claim *claim = check_claim(L);
    struct store_event_end end = end_of(L, claim);
    while (vm_is_ending(vm_of(L)))
        pause();
    loop_timer_stop(claim->loop, &claim->timer);
    return end;
}

static int push_end(lua_State *L, int result, const struct err *err)
{
    static const char *const names[] = {[STORE_EVENT_ENDED] = "ended",
                                        [STORE_EVENT_LOST] = "lost",
                                        [STORE_EVENT_CONFLICT] = "conflict"};
    vm_own_time(vm_of(L), 0);
    if (result < 0)
        return lerr_raise(L, err);
    lua_pushstring(L, names[result]);
    return 1;
}

/* hook.finish(claim) → "ended", "lost", "conflict" */
static int hook_finish(lua_State *L)
{
    struct store_event_end end = begin_end(L);
    struct lstate_changes changes;
    struct err err = {0};
    lua_settop(L, 1);
    lua_getiuservalue(L, 1, LSTATE_RECORD);
    lstate_gather(L, &changes);
    end.state = STORE_EVENT_DONE;
    end.items = changes.items;
    end.count = changes.count;
    end.seen = changes.seen;
    end.nseen = changes.count > 0 ? changes.nseen : 0; /* nothing is written: nothing is lost */
    return push_end(L, store_event_end(ready_store(L), &end, &err), &err);
}

/* hook.sync(): what has ended since the last time survives a power failure from now on. */
static int hook_sync(lua_State *L)
{
    struct err err = {0};
    return store_event_sync(ready_store(L), &err) == 0 ? 0 : lerr_raise(L, &err);
}

static char *mask(lua_State *L, const char *text)
{
    struct engine *engine = vm_engine(vm_of(L));
    struct buf masked;
    char line[ERR_LINE_MAX];
    err_text(line, sizeof line, "%.*s", (int)strcspn(text, "\r\n"), text);
    engine_know_secrets(engine);
    buf_create(&masked, sizeof line * sizeof REDACT_MASK);
    redact_text(engine->redact, line, strlen(line), &masked);
    return buf_take(&masked);
}

/* hook.fail(claim, {dead=, delay_ms=|next_ms=, uncounted=, conflicted=, alone=, error=}) */
static int hook_fail(lua_State *L)
{
    static const char *const keys[] = {"dead",       "delay_ms", "next_ms", "uncounted",
                                       "conflicted", "alone",    "error",   NULL};
    struct store_event_end end = begin_end(L);
    struct err err = {0};
    luaL_checktype(L, 2, LUA_TTABLE);
    larg_options(L, 2, "hook.fail", keys);
    end.state = larg_boolean(L, 2, "dead", 0) ? STORE_EVENT_DEAD : STORE_EVENT_READY;
    end.next_ms = larg_integer(L, 2, "next_ms", end.now_ms + larg_integer(L, 2, "delay_ms", 0));
    end.uncounted = larg_boolean(L, 2, "uncounted", 0) != 0;
    end.conflicted = larg_boolean(L, 2, "conflicted", 0) != 0;
    end.alone = larg_boolean(L, 2, "alone", 0) != 0;
    const char *text = larg_string(L, 2, "error", NULL, NULL);
    char *masked = text != NULL ? mask(L, text) : NULL;
    end.error = masked;
    int result = store_event_end(ready_store(L), &end, &err);
    mem_free(masked);
    return push_end(L, result, &err);
}

/* What a worker that has died left: see hook_worker.h. 1, or 0: it is ours, or its owner, which was
 * ending, has ended it meanwhile. */
static int recover_one(struct store *store, const struct vm_events *events, struct log *log,
                       const struct store_events *left, const struct store_event *event,
                       struct err *err)
{
    size_t beside = 0;
    if (strcmp(event->owner, events->owner) == 0)
        return 0; /* whoever holds a lease finds it free */
    for (size_t i = 0; i < left->count; i++)
        beside += strcmp(left->items[i].owner, event->owner) == 0 ? 1 : 0;
    bool spent = beside == 1 && event->attempt >= events->attempts;
    const struct store_event_end end = {
        .scope = events->scope,
        .seq = event->seq,
        .owner = event->owner,
        .attempt = event->attempt,
        .state = spent ? STORE_EVENT_DEAD : STORE_EVENT_READY,
        .now_ms = store_now_ms(store),
        .next_ms = store_now_ms(store),
        .uncounted = beside > 1,
        .alone = true,
        .error = "the process ended while the event was handled",
    };
    int result = store_event_end(store, &end, err);
    if (result == STORE_EVENT_ENDED && spent)
        log_msg(log, LOG_WARN, "webhook '%s', event %lld, attempt %lld of %lld: %s (given up)",
                events->hook, (long long)event->seq, (long long)event->attempt,
                (long long)events->attempts, end.error);
    return result < 0 ? -1 : result == STORE_EVENT_ENDED;
}

static int hook_recover(lua_State *L)
{
    const struct vm_events *events = events_of(L);
    const struct store_event_filter filter = {.scope = events->scope, .orphaned = true};
    struct store *store = ready_store(L);
    struct store_events left;
    struct err err = {0};
    lua_Integer count = 0;
    int result = store_event_list(store, &filter, &left, &err);
    for (size_t i = 0; result >= 0 && i < left.count; i++) {
        vm_own_time(vm_of(L), STORE_BUSY_MS);
        result = recover_one(store, events, vm_engine(vm_of(L))->log, &left, &left.items[i], &err);
        count += result > 0 ? 1 : 0;
    }
    lua_pushinteger(L, count);
    store_events_destroy(&left);
    return result >= 0 ? 1 : lerr_raise(L, &err);
}

/* Steps */

/* hook.step(claim, name) → JSON or nil; hook.step(claim, name, json) */
static int hook_step(lua_State *L)
{
    const struct claim *claim = check_claim(L);
    const struct store_event_end end = end_of(L, claim);
    struct store *store = ready_store(L);
    const char *name = luaL_checkstring(L, 2);
    struct err err = {0};
    size_t len;
    const char *json = luaL_optlstring(L, 3, NULL, &len);
    if (json != NULL) {
        int result = store_step_put(store, &end, name, json, len, &err);
        return push_end(L, result, &err);
    }
    struct buf found;
    buf_create(&found, STORE_STEP_MAX);
    int result = store_step_get(store, claim->seq, name, &found, &err);
    lua_pushnil(L);
    if (result == 1)
        lua_pushlstring(L, found.data, found.len);
    buf_destroy(&found);
    return result < 0 ? lerr_raise(L, &err) : 1;
}

/* hook.inside(name|nil) → the former name: keys cannot be set there, see lstate_step */
static int hook_inside(lua_State *L)
{
    lstate_step(L);
    return 1;
}

/* Waiting */

static void look_stop(struct look *look)
{
    loop_fd_stop(look->loop, &look->fd);
    loop_timer_stop(look->loop, &look->timer);
}

static void look_cancel(void *arg)
{
    look_stop(arg);
}

static void look_wake(void *arg)
{
    struct look *look = arg;
    look_stop(look);
    task_wake(&look->wait);
}

static void look_readable(void *arg, short revents)
{
    struct look *look = arg;
    char bytes[512];
    (void)revents;
    ssize_t got = read(look->fd.fd, bytes, sizeof bytes);
    look->stop = got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
    look_wake(look);
}

static int look_finish(lua_State *L, void *arg)
{
    const struct look *look = arg;
    vm_watch_tasks(vm_of(L), true);
    lua_pushboolean(L, look->stop);
    return 1;
}

static int look_gc(lua_State *L)
{
    look_stop(luaL_checkudata(L, 1, LOOK_TYPE));
    return 0;
}

/* hook.wait(next_ms|nil, limit_ms|nil) → whether it is to stop */
static int hook_wait(lua_State *L)
{
    const struct vm_events *events = events_of(L);
    struct look *look = lua_touserdata(L, lua_upvalueindex(1));
    int64_t wait_ms = luaL_optinteger(L, 2, LOOK_MS);
    if (!lua_isnoneornil(L, 1)) {
        int64_t until_ms = luaL_checkinteger(L, 1) - store_now_ms(ready_store(L));
        wait_ms = until_ms < 0 ? 0 : until_ms < wait_ms ? until_ms : wait_ms;
    }
    task_check(L, "hook.wait");
    lua_settop(L, 0);
    lua_pushvalue(L, lua_upvalueindex(1));
    if (!look->stop)
        loop_fd_start(look->loop, &look->fd, events->wake_fd, POLLIN, look_readable, look);
    loop_timer_start(look->loop, &look->timer, wait_ms, look_wake, look);
    vm_watch_tasks(vm_of(L), look->busy);
    return task_wait(L, &look->wait, 1, look_cancel, look_finish, look);
}

/* hook.poke(): the wait ends */
static int hook_poke(lua_State *L)
{
    struct look *look = lua_touserdata(L, lua_upvalueindex(1));
    look_wake(look);
    return 0;
}

/* Others */

/* hook.answer(line) → what there was no room for, mostly ""; all of it where many are to be read */
static int hook_answer(lua_State *L)
{
    size_t len;
    const char *line = luaL_checklstring(L, 1, &len);
    int fd = events_of(L)->answer_fd;
    ssize_t written;
    do
        written = fd >= 0 ? write(fd, line, len) : (ssize_t)len;
    while (written < 0 && errno == EINTR);
    if (written < 0) /* where the listener has gone, nobody waits for it */
        written = errno == EAGAIN || errno == ENOBUFS ? 0 : (ssize_t)len;
    lua_pushlstring(L, line + written, len - (size_t)written);
    return 1;
}

/* Unlike IDs, which are masked where jeton writes them, but may be known to anybody. */
static bool is_id(void *arg, const char *const *owners)
{
    bool *ids_only = arg;
    *ids_only = owners[0] != NULL;
    for (size_t i = 0; owners[i] != NULL; i++)
        *ids_only = *ids_only && strcmp(owners[i], REDACT_NO_SECRET) == 0;
    return *ids_only;
}

/* Where it may go is for its owners to say (egress.h). */
static bool is_owned(void *arg, const char *const *owners)
{
    bool *owned_only = arg;
    *owned_only = owners[0] != NULL;
    return *owned_only;
}

/* hook.hide(text) → the text with *** in the place of secrets; hook.hide(text, true): if one of
 * them belongs to no connector, and so may go nowhere */
static int hook_hide(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    struct engine *engine = vm_engine(vm_of(L));
    struct buf hidden;
    bool may_stay = true;
    engine_know_secrets(engine);
    redact_find(engine->redact, text, len, lua_toboolean(L, 2) ? is_owned : is_id, &may_stay);
    lua_settop(L, 1);
    if (may_stay)
        return 1;
    buf_create(&hidden, (len + 1) * sizeof HIDDEN);
    redact_text_as(engine->redact, text, len, HIDDEN, &hidden);
    char *copy = lua_newuserdatauv(L, hidden.len + 1, 0);
    memcpy(copy, hidden.data, hidden.len);
    len = hidden.len;
    buf_destroy(&hidden);
    lua_pushlstring(L, copy, len);
    return 1;
}

/* hook.busy(yes): events are handled → whether a fresh process is better */
static int hook_busy(lua_State *L)
{
    struct look *look = lua_touserdata(L, lua_upvalueindex(1));
    look->busy = lua_toboolean(L, 1);
    lua_pushboolean(L, vm_is_slow(vm_of(L)));
    return 1;
}

static void make_type(lua_State *L, const char *name, lua_CFunction gc)
{
    luaL_newmetatable(L, name);
    lua_pushcfunction(L, gc);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
}

int luaopen_jeton_hook(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"settings", hook_settings},
        {"claim", hook_claim},
        {"once", hook_once},
        {"start", hook_start},
        {"left", hook_left},
        {"cancel", hook_cancel},
        {"finish", hook_finish},
        {"fail", hook_fail},
        {"recover", hook_recover},
        {"step", hook_step},
        {"wait", hook_wait},
        {"poke", hook_poke},
        {"answer", hook_answer},
        {"busy", hook_busy},
        {"sync", hook_sync},
        {"text", hook_text},
        {"inside", hook_inside},
        {"hide", hook_hide},
        {NULL, NULL},
    };
    make_type(L, CLAIM_TYPE, claim_gc);
    make_type(L, LOOK_TYPE, look_gc);
    luaL_newlibtable(L, functions);
    struct look *look = lua_newuserdatauv(L, sizeof *look, 0);
    *look = (struct look){.loop = vm_engine(vm_of(L))->loop};
    luaL_setmetatable(L, LOOK_TYPE);
    luaL_setfuncs(L, functions, 1);
    return 1;
}
