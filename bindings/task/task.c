#include "task_private.h"

#include "lerr.h"
#include "mem.h"
#include "run.h"

#include <assert.h>
#include <lauxlib.h>

#define REFUSE_MS 900 /* after the deadline of a context, for clean-up that waits */

struct task *task_running(lua_State *L)
{
    struct task *task = run_of(L)->scheduler->current;
    return task != NULL && task->co == L ? task : NULL;
}

bool task_ended(const struct task *task)
{
    return task->state >= TASK_DONE;
}

bool task_failed(const struct task *task)
{
    return task->state == TASK_FAILED || task->state == TASK_CANCELLED;
}

bool task_out_of_memory(const struct task *task)
{
    return task->memory;
}

/* The ready queue */

static void run_ready(void *arg);

static void enqueue(struct task *task)
{
    struct task_scheduler *scheduler = task->scheduler;
    if (scheduler->stopped)
        return;
    task->queue = NULL;
    *(scheduler->ready_last != NULL ? &scheduler->ready_last->queue : &scheduler->ready_first) =
        task;
    scheduler->ready_last = task;
    if (scheduler->ready_count++ == 0)
        loop_timer_start(scheduler->loop, &scheduler->turn, 0, run_ready, scheduler);
}

static struct task *dequeue(struct task_scheduler *scheduler)
{
    struct task *task = scheduler->ready_first;
    scheduler->ready_first = task->queue;
    if (scheduler->ready_first == NULL)
        scheduler->ready_last = NULL;
    scheduler->ready_count--;
    task->queue = NULL;
    return task;
}

/* Starting */

/* The message handler of a task. It keeps the traceback, for after it the stack is unwound. */
static int on_error(lua_State *L)
{
    struct task *task = task_running(L);
    if (task == NULL || !lua_checkstack(L, LUA_MINSTACK))
        return 1;
    run_place(L, 1);
    task_push_kept(L, task); /* error task */
    if (run_traceback(L, 1, 1))
        lua_setiuservalue(L, -2, USER_TRACEBACK);
    lua_pop(L, 1);
    return 1;
}

static int body_end(lua_State *L, int status, lua_KContext ctx)
{
    (void)ctx;
    struct task *task = task_running(L);
    task->failed = status != LUA_OK && status != LUA_YIELD;
    task->memory = status == LUA_ERRMEM;
    return lua_gettop(L) - 1; /* the results, or the error; not on_error */
}

/* on_error fn arg… */
static int body(lua_State *L)
{
    return body_end(L, lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 1, 0, body_end), 0);
}

bool task_room(lua_State *L, size_t count)
{
    const struct task_scheduler *scheduler = run_of(L)->scheduler;
    return !scheduler->stopped && scheduler->kept_count + count <= TASK_MAX;
}

void task_hold(lua_State *L, int index)
{
    lua_setiuservalue(L, index, USER_HELD);
}

/* From the running task, if it has one, to the one on top of L. */
static void inherit_context(lua_State *L, struct task *task)
{
    if (!task_push_context(L))
        return;
    task->context = task->scheduler->current->context;
    task->deadline_ms = task->scheduler->current->deadline_ms;
    lua_setiuservalue(L, -2, USER_CONTEXT);
}

struct task *task_new(lua_State *L, int nargs)
{
    struct task_scheduler *scheduler = run_of(L)->scheduler;
    if (!task_room(L, 1) || !lua_checkstack(L, LUA_MINSTACK)) {
        lua_pop(L, nargs + 1);
        return NULL;
    }
    struct task *task = lua_newuserdatauv(L, sizeof *task, USER_COUNT); /* fn arg… task */
    *task = (struct task){.scheduler = scheduler, .nargs = nargs + 2, .state = TASK_NEW};
    luaL_setmetatable(L, TASK_NAME);
    inherit_context(L, task);
    task->co = lua_newthread(L); /* fn arg… task co */
    lua_setiuservalue(L, -2, USER_COROUTINE);
    lua_insert(L, -nargs - 2); /* task fn arg… */
    if (!lua_checkstack(task->co, nargs + LUA_MINSTACK)) {
        lua_pop(L, nargs + 2);
        return NULL;
    }
    lua_pushcfunction(task->co, body);
    lua_pushcfunction(task->co, on_error);
    lua_xmove(L, task->co, nargs + 1); /* task */
    task_keep(L, task);
    scheduler->alive++;
    scheduler->idle = false;
    enqueue(task);
    return task;
}

