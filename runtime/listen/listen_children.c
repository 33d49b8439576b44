#include "listen_children.h"

#include "clock.h"
#include "listen_kaizala.h"
#include "mem.h"
#include "process_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define DELAY_FIRST_MS      100
#define DELAY_MAX_MS        30000
#define STEADY_MS           60000 /* one that ran so long begins with the first delay again */
#define LOADED_MS           2000  /* one that runs so long has its script */
#define DESCRIPTORS_OWN     64    /* of the listener, beside connections and webhooks */
#define ANEW_MS             1000 /* between two starts, where one ended well to have a fresh process */
#define KEEPER_FIRST_MS     1000     /* the front must answer first */
#define KEEPER_MS           21600000 /* between two looks at subscriptions */
#define KEEPER_RETRY_MS     60000
#define KEEPER_RETRY_MAX_MS 3600000
#define ENDED_LATE          8    /* status: a handler did not return in time */
#define RETRY_MS            5000 /* after a process that could not be started */

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void close_ends(struct listen_child *child, bool keep_own, bool keep_fronts)
{
    if (!keep_own) {
        close_end(&child->wake[0]);
        close_end(&child->answer[1]);
    }
    if (!keep_fronts) {
        close_end(&child->wake[1]);
        close_end(&child->answer[0]);
    }
}

static void child_create(struct listen_child *child, enum listen_kind kind, const struct hook *hook,
                         const void *generation)
{
    static const char *const names[] = {
        [LISTEN_FRONT] = "front", [LISTEN_KEEPER] = "subscriptions"};
    *child = (struct listen_child){.kind = kind,
                                   .hook = hook,
                                   .wake = {-1, -1},
                                   .answer = {-1, -1},
                                   .delay_ms = DELAY_FIRST_MS};
    child->name = hook != NULL ? mem_printf("webhook '%s'", hook->name) : mem_strdup(names[kind]);
    child->group = mem_printf("%p %s", generation, child->name);
    if (kind == LISTEN_KEEPER) {
        child->start_ms = clock_mono_ms() + KEEPER_FIRST_MS;
        child->delay_ms = KEEPER_RETRY_MS;
    }
}

static int ends_failed(const struct config *config, int error, struct err *err)
{
    size_t enough = DESCRIPTORS_OWN + (size_t)config->listen->max_connections;
    err_set(err, ERR_CONFIG, "cannot make a pipe for each of %zu webhooks: %s", config->nhooks,
            strerror(error));
    for (size_t i = 0; i < config->nhooks; i++) /* a reload has all of them twice */
        enough += config->hooks[i]->answer_ms > 0 ? 8 : 4;
    if (error == EMFILE)
        err_advise(err, "raise the limit of open files (ulimit -n, LimitNOFILE= of systemd) to %zu",
                   enough);
    return -1;
}

static int open_ends(const struct config *config, struct listen_child *child, struct err *err)
{
    if (child->kind != LISTEN_WORKER)
        return 0;
    if (pipe2(child->wake, O_NONBLOCK | O_CLOEXEC) != 0 ||
        (child->hook->answer_ms > 0 &&
         socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, child->answer) != 0))
        return ends_failed(config, errno, err);
    return 0;
}

struct listen_generation *listen_generation_new(struct listen_plan *plan, struct err *err)
{
    struct listen_generation *generation = mem_alloc(sizeof *generation);
    const struct config *config = plan->config;
    generation->plan = *plan;
    store_run_id(generation->id);
    *plan = (struct listen_plan){.config = NULL};
    generation->children = mem_alloc((config->nhooks + 2) * sizeof *generation->children);
    child_create(&generation->children[generation->count++], LISTEN_FRONT, NULL, generation);
    for (size_t i = 0; i < config->nhooks; i++)
        child_create(&generation->children[generation->count++], LISTEN_WORKER, config->hooks[i],
                     generation);
    if (listen_kaizala_any(config))
        child_create(&generation->children[generation->count++], LISTEN_KEEPER, NULL, generation);
    int result = 0;
    for (size_t i = 0; i < generation->count && result == 0; i++)
        result = open_ends(config, &generation->children[i], err);
    if (result == 0)
        return generation;
    listen_generation_free(generation);
    return NULL;
}

void listen_generation_free(struct listen_generation *generation)
{
    if (generation == NULL)
        return;
    for (size_t i = 0; i < generation->count; i++) {
        struct listen_child *child = &generation->children[i];
        close_ends(child, false, false);
        mem_free(child->name);
        mem_free(child->group);
        mem_free(child->mark);
    }
    mem_free(generation->children);
    listen_plan_destroy(&generation->plan);
    mem_free(generation);
}

void listen_generation_keep(struct listen_generation *generation, const struct listen_child *self)
{
    for (size_t i = 0; i < generation->count; i++) {
        struct listen_child *child = &generation->children[i];
        close_ends(child, child == self, self != NULL && self->kind == LISTEN_FRONT);
    }
}

static int64_t doubled(int64_t ms, int64_t max_ms)
{
    return ms * 2 < max_ms ? ms * 2 : max_ms;
}

