/* What is kept of a connector's tokens, and what follows from it. */
#include "clock.h"
#include "kaizala.h"
#include "kaizala_connector.h"
#include "mem.h"
#include "own_clock.h"
#include "token.h"
#include "token_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct store_token fresh_row(int64_t lifetime_ms, int64_t age_ms)
{
    struct store_token row = {
        .generation = 7,
        .access_token = mem_strdup("access-token"),
        .endpoint_url = mem_strdup("https://api.example.org"),
        .lifetime_ms = lifetime_ms,
        .received_wall_ms = clock_wall_ms() - age_ms,
        .received_boot_ms = clock_boot_ms() - age_ms,
    };
    clock_boot_id(row.received_boot_id);
    return row;
}

static void fresh_until_the_margin(void **state)
{
    (void)state;
    static const struct {
        int64_t lifetime_s, age_s;
        bool usable;
    } cases[] = {
        {86400, 0, true},      {86400, 86400 - 310, true}, {86400, 86400 - 290, false},
        {86400, 86400, false}, {86400, 90000, false},      {100, 80, true},
        {100, 92, false}, /* ten per cent of a short life */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct store_token row = fresh_row(cases[i].lifetime_s * 1000, cases[i].age_s * 1000);
        assert_int_equal(token_cache_usable(&row, 0, 0, &clock_system), cases[i].usable);
        store_token_destroy(&row);
    }
}

static void a_token_ages_by_the_clock_it_is_given(void **state)
{
    (void)state;
    int64_t now_ms = 0;
    const struct clock clock = {own_now_ms, &now_ms};
    struct store_token row = fresh_row(86400000, 0);
    row.received_wall_ms = row.received_boot_ms = 0;
    assert_int_equal(token_cache_remaining_ms(&row, &clock), 86400000);
    now_ms = 86400000 - TOKEN_FRESH_MS;
    assert_true(token_cache_usable(&row, 0, 0, &clock));
    now_ms++;
    assert_false(token_cache_usable(&row, 0, 0, &clock));
    now_ms = 86400000;
    assert_int_equal(token_cache_remaining_ms(&row, &clock), 0);
    store_token_destroy(&row);
}

static void worse_generations_will_not_do(void **state)
{
    (void)state;
    struct store_token row = fresh_row(86400000, 0);
    assert_true(token_cache_usable(&row, 6, 0, &clock_system));
    assert_false(token_cache_usable(&row, 7, 0, &clock_system));
    assert_false(token_cache_usable(&row, 8, 0, &clock_system));
    row.generation = token_cache_next(row.generation, true);
    assert_true(token_cache_usable(&row, 7, 0, &clock_system));
    int64_t before = row.generation;
    row.generation = token_cache_next(row.generation, false); /* the access token is as before */
    assert_true(row.generation > before);
    assert_false(token_cache_usable(&row, before, 0, &clock_system));
    row.generation = token_cache_next(row.generation, true);
    assert_true(token_cache_usable(&row, before + 1, 0, &clock_system));
    store_token_destroy(&row);
}

static void wall_clock_steps_change_nothing_within_a_boot(void **state)
{
    (void)state;
    struct store_token row = fresh_row(86400000, 1000);
    row.received_wall_ms -=
        400LL * 86400 * 1000; /* as if the clock had been stepped forward since */
    assert_true(token_cache_usable(&row, 0, 0, &clock_system));
    row.received_wall_ms = clock_wall_ms() + 86400000; /* or back */
    assert_true(token_cache_usable(&row, 0, 0, &clock_system));
    store_token_destroy(&row);
}

static void after_a_reboot_the_wall_clock_counts(void **state)
{
    (void)state;
    struct store_token row = fresh_row(86400000, 1000);
    strcpy(row.received_boot_id, "another boot");
    row.received_boot_ms = clock_boot_ms() + 1000000;
    assert_true(token_cache_usable(&row, 0, 0, &clock_system));
    row.received_wall_ms = clock_wall_ms() - 86400000;
    assert_false(token_cache_usable(&row, 0, 0, &clock_system));
    row.received_wall_ms = clock_wall_ms() + 5000; /* by a clock that differs a little */
    assert_int_equal(token_cache_age_ms(&row, &clock_system), 0);
    assert_true(token_cache_usable(&row, 0, 0, &clock_system));
    row.received_wall_ms = clock_wall_ms() + 15000; /* received in the future: tells nothing */
    assert_false(token_cache_usable(&row, 0, 0, &clock_system));
    store_token_destroy(&row);
}

