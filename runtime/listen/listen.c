#include "listen.h"

#include "app_signals.h"
#include "clock.h"
#include "config_load.h"
#include "config_rows.h"
#include "fault.h"
#include "hook_worker.h"
#include "host.h"
#include "listen_address.h"
#include "listen_front.h"
#include "listen_kaizala.h"
#include "listen_left.h"
#include "listen_notify.h"
#include "mem.h"
#include "provider_list.h"
#include "state_place.h"
#include "store_lease.h"
#include "store_runs.h"
#include "vm.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOOK_MS      60000
#define STEP_MS      200  /* between looks at processes that are to end */
#define LOCK_WAIT_MS 3000 /* for a listener that has just been killed to be gone */
#define LOCK_LOOK_MS 20
#define BIND_WAIT_MS 1000

struct listener {
    struct app *app;
    const struct listen_options *options;
    struct listen_sockets sockets;
    char *hooks_at, *metrics_at; /* what the configuration of the sockets says; NULL: nothing */
    struct listen_generation *generations; /* the newest one first */
    struct app_children children;
    struct app_signals signals;
    struct listen_notify notify;
    struct store *store;
    struct store_lease lock;
    struct lock host_lock;        /* in its place, where hosts share the state: each may listen */
    char scope[STORE_SCOPE_SIZE]; /* of the lock */
    const struct listen_child *self; /* in a child */
    int signo;                       /* the first one that says to end; 0: none */
    int64_t signalled_ms;            /* monotonic: when it came */
};

/* ---- what is there once ---- */

static int lock_host(struct listener *listener, const struct config *config, int64_t wait_ms,
                     struct err *err)
{
    char *name = mem_printf("listen-%s", config->name);
    int result = lock_block(&listener->host_lock, config->state->folder, name, wait_ms, err);
    if (result != 0 && err->kind == ERR_BUSY)
        err_set(err, ERR_BUSY, "%s: another `jeton listen` of this host serves it", config->path);
    mem_free(name);
    return result;
}

/* Also waits for the processes of a listener that was killed: they have a part in the lock. */
static int lock(struct listener *listener, const struct config *config, int64_t wait_ms,
                struct err *err)
{
    int64_t until_ms = clock_mono_ms() + wait_ms;
    store_scope(listener->scope, "listen", config_home(config));
    listener->store = store_new(config->state, NULL);
    if (store_open(listener->store, err) != 0)
        return -1;
    if (config->state->url != NULL)
        return lock_host(listener, config, wait_ms, err);
    for (;;) {
        int held = store_lease_try(&listener->lock, listener->store, STORE_LEASE_JOB,
                                   listener->scope, err);
        if (held != 0)
            return held == 1 ? 0 : -1;
        if (clock_mono_ms() >= until_ms)
            return err_set(err, ERR_BUSY, "%s: another `jeton listen` serves this configuration",
                           config->path);
        usleep(LOCK_LOOK_MS * 1000);
    }
}

static void unlock(struct listener *listener)
{
    lock_release(&listener->host_lock);
    store_lease_release(&listener->lock);
    store_free(listener->store);
    listener->store = NULL;
}

int listen_is_running(const struct config *config, struct err *err)
{
    struct listener looker = {.signo = 0};
    lock_create(&looker.host_lock, NULL);
    int result = lock(&looker, config, 0, err);
    if (result != 0 && err->kind == ERR_BUSY)
        result = 1;
    unlock(&looker);
    return result;
}

/* As the file has it by now. */
static bool has_its_home(const struct config *config)
{
    struct problems problems;
    struct stat st;
    if (stat(config->files[0], &st) != 0 || !S_ISREG(st.st_mode))
        return true;
    problems_create(&problems);
    struct config *now = config_read(config->path, provider_list, config->presets, &problems);
    bool same = strcmp(config_home(now), config_home(config)) == 0;
    config_free(now);
    problems_destroy(&problems);
    return same;
}

