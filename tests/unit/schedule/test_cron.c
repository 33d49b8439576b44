/* crontab(5) schedules: what the fields mean, and what is said about wrong ones. */
#include "cron.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define EVERY_ELSE                                                                                 \
    "'@every' is an interval, and a schedule has times, such as \"*/5 * * * *\" for every 5 "      \
    "minutes"

static struct cron parsed(const char *text)
{
    struct cron cron;
    struct err err;
    err_clear(&err);
    if (cron_parse(text, &cron, &err) != 0)
        fail_msg("%s: %s", text, err.msg);
    return cron;
}

static void test_fields(void **state)
{
    (void)state;
    struct cron cron = parsed("5 0-2 1,15 jan,MAR mon-Fri");
    assert_true(cron.minutes == (uint64_t)1 << 5);
    assert_int_equal(cron.hours, 7);
    assert_int_equal(cron.days, 1 << 1 | 1 << 15);
    assert_int_equal(cron.months, 1 << 1 | 1 << 3);
    assert_int_equal(cron.weekdays, 0x3E);
    assert_false(cron.any_day || cron.any_weekday || cron.wildcard || cron.reboot);
}

static void test_stars_and_steps(void **state)
{
    (void)state;
    struct cron cron = parsed(" */20  *\t* * * ");
    assert_true(cron.minutes == ((uint64_t)1 | (uint64_t)1 << 20 | (uint64_t)1 << 40));
    assert_int_equal(cron.hours, 0xFFFFFF);
    assert_true(cron.days == 0xFFFFFFFE);
    assert_int_equal(cron.months, 0x1FFE);
    assert_int_equal(cron.weekdays, 0x7F);
    assert_true(cron.any_day && cron.any_weekday && cron.wildcard);
    assert_int_equal(parsed("0 10-20/5 * * *").hours, 1 << 10 | 1 << 15 | 1 << 20);
    assert_int_equal(parsed("0 1-5/2,22 * * *").hours, 1 << 1 | 1 << 3 | 1 << 5 | 1 << 22);
    assert_false(parsed("0 0 * * 1").wildcard);
    assert_true(parsed("0 * * * *").wildcard);
    assert_true(parsed("0 0 */2 * 1").any_day); /* starts with `*`, as cron counts it */
    assert_false(parsed("0 0 1-31 * *").any_day);
}

static void test_sunday(void **state)
{
    (void)state;
    assert_int_equal(parsed("0 0 * * 0").weekdays, 1);
    assert_int_equal(parsed("0 0 * * 7").weekdays, 1);
    assert_int_equal(parsed("0 0 * * sun").weekdays, 1);
    assert_int_equal(parsed("0 0 * * 5-7").weekdays, 1 << 5 | 1 << 6 | 1);
    assert_int_equal(parsed("0 0 * * fri-sun").weekdays, 1 << 5 | 1 << 6 | 1);
    assert_int_equal(parsed("0 0 * * sun-tue").weekdays, 7);
    assert_int_equal(parsed("0 0 * * sun-sun").weekdays, 1);
    assert_int_equal(parsed("0 0 * * */2").weekdays, 1 | 1 << 2 | 1 << 4 | 1 << 6);
    assert_int_equal(parsed("0 0 * * */3").weekdays, 1 | 1 << 3 | 1 << 6);
}

static void same(const char *left, const char *right)
{
    struct cron a = parsed(left), b = parsed(right);
    assert_true(a.minutes == b.minutes && a.hours == b.hours && a.days == b.days &&
                a.months == b.months && a.weekdays == b.weekdays && a.any_day == b.any_day &&
                a.any_weekday == b.any_weekday && a.wildcard == b.wildcard);
}

static void test_nicknames(void **state)
{
    (void)state;
    same("@hourly", "0 * * * *");
    same("@daily", "0 0 * * *");
    same("@midnight", "0 0 * * *");
    same(" @Weekly ", "0 0 * * 0");
    same("@monthly", "0 0 1 * *");
    same("@yearly", "0 0 1 1 *");
    same("@annually", "0 0 1 1 *");
    assert_true(parsed("@reboot").reboot);
    assert_true(parsed("@reboot").minutes == 0);
}

static void test_possible_dates(void **state)
{
    (void)state;
    parsed("0 0 29 2 *");
    parsed("0 0 30 2,4 *");
    parsed("0 0 30 2 1"); /* or on Mondays */
}

