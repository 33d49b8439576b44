/* The token that Kaizala shows with each delivery. A hook without a secret has one of its own
 * making, kept in the state. */
#ifndef JETON_LISTEN_TOKEN_H
#define JETON_LISTEN_TOKEN_H

#include "app.h"
#include "hook.h"

bool listen_token_is_kaizala(const struct hook *hook);
/* Reads the token, or makes it, and adds it to keys that have none; registered with app->redact.
 * Blocks. *token is the caller's (mem_free_secret). */
int listen_token_get(struct app *app, const struct config *config, const struct hook *hook,
                     struct hook_secrets *keys, char **token, struct err *err);

#endif
