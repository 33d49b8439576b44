/* The keys of jeton.state: what is written together, and what must not have changed. */
#include "mem.h"
#include "store_fixture.h"

#include <stdio.h>

#define SCOPE  "job:report:/etc/jeton.yaml"
#define SHARED "shared:board:/etc/jeton.yaml"

static void keys_are_written_together_or_not_at_all(void **state)
{
    (void)state;
    struct err err;
    struct store *store = store_fixture_open();
    struct store_kv good[] = {{.key = "b", .value = "2", .len = 1},
                              {.key = "a", .value = "1", .len = 1},
                              {.key = "c", .value = "3", .len = 1}};
    assert_int_equal(store_kv_write(store, "job", good, 3, &err), 0);
    char *long_key = mem_alloc(STORE_KEY_MAX + 2);
    memset(long_key, 'x', STORE_KEY_MAX + 1);
    struct store_kv bad[] = {{.key = "a", .value = "changed", .len = 7},
                             {.key = long_key, .value = "1", .len = 1}};
    assert_int_equal(store_kv_write(store, "job", bad, 2, &err), -1);
    assert_int_equal(err.kind, ERR_INVALID);
    struct store_kv gone = {.key = "b", .value = NULL, .len = 0};
    assert_int_equal(store_kv_write(store, "job", &gone, 1, &err), 0);

    struct buf out;
    buf_create(&out, 1000);
    store_fixture_keys(store, "job", &out);
    assert_string_equal(out.data, "a=1;c=3;");
    buf_clear(&out);
    assert_int_equal(store_kv_get(store, "job", "c", &out, &err), 1);
    assert_string_equal(out.data, "3");
    assert_int_equal(store_kv_get(store, "other job", "c", &out, &err), 0);
    buf_destroy(&out);
    mem_free(long_key);
    store_free(store);
}

static void what_was_seen_must_stay(void **state)
{
    (void)state;
    struct err err;
    struct store *store = store_fixture_open();
    struct buf out;
    int64_t version = 0, written = 0;
    buf_create(&out, 1000);
    const struct store_kv one = {.key = "n", .value = "1", .len = 1},
                          two = {.key = "n", .value = "2", .len = 1},
                          gone = {.key = "n", .value = NULL, .len = 0};
    assert_int_equal(store_kv_write(store, SCOPE, &one, 1, &err), 0);
    assert_int_equal(store_kv_read(store, SCOPE, "n", &out, &version, &err), 1);
    struct store_kv_seen seen[] = {{.key = "none", .version = 0}, {.key = "n", .version = version}};
    struct store_call write = {.op = STORE_KV_WRITE,
                               .kv = {.scope = SCOPE,
                                      .items = &two,
                                      .count = 1,
                                      .seen = seen,
                                      .nseen = 2,
                                      .version = &written}};
    assert_int_equal(store_wait(store, &write, &err), 0);
    assert_int_equal(store_kv_read(store, SCOPE, "n", &out, &version, &err), 1);
    assert_int_equal(version, written);
    assert_int_equal(store_wait(store, &write, &err), 1); /* it is another version now */
    seen[1].version = version;
    write.kv.items = &gone;
    assert_int_equal(store_wait(store, &write, &err), 0);
    assert_int_equal(store_kv_read(store, SCOPE, "n", &out, &version, &err), 0);
    assert_int_equal(version, 0);
    assert_int_equal(store_wait(store, &write, &err), 1);
    seen[1].version = 0;
    write.kv.items = &one;
    assert_int_equal(store_wait(store, &write, &err), 0);
    assert_string_equal(out.data, "12");
    buf_destroy(&out);
    store_free(store);
}

