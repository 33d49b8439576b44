/*
 * The count hook lets a run notice its deadline and its signals while Lua computes. The hook makes
 * Lua about twice as slow, so it is set only once there is something to notice: by run_hook_on in
 * the run's own thread, or by run_hook_call from another thread. That one sends a signal whose
 * handler sets the hook in every state that is running at that moment; lua_sethook may be called
 * from a signal handler. A coroutine that is resumed later gets the hook before it runs, and a new
 * one inherits it, so that no state is left out. The hook stays until the run ends.
 */
#include "run.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

#define HOOK_SIGNAL    SIGRTMIN
#define RUN_HOOK_COUNT 10000 /* instructions between calls of the hook */
#define RUN_HOOK_FIRST 1000  /* until the first call, in the state that is computing */

static void hook(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    run_of(L)->look(L);
}

static void first_hook(lua_State *L, lua_Debug *ar)
{
    lua_sethook(L, hook, LUA_MASKCOUNT, RUN_HOOK_COUNT);
    hook(L, ar);
}

/* A coroutine that was just being created when the signal came may have inherited only part of the
 * hook. */
static bool has_hook(lua_State *L)
{
    return lua_gethookmask(L) != 0 && lua_gethook(L) != NULL && lua_gethookcount(L) > 0;
}

static void put_hook(lua_State *L, lua_Hook fn, int count)
{
    if (!has_hook(L))
        lua_sethook(L, fn, LUA_MASKCOUNT, count);
}

/* The signal handler. It may interrupt the run's thread anywhere, even inside lua_resume. */
static void on_call(int signo, siginfo_t *info, void *context)
{
    (void)signo, (void)context;
    if (info->si_code != SI_QUEUE || info->si_pid != getpid())
        return; /* sent by somebody else: si_value is no run */
    struct run *run = info->si_value.sival_ptr;
    struct run_state *top = run->running;
    run->hook_on = true;
    /* Soon, since RUN_HOOK_COUNT calls into C can take long. But not at once: most tasks reach a
     * call that waits before that, and scripts expect errors there. */
    if (top != NULL && top->below != NULL)
        put_hook(top->L, first_hook, RUN_HOOK_FIRST);
    for (; top != NULL; top = top->below)
        put_hook(top->L, hook, RUN_HOOK_COUNT);
}

void run_hook_on(struct run *run)
{
    run->hook_on = true;
    for (struct run_state *running = run->running; running != NULL; running = running->below)
        put_hook(running->L, hook, RUN_HOOK_COUNT);
}

void run_hook_insist(lua_State *L)
{
    lua_sethook(L, hook, LUA_MASKCOUNT, 1);
}

/* Fails only if the user's queue of signals is full. Then the watchdog still ends the process. */
void run_hook_call(struct run *run, pthread_t thread)
{
    pthread_sigqueue(thread, HOOK_SIGNAL, (union sigval){.sival_ptr = run});
}

/* Running states */

/* The state joins the list before hook_on is read, so that a signal in between is not missed. */
static void begin(struct run *run, struct run_state *running, lua_State *L)
{
    running->L = L;
    running->below = run->running;
    atomic_signal_fence(memory_order_seq_cst); /* on_call must never see a broken list */
    run->running = running;
    if (run->hook_on)
        put_hook(L, hook, RUN_HOOK_COUNT);
}

static void end(struct run *run, const struct run_state *running)
{
    run->running = running->below;
    atomic_signal_fence(memory_order_seq_cst);
}

int run_resume(lua_State *co, lua_State *from, int nargs, int *nresults)
{
    struct run *run = run_of(co);
    struct run_state running;
    begin(run, &running, co);
    int status = lua_resume(co, from, nargs, nresults);
    end(run, &running);
    return status;
}

int run_reset(lua_State *co)
{
    struct run *run = run_of(co);
    struct run_state running;
    begin(run, &running, co);
    int status = lua_resetthread(co);
    end(run, &running);
    return status;
}

/* Setting up */

void run_hook_setup(struct run *run)
{
    struct sigaction action = {.sa_sigaction = on_call, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigset_t ours;
    sigaction(HOOK_SIGNAL, &action, &run->hook_before);
    sigemptyset(&ours);
    sigaddset(&ours, HOOK_SIGNAL);
    pthread_sigmask(SIG_UNBLOCK, &ours, NULL);
}

void run_hook_forget(struct run *run)
{
    run->running = NULL;
}

void run_hook_stop(struct run *run)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(HOOK_SIGNAL, &ignore, NULL); /* discards a pending one, which points to the run */
    sigaction(HOOK_SIGNAL, &run->hook_before, NULL);
}
