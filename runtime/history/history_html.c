/* The history as one self-contained page: a calendar, a timeline, a table. */
#include "history.h"

#include "ascii.h"
#include "clock.h"
#include "mem.h"
#include "utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAY_S          86400
#define WEEK_DAYS      7
#define CALENDAR_WEEKS 27 /* half a year, and the week under way */
#define CALENDAR_DAYS  (CALENDAR_WEEKS * WEEK_DAYS)
#define TIMELINE_S     (7 * (int64_t)DAY_S)
#define TABLE_ROWS     500
#define MESSAGE_SHOWN  200 /* bytes */
#define MANY_RUNS      10  /* of a day: more are darker */

/* Of the pictures, in their own units. */
#define CELL          14
#define CELL_STEP     17
#define DISC_MIN      3  /* radius: something failed */
#define LABELS        40 /* left of the calendar */
#define MONTH_COLUMNS 2  /* that a month's name takes */
#define LANES_TOP     24
#define LANE_STEP     26
#define LANE_BAR      14
#define LANES_MAX     100
#define LANE_FAILED   4 /* above and below */
#define TIME_WIDE     840
#define DATE_WIDE     40
#define BAR_MIN       2

static const char *const state_classes[] = {
    [HISTORY_GOOD] = "good",
    [HISTORY_FAILED] = "failed",
    [HISTORY_SKIPPED] = "skipped",
    [HISTORY_RUNNING] = "running",
};
static const char *const state_signs[] = {
    [HISTORY_GOOD] = "✓",
    [HISTORY_FAILED] = "✗",
    [HISTORY_SKIPPED] = "–",
    [HISTORY_RUNNING] = "●",
};

static const char style[] =
    ":root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--text:#1b2430;--soft:#5b6573;"
    "--line:#dde1e7;--none:#e9ecf0;--good:#2f9e68;--good-strong:#1d7a4d;--failed:#d64545;"
    "--skipped:#c9972b;--running:#3b7dd8}"
    "@media(prefers-color-scheme:dark){:root{--page:#12161b;--card:#1b2129;--text:#e8ecf1;"
    "--soft:#a3adba;--line:#2e3743;--none:#28303a;--good:#3fb57c;--good-strong:#6bd3a0;"
    "--failed:#ff7b72;--skipped:#e0b457;--running:#79b0ff}}"
    "*{box-sizing:border-box}"
    "body{margin:0;background:var(--page);color:var(--text);font:16px/1.5 system-ui,sans-serif}"
    "main{max-width:70rem;margin:0 auto;padding:2rem 1rem;display:grid;gap:1.5rem}"
    "h1,h2{margin:0;line-height:1.25}h1{font-size:1.7rem}h2{font-size:1.15rem}p{margin:0}"
    ".soft{color:var(--soft)}"
    "section{background:var(--card);border:1px solid var(--line);border-radius:.75rem;"
    "padding:1.25rem;display:grid;gap:.75rem;grid-template-columns:minmax(0,1fr)}"
    /* When it is too wide, its right end shows first: today. */
    ".scroll{overflow-x:auto}.newest{direction:rtl}.newest>div{direction:ltr;display:flex;"
    "width:max-content;min-width:100%}"
    "svg{display:block;flex:none}svg text{fill:var(--soft);font-size:12px}"
    ".disc{stroke:var(--card);stroke-width:1.5}"
    ".names{flex:none;list-style:none;margin:0;padding:24px .75rem 0 0;width:11rem;position:sticky;"
    "left:0;background:var(--card);color:var(--soft);font-size:12px}"
    ".names li{height:26px;line-height:26px;margin-top:-6px;margin-bottom:6px;overflow:hidden;"
    "text-overflow:ellipsis;white-space:nowrap}"
    ".none{fill:var(--none)}.good{fill:var(--good)}.many{fill:var(--good-strong)}"
    ".failed{fill:var(--failed)}.skipped{fill:var(--skipped)}.running{fill:var(--running)}"
    ".lane{stroke:var(--line)}"
    "table{border-collapse:collapse;width:100%;font-size:.92rem}"
    "th,td{text-align:left;padding:.4rem .7rem;border-bottom:1px solid var(--line);"
    "vertical-align:top}th.number{text-align:right}th{color:var(--soft);font-size:.8rem;white-"
    "space:nowrap}"
    "td.number{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}"
    "td.job{min-width:9rem}td.when{white-space:nowrap}code{font-family:ui-monospace,monospace;font-"
    "size:.87em}"
    "b.good{color:var(--good-strong)}b.failed{color:var(--failed)}b.skipped{color:var(--skipped)}"
    "b.running{color:var(--running)}td.why{overflow-wrap:anywhere;min-width:14rem}"
    "@media(max-width:40rem){.names{width:7rem}section{padding:1rem}th,td{padding:.4rem .45rem}}";

