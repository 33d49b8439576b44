/*
 * One run of Lua, found from any of its states: the extra space of each points to it. The vm owns
 * it and fills it in; nothing here knows what a vm or a scheduler is.
 */
#ifndef JETON_RUN_H
#define JETON_RUN_H

#include <lua.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>

struct task_scheduler;

/* A coroutine that is running or has resumed another one; on the C stack of run_resume. */
struct run_state {
    lua_State *L;
    struct run_state *below;
};

struct run {
    struct task_scheduler *scheduler; /* set by the vm */
    /* What the count hook calls. Raises if the deadline has passed or a signal has arrived. */
    void (*look)(lua_State *L);
    /* Whether code of this source is jeton's own. Set by the vm; NULL: none is. */
    bool (*owns)(const char *source);

    /* For run_hook.c. A signal handler walks this list, from the innermost state down to base. */
    struct run_state base;
    struct run_state *volatile running;
    volatile sig_atomic_t hook_on;
    struct sigaction hook_before; /* the signal's action before the run */
};

/* L: the main state. */
void run_create(struct run *run, lua_State *L, void (*look)(lua_State *L));
struct run *run_of(lua_State *L);

/*
 * In a message handler: puts the script's line before a message of Lua's that has none, as it was
 * raised in a function in C: ipairs(nil), table.sort { 1, "a" }.
 */
void run_place(lua_State *L, int error);

/*
 * Pushes the traceback from this level, without the frames of jeton and of C, for the error value
 * at this index. False, and nothing pushed, when no frame is left, and for a message without a
 * position: error("…", 0) is meant for people, and where it was raised is not.
 */
bool run_traceback(lua_State *L, int error, int level);

/* lua_resume and lua_resetthread, which nothing else may call: to interrupt Lua, the run must know
 * which states are running. */
int run_resume(lua_State *co, lua_State *from, int nargs, int *nresults);
int run_reset(lua_State *co);

/* The count hook. */
void run_hook_setup(struct run *run);
/* From now on, `look` is called every few thousand instructions. It cannot be switched off. */
void run_hook_on(struct run *run);
/* The same, called from another thread; `thread` is the one that runs Lua. */
void run_hook_call(struct run *run, pthread_t thread);
/* From now on, L and the coroutines it makes call `look` at every instruction. */
void run_hook_insist(lua_State *L);
void run_hook_forget(struct run *run); /* before the state is closed */
void run_hook_stop(struct run *run);   /* when no other thread will call run_hook_call */

#endif
