/*
 * The count hook, by which a run looks at its deadline and its signals while Lua computes. It costs
 * about as much as the computation, so it comes only when there is something to look at:
 * run_hook_on says so in the run's thread, run_hook_call from another, by a signal whose handler
 * puts the hook into every state that runs at that moment. lua_sethook is made for that: the VM
 * reads what it sets at every call and every jump back. A state that is resumed later gets the hook
 * before it runs, a new coroutine has it from its maker; so the hook reaches all, and stays for the
 * rest of the run.
 */
#include "run.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

#define HOOK_SIGNAL    SIGRTMIN
#define RUN_HOOK_COUNT 10000 /* instructions between looks, once there is reason to look */
#define RUN_HOOK_FIRST 1000  /* and until the first one, in a state that it interrupts */

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

/* A coroutine that was being made as the signal came may have some of the three, not all. */
static bool has_hook(lua_State *L)
{
    return lua_gethookmask(L) != 0 && lua_gethook(L) != NULL && lua_gethookcount(L) > 0;
}

static void put_hook(lua_State *L, lua_Hook fn, int count)
{
    if (!has_hook(L))
        lua_sethook(L, fn, LUA_MASKCOUNT, count);
}

/* Runs in the run's thread, anywhere: also in the middle of lua_resume, or while the loop waits. */
static void on_call(int signo, siginfo_t *info, void *context)
{
    (void)signo, (void)context;
    if (info->si_code != SI_QUEUE || info->si_pid != getpid())
        return; /* not ours: no run comes with it */
    struct run *run = info->si_value.sival_ptr;
    struct run_state *top = run->running;
    run->hook_on = true;
    /* What computes looks soon, for RUN_HOOK_COUNT calls into C can take long; but not at once:
     * most tasks come to a call that waits, where an error is expected, before that. */
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

/* Fails only where the user's queue of signals is full; then the watchdog's hard end remains. */
void run_hook_call(struct run *run, pthread_t thread)
{
    pthread_sigqueue(thread, HOOK_SIGNAL, (union sigval){.sival_ptr = run});
}

/* States that run */

/* First into the chain, then the question: a signal in between finds the state there. */
static void begin(struct run *run, struct run_state *running, lua_State *L)
{
    running->L = L;
    running->below = run->running;
    atomic_signal_fence(memory_order_seq_cst); /* for on_call, the chain is whole at any time */
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
    sigaction(HOOK_SIGNAL, &ignore, NULL); /* discards one that is pending, with its run */
    sigaction(HOOK_SIGNAL, &run->hook_before, NULL);
}
