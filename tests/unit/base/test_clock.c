#include "clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <cmocka.h>

#define NOVEMBER_1994 INT64_C(784111777000)

static void check_format(const char *zone, int64_t ms, const char *expected)
{
    char text[CLOCK_RFC3339_SIZE];
    setenv("TZ", zone, 1);
    tzset();
    clock_format_rfc3339(ms, text, sizeof text);
    assert_string_equal(text, expected);
}

static void test_rfc3339(void **state)
{
    (void)state;
    /* POSIX zones, which need no zone files: their sign is the opposite of the offset's. */
    check_format("UTC0", 0, "1970-01-01T00:00:00.000+00:00");
    check_format("UTC0", NOVEMBER_1994 + 5, "1994-11-06T08:49:37.005+00:00");
    check_format("IST-5:30", NOVEMBER_1994, "1994-11-06T14:19:37.000+05:30");
    check_format("EST5", NOVEMBER_1994, "1994-11-06T03:49:37.000-05:00");
    check_format("CET-1CEST,M3.5.0,M10.5.0/3", INT64_C(1785571200000),
                 "2026-08-01T10:00:00.000+02:00");
    check_format("UTC0", INT64_C(253402300800000), "10000-01-01T00:00:00.000+00:00");
    check_format("UTC0", -1, "1969-12-31T23:59:59.999+00:00");
}

static void test_http_date(void **state)
{
    (void)state;
    assert_int_equal(clock_parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), NOVEMBER_1994);
    assert_int_equal(clock_parse_http_date("Thu, 01 Jan 1970 00:00:00 GMT"), 0);
    assert_int_equal(clock_parse_http_date("Thu, 29 Feb 2024 12:00:00 GMT"),
                     INT64_C(1709208000000));
    assert_int_equal(clock_parse_http_date("Sat, 31 Dec 2016 23:59:60 GMT"), /* a leap second */
                     INT64_C(1483228800000));
    /* As some servers write it. */
    assert_int_equal(clock_parse_http_date("Sun, 06 Nov 1994 08:49:37 UTC"), NOVEMBER_1994);
    assert_int_equal(clock_parse_http_date("Sun, 06 Nov 1994 08:49:37 +0000"), NOVEMBER_1994);
    assert_int_equal(clock_parse_http_date("sun, 06 nov 1994 08:49:37 gmt"), NOVEMBER_1994);
    assert_int_equal(clock_parse_http_date("sunday, 06-nov-94 08:49:37 utc"), NOVEMBER_1994);
    /* The older forms of RFC 9110: of RFC 850, and of asctime. */
    assert_int_equal(clock_parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT"), NOVEMBER_1994);
    assert_int_equal(clock_parse_http_date("Wednesday, 06-Nov-24 08:49:37 GMT"),
                     INT64_C(1730882977000));
    assert_int_equal(clock_parse_http_date("Sun Nov  6 08:49:37 1994"), NOVEMBER_1994);
    assert_int_equal(clock_parse_http_date("Wed Nov 16 08:49:37 1994"),
                     NOVEMBER_1994 + INT64_C(864000000));
}

static void test_what_is_no_http_date(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "now",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 06 Nov 1994 08:49:37 +0100",
        "Sun, 06 Nov 1994 08:49:37 GMT+1",
        "Sun, 06 ovD 1994 08:49:37 GMT",
        "Sun, 32 Nov 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 1094 08:49:37 GMT",
        "Fri, 30 Feb 2024 12:00:00 GMT",
        "1994-11-06T08:49:37Z",
        "Sunday, 06-Nov-94 08:49:37",
        "Sunday, 06-Nov-1994 08:49:37 GMT",
        "Sunday, 31-Apr-94 08:49:37 GMT",
        "Sunday, 06-Nov--4 08:49:37 GMT",
        "Sun Nov  6 08:49:37 94",
        "Sun Nov 31 08:49:37 1994",
        "Sun Nov  6 08:49:37 1994 GMT",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (clock_parse_http_date(texts[i]) != -1)
            fail_msg("'%s' was taken for a date", texts[i]);
    }
}

static void test_clocks_run(void **state)
{
    (void)state;
    int64_t mono = clock_mono_ms(), boot = clock_boot_ms(), wall = clock_wall_ms();
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    assert_in_range(clock_mono_ms() - mono, 19, 10000);
    assert_in_range(clock_boot_ms() - boot, 19, 10000);
    assert_true(boot >= mono); /* the time asleep comes on top */
    assert_true(wall > INT64_C(1700000000000));
}

static void test_boot_id(void **state)
{
    (void)state;
    char first[CLOCK_BOOT_ID_SIZE], second[CLOCK_BOOT_ID_SIZE];
    clock_boot_id(first);
    assert_int_equal(strlen(first), 36);
    struct rlimit old, none;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    clock_boot_id(second); /* opens no file again */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_string_equal(first, second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc3339),
        cmocka_unit_test(test_http_date),
        cmocka_unit_test(test_what_is_no_http_date),
        cmocka_unit_test(test_clocks_run),
        cmocka_unit_test(test_boot_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
