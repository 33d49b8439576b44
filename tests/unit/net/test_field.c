#include "field.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define LONG 70 /* some chunks, and some bytes more */

/* Each byte, at each place of a value of each length. */
static void one_byte_decides_wherever_it_is(void **state)
{
    (void)state;
    char value[LONG];
    for (size_t len = 0; len <= LONG; len++) {
        memset(value, 'x', sizeof value);
        assert_true(field_is_value(value, len));
        for (size_t at = 0; at < len; at++) {
            for (int byte = 0; byte < 256; byte++) {
                value[at] = (char)byte;
                bool expected = byte == '\t' || (byte >= ' ' && byte != 0x7f);
                if (field_is_value(value, len) != expected)
                    fail_msg("byte %d at %zu of %zu", byte, at, len);
            }
            value[at] = 'x';
        }
    }
}

static void what_follows_does_not_count(void **state)
{
    (void)state;
    char value[LONG];
    memset(value, '\n', sizeof value);
    for (size_t len = 0; len < LONG; len++) {
        assert_true(field_is_value(value, len));
        value[len] = 'x';
    }
}

static void a_token_ends_where_it_must(void **state)
{
    (void)state;
    assert_int_equal(field_token_length("X-Sig: a", 8), 5);
    assert_int_equal(field_token_length("X-Sig: a", 3), 3);
    assert_true(field_is_token("!#$%&'*+-.^_`|~09azAZ"));
    assert_false(field_is_token(""));
    assert_false(field_is_token("a b"));
    assert_false(field_is_token("\xc3\xa9"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_byte_decides_wherever_it_is),
        cmocka_unit_test(what_follows_does_not_count),
        cmocka_unit_test(a_token_ends_where_it_must),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