struct task *task_start(lua_State *L, int nargs)
{
    struct task *task = task_new(L, nargs);
    if (task != NULL)
        lua_pop(L, 1); /* the table of tasks holds it */
    return task;
}

/* Ending */

static bool is_cancellation(struct task *task)
{
    struct err err;
    return task->was_cancelled && lua_gettop(task->co) > 0 && lerr_get(task->co, -1, &err) &&
           (err.kind == ERR_CANCELLED || err.kind == ERR_DEADLINE);
}

/* It was raised, or never will be. */
static void forget_cancel(struct task *task)
{
    mem_free(task->cancel);
    task->cancel = NULL;
}

/* What lies below the results of a coroutine that has ended: it is not called. Lua takes one that
 * has values for one that has not begun. */
static int over(lua_State *L)
{
    return luaL_error(L, "cannot resume dead coroutine");
}

static void mark(lua_State *co)
{
    if (!lua_checkstack(co, 1))
        return;
    lua_pushcfunction(co, over);
    lua_insert(co, 1);
}

bool task_is_over(lua_State *co)
{
    return lua_gettop(co) > 0 && lua_tocfunction(co, 1) == over;
}

/* The coroutine's stack holds its results or its error. */
static void end(struct task *task)
{
    struct task_scheduler *scheduler = task->scheduler;
    task->nresults = lua_gettop(task->co);
    mark(task->co);
    if (!task->failed)
        task->state = TASK_DONE;
    else
        task->state = is_cancellation(task) ? TASK_CANCELLED : TASK_FAILED;
    forget_cancel(task);
    task->order = scheduler->failures;
    if (task->state == TASK_FAILED)
        scheduler->failures++;
    scheduler->alive--;
    if (scheduler->alive == 0)
        scheduler->idle = true;

    while (task->watches != NULL) {
        struct task_watch *watch = task->watches;
        task->watches = watch->next;
        watch->ended(watch->arg);
    }
    if (task->state != TASK_FAILED || task->joined)
        task_release(task);
}

/* A task that was cancelled before its first run: its only result is the error. */
static void end_unstarted(struct task *task)
{
    struct err err = *task->cancel;
    lua_settop(task->co, 0);
    lerr_push(task->co, &err);
    task->failed = true;
    end(task);
}

static void resume(struct task *task)
{
    struct task_scheduler *scheduler = task->scheduler;
    int nargs = task->nargs, nresults;
    task->nargs = 0;
    task->state = TASK_RUNNING;
    scheduler->current = task;
    int64_t begun_ms = task->deadline_ms != 0 ? loop_now_ms(scheduler->loop) : 0;
    scheduler->running(scheduler->running_arg, true);
    int status = run_resume(task->co, scheduler->L, nargs, &nresults);
    scheduler->running(scheduler->running_arg, false);
    if (begun_ms != 0)
        scheduler->computed_ms += loop_now_ms(scheduler->loop) - begun_ms;
    scheduler->current = NULL;
    if (status == LUA_YIELD)
        return; /* task_wait, task_yield or task_park has set its state */
    if (status != LUA_OK) {
        /* The body is a protected call, so this is an error in error handling. */
        task->failed = true;
        task->memory = status == LUA_ERRMEM;
        nresults = 1;
    }
    while (lua_gettop(task->co) > nresults)
        lua_remove(task->co, 1);
    end(task);
}