/* Text from scripts is escaped, never markup; invalid bytes are left out. */
static void put_escaped(struct buf *out, const char *text, size_t limit)
{
    size_t len = utf8_cut(text, strlen(text), limit);
    bool cut = text[len] != '\0';
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c == '&')
            buf_puts(out, "&amp;");
        else if (c == '<')
            buf_puts(out, "&lt;");
        else if (c == '>')
            buf_puts(out, "&gt;");
        else if (c == '"')
            buf_puts(out, "&quot;");
        else
            buf_putc(out, ascii_is_control(c) ? ' ' : c);
    }
    if (cut)
        buf_puts(out, "…");
}

static time_t seconds_of(const struct store_run *run)
{
    return (time_t)(run->started_ms / 1000);
}

/* Days ---------------------------------------------------------------------------------------- */

struct day {
    char date[16]; /* "2026-01-31" */
    int runs, failed;
};

struct calendar {
    struct day days[CALENDAR_DAYS]; /* whole weeks from a Monday; the last one holds today */
    int count;                      /* up to today */
    int first;                      /* the day of the oldest run */
};

/* Noon of the day, so many days from the day of `time`: far from any change of daylight saving. */
static struct tm noon(time_t time, int days)
{
    struct tm tm;
    localtime_r(&time, &tm);
    tm.tm_hour = 12;
    tm.tm_min = tm.tm_sec = 0;
    tm.tm_mday += days;
    tm.tm_isdst = -1;
    mktime(&tm);
    return tm;
}

static int find_day(const struct calendar *calendar, time_t time)
{
    struct tm tm = noon(time, 0);
    char date[16];
    strftime(date, sizeof date, "%Y-%m-%d", &tm);
    for (int i = calendar->count - 1; i >= 0; i--) {
        if (strcmp(calendar->days[i].date, date) == 0)
            return i;
    }
    return -1;
}

static void fill_calendar(struct calendar *calendar, const struct store_runs *runs, time_t now)
{
    struct tm today = noon(now, 0);
    int weekday = (today.tm_wday + WEEK_DAYS - 1) % WEEK_DAYS; /* Monday is 0 */
    calendar->count = CALENDAR_DAYS - WEEK_DAYS + weekday + 1;
    calendar->first = calendar->count - 1;
    for (int i = 0; i < calendar->count; i++) {
        struct tm tm = noon(now, i - calendar->count + 1);
        strftime(calendar->days[i].date, sizeof calendar->days[i].date, "%Y-%m-%d", &tm);
    }
    for (size_t i = 0; i < runs->count; i++) {
        const struct store_run *run = &runs->items[i];
        enum history_state state = history_state(run);
        int index = find_day(calendar, seconds_of(run));
        if (index < 0 || state == HISTORY_SKIPPED)
            continue;
        calendar->days[index].runs++;
        calendar->days[index].failed += state == HISTORY_FAILED;
        calendar->first = index < calendar->first ? index : calendar->first;
    }
}

static void put_day(struct buf *out, const struct day *day, int column, int row)
{
    int x = LABELS + column * CELL_STEP, y = 20 + row * CELL_STEP;
    const char *class = day->runs == 0 ? "none" : day->runs > MANY_RUNS ? "many" : "good";
    buf_printf(out, "<g><title>%s: %d attempt%s, %d failed</title>", day->date, day->runs,
               day->runs == 1 ? "" : "s", day->failed);
    if (day->failed == 0 || day->failed < day->runs)
        buf_printf(out,
                   "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"3\" class=\"%s\"/>", x,
                   y, CELL, CELL, class);
    if (day->failed > 0)
        buf_printf(out, "<circle cx=\"%d\" cy=\"%d\" r=\"%d\" class=\"failed disc\"/>",
                   x + CELL / 2, y + CELL / 2,
                   DISC_MIN + (CELL / 2 - DISC_MIN) * day->failed / day->runs);
    buf_puts(out, "</g>\n");
}

