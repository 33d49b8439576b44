/*
 * Memory for Lua's many small objects. Lua says how large a block is when it gives it back, so
 * blocks need no headers: those of one size lie side by side in slabs, and a slab that is empty
 * again is given back. A task's objects come and go by thousands a second, of which malloc would
 * keep seven of a size at hand.
 */
#ifndef JETON_VM_POOL_H
#define JETON_VM_POOL_H

#include <stdbool.h>
#include <stddef.h>

#define VM_POOL_CLASSES 48

struct vm_pool { /* begins zeroed */
    bool off;    /* each block is malloc's, where somebody looks for uses after its end */
    struct vm_slab *open[VM_POOL_CLASSES]; /* of each size the slabs with room, a list */
    struct vm_slab *spare;                 /* empty ones, a list */
    size_t nspare;
    char *arenas; /* a list */
    char *fresh;  /* slabs of the last one that were never used */
    size_t nfresh;
    size_t strays; /* blocks of malloc's that became small and could not move here */
};

/* As lua_Alloc; size 0 frees. NULL: no memory, and ptr is what it was. A block that becomes smaller
 * stays where it is if there is none. */
void *vm_pool_realloc(struct vm_pool *pool, void *ptr, size_t old_size, size_t size);
/* All blocks have been freed. */
void vm_pool_destroy(struct vm_pool *pool);

#endif
