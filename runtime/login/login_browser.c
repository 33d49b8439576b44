/* jeton login --oauth, --browser, --paste: the browser signs in and is redirected to a server of
 * ours on loopback; or what it was redirected with is pasted. */
#include "login.h"
#include "mem.h"
#include "pkce.h"
#include "provider_words.h"
#include "server.h"
#include "url.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#define URL_OUT_MAX ((size_t)64 * 1024)
#define STATE_BYTES 16
#define PASTE_TRIES 3 /* at a terminal */
#define ANYWHERE    "http://127.0.0.1:0/"
/* The browser sends one small request at once; another program of this machine must not keep it
 * out. */
#define PEERS_MAX 64
#define PEER_MS   3000 /* for a head, a body, and what comes after a refusal */

struct wait {
    const struct login *login;
    struct loop *loop;
    struct server *server;
    char state[2 * STATE_BYTES + 1];
    char verifier[PKCE_SIZE];
    char *redirect_uri; /* with its real port */
    char *path;         /* of it */
    struct loop_fd input;
    struct loop_timer timer;
    struct buf line;
    char *code; /* secret */
    struct err err;
    bool done;
};

static void hide(const struct wait *wait, const char *secret)
{
    redact_add(wait->login->app->redact, secret, strlen(secret));
}

static void found(struct wait *wait, char *code)
{
    mem_free_secret(wait->code);
    wait->code = code;
    hide(wait, code);
    wait->done = true;
}

/* ---- what the browser brings ---- */

static bool is_ours(const struct wait *wait, const char *query)
{
    char *state = login_query_value(query, "state");
    bool ours = state != NULL && strlen(state) == strlen(wait->state) &&
                sodium_memcmp(state, wait->state, strlen(state)) == 0;
    mem_free_secret(state);
    return ours;
}

/* The sign-in page has refused, or another service answers in its place: err says so. */
static bool is_refusal(const struct wait *wait, const char *query, struct err *err)
{
    const struct provider *provider = provider_of(wait->login->connector);
    const struct provider_ask ask =
        login_ask(wait->login, PROVIDER_CODE, &(struct login_result){0});
    char *error = login_query_value(query, "error");
    char *why = login_query_value(query, "error_description");
    char *issuer = login_query_value(query, "iss");
    struct buf text;
    buf_create(&text, ERR_MSG_MAX);
    bool foreign = provider->is_issuer != NULL && !provider->is_issuer(&ask, issuer);
    if (foreign && issuer == NULL) {
        buf_puts(&text, "the redirect does not say which service it is of (iss), as this one does");
    } else if (foreign) {
        buf_puts(&text, "the redirect comes from another service (iss): ");
        provider_words_add(&text, issuer, strlen(issuer), PROVIDER_WORDS_MAX);
    } else if (error != NULL) {
        buf_puts(&text, "the sign-in page answered: ");
        provider_words_add(&text, error, strlen(error), ERR_CODE_MAX);
        if (why != NULL && *why != '\0') {
            buf_puts(&text, ": ");
            provider_words_add(&text, why, strlen(why), PROVIDER_WORDS_MAX);
        }
    }
    if (text.len > 0)
        err_set(err, ERR_AUTH, "%s", text.data);
    buf_destroy(&text);
    mem_free(issuer);
    mem_free(why);
    mem_free(error);
    return foreign || error != NULL;
}

static void answer(struct server_exchange *exchange, int status, const char *text)
{
    static const struct http_header headers[] = {{"Content-Type", "text/plain; charset=utf-8"},
                                                 {"Cache-Control", "no-store"},
                                                 {"Referrer-Policy", "no-referrer"},
                                                 {"Connection", "close"}};
    server_reply(exchange, status, headers, sizeof headers / sizeof headers[0], text, strlen(text));
}

/* The browser's redirect: ours only with the state that we made, and only once. */
static void redirected(void *arg, struct server_exchange *exchange,
                       const struct server_request *request)
{
    struct wait *wait = arg;
    size_t len = strcspn(request->target, "?");
    const char *query = request->target[len] == '?' ? request->target + len + 1 : "";
    if (strcmp(request->method, "GET") != 0 || len != strlen(wait->path) ||
        strncmp(request->target, wait->path, len) != 0 || wait->done) {
        answer(exchange, 404, "There is nothing here.\n");
        return;
    }
    char *url = mem_printf("%s?%s", wait->redirect_uri, query);
    char *code = login_redirect_code(url, wait->state);
    if (is_ours(wait, query) && is_refusal(wait, query, &wait->err)) {
        answer(exchange, 200, "Not signed in. You can close this page.\n");
        wait->done = true;
        mem_free_secret(code);
    } else if (code != NULL) {
        answer(
            exchange, 200,
            "The service has sent you back, and jeton goes on: its terminal says whether you are "
            "signed in. You can close this page.\n");
        found(wait, code);
    } else {
        answer(exchange, 400, "This does not belong to the sign-in in progress.\n");
    }
    mem_free_secret(url);
}

