/* jeton connector add: a connector's values, tried and then written beside the configuration. */
#include "verb.h"

#include "connector_files.h"
#include "login.h"

#include "allow.h"
#include "clock.h"
#include "config_file.h"
#include "mem.h"
#include "wire.h"

#include <ctype.h>
#include <string.h>
#include <unistd.h>

#define REPORT_MAX ((size_t)64 * 1024)

struct add_options {
    const char *name;
    const char *token_service;
    struct opt_strings allow_hosts;
    bool force;
};

struct add {
    struct app *app;
    const struct add_options *options;
    struct config *config;
    struct connector_files files;
    char **hosts;
    struct buf id, secret, refresh_token; /* secrets */
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
    if (options->token_service == NULL)
        return err_set(err, ERR_USAGE,
                       "jeton connector add: expected --token-service URL, such as "
                       "https://kaizala.example.org/v1");
    int result = allow_check_base(options->token_service, err);
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

/* The name must be free, or ours and --force given; so must the files. */
static int check_free(const struct add *add, struct err *err)
{
    const struct connector_files *files = &add->files;
    const char *name = add->options->name;
    const struct connector *found = config_connector(add->config, name, err);
    if (found == NULL) {
        const char *paths[] = {files->yaml, files->secret, files->refresh_token};
        for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
            /* conf.d/NAME.yaml holds something else: not even --force may replace that. */
            if (access(paths[i], F_OK) == 0 && (i == 0 || !add->options->force))
                return err_set(err, ERR_CONFIG, "%s exists already; %s", paths[i],
                               i == 0 ? "move it away, or choose another name"
                                      : "--force replaces it");
        }
        return 0;
    }
    if (!connector_files_ours(files, found))
        return err_set(err, ERR_CONFIG,
                       "connector '%s' is defined at %s:%d:%d, where somebody wrote or changed it; "
                       "change it there, or choose another name",
                       name, found->shown, found->line, found->col);
    if (!add->options->force)
        return err_set(err, ERR_CONFIG,
                       "connector '%s' exists already, at %s:%d:%d; --force "
                       "replaces it",
                       name, found->shown, found->line, found->col);
    return 0;
}

/* Pasted text comes with blanks around it. */
static int read_value(const struct add *add, const char *prompt, const char *what,
                      struct buf *value, struct err *err)
{
    struct buf line;
    buf_create_secret(&line, LOGIN_LINE_MAX);
    int result = login_read_hidden(prompt, &line, err);
    if (result == 0) {
        const char *from = line.data, *to = line.data + line.len;
        while (from < to && isspace((unsigned char)*from))
            from++;
        while (to > from && isspace((unsigned char)to[-1]))
            to--;
        result = buf_append(value, from, (size_t)(to - from));
        if (result == 0)
            result = secret_check_value(value->data, value->len, err);
    }
    if (result == 0) {
        redact_add(add->app->redact, value->data, value->len);
    } else {
        err_wrap(err, "%s", what);
        err->kind = err->kind == ERR_CONFIG ? ERR_USAGE : err->kind;
    }
    buf_destroy(&line);
    return result;
}

static int read_values(struct add *add, struct err *err)
{
    if (isatty(STDIN_FILENO) == 1)
        log_msg(add->app->log, LOG_INFO,
                "the next three are on the connector's page of the management portal; what is "
                "typed or pasted is not shown");
    if (read_value(add, "Application ID: ", "the application ID", &add->id, err) == 0 &&
        read_value(add, "Application secret: ", "the application secret", &add->secret, err) == 0 &&
        read_value(add, "Refresh token: ", "the refresh token", &add->refresh_token, err) == 0)
        return 0;
    if (isatty(STDIN_FILENO) != 1)
        err_wrap(err, "three lines are read: application ID, application secret, refresh token");
    return -1;
}

static struct secret plain(const char *value, const char *key, const char *connector)
{
    return (struct secret){
        .kind = SECRET_PLAIN,
        .text = mem_strdup(value),
        .name = mem_printf("%s of connector '%s'", key, connector),
    };
}

/* The connector as it will be once its files are there. */
static void fill_connector(const struct add *add, struct connector *connector)
{
    const char *name = add->options->name;
    *connector = (struct connector){
        .name = mem_strdup(name),
        .file = mem_strdup(add->files.real),
        .shown = mem_strdup(add->files.yaml),
        .token_service = wire_base(add->options->token_service),
        .application_id = plain(add->id.data, "application_id", name),
        .application_secret = plain(add->secret.data, "application_secret", name),
        .refresh_token = plain(add->refresh_token.data, "refresh_token", name),
        .allow_hosts = mem_strdupv((const char *const *)add->hosts),
        .timeout_ms = CONFIG_TIMEOUT_DEFAULT_MS,
        .retries = CONFIG_RETRIES_DEFAULT,
    };
}

struct trial {
    const struct add *add;
    struct buf out;
    struct err err;
    bool done;
};

static void token_arrived(void *arg, const struct token *token, const struct err *err)
{
    struct trial *trial = arg;
    trial->done = true;
    if (err != NULL) {
        trial->err = *err;
        return;
    }
    char time[CLOCK_RFC3339_SIZE];
    clock_format_rfc3339(token->expires_at_ms, time, sizeof time);
    buf_printf(&trial->out, "connector '%s' is added: the exchange gave an access token until %s\n",
               trial->add->options->name, time);
}

/*
 * The exchange is that of every run, and its result is stored as that of the connector to be: a
 * refresh token that comes back is kept, even when the files then cannot be written.
 */
