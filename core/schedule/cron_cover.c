#include "cron_cover.h"

#include "cron_due.h"
#include "mem.h"

#include <time.h>

#define DAY         86400
#define DAY_MINUTES 1440
#define HOUR        3600
#define ALL_DAYS    UINT32_C(0xFFFFFFFE)
#define ALL_MONTHS  0x1FFE
#define ALL_WEEK    0x7F
#define MONTH_ENDS  (UINT32_C(0xF) << 28) /* 28–31: what a month may end with */
#define WEEK        7

/* Zones are at most this many days apart, either way. */
enum { SHIFT_MAX = 2, SHIFTS = 2 * SHIFT_MAX + 1 };

/* Times of day: of each hour its minutes, as bits. */
struct times {
    uint32_t hours; /* bits: those that have any */
    uint64_t minutes[24];
};

/* The local times that a change skips. */
struct gap {
    unsigned months, weekdays; /* bits: of its first and its last minute */
    int minute;                /* of the day: the first */
    int64_t length;            /* minutes */
};

/* A change of the job's zone that skips times: at most CRON_DUE_CHANGE_MAX. */
struct skip {
    struct zone_span span;
    struct gap gap;
    int32_t there; /* the offset of `where` */
};

struct cron_cover_zones {
    bool same;      /* one time all along */
    int *distances; /* minutes from the job's local time to that of `where`; each once */
    size_t ndistances;
    struct skip *skips;
    size_t nskips;
    struct times repeats; /* local times of `where` that come twice */
};

/* Lines for what is skipped. */
struct skip_lines {
    struct cron *items;
    size_t count;
};

static int64_t floor_div(int64_t value, int64_t by)
{
    return value / by - (value % by < 0 ? 1 : 0);
}

static int64_t horizon(int64_t from)
{
    return from + (int64_t)CRON_COVER_YEARS * 366 * DAY;
}

static int minute_of_day(int64_t local)
{
    return (int)(floor_div(local, 60) - floor_div(local, DAY) * DAY_MINUTES);
}

static bool has_time(const struct cron *cron, int minute)
{
    return (cron->hours >> minute / 60 & 1) && (cron->minutes >> minute % 60 & 1);
}

static void add_minutes(struct times *times, int hour, uint64_t minutes)
{
    times->minutes[hour] |= minutes;
    times->hours |= (uint32_t)(minutes != 0) << hour;
}

static struct tm date_of(int64_t local)
{
    struct tm date;
    time_t seconds = (time_t)local;
    gmtime_r(&seconds, &date);
    return date;
}

/* --- days --------------------------------------------------------------------------------------
 */

/* The line's days in the form in which they shift: what is all of a field starts with `*`; and of
 * two that must both match, but are no simple sets any more, one. */
static void normalize_days(struct cron *line, bool shifts)
{
    bool both = line->any_day || line->any_weekday;
    bool all_days = line->days == ALL_DAYS, all_week = line->weekdays == ALL_WEEK;
    if (!both && (all_days || all_week)) { /* either matches: always */
        line->days = ALL_DAYS;
        line->weekdays = ALL_WEEK;
        all_days = all_week = true;
    }
    if (both && !all_days && !all_week) {
        if (!shifts)
            return;
        if (line->any_day) {
            line->days = ALL_DAYS;
            all_days = true;
        } else {
            line->weekdays = ALL_WEEK;
            all_week = true;
        }
    }
    line->any_day = all_days;
    line->any_weekday = all_week;
}

/* Shifts the line by a day, forward or back. */
static void shift_day(struct cron *line, bool later)
{
    /* Whether the shift crosses the end of a month, and whether that matters. */
    uint32_t edge = later ? MONTH_ENDS : UINT32_C(1) << 1;
    uint32_t beyond = later ? UINT32_C(1) << 1 : MONTH_ENDS;
    uint32_t months = line->months;
    if (line->days & edge || line->weekdays != ALL_WEEK)
        months |= later ? (months << 1 | months >> 11) : (months >> 1 | months << 11);
    line->months = months & ALL_MONTHS;
    if (line->days != ALL_DAYS)
        line->days = ((later ? line->days << 1 : line->days >> 1) & ALL_DAYS) |
                     (line->days & edge ? beyond : 0);
    unsigned week = line->weekdays;
    week = later ? (week << 1 | week >> (WEEK - 1)) : (week >> 1 | week << (WEEK - 1));
    line->weekdays = week & ALL_WEEK;
    line->any_day = line->days == ALL_DAYS && (line->any_day || line->any_weekday);
}

