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
    const char *reason;    /* of a refusal; masked; of `row` */
    int64_t since_ms;      /* likewise */
    int64_t expires_at_ms; /* of the access token */
    int64_t refresh_expires_at_ms;
    int64_t login_expires_at_ms;
    int64_t exchanged_at_ms;
    const char *endpoint_url; /* that a reply named */
    const char *scope;
    bool rotated; /* the refresh token is in the state, not in the configuration */
    struct store_token row;
    struct store_token owner_row; /* of the lender, where the row is a slot */
};

/* Blocks on the store. -1 with err, errors as in store.h; out is to be destroyed where it is 0. */
int token_status_read(struct store *store, const struct connector *connector,
                      const struct clock *clock, struct token_status *out, struct err *err);
/* Nothing is known: there is no state. */
void token_status_none(struct token_status *out);
void token_status_destroy(struct token_status *status);
const char *token_status_name(enum token_state state); /* "needs_person" */

#endif
