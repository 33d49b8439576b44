/* What ends a run before its script has ended: memory, deadline. Signals: vm_interrupt.c. */
#include "vm_private.h"

#include "lerr.h"

#include <lauxlib.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Memory */

/* Whether the allocation is asked for by a C function, or by a callback of the loop. */
static bool is_for_c(const struct vm *vm)
{
    const struct run_state *running = vm->run.running;
    lua_Debug frame;
    if (running == NULL)
        return false;
    if (lua_getstack(running->L, 0, &frame) == 0)
        return true;
    return lua_getinfo(running->L, "S", &frame) != 0 && frame.what[0] == 'C';
}

/* For tests: lets Lua collect all garbage, and run finalizers, as soon as it may after this
 * allocation. */
static void collect_soon(struct vm *vm)
{
    if (is_for_c(vm) && ++vm->allocations % vm->collect_every == 0)
        lua_gc(vm->L, LUA_GCRESTART);
}

void *vm_alloc(void *arg, void *ptr, size_t osize, size_t nsize)
{
    struct vm *vm = arg;
    if (vm->collect_every != 0 && nsize > 0)
        collect_soon(vm);
    if (ptr == NULL)
        osize = 0; /* for a new object it is the kind of object */
    size_t most = vm->memory_limit + vm->memory_spare;
    if (vm->memory_limited && nsize > osize &&
        (nsize > most || vm->memory_used - osize + nsize > most)) { /* f:read(-5): all there is */
        vm->memory_refused = true;
        return NULL; /* Lua collects garbage, tries again, then raises */
    }
    void *fresh = vm_pool_realloc(&vm->pool, ptr, osize, nsize);
    if (fresh != NULL || nsize == 0)
        vm->memory_used += nsize - osize;
    return fresh;
}

void vm_memory_err(const struct vm *vm, struct err *err)
{
    const size_t mib = (size_t)1024 * 1024;
    const char *source = vm->options.job != NULL      ? "memory of the job"
                         : vm->options.events != NULL ? "memory of the webhook"
                                                      : "--memory";
    if (vm->memory_limit % mib == 0)
        err_set(err, ERR_SCRIPT, "the script reached its memory limit of %zu MiB (%s)",
                vm->memory_limit / mib, source);
    else
        err_set(err, ERR_SCRIPT, "the script reached its memory limit of %zu bytes (%s)",
                vm->memory_limit, source);
}

static int64_t now_ms(const struct vm *vm)
{
    return loop_now_ms(vm->options.engine->loop);
}

void vm_memory_counts(void *arg, bool yes)
{
    struct vm *vm = arg;
    vm->memory_limited = yes;
    if (vm->options.events == NULL)
        return;
    const void *context = yes ? task_context(vm->L) : NULL;
    vm->memory_spare = context == NULL && vm_is_worker(vm) ? VM_OWN_MEMORY : 0;
    int64_t deadline_ms = yes ? task_deadline(vm->L) : 0;
    if (deadline_ms != 0) /* what is left, of real time: the loop's clock may be that of a test */
        deadline_ms += clock_mono_ms() - now_ms(vm);
    else if (yes && vm_is_worker(vm))
        deadline_ms = clock_mono_ms() + VM_OWN_MS;
    atomic_fetch_add(&vm->resumes, 1);
    atomic_store(&vm->task_context, context);
    atomic_store(&vm->task_deadline_ms, deadline_ms);
}

void vm_own_time(struct vm *vm, int64_t ms)
{
    if (vm_is_worker(vm) && task_deadline(vm->L) == 0)
        atomic_store(&vm->task_deadline_ms, clock_mono_ms() + VM_OWN_MS + ms);
}

/* In the count hook */

void vm_deadline_err(const struct vm *vm, struct err *err)
{
    /* An attempt at a job has only what is left of the job's timeout. */
    const struct job *job = vm->options.job;
    int64_t ms = job != NULL ? job->timeout_ms : vm->options.timeout_ms;
    const char *source = job != NULL ? "timeout of the job" : "--timeout";
    if (ms % 1000 == 0)
        err_set(err, ERR_DEADLINE, "the run's deadline of %lld s passed (%s)",
                (long long)(ms / 1000), source);
    else
        err_set(err, ERR_DEADLINE, "the run's deadline of %lld ms passed (%s)", (long long)ms,
                source);
}

static void hook_deadline(lua_State *L, struct vm *vm, int64_t late_ms)
{
    struct err err;
    vm->deadline_passed = true;
    task_pass_by(vm->run.scheduler);
    if (late_ms >= VM_INSIST_MS)
        run_hook_insist(L);
    vm_deadline_err(vm, &err);
    lerr_raise(L, &err);
}

