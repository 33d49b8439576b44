/* What a listener works by, read once: the configuration, the hooks' keys, the certificate. */
#ifndef JETON_LISTEN_PLAN_H
#define JETON_LISTEN_PLAN_H

#include "app.h"
#include "hook.h"
#include "hook_check.h"

struct listen_plan {
    struct config *config;
    struct hook_secrets **keys; /* of config->hooks */
    char **tokens;              /* likewise: of hooks of Kaizala, what deliveries show; else NULL */
    char *certificate, *key;    /* PEM; NULL: no TLS */
};

/* Reads secrets and runs their commands: blocks. ERR_CONFIG: there is no hook, a secret cannot be
 * read, or the key's file has unsafe modes. */
int listen_plan_load(struct listen_plan *plan, struct app *app, struct err *err);
void listen_plan_destroy(struct listen_plan *plan); /* idempotent; a zeroed struct is fine */

#endif
