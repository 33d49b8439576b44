#include "history_pick.h"

#include "history.h"
#include "mem.h"
#include "quantity.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECOND_MS 1000
#define DAY_S     86400L

static const char *const forms[] = {
    "%Y-%m-%dT%H:%M:%S%z",
    "%Y-%m-%d %H:%M:%S%z",
    "%Y-%m-%dT%H:%M%z",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d",
    "%H:%M:%S",
    "%H:%M", /* of today */
};

static bool read_form(const char *text, const char *form, time_t now, time_t *at)
{
    struct tm tm;
    localtime_r(&now, &tm);
    tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
    tm.tm_isdst = -1; /* which of two offsets: by the date */
    const char *end = strptime(text, form, &tm);
    if (end == NULL || *end != '\0')
        return false;
    long offset = tm.tm_gmtoff;
    bool zoned = strstr(form, "%z") != NULL;
    int day = tm.tm_mday;
    *at = zoned ? timegm(&tm) - offset : mktime(&tm);
    /* 30 February becomes a day of March; no offset is a day. */
    return tm.tm_mday == day && labs(offset) < DAY_S;
}

int history_pick_since(const char *text, int64_t now_ms, int64_t *since_ms, struct err *err)
{
    struct err ignored;
    int64_t ago_ms;
    if (quantity_duration(text, &ago_ms, &ignored) == 0) {
        *since_ms = now_ms - ago_ms;
        return 0;
    }
    time_t now = (time_t)(now_ms / SECOND_MS), at;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (!read_form(text, forms[i], now, &at))
            continue;
        if (at > now)
            return err_set(err, ERR_USAGE, "--since: %s is yet to come", text);
        *since_ms = (int64_t)at * SECOND_MS;
        return 0;
    }
    return err_set(err, ERR_USAGE,
                   "--since: expected a duration such as 12h or 7d, or a time such as 08:00, "
                   "2026-01-31 or \"2026-01-31 08:00\", not '%s'",
                   text);
}

struct place {
    const char *run;
    size_t at;
};

static int by_run(const void *a, const void *b)
{
    const struct place *one = a, *other = b;
    int order = strcmp(one->run, other->run);
    return order != 0 ? order : (one->at > other->at) - (one->at < other->at);
}

/* For each attempt, the place of its run's last one, which stands before the others. mem_free. */
static size_t *find_last(const struct store_runs *runs)
{
    struct place *places = mem_alloc((runs->count + 1) * sizeof *places);
    size_t *last = mem_alloc((runs->count + 1) * sizeof *last);
    for (size_t i = 0; i < runs->count; i++)
        places[i] = (struct place){runs->items[i].run, i};
    qsort(places, runs->count, sizeof *places, by_run);
    for (size_t i = 0; i < runs->count; i++) {
        bool same = i > 0 && strcmp(places[i].run, places[i - 1].run) == 0;
        last[places[i].at] = same ? last[places[i - 1].at] : places[i].at;
    }
    mem_free(places);
    return last;
}

static bool is_picked(const struct history_pick *pick, const struct store_run *run)
{
    if (pick->failed && history_state(run) != HISTORY_FAILED)
        return false;
    int64_t seen_ms = run->ended_ms != STORE_NONE ? run->ended_ms : run->started_ms;
    return seen_ms >= pick->since_ms || history_state(run) == HISTORY_RUNNING;
}

bool history_pick(const struct history_pick *pick, struct store_runs *runs)
{
    size_t *last = find_last(runs);
    bool *picked = mem_alloc((runs->count + 1) * sizeof *picked);
    size_t kept = 0;
    int64_t count = 0;
    for (size_t i = 0; i < runs->count; i++) {
        bool wanted = last[i] == i && is_picked(pick, &runs->items[i]);
        picked[i] = last[i] == i ? wanted && count < pick->limit : picked[last[i]];
        count += wanted;
    }
    for (size_t i = 0; i < runs->count; i++) {
        if (picked[i])
            runs->items[kept++] = runs->items[i];
    }
    runs->count = kept;
    mem_free(picked);
    mem_free(last);
    return count > pick->limit;
}