/* When it is to be started again. */
static void plan_next(struct listen_child *child, int wait_status, int64_t now_ms)
{
    int64_t ran_ms = now_ms - child->started_ms;
    if (child->kind == LISTEN_KEEPER) {
        child->start_ms = now_ms + (wait_status == 0 ? KEEPER_MS : child->delay_ms);
        child->delay_ms =
            wait_status == 0 ? KEEPER_RETRY_MS : doubled(child->delay_ms, KEEPER_RETRY_MAX_MS);
        return;
    }
    if (ran_ms >= STEADY_MS || wait_status == 0)
        child->delay_ms = DELAY_FIRST_MS;
    if (wait_status == 0) { /* it wants a fresh process */
        child->start_ms = ran_ms >= ANEW_MS ? now_ms : child->started_ms + ANEW_MS;
        return;
    }
    child->start_ms = now_ms + child->delay_ms;
    child->delay_ms = doubled(child->delay_ms, DELAY_MAX_MS);
}

static void kill_programs(const struct listen_child *child)
{
    struct process_tree left = {.count = 0};
    if (child->mark == NULL)
        return;
    process_tree_find(&left, -1, child->mark); /* nobody has such a parent */
    process_tree_signal(&left, SIGKILL);
    process_tree_destroy(&left);
}

/* Tells the front of those workers that have ended and are not started anew. */
static void end_answers(struct listen_generation *generation)
{
    for (size_t i = 0; generation->ending && i < generation->count; i++) {
        if (!generation->children[i].running)
            close_end(&generation->children[i].answer[1]);
    }
}

void listen_children_note(struct listen_generation *generation, const char *group, int wait_status)
{
    for (size_t i = 0; i < generation->count; i++) {
        struct listen_child *child = &generation->children[i];
        if (strcmp(child->group, group) != 0)
            continue;
        child->running = false;
        if (WIFSIGNALED(wait_status) || WEXITSTATUS(wait_status) == ENDED_LATE)
            kill_programs(child);
        plan_next(child, wait_status, clock_mono_ms());
    }
    end_answers(generation);
}

bool listen_children_fails(const struct listen_generation *generation, const char *hook)
{
    int64_t now_ms = clock_mono_ms();
    for (size_t i = 0; i < generation->count; i++) {
        const struct listen_child *child = &generation->children[i];
        if (child->hook != NULL && strcmp(child->hook->name, hook) == 0)
            return child->delay_ms > DELAY_FIRST_MS &&
                   (!child->running || now_ms - child->started_ms < LOADED_MS);
    }
    return false;
}

/* True in the child. */
static bool start(struct listen_child *child, struct app_children *children, int64_t now_ms)
{
    pid_t parent = getpid();
    if (child->kind == LISTEN_WORKER) {
        mem_free(child->mark);
        child->mark = mem_printf(LISTEN_MARK "=%d.%lld.%s", (int)parent, (long long)now_ms,
                                 child->hook->name);
    }
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) /* it has ended already */
            raise(SIGKILL);
        setpgid(0, 0); /* a terminal's Ctrl-C is the supervisor's */
        return true;
    }
    if (pid < 0) {
        log_msg(children->log, LOG_ERROR, "%s: cannot start a process: %s; trying again in %d s",
                child->name, strerror(errno), RETRY_MS / 1000);
        child->start_ms = now_ms + RETRY_MS;
        return false;
    }
    child->running = true;
    child->started_ms = now_ms;
    app_children_add(children, pid, child->name, child->group);
    log_msg(children->log, LOG_DEBUG, "%s: process %d", child->name, (int)pid);
    return false;
}

int64_t listen_children_start(struct listen_generation *generation, struct app_children *children,
                              int64_t max_ms, const struct listen_child **self)
{
    int64_t now_ms = clock_mono_ms(), wait_ms = max_ms;
    for (size_t i = 0; i < generation->count; i++) {
        struct listen_child *child = &generation->children[i];
        if (!child->running && child->start_ms <= now_ms && children->count < children->max &&
            start(child, children, now_ms)) {
            *self = child;
            return 0;
        }
        if (!child->running && child->start_ms - now_ms < wait_ms)
            wait_ms = child->start_ms > now_ms ? child->start_ms - now_ms : RETRY_MS;
    }
    return wait_ms;
}

static void send_all(const struct listen_generation *generation, struct app_children *children,
                     int signo)
{
    for (size_t i = 0; i < generation->count; i++)
        app_children_signal(children, generation->children[i].group, signo);
}

void listen_children_wake(const struct listen_child *worker)
{
    ssize_t n;
    if (worker->wake[1] < 0)
        return;
    do /* EAGAIN: it has enough bytes there to wake up */
        n = write(worker->wake[1], "", 1);
    while (n < 0 && errno == EINTR);
}

void listen_children_silence(struct listen_generation *generation)
{
    for (size_t i = 0; i < generation->count; i++)
        close_end(&generation->children[i].wake[1]);
}

void listen_children_end(struct listen_generation *generation, struct app_children *children)
{
    if (generation->ending)
        return;
    generation->ending = true;
    generation->kill_ms =
        clock_mono_ms() + generation->plan.config->listen->grace_ms + LISTEN_KILL_MS;
    send_all(generation, children, SIGTERM);
    listen_children_silence(generation);
    end_answers(generation);
}

bool listen_children_ended(struct listen_generation *generation, struct app_children *children)
{
    size_t left = 0;
    for (size_t i = 0; i < generation->count; i++)
        left += app_children_of(children, generation->children[i].group);
    if (left > 0 && clock_mono_ms() >= generation->kill_ms)
        send_all(generation, children, SIGKILL);
    return left == 0;
}