/* Whoever gives the configuration a name moves its rows while no listener has the lock. One that
 * had read it before and comes to its lock after that would store for a home that nobody looks at:
 * it reads the configuration again. */
static int lock_home(struct listener *listener, struct listen_plan *plan, struct err *err)
{
    int result;
    while ((result = lock(listener, plan->config, LOCK_WAIT_MS, err)) == 0 &&
           !has_its_home(plan->config)) {
        unlock(listener);
        listen_plan_destroy(plan);
        if (listen_plan_load(plan, listener->app, err) != 0)
            return -1;
    }
    return result;
}

/* What others can reach is encrypted, by us or by a proxy. */
static int check_reach(const struct hook_listen *listen, const char *host, struct err *err)
{
    if (host_is_loopback(host) || listen->certificate != NULL || listen->behind_proxy)
        return 0;
    return err_set(
        err, ERR_USAGE,
        "--listen: other machines can reach %s; this needs listen.certificate and key, or "
        "behind_proxy: true",
        host);
}

/* Of a listener that was killed the lock can be free a moment before its socket is. */
static int bind_patiently(struct listen_sockets *sockets, const struct listen_address *hooks,
                          const struct listen_address *metrics, struct err *err)
{
    int64_t until_ms = clock_mono_ms() + BIND_WAIT_MS;
    int result;
    while ((result = listen_sockets_open(sockets, hooks, metrics, err)) != 0 &&
           err->kind == ERR_NETWORK && clock_mono_ms() < until_ms)
        usleep(LOCK_LOOK_MS * 1000);
    return result;
}

static void say_listening(const struct listener *listener, const struct config *config,
                          const char *host, size_t i)
{
    const struct listen_sockets *sockets = &listener->sockets;
    const char *scheme = config->listen->certificate != NULL ? "https" : "http";
    const char *plural = config->nhooks == 1 ? "" : "s";
    bool is_v6 = strchr(host, ':') != NULL;
    if (sockets->given && sockets->ports[i] == 0)
        log_msg(listener->app->log, LOG_INFO,
                "listening on a Unix socket of the service manager, by %s (%zu webhook%s)", scheme,
                config->nhooks, plural);
    else if (sockets->given)
        log_msg(listener->app->log, LOG_INFO,
                "listening on %s://:%d (%zu webhook%s), a socket of the service manager", scheme,
                sockets->ports[i], config->nhooks, plural);
    else
        log_msg(listener->app->log, LOG_INFO, "listening on %s://%s%s%s:%d (%zu webhook%s)", scheme,
                is_v6 ? "[" : "", host, is_v6 ? "]" : "", sockets->ports[i], config->nhooks,
                plural);
}

static char *address_text(const char *host, int64_t port)
{
    return host != NULL ? mem_printf("%s:%lld", host, (long long)port) : mem_strdup("");
}

/* What no configuration changes while the sockets are these. Those of a service manager, and what
 * `--listen` says, are not the configuration's. */
static void note_addresses(struct listener *listener, const struct hook_listen *listen)
{
    if (!listener->sockets.given && listener->options->address == NULL)
        listener->hooks_at = address_text(listen->host, listen->port);
    if (!listener->sockets.given || listener->sockets.metrics < 0)
        listener->metrics_at = address_text(listen->metrics_host, listen->metrics_port);
}

static bool is_at(const char *noted, const char *host, int64_t port)
{
    char *now = address_text(host, port);
    bool same = noted == NULL || strcmp(noted, now) == 0;
    mem_free(now);
    return same;
}