static struct token_configured configured(const char *token, const char *fingerprint)
{
    struct token_configured now = {.refresh_token = (char *)(uintptr_t)token};
    if (token != NULL)
        strcpy(now.refresh_fingerprint, fingerprint);
    return now;
}

static size_t grants(const struct store_token *row, const char *token, const char *fingerprint,
                     const char *tokens[PROVIDER_GRANTS_MAX])
{
    const struct token_configured now = configured(token, fingerprint);
    return token_cache_grants(&kaizala_provider, row, &now, tokens);
}

static void candidates_in_order(void **state)
{
    (void)state;
    const char *tokens[PROVIDER_GRANTS_MAX];
    size_t count;
    struct store_token row = {0};

    count = grants(&row, "configured", "fp1", tokens);
    assert_int_equal(count, 1);
    assert_string_equal(tokens[0], "configured");

    row.refresh_token = mem_strdup("rotated");
    row.refresh_previous = mem_strdup("before");
    row.configured_fingerprint = mem_strdup("fp1");
    count = grants(&row, "configured", "fp1", tokens);
    assert_int_equal(count, 3);
    assert_string_equal(tokens[0], "rotated");
    assert_string_equal(tokens[1], "before");
    assert_string_equal(tokens[2], "configured");

    row.spares[0] = mem_strdup("late");
    count = grants(&row, "configured", "fp1", tokens);
    assert_int_equal(count, 4);
    assert_string_equal(tokens[2], "late");
    assert_string_equal(tokens[3], "configured");
    mem_free(row.spares[0]);
    row.spares[0] = NULL;

    count = grants(&row, "before", "fp1", tokens);
    assert_int_equal(count, 2); /* none twice */

    count = grants(&row, "changed by hand", "fp2", tokens);
    assert_int_equal(count, 1);
    assert_string_equal(tokens[0], "changed by hand");

    count = grants(&row, NULL, NULL, tokens); /* as after `login` */
    assert_int_equal(count, 2);
    store_token_destroy(&row);
}

static struct exchange_result result_with(const char *refresh_token)
{
    static char access[] = "new-access", endpoint[] = "https://e.example", scope[] = "a,b";
    struct exchange_result result = {
        .token = {
            .access_token = access, .endpoint_url = endpoint, .scope = scope, .lifetime_ms = 1000}};
    result.token.refresh_token = (char *)(uintptr_t)refresh_token;
    return result;
}

static void apply(struct store_token *row, const struct exchange_result *result, const char *used,
                  const char *token, const char *fingerprint, bool keep_access)
{
    const struct token_configured now = configured(token, fingerprint);
    token_cache_apply(row, result, used, &now, keep_access, &clock_system);
}

static void rotation_keeps_the_one_before_until_the_new_one_has_worked(void **state)
{
    (void)state;
    struct store_token row = {0};
    struct exchange_result first = result_with("second");
    apply(&row, &first, "first", "first", "fp", true);
    assert_string_equal(row.refresh_token, "second");
    assert_string_equal(row.refresh_previous, "first");
    assert_string_equal(row.configured_fingerprint, "fp");
    assert_string_equal(row.access_token, "new-access");
    assert_true(row.refresh_since_ms > 0);

    struct exchange_result plain = result_with(NULL);
    apply(&row, &plain, row.refresh_token, "first", "fp", true);
    assert_string_equal(row.refresh_token, "second");
    assert_null(row.refresh_previous);

    struct exchange_result third = result_with("third");
    apply(&row, &third, row.refresh_token, "first", "fp", true);
    assert_string_equal(row.refresh_token, "third");
    assert_string_equal(row.refresh_previous, "second");

    /* The third was refused and the second still worked. */
    apply(&row, &plain, row.refresh_previous, "first", "fp", true);
    assert_string_equal(row.refresh_token, "second");
    assert_null(row.refresh_previous);
    store_token_destroy(&row);
}

