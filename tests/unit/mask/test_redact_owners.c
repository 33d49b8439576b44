/* Whose secret a text holds: what jeton.http asks before anything leaves. */
#include "redact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct seen {
    size_t secrets;
    char owners[256]; /* "a b|c|": those of each secret */
    size_t stop_after;
};

static bool see(void *arg, const char *const *owners)
{
    struct seen *seen = arg;
    for (size_t i = 0; owners[i] != NULL; i++) {
        if (i > 0)
            strcat(seen->owners, " ");
        strcat(seen->owners, owners[i]);
    }
    strcat(seen->owners, "|");
    return ++seen->secrets != seen->stop_after;
}

static struct seen find(const struct redact *redact, const char *text)
{
    struct seen seen = {0};
    redact_find(redact, text, strlen(text), see, &seen);
    return seen;
}

static void add(struct redact *redact, const char *secret, const char *owner)
{
    redact_add_owned(redact, secret, strlen(secret), owner);
}

static void owners_are_those_of_the_secrets_found(void **state)
{
    (void)state;
    struct redact *redact = redact_new();
    add(redact, "first/secret", "contoso");
    add(redact, "second-secret", "fabrikam");
    redact_add(redact, "nobody's one", 12);

    assert_string_equal(find(redact, "nothing here").owners, "");
    assert_string_equal(find(redact, "x=first/secret").owners, "contoso|");
    assert_string_equal(find(redact, "second-secret, first/secret, second-secret").owners,
                        "fabrikam|contoso|");
    assert_string_equal(find(redact, "nobody's one").owners, "|");
    redact_free(redact);
}

static void every_form_is_found(void **state)
{
    (void)state;
    struct redact *redact = redact_new();
    add(redact, "first/secret", "contoso");
    assert_string_equal(find(redact, "q=first%2Fsecret").owners, "contoso|");
    assert_string_equal(find(redact, "q=%66irst%2fsecret").owners, "contoso|");
    assert_string_equal(find(redact, "{\"a\": \"first\\/secret\"}").owners, "contoso|");
    assert_string_equal(find(redact, "Basic Zmlyc3Qvc2VjcmV0").owners, "contoso|");
    redact_free(redact);
}

static void a_secret_has_many_owners(void **state)
{
    (void)state;
    struct redact *redact = redact_new();
    redact_add(redact, "shared-secret", 13); /* known before anybody claims it */
    add(redact, "shared-secret", "contoso");
    add(redact, "shared-secret", "fabrikam");
    add(redact, "shared-secret", "contoso");
    assert_string_equal(find(redact, "shared-secret").owners, "contoso fabrikam|");
    redact_free(redact);
}

static void owners_stay_when_secrets_settle(void **state)
{
    (void)state;
    struct redact *redact = redact_new();
    for (int i = 0; i < 300; i++) {
        char secret[32], owner[32];
        snprintf(secret, sizeof secret, "secret-%d!", i);
        snprintf(owner, sizeof owner, "c%d", i);
        add(redact, secret, owner);
        if (i == 0 || i == 200)
            redact_settle(redact);
    }
    for (int i = 0; i < 300; i += 50) {
        char text[32], owner[32];
        snprintf(text, sizeof text, "x=secret-%d!", i);
        snprintf(owner, sizeof owner, "c%d|", i);
        assert_string_equal(find(redact, text).owners, owner);
    }
    redact_free(redact);
}

static void false_ends_the_search(void **state)
{
    (void)state;
    struct redact *redact = redact_new();
    add(redact, "first-secret", "contoso");
    add(redact, "second-secret", "fabrikam");
    struct seen seen = {.stop_after = 1};
    const char *text = "first-secret second-secret";
    redact_find(redact, text, strlen(text), see, &seen);
    assert_int_equal(seen.secrets, 1);
    redact_free(redact);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(owners_are_those_of_the_secrets_found),
        cmocka_unit_test(every_form_is_found),
        cmocka_unit_test(a_secret_has_many_owners),
        cmocka_unit_test(owners_stay_when_secrets_settle),
        cmocka_unit_test(false_ends_the_search),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
