/* Addresses of names. What one that says nothing does to a state: e2e.postgres_faults. */
#include "lookup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct heard {
    bool done, near, other, why;
};

static void hear(void *arg, const struct lookup_found *found)
{
    struct heard *heard = arg;
    heard->done = true;
    heard->why = found->why != NULL;
    for (size_t i = 0; i < found->count; i++) {
        bool near = strcmp(found->addresses[i].text, "127.0.0.1") == 0 ||
                    strcmp(found->addresses[i].text, "::1") == 0;
        heard->near = heard->near || (near && found->addresses[i].name == 1);
        heard->other = heard->other || found->addresses[i].name != 1;
    }
}

static void a_name_has_addresses(void **state)
{
    (void)state;
    char none[400] = {0}; /* longer than a name can be: nobody is asked */
    memset(none, 'a', sizeof none - 1);
    const char *const names[] = {NULL, "localhost", none};
    struct loop *loop = loop_new();
    struct heard heard = {0};
    struct err err;
    assert_non_null(lookup_start(loop, names, 3, hear, &heard, &err));
    assert_true(loop_run_until(loop, &heard.done));
    assert_true(heard.near);
    assert_false(heard.other);
    assert_true(heard.why);
    loop_free(loop);
}

static void one_that_is_cancelled_says_nothing(void **state)
{
    (void)state;
    const char *const names[] = {"localhost"};
    struct loop *loop = loop_new();
    struct heard heard = {0};
    struct err err;
    for (int i = 0; i < 20; i++)
        lookup_cancel(lookup_start(loop, names, 1, hear, &heard, &err));
    lookup_cancel(NULL);
    assert_false(loop_turn(loop, 0));
    assert_false(heard.done);
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_has_addresses),
        cmocka_unit_test(one_that_is_cancelled_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
