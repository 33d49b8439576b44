/* What a host keeps because its state, a database, could not take it (store_keeps). */
#ifndef JETON_APP_SPOOL_H
#define JETON_APP_SPOOL_H

#include "app.h"

bool app_spool_waits(const struct config *config);
/* Stores it, however long the database stays away. The exit status; -1 with err: what is kept
 * cannot be stored for another reason. */
int app_spool_push(struct app *app, const struct config *config, struct err *err);
/* -1 with err: where store_push says that what is left cannot be read. */
int app_spool_left(const struct config *config, struct err *err);

#endif
