/* jeton connector list: where each connector stands, and what uses it. */
#include "config_load.h"
#include "connector.h"
#include "connector_files.h"
#include "connector_text.h"
#include "connector_users.h"
#include "json_member.h"
#include "mem.h"
#include "verb.h"
#include "visible.h"

#include <string.h>

#define LIST_MAX ((size_t)16 * 1024 * 1024)

struct users {
    enum connector_user_kind kind; /* that is wanted */
    const char *before, *quote;
    struct buf *out;
};

static void put_user(void *arg, enum connector_user_kind kind, const char *name)
{
    struct users *users = arg;
    if (kind != users->kind)
        return;
    buf_printf(users->out, "%s%s%s%s", users->before, users->quote, name, users->quote);
    users->before = users->quote[0] != '\0' ? "," : ", ";
}

static bool is_added(const struct config *config, const struct connector *connector)
{
    struct connector_files files;
    if (connector->lender != NULL)
        return false;
    connector_files_create(&files, provider_of(connector), config->path, true, connector->name);
    bool ours = connector_text_ours(&files, connector);
    connector_files_destroy(&files);
    return ours;
}

static void put_json(const struct config *config, const struct connector *connector,
                     struct buf *out)
{
    static const char *const members[CONNECTOR_USER_KINDS] = {
        [CONNECTOR_USER_JOB] = "jobs",
        [CONNECTOR_USER_HOOK] = "webhooks",
        [CONNECTOR_USER_LENT] = "connectors",
    };
    buf_printf(out, "%s{\"connector\":\"%s\"", out->len > 1 ? ",\n " : "", connector->name);
    json_member_text(out, "provider", connector_owner(connector)->provider->name);
    json_member_text(out, "token_of", connector->token_of);
    json_member_text(out, "url", connector->base);
    json_member_text(out, "file", connector->file);
    buf_printf(out, ",\"line\":%d,\"added\":%s", connector->line,
               is_added(config, connector) ? "true" : "false");
    for (int kind = 0; kind < CONNECTOR_USER_KINDS; kind++) {
        struct users users = {(enum connector_user_kind)kind, "", "\"", out};
        buf_printf(out, ",\"%s\":[", members[kind]);
        connector_users(config, connector->name, put_user, &users);
        buf_putc(out, ']');
    }
    buf_putc(out, '}');
}

struct widths {
    int name, provider, url;
};

static void widen(int *width, const char *text)
{
    int len = text != NULL ? (int)strlen(text) : 1;
    *width = len > *width ? len : *width;
}

/* "contoso  kaizala  https://…  conf.d/contoso.yaml:3  job report" */
static void put_line(const struct config *config, const struct connector *connector,
                     const struct widths *widths, struct buf *out)
{
    static const char *const labels[CONNECTOR_USER_KINDS] = {
        [CONNECTOR_USER_JOB] = "  job ",
        [CONNECTOR_USER_HOOK] = "  webhook ",
        [CONNECTOR_USER_LENT] = "  connector ",
    };
    const char *base = connector->base != NULL ? connector->base : "-";
    buf_printf(out, "%-*s  %-*s  %-*s  ", widths->name, connector->name, widths->provider,
               connector_owner(connector)->provider->name, widths->url, base);
    visible_append(out, connector->shown, strlen(connector->shown), VISIBLE_LINE);
    buf_printf(out, ":%d", connector->line);
    if (connector->token_of != NULL)
        buf_printf(out, "  (token of %s)", connector->token_of);
    for (int kind = 0; kind < CONNECTOR_USER_KINDS; kind++) {
        struct users users = {(enum connector_user_kind)kind, labels[kind], "", out};
        connector_users(config, connector->name, put_user, &users);
    }
    buf_putc(out, '\n');
}

static void put_table(const struct config *config, struct buf *out)
{
    struct widths widths = {(int)strlen("CONNECTOR"), (int)strlen("PROVIDER"), (int)strlen("URL")};
    for (size_t i = 0; i < config->nconnectors; i++) {
        const struct connector *connector = config->connectors[i];
        widen(&widths.name, connector->name);
        widen(&widths.provider, connector_owner(connector)->provider->name);
        widen(&widths.url, connector->base);
    }
    if (config->nconnectors > 0)
        buf_printf(out, "%-*s  %-*s  %-*s  WHERE, USED BY\n", widths.name, "CONNECTOR",
                   widths.provider, "PROVIDER", widths.url, "URL");
    for (size_t i = 0; i < config->nconnectors; i++)
        put_line(config, config->connectors[i], &widths, out);
}

static int list(struct app *app, bool json, struct err *err)
{
    struct config *config = app_config(app, true, err);
    if (config == NULL)
        return -1;
    struct buf out;
    buf_create(&out, LIST_MAX);
    buf_puts(&out, json ? "[" : "");
    if (!json)
        put_table(config, &out);
    for (size_t i = 0; json && i < config->nconnectors; i++)
        put_json(config, config->connectors[i], &out);
    buf_puts(&out, json ? "]\n" : "");
    if (config->nconnectors == 0 && !json)
        log_msg(app->log, LOG_INFO, "no connectors in %s; jeton connector add adds one",
                config->path);
    int result = app_print(app, out.data, out.len, err);
    buf_destroy(&out);
    config_free(config);
    return result;
}

int verb_connector_list(struct app *app, int argc, char **argv, struct err *err)
{
    bool json = false;
    const struct opt opts[] = {
        {0, "json", OPT_FLAG, &json, NULL, "print one JSON document"},
        {0, NULL, OPT_FLAG, NULL, NULL, NULL},
    };
    const struct opt_spec spec = {
        .usage = "jeton connector list [--json]",
        .description = "Lists the connectors of the configuration: the service, where each is "
                       "defined, and the jobs, webhooks and connectors that name it. `jeton token` "
                       "says how their tokens are.",
        .opts = opts,
        .instead = "how a connector's token is, is told by: jeton token NAME",
    };
    int parsed = app_options_alone(app, &spec, argc, argv, err);
    return parsed > 0 ? list(app, json, err) : parsed;
}
