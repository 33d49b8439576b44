#include "listen_trigger.h"

#include "clock.h"
#include "hook_sign.h"
#include "host.h"
#include "http.h"
#include "listen.h"
#include "listen_address.h"
#include "listen_plan.h"
#include "listening.h"
#include "mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ID_BYTES    8
#define HEADERS_MAX 4
#define REPLY_MAX   ((size_t)1024 * 1024)

static int read_file(const char *path, size_t max, struct buf *body, struct err *err)
{
    bool is_input = strcmp(path, "-") == 0;
    int fd = is_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    buf_create_secret(body, max);
    int result = fd >= 0 ? buf_read_fd(body, fd) : -1;
    if (result != 0 && errno == EFBIG)
        err_set(err, ERR_USAGE, "%s: more than the webhook's max_body (%zu bytes)", path, max);
    else if (result != 0)
        err_set(err, ERR_CONFIG, "%s: %s", path, strerror(errno));
    if (fd >= 0 && !is_input)
        close(fd);
    return result;
}

struct headers {
    struct http_header items[HEADERS_MAX + 1]; /* their names are the caller's to free */
    size_t count;
};

static int read_headers(const struct listen_trigger *trigger, struct headers *headers,
                        struct err *err)
{
    for (size_t i = 0; i < trigger->headers.count; i++) {
        const char *text = trigger->headers.items[i], *colon = strchr(text, ':');
        if (colon == NULL || headers->count == HEADERS_MAX)
            return err_set(err, ERR_USAGE, "-H %s: expected NAME:VALUE, at most %d times", text,
                           HEADERS_MAX);
        headers->items[headers->count++] =
            (struct http_header){.name = mem_strndup(text, (size_t)(colon - text)),
                                 .value = colon + 1 + strspn(colon + 1, " ")};
    }
    headers->items[headers->count++] =
        (struct http_header){.name = mem_strdup(LISTEN_TRIGGER_ASKS), .value = "1"};
    return 0;
}

/* It may serve at another address than it is configured to: then that port is anybody's. */
static int check_port(const struct config *config, int port, struct err *err)
{
    struct stat st;
    const char *folder = config->state->folder; /* only its user and root are let in */
    if (stat(folder, &st) != 0)
        return err_set(err, ERR_CONFIG, "%s: %s", folder, strerror(errno));
    if (listening_is_of(port, st.st_uid))
        return 0;
    return err_set(err, ERR_NETWORK,
                   "--trigger: port %d is another user's (nothing was sent); where the listener "
                   "has another one than listen.address, say --listen HOST:PORT",
                   port);
}

/* Of the listener of this machine, by loopback. */
static char *find_url(const struct config *config, const char *address, const char *target,
                      struct err *err)
{
    const struct hook_listen *listen = config->listen;
    char *host = NULL, *url = NULL;
    int port = (int)listen->port;
    if (address != NULL && listen_address_read(address, &host, &port, err) != 0)
        return NULL;
    const char *at = host != NULL ? host : listen->host;
    if (strcmp(at, "0.0.0.0") == 0)
        at = "127.0.0.1";
    else if (strcmp(at, "::") == 0)
        at = "::1";
    if (!host_is_loopback(at))
        err_set(err, ERR_USAGE, "--trigger: the listener's address %s is not loopback", at);
    else if (port == 0)
        err_set(err, ERR_USAGE, "--trigger: the listener has any free port; say --listen %s:PORT",
                at);
    else if (check_port(config, port, err) == 0)
        url = mem_printf(strchr(at, ':') != NULL ? "%s://[%s]:%d%s" : "%s://%s:%d%s",
                         listen->certificate != NULL ? "https" : "http", at, port, target);
    mem_free(host);
    return url;
}

/* ---- the request ---- */

struct sending {
    struct app *app;
    bool done;
    struct err err;
};

static void on_done(void *arg, struct http_result *result)
{
    struct sending *sending = arg;
    struct buf text;
    sending->done = true;
    sending->err = result->err;
    if (result->err.kind != ERR_NONE)
        return;
    buf_create(&text, REPLY_MAX + BUF_LIMIT_LINE);
    const char *verdict = http_response_header(&result->response, LISTEN_TRIGGER_TELLS);
    buf_printf(&text, "%d%s%s\n", result->response.status, verdict != NULL ? " " : "",
               verdict != NULL ? verdict : "");
    buf_append(&text, result->response.body.data, result->response.body.len);
    if (result->response.body.len > 0 && text.data[text.len - 1] != '\n')
        buf_putc(&text, '\n');
    if (app_print(sending->app, text.data, text.len, &sending->err) == 0 &&
        result->response.status >= 300)
        err_set(&sending->err, ERR_HTTP, "the listener answered %d; its log says why",
                result->response.status);
    buf_destroy(&text);
}