static void run_ready(void *arg)
{
    struct task_scheduler *scheduler = arg;
    if (scheduler->current != NULL)
        return; /* a task is turning the loop; the turn that runs it starts the timer again */
    /* Tasks that become ready from here on wait for the next turn, so that the loop gets its share.
     */
    for (size_t n = scheduler->ready_count; n > 0 && !scheduler->stopped; n--) {
        struct task *task = dequeue(scheduler);
        if (task->state == TASK_NEW && task->cancel != NULL)
            end_unstarted(task);
        else
            resume(task);
    }
    if (scheduler->ready_count > 0 && !scheduler->stopped)
        loop_timer_start(scheduler->loop, &scheduler->turn, 0, run_ready, scheduler);
}

/* Waiting */

/* Raises the task's cancellation, if there is one that was not raised yet. */
static void raise_cancel(lua_State *L, struct task *task)
{
    if (task->cancel == NULL)
        return;
    lerr_push(L, task->cancel);
    forget_cancel(task);
    lua_error(L);
}

void task_raise_cancel(lua_State *L)
{
    struct task *task = run_of(L)->scheduler->current;
    if (task != NULL)
        raise_cancel(L, task);
}

void task_deadline_err(struct err *err)
{
    err_set(err, ERR_DEADLINE, "the time for this event is up (timeout of the webhook)");
}

/* Raises the deadline of the task's context, some time after it was cancelled for it. */
static void check_deadline(lua_State *L, const struct task *task)
{
    struct err err;
    if (task->deadline_ms == 0 ||
        loop_now_ms(task->scheduler->loop) < task->deadline_ms + REFUSE_MS)
        return;
    task_deadline_err(&err);
    lerr_raise(L, &err);
}

void task_check(lua_State *L, const char *what)
{
    struct task_scheduler *scheduler = run_of(L)->scheduler;
    struct task *task = task_running(L);
    if (scheduler->stopped || scheduler->current == NULL)
        luaL_error(L, "%s waits: the run is ending, and clean-up cannot wait any more", what);
    if (task == NULL)
        luaL_error(L,
                   "%s waits: that is not possible inside a plain coroutine; use task.spawn "
                   "instead",
                   what);
    if (!lua_isyieldable(L))
        luaL_error(L,
                   "%s waits: that is not possible inside a function that C code calls "
                   "(table.sort, string.gsub, a transaction); call it before or after",
                   what);
    raise_cancel(L, task);
    if (scheduler->refuse)
        lerr_raise(L, scheduler->refusal);
    check_deadline(L, task);
}

static int wait_end(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    struct task_wait *wait = (struct task_wait *)ctx; /* on the stack, at its anchor */
    struct task *task = task_running(L);
    wait->woken = false;
    if (task->wait == wait || wait->drains) { /* cancelled */
        task->wait = NULL;
        raise_cancel(L, task);
    }
    return wait->finish(L, wait->arg);
}

int task_wait(lua_State *L, struct task_wait *wait, int anchor, void (*cancel)(void *arg),
              int (*finish)(lua_State *L, void *arg), void *arg)
{
    struct task *task = task_running(L);
    assert(task != NULL && lua_isuserdata(L, anchor));
    (void)anchor;
    wait->cancel = cancel;
    wait->finish = finish;
    wait->arg = arg;
    if (wait->woken)
        return wait_end(L, LUA_OK, (lua_KContext)wait);
    wait->task = task;
    task->wait = wait;
    task->state = TASK_WAITING;
    if (task->cancel != NULL) /* by a finalizer, since task_check */
        task_cancel(task, task->cancel);
    return lua_yieldk(L, 0, (lua_KContext)wait, wait_end);
}

void task_wake(struct task_wait *wait)
{
    struct task *task = wait->task;
    if (task == NULL) {
        wait->woken = true;
        return;
    }
    wait->task = NULL;
    task->wait = NULL;
    task->state = TASK_READY;
    enqueue(task);
}

static int yield_end(lua_State *L, int status, lua_KContext ctx)
{
    (void)status;
    (void)ctx;
    raise_cancel(L, task_running(L));
    return 0;
}

int task_yield(lua_State *L)
{
    struct task *task = task_running(L);
    task->state = TASK_READY;
    enqueue(task);
    return lua_yieldk(L, 0, 0, yield_end);
}