/* One writing with keys of two scopes: all or none. */
static void scopes_are_written_together(void **state)
{
    (void)state;
    struct err err;
    struct store *store = store_fixture_open();
    struct buf out;
    int64_t version = 0;
    buf_create(&out, 1000);
    const struct store_kv items[] = {{.key = "n", .value = "1", .len = 1},
                                     {.key = "n", .value = "2", .len = 1, .scope = SHARED}};
    struct store_kv_seen seen[] = {{.key = "n", .scope = SHARED}, {.key = "n"}};
    struct store_call write = {
        .op = STORE_KV_WRITE,
        .kv = {.scope = SCOPE, .items = items, .count = 2, .seen = seen, .nseen = 2}};
    assert_int_equal(store_wait(store, &write, &err), 0);
    assert_int_equal(store_kv_read(store, SCOPE, "n", &out, &seen[1].version, &err), 1);
    assert_int_equal(store_kv_read(store, SHARED, "n", &out, &version, &err), 1);
    assert_string_equal(out.data, "12");
    assert_int_equal(version, seen[1].version);
    assert_int_equal(store_wait(store, &write, &err), 1); /* the shared one is there now */
    seen[0].version = version;
    assert_int_equal(store_wait(store, &write, &err), 0);
    const struct store_kv more[] = {{.key = "m", .value = "3", .len = 1},
                                    {.key = "n", .scope = SHARED}};
    write.kv.items = more;
    write.kv.nseen = 1;
    assert_int_equal(store_wait(store, &write, &err), 1);
    assert_int_equal(store_kv_get(store, SCOPE, "m", &out, &err), 0);
    assert_int_equal(store_kv_get(store, SHARED, "n", &out, &err), 1);
    buf_destroy(&out);
    store_free(store);
}

/* PART: as many as a busy database surely takes within a call's time. */
enum { SEEN = 4500, PART = 100 };

/* Of two scopes in turns; every third is there. Any byte may stand in a key. */
static void make_seen(struct store *store, struct store_kv_seen seen[static SEEN],
                      char names[static SEEN][32])
{
    struct err err;
    struct store_kv items[SEEN / 3];
    int64_t version = 0;
    for (size_t i = 0; i < SEEN; i++) {
        snprintf(names[i], sizeof names[i], "%zu \"{},\\x\xff'", i);
        seen[i] = (struct store_kv_seen){.key = names[i], .scope = i % 2 == 0 ? NULL : SHARED};
        if (i % 3 == 0)
            items[i / 3] =
                (struct store_kv){.key = names[i], .scope = seen[i].scope, .value = "1", .len = 1};
    }
    for (size_t at = 0; at < SEEN / 3; at += PART) {
        struct store_call write = {
            .op = STORE_KV_WRITE,
            .kv = {.scope = SCOPE, .items = items + at, .count = PART, .version = &version}};
        assert_int_equal(store_wait(store, &write, &err), 0);
        for (size_t i = at; i < at + PART; i++)
            seen[3 * i].version = version;
    }
}

static void one_of_thousands_that_were_seen_has_changed(void **state)
{
    (void)state;
    static char names[SEEN][32];
    static struct store_kv_seen seen[SEEN];
    static const size_t changed[] = {0, 1, 1999, 2000, 2001, 3998, 4000, SEEN - 2, SEEN - 1};
    struct err err;
    struct store *store = store_fixture_open();
    struct buf out;
    buf_create(&out, 1000);
    make_seen(store, seen, names);
    const struct store_kv item = {.key = "n", .value = "1", .len = 1};
    struct store_call write = {
        .op = STORE_KV_WRITE,
        .kv = {.scope = SCOPE, .items = &item, .count = 1, .seen = seen, .nseen = SEEN}};
    for (size_t i = 0; i < sizeof changed / sizeof changed[0]; i++) {
        int64_t version = seen[changed[i]].version;
        seen[changed[i]].version = version == 0 ? 1 : i % 2 == 0 ? 0 : version + 1;
        assert_int_equal(store_wait(store, &write, &err), 1);
        assert_int_equal(store_kv_get(store, SCOPE, "n", &out, &err), 0);
        seen[changed[i]].version = version;
    }
    assert_int_equal(store_wait(store, &write, &err), 0);
    assert_int_equal(store_kv_get(store, SCOPE, "n", &out, &err), 1);
    buf_destroy(&out);
    store_free(store);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, folder_set_up, folder_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(keys_are_written_together_or_not_at_all),
        TEST(what_was_seen_must_stay),
        TEST(scopes_are_written_together),
        TEST(one_of_thousands_that_were_seen_has_changed),
    };
    return STORE_FIXTURE_RUN(tests);
}
