#include "loop.h"

#include "mem.h"

#include <limits.h>
#include <string.h>

struct loop {
    const struct clock *clock;
    struct loop_timer **timers; /* binary heap, the next one first */
    size_t ntimers, timers_cap;
    uint64_t order; /* of the next timer */

    struct loop_fd **fds; /* stopped ones leave NULL until the next turn */
    struct pollfd *polled;
    size_t nfds, fds_cap;
    size_t running_fds;

    struct loop_hook *hooks;
    struct loop_hook *next_hook; /* next of the walk; moved on when removed */

    loop_poll_fn *poll;
    void *poll_arg;
    loop_pass_fn *pass; /* NULL: the clock moves by itself */
    void *pass_arg;
    int awaited[LOOP_OUTSIDE];
    int64_t paced_ms; /* real time that has passed since something was first awaited */
    uint64_t turn;    /* a callback may run the loop itself: the outer run notices by this */
};

struct loop *loop_new(void)
{
    struct loop *loop = mem_alloc(sizeof *loop);
    loop->clock = &clock_system;
    return loop;
}

void loop_free(struct loop *loop)
{
    if (loop == NULL)
        return;
    mem_free(loop->timers);
    mem_free(loop->fds);
    mem_free(loop->polled);
    mem_free(loop);
}

void loop_set_clock(struct loop *loop, const struct clock *clock)
{
    loop->clock = clock;
}

const struct clock *loop_clock(const struct loop *loop)
{
    return loop->clock;
}

int64_t loop_now_ms(const struct loop *loop)
{
    return clock_now_ms(loop->clock, CLOCK_MONO);
}

/* Capacity for one more item. */
static void *grown(void *items, size_t count, size_t *cap, size_t item_size)
{
    if (count < *cap)
        return items;
    *cap = *cap > 0 ? *cap * 2 : 16;
    return mem_realloc(items, *cap * item_size);
}

/* Timers */

static bool timer_before(const struct loop_timer *a, const struct loop_timer *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->order < b->order;
}

static void timer_place(struct loop *loop, struct loop_timer *timer, size_t at)
{
    loop->timers[at] = timer;
    timer->index = at + 1;
}

static void timer_sift(struct loop *loop, struct loop_timer *timer, size_t at)
{
    while (at > 0 && timer_before(timer, loop->timers[(at - 1) / 2])) {
        timer_place(loop, loop->timers[(at - 1) / 2], at);
        at = (at - 1) / 2;
    }
    for (;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < loop->ntimers && timer_before(loop->timers[child + 1], loop->timers[child]))
            child++;
        if (child >= loop->ntimers || !timer_before(loop->timers[child], timer))
            break;
        timer_place(loop, loop->timers[child], at);
        at = child;
    }
    timer_place(loop, timer, at);
}

void loop_timer_start(struct loop *loop, struct loop_timer *timer, int64_t delay_ms, loop_fn *fn,
                      void *arg)
{
    loop_timer_stop(loop, timer);
    int64_t now = loop_now_ms(loop);
    timer->fn = fn;
    timer->arg = arg;
    timer->order = loop->order++;
    /* The clock rounds down to milliseconds: one more, so that the timer never fires early. */
    if (delay_ms <= 0)
        timer->due_ms = now;
    else
        timer->due_ms = delay_ms < INT64_MAX - now - 1 ? now + delay_ms + 1 : INT64_MAX;
    loop->timers = grown(loop->timers, loop->ntimers, &loop->timers_cap, sizeof *loop->timers);
    loop->ntimers++;
    timer_sift(loop, timer, loop->ntimers - 1);
}

void loop_timer_stop(struct loop *loop, struct loop_timer *timer)
{
    if (timer->index == 0)
        return;
    size_t at = timer->index - 1;
    timer->index = 0;
    loop->ntimers--;
    if (at < loop->ntimers)
        timer_sift(loop, loop->timers[loop->ntimers], at);
}

static void run_timers(struct loop *loop)
{
    int64_t now = loop_now_ms(loop);
    /* A timer that is started from here on waits for the next turn, so that descriptors get theirs.
     */
    uint64_t newest = loop->order;
    while (loop->ntimers > 0) {
        struct loop_timer *timer = loop->timers[0];
        if (timer->due_ms > now || timer->order >= newest)
            return;
        loop_timer_stop(loop, timer);
        timer->fn(timer->arg);
    }
}

/* Descriptors */

void loop_fd_start(struct loop *loop, struct loop_fd *watch, int fd, short events,
                   void (*fn)(void *arg, short revents), void *arg)
{
    loop_fd_stop(loop, watch);
    watch->fd = fd;
    watch->events = events;
    watch->fn = fn;
    watch->arg = arg;
    loop->fds = grown(loop->fds, loop->nfds, &loop->fds_cap, sizeof *loop->fds);
    loop->fds[loop->nfds++] = watch;
    loop->running_fds++;
    watch->index = loop->nfds;
}

void loop_fd_stop(struct loop *loop, struct loop_fd *watch)
{
    if (watch->index == 0)
        return;
    loop->fds[watch->index - 1] = NULL;
    loop->running_fds--;
    watch->index = 0;
}

/* Removes the gaps and fills `polled` in the same order. */
static void prepare_fds(struct loop *loop)
{
    size_t count = 0;
    for (size_t i = 0; i < loop->nfds; i++) {
        if (loop->fds[i] == NULL)
            continue;
        loop->fds[count] = loop->fds[i];
        loop->fds[count]->index = count + 1;
        count++;
    }
    loop->nfds = count;
    loop->polled = mem_realloc(loop->polled, (count > 0 ? count : 1) * sizeof *loop->polled);
    for (size_t i = 0; i < count; i++)
        loop->polled[i] = (struct pollfd){.fd = loop->fds[i]->fd, .events = loop->fds[i]->events};
}

