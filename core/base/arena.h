/* Memory that is freed all at once, such as a parsed document's. Wiped, as it may hold secrets. */
#ifndef JETON_ARENA_H
#define JETON_ARENA_H

#include <stddef.h>

struct arena_chunk;

struct arena { /* zeroed is empty */
    struct arena_chunk *chunks;
};

/* Zeroed, aligned for anything, until arena_destroy. */
void *arena_alloc(struct arena *arena, size_t size);
/* A copy with a NUL behind it. */
char *arena_text(struct arena *arena, const char *text, size_t len);
void arena_destroy(struct arena *arena); /* wipes; idempotent */

#endif
