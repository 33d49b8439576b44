/* What is asked of tokens, and what comes back. */
#ifndef JETON_TOKEN_QUERY_H
#define JETON_TOKEN_QUERY_H

#include "err.h"

#include <stdint.h>

enum token_source { TOKEN_CACHE, TOKEN_EXCHANGE };

struct token {
    const char *access_token; /* all strings: valid during the callback only */
    const char *endpoint_url; /* no trailing slash; NULL: the service named none */
    const char *scope;        /* comma-separated */
    int64_t expires_at_ms;    /* by the local wall clock; 0: the service did not say */
    int64_t age_ms;           /* since it was received; negative: not known */
    int64_t generation; /* pass it as token_query.worse_than when the API refused this token */
    int64_t refresh_since_ms;      /* when the stored refresh token came; 0: not known */
    int64_t refresh_expires_at_ms; /* of the refresh token; 0: not known */
    int64_t refresh_lifetime_ms;   /* from its receipt or last use to then; 0: not known */
    int64_t login_expires_at_ms;   /* of all that came from one sign-in; 0: not known, or never */
    const char *token_type;        /* NULL: the service did not say */
    enum token_source source;
    const char *refresh_token; /* only from token_exchange, when one came; else NULL */
};

/* err NULL: token is good. Called once, from the loop. */
typedef void token_done_fn(void *arg, const struct token *token, const struct err *err);

struct token_query {
    bool force; /* exchange even if the cached token is fresh */
    bool anew;  /* what the service says of itself is asked for it, as for the first one ever */
    /* Told (with done's arg) when an exchange for it is on the wire: now is the time to connect to
     * where the token will be used. endpoint, valid during the call: where it led last time, not
     * checked anew; NULL: not known. It cancels nothing. NULL: nobody wants to know. */
    void (*soon)(void *arg, const char *endpoint);
    int64_t worse_than; /* > 0: a cached token of this generation or an older one will not do */
};

struct tokens;
struct token_request;

#endif
