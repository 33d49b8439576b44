#include "job_heartbeat.h"

#include "egress.h"
#include "http.h"
#include "job_child.h"
#include "job_helper.h"
#include "mem.h"
#include "retry.h"

#include <sodium.h>
#include <string.h>

#define UUID_BYTES      16
#define HTTP_OK         200
#define HTTP_REDIRECT   300
#define HTTP_BAD        400
#define HTTP_TOO_MANY   429
#define HTTP_ERROR      500
#define REPLY_MAX       ((size_t)64 * 1024)
#define PATH_SECRET_MIN 16 /* bytes; a shorter path is no secret but a word */

struct ping {
    const struct job_outcome *outcome;
    const char *url;
    struct http *http;
    struct retry retry;
    struct err err;
    bool done;
};

void job_heartbeat_hide(const struct job_outcome *outcome)
{
    const char *url = outcome->job->heartbeat;
    if (url == NULL)
        return;
    struct redact *redact = outcome->app->redact;
    size_t base_len = strcspn(url, "?");
    char *base = mem_strndup(url, base_len);
    char *owner = egress_by_hand(base, NULL);
    redact_add_owned(redact, base, base_len, owner);
    if (url[base_len] == '?')
        redact_add_owned(redact, url + base_len + 1, strlen(url + base_len + 1), owner);
    /* Without the host too, which may be spelled in other ways. */
    const char *host = strstr(base, "://");
    const char *path = host != NULL ? strchr(host + strlen("://"), '/') : NULL;
    if (path != NULL && strlen(path) >= PATH_SECRET_MIN)
        redact_add_owned(redact, path, strlen(path), owner);
    mem_free(owner);
    mem_free(base);
}

/* The URL */

/* The same for all calls of one run: RFC 9562's version 8, made of the run's id. */
static void append_uuid(struct buf *out, const char *run)
{
    static const size_t dashes[] = {4, 6, 8, 10};
    unsigned char bytes[UUID_BYTES];
    char hex[UUID_BYTES * 2 + 1];
    size_t at = 0;
    crypto_generichash(bytes, sizeof bytes, (const unsigned char *)run, strlen(run), NULL, 0);
    bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x80);
    bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
    sodium_bin2hex(hex, sizeof hex, bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof dashes / sizeof dashes[0]; i++) {
        buf_append(out, hex + at, dashes[i] * 2 - at);
        buf_putc(out, '-');
        at = dashes[i] * 2;
    }
    buf_puts(out, hex + at);
}

static char *make_url(const char *url, const char *suffix, const char *run)
{
    struct buf out;
    size_t base_len = strcspn(url, "?");
    const char *query = url + base_len;
    buf_create_secret(&out, strlen(url) + 64);
    while (suffix[0] != '\0' && base_len > 0 && url[base_len - 1] == '/')
        base_len--;
    buf_append(&out, url, base_len);
    buf_printf(&out, "%s%s%srid=", suffix, query, query[0] != '\0' ? "&" : "?");
    append_uuid(&out, run);
    return buf_take(&out);
}

/* The caller's process */

static void answered(void *arg, struct http_result *result)
{
    struct ping *ping = arg;
    int status = result->response.status;
    bool may_pass = result->err.kind != ERR_NONE || status >= HTTP_ERROR || status == HTTP_TOO_MANY;
    ping->err = result->err;
    if (result->err.kind == ERR_NONE && (status < HTTP_OK || status >= HTTP_REDIRECT))
        err_set(&ping->err, ERR_HTTP, "the reply has status %d%s", status,
                status >= HTTP_REDIRECT && status < HTTP_BAD ? ", and redirects are not followed"
                                                             : "");
    ping->done =
        ping->err.kind == ERR_NONE || !may_pass || !retry_broken(&ping->retry, NULL, &ping->err);
}

static void try_once(void *arg)
{
    struct ping *ping = arg;
    const struct http_request request = {.method = "GET",
                                         .url = ping->url,
                                         .timeout_ms = JOB_HEARTBEAT_TRY_MS,
                                         .max_body = REPLY_MAX};
    if (http_start(ping->http, &request, answered, ping, &ping->err) == NULL)
        ping->done = true;
}

static int call(void *arg)
{
    struct ping *ping = arg;
    const struct job_outcome *outcome = ping->outcome;
    char line[ERR_LINE_MAX];
    if (job_child_environment(outcome->job, &ping->err) == 0) {
        struct loop *loop = loop_new();
        ping->http = http_new(loop, outcome->app->log);
        ping->retry = (struct retry){.loop = loop,
                                     .again = try_once,
                                     .arg = ping,
                                     .retries = JOB_HEARTBEAT_TRIES - 1,
                                     .pause_ms = JOB_HEARTBEAT_PAUSE_MS};
        try_once(ping);
        if (!loop_run_until(loop, &ping->done))
            err_set(&ping->err, ERR_NETWORK, "no answer came");
        http_free(ping->http);
        loop_free(loop);
    }
    if (ping->err.kind == ERR_NONE)
        return 0;
    log_msg(outcome->app->log, LOG_WARN, "job '%s': heartbeat: %s", outcome->job->name,
            err_line(&ping->err, line));
    return err_exit_code(ping->err.kind);
}

static void send_ping(const struct job_outcome *outcome, const char *suffix)
{
    struct err err;
    char *url = make_url(outcome->job->heartbeat, suffix, outcome->run->run);
    struct ping ping = {.outcome = outcome, .url = url};
    int status = job_helper_run(call, &ping, JOB_HEARTBEAT_MS, &err);
    if (status > 128)
        status = err_set(&err, ERR_CONFIG, "the process that requests it was ended by signal %d",
                         status - 128);
    if (status < 0)
        log_msg(outcome->app->log, LOG_WARN, "job '%s': heartbeat: %s", outcome->job->name,
                err.msg);
    mem_free_secret(url);
}

void job_heartbeat_started(const struct job_outcome *outcome)
{
    if (outcome->job->heartbeat != NULL)
        send_ping(outcome, "/start");
}

void job_heartbeat_ended(const struct job_outcome *outcome)
{
    const char *cause = outcome->run->cause;
    if (outcome->job->heartbeat == NULL)
        return;
    if (cause == NULL)
        send_ping(outcome, "");
    else if (strcmp(cause, STORE_CAUSE_LOCKED) != 0)
        send_ping(outcome, "/fail");
}
