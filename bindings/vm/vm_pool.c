#include "vm_pool.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SLAB_BYTES ((size_t)32 * 1024) /* it is aligned to its size, so that blocks find it */
#define ARENA_BYTES                                                                                \
    ((size_t)1024 * 1024) /* of slabs, from the kernel: a page is ours when used                   \
                           */
#define SPARE_MAX  256    /* empty slabs that keep their pages: 8 MiB */
#define PAGE_BYTES ((size_t)4096)
/* Sizes in steps of 8 bytes; from FINE_MAX on four steps until they have doubled. What is larger is
 * malloc's. */
#define FINE_STEP    ((size_t)8)
#define FINE_CLASSES 32
#define FINE_BITS    8
#define FINE_MAX     ((size_t)1 << FINE_BITS)
#define POOLED_MAX   ((size_t)1 << (FINE_BITS + (VM_POOL_CLASSES - FINE_CLASSES) / 4))

struct vm_slab {
    struct vm_slab *prev, *next; /* in the list of those with room */
    void *free;     /* blocks that came back, each with the next one in its beginning */
    uint32_t fresh; /* from here on no block was used yet */
    uint32_t live;  /* blocks in use */
    uint32_t size;  /* of a block */
    uint32_t class;
};

static uint32_t class_of(size_t size)
{
    size_t last = size - 1;
    if (size <= FINE_MAX)
        return (uint32_t)(last / FINE_STEP);
    unsigned bits = 63U - (unsigned)__builtin_clzll(last);
    return FINE_CLASSES + (bits - FINE_BITS) * 4 + (uint32_t)(last >> (bits - 2) & 3);
}

/* The largest size of a class. */
static size_t size_of(uint32_t class)
{
    if (class < FINE_CLASSES)
        return (class + 1) * FINE_STEP;
    uint32_t step = class - FINE_CLASSES;
    return (size_t)(5 + step % 4) << (FINE_BITS - 2 + step / 4);
}

static bool has_room(const struct vm_slab *slab)
{
    return slab->free != NULL || slab->fresh + slab->size <= SLAB_BYTES;
}

static void link_slab(struct vm_pool *pool, struct vm_slab *slab)
{
    slab->prev = NULL;
    slab->next = pool->open[slab->class];
    if (slab->next != NULL)
        slab->next->prev = slab;
    pool->open[slab->class] = slab;
}

static void unlink_slab(struct vm_pool *pool, struct vm_slab *slab)
{
    if (slab->prev != NULL)
        slab->prev->next = slab->next;
    else
        pool->open[slab->class] = slab->next;
    if (slab->next != NULL)
        slab->next->prev = slab->prev;
}

/* An arena begins with a pointer to the one before it, where its first slab is not aligned. */
static bool add_arena(struct vm_pool *pool)
{
    char *arena =
        mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (arena == MAP_FAILED)
        return false;
    memcpy(arena, &pool->arenas, sizeof pool->arenas);
    pool->arenas = arena;
    pool->fresh = arena + SLAB_BYTES - (uintptr_t)arena % SLAB_BYTES;
    pool->nfresh = (size_t)(arena + ARENA_BYTES - pool->fresh) / SLAB_BYTES;
    return true;
}

static struct vm_slab *slab_new(struct vm_pool *pool, uint32_t class)
{
    struct vm_slab *slab = pool->spare;
    if (slab == NULL && pool->nfresh == 0 && !add_arena(pool))
        return NULL;
    if (slab != NULL) {
        pool->spare = slab->next;
        pool->nspare--;
    } else {
        slab = (struct vm_slab *)pool->fresh;
        pool->fresh += SLAB_BYTES;
        pool->nfresh--;
    }
    *slab =
        (struct vm_slab){.fresh = sizeof *slab, .size = (uint32_t)size_of(class), .class = class};
    link_slab(pool, slab);
    return slab;
}

static void *take(struct vm_pool *pool, uint32_t class)
{
    struct vm_slab *slab = pool->open[class];
    if (slab == NULL && (slab = slab_new(pool, class)) == NULL)
        return NULL;
    void *block = slab->free;
    if (block != NULL) {
        memcpy(&slab->free, block, sizeof slab->free);
    } else {
        block = (char *)slab + slab->fresh;
        slab->fresh += slab->size;
    }
    slab->live++;
    if (!has_room(slab))
        unlink_slab(pool, slab);
    return block;
}

static void give_back(struct vm_pool *pool, void *block)
{
    struct vm_slab *slab = (struct vm_slab *)((uintptr_t)block & ~(SLAB_BYTES - 1));
    if (!has_room(slab))
        link_slab(pool, slab);
    memcpy(block, &slab->free, sizeof slab->free);
    slab->free = block;
    if (--slab->live > 0 || (slab->prev == NULL && slab->next == NULL)) /* the last one stays */
        return;
    unlink_slab(pool, slab);
    if (pool->nspare >= SPARE_MAX) /* its first page stays: that says which slab is the next */
        madvise((char *)slab + PAGE_BYTES, SLAB_BYTES - PAGE_BYTES, MADV_DONTNEED);
    slab->next = pool->spare;
    pool->spare = slab;
    pool->nspare++;
}

static bool is_pooled(const struct vm_pool *pool, size_t size)
{
    return size > 0 && size <= POOLED_MAX && !pool->off;
}

static bool is_stray(const struct vm_pool *pool, const char *block)
{
    for (char *arena = pool->arenas; arena != NULL; memcpy(&arena, arena, sizeof arena)) {
        if (block >= arena && block < arena + ARENA_BYTES)
            return false;
    }
    return true;
}

/* Lua's own blocks may not fail to become smaller. */
static void *keep(struct vm_pool *pool, void *ptr, bool strays)
{
    pool->strays += strays;
    return ptr;
}

void *vm_pool_realloc(struct vm_pool *pool, void *ptr, size_t old_size, size_t size)
{
    bool was_pooled = ptr != NULL && is_pooled(pool, old_size), pooled = is_pooled(pool, size);
    bool was_stray = was_pooled && pool->strays > 0 && is_stray(pool, ptr);
    void *fresh = NULL;
    was_pooled = was_pooled && !was_stray;
    if (was_pooled && pooled && class_of(old_size) == class_of(size))
        return ptr;
    if (!was_pooled && !pooled && size > 0) {
        fresh = realloc(ptr, size);
        pool->strays -= was_stray && fresh != NULL;
        return fresh == NULL && size < old_size ? ptr : fresh;
    }
    if (size > 0) {
        fresh = pooled ? take(pool, class_of(size)) : malloc(size);
        if (fresh == NULL && ptr != NULL && size < old_size)
            return keep(pool, ptr, !was_pooled && !was_stray);
        if (fresh == NULL)
            return NULL;
        if (ptr != NULL)
            memcpy(fresh, ptr, old_size < size ? old_size : size);
    }
    if (was_pooled)
        give_back(pool, ptr);
    else if (ptr != NULL)
        free(ptr);
    pool->strays -= was_stray;
    return fresh;
}

void vm_pool_destroy(struct vm_pool *pool)
{
    for (char *arena = pool->arenas, *before; arena != NULL; arena = before) {
        memcpy(&before, arena, sizeof before);
        munmap(arena, ARENA_BYTES);
    }
}