/* ---- what is typed ---- */

static void take_line(struct wait *wait, char *line)
{
    line += strspn(line, " \t\r");
    size_t len = strlen(line);
    while (len > 0 && strchr(" \t\r", line[len - 1]) != NULL)
        line[--len] = '\0';
    if (len == 0)
        return;
    char *code = login_redirect_code(line, wait->state);
    if (code != NULL)
        found(wait, code);
    else
        log_msg(wait->login->app->log, LOG_WARN,
                "that is neither a code nor the URL that the browser was redirected to");
}

static void stop_input(struct wait *wait)
{
    loop_fd_stop(wait->loop, &wait->input);
}

/* At the end of the input only the redirect is left. */
static void typed(void *arg, short revents)
{
    (void)revents;
    struct wait *wait = arg;
    char chunk[512];
    ssize_t n = read(STDIN_FILENO, chunk, sizeof chunk);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    for (ssize_t i = 0; i < n && !wait->done; i++) {
        if (chunk[i] != '\n' && buf_append(&wait->line, &chunk[i], 1) == 0)
            continue;
        take_line(wait, wait->line.data);
        buf_clear(&wait->line);
    }
    explicit_bzero(chunk, sizeof chunk);
    if (n <= 0) {
        if (!wait->done)
            take_line(wait, wait->line.data);
        stop_input(wait);
    }
}

/* The query of a pasted URL, if it begins with redirect_uri. */
static const char *query_of(const struct wait *wait, const char *line)
{
    size_t len = strlen(wait->redirect_uri);
    if (strncmp(line, wait->redirect_uri, len) != 0)
        return NULL;
    line += len;
    if (strcmp(wait->path, "/") == 0 && wait->redirect_uri[len - 1] != '/')
        line += *line == '/'; /* browsers add it to a host alone */
    return *line == '?' ? line + 1 : NULL;
}

/* ERR_USAGE: it is not what was asked for, and another one may be. */
static int take_paste(struct wait *wait, struct err *err)
{
    buf_clear(&wait->line);
    if (login_read_hidden("URL that the browser ended at: ", &wait->line, err) != 0)
        return -1;
    if (wait->line.len > 0)
        hide(wait, wait->line.data);
    char *line = wait->line.data + strspn(wait->line.data, " \t");
    line[strcspn(line, " \t\r")] = '\0';
    const char *query = query_of(wait, line);
    if (query == NULL)
        return err_set(err, ERR_USAGE, "what was pasted does not begin with %s?",
                       wait->redirect_uri);
    if (!is_ours(wait, query))
        return err_set(err, ERR_USAGE, "what was pasted is not from this sign-in (state)");
    if (is_refusal(wait, query, err))
        return -1;
    char *code = login_redirect_code(line, wait->state);
    if (code == NULL)
        return err_set(err, ERR_USAGE, "what was pasted holds no code");
    found(wait, code);
    return 0;
}

static int too_late(struct err *err)
{
    return err_set(err, ERR_NETWORK, "nobody signed in within %lld minutes", LOGIN_WAIT_MS / 60000);
}

static int wait_for_paste(struct wait *wait, struct err *err)
{
    int64_t until_ms = loop_now_ms(wait->loop) + LOGIN_WAIT_MS;
    int tries = isatty(STDIN_FILENO) == 1 ? PASTE_TRIES : 1;
    for (;;) {
        int result = take_paste(wait, err);
        if (loop_now_ms(wait->loop) > until_ms)
            return too_late(err);
        if (result == 0 || err->kind != ERR_USAGE || --tries == 0)
            return result;
        log_msg(wait->login->app->log, LOG_WARN, "%s", err->msg);
    }
}

/* ---- the sign-in ---- */

static void timed_out(void *arg)
{
    struct wait *wait = arg;
    too_late(&wait->err);
    wait->done = true;
}

static struct provider_ask ask_of(const struct wait *wait, const struct login_result *result)
{
    struct provider_ask ask = login_ask(wait->login, PROVIDER_CODE, result);
    ask.redirect_uri = wait->redirect_uri;
    ask.verifier = wait->verifier;
    return ask;
}

/* The URL holds the client's ID, which is masked elsewhere; here the browser needs it. */
static int print_url(const struct wait *wait, const char *then, struct err *err)
{
    const struct login *login = wait->login;
    struct provider_ask ask = ask_of(wait, &(struct login_result){0});
    struct buf out;
    buf_create_secret(&out, URL_OUT_MAX);
    int result = provider_of(login->connector)->sign_in_url(&ask, wait->state, &out, err);
    if (result == 0)
        result = login_check_url(out.data, err);
    if (result == 0) {
        buf_putc(&out, '\n');
        log_msg(login->app->log, LOG_INFO, "open this URL in a browser and sign in; %s:", then);
        result = app_print_secret(out.data, out.len, err);
    }
    buf_destroy(&out);
    return result;
}

