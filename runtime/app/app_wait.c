/* A verb's wait for the loop, in which no signal loses a refresh token. */
#include "app.h"

#include <signal.h>

/* A token that a person gave is waited for in parts: until it is sent, for the reply, until that is
 * stored. The guard stays up from one to the next. */
int app_wait(struct engine *engine, const bool *done, struct err *err)
{
    struct reply_guard *guard = &engine->guard;
    int result = 0;
    while (!*done && result == 0) {
        bool wanted = tokens_on_wire(engine->tokens);
        if (guard->up && (!wanted || guard->over))
            reply_guard_lower(guard);
        else if (!guard->up && wanted)
            result = reply_guard_raise(guard, err);
        if (result == 0 && !loop_turn(engine->loop, -1) && !*done)
            result = err_set(err, ERR_NETWORK, "no answer came");
    }
    if (result != 0 || guard->over || !tokens_spend_on_wire(engine->tokens))
        reply_guard_lower(guard);
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
    struct reply_guard *guard = &engine->guard;
    struct err ignored;
    if (engine->tokens == NULL || engine->hurried || !tokens_on_wire(engine->tokens) ||
        reply_guard_raise(guard, &ignored) != 0) {
        reply_guard_lower(guard);
        return;
    }
    guard->signo = signal_of(status);
    guard->signal_ms = loop_now_ms(guard->loop);
    int64_t limit_ms = guard->signo != 0 ? REPLY_GUARD_MS : INT64_MAX;
    if (engine->deadline_ms != 0) { /* the process of a job lives longer: JOB_DEADLINE_GRACE_MS */
        int64_t left_ms = engine->deadline_ms - loop_now_ms(guard->loop);
        left_ms = (left_ms > 0 ? left_ms : 0) + REPLY_GUARD_MS;
        limit_ms = left_ms < limit_ms ? left_ms : limit_ms;
    }
    struct loop_timer limit = {.fn = NULL};
    loop_timer_start(guard->loop, &limit, limit_ms, reply_guard_over, guard);
    while (!guard->over && tokens_on_wire(engine->tokens))
        loop_turn(guard->loop, -1);
    loop_timer_stop(guard->loop, &limit);
    guard->signo = 0; /* the process ends by itself now */
    reply_guard_lower(guard);
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
