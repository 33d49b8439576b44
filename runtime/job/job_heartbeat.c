#include "job_heartbeat.h"

#include "app_environment.h"
#include "egress.h"
#include "http.h"
#include "job_helper.h"
#include "mem.h"
#include "retry.h"
#include "utf8.h"

#include <sodium.h>
#include <string.h>

#define UUID_BYTES      16
#define HTTP_OK         200
#define HTTP_REDIRECT   300
#define HTTP_BAD        400
#define HTTP_TOO_MANY   429
#define HTTP_ERROR      500
#define REPLY_MAX       ((size_t)64 * 1024)
#define TEXT_MAX        (JOB_HEARTBEAT_OUTPUT_MAX * UTF8_MEND_FACTOR + BUF_LIMIT_LINE)
#define PATH_SECRET_MIN 16 /* bytes; a shorter path is no secret but a word */

struct ping {
    const struct job_outcome *outcome;
    const char *url;
    const struct buf *text; /* the body; NULL: a GET */
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

/* The text of a failure */

/* The last lines, whole ones where the limit allows. */
static void append_tail(struct buf *out, const struct buf *output)
{
    size_t from = 0;
    if (output->len > JOB_HEARTBEAT_OUTPUT_MAX) {
        from = output->len - JOB_HEARTBEAT_OUTPUT_MAX;
        const char *end = memchr(output->data + from, '\n', output->len - from);
        if (end != NULL && end + 1 < output->data + output->len)
            from = (size_t)(end + 1 - output->data);
    }
    utf8_mend(output->data + from, output->len - from, out);
}

/* Masked before it is cut, so that no part of a secret is left. */
static void write_failure(const struct job_outcome *outcome, struct buf *out)
{
    const struct store_run *run = outcome->run;
    struct buf text, output;
    buf_create(&text, BUF_LIMIT_LINE);
    buf_create(&output, STORE_OUTPUT_MAX);
    if (run->exit >= 0)
        buf_printf(&text, "exit status %d (%s)\n", run->exit, run->cause);
    else
        buf_printf(&text, "no exit status (%s)\n", run->cause);
    if (run->message != NULL)
        buf_printf(&text, "%s\n", run->message);
    redact_text(outcome->app->redact, text.data, text.len, out);
    if (run->output != NULL && run->output_len > 0)
        redact_text(outcome->app->redact, run->output, run->output_len, &output);
    if (output.len > 0) {
        buf_putc(out, '\n');
        append_tail(out, &output);
    }
    buf_destroy(&text);
    buf_destroy(&output);
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
    struct http_header type = {"Content-Type", "text/plain; charset=utf-8"};
    struct http_request request = {.method = "GET",
                                   .url = ping->url,
                                   .timeout_ms = JOB_HEARTBEAT_TRY_MS,
                                   .max_body = REPLY_MAX,
                                   .cut = true}; /* only the status counts */
    if (ping->text != NULL) {
        request.method = "POST";
        request.headers = &type;
        request.nheaders = 1;
        request.has_body = true;
        request.body = ping->text->data;
        request.body_len = ping->text->len;
    }
    if (http_start(ping->http, &request, answered, ping, &ping->err) == NULL)
        ping->done = true;
}

static int call(void *arg)
{
    struct ping *ping = arg;
    const struct job_outcome *outcome = ping->outcome;
    char line[ERR_LINE_MAX];
    if (app_environment_set(outcome->job->environment, &ping->err) == 0) {
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

static void send_ping(const struct job_outcome *outcome, const char *suffix, const struct buf *text)
{
    struct err err;
    char *url = make_url(outcome->job->heartbeat, suffix, outcome->run->run);
    struct ping ping = {.outcome = outcome, .url = url, .text = text};
    int status = job_helper_run(call, &ping, JOB_HEARTBEAT_MS, &err);
    if (status > 128)
        status = err_set(&err, ERR_CONFIG, "the process that requests it was ended by signal %d",
                         status - 128);
    if (status < 0)
        log_msg(outcome->app->log, LOG_WARN, "job '%s': heartbeat: %s", outcome->job->name,
                err.msg);
    mem_free_secret(url);
}

static void send_failure(const struct job_outcome *outcome)
{
    struct buf text;
    buf_create(&text, TEXT_MAX);
    write_failure(outcome, &text);
    send_ping(outcome, "/fail", &text);
    buf_destroy(&text);
}

void job_heartbeat_started(const struct job_outcome *outcome)
{
    if (outcome->job->heartbeat != NULL)
        send_ping(outcome, "/start", NULL);
}

void job_heartbeat_ended(const struct job_outcome *outcome)
{
    const char *cause = outcome->run->cause;
    if (outcome->job->heartbeat == NULL)
        return;
    if (cause == NULL)
        send_ping(outcome, "", NULL);
    else if (strcmp(cause, STORE_CAUSE_LOCKED) != 0)
        send_failure(outcome);
}
