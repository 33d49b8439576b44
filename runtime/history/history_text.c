#include "history.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPARKS_MAX    40 /* runs in a job's sparkline */
#define JOB_WIDTH_MAX 64 /* of the column of names */

struct mark {
    const char *sign;
    const char *color; /* of a terminal */
};

static const struct mark marks[] = {
    [HISTORY_GOOD] = {"✓", "32"},
    [HISTORY_FAILED] = {"✗", "31"},
    [HISTORY_SKIPPED] = {"–", "33"},
    [HISTORY_RUNNING] = {"●", "36"},
};

static void put_mark(enum history_state state, bool color, struct buf *out)
{
    if (color)
        buf_printf(out, "\033[%sm%s\033[0m", marks[state].color, marks[state].sign);
    else
        buf_puts(out, marks[state].sign);
}

/* "http, attempt 2", padded with nothing: it is the last column. */
static void put_why(const struct store_run *run, enum history_state state, struct buf *out)
{
    const char *cause = history_cause(run);
    const char *what = state == HISTORY_RUNNING ? "running" : cause;
    if (what != NULL)
        buf_printf(out, "  %s", what);
    if (run->attempt > 1)
        buf_printf(out, "%sattempt %" PRId64, what != NULL ? ", " : "  ", run->attempt);
}

static void put_row(const struct store_run *run, int width, bool color, struct buf *out)
{
    char started[HISTORY_TIME_SIZE], took[HISTORY_DURATION_SIZE], exit[16] = "-";
    enum history_state state = history_state(run);
    history_time(run->started_ms, started);
    history_duration(history_took_ms(run), took);
    if (run->exit >= 0)
        snprintf(exit, sizeof exit, "%d", run->exit);
    put_mark(state, color, out);
    buf_printf(out, "  %s  %-*s  %s  %12s  %4s", run->run, width, run->job, started, took, exit);
    put_why(run, state, out);
    buf_putc(out, '\n');
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The job's durations, oldest first, and what they come to. */
static void put_summary(const struct store_runs *runs, const char *job, int width, struct buf *out)
{
    static const char *const sparks[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    const size_t levels = sizeof sparks / sizeof sparks[0];
    int64_t took[SPARKS_MAX];
    size_t count = 0, failed = 0, all = 0;
    for (size_t i = 0; i < runs->count; i++) { /* newest first */
        const struct store_run *run = &runs->items[i];
        enum history_state state = history_state(run);
        if (strcmp(run->job, job) != 0 || state == HISTORY_SKIPPED || state == HISTORY_RUNNING)
            continue;
        all++;
        failed += state == HISTORY_FAILED;
        if (count < SPARKS_MAX && run->ended_ms != STORE_NONE)
            took[count++] = history_took_ms(run);
    }
    if (count == 0)
        return;

    int64_t highest = 1;
    for (size_t i = 0; i < count; i++)
        highest = took[i] > highest ? took[i] : highest;
    buf_printf(out, "%-*s  ", width, job);
    for (size_t i = count; i-- > 0;)
        buf_puts(out, sparks[(size_t)(took[i] * (int64_t)(levels - 1) / highest)]);

    char median[HISTORY_DURATION_SIZE], longest[HISTORY_DURATION_SIZE];
    qsort(took, count, sizeof took[0], compare);
    history_duration(took[count / 2], median);
    history_duration(took[count - 1], longest);
    buf_printf(out, "  %zu good, %zu failed; median %s, longest %s\n", all - failed, failed, median,
               longest);
}

static bool seen_before(const struct store_runs *runs, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(runs->items[i].job, runs->items[index].job) == 0)
            return true;
    }
    return false;
}

void history_text(const struct store_runs *runs, bool color, struct buf *out)
{
    int width = (int)strlen("JOB");
    for (size_t i = 0; i < runs->count; i++) {
        int len = (int)strnlen(runs->items[i].job, JOB_WIDTH_MAX);
        width = len > width ? len : width;
    }
    buf_printf(out, "   %-*s  %-*s  %-19s  %12s  %4s  %s\n", STORE_RUN_ID_SIZE - 1, "RUN", width,
               "JOB", "STARTED", "TOOK", "EXIT", "WHY");
    for (size_t i = 0; i < runs->count; i++)
        put_row(&runs->items[i], width, color, out);
    buf_putc(out, '\n');
    for (size_t i = 0; i < runs->count; i++) {
        if (!seen_before(runs, i))
            put_summary(runs, runs->items[i].job, width, out);
    }
}
