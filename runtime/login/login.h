/* Signing in, for `jeton login`: the parts of it. They turn the engine's loop until they are done.
 */
#ifndef JETON_LOGIN_H
#define JETON_LOGIN_H

#include "app.h"

#define LOGIN_LINE_MAX  ((size_t)16 * 1024) /* of what is typed or pasted */
#define LOGIN_WAIT_MS   (10LL * 60 * 1000)  /* for the browser: as long as a code lives */
#define LOGIN_MOVES_MAX 3                   /* 308 in a row */

struct login {
    struct app *app;
    struct engine *engine;
    const struct connector *connector;
    const char *application_id;
    const char *application_secret;
};

/* What came of it. */
struct login_result {
    char *refresh_token;
    char *token_service; /* where a 308 led; NULL: it is where it is configured */
};
void login_result_destroy(struct login_result *result);

/*
 * POSTs to *base, following 308 to allowed hosts; *base (mem_free) is then where the reply came
 * from. Never sent twice. refresh_token NULL: none is expected in the reply; else it is the
 * caller's (mem_free_secret).
 */
int login_post(const struct login *login, char **base, const char *path, const char *content_type,
               const struct buf *body, char **refresh_token, struct err *err);

int login_pin(const struct login *login, const char *phone, struct login_result *out,
              struct err *err);
int login_oauth(const struct login *login, struct login_result *out, struct err *err);

/*
 * One line of standard input without its end, at most LOGIN_LINE_MAX bytes; at a terminal after a
 * prompt and without echo. ERR_USAGE at the end of the input.
 */
int login_read_hidden(const char *prompt, struct buf *line, struct err *err);

/* A code from what was pasted: itself, or the URL that the browser was sent to. `state` is what the
 * URL must carry. NULL where it is neither (mem_free_secret). */
char *login_code_of(const char *text, const char *state);
/* The decoded value of a query's parameter (mem_free_secret); NULL where it is absent. */
char *login_query_value(const char *query, const char *name);

#endif