static void put_calendar(struct buf *out, const struct calendar *calendar)
{
    static const char *const names[] = {"Mon", "", "Wed", "", "Fri", "", ""};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    int week = calendar->first / WEEK_DAYS;
    int weeks = (calendar->count + WEEK_DAYS - 1) / WEEK_DAYS - week;
    int wide = LABELS + (weeks + 1) * CELL_STEP;
    buf_printf(
        out,
        "<section><h2>Calendar</h2><div class=\"scroll newest\" tabindex=\"0\" "
        "role=\"region\" aria-label=\"Calendar\"><div><svg width=\"%d\" height=\"%d\" role=\"img\" "
        "aria-label=\"Attempts of each day\">\n",
        wide, 24 + WEEK_DAYS * CELL_STEP);
    for (int row = 0; row < WEEK_DAYS; row++)
        buf_printf(out, "<text x=\"0\" y=\"%d\">%s</text>\n", 31 + row * CELL_STEP, names[row]);
    char month[8] = "";
    int labelled = -MONTH_COLUMNS;
    for (int i = week * WEEK_DAYS; i < calendar->count; i++) {
        const struct day *day = &calendar->days[i];
        int column = i / WEEK_DAYS - week;
        if (i % WEEK_DAYS == 0 && strncmp(month, day->date, 7) != 0 &&
            column - labelled >= MONTH_COLUMNS) {
            snprintf(month, sizeof month, "%.7s", day->date);
            labelled = column;
            buf_printf(out, "<text x=\"%d\" y=\"12\">%s</text>\n", LABELS + column * CELL_STEP,
                       months[atoi(month + 5) - 1]);
        }
        put_day(out, day, column, i % WEEK_DAYS);
    }
    buf_puts(out, "</svg></div></div><p class=\"soft\">Green squares: attempts that went well; red "
                  "discs: some failed, and the larger the more of them.</p></section>\n");
}

/* Lanes --------------------------------------------------------------------------------------- */

/* The jobs' names, each once, newest first; as many as there are. mem_free the list. */
static const char **list_jobs(const struct store_runs *runs, size_t *count)
{
    const char **jobs = mem_alloc((runs->count + 1) * sizeof *jobs);
    *count = 0;
    for (size_t i = 0; i < runs->count; i++) {
        size_t j = 0;
        while (j < *count && strcmp(jobs[j], runs->items[i].job) != 0)
            j++;
        if (j == *count)
            jobs[(*count)++] = runs->items[i].job;
    }
    return jobs;
}

static void put_bar(struct buf *out, const struct store_run *run, int64_t from_ms, int64_t to_ms,
                    int y)
{
    int64_t took = history_took_ms(run), span = to_ms - from_ms;
    int64_t begin_ms = run->started_ms > from_ms ? run->started_ms : from_ms;
    int64_t end_ms = run->started_ms + (took > 0 ? took : 0);
    char started[HISTORY_TIME_SIZE], text[HISTORY_DURATION_SIZE];
    if (end_ms < from_ms || begin_ms > to_ms)
        return;
    int x = (int)((begin_ms - from_ms) * TIME_WIDE / span);
    int64_t bar = (end_ms - begin_ms) * TIME_WIDE / span;
    if (bar > TIME_WIDE - x)
        bar = TIME_WIDE - x;
    enum history_state state = history_state(run);
    const char *cause = history_cause(run);
    int taller = state == HISTORY_FAILED ? LANE_FAILED : 0; /* seen without its colour too */
    history_time(run->started_ms, started);
    history_duration(took, text);
    buf_printf(out,
               "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"1\" "
               "class=\"%s\"><title>%s, %s%s%s",
               x, y - taller, bar > BAR_MIN ? (int)bar : BAR_MIN, LANE_BAR + 2 * taller,
               state_classes[state], run->run, started, text[0] != '\0' ? ", " : "", text);
    if (cause != NULL)
        buf_printf(out, ", %s", cause);
    buf_puts(out, "</title></rect>\n");
}

