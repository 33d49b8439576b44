/* jeton login: a connector's first refresh token, by PIN, in a browser, or by a device's code. */
#include "verb.h"

#include "clock.h"
#include "config_load.h"
#include "login.h"
#include "mem.h"

#include <string.h>

#define REPORT_MAX ((size_t)64 * 1024)

struct login_options {
    const char *phone;
    bool oauth;
    bool device;
};

struct stored {
    bool done;
    struct err err;
};

static void adopted(void *arg, const struct err *err)
{
    struct stored *stored = arg;
    stored->done = true;
    if (err != NULL)
        stored->err = *err;
}

static int keep(struct engine *engine, const struct connector *connector,
                const struct login_result *came, struct err *err)
{
    struct stored stored = {0};
    token_adopt(engine->tokens, connector, &came->token, came->service, adopted, &stored);
    if (app_wait(engine, &stored.done, err) != 0)
        return -1;
    if (stored.err.kind == ERR_NONE)
        return 0;
    *err = stored.err;
    return err_wrap(err, "the service returned tokens, but they could not be stored");
}

struct proof {
    struct buf out;
    const char *name;
    bool renewable; /* a refresh token came */
};

static void report_proof(void *arg, const struct token *token)
{
    struct proof *proof = arg;
    char time[CLOCK_RFC3339_SIZE] = "the API refuses it";
    if (token->expires_at_ms > 0)
        clock_format_rfc3339(token->expires_at_ms, time, sizeof time);
    buf_printf(&proof->out, "connector '%s' is signed in: ", proof->name);
    if (!proof->renewable)
        buf_printf(&proof->out, "an access token is stored, good until %s\n", time);
    else if (token->source == TOKEN_EXCHANGE)
        buf_printf(&proof->out,
                   "its refresh token is stored, and an exchange returned an access token valid "
                   "until %s\n",
                   time);
    else
        buf_printf(&proof->out, "its refresh token is stored, and an access token valid until %s\n",
                   time);
}

/* The stored token, used once: only then is it known to work. An access token that came with it is
 * proof enough. */
static int prove(struct app *app, struct engine *engine, const struct connector *connector,
                 bool renewable, struct err *err)
{
    struct proof proof = {.name = connector->name, .renewable = renewable};
    if (!renewable)
        log_msg(app->log, LOG_WARN,
                "the service gave no refresh token, so that nothing can renew this sign-in; some "
                "give one only if it is asked for (a scope such as offline_access, or a "
                "parameter)");
    buf_create(&proof.out, REPORT_MAX);
    int result = app_wait_token(engine, connector, NULL, report_proof, &proof, err);
    if (result == 0)
        result = app_print(app, proof.out.data, proof.out.len, err);
    buf_destroy(&proof.out);
    return result;
}

/* The ways of one provider mean nothing to another. */
static int check_way(const struct connector *connector, const struct login_options *options,
                     struct err *err)
{
    const struct provider *provider = provider_of(connector);
    const char *sign_in = provider->sign_in != NULL ? provider->sign_in : "none";
    bool device = provider->can != NULL;
    if (device != options->device)
        return err_set(err, ERR_USAGE,
                       "connector '%s' is of provider '%s'; the ways to sign in there: %s",
                       connector->name, connector->provider->name, sign_in);
    if (options->device && !provider->can(connector, PROVIDER_DEVICE))
        return err_set(err, ERR_CONFIG,
                       "connector '%s': --device needs 'device_url', and grant: refresh_token, in "
                       "%s",
                       connector->name, connector->shown);
    return 0;
}

static int sign_in(struct app *app, const struct config *config, const char *name,
                   const struct login_options *options, struct err *err)
{
    const struct connector *connector = config_connector(config, name, err);
    if (connector == NULL)
        return -1;
    if (connector->lender != NULL) {
        log_msg(app->log, LOG_WARN, "connector '%s' has the token of '%s', which is signed in",
                connector->name, connector->lender->name);
        connector = connector->lender;
    }
    if (check_way(connector, options, err) != 0)
        return -1;
    int result = -1;
    struct login_result came = {0};
    struct connector_secrets secrets = {0};
    struct engine engine;
    engine_create(&engine, config, app->log, app->redact);
    /* What cannot be read now would make the login useless: before anybody is asked for anything.
     */
    if (engine_need_store(&engine, err) != 0 ||
        connector_secrets_read(connector, app->redact, 0, &secrets, err) != 0)
        goto cleanup;
    const struct login login = {
        .app = app,
        .engine = &engine,
        .connector = connector,
        .secrets = &secrets,
    };
    if (options->device)
        result = login_device(&login, &came, err);
    else
        result = options->oauth ? login_oauth(&login, &came, err)
                                : login_pin(&login, options->phone, &came, err);
    if (result != 0) {
        err_wrap(err, "connector '%s': login", connector->name);
        goto cleanup;
    }
    result = keep(&engine, connector, &came, err);
    if (result == 0)
        result = prove(app, &engine, connector, came.token.refresh_token != NULL, err);

cleanup:
    engine_destroy(&engine);
    login_result_destroy(&came);
    connector_secrets_destroy(&secrets);
    return result;
}

int verb_login(struct app *app, int argc, char **argv, struct err *err)
{
    struct login_options options = {0};
    const struct opt opts[] = {
        {0, "pin", OPT_STRING, &options.phone, "PHONE",
         "send a PIN to this number by SMS; it is prompted for, or read from standard input"},
        {0, "oauth", OPT_FLAG, &options.oauth, NULL,
         "print a URL to sign in at, and wait for the browser, or for its code to be pasted"},
        {0, "device", OPT_FLAG, &options.device, NULL,
         "OAuth 2.0: print a URL and a code to be typed there, on any device, and wait"},
        {0, NULL, OPT_FLAG, NULL, NULL, NULL},
    };
    const struct opt_spec spec = {
        .usage = "jeton login CONNECTOR (--pin PHONE | --oauth | --device)",
        .description =
            "Signs in and stores the refresh token in the state: the connector then needs none in "
            "the configuration. One that is configured or changed later takes precedence.",
        .opts = opts,
        .min_operands = 1,
        .max_operands = 1,
    };
    struct opt_result result = {0};
    int parsed = app_options(&spec, argc, argv, &result, err);
    if (parsed <= 0)
        return parsed;
    int status = -1;
    if ((options.phone != NULL) + options.oauth + options.device != 1) {
        mem_free(result.operands);
        return err_set(err, ERR_USAGE,
                       "jeton login: expected one of --pin PHONE, --oauth and --device");
    }
    struct config *config = app_config(app, true, err);
    if (config != NULL)
        status = sign_in(app, config, result.operands[0], &options, err);
    config_free(config);
    mem_free(result.operands);
    return status;
}