static int open_sockets(struct listener *listener, const struct config *config, struct err *err)
{
    const struct hook_listen *listen = config->listen;
    struct listen_address hooks = {listen->host, (int)listen->port};
    const struct listen_address metrics = {listen->metrics_host, (int)listen->metrics_port};
    char *host = NULL;
    int result = 0;
    if (listener->options->address != NULL) {
        if (listen_address_read(listener->options->address, &host, &hooks.port, err) != 0)
            return -1;
        hooks.host = host;
        result = check_reach(listen, host, err);
    }
    if (result == 0)
        result = bind_patiently(&listener->sockets, &hooks, &metrics, err);
    if (result == 0)
        result = listen_sockets_check(&listener->sockets, config, err);
    for (size_t i = 0; result == 0 && i < listener->sockets.count; i++)
        say_listening(listener, config, hooks.host, i);
    if (result == 0 && listener->sockets.metrics >= 0)
        log_msg(listener->app->log, LOG_INFO, "metrics on port %d", listener->sockets.metrics_port);
    if (result == 0)
        note_addresses(listener, listen);
    mem_free(host);
    return result;
}

/* ---- generations ---- */

static int begin(struct listener *listener, struct listen_plan *plan, struct err *err)
{
    struct listen_generation *generation = listen_generation_new(plan, err);
    if (generation == NULL)
        return -1;
    for (struct listen_generation *it = listener->generations; it != NULL; it = it->next)
        listen_children_end(it, &listener->children);
    generation->next = listener->generations;
    listener->generations = generation;
    return 0;
}

static const char *schema_of(const struct state_place *place)
{
    return place->schema != NULL ? place->schema : STATE_SCHEMA_DEFAULT;
}

static bool is_same_state(const struct state_place *a, const struct state_place *b)
{
    if (strcmp(a->folder, b->folder) != 0 || (a->url == NULL) != (b->url == NULL))
        return false;
    return a->url == NULL ||
           (strcmp(a->url, b->url) == 0 && strcmp(schema_of(a), schema_of(b)) == 0);
}

/* What the first configuration has fixed for all that follow. */
static int check_same(const struct listener *listener, const struct config *config, struct err *err)
{
    const struct config *before = listener->generations->plan.config;
    const struct hook_listen *is = config->listen;
    if (!is_same_state(config->state, before->state))
        return err_set(err, ERR_CONFIG, "another state needs a restart");
    if (config->home == NULL && before->home == NULL &&
        strcmp(config_home(config), config_home(before)) != 0)
        return err_set(err, ERR_CONFIG,
                       "the configuration was %s and is %s, and has no `name`: what it has stored "
                       "belongs to its path, and another path needs a restart",
                       config_home(before), config_home(config));
    if (strcmp(config_home(config), config_home(before)) != 0)
        return err_set(err, ERR_CONFIG, "another `name` needs a restart");
    if (!is_at(listener->hooks_at, is->host, is->port) ||
        !is_at(listener->metrics_at, is->metrics_host, is->metrics_port))
        log_msg(listener->app->log, LOG_WARN, "another address to listen on needs a restart");
    return 0;
}

/* The processes in use go on with the password and the key that they have read, or with the file
 * that they have open; new ones could not begin. A database that is away now, or a file that
 * another program has locked, lets them wait, as it does those in use. */
static int check_state(const struct config *config, struct err *err)
{
    struct store *store = store_new(config->state, NULL);
    store_hurry(store);
    int result = store_open(store, err);
    store_free(store);
    return result != 0 && err->kind == ERR_CONFIG ? -1 : 0;
}

static int check_directory(const char *path, struct err *err)
{
    char *within = mem_printf("%s/.", path);
    int result =
        access(within, X_OK) == 0
            ? 0
            : err_set(err, ERR_CONFIG, "cannot enter directory '%s': %s", path, strerror(errno));
    mem_free(within);
    return result;
}

static int check_handler(const struct hook *hook, struct err *err)
{
    if ((hook->directory != NULL && check_directory(hook->directory, err) != 0) ||
        (hook->script != NULL && vm_check_syntax(hook->script, err) != 0))
        return err_wrap(err, "webhook '%s'", hook->name);
    return 0;
}

