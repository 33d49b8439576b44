#include "lock.h"

#include "clock.h"
#include "mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Between attempts: doubling from the first to the last, with jitter so that several waiters do not
 * try at the same moment. */
#define RETRY_FIRST_MS 2
#define RETRY_LAST_MS  50

void lock_create(struct lock *lock, struct loop *loop)
{
    *lock = (struct lock){.loop = loop, .fd = -1};
}

/* As for the state file. */
static void may_pass(struct err *err)
{
    err->kind = ERR_NETWORK;
    err->retryable = true;
}

static const char *hint(int code)
{
    bool denied = code == EROFS || code == EACCES || code == EPERM;
    return denied ? "; make the state folder writable for this user, or set `state:` to another"
                  : "";
}

static int lock_open(const char *folder, const char *name, struct err *err)
{
    char *dir = mem_printf("%s/locks", folder);
    char *path = mem_printf("%s/%s.lock", dir, name);
    int fd = -1;
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        err_set(err, ERR_CONFIG, "cannot create folder '%s': %s%s", dir, strerror(errno),
                hint(errno));
    else if ((fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)) < 0)
        err_set(err, ERR_CONFIG, "cannot open lock file '%s': %s%s", path, strerror(errno),
                hint(errno));
    if (fd < 0 && (errno == ENOSPC || errno == EDQUOT))
        may_pass(err);
    mem_free(path);
    mem_free(dir);
    return fd;
}

/* 1: held; 0: another process has it; -1: locking does not work there. */
static int lock_attempt(struct lock *lock, const char *folder, struct err *err)
{
    int result;
    do {
        result = flock(lock->fd, LOCK_EX | LOCK_NB);
    } while (result != 0 && errno == EINTR);
    if (result == 0 || errno == EWOULDBLOCK)
        return result == 0;
    return err_set(err, ERR_CONFIG,
                   "cannot lock in folder '%s': %s; it must be on a file system that has locks, "
                   "such as a local disk's",
                   folder, strerror(errno));
}

static int64_t next_delay(struct lock *lock)
{
    int64_t delay = lock->delay_ms;
    lock->delay_ms = delay * 2 < RETRY_LAST_MS ? delay * 2 : RETRY_LAST_MS;
    return delay / 2 + (int64_t)randombytes_uniform((uint32_t)delay + 1);
}

static int busy(const struct lock *lock, struct err *err)
{
    return err_set(err, ERR_BUSY, "lock '%s' is held by another process", lock->name);
}

static void set_awaited(struct lock *lock, bool yes)
{
    if (yes != lock->awaited)
        loop_awaits(lock->loop, LOOP_LOCK, yes ? 1 : -1);
    lock->awaited = yes;
}

static void on_retry(void *arg)
{
    struct lock *lock = arg;
    struct err err;
    int held = lock_attempt(lock, lock->folder, &err);
    if (held == 0 && lock->give_up_ms > 0 && loop_now_ms(lock->loop) >= lock->give_up_ms)
        held = busy(lock, &err);
    set_awaited(lock, held == 0);
    if (held == 0) {
        loop_timer_start(lock->loop, &lock->timer, next_delay(lock), on_retry, lock);
        return;
    }
    if (held < 0)
        lock_release(lock);
    lock->fn(lock->arg, held > 0 ? NULL : &err);
}

static void on_start(void *arg)
{
    struct lock *lock = arg;
    struct err err;
    lock->fd = lock_open(lock->folder, lock->name, &err);
    if (lock->fd >= 0)
        on_retry(lock);
    else
        lock->fn(lock->arg, &err);
}

void lock_wait(struct lock *lock, const char *folder, const char *name, int64_t give_up_ms,
               void (*fn)(void *arg, const struct err *err), void *arg)
{
    lock->name = mem_strdup(name);
    lock->folder = mem_strdup(folder);
    lock->give_up_ms = give_up_ms;
    lock->delay_ms = RETRY_FIRST_MS;
    lock->fn = fn;
    lock->arg = arg;
    loop_timer_start(lock->loop, &lock->timer, 0, on_start, lock);
}

static int block(struct lock *lock, const char *folder, int64_t wait_ms, struct err *err)
{
    int64_t give_up_ms = clock_mono_ms() + wait_ms;
    int held;
    lock->delay_ms = RETRY_FIRST_MS;
    while ((held = lock_attempt(lock, folder, err)) == 0) {
        if (clock_mono_ms() >= give_up_ms)
            return busy(lock, err);
        int64_t delay = next_delay(lock);
        nanosleep(&(struct timespec){.tv_nsec = (long)delay * 1000000}, NULL);
    }
    return held > 0 ? 0 : -1;
}

int lock_block(struct lock *lock, const char *folder, const char *name, int64_t wait_ms,
               struct err *err)
{
    lock->name = mem_strdup(name);
    lock->fd = lock_open(folder, name, err);
    return lock->fd >= 0 ? block(lock, folder, wait_ms, err) : -1;
}

int lock_block_folder(struct lock *lock, const char *folder, int64_t wait_ms, struct err *err)
{
    lock->name = mem_strdup(folder);
    lock->fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock->fd < 0)
        return err_set(err, ERR_CONFIG, "cannot open folder '%s': %s", folder, strerror(errno));
    return block(lock, folder, wait_ms, err);
}

/* Of the open file, not of the process: a child that is forked shares it. */
static struct flock one_byte(int64_t at)
{
    return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 1};
}

int lock_byte(const char *folder, const char *name, int64_t at, struct err *err)
{
    struct flock byte = one_byte(at);
    int fd = lock_open(folder, name, err);
    if (fd < 0 || fcntl(fd, F_OFD_SETLK, &byte) == 0)
        return fd;
    err_set(err, ERR_CONFIG, "cannot lock a byte of '%s/locks/%s.lock': %s", folder, name,
            strerror(errno));
    close(fd);
    return -1;
}

bool lock_byte_is_held(const char *folder, const char *name, int64_t at)
{
    struct flock byte = one_byte(at);
    char *path = mem_printf("%s/locks/%s.lock", folder, name);
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    bool held =
        fd >= 0 ? fcntl(fd, F_OFD_GETLK, &byte) != 0 || byte.l_type != F_UNLCK : errno != ENOENT;
    if (fd >= 0)
        close(fd);
    mem_free(path);
    return held;
}

int lock_reserve(struct lock *lock, size_t bytes, struct err *err)
{
    int failure;
    lock->reserved = true;
    do {
        failure = posix_fallocate(lock->fd, 0, (off_t)bytes);
    } while (failure == EINTR);
    if (failure != ENOSPC && failure != EDQUOT)
        return 0; /* on a file system that cannot reserve space we go on without */
    err_set(err, ERR_NETWORK, "cannot write in state folder '%s': the disk is full", lock->folder);
    may_pass(err);
    return -1;
}

void lock_unreserve(struct lock *lock)
{
    if (lock->reserved && ftruncate(lock->fd, 0) == 0)
        lock->reserved = false;
}

void lock_release(struct lock *lock)
{
    if (lock->loop != NULL)
        loop_timer_stop(lock->loop, &lock->timer);
    set_awaited(lock, false);
    lock_unreserve(lock);
    if (lock->fd >= 0)
        close(lock->fd); /* this was the last descriptor of this open file: the kernel releases the
                            lock */
    lock->fd = -1;
    mem_free(lock->name);
    mem_free(lock->folder);
    lock->name = NULL;
    lock->folder = NULL;
}
