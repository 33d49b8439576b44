#include "history.h"

#include "clock.h"
#include "json_member.h"
#include "store_home.h"
#include "visible.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define NAMED     "name:" /* a home that is a name */
#define SECOND_MS 1000
#define MINUTE_MS (60 * (int64_t)SECOND_MS)
#define HOUR_MS   (60 * MINUTE_MS)

enum history_state history_state(const struct store_run *run)
{
    if (run->ended_ms == STORE_NONE)
        return store_run_is_running(run) ? HISTORY_RUNNING : HISTORY_FAILED;
    if (run->cause != NULL && strcmp(run->cause, STORE_CAUSE_LOCKED) == 0)
        return HISTORY_SKIPPED;
    return run->exit == 0 ? HISTORY_GOOD : HISTORY_FAILED;
}

const char *history_cause(const struct store_run *run)
{
    return run->ended_ms == STORE_NONE && !store_run_is_running(run) ? STORE_CAUSE_INTERRUPTED
                                                                     : run->cause;
}

int64_t history_took_ms(const struct store_run *run)
{
    int64_t end = run->ended_ms;
    if (run->cause != NULL && strcmp(run->cause, STORE_CAUSE_LATE) == 0)
        return -1;
    if (end == STORE_NONE) {
        if (!store_run_is_running(run))
            return -1;
        end = clock_wall_ms();
    }
    return end > run->started_ms ? end - run->started_ms : 0; /* the clock may have been set */
}

void history_duration(int64_t ms, char out[static HISTORY_DURATION_SIZE])
{
    if (ms < 0)
        out[0] = '\0';
    else if (ms < SECOND_MS)
        snprintf(out, HISTORY_DURATION_SIZE, "%" PRId64 " ms", ms);
    else if (ms < MINUTE_MS)
        snprintf(out, HISTORY_DURATION_SIZE, "%" PRId64 ".%" PRId64 " s", ms / SECOND_MS,
                 ms % SECOND_MS / 100);
    else if (ms < HOUR_MS)
        snprintf(out, HISTORY_DURATION_SIZE, "%" PRId64 " min %02" PRId64 " s", ms / MINUTE_MS,
                 ms % MINUTE_MS / SECOND_MS);
    else
        snprintf(out, HISTORY_DURATION_SIZE, "%" PRId64 " h %02" PRId64 " min", ms / HOUR_MS,
                 ms % HOUR_MS / MINUTE_MS);
}

void history_time(int64_t wall_ms, char out[static HISTORY_TIME_SIZE])
{
    time_t seconds = (time_t)(wall_ms / SECOND_MS);
    struct tm local;
    if (localtime_r(&seconds, &local) == NULL ||
        strftime(out, HISTORY_TIME_SIZE, "%Y-%m-%d %H:%M:%S", &local) == 0)
        out[0] = '\0';
}

const char *history_configuration(const struct store_run *run)
{
    const char *home = store_home_of(run->scope);
    if (home == NULL)
        return run->scope;
    return strncmp(home, NAMED, sizeof NAMED - 1) == 0 ? home + sizeof NAMED - 1 : home;
}

/* Safe to show: it was the script's or the service's. */
static void view_bytes(struct buf *out, const char *name, const char *text, size_t len,
                       enum visible_shape shape)
{
    struct buf shown;
    buf_create(&shown, len * VISIBLE_GROWTH + 1);
    visible_append(&shown, text, len, shape);
    json_member_text(out, name, shown.data);
    buf_destroy(&shown);
}

static void view_text(struct buf *out, const char *name, const char *text)
{
    view_bytes(out, name, text, strlen(text), VISIBLE_LINE);
}

static void view_run(const struct store_run *run, bool output, struct buf *out)
{
    static const char *const states[] = {
        [HISTORY_GOOD] = "good",
        [HISTORY_FAILED] = "failed",
        [HISTORY_SKIPPED] = "skipped",
        [HISTORY_RUNNING] = "running",
    };
    char started[HISTORY_TIME_SIZE], took[HISTORY_DURATION_SIZE];
    int64_t took_ms = history_took_ms(run);
    const char *cause = history_cause(run);
    history_time(run->started_ms, started);
    history_duration(took_ms, took);
    buf_printf(out,
               "{\"run\":\"%s\",\"state\":\"%s\",\"started_ms\":%" PRId64
               ",\"started\":\"%s\",\"took_ms\":%" PRId64 ",\"took\":\"%s\",\"attempt\":%" PRId64,
               run->run, states[history_state(run)], run->started_ms, started, took_ms, took,
               run->attempt);
    view_text(out, "job", run->job);
    view_text(out, "configuration", history_configuration(run));
    if (run->exit >= 0)
        buf_printf(out, ",\"exit\":%d", run->exit);
    if (cause != NULL)
        view_text(out, "cause", cause);
    if (run->message != NULL)
        view_text(out, "message", run->message);
    if (run->host != NULL)
        view_text(out, "host", run->host);
    if (output && run->output_len > 0)
        view_bytes(out, "output", run->output, run->output_len, VISIBLE_LINES);
    buf_printf(out, ",\"output_bytes\":%" PRId64 "}", run->output_bytes);
}

void history_view_run(const struct store_run *run, struct buf *out)
{
    view_run(run, false, out);
}

void history_view(const struct store_runs *runs, const struct history_view *view, struct buf *out)
{
    char now[HISTORY_TIME_SIZE];
    int64_t now_ms = clock_wall_ms();
    history_time(now_ms, now);
    buf_printf(out, "{\"now_ms\":%" PRId64 ",\"now\":\"%s\",\"color\":%s,\"failed\":%s,\"all\":%s",
               now_ms, now, view->color ? "true" : "false", view->failed ? "true" : "false",
               view->configuration == NULL ? "true" : "false");
    if (view->configuration != NULL)
        view_text(out, "configuration", view->configuration);
    buf_puts(out, ",\"runs\":[");
    for (size_t i = 0; i < runs->count; i++) {
        buf_puts(out, i > 0 ? "," : "");
        view_run(&runs->items[i], view->output, out);
    }
    buf_puts(out, "]}");
}
