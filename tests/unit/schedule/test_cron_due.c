/* When a schedule is due: the calendar, and over daylight saving. A random walk against other
 * programs' answers is in e2e/cron/test_cron_oracle.py. */
#include "cron_due.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define SLOTS_MAX 8

/* "2026-03-29 01:00" (UTC) */
static int64_t instant(const char *text)
{
    struct tm tm = {0};
    assert_non_null(strptime(text, "%Y-%m-%d %H:%M", &tm));
    return timegm(&tm);
}

struct slots_case {
    const char *zone;
    const char *schedule;
    const char *after;            /* UTC, as all here */
    const char *slots[SLOTS_MAX]; /* that follow; NULL-terminated */
};

static void check(const struct slots_case *c)
{
    struct cron cron;
    struct err err;
    err_clear(&err);
    assert_int_equal(cron_parse(c->schedule, &cron, &err), 0);
    struct zone *zone = zone_new(c->zone, &err);
    assert_non_null(zone);
    int64_t at = instant(c->after), latest;
    for (size_t i = 0; c->slots[i] != NULL; i++) {
        int64_t slot, expected = instant(c->slots[i]);
        if (!cron_due_next(&cron, zone, at, &slot) || slot != expected)
            fail_msg("%s %s: expected %s, got %lld", c->zone, c->schedule, c->slots[i],
                     (long long)slot);
        /* And backward: there is none in between, and it is its own latest. */
        if (cron_due_latest(&cron, zone, slot - 1, at + 1, &latest))
            fail_msg("%s %s: %lld before %s", c->zone, c->schedule, (long long)latest, c->slots[i]);
        assert_true(cron_due_latest(&cron, zone, slot, slot, &latest) && latest == slot);
        assert_true(cron_due_latest(&cron, zone, slot + 59, at, &latest) && latest == slot);
        at = slot;
    }
    zone_free(zone);
}

#define CHECK_ALL(cases)                                                                           \
    for (size_t i = 0; i < sizeof(cases) / sizeof *(cases); i++)                                   \
    check(&(cases)[i])

static void test_calendar(void **state)
{
    (void)state;
    static const struct slots_case cases[] = {
        {"UTC", "* * * * *", "2026-12-31 23:58", {"2026-12-31 23:59", "2027-01-01 00:00"}},
        {"UTC",
         "5,35 8-9 * * *",
         "2026-01-01 08:05",
         {"2026-01-01 08:35", "2026-01-01 09:05", "2026-01-01 09:35", "2026-01-02 08:05"}},
        {"UTC", "0 0 31 * *", "2026-01-31 00:00", {"2026-03-31 00:00", "2026-05-31 00:00"}},
        {"UTC", "0 12 29 2 *", "2026-01-01 00:00", {"2028-02-29 12:00", "2032-02-29 12:00"}},
        {"UTC", "0 0 29 2 *", "2096-02-29 00:00", {"2104-02-29 00:00"}}, /* 2100 has none */
        /* Day of month or day of week; and, where one starts with `*`. */
        {"UTC",
         "0 0 13 * 5",
         "2026-11-10 00:00",
         {"2026-11-13 00:00", "2026-11-20 00:00", "2026-11-27 00:00", "2026-12-04 00:00",
          "2026-12-11 00:00", "2026-12-13 00:00"}},
        {"UTC",
         "0 0 */2 * 1",
         "2026-11-01 00:00",
         {"2026-11-09 00:00", "2026-11-23 00:00", "2026-12-07 00:00"}},
        {"UTC", "0 0 29 2 */7", "2032-02-29 00:00", {"2060-02-29 00:00", "2088-02-29 00:00"}},
        {"UTC", "0 0 29 2 */7", "2088-02-29 00:00", {"2128-02-29 00:00"}}, /* forty years */
        {"UTC", "59 23 * * sun", "1969-12-27 00:00", {"1969-12-28 23:59", "1970-01-04 23:59"}},
        {"Asia/Kathmandu",
         "0 8 * * *",
         "2026-01-01 02:14",
         {"2026-01-01 02:15", "2026-01-02 02:15"}},
    };
    CHECK_ALL(cases);
}

