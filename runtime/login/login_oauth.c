/* jeton login --oauth: the browser signs in and is redirected to a server of ours on loopback, or
 * the code that it shows is pasted. */
#include "login.h"
#include "mem.h"
#include "server.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#define URL_OUT_MAX ((size_t)64 * 1024)
#define STATE_BYTES 16

struct wait {
    const struct login *login;
    struct loop *loop;
    struct server *server;
    char state[2 * STATE_BYTES + 1];
    char *redirect_uri;
    struct loop_fd input;
    struct loop_timer timer;
    struct buf line;
    char *code; /* secret */
    struct err err;
    bool done;
};

static void found(struct wait *wait, char *code)
{
    mem_free_secret(wait->code);
    wait->code = code;
    redact_add(wait->login->app->redact, code, strlen(code));
    wait->done = true;
}

static void answer(struct server_exchange *exchange, int status, const char *text)
{
    static const struct http_header headers[] = {{"Content-Type", "text/plain; charset=utf-8"},
                                                 {"Cache-Control", "no-store"},
                                                 {"Connection", "close"}};
    server_reply(exchange, status, headers, sizeof headers / sizeof headers[0], text, strlen(text));
}

/* The browser's redirect: ours only with the state that we made. */
static void redirected(void *arg, struct server_exchange *exchange,
                       const struct server_request *request)
{
    struct wait *wait = arg;
    size_t path = strcspn(request->target, "?");
    const char *query = request->target[path] == '?' ? request->target + path + 1 : "";
    if (strcmp(request->method, "GET") != 0 || path != 1 || wait->done) {
        answer(exchange, 404, "There is nothing here.\n");
        return;
    }
    char *url = mem_printf("%s?%s", wait->redirect_uri, query);
    char *code = login_code_of(url, wait->state);
    char *state = login_query_value(query, "state");
    char *error = login_query_value(query, "error");
    bool ours = state != NULL && strlen(state) == strlen(wait->state) &&
                sodium_memcmp(state, wait->state, strlen(state)) == 0;
    if (code != NULL) {
        answer(exchange, 200, "Signed in. You can close this page.\n");
        found(wait, code);
    } else if (ours && error != NULL) {
        answer(exchange, 200, "Not signed in. You can close this page.\n");
        err_set(&wait->err, ERR_AUTH, "the sign-in page answered: %s", error);
        wait->done = true;
    } else {
        answer(exchange, 400, "This does not belong to the sign-in in progress.\n");
    }
    mem_free_secret(url);
    mem_free_secret(state);
    mem_free_secret(error);
}

static void take_line(struct wait *wait, char *line)
{
    line += strspn(line, " \t\r");
    size_t len = strlen(line);
    while (len > 0 && strchr(" \t\r", line[len - 1]) != NULL)
        line[--len] = '\0';
    if (len == 0)
        return;
    char *code = login_code_of(line, wait->state);
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
static void pasted(void *arg, short revents)
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

static void too_late(void *arg)
{
    struct wait *wait = arg;
    err_set(&wait->err, ERR_NETWORK, "nobody signed in within %lld minutes", LOGIN_WAIT_MS / 60000);
    wait->done = true;
}

/* The URL holds the client's ID, which is masked elsewhere; here the browser needs it. */
static int print_url(const struct wait *wait, struct err *err)
{
    struct buf out;
    buf_create_secret(&out, URL_OUT_MAX);
    const struct login *login = wait->login;
    struct provider_ask ask = login_ask(login, PROVIDER_CODE, &(struct login_result){0});
    ask.redirect_uri = wait->redirect_uri;
    provider_of(login->connector)->sign_in_url(&ask, wait->state, &out);
    buf_putc(&out, '\n');
    log_msg(login->app->log, LOG_INFO,
            "open this URL in a browser and sign in; if the browser cannot return here, paste the "
            "code, or the URL that it was redirected to:");
    int result = app_print_secret(out.data, out.len, err);
    buf_destroy(&out);
    return result;
}

static int listen_for(struct wait *wait, struct err *err)
{
    const struct server_options options = {
        .host = "127.0.0.1",
        .max_body = LOGIN_LINE_MAX,
        .handler = redirected,
        .arg = wait,
    };
    wait->server = server_new(wait->loop, &options, err);
    if (wait->server == NULL)
        return -1;
    unsigned char bytes[STATE_BYTES];
    randombytes_buf(bytes, sizeof bytes);
    sodium_bin2hex(wait->state, sizeof wait->state, bytes, sizeof bytes);
    wait->redirect_uri = mem_printf("http://127.0.0.1:%d/", server_port(wait->server));
    return 0;
}

static int take_code(const struct wait *wait, struct login_result *out, struct err *err)
{
    struct provider_ask ask = login_ask(wait->login, PROVIDER_CODE, out);
    ask.code = wait->code;
    ask.redirect_uri = wait->redirect_uri;
    return login_post(ask, wait->login, out, err);
}

int login_oauth(const struct login *login, struct login_result *out, struct err *err)
{
    struct wait wait = {.login = login, .loop = login->engine->loop};
    buf_create_secret(&wait.line, LOGIN_LINE_MAX);
    int result = listen_for(&wait, err);
    if (result == 0)
        result = print_url(&wait, err);
    if (result == 0) {
        loop_fd_start(wait.loop, &wait.input, STDIN_FILENO, POLLIN, pasted, &wait);
        loop_timer_start(wait.loop, &wait.timer, LOGIN_WAIT_MS, too_late, &wait);
        result = app_wait(login->engine, &wait.done, err);
    }
    stop_input(&wait);
    loop_timer_stop(wait.loop, &wait.timer);
    if (result == 0 && wait.err.kind != ERR_NONE) {
        *err = wait.err;
        result = -1;
    }
    if (result == 0)
        result = take_code(&wait, out, err);
    server_free(wait.server);
    mem_free(wait.redirect_uri);
    mem_free_secret(wait.code);
    buf_destroy(&wait.line);
    return result;
}
