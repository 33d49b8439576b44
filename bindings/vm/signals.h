/*
 * SIGINT, SIGTERM and SIGHUP as events of the loop. There is a stack of handlers, and only the
 * topmost is called. The vm makes the run's only watcher and pushes the first handler, which
 * interrupts the run; a call that handles signals in another way pushes its own while it lasts
 * (exec.run passes them on to its child).
 *
 * It uses signalfd: while the watcher lives, the signals are blocked in the calling thread. So make
 * it before other threads start, and start children with an empty mask, as process_spawn does. A
 * signal that was ignored when the program started (nohup, a shell's background job) stays ignored.
 */
#ifndef JETON_SIGNALS_H
#define JETON_SIGNALS_H

#include "err.h"
#include "loop.h"

#include <lua.h>
#include <stdbool.h>

struct signals;

/*
 * by_process: a process sent the signal (kill, timeout(1), systemd). False: the kernel sent it for
 * the terminal (Ctrl-C, hang-up), and to all processes of the foreground group, children included.
 */
typedef void signals_fn(void *arg, int signo, bool by_process);

struct signals_handler { /* owned by the caller; must live while it is pushed */
    signals_fn *fn;
    void *arg;
    struct signals_handler *below;
    bool pushed;
};

/* Makes the watcher of L's run, which bindings find by signals_of. It keeps a descriptor in the
 * loop. NULL with ERR_CONFIG: the system refused one. Free it before the state and the loop. */
struct signals *signals_new(lua_State *L, struct loop *loop, struct err *err);
void signals_free(struct signals *signals); /* restores the signals; NULL is fine */
struct signals *signals_of(lua_State *L);   /* NULL: the run has none */

void signals_push(struct signals *signals, struct signals_handler *handler, signals_fn *fn,
                  void *arg);
/* Removes a handler from anywhere in the stack. Without effect if it is not pushed. */
void signals_pop(struct signals *signals, struct signals_handler *handler);

/* Delivers the signals that have arrived, without waiting. The loop does this by itself; the count
 * hook calls it for scripts that compute and never wait. */
void signals_poll(struct signals *signals);
/* The descriptor, for the watchdog, which checks that signals are read. */
int signals_fd(const struct signals *signals);

#endif