int task_yield_plain(lua_State *L)
{
    return lua_yield(L, lua_gettop(L));
}

bool task_can_park(lua_State *L)
{
    return task_running(L) != NULL && lua_isyieldable(L);
}

int task_park(lua_State *L)
{
    task_running(L)->state = TASK_WAITING;
    return lua_yieldk(L, 0, 0, yield_end); /* nobody will resume it */
}

/* Cancelling */

void task_cancel(struct task *task, const struct err *err)
{
    if (task_ended(task))
        return;
    task->was_cancelled = true;
    if (task->cancel == NULL)
        task->cancel = mem_alloc(sizeof *task->cancel);
    *task->cancel = *err;
    struct task_wait *wait = task->wait;
    if (task->state != TASK_WAITING || wait == NULL)
        return; /* raised when it next waits; a task that has not begun ends unrun */
    if (wait->drains) {
        wait->cancel(wait->arg);
        return;
    }
    wait->task = NULL; /* task->wait stays: it tells wait_end that nothing woke the task */
    task->state = TASK_READY;
    wait->cancel(wait->arg);
    enqueue(task);
}

void task_cancel_all(struct task_scheduler *scheduler, const struct err *err)
{
    struct task *next;
    for (struct task *task = scheduler->kept; task != NULL; task = next) {
        next = task->next; /* cancelled tasks end on the next turn, not here */
        if (!task->told)
            task_cancel(task, err);
    }
}

void task_pass_by(struct task_scheduler *scheduler)
{
    if (scheduler->current != NULL)
        scheduler->current->told = true;
}

/* The scheduler */

struct task_scheduler *task_scheduler_new(lua_State *L, struct loop *loop,
                                          void (*running)(void *arg, bool yes), void *arg)
{
    struct task_scheduler *scheduler = mem_alloc(sizeof *scheduler);
    *scheduler = (struct task_scheduler){
        .L = L, .loop = loop, .idle = true, .running = running, .running_arg = arg};
    luaL_newmetatable(L, TASK_NAME);
    lua_pop(L, 1);
    task_table_create(L);
    return scheduler;
}

void task_scheduler_free(struct task_scheduler *scheduler)
{
    if (scheduler == NULL)
        return;
    loop_timer_stop(scheduler->loop, &scheduler->turn);
    mem_free(scheduler->refusal);
    mem_free(scheduler);
}

void task_run_all(struct task_scheduler *scheduler)
{
    loop_run_until(scheduler->loop, &scheduler->idle);
}

bool task_all_ended(const struct task_scheduler *scheduler)
{
    return scheduler->idle;
}

void task_stop(struct task_scheduler *scheduler)
{
    scheduler->stopped = true;
    scheduler->idle = true;
    loop_timer_stop(scheduler->loop, &scheduler->turn);
}

void task_refuse(struct task_scheduler *scheduler, const struct err *err)
{
    if (scheduler->refusal == NULL)
        scheduler->refusal = mem_alloc(sizeof *scheduler->refusal);
    *scheduler->refusal = *err;
    scheduler->refuse = true;
    for (struct task *task = scheduler->kept; task != NULL; task = task->next)
        task->told = false;
    task_cancel_all(scheduler, err);
}

void task_close_all(struct task_scheduler *scheduler)
{
    task_stop(scheduler);
    scheduler->ready_first = scheduler->ready_last = NULL;
    scheduler->ready_count = 0;
    while (scheduler->kept != NULL) {
        struct task *task = scheduler->kept;
        task_push_kept(scheduler->L, task);
        task_release(task);
        forget_cancel(task);
        if (!task_ended(task)) {
            struct task_wait *wait = task->wait;
            task->wait = NULL;
            if (wait != NULL && wait->task == task) {
                wait->task = NULL;
                wait->cancel(wait->arg);
            }
            task->state = TASK_CANCELLED;
            task->watches = NULL;
            scheduler->alive--;
            run_reset(task->co); /* runs pending <close> variables */
        }
        lua_pop(scheduler->L, 1);
    }
}
