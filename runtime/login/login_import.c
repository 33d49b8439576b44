/* jeton login --import: a refresh token that was got elsewhere. */
#include "ascii.h"
#include "login.h"
#include "mem.h"
#include "token_intent.h"

#include <string.h>

#define IMPORT_MIN 6 /* characters; shorter ones could not be masked */

/* Trimmed; visible ASCII. */
static int read_token(const struct login *login, struct buf *line, char **token, struct err *err)
{
    if (login_read_hidden("refresh token: ", line, err) != 0)
        return err_wrap(err, "the refresh token");
    char *text = line->data + strspn(line->data, " \t");
    size_t len = strcspn(text, " \t\r");
    bool good = len >= IMPORT_MIN && text[len + strspn(text + len, " \t\r")] == '\0';
    text[len] = '\0';
    for (const char *c = text; *c != '\0'; c++)
        good = good && ascii_is_visible(*c);
    if (!good)
        return err_set(err, ERR_USAGE,
                       "that is not a refresh token: expected a line of %d or more "
                       "visible characters",
                       IMPORT_MIN);
    redact_add_owned(login->app->redact, text, len, login->connector->name);
    *token = text;
    return 0;
}

/*
 * The token that was typed may be spent by now: what came in its place is kept, whatever else is
 * wrong with the reply, and the exchange that follows says what that is.
 */
static int save_what_came(const struct login *login, const char *typed,
                          struct provider_token *token, int result, struct err *err)
{
    if (result == 0 && token->endpoint_url != NULL)
        result = connector_allows(login->connector, token->endpoint_url, err);
    if (result != 0) {
        char line[ERR_LINE_MAX];
        log_msg(login->app->log, LOG_WARN, "%s; the refresh token is kept", err_line(err, line));
        mem_free_secret(token->access_token);
        mem_free(token->endpoint_url);
        token->access_token = token->endpoint_url = NULL;
    }
    if (token->refresh_token == NULL)
        token->refresh_token = mem_strdup(typed);
    return 0;
}

struct spent {
    bool done;
    struct err err;
};

static void spent(void *arg, const struct err *err)
{
    struct spent *spent = arg;
    spent->done = true;
    if (err != NULL)
        spent->err = *err;
}

static int wait_for(const struct login *login, const struct spent *spent, struct err *err)
{
    if (app_wait(login->engine, &spent->done, err) != 0)
        return -1;
    if (spent->err.kind == ERR_NONE)
        return 0;
    *err = spent->err;
    return -1;
}

/* Nothing came of it: what is to be written of that, and said. */
static void give_up(const struct login *login, struct login_result *out, struct err *err)
{
    struct spent end = {0};
    struct err failure;
    char line[ERR_LINE_MAX];
    if (out->dead && out->spend.lost_ms > 0)
        token_intent_tell_lost(out->spend.lost_ms, err);
    if (out->lost)
        log_msg(
            login->app->log, LOG_WARN,
            "the reply was lost: perhaps the service has replaced the refresh token; import the "
            "same one once more");
    token_spend_end(&out->spend, out->lost, spent, &end);
    if (wait_for(login, &end, &failure) != 0)
        log_msg(login->app->log, LOG_WARN, "%s", err_line(&failure, line));
}

static int exchange(const struct login *login, const char *token, struct login_result *out,
                    struct err *err)
{
    struct spent begin = {0};
    token_spend_begin(&out->spend, login->engine->tokens, login->connector, token, spent, &begin);
    if (wait_for(login, &begin, err) != 0)
        return -1;
    struct provider_ask ask = login_ask(login, PROVIDER_ACCESS, out);
    ask.refresh_token = token;
    int result = login_post(ask, login, out, err);
    if (result != 0 && out->token.refresh_token == NULL)
        give_up(login, out, err);
    return result;
}

int login_import(const struct login *login, struct login_result *out, struct err *err)
{
    struct buf line;
    char *token = NULL;
    buf_create_secret(&line, LOGIN_LINE_MAX);
    log_msg(login->app->log, LOG_WARN,
            "the refresh token is exchanged at once: where the service replaces it, whoever else "
            "holds it loses it");
    int result = read_token(login, &line, &token, err);
    if (result == 0)
        result = exchange(login, token, out, err);
    if (result == 0 || out->token.refresh_token != NULL)
        result = save_what_came(login, token, &out->token, result, err);
    buf_destroy(&line);
    return result;
}
