#include "job_child.h"

#include "app_environment.h"
#include "clock.h"
#include "job_report.h"
#include "mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void tell_secret(void *arg, const char *secret, size_t len)
{
    job_report_secret(*(const int *)arg, secret, len);
}

static int run_vm(const struct job_script *script, struct engine *engine, char **traceback,
                  struct err *err)
{
    const struct job *job = script->job;
    if (job->connector != NULL && config_connector(script->config, job->connector, err) == NULL)
        return -1;
    int64_t left = script->deadline_ms - clock_mono_ms();
    const struct vm_options options = {.engine = engine,
                                       .modules = script->app->modules,
                                       .connector = job->connector,
                                       .dry_run = script->dry_run,
                                       .memory_bytes = job->memory_bytes,
                                       .timeout_ms = left > 0 ? left : 1,
                                       .named = script->named,
                                       .nnamed = script->nnamed,
                                       .job = job,
                                       .attempt = script->attempt,
                                       .ends_process = true,
                                       .log_json = script->app->log_format == LOG_JSON};
    struct vm *vm = vm_new(&options);
    int status = -1;
    int result = vm_run_file(vm, job->script, &status, err);
    *traceback = mem_strdup(vm_traceback(vm));
    vm_free(vm);
    return result == 0 ? status : -1;
}

/* One line, masked: the child knows all secrets. */
static void set_message(struct job_result *result, const struct redact *redact,
                        const struct err *err)
{
    char line[ERR_LINE_MAX];
    struct buf masked;
    buf_create(&masked, ERR_LINE_MAX * sizeof REDACT_MASK);
    err_line(err, line);
    redact_text(redact, line, strlen(line), &masked);
    err_text(result->message, sizeof result->message, "%s", masked.data);
    buf_destroy(&masked);
}

int job_child_run(const struct job_script *script, struct err *err)
{
    struct app *app = script->app;
    int report_fd = script->report_fd;
    if (report_fd >= 0)
        redact_observe(app->redact, tell_secret, &report_fd);
    if (log_status_mode(app->log) == LOG_STATUS_BAR)
        log_set_status_mode(app->log, LOG_STATUS_LINES); /* its output is kept */
    struct engine engine;
    struct job_result result = {0};
    char *traceback = NULL;
    int status = app_environment_enter(script->job->environment, script->job->directory,
                                       err); /* before the engine, which reads variables */
    engine_create(&engine, script->config, app->log, app->redact);
    if (status == 0)
        status = run_vm(script, &engine, &traceback, err);
    result.status = status >= 0 ? status : err_exit_code(err->kind);
    result.requests = engine.client != NULL ? client_requests(engine.client) : 0;
    result.exchanges = engine.tokens != NULL ? tokens_exchanges(engine.tokens) : 0;
    engine_destroy(&engine);
    if (status < 0) {
        result.kind = (int32_t)err->kind;
        set_message(&result, app->redact, err);
        if (script->attempt->attempts > 1)
            err_wrap(err, "job '%s', attempt %lld of %lld", script->job->name,
                     (long long)script->attempt->attempt, (long long)script->attempt->attempts);
        else
            err_wrap(err, "job '%s'", script->job->name);
        if (traceback != NULL)
            status = app_report(app, err, traceback);
    }
    mem_free_secret(traceback);
    redact_observe(app->redact, NULL, NULL);
    if (report_fd >= 0)
        job_report_result(report_fd, &result);
    return status;
}
