/* Calls a minute. */
#include "pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_window_holds_no_more_than_the_limit(void **state)
{
    (void)state;
    struct pace pace;
    pace_create(&pace, 3);
    int64_t now = 1000000;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pace_delay_ms(&pace, now + i * 100), 0);
        pace_take(&pace, now + i * 100);
    }
    assert_int_equal(pace_delay_ms(&pace, now + 300), 59700);
    assert_int_equal(pace_delay_ms(&pace, now + 59999), 1);
    assert_int_equal(pace_delay_ms(&pace, now + 60000), 0);
    pace_take(&pace, now + 60000);
    assert_int_equal(pace_delay_ms(&pace, now + 60000), 100);
    pace_destroy(&pace);
}

static void no_limit_never_waits(void **state)
{
    (void)state;
    struct pace pace;
    pace_create(&pace, 0);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(pace_delay_ms(&pace, 5), 0);
        pace_take(&pace, 5);
    }
    pace_destroy(&pace);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_window_holds_no_more_than_the_limit),
        cmocka_unit_test(no_limit_never_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
