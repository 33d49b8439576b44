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

#define TRACEBACK  "stack traceback:\n"
#define PLACES_MAX 4

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
    char *key = mem_printf("`connector` of job '%s'", job->name);
    int64_t left = script->deadline_ms - clock_mono_ms();
    const struct vm_options options = {.engine = engine,
                                       .modules = script->app->modules,
                                       .connector = job->connector,
                                       .connector_key = key,
                                       .dry_run = script->dry_run,
                                       .memory_bytes = job->memory_bytes,
                                       .timeout_ms = left > 0 ? left : 1,
                                       .named = script->named,
                                       .nnamed = script->nnamed,
                                       .job = job,
                                       .attempt = script->attempt,
                                       .under = script->under,
                                       .ends_process = true,
                                       .log_json = script->app->log_format == LOG_JSON};
    struct vm *vm = vm_new(&options);
    int status = -1;
    int result = vm_run_file(vm, job->script, &status, err);
    *traceback = mem_strdup(vm_traceback(vm));
    vm_free(vm);
    mem_free(key);
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

/* "job.lua:4": the frame's place, without the script's own folder. Returns its length. */
static size_t frame_place(const char *frame, const char *script, const char **place)
{
    const char *slash = strrchr(script, '/'), *end = strstr(frame, ": in ");
    size_t folder = slash != NULL ? (size_t)(slash - script) + 1 : 0, line = strcspn(frame, "\n");
    *place = strncmp(frame, script, folder) == 0 ? frame + folder : frame;
    return end != NULL && end < frame + line ? (size_t)(end - *place) : 0;
}

/* The places of the first frames, but for one that the message begins with. */
static void set_places(struct job_result *result, const struct redact *redact, const char *script,
                       const char *traceback)
{
    struct buf text, masked;
    const char *place, *frame = traceback != NULL ? strstr(traceback, TRACEBACK) : NULL;
    buf_create(&text, sizeof result->at);
    buf_create(&masked, sizeof result->at * sizeof REDACT_MASK);
    for (int count = 0; count < PLACES_MAX && frame != NULL; frame = strchr(frame, '\n')) {
        frame += strspn(frame, "\n");
        if (*frame != '\t') /* the end, too: an error's text may look so */
            continue;
        frame++;
        size_t len = frame_place(frame, script, &place);
        bool said = strncmp(result->message, frame, (size_t)(place - frame) + len) == 0;
        if (len == 0 || said)
            continue;
        buf_printf(&text, "%s%.*s", count++ > 0 ? ", " : "", (int)len, place);
    }
    redact_text(redact, text.data, text.len, &masked);
    err_text(result->at, sizeof result->at, "%s", masked.data);
    buf_destroy(&text);
    buf_destroy(&masked);
}

/* What is above the job's level is kept all the same. */
static void set_log_level(const struct job_script *script)
{
    const struct app *app = script->app;
    int level = script->job->log_level;
    if (level == CONFIG_JOB_LOG_USUAL)
        level = script->brief ? LOG_WARN : LOG_INFO;
    if (app->verbosity != 0)
        return;
    log_configure(app->log, level > LOG_INFO ? (enum log_level)level : LOG_INFO, app->log_format,
                  app->color);
    log_divert(app->log, level, script->kept_fd);
}

/* Returns the exit status. */
static int say(const struct job_script *script, const struct err *err, const char *traceback)
{
    if (script->brief)
        log_divert(script->app->log, LOG_NONE, script->kept_fd);
    return app_report(script->app, err, traceback);
}

int job_child_run(const struct job_script *script, struct err *err)
{
    struct app *app = script->app;
    int report_fd = script->report_fd;
    log_hurry(app->log, false); /* to who keeps it; its deadline ends that */
    if (report_fd >= 0)
        redact_observe(app->redact, tell_secret, &report_fd);
    if (log_status_mode(app->log) == LOG_STATUS_BAR)
        log_set_status_mode(app->log, LOG_STATUS_LINES); /* its output is kept */
    set_log_level(script);
    struct engine engine;
    struct job_result result = {0};
    char *traceback = NULL;
    int status = app_environment_enter(script->job->environment, script->job->directory,
                                       err); /* before the engine, which reads variables */
    engine_create(&engine, script->config, app->log, app->redact);
    if (status == 0)
        status = run_vm(script, &engine, &traceback, err);
    app_settle(&engine, status);
    result.status = status >= 0 ? status : err_exit_code(err->kind);
    result.requests = engine.client != NULL ? client_requests(engine.client) : 0;
    result.exchanges = engine.tokens != NULL ? tokens_exchanges(engine.tokens) : 0;
    engine_destroy(&engine);
    if (status < 0) {
        result.kind = (int32_t)err->kind;
        set_message(&result, app->redact, err);
        set_places(&result, app->redact, script->job->script, traceback);
        if (script->attempt->attempts > 1)
            err_wrap(err, "job '%s', attempt %lld of %lld", script->job->name,
                     (long long)script->attempt->attempt, (long long)script->attempt->attempts);
        else
            err_wrap(err, "job '%s'", script->job->name);
        if (traceback != NULL || script->brief)
            status = say(script, err, traceback);
    }
    mem_free_secret(traceback);
    redact_observe(app->redact, NULL, NULL);
    if (report_fd >= 0)
        job_report_result(report_fd, &result);
    return status;
}
