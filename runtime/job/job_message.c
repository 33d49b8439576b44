/* A notice as a message to a group, by the SDK. */
#include "app_environment.h"
#include "clock.h"
#include "history.h"
#include "job_helper.h"
#include "job_notice.h"
#include "json.h"
#include "mem.h"
#include "vm.h"

#include <string.h>

#define MODULE   "job.notice"
#define JSON_MAX ((size_t)64 * 1024)

struct message {
    const struct job_outcome *outcome;
    const struct config_notice *notice;
    const char *what;
    const char *json; /* as scripts/job/notice.lua reads it */
};

/* All that it holds was masked for the record. */
static void write_json(const struct job_outcome *outcome, const struct config_notice *notice,
                       struct buf *out)
{
    buf_puts(out, "{\"group\":");
    json_write_string(out, notice->group, strlen(notice->group));
    buf_printf(out, ",\"recorded\":%s,\"run\":", outcome->run->row != 0 ? "true" : "false");
    history_view_run(outcome->run, out);
    if (outcome->previous != NULL) {
        buf_puts(out, ",\"previous\":");
        history_view_run(outcome->previous, out);
    }
    buf_putc(out, '}');
}

/* The sender's process */

static int send_by_sdk(const struct message *message, struct err *err)
{
    const struct job_outcome *outcome = message->outcome;
    const char *connector = message->notice->connector;
    if (app_environment_set(outcome->job->environment, err) != 0)
        return -1;
    struct engine engine;
    engine_create(&engine, outcome->config, outcome->app->log, outcome->app->redact);
    char *key = mem_printf("`connector` of %s", message->what);
    const struct vm_options options = {
        .engine = &engine,
        .modules = outcome->app->modules,
        .connector = connector != NULL ? connector : outcome->job->connector,
        .connector_key = key,
        .timeout_ms = JOB_NOTICE_MESSAGE_MS,
        .log_json = outcome->app->log_format == LOG_JSON,
    };
    struct vm *vm = vm_new(&options);
    int status = -1;
    int result = vm_run_module(vm, MODULE, "send", message->json, &status, err);
    vm_free(vm);
    mem_free(key);
    app_settle(&engine, status);
    engine_destroy(&engine);
    return result;
}

static int send_message(void *arg)
{
    const struct message *message = arg;
    struct err err;
    char line[ERR_LINE_MAX];
    if (send_by_sdk(message, &err) == 0)
        return 0;
    log_msg(message->outcome->app->log, LOG_ERROR, "job '%s': %s: group '%s' was not notified: %s",
            message->outcome->job->name, message->what, message->notice->group,
            err_line(&err, line));
    return err_exit_code(err.kind);
}

int job_message_send(const struct job_outcome *outcome, const struct config_notice *notice,
                     const char *what)
{
    struct err err;
    struct buf json;
    buf_create(&json, JSON_MAX);
    write_json(outcome, notice, &json);
    struct message message = {
        .outcome = outcome, .notice = notice, .what = what, .json = json.data};
    int status =
        job_helper_run(send_message, &message, JOB_NOTICE_MESSAGE_MS + JOB_NOTICE_INSIST_MS, &err);
    if (status > 128)
        status = err_set(&err, ERR_CONFIG, "the process that sends it was ended by signal %d",
                         status - 128);
    if (status < 0)
        log_msg(outcome->app->log, LOG_ERROR, "job '%s': %s: group '%s' was not notified: %s",
                outcome->job->name, what, notice->group, err.msg);
    buf_destroy(&json);
    return status == 0 ? 0 : -1;
}
