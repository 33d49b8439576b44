/* jeton token: a connector's access token, from the cache or by an exchange. */
#include "verb.h"

#include "app_keep.h"
#include "clock.h"
#include "config_load.h"
#include "engine.h"
#include "json.h"
#include "json_member.h"
#include "mem.h"
#include "provider.h"
#include "token_table.h"
#include "visible.h"

#include <string.h>
#include <unistd.h>

#define REPORT_MAX ((size_t)1024 * 1024)
#define MINUTE_MS  60000LL
#define HOUR_MS    (60 * MINUTE_MS)
#define DAY_MS     (24 * HOUR_MS)
#define WARN_MS    (30 * DAY_MS) /* before a refresh token dies */

struct token_options {
    bool refresh;
    bool json;
    bool show;
    bool header;
    bool keep_alive;
};

struct token_report {
    struct app *app;
    const struct connector *connector;
    const struct token_options *options;
    struct buf out; /* secret: with --show it holds the token */
};

/* "a,b" → ["a","b"] */
static void put_json_scopes(struct buf *out, const char *scope)
{
    buf_puts(out, ",\"scopes\":[");
    const char *separator = "";
    while (*scope != '\0') {
        size_t len = strcspn(scope, ", ");
        if (len > 0) {
            buf_puts(out, separator);
            json_write_string(out, scope, len);
            separator = ",";
        }
        scope += len + (scope[len] != '\0');
    }
    buf_putc(out, ']');
}

static const char *source_name(const struct token *token)
{
    return token->source == TOKEN_CACHE ? "cache" : "exchange";
}

/* Where calls of the connector go. */
static const char *endpoint_of(const struct token_report *report, const struct token *token)
{
    const struct connector *connector = report->connector;
    const struct provider *provider = provider_of(connector);
    bool own = connector->lender != NULL || token->endpoint_url == NULL;
    return own && provider->endpoint != NULL ? provider->endpoint(connector) : token->endpoint_url;
}

static void put_json_time(struct buf *out, const char *name, int64_t wall_ms)
{
    if (wall_ms > 0)
        json_member_time(out, name, wall_ms);
}

static void write_json(const struct token_report *report, const struct token *token,
                       struct buf *out)
{
    buf_printf(out, "{\"connector\":\"%s\"", report->connector->name);
    if (report->connector->lender != NULL)
        json_member_text(out, "token_of", report->connector->lender->name);
    json_member_text(out, "endpoint_url", endpoint_of(report, token));
    if (token->expires_at_ms > 0)
        json_member_time(out, "expires_at", token->expires_at_ms);
    else
        json_member_text(out, "expires_at", NULL);
    put_json_scopes(out, token->scope != NULL ? token->scope : "");
    buf_printf(out, ",\"source\":\"%s\"", source_name(token));
    put_json_time(out, "refresh_token_since", token->refresh_since_ms);
    put_json_time(out, "refresh_expires_at", token->refresh_expires_at_ms);
    put_json_time(out, "login_expires_at", token->login_expires_at_ms);
    if (token->token_type != NULL)
        json_member_text(out, "token_type", token->token_type);
    if (report->options->show)
        json_member_text(out, "access_token", token->access_token);
    buf_puts(out, "}\n");
}

static void put_text(struct buf *out, const char *label, const char *text)
{
    buf_printf(out, "%-14s ", label);
    visible_append(out, text, strlen(text), VISIBLE_LINE); /* a service wrote it */
    buf_putc(out, '\n');
}

/* A line for each permission, its verbs on it. */
static void put_scopes(struct buf *out, const char *scope)
{
    const char *last = "";
    const char *label = "scopes";
    size_t last_len = 0;
    for (size_t len; *scope != '\0'; scope += len + strspn(scope + len, ", ")) {
        len = strcspn(scope, ", ");
        size_t name = strcspn(scope, "., ");
        bool same = last_len > 0 && name == last_len && strncmp(scope, last, name) == 0;
        if (same)
            buf_putc(out, ',');
        else if (label[0] == '\0')
            buf_putc(out, '\n');
        if (!same)
            buf_printf(out, "%-14s ", label);
        visible_append(out, scope, len, VISIBLE_LINE);
        label = "";
        last = scope;
        last_len = name;
    }
    if (label[0] != '\0')
        buf_printf(out, "%-14s -", label);
    buf_putc(out, '\n');
}