static struct cron shift_days(const struct cron *cron, int shift)
{
    struct cron line = *cron;
    normalize_days(&line, shift != 0);
    for (int i = 0; i < (shift < 0 ? -shift : shift); i++)
        shift_day(&line, shift > 0);
    return line;
}

static bool same_days(const struct cron *a, const struct cron *b)
{
    return a->days == b->days && a->months == b->months && a->weekdays == b->weekdays &&
           a->any_day == b->any_day && a->any_weekday == b->any_weekday;
}

/* --- times -------------------------------------------------------------------------------------
 */

/* Adds the schedule's times of day, so many minutes later, each to the day that it then is. */
static void shift_times(const struct cron *cron, int minutes, struct times shifted[SHIFTS])
{
    int hours = (int)floor_div(minutes, 60), rest = minutes - hours * 60;
    const uint64_t all = ((uint64_t)1 << 60) - 1;
    uint64_t first = cron->minutes << rest & all;
    uint64_t second = rest > 0 ? cron->minutes >> (60 - rest) : 0; /* in the hour after */
    for (uint32_t bits = cron->hours; bits != 0; bits &= bits - 1) {
        for (int i = 0; i < 2; i++) {
            int there = __builtin_ctz(bits) + hours + i;
            int day = (int)floor_div(there, 24);
            if (day >= -SHIFT_MAX && day <= SHIFT_MAX)
                add_minutes(&shifted[day + SHIFT_MAX], there - day * 24, i == 0 ? first : second);
        }
    }
}

static void add_line(struct cron_cover *cover, const struct cron *line)
{
    cover->lines = mem_realloc(cover->lines, (cover->count + 1) * sizeof *cover->lines);
    cover->lines[cover->count++] = *line;
}

/* Hours that have the same minutes share a line. */
static void add_times(struct cron_cover *cover, const struct cron *days, const struct times *times)
{
    size_t first = cover->count;
    for (uint32_t bits = times->hours; bits != 0; bits &= bits - 1) {
        size_t i = first;
        int hour = __builtin_ctz(bits);
        while (i < cover->count && cover->lines[i].minutes != times->minutes[hour])
            i++;
        if (i == cover->count) {
            struct cron line = *days;
            line.minutes = times->minutes[hour];
            line.hours = 0;
            line.wildcard = false;
            add_line(cover, &line);
        }
        cover->lines[i].hours |= UINT32_C(1) << hour;
    }
}

/* Lines for the schedule's times as they are in `where`. */
static void add_shifted(struct cron_cover *cover, const struct cron *cron,
                        struct times shifted[SHIFTS])
{
    struct cron days[SHIFTS] = {{0}};
    for (int i = 0; i < SHIFTS; i++) {
        if (shifted[i].hours == 0)
            continue;
        days[i] = shift_days(cron, i - SHIFT_MAX);
        for (int j = 0; j < i; j++) { /* every day: which one does not matter */
            if (shifted[j].hours != 0 && same_days(&days[i], &days[j])) {
                for (int hour = 0; hour < 24; hour++)
                    add_minutes(&shifted[j], hour, shifted[i].minutes[hour]);
                shifted[i] = (struct times){0};
            }
        }
    }
    for (int i = 0; i < SHIFTS; i++)
        add_times(cover, &days[i], &shifted[i]);
}

/* --- changes -----------------------------------------------------------------------------------
 */

static bool is_change(const struct zone_span *span, int64_t from)
{
    return span->changed == span->from && span->from >= from && span->offset != span->before;
}

