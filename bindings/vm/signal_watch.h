/*
 * SIGINT, SIGTERM and SIGHUP as events of the loop. There is a stack of handlers, and only the
 * topmost is called. The vm makes the run's only watcher and pushes the first handler, which
 * interrupts the run; a call that handles signals in another way pushes its own while it lasts
 * (exec.run passes them on to the command of a sandbox).
 *
 * It uses signalfd: while the watcher lives, the signals are blocked in the calling thread. So make
 * it before other threads start, and start children with an empty mask, as process_spawn_on does. A
 * signal that was ignored when the program started (nohup, a shell's background job) stays ignored.
 */
#ifndef JETON_SIGNAL_WATCH_H
#define JETON_SIGNAL_WATCH_H

#include "err.h"
#include "loop.h"

#include <lua.h>
#include <stdbool.h>

struct signal_watch;

/*
 * by_process: a process sent the signal (kill, timeout(1), systemd). False: the kernel sent it for
 * the terminal (Ctrl-C, hang-up), and to all processes of the foreground group, children included.
 */
typedef void signal_watch_fn(void *arg, int signo, bool by_process);

struct signal_handler { /* owned by the caller; must live while it is pushed */
    signal_watch_fn *fn;
    void *arg;
    struct signal_handler *below;
    bool pushed;
};

/* In place of a signal's number, to the lowest handler only: the run's. */
#define SIGNAL_WATCH_LOST (-1)

/* Makes the watcher of L's run, which bindings find by signal_watch_of. It keeps a descriptor in
 * the loop. NULL with ERR_CONFIG: the system refused one. Free it before the state and the loop. */
struct signal_watch *signal_watch_new(lua_State *L, struct loop *loop, struct err *err);
/* NULL is fine. restores: the signals are as before; else they stay blocked. */
void signal_watch_free(struct signal_watch *signals, bool restores);
struct signal_watch *signal_watch_of(lua_State *L); /* NULL: the run has none */

void signal_watch_push(struct signal_watch *signals, struct signal_handler *handler,
                       signal_watch_fn *fn, void *arg);
/* Removes a handler from anywhere in the stack. Without effect if it is not pushed. */
void signal_watch_pop(struct signal_watch *signals, struct signal_handler *handler);

/* Delivers the signals that have arrived, without waiting. The loop does this by itself; the count
 * hook calls it for scripts that compute and never wait. */
void signal_watch_poll(struct signal_watch *signals);
/* The descriptor, for the watchdog, which checks that signals are read. */
int signal_watch_fd(const struct signal_watch *signals);

#endif
