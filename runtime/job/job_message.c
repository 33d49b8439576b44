/* A notice as a message to a group, by the SDK. */
#include "clock.h"
#include "history.h"
#include "job_child.h"
#include "job_helper.h"
#include "job_notice.h"
#include "json.h"

#include <string.h>

#define MODULE   "job.notice"
#define JSON_MAX ((size_t)64 * 1024)

struct message {
    const struct job_outcome *outcome;
    const struct config_notice *notice;
    const char *what;
    const char *json; /* {"group":…, "text":…} */
};

/* The text. All that it holds was masked for the record. */

static void tell_status(const struct store_run *run, struct buf *out)
{
    if (run->cause == NULL)
        return;
    buf_printf(out, "Cause: %s", run->cause);
    if (run->exit >= 0)
        buf_printf(out, ", exit status %d", run->exit);
    buf_putc(out, '\n');
    if (run->message != NULL)
        buf_printf(out, "%s\n", run->message);
}

static void tell_times(const struct store_run *run, struct buf *out)
{
    char time[HISTORY_TIME_SIZE], duration[HISTORY_DURATION_SIZE];
    history_time(run->started_ms, time);
    history_duration(history_took_ms(run), duration);
    buf_printf(out, "Started: %s", time);
    if (duration[0] != '\0')
        buf_printf(out, ", took %s", duration);
    if (run->attempt > 1)
        buf_printf(out, ", attempt %lld", (long long)run->attempt);
    buf_putc(out, '\n');
}

static void write_text(const struct job_outcome *outcome, struct buf *out)
{
    const struct store_run *run = outcome->run;
    char time[HISTORY_TIME_SIZE];
    buf_printf(out, "Job %s %s\n", run->job,
               run->cause == NULL                                 ? "runs well again"
               : strcmp(run->cause, STORE_CAUSE_INTERRUPTED) == 0 ? "was interrupted"
                                                                  : "failed");
    tell_status(run, out);
    tell_times(run, out);
    if (run->cause == NULL) {
        history_time(outcome->previous->started_ms, time);
        buf_printf(out, "Before: run %s of %s failed (%s)\n", outcome->previous->run, time,
                   outcome->previous->cause);
    }
    if (run->row != 0)
        buf_printf(out, "More: jeton logs %s", run->run);
    else
        buf_puts(out, "It did not begin, and could not be recorded.");
}

static void write_json(const struct job_outcome *outcome, const struct config_notice *notice,
                       struct buf *out)
{
    struct buf text;
    buf_create(&text, JOB_NOTICE_TEXT_MAX);
    write_text(outcome, &text);
    buf_puts(out, "{\"group\":");
    json_write_string(out, notice->group, strlen(notice->group));
    buf_puts(out, ",\"text\":");
    json_write_string(out, text.data, text.len);
    buf_putc(out, '}');
    buf_destroy(&text);
}

/* The sender's process */

static int send_by_sdk(const struct message *message, struct err *err)
{
    const struct job_outcome *outcome = message->outcome;
    const char *connector = message->notice->connector;
    if (job_child_environment(outcome->job, err) != 0)
        return -1;
    struct engine engine;
    engine_create(&engine, outcome->config, outcome->app->log, outcome->app->redact);
    const struct vm_options options = {
        .engine = &engine,
        .modules = outcome->app->modules,
        .connector = connector != NULL ? connector : outcome->job->connector,
        .timeout_ms = JOB_NOTICE_MESSAGE_MS,
        .log_json = outcome->app->log_format == LOG_JSON,
    };
    struct vm *vm = vm_new(&options);
    int status = -1;
    int result = vm_run_module(vm, MODULE, "send", message->json, &status, err);
    vm_free(vm);
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
    log_msg(message->outcome->app->log, LOG_ERROR, "job '%s': %s: group '%s' was not told: %s",
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
        status = err_set(&err, ERR_CONFIG, "what sends it was ended by signal %d", status - 128);
    if (status < 0)
        log_msg(outcome->app->log, LOG_ERROR, "job '%s': %s: group '%s' was not told: %s",
                outcome->job->name, what, notice->group, err.msg);
    buf_destroy(&json);
    return status == 0 ? 0 : -1;
}