static int try_exchange(struct add *add, struct buf *out, struct err *err)
{
    struct trial trial = {.add = add};
    struct connector connector;
    struct engine engine;
    const struct token_query query = {.force = true};
    buf_create(&trial.out, REPORT_MAX);
    fill_connector(add, &connector);
    engine_create(&engine, add->config, add->app->log, add->app->redact);
    int result = engine_need_store(&engine, err);
    if (result == 0) {
        token_get(engine.tokens, &connector, &query, token_arrived, &trial);
        result = app_wait(&engine, &trial.done, err);
    }
    if (result == 0 && trial.err.kind != ERR_NONE) {
        *err = trial.err;
        result = -1;
    }
    if (result == 0)
        buf_append(out, trial.out.data, trial.out.len);
    engine_destroy(&engine);
    config_connector_destroy(&connector);
    buf_destroy(&trial.out);
    return result;
}

static void put_report(const struct add *add, struct buf *out)
{
    const struct connector_files *files = &add->files;
    const char *name = add->options->name;
    if (!files->main_exists)
        buf_printf(out, "  %s (new)\n", files->main);
    buf_printf(out, "  %s\n  %s\n  %s\n", files->yaml, files->secret, files->refresh_token);
    const char *option = add->app->config_path != NULL ? " -c " : "";
    const char *config = add->app->config_path != NULL ? add->app->config_path : "";
    buf_printf(out,
               "next: jeton%s%s token %s\n"
               "      jeton%s%s api -C %s groups\n"
               "      jeton%s%s run -C %s SCRIPT\n",
               option, config, name, option, config, name, option, config, name);
}

static int write_files(struct add *add, struct err *err)
{
    char *service = wire_base(add->options->token_service);
    const struct connector_values values = {
        .name = add->options->name,
        .token_service = service,
        .allow_hosts = add->hosts,
        .application_id = add->id.data,
        .application_secret = add->secret.data,
        .refresh_token = add->refresh_token.data,
    };
    int result = connector_files_write(&add->files, &values, err);
    mem_free(service);
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
    if (try_exchange(add, &out, err) != 0 || write_files(add, err) != 0) {
        err_wrap(err, "not added");
        if (strstr(err->msg, "to allow_hosts") != NULL)
            log_msg(add->app->log, LOG_INFO, "--allow-host PATTERN adds a host to allow_hosts");
        goto cleanup;
    }
    put_report(add, &out);
    result = app_print(add->app, out.data, out.len, err);
cleanup:
    buf_destroy(&out);
    return result;
}

/* A list that ends with NULL, as a configuration's; NULL where none was given (mem_freev). */
static char **copy_hosts(const struct opt_strings *given)
{
    if (given->count == 0)
        return NULL;
    char **hosts = mem_alloc((given->count + 1) * sizeof *hosts);
    for (size_t i = 0; i < given->count; i++)
        hosts[i] = mem_strdup(given->items[i]);
    return hosts;
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
        return err_set(err, ERR_CONFIG,
                       "there is no configuration, and no home for one; set HOME, or name a "
                       "configuration: jeton -c FILE connector add");
    struct add add = {.app = app, .options = options};
    add.config = app_config(app, exists, err);
    int result = -1;
    if (add.config != NULL) {
        add.hosts = copy_hosts(&options->allow_hosts);
        connector_files_create(&add.files, path, exists, options->name);
        buf_create_secret(&add.id, SECRET_BYTES_MAX);
        buf_create_secret(&add.secret, SECRET_BYTES_MAX);
        buf_create_secret(&add.refresh_token, SECRET_BYTES_MAX);
        result = add_connector(&add, err);
        buf_destroy(&add.refresh_token);
        buf_destroy(&add.secret);
        buf_destroy(&add.id);
        connector_files_destroy(&add.files);
        mem_freev(add.hosts);
    }
    config_free(add.config);
    mem_free(path);
    return result;
}

int verb_connector(struct app *app, int argc, char **argv, struct err *err)
{
    struct add_options options = {0};
    const struct opt opts[] = {
        {0, "token-service", OPT_STRING, &options.token_service, "URL",
         "where its tokens are exchanged, such as https://kaizala.example.org/v1"},
        {0, "allow-host", OPT_STRINGS, &options.allow_hosts, "PATTERN",
         "a host that may get its tokens, such as '*.example.org'; may be given again (the token "
         "service's alone)"},
        {0, "force", OPT_FLAG, &options.force, NULL,
         "replace the connector of this name that an earlier `connector add` wrote"},
        {0, NULL, OPT_FLAG, NULL, NULL, NULL},
    };
    const struct opt_spec spec = {
        .usage = "jeton connector add NAME --token-service URL [--allow-host PATTERN]… [--force]",
        .description =
            "Adds a connector: asks for its ID, its secret and a refresh token (without echo; or "
            "reads three lines of standard input), exchanges them once, and writes "
            "conf.d/NAME.yaml, "
            "secrets/NAME.secret and secrets/NAME.refresh_token beside the configuration. Where "
            "the exchange fails none of these is written. Without a configuration, "
            "$XDG_CONFIG_HOME/jeton/jeton.yaml is made.",
        .opts = opts,
        .min_operands = 1,
        .max_operands = 2,
    };
    struct opt_result result = {0};
    int status = app_options(&spec, argc, argv, &result, err);
    if (status == 0) {
        status = -1;
        if (strcmp(result.operands[0], "add") != 0)
            err_set(err, ERR_USAGE, "jeton connector: unknown command '%s'; expected add",
                    result.operands[0]);
        else if (result.count < 2)
            err_set(err, ERR_USAGE, "jeton connector add: expected a name for the connector");
        else {
            options.name = result.operands[1];
            status = run_add(app, &options, err);
        }
        mem_free(result.operands);
    } else if (status > 0) {
        status = 0;
    }
    mem_free(options.allow_hosts.items);
    return status;
}
