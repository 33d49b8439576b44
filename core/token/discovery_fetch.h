/* Asks a service for what it says of itself: at the places that the provider names, one after the
 * other, until one has it. */
#ifndef JETON_DISCOVERY_FETCH_H
#define JETON_DISCOVERY_FETCH_H

#include "provider.h"
#include "transport.h"

#define DISCOVERY_FRESH_MS (24LL * 3600 * 1000) /* how long what was said is used unasked */

/* Called once, from the loop: what is to be kept (the callee's, mem_free), or NULL with err, which
 * names the place. */
typedef void discovery_done_fn(void *arg, char *metadata, const struct err *err);

struct discovery;
/* NULL with err where nothing could be sent. The connector outlives it. */
struct discovery *discovery_fetch(const struct transport *transport,
                                  const struct connector *connector, discovery_done_fn *done,
                                  void *arg, struct err *err);
void discovery_fetch_cancel(struct discovery *discovery); /* NULL is fine */

#endif