static void make_secrets(struct wait *wait)
{
    unsigned char state[STATE_BYTES];
    randombytes_buf(state, sizeof state);
    sodium_bin2hex(wait->state, sizeof wait->state, state, sizeof state);
    pkce_verifier(wait->verifier);
    hide(wait, wait->verifier);
}

static int listen_at(struct wait *wait, const struct url *url, struct err *err)
{
    const struct server_options options = {
        .host = url->host,
        .port = url->port,
        .max_body = LOGIN_LINE_MAX,
        .max_connections = PEERS_MAX,
        .end_idle = true,
        .head_ms = PEER_MS,
        .body_ms = PEER_MS,
        .linger_ms = PEER_MS,
        .handler = redirected,
        .arg = wait,
    };
    wait->server = server_new(wait->loop, &options, err);
    return wait->server != NULL ? 0 : -1;
}

static void set_port(struct wait *wait, const struct url *url, int port)
{
    const char *path = strstr(wait->redirect_uri, "://") + 3; /* as it is registered: or none */
    char *uri = mem_printf(strchr(url->host, ':') != NULL ? "http://[%s]:%d%s" : "http://%s:%d%s",
                           url->host, port, path + strcspn(path, "/"));
    mem_free(wait->redirect_uri);
    wait->redirect_uri = uri;
}

/*
 * Where the browser is sent. On loopback there is a server; while a URL is pasted it only finds a
 * free port, since the browser may be on another machine.
 */
static int prepare(struct wait *wait, const struct login_browser *how, struct err *err)
{
    const struct provider *provider = provider_of(wait->login->connector);
    const char *uri =
        provider->redirect_uri != NULL ? provider->redirect_uri(wait->login->connector) : ANYWHERE;
    struct url url;
    make_secrets(wait);
    bool local = false;
    if (login_redirect_parse(uri, &url, &local, err) != 0)
        return -1;
    wait->redirect_uri = mem_strdup(uri);
    wait->path = mem_strdup(url.path);
    int result = 0;
    if (how->port >= 0 && local)
        url.port = (int)how->port;
    if (!local && (how->port >= 0 || !how->paste))
        result =
            err_set(err, ERR_USAGE,
                    "the browser is sent to %s, which is not a port of this machine: use --paste, "
                    "without --port",
                    uri);
    else if (local && (!how->paste || url.port == 0))
        result = listen_at(wait, &url, err);
    if (result == 0 && local && (url.port == 0 || how->port >= 0)) /* else as it is registered */
        set_port(wait, &url, wait->server != NULL ? server_port(wait->server) : url.port);
    url_destroy(&url);
    return result;
}

static int wait_for_browser(struct wait *wait, bool types, struct err *err)
{
    if (types)
        loop_fd_start(wait->loop, &wait->input, STDIN_FILENO, POLLIN, typed, wait);
    loop_timer_start(wait->loop, &wait->timer, LOGIN_WAIT_MS, timed_out, wait);
    int result = app_wait(wait->login->engine, &wait->done, err);
    stop_input(wait);
    loop_timer_stop(wait->loop, &wait->timer);
    if (result == 0 && wait->err.kind != ERR_NONE) {
        *err = wait->err;
        result = -1;
    }
    return result;
}

static int sign_in(struct wait *wait, const struct login_browser *how, struct err *err)
{
    if (how->paste) {
        server_free(wait->server);
        wait->server = NULL;
        return print_url(wait, "then paste the URL that it ends at, even if it shows no page",
                         err) != 0
                   ? -1
                   : wait_for_paste(wait, err);
    }
    const char *then = how->types ? "if the browser cannot return here, paste the code, or the URL "
                                    "that it was redirected to"
                                  : "it returns to this machine (if it cannot: --paste)";
    return print_url(wait, then, err) != 0 ? -1 : wait_for_browser(wait, how->types, err);
}

int login_browser(const struct login *login, const struct login_browser *how,
                  struct login_result *out, struct err *err)
{
    struct wait wait = {.login = login, .loop = login->engine->loop};
    buf_create_secret(&wait.line, LOGIN_LINE_MAX);
    int result = prepare(&wait, how, err);
    if (result == 0)
        result = sign_in(&wait, how, err);
    if (result == 0) {
        struct provider_ask ask = ask_of(&wait, out);
        ask.code = wait.code;
        result = login_post(ask, login, out, err);
    }
    server_free(wait.server);
    mem_free(wait.redirect_uri);
    mem_free(wait.path);
    mem_free_secret(wait.code);
    explicit_bzero(wait.verifier, sizeof wait.verifier);
    buf_destroy(&wait.line);
    return result;
}