static void put_time(struct buf *out, const char *label, int64_t wall_ms)
{
    char time[CLOCK_RFC3339_SIZE];
    clock_format_rfc3339(wall_ms, time, sizeof time);
    buf_printf(out, "%-14s %s", label, time);
}

static void put_end(struct buf *out, const char *label, int64_t wall_ms)
{
    if (wall_ms == 0)
        return;
    put_time(out, label, wall_ms);
    buf_putc(out, '\n');
}

static void write_text(const struct token_report *report, const struct token *token,
                       struct buf *out)
{
    int64_t now = clock_wall_ms();
    const char *endpoint = endpoint_of(report, token);
    put_text(out, "connector", report->connector->name);
    if (report->connector->lender != NULL)
        put_text(out, "token of", report->connector->lender->name);
    put_text(out, "endpoint", endpoint != NULL ? endpoint : "-");
    int64_t left = token->expires_at_ms - now;
    if (token->expires_at_ms == 0) {
        put_text(out, "expires", "not known");
    } else {
        put_time(out, "expires", token->expires_at_ms);
        buf_printf(out, " (in %lldh %lldm)\n", (long long)(left / HOUR_MS),
                   (long long)(left % HOUR_MS / MINUTE_MS));
    }
    put_scopes(out, token->scope != NULL ? token->scope : "");
    put_text(out, "source", source_name(token));
    if (token->refresh_since_ms > 0) {
        put_time(out, "refresh token", token->refresh_since_ms);
        buf_printf(out, " (%lld days old)\n",
                   (long long)((now - token->refresh_since_ms) / DAY_MS));
    } else {
        put_text(out, "refresh token", "age not known");
    }
    put_end(out, "dies unused", token->refresh_expires_at_ms);
    put_end(out, "sign-in ends", token->login_expires_at_ms);
    put_text(out, "access token",
             report->options->show ? token->access_token : REDACT_MASK " (--show prints it)");
}

/* Within WARN_MS of its end, or the last fifth of its life. */
static void warn_of(const struct token_report *report, const char *what, int64_t expires,
                    int64_t lifetime)
{
    const struct connector *owner = connector_owner(report->connector);
    int64_t left = expires - clock_wall_ms();
    if (expires == 0 || left > WARN_MS || (lifetime > 0 && left > lifetime / 5))
        return;
    char time[CLOCK_RFC3339_SIZE];
    clock_format_rfc3339(expires, time, sizeof time);
    log_msg(report->app->log, LOG_WARN, "the %s of connector '%s' %s (%s); %s", what, owner->name,
            left > 0 ? "expires soon" : "has expired", time, provider_of(owner)->renewal);
}

static void put_header(const struct token_report *report, const struct token *token,
                       struct buf *out)
{
    struct http_header header =
        provider_of(report->connector)->authorize(report->connector, token->access_token);
    buf_printf(out, "%s: %s\n", header.name, header.value);
    mem_free_secret(header.value);
}

static void report_token(void *arg, const struct token *token)
{
    struct token_report *report = arg;
    if (report->options->header)
        put_header(report, token, &report->out);
    else if (report->options->json)
        write_json(report, token, &report->out);
    else
        write_text(report, token, &report->out);
    warn_of(report, "refresh token", token->refresh_expires_at_ms, token->refresh_lifetime_ms);
    warn_of(report, "sign-in", token->login_expires_at_ms,
            connector_owner(report->connector)->login_lifetime_ms);
}

