/*
 * The addresses of hosts' names, as the system finds them, without blocking: getaddrinfo runs in a
 * thread of its own, whose end is heard in the loop. It cannot be broken off: who does not want to
 * wait any more leaves the thread to itself.
 */
#ifndef JETON_LOOKUP_H
#define JETON_LOOKUP_H

#include "err.h"
#include "loop.h"

#define LOOKUP_NAMES_MAX     8
#define LOOKUP_ADDRESSES_MAX 32 /* of all names together; more are left out */
#define LOOKUP_ADDRESS_SIZE  64 /* of one, as text, and NUL */

struct lookup;
struct lookup_found {
    size_t count;
    struct {
        size_t name; /* which one's, from 0; they are in that order */
        char text[LOOKUP_ADDRESS_SIZE];
    } addresses[LOOKUP_ADDRESSES_MAX];
    const char *why; /* of the last name that has none; NULL: all have some */
};
/* Once, from the loop; the lookup is over, and found is valid during the call. */
typedef void lookup_fn(void *arg, const struct lookup_found *found);

/* Names that are NULL have no addresses. At most LOOKUP_NAMES_MAX. ERR_NETWORK: no thread. */
struct lookup *lookup_start(struct loop *loop, const char *const *names, size_t count,
                            lookup_fn *done, void *arg, struct err *err);
/* done will not be called. NULL is fine. In a child that was forked: the parent's goes on. */
void lookup_cancel(struct lookup *lookup);

#endif
