/* Events that wait for webhooks which the configuration has not any more, or which it has under
 * another name or path: nobody handles them. And webhooks that begin anew there. */
#ifndef JETON_LISTEN_LEFT_H
#define JETON_LISTEN_LEFT_H

#include "config.h"
#include "store.h"

/* Each such webhook. */
typedef void listen_left_fn(void *arg, const char *text);

/* Of the state, which is open. A state that cannot be read says nothing: others will. */
void listen_left_look(const struct config *config, struct store *store, listen_left_fn *tell,
                      void *arg);

/* Of those that `before` had. */
void listen_left_compare(const struct config *before, const struct config *config,
                         listen_left_fn *tell, void *arg);

#endif