static void put_hours(struct buf *out, int64_t from_ms, int64_t to_ms, int high)
{
    for (int i = 0; i <= WEEK_DAYS; i++) {
        struct tm tm = noon((time_t)(from_ms / 1000), i);
        tm.tm_hour = 0;
        tm.tm_isdst = -1;
        int64_t at_ms = (int64_t)mktime(&tm) * 1000;
        char label[16];
        if (at_ms < from_ms || at_ms > to_ms)
            continue;
        int x = (int)((at_ms - from_ms) * TIME_WIDE / (to_ms - from_ms));
        strftime(label, sizeof label, "%m-%d", &tm);
        buf_printf(out, "<line x1=\"%d\" y1=\"18\" x2=\"%d\" y2=\"%d\" class=\"lane\"/>\n", x, x,
                   high);
        if (x + DATE_WIDE <= TIME_WIDE)
            buf_printf(out, "<text x=\"%d\" y=\"12\">%s</text>\n", x + 2, label);
    }
}

/* Beside the picture, so that they stay when it is scrolled. */
static void put_names(struct buf *out, const char *const *jobs, size_t njobs)
{
    buf_puts(out, "<ul class=\"names\">");
    for (size_t j = 0; j < njobs; j++) {
        buf_puts(out, "<li>");
        put_escaped(out, jobs[j], SIZE_MAX);
        buf_puts(out, "</li>");
    }
    buf_puts(out, "</ul>\n");
}

static void put_timeline(struct buf *out, const struct store_runs *runs, const char *const *jobs,
                         size_t njobs, int64_t now_ms)
{
    int64_t from_ms = now_ms - TIMELINE_S * 1000;
    size_t all = njobs;
    njobs = njobs < LANES_MAX ? njobs : LANES_MAX;
    int high = LANES_TOP + (int)njobs * LANE_STEP;
    buf_puts(out,
             "<section><h2>The last seven days</h2><div class=\"scroll newest\" tabindex=\"0\" "
             "role=\"region\" aria-label=\"Timeline\"><div>");
    put_names(out, jobs, njobs);
    buf_printf(out,
               "<svg width=\"%d\" height=\"%d\" role=\"img\" "
               "aria-label=\"Attempts of each job over the last seven days\">\n",
               TIME_WIDE + 10, high);
    put_hours(out, from_ms, now_ms, high);
    for (size_t j = 0; j < njobs; j++) {
        int y = LANES_TOP + (int)j * LANE_STEP;
        buf_printf(out, "<line x1=\"0\" y1=\"%d\" x2=\"%d\" y2=\"%d\" class=\"lane\"/>\n",
                   y + LANE_BAR / 2, TIME_WIDE, y + LANE_BAR / 2);
        for (size_t i = runs->count; i-- > 0;) { /* failures over what went well: the newest last */
            if (strcmp(runs->items[i].job, jobs[j]) == 0)
                put_bar(out, &runs->items[i], from_ms, now_ms, y);
        }
    }
    buf_puts(out, "</svg></div></div>\n");
    if (all > njobs)
        buf_printf(out, "<p class=\"soft\">The %zu jobs that ran last, of %zu.</p>\n", njobs, all);
    buf_puts(out, "</section>\n");
}

