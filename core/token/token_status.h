/* What is known of a connector's token without asking anybody: no network, no secret is read. */
#ifndef JETON_TOKEN_STATUS_H
#define JETON_TOKEN_STATUS_H

#include "connector.h"
#include "store.h"

enum token_state {
    TOKEN_STATE_FRESH,
    TOKEN_STATE_DUE,     /* the next use exchanges it */
    TOKEN_STATE_NEW,     /* it was never exchanged */
    TOKEN_STATE_REFUSED, /* the service refused the last exchange */
    TOKEN_STATE_PERSON,  /* somebody must sign in, or configure another refresh token */
};

/* What has not happened, or is not known, is NULL or 0. Times by the wall clock, ms. */
struct token_status {
    enum token_state state;
    const char *reason;    /* of the last exchange's refusal, also of a fresh one; masked */
    int64_t since_ms;      /* likewise */
    int64_t expires_at_ms; /* of the access token */
    int64_t refresh_expires_at_ms;
    int64_t refresh_lifetime_ms; /* from its receipt or last use to then */
    int64_t login_expires_at_ms;
    int64_t exchanged_at_ms;
    const char *endpoint_url; /* that a reply named */
    const char *scope;
    bool rotated; /* the refresh token is in the state, not in the configuration */
};

typedef void token_status_fn(void *arg, const struct connector *connector,
                             const struct token_status *status);
/* Calls fn for each connector, in order; what it is given is valid during the call. store NULL:
 * there is no state, and nothing is known. Blocks on the store; errors as in store.h, and then fn
 * is not called. */
int token_status_each(struct store *store, struct connector *const *connectors, size_t count,
                      token_status_fn *fn, void *arg, struct err *err);
const char *token_status_name(enum token_state state); /* "needs_person" */

#endif
