#include "hook_worker.h"

#include "app_environment.h"
#include "egress.h"
#include "mem.h"
#include "store_events.h"
#include "store_lease.h"
#include "vm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define PATH_SECRET_MIN 16 /* bytes; a shorter path is no secret but a word */

/* Who knows the path or the query of many a receiver (hooks.slack.com, hooks.zapier.com) may send
 * there. They may go to that host, and stand in no message. */
static void hide_forward(const struct hook *hook, struct redact *redact)
{
    const char *url = hook->forward;
    if (url == NULL)
        return;
    size_t base_len = strcspn(url, "?");
    char *base = mem_strndup(url, base_len);
    char *owner = egress_by_hand(base, NULL);
    if (hook->forward_secret.kind != SECRET_NONE) {
        redact_add_owned(redact, url, strlen(url), owner);
        redact_add_owned(redact, base, base_len, owner);
    }
    if (url[base_len] == '?')
        redact_add_owned(redact, url + base_len + 1, strlen(url + base_len + 1), owner);
    const char *host = strstr(base, "://");
    const char *path = host != NULL ? strchr(host + strlen("://"), '/') : NULL;
    bool others = hook->forward_secret.kind != SECRET_NONE ||
                  strncasecmp(url, "https:", strlen("https:")) == 0;
    if (path != NULL && others && strlen(path) >= PATH_SECRET_MIN)
        redact_add_owned(redact, path, strlen(path), owner);
    mem_free_secret(owner);
    mem_free_secret(base);
}

/* A handler has nobody to ask. */
static void close_input(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fd == STDIN_FILENO)
        return;
    dup2(fd, STDIN_FILENO);
    close(fd);
}

static int run_vm(const struct hook_worker *worker, struct engine *engine, const char *owner,
                  const struct store_lease *lease, char **traceback, struct err *err)
{
    const struct hook *hook = worker->hook;
    char scope[STORE_SCOPE_SIZE];
    store_event_scope(scope, hook->name, hook->home);
    const struct vm_events events = {.hook = hook->name,
                                     .scope = scope,
                                     .shared = hook->shared,
                                     .owner = owner,
                                     .lease = lease,
                                     .concurrency = hook->concurrency,
                                     .attempts = hook->retries.attempts,
                                     .delay_ms = hook->retries.delay_ms,
                                     .max_delay_ms = hook->retries.max_delay_ms,
                                     .timeout_ms = hook->timeout_ms,
                                     .grace_ms = worker->grace_ms,
                                     .wake_fd = worker->wake_fd,
                                     .listener = worker->answer_fd >= 0 ? worker->listener : NULL,
                                     .answer_fd = worker->answer_fd,
                                     .command = hook->command,
                                     .forward = hook->forward};
    char *key = mem_printf("`connector` of webhook '%s'", hook->name);
    const struct vm_options options = {.engine = engine,
                                       .modules = worker->app->modules,
                                       .connector = hook->connector,
                                       .connector_key = key,
                                       .memory_bytes = hook->memory_bytes,
                                       .events = &events,
                                       .ends_process = true,
                                       .ends_programs = true,
                                       .log_json = worker->app->log_format == LOG_JSON};
    struct vm *vm = vm_new(&options);
    int status = -1;
    int result = vm_run_events(vm, hook->script, &status, err);
    if (result == 0 && vm_has_exited(vm)) /* with 0 it would be started anew for ever, unsaid */
        result = err_set(err, ERR_SCRIPT,
                         "%s has called os.exit, which ends the process of all events; a handler "
                         "returns, or raises an error",
                         hook->script != NULL ? hook->script : "a handler");
    *traceback = mem_strdup(vm_traceback(vm));
    vm_free(vm);
    mem_free(key);
    return result == 0 ? status : -1;
}

int hook_worker_run(const struct hook_worker *worker, struct err *err)
{
    const struct hook *hook = worker->hook;
    struct engine engine;
    struct store_lease lease = {.held = false};
    char owner[STORE_RUN_ID_SIZE];
    char *traceback = NULL;
    close_input();
    /* Before the engine, which reads variables. */
    int status = app_environment_enter(hook->environment, hook->directory, err);
    hide_forward(hook, worker->app->redact);
    store_run_id(owner);
    engine_create(&engine, worker->config, worker->app->log, worker->app->redact);
    engine.serves = true;
    if (status == 0 && hook->connector != NULL &&
        config_connector(worker->config, hook->connector, err) == NULL)
        status = -1;
    if (status == 0)
        status = engine_need_store(&engine, err);
    if (status == 0 && store_lease_try(&lease, engine.store, STORE_LEASE_RUN, owner, err) != 1)
        status = -1;
    if (status == 0)
        status = run_vm(worker, &engine, owner, &lease, &traceback, err);
    store_lease_release(&lease);
    app_settle(&engine, status);
    engine_destroy(&engine);
    if (status < 0) {
        err_wrap(err, "webhook '%s'", hook->name);
        if (traceback != NULL)
            status = app_report(worker->app, err, traceback);
    }
    mem_free_secret(traceback);
    return status;
}
