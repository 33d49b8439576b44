/*
 * SIGINT, SIGTERM and SIGHUP as events of the loop, for a stack of handlers: only the topmost is
 * called. The vm makes the one watcher of a run and pushes the base handler (vm_interrupt); a call
 * that has a better idea while it lasts (exec.run passes signals on to its child) pushes its own.
 *
 * By signalfd, so the signals are blocked in the calling thread while the watcher lives: make it
 * before any thread starts, and start children with an empty mask (process_spawn does). A signal
 * that was ignored when the program started (nohup, a shell's background job) stays ignored.
 */
#ifndef JETON_SIGNALS_H
#define JETON_SIGNALS_H

#include "err.h"
#include "loop.h"

#include <lua.h>
#include <stdbool.h>

struct signals;

/*
 * by_process: a process sent it (kill, timeout(1), systemd). False: the kernel did, because of the
 * terminal (Ctrl-C, hang-up); then every process of the foreground group got it, children too.
 */
typedef void signals_fn(void *arg, int signo, bool by_process);

struct signals_handler { /* the caller's memory, while it is pushed */
    signals_fn *fn;
    void *arg;
    struct signals_handler *below;
    bool pushed;
};

/* The watcher of L's run; bindings find it by signals_of. For the loop it is one descriptor that
 * runs. ERR_CONFIG when the system gives none. Free it before the state and the loop. */
struct signals *signals_new(lua_State *L, struct loop *loop, struct err *err);
void signals_free(struct signals *signals); /* the signals act as before; NULL is fine */
struct signals *signals_of(lua_State *L);   /* NULL where the run has none */

void signals_push(struct signals *signals, struct signals_handler *handler, signals_fn *fn,
                  void *arg);
/* From any place in the stack; a handler that is not pushed is fine. */
void signals_pop(struct signals *signals, struct signals_handler *handler);

/* Delivers what has arrived, without waiting. The loop does it by itself; a count hook may call it
 * so that a script that never waits hears Ctrl-C. */
void signals_poll(struct signals *signals);
/* The descriptor, for a thread that watches whether anybody looks at it. */
int signals_fd(const struct signals *signals);

#endif
