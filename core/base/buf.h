/* A byte buffer that grows to a limit. `data` is always NUL-terminated (never NULL after create).
 */
#ifndef JETON_BUF_H
#define JETON_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct buf {
    char *data;
    size_t len; /* without the NUL */
    size_t cap;
    size_t limit; /* len never passes it */
    bool secret;  /* memory is wiped when it is freed or moved */
};

#define BUF_LIMIT_LINE ((size_t)64 * 1024)

void buf_create(struct buf *buf, size_t limit);
void buf_create_secret(struct buf *buf, size_t limit);
void buf_destroy(struct buf *buf); /* idempotent; a zeroed struct is fine */
void buf_clear(struct buf *buf);   /* len = 0; wiped if secret */

/* All return 0, or -1 when the limit would be passed (then nothing was appended). */
int buf_append(struct buf *buf, const void *data, size_t len);
int buf_puts(struct buf *buf, const char *text);
int buf_putc(struct buf *buf, char c);
int buf_printf(struct buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int buf_vprintf(struct buf *buf, const char *fmt, va_list args)
    __attribute__((format(printf, 2, 0)));

void buf_drop(struct buf *buf, size_t len); /* the first bytes, at most all */
char *buf_take(struct buf *buf); /* the caller owns the data (mem_free); buf is left empty */
/* Reads a whole file descriptor up to the limit. -1: errno is set; EFBIG = over the limit. May
 * block. */
int buf_read_fd(struct buf *buf, int fd);

#endif