static struct gap gap_of(const struct zone_span *span)
{
    int64_t begin = span->changed + span->before, end = span->changed + span->offset;
    struct tm first = date_of(begin), last = date_of(end - 60);
    return (struct gap){
        .months = 1U << (first.tm_mon + 1) | 1U << (last.tm_mon + 1),
        .weekdays = 1U << first.tm_wday | 1U << last.tm_wday,
        .minute = minute_of_day(begin),
        .length = (end - begin + 59) / 60,
    };
}

/* Whether the schedule has a time in it. */
static bool has_skipped(const struct cron *cron, const struct gap *gap)
{
    if (!(cron->months & gap->months))
        return false;
    /* Changes are on weekends, year by year; on which days of the month differs. */
    if (cron->any_day && cron->days == ALL_DAYS && !(cron->weekdays & gap->weekdays))
        return false;
    int minute = gap->minute;
    for (int64_t left = gap->length; left > 0; left--) {
        if (has_time(cron, minute))
            return true;
        minute = minute + 1 < DAY_MINUTES ? minute + 1 : 0;
    }
    return false;
}

/* The skipped times run right after the change. In later years that is on another day, but of the
 * same month. */
static void add_skip(struct skip_lines *lines, const struct zone_span *span, int32_t there)
{
    int64_t local = span->changed + there;
    struct tm date = date_of(span->changed + span->offset);
    struct tm there_date = date_of(local + 59);
    unsigned month = (unsigned)there_date.tm_mon + 1;
    uint32_t months = UINT32_C(1) << month | UINT32_C(1) << (date.tm_mon + 1);
    /* A day earlier than the first Sunday may be in the month before. */
    if (there_date.tm_wday != date.tm_wday && date.tm_mday <= WEEK && there < span->offset)
        months |= UINT32_C(1) << (date.tm_mon == 0 ? 12 : date.tm_mon);
    if (there_date.tm_wday != date.tm_wday && date.tm_mday > 28 - WEEK && there > span->offset)
        months |= UINT32_C(1) << (date.tm_mon == 11 ? 1 : date.tm_mon + 2);
    int minute = minute_of_day(local + 59);
    size_t i = 0;
    while (i < lines->count && !has_time(&lines->items[i], minute))
        i++;
    if (i == lines->count) {
        lines->items = mem_realloc(lines->items, (i + 1) * sizeof *lines->items);
        lines->items[lines->count++] = (struct cron){
            .minutes = (uint64_t)1 << minute % 60,
            .hours = UINT32_C(1) << minute / 60,
            .days = ALL_DAYS,
            .weekdays = ALL_WEEK,
            .any_day = true,
            .any_weekday = true,
        };
    }
    lines->items[i].months |= (uint16_t)months;
}

static void add_repeat(struct cron_cover_zones *zones, const struct zone_span *span)
{
    for (int64_t local = span->changed + span->offset; local < span->changed + span->before;
         local += 60) {
        int minute = minute_of_day(local);
        add_minutes(&zones->repeats, minute / 60, (uint64_t)1 << minute % 60);
    }
}

static void add_distance(struct cron_cover_zones *zones, int minutes)
{
    for (size_t i = 0; i < zones->ndistances; i++) {
        if (zones->distances[i] == minutes)
            return;
    }
    zones->distances =
        mem_realloc(zones->distances, (zones->ndistances + 1) * sizeof *zones->distances);
    zones->distances[zones->ndistances++] = minutes;
    zones->same = zones->same && minutes == 0;
}

static bool is_short(int32_t length)
{
    return length > 0 && length <= CRON_DUE_CHANGE_MAX;
}

struct cron_cover_zones *cron_cover_zones_new(struct zone *job, struct zone *where, int64_t from)
{
    struct cron_cover_zones *zones = mem_alloc(sizeof *zones);
    zones->same = true;
    for (int64_t at = from; at < horizon(from);) {
        struct zone_span here = zone_at(job, at), there = zone_at(where, at);
        add_distance(zones, (int)-floor_div(-((int64_t)there.offset - here.offset), 60));
        if (is_change(&here, at) && is_short(here.offset - here.before)) {
            zones->skips = mem_realloc(zones->skips, (zones->nskips + 1) * sizeof *zones->skips);
            zones->skips[zones->nskips++] = (struct skip){here, gap_of(&here), there.offset};
        }
        if (is_change(&there, at) && is_short(there.before - there.offset))
            add_repeat(zones, &there);
        at = here.until < there.until ? here.until : there.until;
    }
    return zones;
}

