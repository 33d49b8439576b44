/*
 * A schedule is in local time; a slot is an instant. Between two changes of the zone's offset (a
 * span, zone.h) one is the other plus a constant, and the search for the next slot goes from span
 * to span. What happens at a change, with 01:30 and 02:30 every day in Europe/Paris:
 *
 *     spring, +1 h to +2 h     local   00:30  01:30 | 03:00  03:30      02:00 to 02:59 are skipped
 *                              slots          01:30 | 03:00             02:30 runs at the change
 *
 *     autumn, +2 h to +1 h     local   01:30  02:30 | 02:00  02:30      02:00 to 02:59 come twice
 *                              slots   01:30  02:30 | -                 02:30 runs the first time
 *
 * skipped_slot() is the first rule: all times that a change skipped are one slot, right after it.
 * first_minute() is the second: after a change back, a span starts where the repetition ends.
 * Neither holds for a schedule whose minute or hour starts with `*`, which follows real time, nor
 * for changes of more than CRON_DUE_CHANGE_MAX.
 */
#include "cron_due.h"

#include <stddef.h>

#define DAY         86400
#define DAY_MINUTES 1440
#define YEAR        ((int64_t)366 * DAY)
/* No change of offset is longer than this; instants further apart are in the same order as their
 * local times. */
#define CHANGE_MAX ((int64_t)2 * DAY)

static int64_t floor_div(int64_t value, int64_t by)
{
    return value / by - (value % by < 0 ? 1 : 0);
}

static int64_t ceil_div(int64_t value, int64_t by)
{
    return -floor_div(-value, by);
}

/* --- the calendar: days and minutes since 1970-01-01 00:00, local ----------------------------- */

struct date {
    int64_t day;
    int month;  /* 1–12 */
    int mday;   /* 1–31 */
    int length; /* of the month */
};

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static struct date date_of(int64_t day)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    enum { YEARS_400 = 146097, TO_1970 = 719528 /* from 0000-01-01 */ };
    struct date date = {.day = day, .month = 1};
    int64_t era = floor_div(day + TO_1970, YEARS_400);
    int64_t rest = day + TO_1970 - era * YEARS_400;
    int64_t year = rest / 366; /* never too late; at most one too early */
    int64_t start = year * 365 + (year + 3) / 4 - (year + 99) / 100 + (year > 0 ? 1 : 0);
    rest -= start;
    if (rest >= 365 + is_leap(year)) {
        rest -= 365 + is_leap(year);
        year++;
    }
    for (;; date.month++) {
        date.length = lengths[date.month - 1] + (date.month == 2 && is_leap(year));
        if (rest < date.length)
            break;
        rest -= date.length;
    }
    date.mday = (int)rest + 1;
    return date;
}

/* crontab(5): both fields must match where one starts with `*`, else either. */
static bool day_matches(const struct cron *cron, const struct date *date)
{
    int64_t weekday = (date->day % 7 + 11) % 7; /* day 0 was a Thursday */
    bool mday = cron->days >> date->mday & 1, wday = cron->weekdays >> weekday & 1;
    return cron->any_day || cron->any_weekday ? mday && wday : mday || wday;
}

static bool month_matches(const struct cron *cron, const struct date *date)
{
    return cron->months >> date->month & 1;
}

/* The first time of day from this minute on, or -1. */
static int time_from(const struct cron *cron, int minute)
{
    int hour = minute / 60;
    if (hour > 23)
        return -1;
    uint64_t left = cron->minutes >> minute % 60;
    if ((cron->hours >> hour & 1) && left != 0)
        return minute + __builtin_ctzll(left);
    uint32_t hours = (uint32_t)((uint64_t)cron->hours >> (hour + 1));
    if (hours == 0)
        return -1;
    return (hour + 1 + __builtin_ctz(hours)) * 60 + __builtin_ctzll(cron->minutes);
}

/* The last time of day up to this minute, or -1. */
static int time_to(const struct cron *cron, int minute)
{
    int hour = minute / 60;
    uint64_t left = cron->minutes & (((uint64_t)2 << minute % 60) - 1);
    if ((cron->hours >> hour & 1) && left != 0)
        return hour * 60 + 63 - __builtin_clzll(left);
    uint32_t hours = cron->hours & ((UINT32_C(1) << hour) - 1);
    if (hours == 0)
        return -1;
    return (31 - __builtin_clz(hours)) * 60 + 63 - __builtin_clzll(cron->minutes);
}

