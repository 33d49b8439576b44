#include "ltest_events.h"

#include "config_load.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define GRACE_MS 1000

enum { READ, WRITE, ENDS };

void ltest_events_stop(struct ltest_events *events)
{
    if (events->wake_fd > 0)
        close(events->wake_fd);
    events->wake_fd = 0;
}

/* A handler has ended. */
static void on_answer(void *arg, short revents)
{
    struct ltest_events *events = arg;
    struct store_event_count count;
    struct err err;
    char line[4096];
    (void)revents;
    ssize_t got;
    while ((got = read(events->answer.fd, line, sizeof line)) > 0)
        buf_append(events->answers, line, (size_t)got); /* what is over the limit is nobody's */
    err_clear(&err);
    if (store_event_count(events->engine->store, events->scope, &count, &err) != 0 ||
        count.ready + count.running == 0)
        ltest_events_stop(events);
}

static int open_pipes(struct ltest_events *events, struct err *err)
{
    int wake[ENDS] = {-1, -1}, answer[ENDS] = {-1, -1};
    if (pipe2(wake, O_CLOEXEC | O_NONBLOCK) != 0 || pipe2(answer, O_CLOEXEC | O_NONBLOCK) != 0) {
        err_set(err, ERR_CONFIG, "cannot make a pipe: %s", strerror(errno));
        if (wake[READ] >= 0) {
            close(wake[READ]);
            close(wake[WRITE]);
        }
        return -1;
    }
    events->vm.wake_fd = wake[READ];
    events->wake_fd = wake[WRITE];
    events->vm.answer_fd = answer[WRITE];
    loop_fd_start(events->engine->loop, &events->answer, answer[READ], POLLIN, on_answer, events);
    return 0;
}

int ltest_events_begin(struct ltest_events *events, struct engine *engine, const char *name,
                       struct buf *answers, struct err *err)
{
    const struct hook *hook = config_hook(engine->config, name, err);
    if (hook == NULL)
        return -1;
    *events = (struct ltest_events){.engine = engine, .hook = hook, .answers = answers};
    store_event_scope(events->scope, hook->name, hook->home);
    store_run_id(events->owner);
    events->vm = (struct vm_events){.hook = hook->name,
                                    .scope = events->scope,
                                    .shared = hook->shared,
                                    .owner = events->owner,
                                    .lease = &events->lease,
                                    .concurrency = hook->concurrency,
                                    .attempts = hook->retries.attempts,
                                    .delay_ms = hook->retries.delay_ms,
                                    .max_delay_ms = hook->retries.max_delay_ms,
                                    .timeout_ms = hook->timeout_ms,
                                    .grace_ms = GRACE_MS,
                                    .wake_fd = -1,
                                    .answer_fd = -1};
    if (engine_need_store(engine, err) != 0 || open_pipes(events, err) != 0 ||
        store_lease_try(&events->lease, engine->store, STORE_LEASE_RUN, events->owner, err) != 1)
        return -1;
    return 0;
}

void ltest_events_end(struct ltest_events *events)
{
    if (events->engine == NULL)
        return;
    ltest_events_stop(events);
    if (events->vm.answer_fd >= 0) {
        int answer_fd = events->answer.fd;
        loop_fd_stop(events->engine->loop, &events->answer);
        close(answer_fd);
        close(events->vm.answer_fd);
        close(events->vm.wake_fd);
    }
    store_lease_release(&events->lease);
    events->engine = NULL;
}
