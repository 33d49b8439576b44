/* The handle: store.c, store_lease.c. */
#ifndef JETON_STORE_PRIVATE_H
#define JETON_STORE_PRIVATE_H

#include "clock.h"
#include "store_engine.h"

struct store {
    const struct store_engine *engine;
    void *self;
    struct loop *loop;
    struct loop *own_loop; /* NULL: the caller's */
    bool open;
    struct clock clock; /* store_clock */
};

#endif
