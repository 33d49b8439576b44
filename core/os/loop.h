/*
 * The event loop: timers, file descriptors, and hooks that run each turn. One thread.
 * Handles are owned by the caller, start as zeroed structs, and must be stopped before they are
 * freed; stopping one that does not run is fine, from inside any callback too. Starting one that
 * runs starts it anew. A callback may run turns of the same loop.
 */
#ifndef JETON_LOOP_H
#define JETON_LOOP_H

#include "clock.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct loop;

typedef void loop_fn(void *arg);

struct loop_timer {
    loop_fn *fn;
    void *arg;
    int64_t due_ms; /* loop_now_ms */
    uint64_t order; /* timers of one millisecond fire in the order they were started */
    size_t index;   /* place in the heap + 1; 0: not running */
};

struct loop_fd {
    int fd;
    short events; /* POLLIN, POLLOUT */
    void (*fn)(void *arg, short revents);
    void *arg;
    size_t index; /* place + 1; 0: not running */
};

/* For libraries that have their own poll function or must run each turn (curl, libmicrohttpd). */
struct loop_hook {
    /* Before polling. Returns the milliseconds it can wait, 0 to poll without waiting, -1 when it
     * has nothing going on (or only on descriptors that run in the loop). */
    int64_t (*before)(void *arg);
    /* After polling. May be NULL. */
    loop_fn *after;
    void *arg;
    struct loop_hook *next;
};

/* poll(2)-like; used instead of poll() once set (curl_multi_poll waits on curl's sockets too). */
typedef int loop_poll_fn(void *arg, struct pollfd *fds, size_t nfds, int timeout_ms);

struct loop *loop_new(void);
void loop_free(struct loop *loop);
/* Timers go by this clock, and so must everything that is compared with them. It is borrowed; at
 * first clock_system. Its CLOCK_MONO never goes back. */
void loop_set_clock(struct loop *loop, const struct clock *clock);
const struct clock *loop_clock(const struct loop *loop);
int64_t loop_now_ms(const struct loop *loop); /* CLOCK_MONO */

/*
 * For a clock that only moves when it is told to: where the loop would sleep until the next timer,
 * it calls `pass` with that time, in which everybody but timers is known to be idle. NULL: it
 * sleeps.
 */
typedef void loop_pass_fn(void *arg, int64_t ms);
void loop_set_pass(struct loop *loop, loop_pass_fn *pass, void *arg);

/* What is waited for beside timers, and what that means for such a clock. */
enum loop_outside {
    LOOP_REPLY,  /* of a server, or the end of a child: it stands still */
    LOOP_LOCK,   /* which somebody else holds: it goes as real time does, for LOOP_PACED_MAX_MS */
    LOOP_SERVER, /* that this process is, so that a reply may wait for a timer: likewise */
    LOOP_OUTSIDE
};
#define LOOP_PACED_MAX_MS 2000
/* by: 1 when it begins, -1 when it has ended. */
void loop_awaits(struct loop *loop, enum loop_outside what, int by);
int loop_awaited(const struct loop *loop, enum loop_outside what); /* how many */

/* Once, not before delay_ms have passed (0: on the next turn). */
void loop_timer_start(struct loop *loop, struct loop_timer *timer, int64_t delay_ms, loop_fn *fn,
                      void *arg);
void loop_timer_stop(struct loop *loop, struct loop_timer *timer);

void loop_fd_start(struct loop *loop, struct loop_fd *watch, int fd, short events,
                   void (*fn)(void *arg, short revents), void *arg);
void loop_fd_stop(struct loop *loop, struct loop_fd *watch);

void loop_hook_add(struct loop *loop, struct loop_hook *hook);
void loop_hook_remove(struct loop *loop, struct loop_hook *hook);
void loop_set_poll(struct loop *loop, loop_poll_fn *fn, void *arg); /* fn NULL: poll() again */

/*
 * One turn: hooks, wait (until the next event, at most max_wait_ms; -1 for ever), callbacks. A
 * signal ends the wait. False when nothing at all is running, so that waiting would never end.
 */
bool loop_turn(struct loop *loop, int64_t max_wait_ms);
/* Runs until *done is true. False when nothing is left to wait for before that. */
bool loop_run_until(struct loop *loop, const bool *done);

#endif
