/*
 * Locks between processes: flock on a file in the state folder's `locks/`. The kernel releases them
 * with their holder, however it ends. Waiting does not block: the lock is tried again on a timer.
 */
#ifndef JETON_LOCK_H
#define JETON_LOCK_H

#include "err.h"
#include "loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lock {
    struct loop *loop;
    struct loop_timer timer;
    int fd;             /* -1: not held, not waiting */
    int64_t give_up_ms; /* monotonic; 0: never */
    int64_t delay_ms;
    bool awaited;  /* somebody else holds it */
    bool reserved; /* its file takes room */
    char *folder;
    char *name;
    void (*fn)(void *arg, const struct err *err);
    void *arg;
};

/* loop may be NULL where lock_wait is not used. */
void lock_create(struct lock *lock, struct loop *loop);
/* Calls fn from the loop: err NULL when held; ERR_BUSY at give_up_ms (loop_now_ms); ERR_CONFIG,
 * also on a file system that has no locks. name: [A-Za-z0-9._-]+ */
void lock_wait(struct lock *lock, const char *folder, const char *name, int64_t give_up_ms,
               void (*fn)(void *arg, const struct err *err), void *arg);
/* Blocks, at most wait_ms (0: one try). ERR_BUSY when it is up. */
int lock_block(struct lock *lock, const char *folder, const char *name, int64_t wait_ms,
               struct err *err);
/* The same on a folder itself, which is only read. ERR_CONFIG where it cannot be opened or locked.
 */
int lock_block_folder(struct lock *lock, const char *folder, int64_t wait_ms, struct err *err);
/*
 * One of many locks in one file: its byte `at`. Held by the descriptor that is returned, and by
 * forked children until they exec. Nobody waits for it: it is a sign of life, visible to all
 * processes that can open the file, in any container. -1: ERR_CONFIG, ERR_NETWORK.
 */
int lock_byte(const char *folder, const char *name, int64_t at, struct err *err);
/* Whether any process holds it, this one included; false where there is no such file. True where it
 * cannot be told, as without a descriptor: who lives must not be taken for dead. */
bool lock_byte_is_held(const char *folder, const char *name, int64_t at);
/*
 * Reserves disk space in the file of a lock that is held (lock_wait), for what must be
 * written later, until lock_unreserve or lock_release. ERR_NETWORK (retryable) when the disk is
 * full.
 */
int lock_reserve(struct lock *lock, size_t bytes, struct err *err);
void lock_unreserve(struct lock *lock);
void lock_release(struct lock *lock); /* idempotent; ends waiting too */

#endif
