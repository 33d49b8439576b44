/*
 * One run of Lua, as bindings find it from any of its states. The vm owns it. Nothing here knows
 * what a scheduler or a vm is: they put into it what those above must find.
 */
#ifndef JETON_RUN_H
#define JETON_RUN_H

#include <lua.h>
#include <pthread.h>
#include <signal.h>

struct task_scheduler;

/* A state that runs, on the C stack of what resumed it. */
struct run_state {
    lua_State *L;
    struct run_state *below;
};

struct run {
    struct task_scheduler *scheduler; /* set by the vm */
    /* Called by the count hook: raises when the deadline has passed, or a signal has come. */
    void (*look)(lua_State *L);

    /* For run_hook.c. A signal's handler walks the chain, from the innermost state down to base. */
    struct run_state base;
    struct run_state *volatile running;
    volatile sig_atomic_t hook_on;
    struct sigaction hook_before; /* what the signal did before the run */
};

/* L is the main state; its coroutines find the run too. */
void run_create(struct run *run, lua_State *L, void (*look)(lua_State *L));
struct run *run_of(lua_State *L);

/* lua_resume and lua_resetthread. Nothing else may call those two: the run has to know which states
 * run, to interrupt them. */
int run_resume(lua_State *co, lua_State *from, int nargs, int *nresults);
int run_reset(lua_State *co);

/* The count hook. */
void run_hook_setup(struct run *run);
/* From now on `look` is called now and then, whichever state runs. There is no way back. */
void run_hook_on(struct run *run);
/* The same from another thread; `thread` is the run's. */
void run_hook_call(struct run *run, pthread_t thread);
/* In L, and in the coroutines that it makes, `look` is called at every instruction. */
void run_hook_insist(lua_State *L);
void run_hook_forget(struct run *run); /* before the state is closed */
void run_hook_stop(struct run *run);   /* when no other thread calls any more */

#endif