void cron_cover_zones_free(struct cron_cover_zones *zones)
{
    if (zones == NULL)
        return;
    mem_free(zones->distances);
    mem_free(zones->skips);
    mem_free(zones);
}

/* cron(8) runs a fixed time that repeats once; a slot of another zone may be the second. */
static void make_wildcard(struct cron *line, const struct times *repeats)
{
    bool repeated = false;
    for (uint32_t bits = line->hours & repeats->hours; bits != 0; bits &= bits - 1)
        repeated = repeated || (line->minutes & repeats->minutes[__builtin_ctz(bits)]) != 0;
    if (!repeated)
        return;
    line->wildcard = true;
    if (!(line->hours & 1) && !(line->minutes & 1))
        line->hours |= 1; /* only what holds the first value can start with `*` */
}

void cron_cover_create(struct cron_cover *cover, const struct cron *cron,
                       const struct cron_cover_zones *zones)
{
    *cover = (struct cron_cover){.count = 0};
    if (cron->reboot)
        return;
    if (zones->same) {
        add_line(cover, cron);
    } else {
        struct times shifted[SHIFTS] = {{0}};
        for (size_t i = 0; i < zones->ndistances; i++)
            shift_times(cron, zones->distances[i], shifted);
        add_shifted(cover, cron, shifted);
    }
    struct skip_lines lines = {.count = 0};
    for (size_t i = 0; i < zones->nskips && !cron->wildcard; i++) {
        if (has_skipped(cron, &zones->skips[i].gap))
            add_skip(&lines, &zones->skips[i].span, zones->skips[i].there);
    }
    for (size_t i = 0; i < lines.count; i++)
        add_line(cover, &lines.items[i]);
    mem_free(lines.items);
    for (size_t i = 0; i < cover->count && !zones->same; i++) {
        cover->lines[i].wildcard = cron_cover_has_star(&cover->lines[i]);
        make_wildcard(&cover->lines[i], &zones->repeats);
    }
}

void cron_cover_merge(struct cron_cover *cover)
{
    if (cover->count == 0)
        return;
    struct cron *all = &cover->lines[0];
    for (size_t i = 0; i < cover->count; i++) {
        struct cron *line = &cover->lines[i];
        if (!same_days(all, line)) {
            normalize_days(all, true);
            normalize_days(line, true);
            bool alike = all->any_day == line->any_day && all->any_weekday == line->any_weekday;
            all->months |= line->months;
            all->days = alike ? all->days | line->days : ALL_DAYS;
            all->weekdays = alike ? all->weekdays | line->weekdays : ALL_WEEK;
            normalize_days(all, true);
        }
        all->minutes |= line->minutes;
        all->hours |= line->hours;
        all->wildcard = all->wildcard || line->wildcard;
    }
    cover->count = 1;
}

void cron_cover_destroy(struct cron_cover *cover)
{
    mem_free(cover->lines);
    *cover = (struct cron_cover){.count = 0};
}

static bool near_midnight(int64_t local)
{
    int minute = minute_of_day(local);
    return minute < 60 || minute >= DAY_MINUTES - 60;
}

bool cron_cover_is_plain(const struct cron *cron, struct zone *zone, int64_t from)
{
    for (int64_t at = from; at < horizon(from);) {
        struct zone_span span = zone_at(zone, at);
        int32_t length = span.offset - span.before;
        if (is_change(&span, at)) {
            struct gap gap = gap_of(&span);
            if (cron->wildcard || length % HOUR != 0 || length > CRON_DUE_CHANGE_MAX ||
                -length > CRON_DUE_CHANGE_MAX || near_midnight(span.changed + span.before) ||
                near_midnight(span.changed + span.offset) || has_skipped(cron, &gap))
                return false;
        }
        at = span.until;
    }
    return true;
}
