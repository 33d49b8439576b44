#include "token_table.h"

#include "clock.h"
#include "engine.h"
#include "json.h"
#include "json_member.h"
#include "mem.h"
#include "provider.h"
#include "token_status.h"
#include "visible.h"

#include <string.h>

#define REPORT_MAX ((size_t)64 * 1024 * 1024)
#define TIME_WIDTH 16 /* "2026-01-31 08:00" */

static const char *endpoint_of(const struct connector *connector, const struct token_status *status)
{
    const struct provider *provider = provider_of(connector);
    bool own = connector->lender != NULL || status->endpoint_url == NULL;
    return own && provider->endpoint != NULL ? provider->endpoint(connector) : status->endpoint_url;
}

/* Where the refresh token is; NULL where there is none. */
static const char *source_of(const struct connector *connector, const struct token_status *status)
{
    bool configured = connector_secret(connector_owner(connector), PROVIDER_REFRESH_TOKEN) != NULL;
    return status->rotated ? "state" : configured ? "configuration" : NULL;
}

/* ---- JSON ---- */

static void put_time(struct buf *out, const char *name, int64_t wall_ms)
{
    if (wall_ms > 0)
        json_member_time(out, name, wall_ms);
    else
        json_member_text(out, name, NULL);
}

static void put_scopes(struct buf *out, const char *scope)
{
    if (scope == NULL) {
        json_member_text(out, "scopes", NULL);
        return;
    }
    const char *comma = "";
    buf_puts(out, ",\"scopes\":[");
    for (scope += strspn(scope, ", "); *scope != '\0'; scope += strspn(scope, ", ")) {
        size_t len = strcspn(scope, ", ");
        buf_puts(out, comma);
        json_write_string(out, scope, len);
        comma = ",";
        scope += len;
    }
    buf_putc(out, ']');
}

static void put_json(struct buf *out, const struct connector *connector,
                     const struct token_status *status)
{
    buf_puts(out, out->len > 1 ? ",{\"connector\":\"" : "{\"connector\":\"");
    buf_puts(out, connector->name); /* in less time than buf_printf, for each connector */
    buf_putc(out, '"');
    json_member_text(out, "provider", connector_owner(connector)->provider->name);
    json_member_text(out, "token_of", connector->token_of);
    json_member_text(out, "status", token_status_name(status->state));
    json_member_text(out, "reason", status->reason);
    put_time(out, "since", status->since_ms);
    put_time(out, "expires_at", status->expires_at_ms);
    put_time(out, "refresh_expires_at", status->refresh_expires_at_ms);
    put_time(out, "login_expires_at", status->login_expires_at_ms);
    put_time(out, "last_exchange_at", status->exchanged_at_ms);
    json_member_text(out, "endpoint_url", endpoint_of(connector, status));
    put_scopes(out, status->scope);
    json_member_text(out, "source", source_of(connector, status));
    buf_putc(out, '}');
}

/* ---- text ---- */

static void put_short_time(struct buf *out, int64_t wall_ms)
{
    char time[CLOCK_RFC3339_SIZE] = "-";
    if (wall_ms > 0)
        clock_format_rfc3339(wall_ms, time, sizeof time);
    char *t = strchr(time, 'T');
    if (t != NULL)
        *t = ' ';
    buf_printf(out, "  %-*.*s", TIME_WIDTH, TIME_WIDTH, time);
}

static void put_line(struct buf *out, const struct connector *connector,
                     const struct token_status *status, int width)
{
    int64_t dies = status->refresh_expires_at_ms, login = status->login_expires_at_ms;
    const char *endpoint = endpoint_of(connector, status);
    buf_printf(out, "%-*s  %-12s", width, connector->name, token_status_name(status->state));
    put_short_time(out, status->expires_at_ms);
    put_short_time(out, login > 0 && (dies == 0 || login < dies) ? login : dies);
    buf_puts(out, "  ");
    visible_append(out, endpoint != NULL ? endpoint : "-", endpoint != NULL ? strlen(endpoint) : 1,
                   VISIBLE_LINE);
    if (connector->token_of != NULL)
        buf_printf(out, "  (token of %s)", connector->token_of);
    buf_putc(out, '\n');
    if (status->reason == NULL)
        return;
    buf_printf(out, "%*s", width, "");
    put_short_time(out, status->since_ms);
    buf_puts(out,
             status->state == TOKEN_STATE_FRESH ? "  but the last exchange was refused: " : "  ");
    visible_append(out, status->reason, strlen(status->reason), VISIBLE_LINE);
    buf_putc(out, '\n');
}

static int name_width(const struct config *config)
{
    size_t width = strlen("connector");
    for (size_t i = 0; i < config->nconnectors; i++) {
        size_t len = strlen(config->connectors[i]->name);
        width = len > width ? len : width;
    }
    return (int)width;
}

/* ---- both ---- */

struct table {
    struct buf out;
    bool json;
    bool person; /* a connector needs one */
    int width;   /* of the longest name */
};

static void put_one(void *arg, const struct connector *connector, const struct token_status *status)
{
    struct table *table = arg;
    table->person = table->person || status->state == TOKEN_STATE_PERSON;
    if (table->json)
        put_json(&table->out, connector, status);
    else
        put_line(&table->out, connector, status, table->width);
}

static int put_all(struct engine *engine, struct table *table, struct err *err)
{
    const struct config *config = engine->config;
    struct buf *out = &table->out;
    if (table->json)
        buf_putc(out, '[');
    else
        buf_printf(out, "%-*s  %-12s  %-*s  %-*s  %s\n", table->width, "connector", "status",
                   TIME_WIDTH, "token until", TIME_WIDTH, "sign-in until", "endpoint");
    if (token_status_each(engine->store, config->connectors, config->nconnectors, put_one, table,
                          err) != 0)
        return -1;
    if (table->json)
        buf_puts(out, "]\n");
    return 0;
}

int token_table_print(struct app *app, const struct config *config, bool json, struct err *err)
{
    struct engine engine;
    struct table table = {.json = json, .width = name_width(config)};
    buf_create(&table.out, REPORT_MAX);
    engine_create(&engine, config, app->log, app->redact);
    int result = 0;
    engine.store = store_new(config->state, engine.loop);
    store_reads(engine.store);
    if (store_exists(engine.store))
        result = engine_need_store(&engine, err);
    else
        engine_forget_store(&engine); /* a state is not made to look at it */
    if (result == 0)
        result = put_all(&engine, &table, err);
    if (result == 0)
        result = app_print(app, table.out.data, table.out.len, err);
    engine_destroy(&engine);
    buf_destroy(&table.out);
    return result != 0 ? -1 : table.person ? err_exit_code(ERR_AUTH) : 0;
}
