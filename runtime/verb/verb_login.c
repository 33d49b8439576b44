/* jeton login: a connector's first refresh token, by PIN, in a browser, or by a device's code. */
#include "verb.h"

#include "clock.h"
#include "login.h"
#include "mem.h"
#include "verb_owner.h"

#include <string.h>
#include <unistd.h>

#define REPORT_MAX ((size_t)64 * 1024)

/* How to sign in. */
enum way { WAY_NONE, WAY_PIN, WAY_OAUTH, WAY_DEVICE, WAY_BROWSER, WAY_PASTE, WAY_IMPORT };

struct login_options {
    const char *phone;
    bool oauth;
    bool device;
    bool browser;
    bool paste;
    bool import;
    int64_t port;
    enum way way; /* what follows from them */
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

static int keep(struct engine *engine, const struct connector *connector, struct login_result *came,
                struct err *err)
{
    struct stored stored = {0};
    struct token_spend *spend = came->spend.held ? &came->spend : NULL;
    token_adopt(engine->tokens, connector, &came->token, came->service, spend, adopted, &stored);
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

/* A person may leave some out where the service asks whether it may. */
static void tell_ungranted(const struct app *app, const struct connector *connector,
                           const struct provider_token *came)
{
    const struct provider *provider = provider_of(connector);
    char *lacks = provider->ungranted != NULL ? provider->ungranted(connector, came->scope) : NULL;
    if (lacks != NULL)
        log_msg(app->log, LOG_WARN,
                "connector '%s': of the scopes asked for, the service's reply does not name: %s; "
                "they may have been left out, or be implied by others that it names",
                connector->name, lacks);
    mem_free(lacks);
}

/* The ways of one provider mean nothing to another; and none only at a terminal, where the usual
 * one can be seen to begin. */
static int check_way(const struct connector *connector, const struct login_options *options,
                     struct err *err)
{
    bool standard = provider_of(connector)->can != NULL;
    const char *ways = provider_sign_in(connector);
    bool terminal = options->way != WAY_NONE || isatty(STDIN_FILENO) == 1;
    if (!terminal && ways != NULL)
        return err_set(err, ERR_USAGE,
                       "jeton login: there is no terminal; say how connector '%s' signs in: %s",
                       connector->name, ways);
    if (standard ? options->way == WAY_NONE || options->way >= WAY_DEVICE
                 : options->way != WAY_NONE && options->way < WAY_DEVICE)
        return 0;
    return err_set(err, ERR_USAGE,
                   "connector '%s' is of provider '%s'; the ways to sign in there: %s",
                   connector->name, connector->provider->name, ways != NULL ? ways : "none");
}

static bool can(const struct login *login, enum provider_purpose purpose)
{
    const struct provider *provider = provider_of(login->connector);
    const struct provider_ask ask = login_ask(login, purpose, &(struct login_result){0});
    return provider->can == NULL || provider->can(&ask);
}

/* Of a person who has said nothing. */
static enum way usual_way(const struct login *login)
{
    const struct connector *connector = login->connector;
    struct err ignored;
    struct url url;
    if (can(login, PROVIDER_DEVICE))
        return WAY_DEVICE;
    bool local = false;
    if (login_redirect_parse(provider_of(connector)->redirect_uri(connector), &url, &local,
                             &ignored) == 0)
        url_destroy(&url);
    return local ? WAY_BROWSER : WAY_PASTE;
}

/* Chooses one where none is given, and sees what it needs. */
static int choose_way(struct login *login, struct login_options *options, char **metadata,
                      struct err *err)
{
    static const struct {
        enum provider_purpose purpose;
        const char *needs;
    } ways[] = {[WAY_DEVICE] = {PROVIDER_DEVICE, "device_url"},
                [WAY_BROWSER] = {PROVIDER_CODE, "authorize_url"},
                [WAY_PASTE] = {PROVIDER_CODE, "authorize_url"},
                [WAY_IMPORT] = {PROVIDER_ACCESS, "token_url"}};
    if (provider_of(login->connector)->can == NULL)
        return 0;
    enum way way = options->way != WAY_NONE ? options->way : WAY_DEVICE;
    if (login_discover(login, ways[way].purpose, metadata, err) != 0)
        return -1;
    login->metadata = *metadata;
    if (options->way == WAY_NONE)
        options->way = usual_way(login);
    if (!can(login, ways[options->way].purpose))
        return err_set(err, ERR_CONFIG, "it needs '%s', and grant: refresh_token, in %s",
                       ways[options->way].needs, login->connector->shown);
    return 0;
}

static int take_way(const struct login *login, const struct login_options *options,
                    struct login_result *out, struct err *err)
{
    const struct login_browser how = {.types = options->way == WAY_OAUTH,
                                      .paste = options->way == WAY_PASTE,
                                      .port = options->port};
    if (options->way == WAY_PIN)
        return login_pin(login, options->phone, out, err);
    if (options->way == WAY_IMPORT)
        return login_import(login, out, err);
    return options->way == WAY_DEVICE ? login_device(login, out, err)
                                      : login_browser(login, &how, out, err);
}

static int sign_in(struct app *app, const struct config *config, const struct connector *connector,
                   void *arg, struct err *err)
{
    struct login_options *options = arg;
    if (check_way(connector, options, err) != 0)
        return -1;
    int result = -1;
    char *metadata = NULL;
    struct login_result came = {0};
    struct connector_secrets secrets = {0};
    struct engine engine;
    engine_create(&engine, config, app->log, app->redact);
    /* What cannot be read now would make the login useless: before anybody is asked for anything.
     */
    if (engine_need_store(&engine, err) != 0 ||
        connector_secrets_read(connector, app->redact, 0, &secrets, err) != 0)
        goto cleanup;
    struct login login = {
        .app = app,
        .engine = &engine,
        .connector = connector,
        .secrets = &secrets,
    };
    result = choose_way(&login, options, &metadata, err);
    if (result == 0)
        result = take_way(&login, options, &came, err);
    if (result != 0) {
        err_wrap(err, "connector '%s': login", connector->name);
        goto cleanup;
    }
    result = keep(&engine, connector, &came, err);
    if (result == 0)
        tell_ungranted(app, connector, &came.token);
    if (result == 0)
        result = prove(app, &engine, connector, came.token.refresh_token != NULL, err);

cleanup:
    login_result_destroy(&came);
    engine_destroy(&engine);
    mem_free(metadata);
    connector_secrets_destroy(&secrets);
    return result;
}

/* At most one. */
static int read_way(struct login_options *options, struct err *err)
{
    static const char expected[] =
        "expected one of --pin PHONE, --oauth, --device, --browser, --paste and --import";
    const bool given[] = {[WAY_PIN] = options->phone != NULL, [WAY_OAUTH] = options->oauth,
                          [WAY_DEVICE] = options->device,     [WAY_BROWSER] = options->browser,
                          [WAY_PASTE] = options->paste,       [WAY_IMPORT] = options->import};
    for (int way = WAY_PIN; way <= WAY_IMPORT; way++) {
        if (given[way] && options->way != WAY_NONE)
            return err_set(err, ERR_USAGE, "jeton login: %s", expected);
        if (given[way])
            options->way = (enum way)way;
    }
    if (options->port > 65535)
        return err_set(err, ERR_USAGE, "jeton login: --port: expected 0 to 65535");
    if (options->port >= 0 && options->way != WAY_NONE && options->way != WAY_BROWSER &&
        options->way != WAY_PASTE)
        return err_set(err, ERR_USAGE, "jeton login: --port is for --browser and --paste");
    return 0;
}

int verb_login(struct app *app, int argc, char **argv, struct err *err)
{
    struct login_options options = {.port = -1};
    const struct opt opts[] = {
        {0, "pin", OPT_STRING, &options.phone, "PHONE",
         "Kaizala: send a PIN to this number by SMS; it is prompted for, or read from standard "
         "input"},
        {0, "oauth", OPT_FLAG, &options.oauth, NULL,
         "Kaizala: print a URL to sign in at, and wait for the browser, or for its code to be "
         "pasted"},
        {0, "device", OPT_FLAG, &options.device, NULL,
         "OAuth 2.0: print a URL and a code to be typed there, on any device, and wait"},
        {0, "browser", OPT_FLAG, &options.browser, NULL,
         "print a URL to sign in at, and wait for a browser on this machine to return"},
        {0, "paste", OPT_FLAG, &options.paste, NULL,
         "the same with a browser anywhere: paste the URL that it ends at"},
        {0, "import", OPT_FLAG, &options.import, NULL,
         "read a refresh token that you have, without echo or from standard input; it is "
         "exchanged at once, and whoever else holds it may lose it"},
        {0, "port", OPT_INTEGER, &options.port, "N",
         "the port of this machine that the browser returns to (default: that of redirect_uri)"},
        {0, NULL, OPT_FLAG, NULL, NULL, NULL},
    };
    const struct opt_spec spec = {
        .usage = "jeton login CONNECTOR [--device | --browser | --paste | --import] [--port N]\n"
                 "jeton login CONNECTOR (--pin PHONE | --oauth)",
        .description =
            "Signs in and stores the refresh token in the state: the connector then needs none in "
            "the configuration. One that is configured or changed later takes precedence. At a "
            "terminal, and for OAuth 2.0, the usual way need not be named: --device where the "
            "connector has a device_url, else the browser.",
        .opts = opts,
        .min_operands = 1,
        .max_operands = 1,
        .operands = "CONNECTOR",
    };
    struct opt_result result = {0};
    int parsed = app_options(app, &spec, argc, argv, &result, err);
    if (parsed <= 0)
        return parsed;
    int status = read_way(&options, err);
    if (status == 0)
        status = verb_owner(app, result.operands[0], "signed in", sign_in, &options, err);
    mem_free(result.operands);
    return status;
}
