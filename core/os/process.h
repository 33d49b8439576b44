/* Child processes: argv as given, no shell, no descriptor inherited but the standard three. */
#ifndef JETON_PROCESS_H
#define JETON_PROCESS_H

#include "buf.h"
#include "err.h"
#include "loop.h"

#include <sys/types.h>

/* fds: its standard streams. env: NULL-terminated "NAME=value" list that replaces or adds to the
 * present environment; NULL for none. ERR_CONFIG when it cannot be started. */
pid_t process_spawn_on(char *const argv[], char *const env[], const int fds[3], struct err *err);
/* The same with `count` descriptors, three or more, which become 0, 1, …; in a process group of its
 * own, so that all that it starts can be killed with it. */
pid_t process_spawn_group(char *const argv[], char *const env[], const int *fds, int count,
                          struct err *err);

/* The same for `sh -c command`, as system() does it. */
pid_t process_spawn_shell(const char *command, const int fds[3], struct err *err);

/*
 * fork(), for a child that runs on in this program: it leads a process group of its own, so that
 * all that it starts can be killed with it, and is killed when its parent ends. 0 in the child;
 * ERR_CONFIG.
 */
pid_t process_fork(struct err *err);

/* Blocks until the child has ended or ms are over; it remains to be waited for. 1: it has ended;
 * 0: not yet; -1 with errno: it cannot be watched. */
int process_ends_within(pid_t pid, int64_t ms);
/* Waits for a child; its wait status. Blocks. */
int process_wait(pid_t pid);

struct process_watch {
    struct loop *loop; /* NULL: not watching */
    struct loop_fd fd;
    pid_t pid;
    void (*fn)(void *arg, int wait_status);
    void *arg;
};
/* Calls fn once, from the loop, when pid ends (pidfd). */
int process_watch_start(struct loop *loop, struct process_watch *watch, pid_t pid,
                        void (*fn)(void *arg, int wait_status), void *arg, struct err *err);
/* fn will not be called; the process goes on and is not waited for. Idempotent. */
void process_watch_stop(struct process_watch *watch);

/*
 * Runs argv to its end and collects standard output into out (standard input is /dev/null; standard
 * error is dropped). Blocks, at most until deadline_ms (monotonic). When time or out's limit is up,
 * and before a signal ends this process, the child's process group is killed. ERR_CONFIG: could not
 * start, non-zero status, limit; ERR_DEADLINE.
 */
int process_output(char *const argv[], int64_t deadline_ms, struct buf *out, struct err *err);

/* 0–255, or 128 + n for signal n. */
int process_exit_status(int wait_status);

#endif
