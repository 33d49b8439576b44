/* The parts of signing in, for `jeton login`. They run the engine's loop until they are done. */
#ifndef JETON_LOGIN_H
#define JETON_LOGIN_H

#include "app.h"
#include "provider.h"

#define LOGIN_LINE_MAX  ((size_t)16 * 1024) /* of what is typed or pasted */
#define LOGIN_WAIT_MS   (10LL * 60 * 1000)  /* for the browser: as long as a code lives */
#define LOGIN_MOVES_MAX 3                   /* in a row */

struct login {
    struct app *app;
    struct engine *engine;
    const struct connector *connector;
    const struct connector_secrets *secrets;
};

/* What came of it. */
struct login_result {
    char *refresh_token;
    char *service; /* where the token service has moved; NULL: it is where it is configured */
};
void login_result_destroy(struct login_result *result);

/* What the provider is to be asked for, where result->service is; the rest is the caller's. */
struct provider_ask login_ask(const struct login *login, enum provider_purpose purpose,
                              const struct login_result *result);
/*
 * Sends one request of a sign-in, never twice, but to where the service has moved and the connector
 * allows it. result->service is where the reply came from; refresh_token what came, if one did.
 */
int login_post(struct provider_ask ask, const struct login *login, struct login_result *result,
               struct err *err);

int login_pin(const struct login *login, const char *phone, struct login_result *out,
              struct err *err);
int login_oauth(const struct login *login, struct login_result *out, struct err *err);

/*
 * One line of standard input without its end, at most LOGIN_LINE_MAX bytes; at a terminal after a
 * prompt and without echo. ERR_USAGE at the end of the input.
 */
int login_read_hidden(const char *prompt, struct buf *line, struct err *err);

/* The same for what is no secret: the terminal shows what is typed. */
int login_read_shown(const char *prompt, struct buf *line, struct err *err);

/* A code from what was pasted: itself, or the URL that the browser was sent to. `state` is what the
 * URL must carry. NULL where it is neither (mem_free_secret). */
char *login_code_of(const char *text, const char *state);
/* The decoded value of a query's parameter (mem_free_secret); NULL where it is absent. */
char *login_query_value(const char *query, const char *name);

#endif