/* The first matching minute in [from, until). */
static bool local_next(const struct cron *cron, int64_t from, int64_t until, int64_t *found)
{
    struct date date = date_of(floor_div(from, DAY_MINUTES));
    int minute = (int)(from - date.day * DAY_MINUTES);
    while (date.day * DAY_MINUTES < until) {
        int64_t day = date.day + 1;
        if (!month_matches(cron, &date)) {
            day = date.day + date.length - date.mday + 1;
        } else if (day_matches(cron, &date)) {
            int time = time_from(cron, minute);
            *found = date.day * DAY_MINUTES + time;
            if (time >= 0)
                return *found < until;
        }
        date = date_of(day);
        minute = 0;
    }
    return false;
}

/* The last matching minute in [from, to]. */
static bool local_latest(const struct cron *cron, int64_t from, int64_t to, int64_t *found)
{
    struct date date = date_of(floor_div(to, DAY_MINUTES));
    int minute = (int)(to - date.day * DAY_MINUTES);
    while ((date.day + 1) * DAY_MINUTES > from) {
        int64_t day = date.day - 1;
        if (!month_matches(cron, &date)) {
            day = date.day - date.mday;
        } else if (day_matches(cron, &date)) {
            int time = time_to(cron, minute);
            *found = date.day * DAY_MINUTES + time;
            if (time >= 0)
                return *found >= from;
        }
        date = date_of(day);
        minute = DAY_MINUTES - 1;
    }
    return false;
}

/* --- slots ------------------------------------------------------------------------------------ */

static bool follows_change(const struct cron *cron, int32_t length)
{
    return !cron->wildcard && length > 0 && length <= CRON_DUE_CHANGE_MAX;
}

/* The slot of the times that were skipped when the span began. */
static bool skipped_slot(const struct cron *cron, const struct zone_span *span, int64_t *slot)
{
    int64_t minute, end = span->changed + span->offset;
    if (!follows_change(cron, span->offset - span->before) ||
        !local_next(cron, ceil_div(span->changed + span->before, 60), ceil_div(end, 60), &minute))
        return false;
    *slot = ceil_div(end, 60) * 60 - span->offset;
    return true;
}

/* The first minute of the span (local), from the instant on, that is not a repetition to leave out.
 */
static int64_t first_minute(const struct cron *cron, const struct zone_span *span, int64_t at)
{
    int64_t local = at + span->offset;
    if (follows_change(cron, span->before - span->offset) && local < span->changed + span->before)
        local = span->changed + span->before;
    return ceil_div(local, 60);
}

bool cron_due_next(const struct cron *cron, struct zone *zone, int64_t after, int64_t *slot)
{
    const int64_t give_up = after + CRON_DUE_YEARS * YEAR;
    if (cron->reboot)
        return false;
    for (int64_t at = after + 1; at <= give_up;) {
        struct zone_span span = zone_at(zone, at);
        int64_t minute;
        if (skipped_slot(cron, &span, slot) && *slot >= at)
            return true;
        if (!local_next(cron, first_minute(cron, &span, at), (give_up + span.offset) / 60, &minute))
            return false;
        *slot = minute * 60 - span.offset;
        if (*slot < span.until)
            return true;
        /* No local time from `at` to the one found matches. So nothing is missed by going near it
         * at once, once no change can lead back to before `at`. */
        bool far = span.until - at > CHANGE_MAX && *slot - CHANGE_MAX > span.until;
        at = far ? *slot - CHANGE_MAX : span.until;
    }
    return false;
}

bool cron_due_latest(const struct cron *cron, struct zone *zone, int64_t at, int64_t not_before,
                     int64_t *slot)
{
    if (cron->reboot)
        return false;
    while (at >= not_before) {
        struct zone_span span = zone_at(zone, at);
        int64_t minute, from = span.from > not_before ? span.from : not_before;
        if (local_latest(cron, first_minute(cron, &span, from), floor_div(at + span.offset, 60),
                         &minute)) {
            *slot = minute * 60 - span.offset;
            return true;
        }
        if (skipped_slot(cron, &span, slot) && *slot >= from && *slot <= at)
            return true;
        at = span.from - 1;
    }
    return false;
}
