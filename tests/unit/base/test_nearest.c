#include "nearest.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_nearest(void **state)
{
    (void)state;
    static const char *const keys[] = {"refresh_token", "token_service", "timeout", "retries",
                                       "id"};
    size_t count = sizeof keys / sizeof *keys;
    assert_string_equal(nearest_name("refesh_token", keys, count), "refresh_token");
    assert_string_equal(nearest_name("refreshToken", keys, count), "refresh_token");
    assert_string_equal(nearest_name("tokenservices", keys, count), "token_service");
    assert_string_equal(nearest_name("retires", keys, count), "retries"); /* a swap is one edit */
    assert_string_equal(nearest_name("timeout", keys, count), "timeout");
    assert_string_equal(nearest_name("idd", keys, count), "id");
    assert_string_equal(nearest_name("service", keys, count), "token_service");
    assert_string_equal(nearest_name("refresh", keys, count), "refresh_token");
    assert_null(nearest_name("tok", keys, count)); /* no word */
    assert_null(nearest_name("ab", keys, count));  /* nothing of it would remain */
    assert_null(nearest_name("colour", keys, count));
    static const char *const words[] = {"path", "cors", "json", "run"};
    count = sizeof words / sizeof *words;
    assert_null(nearest_name("data", words, count)); /* in so few letters, two are another word */
    assert_null(nearest_name("port", words, count));
    assert_string_equal(nearest_name("jsn", words, count), "json");
    assert_string_equal(nearest_name("ptah", words, count), "path");
    assert_string_equal(nearest_name("runn", words, count), "run");
    count = sizeof keys / sizeof *keys;
    assert_null(nearest_name("", keys, count));
    assert_null(nearest_name("timeout", keys, 0));
    char longer[200];
    memset(longer, 'a', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    assert_null(nearest_name(longer, keys, count));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
