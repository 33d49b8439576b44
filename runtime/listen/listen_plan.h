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

/* Both, for the caller to free, also after a failure. ERR_CONFIG: they cannot be read, have unsafe
 * modes, or no server can use them. */
int listen_plan_read_certificate(const struct hook_listen *listen, char **certificate, char **key,
                                 struct err *err);
/* Reads secrets and runs their commands: blocks. ERR_CONFIG: there is no hook, a secret cannot be
 * read, or certificate and key. */
int listen_plan_load(struct listen_plan *plan, struct app *app, struct err *err);
void listen_plan_destroy(struct listen_plan *plan); /* idempotent; a zeroed struct is fine */

#endif