static void test_mistakes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *message;
    } cases[] = {
        {"", "found 0 of 5 fields; expected minute, hour, day of month, month and day of week"},
        {"0 8 * *",
         "found 4 of 5 fields; expected minute, hour, day of month, month and day of week"},
        {"0 8 * * 1 root", "character 11: more than 5 fields"},
        {"60 * * * *", "character 1 (minute): expected 0-59, found '60'"},
        {"0 24 * * *", "character 3 (hour): expected 0-23, found '24'"},
        {"0 0 0 * *", "character 5 (day of month): expected 1-31, found '0'"},
        {"0 0 32 * *", "character 5 (day of month): expected 1-31, found '32'"},
        {"0 0 * 13 *", "character 7 (month): expected 1-12 or jan-dec, found '13'"},
        {"0 0 * * 8", "character 9 (day of week): expected 0-7 or sun-sat, found '8'"},
        {"-1 * * * *", "character 1 (minute): expected 0-59"},
        {"1- * * * *", "character 3 (minute): expected 0-59"},
        {"1,,2 * * * *", "character 3 (minute): expected 0-59"},
        {"1,2, * * * *", "character 5 (minute): expected 0-59"},
        {"*/0 * * * *", "character 3 (minute): a step cannot be 0"},
        {"*/ * * * *", "character 3 (minute): expected the step, a number from 1"},
        {"*/x * * * *", "character 3 (minute): expected the step, a number from 1"},
        {"5/10 * * * *", "character 2 (minute): a step needs '*' or a range before it"},
        {"0 22-2 * * *", "character 3 (hour): the range ends before it starts; write it as two"},
        {"0 0 ? * *", "character 5 (day of month): expected 1-31, found '?'"},
        {"0 0 L * *", "character 5 (day of month): expected 1-31, found 'L'"},
        {"0 0 * * 1#2", "character 9 (day of week): expected 0-7 or sun-sat, found '1#2'"},
        {"0x1 * * * *", "character 1 (minute): expected 0-59, found '0x1'"},
        {"000 * * * *", "character 1 (minute): expected 0-59, found '000'"},
        {"*5 * * * *", "character 2 (minute): expected ',', '-', '/' or a blank, found '5'"},
        {"99999999999999999999 * * * *",
         "character 1 (minute): expected 0-59, found '99999999999999999999'"},
        {"0 0 30 2 *", "none of these months has such a day; this would never run"},
        {"0 0 31 4,6,9,11 *", "none of these months has such a day; this would never run"},
        {"@dayly", "unknown nickname '@dayly'; did you mean '@daily'?"},
        {"@", "unknown nickname '@'; expected @hourly, @daily, @midnight, @weekly, @monthly, "
              "@yearly, @annually or @reboot"},
        {"@every 5m", "'@every' is an interval, and a schedule has times; every 5 minutes is "
                      "\"*/5 * * * *\""},
        {"@Every 6h ", "'@every' is an interval, and a schedule has times; every 6 hours is "
                       "\"0 */6 * * *\""},
        {"@every 1h",
         "'@every' is an interval, and a schedule has times; every hour is \"@hourly\""},
        {"@every 1440m",
         "'@every' is an interval, and a schedule has times; every day is \"@daily\""},
        {"@every 7m", EVERY_ELSE},
        {"@every 1h30m", EVERY_ELSE},
        {"@every -5m", EVERY_ELSE},
        {"@every 0m", EVERY_ELSE},
        {"@every", EVERY_ELSE},
        {"@daily x", "nothing can follow '@daily'"},
        {"0 0 * jnu *", "character 7 (month): expected 1-12 or jan-dec, found 'jnu'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct cron cron;
        struct err err;
        err_clear(&err);
        if (cron_parse(cases[i].text, &cron, &err) == 0)
            fail_msg("'%s' was taken", cases[i].text);
        assert_int_equal(err.kind, ERR_INVALID);
        if (strncmp(err.msg, cases[i].message, strlen(cases[i].message)) != 0)
            fail_msg("'%s': %s", cases[i].text, err.msg);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),         cmocka_unit_test(test_stars_and_steps),
        cmocka_unit_test(test_sunday),         cmocka_unit_test(test_nicknames),
        cmocka_unit_test(test_possible_dates), cmocka_unit_test(test_mistakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