/* A task that computes after its own deadline; of others the rest is none. */
static void hook_task_deadline(lua_State *L, const struct vm *vm)
{
    int64_t late_ms = vm->task_deadline_ms != 0 ? clock_mono_ms() - vm->task_deadline_ms : -1;
    struct err err;
    if (late_ms < 0)
        return;
    if (late_ms >= VM_INSIST_MS)
        run_hook_insist(L);
    if (task_deadline(vm->L) != 0)
        task_deadline_err(&err);
    else
        err_set(&err, ERR_DEADLINE,
                "the webhook's worker does not get on: a handler has left something that computes "
                "without end");
    lerr_raise(L, &err);
}

void vm_look(lua_State *L)
{
    struct vm *vm = vm_of(L);
    int64_t now = now_ms(vm);
    vm_interrupt_poll(vm);
    if (vm->signo != 0)
        vm_interrupt_hook(L, vm);
    if (vm->options.typed)
        task_raise_cancel(L);
    if (vm->unwind_ms != 0 && now >= vm->unwind_ms) {
        run_hook_insist(L);
        lua_pushlightuserdata(L, vm);
        lua_error(L);
    }
    if (vm->deadline_ms != 0) {
        int64_t late_ms = now - vm->deadline_ms, really_ms = clock_mono_ms() - vm->deadline_real;
        if (late_ms >= 0 || really_ms >= 0)
            hook_deadline(L, vm, really_ms > late_ms ? really_ms : late_ms);
    }
    hook_task_deadline(L, vm);
}

/* The deadline in the loop */

static void refuse_waits(void *arg)
{
    struct vm *vm = arg;
    struct err err;
    vm_deadline_err(vm, &err);
    task_refuse(vm->run.scheduler, &err);
}

static void deadline_reached(void *arg)
{
    struct vm *vm = arg;
    struct err err;
    vm->deadline_passed = true;
    run_hook_on(&vm->run);
    vm_deadline_err(vm, &err);
    task_cancel_all(vm->run.scheduler, &err);
    loop_timer_start(vm->options.engine->loop, &vm->deadline_timer,
                     vm->deadline_ms + VM_REFUSE_MS - now_ms(vm), refuse_waits, vm);
}

/* Setting up */

void vm_limits_setup(struct vm *vm)
{
    int64_t bytes = vm->options.memory_bytes;
    vm->memory_limit = (size_t)(bytes > 0 ? bytes : VM_MEMORY_DEFAULT);

    run_hook_setup(&vm->run);
    if (vm->options.timeout_ms > 0) {
        vm->deadline_ms = now_ms(vm) + vm->options.timeout_ms;
        vm->deadline_real = clock_mono_ms() + vm->options.timeout_ms;
        vm->deadline_wall = (clock_now_ms(loop_clock(vm->options.engine->loop), CLOCK_WALL) +
                             vm->options.timeout_ms) /
                            1000;
        engine_set_deadline(vm->options.engine, vm->deadline_ms);
    }
}

int vm_wait_stdin(struct vm *vm, struct err *err)
{
    struct pollfd fds[] = {{.fd = signal_watch_fd(vm->signals), .events = POLLIN},
                           {.fd = STDIN_FILENO, .events = POLLIN}};
    for (;;) {
        int64_t left = vm->deadline_ms != 0 ? vm->deadline_ms - now_ms(vm) : INT_MAX;
        if (left <= 0) {
            vm_deadline_err(vm, err);
            return -1;
        }
        int ready = poll(fds, 2, left < INT_MAX ? (int)left : INT_MAX);
        signal_watch_poll(vm->signals);
        if (vm->signo != 0) {
            vm_interrupt_err(vm, err);
            return -1;
        }
        if (ready > 0 && fds[1].revents != 0)
            return 0;
    }
}

void vm_limits_start(struct vm *vm)
{
    if (vm->deadline_ms != 0)
        loop_timer_start(vm->options.engine->loop, &vm->deadline_timer,
                         vm->deadline_ms - now_ms(vm), deadline_reached, vm);
}

void vm_limits_look(struct vm *vm)
{
    if (vm->deadline_ms != 0 && now_ms(vm) >= vm->deadline_ms)
        vm->deadline_passed = true;
}

void vm_limits_stop(struct vm *vm)
{
    loop_timer_stop(vm->options.engine->loop, &vm->deadline_timer);
}

int vm_check_memory(int64_t bytes, struct err *err)
{
    if (bytes >= VM_MEMORY_MIN)
        return 0;
    return err_set(err, ERR_USAGE,
                   "--memory: %lld bytes are too few for Lua and the SDK; expected 1MiB or more "
                   "(the default is 512MiB)",
                   (long long)bytes);
}
