#include "history_live.h"

#include "mem.h"
#include "safefile.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER   "live"
#define RING     ((int64_t)STORE_OUTPUT_MAX)
#define HEAD     ((off_t)sizeof(int64_t)) /* how much was written in all; behind it the ring */
#define OWN_MODE 0600
#define READ     (O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) /* a FIFO has nothing for us */

static char *path_of(const char *folder, const char *run, int64_t attempt)
{
    return mem_printf("%s/" FOLDER "/%s-%" PRId64, folder, run, attempt);
}

/* What is there and locked by nobody. */
static void clear_left(const char *live)
{
    DIR *folder = opendir(live);
    struct dirent *entry;
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        int fd = entry->d_name[0] == '.' ? -1 : openat(dirfd(folder), entry->d_name, READ);
        if (fd < 0)
            continue;
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            unlinkat(dirfd(folder), entry->d_name, 0);
        close(fd);
    }
    if (folder != NULL)
        closedir(folder);
}

void history_live_create(struct history_live *live, const char *folder, const char *run,
                         int64_t attempt)
{
    struct err ignored;
    struct stat st;
    char *own = mem_printf("%s/" FOLDER, folder);
    *live = (struct history_live){.fd = -1};
    if (safefile_private_dir(own, &ignored) == 0) {
        clear_left(own);
        live->path = path_of(folder, run, attempt);
        live->fd = open(live->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, OWN_MODE);
        /* Another run may have taken it for one that was left, before it was locked. */
        if (live->fd < 0 || flock(live->fd, LOCK_EX | LOCK_NB) != 0 || fstat(live->fd, &st) != 0 ||
            st.st_nlink == 0)
            history_live_destroy(live);
    }
    mem_free(own);
}

/* False: the disk is full, say. */
static bool put(int fd, const void *data, size_t len, off_t at)
{
    return pwrite(fd, data, len, at) == (ssize_t)len;
}

void history_live_write(struct history_live *live, const char *data, size_t len)
{
    if (live->path == NULL)
        return;
    int64_t from = live->total, rest = (int64_t)len;
    if (rest > RING) {
        from += rest - RING;
        data += rest - RING;
        rest = RING;
    }
    int64_t at = from % RING, first = rest < RING - at ? rest : RING - at;
    live->total += (int64_t)len;
    if (!put(live->fd, data, (size_t)first, HEAD + at) ||
        !put(live->fd, data + first, (size_t)(rest - first), HEAD) ||
        !put(live->fd, &live->total, sizeof live->total, 0))
        history_live_destroy(live);
}

void history_live_destroy(struct history_live *live)
{
    if (live->path == NULL)
        return;
    if (live->fd >= 0) {
        unlink(live->path);
        close(live->fd);
    }
    mem_free(live->path);
    *live = (struct history_live){.fd = -1};
}

bool history_tail_open(struct history_tail *tail, const char *folder, const char *run,
                       int64_t attempt)
{
    char *path = path_of(folder, run, attempt);
    *tail = (struct history_tail){.fd = open(path, READ)};
    mem_free(path);
    return tail->fd >= 0;
}

static int64_t total_of(const struct history_tail *tail)
{
    int64_t total;
    return pread(tail->fd, &total, sizeof total, 0) == sizeof total ? total : 0;
}

/* What was overwritten, where so much was written in all. */
static int64_t lost(const struct history_tail *tail, int64_t total)
{
    int64_t behind = total - tail->seen - RING;
    return behind > 0 ? behind : 0;
}

void history_tail_read(struct history_tail *tail, struct buf *out, int64_t *skipped)
{
    int64_t total = total_of(tail);
    *skipped = 0;
    if (total <= tail->seen)
        return;
    *skipped = lost(tail, total);
    tail->seen += *skipped;
    char *data = mem_alloc(STORE_OUTPUT_MAX);
    int64_t len = 0;
    while (tail->seen + len < total) {
        int64_t at = (tail->seen + len) % RING, rest = total - tail->seen - len;
        int64_t wanted = rest < RING - at ? rest : RING - at;
        if (pread(tail->fd, data + len, (size_t)wanted, HEAD + at) != wanted)
            break;
        len += wanted;
    }
    int64_t late = lost(tail, total_of(tail)); /* while it was read */
    late = late < len ? late : len;
    *skipped += late;
    buf_append(out, data + late, (size_t)(len - late));
    tail->seen += len;
    mem_free(data);
}

void history_tail_close(struct history_tail *tail)
{
    if (tail->fd >= 0)
        close(tail->fd);
    tail->fd = -1;
}
