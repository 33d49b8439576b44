#include "arena.h"

#include "mem.h"

#include <sodium.h>
#include <string.h>

/* Each chunk is twice as large as the one before, up to the largest; a larger piece has one of its
 * own. Many arenas live at once, and most of them hold little. */
#define CHUNK_FIRST ((size_t)1024)
#define CHUNK_MAX   ((size_t)16 * 1024)

struct arena_chunk {
    struct arena_chunk *next;
    size_t size, used;
    _Alignas(max_align_t) char data[];
};

void *arena_alloc(struct arena *arena, size_t size)
{
    const size_t unit = _Alignof(max_align_t);
    struct arena_chunk *chunk = arena->chunks;
    size = (size + unit - 1) / unit * unit;
    if (chunk == NULL || chunk->size - chunk->used < size) {
        size_t room = chunk == NULL ? CHUNK_FIRST : 2 * chunk->size;
        room = room < CHUNK_MAX ? room : CHUNK_MAX;
        room = size > room ? size : room;
        chunk = mem_alloc(sizeof *chunk + room);
        chunk->size = room;
        chunk->next = arena->chunks;
        arena->chunks = chunk;
    }
    void *piece = chunk->data + chunk->used;
    chunk->used += size;
    return piece;
}

char *arena_text(struct arena *arena, const char *text, size_t len)
{
    char *copy = arena_alloc(arena, len + 1);
    memcpy(copy, text, len);
    return copy;
}

void arena_destroy(struct arena *arena)
{
    while (arena->chunks != NULL) {
        struct arena_chunk *chunk = arena->chunks;
        arena->chunks = chunk->next;
        sodium_memzero(chunk->data, chunk->used);
        mem_free(chunk);
    }
}
