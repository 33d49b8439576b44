/* The pages of past runs, live: `jeton history --serve`. The pages are scripts/history. */
#ifndef JETON_HISTORY_SERVE_H
#define JETON_HISTORY_SERVE_H

#include "app.h"

/*
 * Serves until a signal ends it. `address` is HOST:PORT of this machine; "" is a free port. `homes`
 * as in store_run_filter: NULL for the runs of all configurations; `configuration` says whose they
 * are. ERR_USAGE for an address that others can reach.
 */
int history_serve(struct app *app, const struct config *config, const char *address,
                  const char *configuration, struct err *err);

#endif
