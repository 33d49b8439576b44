/* The parts of signing in, for `jeton login`. They run the engine's loop until they are done. */
#ifndef JETON_LOGIN_H
#define JETON_LOGIN_H

#include "app.h"
#include "provider.h"
#include "token_spend.h"
#include "url.h"

#define LOGIN_LINE_MAX  ((size_t)16 * 1024) /* of what is typed or pasted */
#define LOGIN_WAIT_MS   (10LL * 60 * 1000)  /* for the browser: as long as a code lives */
#define LOGIN_MOVES_MAX 3                   /* in a row */

struct login {
    struct app *app;
    struct engine *engine;
    const struct connector *connector;
    const struct connector_secrets *secrets;
    const char *metadata; /* as provider_ask has it */
};

/* What came of it. */
struct login_result {
    struct provider_token token;
    char *service; /* where the token service has moved; NULL: it is where it is configured */
    struct token_spend spend; /* of login_import: to be ended by token_adopt */
    bool dead; /* of a failure: the service has said that what was sent will never be good again */
    bool lost; /* of a failure: nobody knows what the service did with the last request */
};
void login_result_destroy(struct login_result *result);

/* What the provider is to be asked for, where result->service is; the rest is the caller's. */
struct provider_ask login_ask(const struct login *login, enum provider_purpose purpose,
                              const struct login_result *result);
/* One request, sent once. The secrets that come are registered. */
struct login_answer {
    enum provider_meaning meaning;
    struct provider_reply reply;
    int64_t retry_after_ms; /* as http_retry_after_ms */
    bool lost;              /* ask_is_lost */
};
/* 0: PROVIDER_GOOD or PROVIDER_MOVED; else -1 with err, and meaning says what is to be done. */
int login_call(const struct login *login, const struct provider_ask *ask,
               struct login_answer *answer, struct err *err);
/*
 * Sends one request of a sign-in, never twice, but to where the service has moved and the connector
 * allows it. result->service is where the reply came from; token what came, if anything did.
 */
int login_post(struct provider_ask ask, const struct login *login, struct login_result *result,
               struct err *err);

int login_pin(const struct login *login, const char *phone, struct login_result *out,
              struct err *err);
struct login_browser {
    bool types;   /* a code or URL may be typed meanwhile */
    bool paste;   /* the URL is pasted, without echo, and nobody listens */
    int64_t port; /* of redirect_uri; -1: as it says */
};
int login_browser(const struct login *login, const struct login_browser *how,
                  struct login_result *out, struct err *err);
/* A redirect URI, whose port may be 0. *local: a browser that is sent there comes to a port of this
 * machine. */
int login_redirect_parse(const char *text, struct url *url, bool *local, struct err *err);
/* A code that is typed into a browser anywhere (RFC 8628). */
int login_device(const struct login *login, struct login_result *out, struct err *err);

/* A refresh token that somebody else got, from standard input; exchanged once, under the lock that
 * out->spend holds from then on. */
int login_import(const struct login *login, struct login_result *out, struct err *err);

/* What the service says of itself, if the purpose needs it (mem_free); NULL: it does not. */
int login_discover(const struct login *login, enum provider_purpose purpose, char **metadata,
                   struct err *err);

/* Whether a URL may be shown to a person: https, or http to loopback; visible ASCII, and nothing
 * that url_parse refuses. ERR_HTTP says that it is the service's. */
int login_check_url(const char *url, struct err *err);

/*
 * One line of standard input without its end, at most LOGIN_LINE_MAX bytes; at a terminal after a
 * prompt and without echo. ERR_USAGE at the end of the input.
 */
int login_read_hidden(const char *prompt, struct buf *line, struct err *err);

/* The same for what is no secret: the terminal shows what is typed. */
int login_read_shown(const char *prompt, struct buf *line, struct err *err);

/* A code from what was pasted: itself, or the URL that the browser was sent to. `state` is what the
 * URL must carry. NULL where it is neither (mem_free_secret). */
char *login_redirect_code(const char *text, const char *state);
/* The decoded value of a query's parameter (mem_free_secret); NULL where it is absent, stands there
 * twice, or has a NUL byte. */
char *login_query_value(const char *query, const char *name);

#endif