/* Those in use go on with the scripts and directories that they have; new ones could not. One that
 * could not begin before, either, holds up nothing else. */
static int check_handlers(const struct listener *listener, const struct config *config,
                          struct err *err)
{
    char line[ERR_LINE_MAX];
    for (size_t i = 0; i < config->nhooks; i++) {
        const struct hook *hook = config->hooks[i];
        if (check_handler(hook, err) == 0)
            continue;
        if (!listen_children_fails(listener->generations, hook->name))
            return -1;
        log_msg(listener->app->log, LOG_WARN, "%s; so it was before", err_line(err, line));
    }
    return 0;
}

static void say_left(void *arg, const char *text)
{
    const struct listener *listener = arg;
    log_msg(listener->app->log, LOG_WARN, "%s", text);
}

static void reload(struct listener *listener)
{
    struct listen_plan plan;
    struct err err;
    char line[ERR_LINE_MAX];
    if (listen_plan_load(&plan, listener->app, &err) == 0) {
        if (check_same(listener, plan.config, &err) == 0 &&
            listen_sockets_check(&listener->sockets, plan.config, &err) == 0 &&
            check_state(plan.config, &err) == 0 &&
            check_handlers(listener, plan.config, &err) == 0 && begin(listener, &plan, &err) == 0) {
            const struct listen_generation *newest = listener->generations;
            size_t count = newest->plan.config->nhooks;
            log_msg(listener->app->log, LOG_INFO, "configuration reloaded: %zu webhook%s", count,
                    count == 1 ? "" : "s");
            listen_left_compare(newest->next->plan.config, newest->plan.config, say_left, listener);
            return;
        }
        listen_plan_destroy(&plan);
    }
    log_msg(listener->app->log, LOG_ERROR, "%s; the previous configuration stays in use",
            err_line(&err, line));
}

static void on_ended(void *arg, const char *group, int wait_status)
{
    struct listener *listener = arg;
    for (struct listen_generation *it = listener->generations; it != NULL; it = it->next)
        listen_children_note(it, group, wait_status);
}

/* Frees the ones that have ended. Whether there are any that have not. */
static bool settle(struct listener *listener)
{
    bool ending = false;
    for (struct listen_generation **at = &listener->generations; *at != NULL;) {
        struct listen_generation *generation = *at;
        bool over = generation->ending && listen_children_ended(generation, &listener->children);
        ending = ending || (generation->ending && !over);
        if (!over || generation == listener->generations) {
            at = &generation->next;
            continue;
        }
        *at = generation->next;
        listen_generation_free(generation);
    }
    return ending;
}

/* ---- signals, and the loop ---- */

static void stop(struct listener *listener, int signo)
{
    if (listener->signo != 0) { /* timeout(1) and shells send the same one twice */
        if (clock_mono_ms() - listener->signalled_ms >= REPLY_GUARD_SAME_MS)
            app_children_kill(&listener->children, SIGKILL);
        return;
    }
    listen_notify_send(&listener->notify, "STOPPING=1");
    listener->signo = signo;
    listener->signalled_ms = clock_mono_ms();
    listen_sockets_close(&listener->sockets);
    for (struct listen_generation *it = listener->generations; it != NULL; it = it->next)
        listen_children_end(it, &listener->children);
    log_msg(listener->app->log, LOG_INFO, "%s: ending; a second signal kills all at once",
            strsignal(signo));
}

static void take_signals(struct listener *listener)
{
    int signo;
    bool hangup = false;
    while ((signo = app_signals_take(&listener->signals)) != 0) {
        if (signo == SIGHUP)
            hangup = true;
        else if (signo != SIGCHLD)
            stop(listener, signo);
    }
    app_children_reap(&listener->children);
    if (hangup && listener->signo == 0) {
        listen_notify_send(&listener->notify, "RELOADING=1");
        reload(listener);
        listen_notify_send(&listener->notify, "READY=1");
    }
}