/* Tables -------------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void put_job(struct buf *out, const struct store_runs *runs, const char *job, int64_t *took)
{
    size_t count = 0, good = 0, failed = 0;
    for (size_t i = 0; i < runs->count; i++) {
        enum history_state state = history_state(&runs->items[i]);
        int64_t ms = history_took_ms(&runs->items[i]);
        if (strcmp(runs->items[i].job, job) != 0 ||
            (state != HISTORY_GOOD && state != HISTORY_FAILED))
            continue;
        good += state == HISTORY_GOOD;
        failed += state == HISTORY_FAILED;
        if (ms >= 0)
            took[count++] = ms;
    }
    char median[HISTORY_DURATION_SIZE] = "", longest[HISTORY_DURATION_SIZE] = "";
    if (count > 0) {
        qsort(took, count, sizeof took[0], compare);
        history_duration(took[count / 2], median);
        history_duration(took[count - 1], longest);
    }
    buf_puts(out, "<tr><td class=\"job\">");
    put_escaped(out, job, SIZE_MAX);
    buf_printf(out,
               "</td><td class=\"number\">%zu</td><td class=\"number\">%zu</td><td "
               "class=\"number\">%s</td><td class=\"number\">%s</td></tr>\n",
               good, failed, median, longest);
}

static void put_jobs(struct buf *out, const struct store_runs *runs, const char *const *jobs,
                     size_t njobs)
{
    int64_t *took = mem_alloc((runs->count + 1) * sizeof *took);
    buf_puts(
        out,
        "<section><h2>Jobs</h2><div class=\"scroll\" tabindex=\"0\" role=\"region\" "
        "aria-label=\"Jobs\"><table><thead><tr><th scope=\"col\">Job</th>"
        "<th scope=\"col\" class=\"number\">Good</th><th scope=\"col\" class=\"number\">Failed</th>"
        "<th scope=\"col\" class=\"number\">Median</th><th scope=\"col\" "
        "class=\"number\">Longest</th></tr></thead><tbody>\n");
    for (size_t j = 0; j < njobs; j++)
        put_job(out, runs, jobs[j], took);
    buf_puts(out, "</tbody></table></div></section>\n");
    mem_free(took);
}

static void put_row(struct buf *out, const struct store_run *run)
{
    char started[HISTORY_TIME_SIZE], took[HISTORY_DURATION_SIZE], exit[16] = "–";
    enum history_state state = history_state(run);
    const char *cause = history_cause(run);
    history_time(run->started_ms, started);
    history_duration(history_took_ms(run), took);
    if (run->exit >= 0)
        snprintf(exit, sizeof exit, "%d", run->exit);
    buf_printf(out, "<tr><td><b class=\"%s\">%s</b></td><td><code>%s</code></td><td class=\"job\">",
               state_classes[state], state_signs[state], run->run);
    put_escaped(out, run->job, SIZE_MAX);
    buf_printf(out,
               "</td><td class=\"when\">%s</td><td class=\"number\">%s</td><td "
               "class=\"number\">%s</td><td class=\"number\">%" PRId64 "</td><td class=\"why\">",
               started, took, exit, run->attempt);
    if (cause != NULL)
        buf_puts(out, cause);
    if (run->message != NULL) {
        buf_puts(out, ": ");
        put_escaped(out, run->message, MESSAGE_SHOWN);
    }
    buf_puts(out, "</td></tr>\n");
}

static void put_table(struct buf *out, const struct store_runs *runs)
{
    buf_puts(out, "<section><h2>Attempts</h2>\n");
    if (runs->count > TABLE_ROWS)
        buf_printf(out, "<p class=\"soft\">The newest %d of %zu.</p>\n", TABLE_ROWS, runs->count);
    buf_puts(out, "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Attempts\">"
                  "<table><thead><tr><th scope=\"col\"></th><th scope=\"col\">Run</th>"
                  "<th scope=\"col\">Job</th><th scope=\"col\">Started</th><th scope=\"col\" "
                  "class=\"number\">Took</th>"
                  "<th scope=\"col\" class=\"number\">Exit</th><th scope=\"col\" "
                  "class=\"number\">Attempt</th>"
                  "<th scope=\"col\">Why</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < runs->count && i < TABLE_ROWS; i++)
        put_row(out, &runs->items[i]);
    buf_puts(out, "</tbody></table></div></section>\n");
}

void history_html(const struct store_runs *runs, struct buf *out)
{
    struct calendar *calendar = mem_alloc(sizeof *calendar);
    int64_t now_ms = clock_wall_ms();
    char now[HISTORY_TIME_SIZE];
    size_t njobs;
    const char **jobs = list_jobs(runs, &njobs);
    history_time(now_ms, now);
    fill_calendar(calendar, runs, (time_t)(now_ms / 1000));
    buf_puts(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                  "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
                  "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                  "style-src 'unsafe-inline'\"><title>jeton: history</title><style>");
    buf_puts(out, style);
    buf_printf(out,
               "</style></head><body><main><h1>History of jobs</h1>\n<p class=\"soft\">%zu "
               "attempt%s of %zu job%s, as of %s.</p>\n",
               runs->count, runs->count == 1 ? "" : "s", njobs, njobs == 1 ? "" : "s", now);
    if (runs->count > 0) {
        put_calendar(out, calendar);
        put_timeline(out, runs, jobs, njobs, now_ms);
        put_jobs(out, runs, jobs, njobs);
        put_table(out, runs);
    }
    buf_puts(out, "</main></body></html>\n");
    mem_free(jobs);
    mem_free(calendar);
}
