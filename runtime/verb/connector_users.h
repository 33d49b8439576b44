/* What of a configuration names a connector. */
#ifndef JETON_CONNECTOR_USERS_H
#define JETON_CONNECTOR_USERS_H

#include "config.h"

enum connector_user_kind { CONNECTOR_USER_JOB, CONNECTOR_USER_HOOK, CONNECTOR_USER_LENT };
#define CONNECTOR_USER_KINDS 3

typedef void connector_user_fn(void *arg, enum connector_user_kind kind, const char *name);
/* Calls fn for each job (notices included), webhook, and connector with its token (token_of). */
void connector_users(const struct config *config, const char *connector, connector_user_fn *fn,
                     void *arg);

/* The secret of another connector than `except` (or NULL), of a webhook or of the state that is
 * read from this file, by whatever path; NULL: there is none, or no such file. */
const struct secret *connector_users_of_file(const struct config *config,
                                             const struct connector *except, const char *path);

#endif
