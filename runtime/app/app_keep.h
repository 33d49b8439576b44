/* Refresh tokens that would die because nobody uses them. */
#ifndef JETON_APP_KEEP_H
#define JETON_APP_KEEP_H

#include "app.h"

/* Whether the configuration has connectors of a provider whose refresh tokens do. */
bool app_keep_may(const struct config *config);
/*
 * Exchanges those that die within a third of their idle life: the connector's, or where name is
 * NULL those of all. One that fails is logged, and the others are tried; the exit status is that of
 * the first. -1 with err: the state cannot be read, or there is no such connector.
 */
int app_keep_alive(struct app *app, const struct config *config, const char *name, struct err *err);

#endif