static int show_token(struct app *app, const struct config *config, const char *name,
                      const struct token_options *options, struct err *err)
{
    const struct connector *connector = config_connector(config, name, err);
    if (connector == NULL)
        return -1;

    if (options->header && isatty(STDOUT_FILENO))
        return err_set(err, ERR_USAGE,
                       "--header prints the token, and not to a terminal: use it in a pipe or a "
                       "substitution");
    if (options->refresh && connector->lender != NULL)
        log_msg(app->log, LOG_WARN, "connector '%s' has the token of '%s', which is exchanged",
                name, connector->lender->name);
    int status = -1;
    struct token_report report = {.app = app, .connector = connector, .options = options};
    buf_create_secret(&report.out, REPORT_MAX);
    struct engine engine;
    engine_create(&engine, config, app->log, app->redact);
    if (engine_need_store(&engine, err) != 0)
        goto cleanup;
    const struct token_query query = {.force = options->refresh};
    if (app_wait_token(&engine, connector, &query, report_token, &report, err) != 0)
        goto cleanup;
    if (options->show || options->header)
        status = app_print_secret(report.out.data, report.out.len, err);
    else
        status = app_print(app, report.out.data, report.out.len, err);

cleanup:
    engine_destroy(&engine);
    buf_destroy(&report.out);
    return status;
}

int verb_token(struct app *app, int argc, char **argv, struct err *err)
{
    struct token_options options = {0};
    const struct opt opts[] = {
        {0, "refresh", OPT_FLAG, &options.refresh, NULL, "exchange, even if the token is fresh"},
        {0, "json", OPT_FLAG, &options.json, NULL, "print one JSON object"},
        {0, "show", OPT_FLAG, &options.show, NULL, "print the access token too"},
        {0, "header", OPT_FLAG, &options.header, NULL,
         "print only the header field that carries the token; refuses a terminal"},
        {0, "keep-alive", OPT_FLAG, &options.keep_alive, NULL,
         "exchange refresh tokens that die soon if nobody uses them: of the connector, or of all"},
        {0, NULL, OPT_FLAG, NULL, NULL, NULL},
    };
    const struct opt_spec spec = {
        .usage = "jeton token [CONNECTOR [--refresh] [--show]] [--json]\n"
                 "jeton token CONNECTOR [--refresh] --header\n"
                 "jeton token [CONNECTOR] --keep-alive",
        .description =
            "Shows where the connector's access token is valid, until when, and for what. A fresh "
            "token comes from the cache; otherwise one is exchanged and cached. Without a name: a "
            "table of all connectors, without network and secrets; exit status 4 if one needs a "
            "person.",
        .opts = opts,
        .min_operands = 0,
        .max_operands = 1,
        .operands = "CONNECTOR",
    };
    struct opt_result result = {0};
    int parsed = app_options(app, &spec, argc, argv, &result, err);
    if (parsed <= 0)
        return parsed;

    const char *name = result.operands[0];
    if (name == NULL && (options.refresh || options.show || options.header)) {
        mem_free(result.operands);
        return err_set(err, ERR_USAGE,
                       "jeton token: --refresh, --show and --header need the name of a connector");
    }
    if (options.header && (options.show || options.json)) {
        mem_free(result.operands);
        return err_set(err, ERR_USAGE,
                       "jeton token: --header prints only that field, and takes "
                       "neither --show nor --json beside it");
    }
    if (options.keep_alive && (options.refresh || options.show || options.header || options.json)) {
        mem_free(result.operands);
        return err_set(err, ERR_USAGE, "jeton token: --keep-alive stands alone");
    }
    struct config *config = app_config(app, true, err);
    int status = -1;
    if (config != NULL && options.keep_alive)
        status = app_keep_alive(app, config, name, err);
    else if (config != NULL && name == NULL)
        status = token_table_print(app, config, options.json, err);
    else if (config != NULL)
        status = show_token(app, config, name, &options, err);
    if (mem_is_watched()) /* the process ends, and hundreds of connectors take a while */
        config_free(config);
    mem_free(result.operands);
    return status;
}