/* Returns when all has ended; in a child, at once. */
static void supervise(struct listener *listener)
{
    while (listener->signo == 0 || listener->children.count > 0) {
        int64_t ms = settle(listener) ? STEP_MS : LOOK_MS;
        if (listener->signo == 0)
            ms = listen_children_start(listener->generations, &listener->children, ms,
                                       &listener->self);
        if (listener->self != NULL)
            return;
        ms = app_children_end_stopped(&listener->children, ms);
        app_signals_wait(&listener->signals, ms);
        take_signals(listener);
    }
}

static int run_child(struct listener *listener, struct err *err)
{
    struct listen_generation *generation = listener->generations;
    const struct listen_child *self = listener->self;
    const struct config *config = generation->plan.config;
    app_signals_stop(&listener->signals);
    for (struct listen_generation *it = listener->generations; it != NULL; it = it->next)
        listen_generation_keep(it, it == generation ? self : NULL);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        close(null);
    }
    if (self->kind == LISTEN_FRONT) {
        const struct listen_front_options front = {.app = listener->app,
                                                   .generation = generation,
                                                   .sockets = &listener->sockets,
                                                   .print = listener->options->print};
        return listen_front_run(&front, err);
    }
    listen_sockets_close(&listener->sockets);
    if (self->mark != NULL)
        putenv(self->mark);
    if (self->kind == LISTEN_KEEPER)
        return listen_kaizala_run(listener->app, &generation->plan, LISTEN_KAIZALA_KEEP, NULL, err);
    const struct hook_worker worker = {.app = listener->app,
                                       .config = config,
                                       .hook = self->hook,
                                       .wake_fd = self->wake[0],
                                       .answer_fd = self->answer[1],
                                       .listener = generation->id,
                                       .grace_ms = config->listen->grace_ms};
    return hook_worker_run(&worker, err);
}

static int run(struct listener *listener, struct listen_plan *plan, struct err *err)
{
    if (lock_home(listener, plan, err) != 0 || app_signals_start(&listener->signals, err) != 0 ||
        open_sockets(listener, plan->config, err) != 0)
        return -1;
    if (config_rows_settle(plan->config, listener->store, listener->app->log, err) != 0)
        return -1;
    listen_left_look(plan->config, listener->store, say_left, listener);
    store_close(listener->store); /* its children have states of their own */
    if (begin(listener, plan, err) != 0)
        return -1;
    listen_notify_send(&listener->notify, "READY=1"); /* the sockets listen: who connects waits */
    supervise(listener);
    return listener->self != NULL ? run_child(listener, err) : 0;
}

int listen_run(struct app *app, const struct listen_options *options, struct err *err)
{
    struct listener listener = {.app = app,
                                .options = options,
                                .sockets = {.metrics = -1},
                                .signals = {.fd = -1, .clock_fd = -1}};
    struct listen_plan plan;
    listen_notify_create(&listener.notify);
    lock_create(&listener.host_lock, NULL);
    if (listen_plan_load(&plan, app, err) != 0) {
        listen_notify_destroy(&listener.notify);
        return -1;
    }
    log_hurry(app->log, true); /* senders wait for an answer, and a signal for its effect */
    fault_point(FAULT_LISTEN_READ);
    app_children_create(&listener.children, LISTEN_CHILDREN_MAX, app->log);
    listener.children.ended = on_ended;
    listener.children.arg = &listener;
    int status = run(&listener, &plan, err);
    app_signals_stop(&listener.signals);
    listen_sockets_close(&listener.sockets);
    listen_plan_destroy(&plan);
    while (listener.generations != NULL) {
        struct listen_generation *next = listener.generations->next;
        listen_generation_free(listener.generations);
        listener.generations = next;
    }
    app_children_destroy(&listener.children);
    listen_notify_destroy(&listener.notify);
    unlock(&listener);
    mem_free(listener.hooks_at);
    mem_free(listener.metrics_at);
    return status;
}
