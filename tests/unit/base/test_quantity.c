#include "quantity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_duration(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms; /* -1: refused */
    } cases[] = {
        {"0s", 0},
        {"250ms", 250},
        {"60s", 60000},
        {"5m", 300000},
        {"1h", 3600000},
        {"365d", INT64_C(31536000000)},
        {"", -1},
        {"5", -1},
        {"s", -1},
        {"-1s", -1},
        {"+1s", -1},
        {" 1s", -1},
        {"1 s", -1},
        {"1.5s", -1},
        {"1S", -1},
        {"1s1", -1},
        {"1w", -1},
        {"365000d", INT64_C(31536000000000)},
        {"365001d", -1},
        {"9223372036854775807ms", -1},
        {"106751991168d", -1},
        {"9223372036854775808ms", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {0};
        int64_t ms = -1;
        int result = quantity_duration(cases[i].text, &ms, &err);
        if (ms != cases[i].ms || result != (cases[i].ms < 0 ? -1 : 0))
            fail_msg("'%s' gave %lld", cases[i].text, (long long)ms);
        assert_int_equal(err.kind, result == 0 ? ERR_NONE : ERR_INVALID);
    }
}

static void test_size(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t bytes;
    } cases[] = {
        {"0", 0},
        {"100", 100},
        {"100B", 100},
        {"2KiB", 2048},
        {"1MiB", 1 << 20},
        {"2GiB", INT64_C(1) << 31},
        {"", -1},
        {"MiB", -1},
        {"1KB", -1},
        {"1mib", -1},
        {"-1", -1},
        {"1.5MiB", -1},
        {"9999999999999GiB", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {0};
        int64_t bytes = -1;
        quantity_size(cases[i].text, &bytes, &err);
        if (bytes != cases[i].bytes)
            fail_msg("'%s' gave %lld", cases[i].text, (long long)bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_duration),
        cmocka_unit_test(test_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