static void run_fds(struct loop *loop, size_t count)
{
    uint64_t turn = loop->turn;
    for (size_t i = 0; i < count && loop->turn == turn; i++)
        if (loop->fds[i] != NULL && loop->polled[i].revents != 0)
            loop->fds[i]->fn(loop->fds[i]->arg, loop->polled[i].revents);
}

/* Hooks */

void loop_hook_add(struct loop *loop, struct loop_hook *hook)
{
    struct loop_hook **end = &loop->hooks;
    while (*end != NULL && *end != hook)
        end = &(*end)->next;
    if (*end == hook)
        return;
    hook->next = NULL;
    *end = hook;
}

void loop_hook_remove(struct loop *loop, struct loop_hook *hook)
{
    for (struct loop_hook **at = &loop->hooks; *at != NULL; at = &(*at)->next) {
        if (*at != hook)
            continue;
        if (loop->next_hook == hook)
            loop->next_hook = hook->next;
        *at = hook->next;
        hook->next = NULL;
        return;
    }
}

static int64_t sooner(int64_t a, int64_t b)
{
    if (a < 0 || b < 0)
        return a < 0 ? b : a;
    return a < b ? a : b;
}

static int64_t run_hooks_before(struct loop *loop)
{
    int64_t wait = -1;
    for (struct loop_hook *hook = loop->hooks; hook != NULL; hook = loop->next_hook) {
        loop->next_hook = hook->next;
        wait = sooner(wait, hook->before(hook->arg));
    }
    loop->next_hook = NULL;
    return wait;
}

static void run_hooks_after(struct loop *loop)
{
    for (struct loop_hook *hook = loop->hooks; hook != NULL; hook = loop->next_hook) {
        loop->next_hook = hook->next;
        if (hook->after != NULL)
            hook->after(hook->arg);
    }
    loop->next_hook = NULL;
}

/* Turns */

void loop_set_poll(struct loop *loop, loop_poll_fn *fn, void *arg)
{
    loop->poll = fn;
    loop->poll_arg = arg;
}

void loop_set_pass(struct loop *loop, loop_pass_fn *pass, void *arg)
{
    loop->pass = pass;
    loop->pass_arg = arg;
}

void loop_awaits(struct loop *loop, enum loop_outside what, int by)
{
    loop->awaited[what] += by;
    if (loop->awaited[LOOP_REPLY] + loop->awaited[LOOP_LOCK] == 0)
        loop->paced_ms = 0;
}

int loop_awaited(const struct loop *loop, enum loop_outside what)
{
    return loop->awaited[what];
}

/* How many of ours are ready. */
static int wait_fds(struct loop *loop, int64_t wait)
{
    int timeout = wait > INT_MAX ? INT_MAX : (int)wait;
    int got = loop->poll != NULL ? loop->poll(loop->poll_arg, loop->polled, loop->nfds, timeout)
                                 : poll(loop->polled, loop->nfds, timeout);
    if (got < 0) /* poll was interrupted: revents are not valid */
        for (size_t i = 0; i < loop->nfds; i++)
            loop->polled[i].revents = 0;
    return got;
}

/* The same where the clock only moves by `pass`. delay: until the next timer; -1: there is none. */
static void wait_passing(struct loop *loop, int64_t wait, int64_t delay)
{
    const int *awaited = loop->awaited;
    bool waits = wait != 0 && delay > 0;
    bool stuck = wait < 0 && delay < 0 &&
                 awaited[LOOP_REPLY] + awaited[LOOP_LOCK] + awaited[LOOP_SERVER] == 0;
    bool replies = awaited[LOOP_REPLY] > 0;
    if (waits && replies && awaited[LOOP_SERVER] == 0) {
        wait_fds(loop, wait);
    } else if (waits && (replies || awaited[LOOP_LOCK] > 0) && loop->paced_ms < LOOP_PACED_MAX_MS) {
        int64_t began_ms = clock_mono_ms();
        wait_fds(loop, sooner(sooner(wait, delay), LOOP_PACED_MAX_MS - loop->paced_ms));
        int64_t passed_ms = clock_mono_ms() - began_ms;
        loop->paced_ms += passed_ms;
        if (passed_ms > 0)
            loop->pass(loop->pass_arg, passed_ms < delay ? passed_ms : delay);
    } else if (waits) {
        if (wait_fds(loop, 0) == 0)
            loop->pass(loop->pass_arg, delay);
    } else if (stuck && wait_fds(loop, 0) == 0) {
        loop->pass(loop->pass_arg, -1);
    } else if (!stuck) {
        wait_fds(loop, delay < 0 ? wait : 0);
    }
}

bool loop_turn(struct loop *loop, int64_t max_wait_ms)
{
    loop->turn++;
    int64_t hooks_wait = run_hooks_before(loop);
    if (loop->ntimers == 0 && loop->running_fds == 0 && hooks_wait < 0)
        return false;

    int64_t wait = sooner(max_wait_ms, hooks_wait), delay = -1;
    if (loop->ntimers > 0) {
        delay = loop->timers[0]->due_ms - loop_now_ms(loop);
        delay = delay > 0 ? delay : 0;
    }
    prepare_fds(loop);
    size_t count = loop->nfds;
    uint64_t turn = loop->turn;
    if (loop->pass != NULL)
        wait_passing(loop, wait, delay);
    else
        wait_fds(loop, sooner(wait, delay));
    run_timers(loop);
    if (loop->turn == turn)
        run_fds(loop, count);
    run_hooks_after(loop);
    return true;
}

bool loop_run_until(struct loop *loop, const bool *done)
{
    while (!*done)
        if (!loop_turn(loop, -1))
            return *done;
    return true;
}
