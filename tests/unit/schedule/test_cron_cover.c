/* What a crontab of another zone says for a schedule. That it misses nothing is shown by
 * e2e/cron/test_cron_cover.py; this is about what people read. */
#include "cron_cover.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define START INT64_C(1798761600) /* 2027-01-01 */

struct cover_case {
    const char *zone;
    const char *schedule;
    const char *where;
    const char *lines; /* each with a ';' after it */
};

static void test_lines(void **state)
{
    (void)state;
    static const struct cover_case cases[] = {
        /* The schedule itself; and, where a change skips it, the time right after that. */
        {"Europe/Paris", "0 8 * * mon-fri", "Europe/Paris", "0 8 * * 1-5;"},
        {"Europe/Paris", "30 2 * * *", "Europe/Paris", "30 2 * * *;0 3 * 3 *;"},
        {"Europe/Paris", "30 2 * * 1-5", "Europe/Paris", "30 2 * * 1-5;"}, /* changes on Sundays */
        {"Europe/Paris", "*/15 2 * * *", "Europe/Paris", "*/15 2 * * *;"},
        {"Europe/Paris", "0-59 0-23 * * *", "Europe/Paris", "0-59 0-23 * * *;0 3 * 3 *;"},
        {"UTC", "7-59/13 */60,5 1-31 1-12 0-6", "UTC", "7-59/13 */24,5 1-31 * 0-6;"},
        {"UTC", "0 0 */2 * 5-7", "UTC", "0 0 */2 * 0,5,6;"},
        {"UTC", "0 0 1,15 * 0", "UTC", "0 0 1,15 * 0;"},
        /* In another zone: an hour for each time of year, and the days around them. */
        {"Asia/Kolkata", "0 8 * * 1-5", "Europe/Paris", "30 3,4 * * 1-5;"},
        {"Asia/Kolkata", "0 4 * * 1-5", "Europe/Paris", "30 23 * * 0-4;30 0 * * 1-5;"},
        {"Europe/Paris", "*/15 8-18 * * *", "UTC", "*/15 6-17 * * *;"},
        {"Asia/Tokyo", "0 1 1 3 *", "UTC", "0 16 28-31 2,3 *;"},
        {"Asia/Tokyo", "0 1 1 * 1", "UTC", "0 16 28-31 * 0;"},
        {"America/New_York", "0 23 31 12 *", "UTC", "0 3,4 1 1,12 *;"},
        {"Pacific/Kiritimati", "0 0 * * 0", "Etc/GMT+12", "0 22 * * 5;"},
        /* The second 02:30 of a day when clocks go back: with `*`, so that cron runs it. */
        {"UTC", "30 1 * * *", "Europe/Paris", "30 */24,2,3 * * *;"},
        {"UTC", "0 1 * * *", "Europe/Paris", "*/60 2,3 * * *;"},
        {"UTC", "@reboot", "UTC", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err;
        struct cron cron;
        struct cron_cover cover;
        struct buf text;
        err_clear(&err);
        buf_create(&text, BUF_LIMIT_LINE);
        assert_int_equal(cron_parse(cases[i].schedule, &cron, &err), 0);
        struct zone *zone = zone_new(cases[i].zone, &err);
        struct zone *where = zone_new(cases[i].where, &err);
        struct cron_cover_zones *zones = cron_cover_zones_new(zone, where, START);
        cron_cover_create(&cover, &cron, zones);
        cron_cover_zones_free(zones);
        for (size_t j = 0; j < cover.count; j++) {
            cron_cover_text(&cover.lines[j], &text);
            buf_puts(&text, ";");
        }
        assert_string_equal(text.data, cases[i].lines);
        cron_cover_destroy(&cover);
        zone_free(zone);
        zone_free(where);
        buf_destroy(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
