/* What verbs share that change the token of one connector: login, logout. */
#ifndef JETON_VERB_OWNER_H
#define JETON_VERB_OWNER_H

#include "app.h"

typedef int verb_owner_fn(struct app *app, const struct config *config,
                          const struct connector *connector, void *arg, struct err *err);
/* Loads the configuration and calls `run` for the connector of this name; where that has the token
 * of another, for that one, with a warning: "…, which is <became>". What `run` returns, or -1. */
int verb_owner(struct app *app, const char *name, const char *became, verb_owner_fn *run, void *arg,
               struct err *err);

#endif
