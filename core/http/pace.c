#include "pace.h"

#include "mem.h"

void pace_create(struct pace *pace, int64_t per_minute)
{
    size_t limit = per_minute > PACE_LIMIT_MAX ? PACE_LIMIT_MAX
                   : per_minute > 0            ? (size_t)per_minute
                                               : 0;
    *pace = (struct pace){.limit = limit};
    if (limit > 0)
        pace->times = mem_alloc(limit * sizeof *pace->times);
}

void pace_destroy(struct pace *pace)
{
    mem_free(pace->times);
    *pace = (struct pace){0};
}

int64_t pace_delay_ms(const struct pace *pace, int64_t now_ms)
{
    if (pace->limit == 0 || pace->count < pace->limit)
        return 0;
    /* The ring is full: its next place holds the oldest call. */
    int64_t free_ms = pace->times[pace->next] + PACE_WINDOW_MS;
    return free_ms > now_ms ? free_ms - now_ms : 0;
}

void pace_take(struct pace *pace, int64_t now_ms)
{
    if (pace->limit == 0)
        return;
    pace->times[pace->next] = now_ms;
    pace->next = (pace->next + 1) % pace->limit;
    if (pace->count < pace->limit)
        pace->count++;
}
