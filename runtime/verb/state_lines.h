/* Keys of jeton.state as lines of JSON: {"key": …, "value": …}. */
#ifndef JETON_STATE_LINES_H
#define JETON_STATE_LINES_H

#include "arena.h"
#include "store.h"

#define STATE_LINES_MAX ((size_t)256 * 1024 * 1024) /* bytes that are read at once */

struct state_lines {
    struct store_kv *items; /* mem_free */
    size_t count;
    struct arena texts; /* what the items point to */
};

/* ERR_INVALID names the line. To be destroyed in any case. */
int state_lines_read(struct state_lines *lines, const char *text, size_t len, struct err *err);
void state_lines_destroy(struct state_lines *lines);
/* One line, with its line feed. -1 at out's limit. */
int state_lines_write(const struct store_kv *item, struct buf *out);

/* A key from outside. ERR_INVALID where it cannot be one. */
int state_lines_check_key(const char *key, size_t len, struct err *err);
/* A value from outside, as it is stored: appended to out. */
int state_lines_value(const char *text, size_t len, struct buf *out, struct err *err);

#endif