static void test_skipped_time(void **state)
{
    (void)state;
    static const struct slots_case cases[] = {
        /* 02:00 → 03:00 at 01:00 UTC. */
        {"Europe/Paris",
         "30 2 * * *",
         "2026-03-28 01:00",
         {"2026-03-28 01:30", "2026-03-29 01:00", "2026-03-30 00:30"}},
        {"Europe/Paris",
         "0,30 2 * * *",
         "2026-03-28 01:30", /* once */
         {"2026-03-29 01:00", "2026-03-30 00:00"}},
        {"Europe/Paris",
         "0 2,3 * * *",
         "2026-03-28 12:00",
         {"2026-03-29 01:00", "2026-03-30 00:00", "2026-03-30 01:00"}},
        {"Europe/Paris", "30 2 * * 1-5", "2026-03-28 12:00", {"2026-03-30 00:30"}}, /* a Sunday */
        /* Wildcard jobs follow real time. */
        {"Europe/Paris",
         "*/30 2 * * *",
         "2026-03-28 01:30",
         {"2026-03-30 00:00", "2026-03-30 00:30", "2026-03-31 00:00"}},
        {"Europe/Paris", "30 */2 * * *", "2026-03-28 23:30", {"2026-03-29 02:30"}},
        /* Half an hour, 02:00 → 02:30 at 15:30 UTC. */
        {"Australia/Lord_Howe",
         "15 2 * * *",
         "2026-10-02 20:00",
         {"2026-10-03 15:30", "2026-10-04 15:15"}},
        {"Australia/Lord_Howe",
         "30 2 * * *",
         "2026-10-02 20:00",
         {"2026-10-03 15:30", "2026-10-04 15:30"}},
        /* At midnight, 00:00 → 01:00 at 22:00 UTC. */
        {"Africa/Cairo", "0 0 * * *", "2026-04-22 22:00", {"2026-04-23 22:00", "2026-04-24 21:00"}},
        /* A whole day: a correction, the new time is used at once. */
        {"Pacific/Apia",
         "0 12 * * *",
         "2011-12-29 21:00",
         {"2011-12-29 22:00", "2011-12-30 22:00"}},
        {"Pacific/Apia", "0 12 30 12 *", "2011-01-01 00:00", {"2012-12-29 22:00"}},
    };
    CHECK_ALL(cases);
}

static void test_repeated_time(void **state)
{
    (void)state;
    static const struct slots_case cases[] = {
        /* 03:00 → 02:00 at 01:00 UTC. */
        {"Europe/Paris",
         "30 2 * * *",
         "2026-10-24 01:00",
         {"2026-10-25 00:30", "2026-10-26 01:30"}},
        {"Europe/Paris",
         "0 2,3 * * *",
         "2026-10-24 12:00",
         {"2026-10-25 00:00", "2026-10-25 02:00", "2026-10-26 01:00"}},
        {"Europe/Paris",
         "*/30 2 * * *",
         "2026-10-24 12:00",
         {"2026-10-25 00:00", "2026-10-25 00:30", "2026-10-25 01:00", "2026-10-25 01:30",
          "2026-10-26 01:00"}},
        {"Europe/Paris",
         "30 * * * *",
         "2026-10-24 23:30",
         {"2026-10-25 00:30", "2026-10-25 01:30", "2026-10-25 02:30"}},
        {"Australia/Lord_Howe",
         "45 1 * * *",
         "2026-04-04 12:00",
         {"2026-04-04 14:45", "2026-04-05 15:15"}},
        /* Asked for within the repetition. */
        {"Europe/Paris", "30 2 * * *", "2026-10-25 01:10", {"2026-10-26 01:30"}},
        /* 23 hours back, at 13:00 UTC: a correction, the new time counts. */
        {"Pacific/Kwajalein",
         "0 12 * * *",
         "1969-09-29 12:00",
         {"1969-09-30 01:00", "1969-10-01 00:00", "1969-10-02 00:00"}},
    };
    CHECK_ALL(cases);
}

static void test_none(void **state)
{
    (void)state;
    struct cron cron;
    struct err err;
    err_clear(&err);
    int64_t slot;
    struct zone *utc = zone_new("UTC", &err);
    assert_int_equal(cron_parse("@reboot", &cron, &err), 0);
    assert_false(cron_due_next(&cron, utc, 0, &slot));
    assert_false(cron_due_latest(&cron, utc, 86400, 0, &slot));

    assert_int_equal(cron_parse("0 12 29 2 *", &cron, &err), 0);
    int64_t now = instant("2027-12-31 00:00");
    assert_false(cron_due_latest(&cron, utc, now, instant("2024-02-29 12:01"), &slot));
    assert_true(cron_due_latest(&cron, utc, now, 0, &slot));
    assert_true(slot == instant("2024-02-29 12:00"));
    assert_false(cron_due_latest(&cron, utc, now, now + 1, &slot));

    /* What cannot be ends, too: no parser lets it through. */
    struct cron never = {.minutes = 1,
                         .hours = 1,
                         .days = 1u << 30,
                         .months = 1u << 2,
                         .any_weekday = true,
                         .weekdays = 0x7F};
    assert_false(cron_due_next(&never, utc, now, &slot));
    assert_false(cron_due_latest(&never, utc, now, 0, &slot));
    zone_free(utc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calendar),
        cmocka_unit_test(test_skipped_time),
        cmocka_unit_test(test_repeated_time),
        cmocka_unit_test(test_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
