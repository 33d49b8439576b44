/* jeton connector add: a connector's values, tried and then written beside the configuration. */
#include "verb.h"

#include "config_field.h"
#include "config_load.h"
#include "connector_files.h"
#include "connector_text.h"
#include "connector_users.h"
#include "connector_wants.h"
#include "hook.h"
#include "login.h"

#include "allow.h"
#include "clock.h"
#include "connector.h"
#include "mem.h"
#include "provider_list.h"
#include "url.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define REPORT_MAX ((size_t)64 * 1024)

struct add_options {
    const char *name;
    const char *token_service;
    const char *preset;
    const char *issuer;
    struct opt_strings vars;
    struct opt_strings scopes;
    struct opt_strings allow_hosts;
    bool force;
};

struct add {
    struct app *app;
    const struct add_options *options;
    struct config *config;
    struct connector_files files;
    struct connector_values values;
    struct connector_wants wants;
    char *service;
    char **lists[3];                  /* of values */
    struct buf given[PROVIDER_GIVEN]; /* secrets, in the provider's order */
    bool signs_in;                    /* `jeton login` can give it its refresh token */
    bool replaces;                    /* a connector that there is, and has tokens, perhaps */
};

static bool good_name(const char *name)
{
    static const char head[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");
    return name[0] != '\0' && strchr(head, name[0]) != NULL && name[len] == '\0' &&
           len <= CONFIG_NAME_MAX;
}

static int check_options(const struct add_options *options, struct err *err)
{
    if (!good_name(options->name))
        return err_set(err, ERR_USAGE,
                       "'%s' cannot be the name of a connector; expected 1 to %d letters, digits, "
                       "'_' and '-', a letter or digit first",
                       options->name, CONFIG_NAME_MAX);
    if ((options->token_service != NULL) + (options->preset != NULL) + (options->issuer != NULL) !=
        1)
        return err_set(err, ERR_USAGE,
                       "jeton connector add: expected --preset NAME, --issuer URL, or "
                       "--token-service URL, such as %s",
                       provider_default->service_example);
    if (options->preset == NULL && options->vars.count > 0)
        return err_set(err, ERR_USAGE, "--var needs --preset");
    if (options->token_service != NULL && options->scopes.count > 0)
        return err_set(err, ERR_USAGE, "--scope needs --preset or --issuer");
    int result = options->token_service != NULL ? allow_check_base(options->token_service, err) : 0;
    if (result != 0)
        err_wrap(err, "--token-service");
    for (size_t i = 0; result == 0 && i < options->allow_hosts.count; i++) {
        result = allow_pattern_check(options->allow_hosts.items[i], err);
        if (result != 0)
            err_wrap(err, "--allow-host");
    }
    if (result != 0)
        err->kind = ERR_USAGE;
    return result;
}

/* The file that the connector does not name, so that it has its former secrets until its own file
 * is another one. What something else reads too gets the new value where it is. */
static void choose_slots(struct add *add, const struct connector *found)
{
    for (size_t i = 0; i < PROVIDER_GIVEN; i++) {
        const char *path = connector_files_secret(&add->files, i);
        if (path != NULL && connector_secret(found, provider_of(found)->given[i].key) != NULL &&
            connector_users_of_file(add->config, found, path) == NULL)
            add->files.secrets[i].slot = 1 - add->files.secrets[i].slot;
    }
}

/* Files of secrets that neither the connector nor the former one names. Those of the former one
 * stay until the next add or remove: whoever runs meanwhile reads them at its next exchange. */
static void tidy(const struct add *add)
{
    for (size_t i = 0; i < PROVIDER_GIVEN * CONNECTOR_SLOTS; i++) {
        size_t given = i / CONNECTOR_SLOTS;
        const char *path = add->files.secrets[given].paths[i % CONNECTOR_SLOTS];
        bool named =
            add->given[given].len > 0 && path == connector_files_secret(&add->files, given);
        if (path != NULL && !named && connector_users_of_file(add->config, NULL, path) == NULL &&
            unlink(path) != 0 && errno != ENOENT)
            log_msg(add->app->log, LOG_WARN, "%s is of no use any more and cannot be removed: %s",
                    path, strerror(errno));
    }
}

/* The name must be free, or ours and --force given; so must the files. */
static int check_free(struct add *add, struct err *err)
{
    struct connector_files *files = &add->files;
    const char *name = add->options->name;
    const struct connector *found = config_connector(add->config, name, err);
    if (found == NULL) {
        /* conf.d/NAME.yaml holds something else: not even --force may replace that. */
        if (access(files->yaml, F_OK) == 0)
            return err_set(err, ERR_CONFIG,
                           "%s exists already; move it away, or choose another name", files->yaml);
        for (size_t i = 0; i < PROVIDER_GIVEN * CONNECTOR_SLOTS && !add->options->force; i++) {
            const char *path = files->secrets[i / CONNECTOR_SLOTS].paths[i % CONNECTOR_SLOTS];
            if (path != NULL && access(path, F_OK) == 0)
                return err_set(err, ERR_CONFIG, "%s exists already; --force replaces it", path);
        }
        return 0;
    }
    if (!connector_text_ours(files, found))
        return err_set(err, ERR_CONFIG,
                       "connector '%s' is defined at %s:%d:%d, where it was written or changed by "
                       "hand; change it there, or choose another name",
                       name, found->shown, found->line, found->col);
    if (!add->options->force)
        return err_set(err, ERR_CONFIG,
                       "connector '%s' exists already, at %s:%d:%d; --force "
                       "replaces it",
                       name, found->shown, found->line, found->col);
    choose_slots(add, found);
    add->replaces = true;
    return 0;
}

/* Pasted text comes with blanks around it. */
static int read_value(const struct add *add, const char *label, bool hidden, bool need,
                      struct buf *value, struct err *err)
{
    const struct secret kind = {.is_id = !hidden}; /* an ID may be short */
    struct buf line;
    buf_create_secret(&line, LOGIN_LINE_MAX);
    char *prompt = mem_printf("%c%s: ", toupper((unsigned char)label[0]), label + 1);
    int result =
        hidden ? login_read_hidden(prompt, &line, err) : login_read_shown(prompt, &line, err);
    mem_free(prompt);
    if (result == 0) {
        const char *from = line.data, *to = line.data + line.len;
        while (from < to && isspace((unsigned char)*from))
            from++;
        while (to > from && isspace((unsigned char)to[-1]))
            to--;
        result = buf_append(value, from, (size_t)(to - from));
        if (result == 0 && (value->len > 0 || need))
            result = secret_check_value(&kind, value->data, value->len, err);
    }
    if (result == 0 && hidden && value->len > 0) {
        redact_add(add->app->redact, value->data, value->len);
    } else if (result != 0) {
        err_wrap(err, "the %s", label);
        err->kind = err->kind == ERR_CONFIG ? ERR_USAGE : err->kind;
    }
    buf_destroy(&line);
    return result;
}

_Static_assert(PROVIDER_GIVEN == 3, "the texts count them");

/* At a terminal only what is of use is asked for; else there are always three lines. */
static int read_values(struct add *add, struct err *err)
{
    const struct provider_given *given = add->wants.provider->given;
    bool terminal = isatty(STDIN_FILENO) == 1;
    if (terminal)
        log_msg(add->app->log, LOG_INFO,
                "the next values are %s; the secret and the refresh token are not shown",
                add->wants.provider->given_where);
    int result = 0;
    for (size_t i = 0; i < PROVIDER_GIVEN && result == 0; i++) {
        bool need = add->wants.need[i], take = add->wants.take[i];
        char *label = mem_printf("%s%s", given[i].label, terminal && !need ? " (or none)" : "");
        if (take || !terminal)
            result = read_value(add, label, given[i].file != NULL, need, &add->given[i], err);
        if (result == 0 && !take && add->given[i].len > 0)
            result = err_set(err, ERR_USAGE, "preset '%s' takes no %s: leave its line empty",
                             add->values.preset, given[i].label);
        mem_free(label);
        add->values.given[i] = add->given[i].data;
    }
    add->values.public = add->wants.take[1] && add->given[1].len == 0;
    if (result != 0 && !terminal)
        err_wrap(err, "expected three lines: %s, %s, %s", given[0].label, given[1].label,
                 given[2].label);
    return result;
}

/* The connector as it will be once its files are there. */
static struct connector *make_connector(const struct add *add, struct err *err)
{
    struct connector *connector = connector_wants_make(add->app, &add->values, err);
    if (connector == NULL)
        return NULL;
    connector->file = add->files.real;
    connector->home = add->config->home != NULL ? add->config->home : connector->file;
    connector->shown = add->files.yaml;
    return connector;
}

static void report_trial(void *arg, const struct token *token)
{
    struct buf *out = arg;
    char time[CLOCK_RFC3339_SIZE];
    buf_puts(out, ": the exchange returned an access token");
    if (token->expires_at_ms > 0) {
        clock_format_rfc3339(token->expires_at_ms, time, sizeof time);
        buf_printf(out, " until %s", time);
    }
}

/*
 * The exchange is that of every run, and its result is stored as that of the connector to be: a
 * refresh token that comes back is kept, even when the files then cannot be written.
 */
static int try_exchange(struct add *add, const struct connector *connector, struct buf *out,
                        struct err *err)
{
    const struct token_query query = {.force = true};
    struct engine engine;
    engine_create(&engine, add->config, add->app->log, add->app->redact);
    int result = engine_need_store(&engine, err);
    if (result == 0)
        result = app_wait_token(&engine, connector, &query, report_trial, out, err);
    engine_destroy(&engine);
    return result;
}

/* A refresh token is what is missing. */
static bool needs_sign_in(const struct add *add)
{
    return add->wants.take[2] && !add->wants.need[2] && add->given[2].len == 0;
}

/* In a way that `jeton login` finds by itself; an issuer may know one. */
static bool can_sign_in(const struct connector *connector)
{
    const struct provider *provider = provider_of(connector);
    struct provider_ask device = {.purpose = PROVIDER_DEVICE, .connector = connector};
    struct provider_ask browser = {.purpose = PROVIDER_CODE, .connector = connector};
    return provider->can != NULL &&
           (provider->can(&device) || provider->can(&browser) ||
            (provider->discovery != NULL && provider->discovery->needed(&browser)));
}

struct taken {
    bool done;
    struct err err;
};

static void taken(void *arg, const struct err *err)
{
    struct taken *taken = arg;
    taken->done = true;
    if (err != NULL)
        taken->err = *err;
}

/* After the files. Where that fails, its first run does it. */
static int take_over(struct add *add, struct err *err)
{
    struct connector *connector = make_connector(add, err), *trial = make_connector(add, err);
    struct taken over = {0};
    struct engine engine;
    int result = -1;
    engine_create(&engine, add->config, add->app->log, add->app->redact);
    if (connector != NULL && trial != NULL && engine_need_store(&engine, err) == 0) {
        trial->trial = add->replaces;
        token_take_over(engine.tokens, connector, trial, taken, &over);
        result = app_wait(&engine, &over.done, err);
    }
    if (result == 0 && over.err.kind != ERR_NONE) {
        *err = over.err;
        result = -1;
    }
    engine_destroy(&engine);
    connector_free(trial);
    connector_free(connector);
    return result;
}

static int try_connector(struct add *add, struct buf *out, struct err *err)
{
    struct connector *connector = make_connector(add, err);
    if (connector == NULL)
        return -1;
    buf_printf(out, "connector '%s' is added", connector->name);
    int result = 0;
    add->replaces = add->replaces && !needs_sign_in(add) && provider_of(connector)->single_use;
    /* Until its files are there, the former connector keeps what the state has of it: it may be the
     * only good refresh token. So the new one has a row of its own, which it takes over then; a run
     * that is quicker finds it there, too, by the refresh token that is configured. */
    connector->trial = add->replaces;
    if (needs_sign_in(add))
        buf_puts(out, "; it has no refresh token yet");
    else
        result = try_exchange(add, connector, out, err);
    buf_puts(out, "\n");
    add->signs_in = needs_sign_in(add) && can_sign_in(connector);
    connector_free(connector);
    return result;
}

static void put_report(const struct add *add, struct buf *out)
{
    const struct connector_files *files = &add->files;
    const char *name = add->options->name;
    if (!files->main_exists)
        buf_printf(out, "  %s (new)\n", files->main);
    buf_printf(out, "  %s\n", files->yaml);
    for (size_t i = 0; i < PROVIDER_GIVEN; i++) {
        if (connector_files_secret(files, i) != NULL && add->given[i].len > 0)
            buf_printf(out, "  %s\n", connector_files_secret(files, i));
    }
    char *jeton = app_command(add->app);
    const char *path = add->wants.provider->try_path;
    const char *next = add->signs_in ? "login" : "token";
    if (needs_sign_in(add) && !add->signs_in)
        buf_printf(out, "next: set refresh_token in %s\n      %s token %s\n", files->yaml, jeton,
                   name);
    else
        buf_printf(out, "next: %s %s %s\n", jeton, next, name);
    if (add->options->issuer != NULL)
        buf_printf(out, "      set endpoint, the URL of the API, in %s\n", files->yaml);
    if (*path != '\0')
        buf_printf(out, "      %s api -C %s %s\n", jeton, name, path);
    buf_printf(out, "      %s run -C %s SCRIPT\n", jeton, name);
    mem_free(jeton);
}

/* What names none took the only one of this service, which there is no longer. */
static void warn_of_default(const struct add *add)
{
    const struct config *config = add->config;
    const char *kind = NULL, *name = NULL, *service = provider_default->config.name;
    size_t count = 0;
    struct err ignored;
    const struct connector *only = config_only_connector(config, service, NULL, &ignored);
    if (add->wants.provider != provider_default || only == NULL ||
        strcmp(only->provider->name, service) != 0 || strcmp(only->name, add->options->name) == 0)
        return;
    for (size_t i = config->nhooks; i-- > 0;) {
        if (config->hooks[i]->connector != NULL)
            continue;
        kind = "webhook";
        name = config->hooks[i]->name;
        count++;
    }
    for (size_t i = config->njobs; i-- > 0;) {
        if (config->jobs[i].connector != NULL)
            continue;
        kind = "job";
        name = config->jobs[i].name;
        count++;
    }
    if (count == 0)
        return;
    char *more = count > 1 ? mem_printf(" (and %zu more)", count - 1) : mem_strdup("");
    log_msg(add->app->log, LOG_WARN,
            "%s '%s'%s names no connector and used '%s', the only one of %s, which it is no "
            "longer: set connector: %s",
            kind, name, more, only->name, service, only->name);
    mem_free(more);
}

/* At a terminal, right away: the connector is of no use before. */
static int offer_login(const struct add *add, struct err *err)
{
    struct buf answer;
    if (!add->signs_in || isatty(STDIN_FILENO) != 1)
        return 0;
    buf_create(&answer, LOGIN_LINE_MAX);
    int result = login_read_shown("Sign in now? [Y/n] ", &answer, err);
    bool yes = result == 0 && (answer.len == 0 || tolower((unsigned char)answer.data[0]) == 'y');
    buf_destroy(&answer);
    char *argv[] = {mem_strdup("login"), mem_strdup(add->options->name), NULL};
    if (yes)
        result = verb_login(add->app, 2, argv, err);
    for (size_t i = 0; argv[i] != NULL; i++)
        mem_free(argv[i]);
    return result;
}

static int add_connector(struct add *add, struct err *err)
{
    struct buf out;
    buf_create(&out, REPORT_MAX);
    int result = -1;
    if (check_free(add, err) != 0 || connector_files_writable(&add->files, err) != 0 ||
        read_values(add, err) != 0)
        goto cleanup;
    if (try_connector(add, &out, err) != 0 ||
        connector_files_write(&add->files, &add->values, err) != 0) {
        err_wrap(err, "not added");
        if (err->hint == ERR_HINT_ALLOW_HOST)
            log_msg(add->app->log, LOG_INFO, "--allow-host PATTERN adds a host to allow_hosts");
        goto cleanup;
    }
    if (add->replaces && take_over(add, err) != 0) {
        char line[ERR_LINE_MAX];
        log_msg(add->app->log, LOG_WARN, "%s; the next exchange tries that again",
                err_line(err, line));
    }
    tidy(add);
    put_report(add, &out);
    result = app_print(add->app, out.data, out.len, err);
    warn_of_default(add);
    if (result == 0)
        result = offer_login(add, err);
cleanup:
    buf_destroy(&out);
    return result;
}

/* A list that ends with NULL, as a configuration's; NULL where none was given (mem_freev). */
static char **copy_list(const struct opt_strings *given)
{
    if (given->count == 0)
        return NULL;
    char **hosts = mem_alloc((given->count + 1) * sizeof *hosts);
    for (size_t i = 0; i < given->count; i++)
        hosts[i] = mem_strdup(given->items[i]);
    return hosts;
}

static void set_values(struct add *add)
{
    const struct add_options *options = add->options;
    const struct opt_strings *given[] = {&options->vars, &options->scopes, &options->allow_hosts};
    for (size_t i = 0; i < sizeof given / sizeof given[0]; i++)
        add->lists[i] = copy_list(given[i]);
    add->service = options->token_service != NULL ? url_base(options->token_service) : NULL;
    add->values = (struct connector_values){
        .name = options->name,
        .presets = add->app->presets,
        .service = add->service,
        .preset = options->preset,
        .issuer = options->issuer,
        .vars = (const char *const *)add->lists[0],
        .scope = (const char *const *)add->lists[1],
        .allow_hosts = (const char *const *)add->lists[2],
        .given = {"", "", ""},
    };
}

static int run_add(struct app *app, const struct add_options *options, struct err *err)
{
    if (check_options(options, err) != 0)
        return -1;
    char *path = config_choose(app->config_path);
    bool exists = path != NULL;
    if (path == NULL)
        path = config_user_path();
    if (path == NULL)
        return err_set(
            err, ERR_CONFIG,
            "there is no configuration, and no home folder to create one in; set HOME, or name a "
            "configuration: jeton -c FILE connector add");
    struct add add = {.app = app, .options = options};
    add.config = app_config(app, exists, err);
    int result = -1;
    set_values(&add);
    if (add.config != NULL && connector_wants_find(app, &add.values, &add.wants, err) == 0) {
        connector_files_create(&add.files, add.wants.provider, path, exists, options->name);
        for (size_t i = 0; i < PROVIDER_GIVEN; i++)
            buf_create_secret(&add.given[i], SECRET_BYTES_MAX);
        result = add_connector(&add, err);
        for (size_t i = 0; i < PROVIDER_GIVEN; i++)
            buf_destroy(&add.given[i]);
        connector_files_destroy(&add.files);
    }
    for (size_t i = 0; i < sizeof add.lists / sizeof add.lists[0]; i++)
        mem_freev(add.lists[i]);
    mem_free(add.service);
    config_free(add.config);
    mem_free(path);
    return result;
}

static int verb_connector_add(struct app *app, int argc, char **argv, struct err *err)
{
    struct add_options options = {0};
    char *where = mem_printf("Kaizala: where its tokens are exchanged, such as %s",
                             provider_default->service_example);
    const struct opt opts[] = {
        {0, "preset", OPT_STRING, &options.preset, "PRESET",
         "a service that is known by name: `jeton presets` lists them"},
        {0, "var", OPT_STRINGS, &options.vars, "NAME=VALUE",
         "a variable of the preset, such as tenant=contoso.onmicrosoft.com; repeatable"},
        {0, "scope", OPT_STRINGS, &options.scopes, "SCOPE",
         "ask for this scope instead of the preset's; repeatable"},
        {0, "issuer", OPT_STRING, &options.issuer, "URL",
         "an OAuth 2.0 service that publishes where its tokens are exchanged"},
        {0, "token-service", OPT_STRING, &options.token_service, "URL", where},
        {0, "allow-host", OPT_STRINGS, &options.allow_hosts, "PATTERN",
         "a host that its tokens may be sent to, such as '*.example.org'; repeatable (default: "
         "only the token service's)"},
        {0, "force", OPT_FLAG, &options.force, NULL,
         "replace the connector of this name that an earlier `connector add` wrote"},
        {0, NULL, OPT_FLAG, NULL, NULL, NULL},
    };
    const struct opt_spec spec = {
        .usage = "jeton connector add NAME --preset PRESET [--var NAME=VALUE]… [--scope SCOPE]… "
                 "[OPTIONS]\n"
                 "jeton connector add NAME --issuer URL [--scope SCOPE]… [OPTIONS]\n"
                 "jeton connector add NAME --token-service URL [OPTIONS]",
        .description =
            "Adds a connector: asks for its ID, its secret and a refresh token (only the ID is "
            "shown), or reads them from standard input, a line each; tests them with one "
            "exchange, and writes "
            "conf.d/NAME.yaml, secrets/NAME.secret and secrets/NAME.refresh_token next to the "
            "configuration. If the exchange fails, nothing is written. Without a configuration, "
            "$XDG_CONFIG_HOME/jeton/jeton.yaml is created. With --preset and --issuer the refresh "
            "token may be empty: `jeton login` gets one, right away if you want.",
        .opts = opts,
        .min_operands = 1,
        .max_operands = 1,
    };
    struct opt_result result = {0};
    int status = app_options(app, &spec, argc, argv, &result, err);
    if (status > 0) {
        options.name = result.operands[0];
        status = run_add(app, &options, err);
        mem_free(result.operands);
    }
    mem_free(options.vars.items);
    mem_free(options.scopes.items);
    mem_free(options.allow_hosts.items);
    mem_free(where);
    return status;
}

static const struct app_verb verbs[] = {
    {"add", verb_connector_add},
    {"list", verb_connector_list},
    {"remove", verb_connector_remove},
    {NULL, NULL},
};

int verb_connector(struct app *app, int argc, char **argv, struct err *err)
{
    static const struct app_verbs table = {
        .title = "jeton connector",
        .usage = "jeton connector add NAME --preset PRESET | --issuer URL | --token-service URL\n"
                 "jeton connector list [--json]\n"
                 "jeton connector remove NAME [--yes]",
        .description = "Adds connectors to the configuration, lists and removes them. `jeton "
                       "connector add --help` and the like have the details.",
        .verbs = verbs,
    };
    return app_verbs(&table, app, argc, argv, err);
}
