/* jeton logout: the end of what `jeton login` got, or of a configured refresh token. */
#include "verb.h"

#include "engine.h"
#include "mem.h"
#include "provider.h"
#include "verb_owner.h"

#include <string.h>

#define REPORT_MAX ((size_t)4 * 1024)

struct ended {
    enum token_left left;
    bool done;
    struct err err;
};

static void ended(void *arg, enum token_left left, const struct err *err)
{
    struct ended *ended = arg;
    ended->done = true;
    ended->left = left;
    if (err != NULL)
        ended->err = *err;
}

static int report(struct app *app, const struct connector *connector, enum token_left left,
                  bool local, struct err *err)
{
    bool standard = provider_of(connector)->can != NULL;
    bool stays = connector_secret(connector, PROVIDER_REFRESH_TOKEN) != NULL && !standard;
    struct buf out;
    buf_create(&out, REPORT_MAX);
    buf_printf(&out, "connector '%s': ", connector->name);
    if (left == TOKEN_LEFT_REVOKED)
        buf_puts(&out, "its token is revoked at the service, and forgotten");
    else if (left == TOKEN_LEFT_NOTHING)
        buf_puts(&out, "logged out; there was no token to revoke");
    else
        buf_printf(&out,
                   "forgotten here only%s: what was granted lives on at the service; end it there, "
                   "in the settings of the account",
                   local || !standard ? "" : ", for no revoke_url is known");
    if (stays)
        buf_printf(&out, "; the next use takes the configured refresh token");
    buf_putc(&out, '\n');
    int result = app_print(app, out.data, out.len, err);
    buf_destroy(&out);
    return result;
}

static int log_out(struct app *app, const struct config *config, const struct connector *connector,
                   void *arg, struct err *err)
{
    const bool local = *(const bool *)arg;
    struct ended end = {0};
    struct engine engine;
    engine_create(&engine, config, app->log, app->redact);
    int result = engine_need_store(&engine, err);
    if (result == 0) {
        token_logout(engine.tokens, connector, local, ended, &end);
        result = app_wait(&engine, &end.done, err);
    }
    if (result == 0 && end.err.kind != ERR_NONE) {
        *err = end.err;
        result = err_wrap(err, "connector '%s': logout", connector->name);
    }
    if (result == 0)
        result = report(app, connector, end.left, local, err);
    engine_destroy(&engine);
    return result;
}

int verb_logout(struct app *app, int argc, char **argv, struct err *err)
{
    bool local = false;
    const struct opt opts[] = {
        {0, "local", OPT_FLAG, &local, NULL, "only forget, and do not ask the service"},
        {0, NULL, OPT_FLAG, NULL, NULL, NULL},
    };
    const struct opt_spec spec = {
        .usage = "jeton logout CONNECTOR [--local]",
        .description =
            "Revokes the connector's refresh token at the service, where it can (revoke_url), then "
            "forgets all that is stored of it. If the service cannot be reached, nothing is "
            "forgotten. After that an OAuth 2.0 connector needs a person: jeton login, or another "
            "configured refresh token. Kaizala's tokens are only forgotten.",
        .opts = opts,
        .min_operands = 1,
        .max_operands = 1,
        .operands = "CONNECTOR",
    };
    struct opt_result result = {0};
    int parsed = app_options(app, &spec, argc, argv, &result, err);
    if (parsed <= 0)
        return parsed;
    int status = verb_owner(app, result.operands[0], "logged out", log_out, &local, err);
    mem_free(result.operands);
    return status;
}