/* Those of authorities that stand behind it in its file would speak for others, too. NULL: there is
 * none. */
static char *first_certificate(const char *pem)
{
    static const char begins[] = "-----BEGIN CERTIFICATE-----",
                      ends[] = "-----END CERTIFICATE-----";
    const char *start = pem != NULL ? strstr(pem, begins) : NULL;
    const char *end = start != NULL ? strstr(start, ends) : NULL;
    return end != NULL ? mem_printf("%.*s\n", (int)(end - start) + (int)strlen(ends), start) : NULL;
}

static int post(struct app *app, const char *url, const struct hook_signed *signed_,
                const char *certificate, struct err *err)
{
    const struct http_request request = {.method = "POST",
                                         .url = url,
                                         .headers = signed_->headers,
                                         .nheaders = signed_->nheaders,
                                         .body = signed_->body,
                                         .body_len = signed_->body_len,
                                         .has_body = true,
                                         .only_certificate = certificate,
                                         .max_body = REPLY_MAX};
    struct sending sending = {.app = app};
    struct loop *loop = loop_new();
    struct http *http = http_new(loop, app->log);
    int result = http_start(http, &request, on_done, &sending, err) != NULL ? 0 : -1;
    if (result == 0) {
        loop_run_until(loop, &sending.done);
        *err = sending.err;
        result = err->kind == ERR_NONE ? 0 : -1;
    }
    http_free(http);
    loop_free(loop);
    return result;
}

/* ---- the verb ---- */

/* What is posted holds a token of the hook, or is signed: another user's program may have taken the
 * port of a listener that does not run. */
static int check_listener(const struct config *config, struct err *err)
{
    int running = listen_is_running(config, err);
    if (running != 0)
        return running > 0 ? 0 : -1;
    return err_set(err, ERR_NETWORK, "%s: no `jeton listen` of it runs on this machine",
                   config->path);
}

static int trigger_hook(struct app *app, const struct listen_plan *plan, size_t index,
                        const struct listen_trigger *trigger, struct err *err)
{
    const struct hook *hook = plan->config->hooks[index];
    unsigned char random[ID_BYTES];
    char hex[ID_BYTES * 2 + 1], id[ID_BYTES * 2 + sizeof "trigger-"];
    struct hook_signed signed_ = {.nheaders = 0};
    struct buf body;
    randombytes_buf(random, sizeof random);
    sodium_bin2hex(hex, sizeof hex, random, sizeof random);
    strcpy(id, "trigger-");
    strcat(id, hex);
    struct headers headers = {.count = 0};
    int result = read_file(trigger->file, (size_t)hook->rules.max_body, &body, err);
    if (result == 0)
        result = read_headers(trigger, &headers, err);
    const struct hook_unsigned given = {.id = id,
                                        .headers = headers.items,
                                        .nheaders = headers.count,
                                        .body = body.data,
                                        .body_len = body.len,
                                        .now_ms = clock_wall_ms()};
    if (result == 0)
        result = hook_sign(&hook->rules, plan->keys[index], &given, &signed_, err);
    if (result == 0)
        result = check_listener(plan->config, err);
    if (result == 0) {
        char *url = find_url(plan->config, trigger->address, signed_.target, err);
        char *certificate = first_certificate(plan->certificate);
        result = url != NULL ? post(app, url, &signed_, certificate, err) : -1;
        mem_free(certificate);
        mem_free(url);
    }
    hook_sign_destroy(&signed_);
    for (size_t i = 0; i < headers.count; i++)
        mem_free(headers.items[i].name);
    buf_destroy(&body);
    return result;
}

int listen_trigger_run(struct app *app, const struct listen_trigger *trigger, struct err *err)
{
    struct listen_plan plan;
    if (listen_plan_load(&plan, app, err) != 0)
        return -1;
    int result = -1;
    size_t i = 0;
    if (config_hook(plan.config, trigger->hook, err) != NULL) {
        while (strcmp(plan.config->hooks[i]->name, trigger->hook) != 0)
            i++;
        result = trigger_hook(app, &plan, i, trigger, err);
    }
    listen_plan_destroy(&plan);
    return result;
}
