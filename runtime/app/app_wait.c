/* A verb's wait for the loop, in which no signal loses a refresh token. */
#include "app.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* How long a signal waits for the reply of an exchange, which may hold the next refresh token. */
#define SETTLE_MS 500

/* While blocked, signals that would end the process stay pending; they take effect when unblocked.
 */
struct guard {
    struct loop *loop;
    struct loop_fd watch;
    struct loop_timer settle;
    sigset_t before;
    bool up;
    bool over; /* a signal has waited long enough */
};

static void guard_over(void *arg)
{
    struct guard *guard = arg;
    guard->over = true;
}

static void guard_signalled(void *arg, short revents)
{
    (void)revents;
    struct guard *guard = arg;
    int fd = guard->watch.fd;
    loop_fd_stop(guard->loop, &guard->watch); /* the signal is left pending */
    close(fd);
    loop_timer_start(guard->loop, &guard->settle, SETTLE_MS, guard_over, guard);
}

static int guard_raise(struct guard *guard, struct err *err)
{
    static const int ending[] = {SIGINT, SIGTERM, SIGHUP};
    sigset_t mask;
    sigemptyset(&mask);
    for (size_t i = 0; i < sizeof ending / sizeof ending[0]; i++)
        sigaddset(&mask, ending[i]);
    int fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return err_set(err, ERR_CONFIG, "cannot watch signals: %s", strerror(errno));
    sigprocmask(SIG_BLOCK, &mask, &guard->before);
    loop_fd_start(guard->loop, &guard->watch, fd, POLLIN, guard_signalled, guard);
    guard->up = true;
    return 0;
}

static void guard_lower(struct guard *guard)
{
    if (!guard->up)
        return;
    if (guard->watch.index != 0) {
        int fd = guard->watch.fd;
        loop_fd_stop(guard->loop, &guard->watch);
        close(fd);
    }
    loop_timer_stop(guard->loop, &guard->settle);
    guard->up = false;
    sigprocmask(SIG_SETMASK, &guard->before, NULL); /* a pending signal ends the process here */
    guard->over = false;                            /* a handler took it: go on */
}

int app_wait(struct engine *engine, const bool *done, struct err *err)
{
    struct guard guard = {.loop = engine->loop};
    int result = 0;
    while (!*done && result == 0) {
        bool wanted = tokens_on_wire(engine->tokens);
        if (guard.up && (!wanted || guard.over))
            guard_lower(&guard);
        else if (!guard.up && wanted)
            result = guard_raise(&guard, err);
        if (result == 0 && !loop_turn(engine->loop, -1) && !*done)
            result = err_set(err, ERR_NETWORK, "no answer came");
    }
    guard_lower(&guard);
    return result;
}

struct token_wait {
    void (*use)(void *arg, const struct token *token);
    void *arg;
    struct err err;
    bool done;
};

static void token_arrived(void *arg, const struct token *token, const struct err *err)
{
    struct token_wait *wait = arg;
    wait->done = true;
    if (err != NULL)
        wait->err = *err;
    else
        wait->use(wait->arg, token);
}

int app_wait_token(struct engine *engine, const struct connector *connector,
                   const struct token_query *query,
                   void (*use)(void *arg, const struct token *token), void *arg, struct err *err)
{
    struct token_wait wait = {.use = use, .arg = arg};
    token_get(engine->tokens, connector, query, token_arrived, &wait);
    if (app_wait(engine, &wait.done, err) != 0)
        return err_wrap(err, "connector '%s'", connector->name);
    if (wait.err.kind == ERR_NONE)
        return 0;
    *err = wait.err;
    return -1;
}
