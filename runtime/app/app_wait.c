/* A verb's wait for the loop, in which no signal loses a refresh token. */
#include "app.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* How long a signal waits for the reply of an exchange, which may hold the next refresh token; and
 * the run's deadline, after which the process of a job is killed (JOB_DEADLINE_GRACE_MS). */
#define SETTLE_MS          5000
#define SETTLE_DEADLINE_MS 1000
#define SAME_MS            500 /* the same signal again: sent to the group, or passed on */

/* While it is up, signals that would end the process are kept; they take effect when it is lowered.
 */
struct guard {
    struct loop *loop;
    struct log *log;
    struct loop_fd watch;
    struct loop_timer settle;
    sigset_t before;
    int signo; /* that has come; 0: none */
    int64_t signal_ms;
    bool up;
    bool over; /* it has waited long enough, or another one has come */
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
    struct signalfd_siginfo info;
    if (read(guard->watch.fd, &info, sizeof info) != (ssize_t)sizeof info)
        return;
    int signo = (int)info.ssi_signo;
    int64_t now_ms = loop_now_ms(guard->loop);
    if (signo == guard->signo && now_ms - guard->signal_ms < SAME_MS)
        return;
    if (guard->signo != 0) {
        guard->over = true;
        return;
    }
    guard->signo = signo;
    guard->signal_ms = now_ms;
    log_msg(guard->log, LOG_INFO,
            "signal %d: waiting up to %d s for the reply of the token service, which may hold a "
            "new refresh token; another signal ends at once",
            signo, SETTLE_MS / 1000);
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
    int fd = guard->watch.fd, signo = guard->signo;
    loop_fd_stop(guard->loop, &guard->watch);
    close(fd);
    loop_timer_stop(guard->loop, &guard->settle);
    guard->up = guard->over = false;
    guard->signo = 0;
    sigprocmask(SIG_SETMASK, &guard->before, NULL);
    if (signo != 0)
        raise(signo); /* ends the process, unless a handler takes it: then it goes on */
}

/* A token that a person gave is waited for in parts: until it is sent, for the reply, until that is
 * stored. The guard stays up from one to the next. */
static struct guard kept;

int app_wait(struct engine *engine, const bool *done, struct err *err)
{
    struct guard *guard = &kept;
    int result = 0;
    if (!guard->up || guard->loop != engine->loop)
        *guard = (struct guard){.loop = engine->loop, .log = engine->log};
    while (!*done && result == 0) {
        bool wanted = tokens_on_wire(engine->tokens);
        if (guard->up && (!wanted || guard->over))
            guard_lower(guard);
        else if (!guard->up && wanted)
            result = guard_raise(guard, err);
        if (result == 0 && !loop_turn(engine->loop, -1) && !*done)
            result = err_set(err, ERR_NETWORK, "no answer came");
    }
    if (result != 0 || guard->over || !tokens_spend_on_wire(engine->tokens))
        guard_lower(guard);
    return result;
}

/* The signal that has ended a script with this status, or 0. That nobody reads its output is none.
 */
static int signal_of(int status)
{
    int signo = status - 128;
    return signo == SIGINT || signo == SIGTERM || signo == SIGHUP ? signo : 0;
}

void app_settle(struct engine *engine, int status)
{
    struct guard guard = {.loop = engine->loop, .log = engine->log, .signo = signal_of(status)};
    struct err ignored;
    if (engine->tokens == NULL || engine->hurried || !tokens_on_wire(engine->tokens) ||
        guard_raise(&guard, &ignored) != 0)
        return;
    guard.signal_ms = loop_now_ms(guard.loop);
    int64_t limit_ms = guard.signo != 0 ? SETTLE_MS : INT64_MAX;
    if (engine->deadline_ms != 0) {
        int64_t left_ms = engine->deadline_ms - loop_now_ms(guard.loop);
        left_ms = (left_ms > 0 ? left_ms : 0) + SETTLE_DEADLINE_MS;
        limit_ms = left_ms < limit_ms ? left_ms : limit_ms;
    }
    struct loop_timer limit = {.fn = NULL};
    loop_timer_start(guard.loop, &limit, limit_ms, guard_over, &guard);
    while (!guard.over && tokens_on_wire(engine->tokens))
        loop_turn(guard.loop, -1);
    loop_timer_stop(guard.loop, &limit);
    guard.signo = 0; /* the process ends by itself now */
    guard_lower(&guard);
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