static void a_configured_token_is_not_copied_into_the_store(void **state)
{
    (void)state;
    struct store_token row = {.refresh_token = mem_strdup("old rotated")};
    struct exchange_result plain = result_with(NULL);
    apply(&row, &plain, "configured", "configured", "fp2", true);
    assert_null(row.refresh_token);
    assert_string_equal(row.configured_fingerprint, "fp2");
    store_token_destroy(&row);
}

static void without_access_only_the_rotation_is_kept(void **state)
{
    (void)state;
    struct store_token row = {.access_token = mem_strdup("stale")};
    struct exchange_result rotated = result_with("second");
    apply(&row, &rotated, "first", "first", "fp", false);
    assert_string_equal(row.refresh_token, "second");
    assert_null(row.access_token);
    assert_null(row.endpoint_url);
    store_token_destroy(&row);
}

static void owners_differ_by_all_that_counts(void **state)
{
    (void)state;
    struct kaizala_connector base = {
        .common = {.name = mem_strdup("contoso"), .file = "/etc/jeton/jeton.yaml"},
        .token_service = mem_strdup("https://kaizala.example.org/v1"),
        .application_id = {.kind = SECRET_PLAIN, .text = mem_strdup("2ab9b820")},
    };
    char owner[STORE_OWNER_SIZE], other[STORE_OWNER_SIZE];
    kaizala_provider.owner(&base.common, base.common.file, owner);
    kaizala_provider.owner(&base.common, base.common.file, other);
    assert_string_equal(owner, other);
    /* As 0.1.0 made it: stored rows are found by it. */
    assert_string_equal(owner, "7fd3a727b553fd8828a62165a5f9f43c"
                               "fd8100f63819d33eef2592413af8782d");

    kaizala_provider.owner(&base.common, "/home/x/jeton.yaml", other);
    assert_string_not_equal(owner, other);
    char **fields[] = {&base.common.name, &base.token_service, &base.application_id.text};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        char *kept = *fields[i];
        *fields[i] = mem_strdup("x");
        kaizala_provider.owner(&base.common, base.common.file, other);
        assert_string_not_equal(owner, other);
        mem_free(*fields[i]);
        *fields[i] = kept;
    }
    base.application_id.kind = SECRET_ENV;
    setenv("2ab9b820", "one", 1);
    kaizala_provider.owner(&base.common, base.common.file, owner);
    setenv("2ab9b820", "two", 1);
    kaizala_provider.owner(&base.common, base.common.file, other);
    assert_string_not_equal(owner, other);
    unsetenv("2ab9b820");
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        mem_free(*fields[i]);
}

static void fingerprints_tell_values_and_purposes_apart(void **state)
{
    (void)state;
    unsigned char salt[32] = {1}, other_salt[32] = {2};
    char a[TOKEN_FINGERPRINT_SIZE], b[TOKEN_FINGERPRINT_SIZE];
    token_cache_fingerprint(salt, "refresh_token", "value-1", a);
    token_cache_fingerprint(salt, "refresh_token", "value-1", b);
    assert_string_equal(a, b);
    token_cache_fingerprint(salt, "refresh_token", "value-2", b);
    assert_string_not_equal(a, b);
    token_cache_fingerprint(salt, "application_id", "value-1", b);
    assert_string_not_equal(a, b);
    token_cache_fingerprint(other_salt, "refresh_token", "value-1", b);
    assert_string_not_equal(a, b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fresh_until_the_margin),
        cmocka_unit_test(worse_generations_will_not_do),
        cmocka_unit_test(a_token_ages_by_the_clock_it_is_given),
        cmocka_unit_test(wall_clock_steps_change_nothing_within_a_boot),
        cmocka_unit_test(after_a_reboot_the_wall_clock_counts),
        cmocka_unit_test(candidates_in_order),
        cmocka_unit_test(rotation_keeps_the_one_before_until_the_new_one_has_worked),
        cmocka_unit_test(a_configured_token_is_not_copied_into_the_store),
        cmocka_unit_test(without_access_only_the_rotation_is_kept),
        cmocka_unit_test(owners_differ_by_all_that_counts),
        cmocka_unit_test(fingerprints_tell_values_and_purposes_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
