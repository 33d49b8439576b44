#include "events_try.h"

#include "app_environment.h"
#include "hook.h"
#include "host.h"
#include "url.h"
#include "vm.h"

#include "mem.h"
#include "path.h"

#include <errno.h>
#include <string.h>

#define TIMEOUT_MS 300000

/* http to this host, https to it or, if wanted, to others. */
static int check_url(const struct events_try *how, struct err *err)
{
    struct url url = {0};
    if (url_parse(how->forward, &url, err) != 0)
        return err_wrap(err, "--forward");
    bool near = host_is_loopback(url.host);
    int result = 0;
    if (!near && strcmp(url.scheme, "https") != 0)
        result = err_set(err, ERR_USAGE, "--forward: to another host than this one only by https");
    else if (!near && !how->far)
        result = err_set(err, ERR_USAGE,
                         "--forward: '%s' is another host; --yes sends the event there", url.host);
    url_destroy(&url);
    return result;
}

/* The script is looked for where it was named. */
static int enter(const struct hook *hook, const struct events_try *how, char **script,
                 struct err *err)
{
    *script = NULL;
    if (how->script == NULL || hook == NULL)
        return 0;
    if (hook->directory != NULL) {
        *script = path_real(how->script);
        if (*script == NULL && how->script[0] != '/' && strcmp(how->script, "-") != 0)
            return err_set(err, ERR_CONFIG, "%s: %s", how->script, strerror(errno));
    }
    return app_environment_enter(hook->environment, hook->directory, err);
}

int events_try(struct app *app, const struct config *config, const struct store_event *event,
               const struct events_try *how, struct err *err)
{
    struct engine engine;
    size_t len = 0;
    const char *name = store_event_hook(event->scope, &len);
    if (how->forward != NULL && check_url(how, err) != 0)
        return -1;
    if (how->connector != NULL && config_connector(config, how->connector, err) == NULL)
        return -1;
    struct err ignored = {0};
    char *hook = mem_strndup(name != NULL ? name : "", len);
    const struct hook *its = config_hook(config, hook, &ignored);
    char *script = NULL;
    if (enter(its, how, &script, err) != 0) {
        mem_free(script);
        mem_free(hook);
        return -1;
    }
    const struct vm_events events = {.hook = hook,
                                     .scope = event->scope,
                                     .shared = its != NULL ? its->shared : NULL,
                                     .attempts = event->attempt > 0 ? event->attempt : 1,
                                     .timeout_ms = TIMEOUT_MS,
                                     .wake_fd = -1,
                                     .answer_fd = -1,
                                     .forward = how->forward,
                                     .once = event};
    engine_create(&engine, config, app->log, app->redact);
    const struct vm_options options = {.engine = &engine,
                                       .modules = app->modules,
                                       .connector = how->connector,
                                       .dry_run = how->dry_run,
                                       .memory_bytes = its != NULL ? its->memory_bytes : 0,
                                       .timeout_ms = TIMEOUT_MS,
                                       .events = &events,
                                       .ends_programs = true,
                                       .log_json = app->log_format == LOG_JSON};
    struct vm *vm = vm_new(&options);
    int status = -1;
    int result = vm_run_events(vm, script != NULL ? script : how->script, &status, err);
    if (result != 0 && vm_traceback(vm) != NULL)
        status = app_report(app, err, vm_traceback(vm));
    else if (result != 0)
        status = -1;
    vm_free(vm);
    app_settle(&engine, status);
    engine_destroy(&engine);
    mem_free(script);
    mem_free(hook);
    return status;
}
