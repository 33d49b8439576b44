#include "buf.h"

#include "mem.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CAP_LEAST  64
#define READ_PIECE ((size_t)16 * 1024)

static char empty[1]; /* data of a buffer that holds nothing yet; never written to */

void buf_create(struct buf *buf, size_t limit)
{
    *buf = (struct buf){.data = empty, .limit = limit};
}

void buf_create_secret(struct buf *buf, size_t limit)
{
    buf_create(buf, limit);
    buf->secret = true;
}

static void release(struct buf *buf)
{
    if (buf->cap == 0)
        return;
    if (buf->secret)
        sodium_memzero(buf->data, buf->cap);
    mem_free(buf->data);
}

void buf_destroy(struct buf *buf)
{
    release(buf);
    *buf = (struct buf){.data = empty, .limit = buf->limit, .secret = buf->secret};
}

void buf_clear(struct buf *buf)
{
    if (buf->cap == 0)
        return;
    if (buf->secret)
        sodium_memzero(buf->data, buf->cap);
    buf->len = 0;
    buf->data[0] = '\0';
}

static void grow(struct buf *buf, size_t need)
{
    size_t cap = buf->cap > 0 ? buf->cap : need > CAP_LEAST ? need : CAP_LEAST;
    while (cap < need)
        cap *= 2;
    if (buf->secret || buf->cap == 0) {
        char *moved = mem_realloc(NULL, cap);
        memcpy(moved, buf->data, buf->len);
        moved[buf->len] = '\0';
        release(buf);
        buf->data = moved;
    } else {
        buf->data = mem_realloc(buf->data, cap);
    }
    buf->cap = cap;
}

/* Room for `more` bytes and the NUL; inline, as most of what is appended is short and has room. */
static inline int reserve(struct buf *buf, size_t more)
{
    if (more > buf->limit - buf->len)
        return -1;
    if (buf->len + more >= buf->cap)
        grow(buf, buf->len + more + 1);
    return 0;
}

int buf_append(struct buf *buf, const void *data, size_t len)
{
    if (reserve(buf, len) != 0)
        return -1;
    if (len > 0)
        memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
    return 0;
}

int buf_puts(struct buf *buf, const char *text)
{
    return buf_append(buf, text, strlen(text));
}

int buf_putc(struct buf *buf, char c)
{
    if (reserve(buf, 1) != 0)
        return -1;
    buf->data[buf->len++] = c;
    buf->data[buf->len] = '\0';
    return 0;
}

int buf_vprintf(struct buf *buf, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    size_t room = buf->cap > 0 ? buf->cap - buf->len : 0;
    int len = vsnprintf(room > 0 ? buf->data + buf->len : NULL, room, fmt, args);
    int result = -1;
    if (len >= 0 && (size_t)len < room && (size_t)len <= buf->limit - buf->len) {
        buf->len += (size_t)len;
        result = 0;
    } else if (len >= 0 && reserve(buf, (size_t)len) == 0) {
        vsnprintf(buf->data + buf->len, (size_t)len + 1, fmt, again);
        buf->len += (size_t)len;
        result = 0;
    } else if (room > 0) {
        buf->data[buf->len] = '\0';
    }
    va_end(again);
    return result;
}

int buf_printf(struct buf *buf, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int result = buf_vprintf(buf, fmt, args);
    va_end(args);
    return result;
}

void buf_drop(struct buf *buf, size_t len)
{
    memmove(buf->data, buf->data + len, buf->len - len + 1);
    buf->len -= len;
    if (buf->secret)
        sodium_memzero(buf->data + buf->len, len);
}

char *buf_take(struct buf *buf)
{
    if (buf->cap == 0)
        return mem_strdup("");
    char *data = buf->data;
    *buf = (struct buf){.data = empty, .limit = buf->limit, .secret = buf->secret};
    return data;
}

/* What will come, and one more to see the end: all of a file, or a piece of what has no size. */
static size_t expected(int fd, size_t room)
{
    struct stat st;
    size_t size = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? (size_t)st.st_size : READ_PIECE;
    return size < room ? size + 1 : room;
}

int buf_read_fd(struct buf *buf, int fd)
{
    reserve(buf, expected(fd, buf->limit - buf->len));
    for (;;) {
        size_t room = buf->limit - buf->len;
        if (buf->len + 1 >= buf->cap && room > 0)
            reserve(buf, room < READ_PIECE ? room : READ_PIECE);
        size_t space = buf->cap > buf->len ? buf->cap - buf->len - 1 : 0;
        char more; /* than the limit */
        ssize_t got = room > 0 ? read(fd, buf->data + buf->len, space < room ? space : room)
                               : read(fd, &more, 1);
        if (got > 0 && room == 0) {
            errno = EFBIG;
            return -1;
        }
        if (got > 0) {
            buf->len += (size_t)got;
            buf->data[buf->len] = '\0';
        }
        if (got == 0)
            return 0;
        if (got < 0 && errno != EINTR)
            return -1;
    }
}
