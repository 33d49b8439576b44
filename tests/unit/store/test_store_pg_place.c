/* How a database is named in the configuration, and that nothing else says where it is. */
#include "pg_host.h"

#define SCOPE "job:report:name:n"

static void only_the_configuration_counts(void **state)
{
    (void)state;
    struct err err;
    struct pg_host host;
    pg_host_create(&host, "a");
    setenv("PGOPTIONS", "-c search_path=nowhere -c default_transaction_read_only=on", 1);
    setenv("PGHOST", "/nowhere", 1);
    setenv("PGUSER", "nobody", 1);
    setenv("PGTZ", "nowhere", 1);
    struct store *store = pg_host_store(&host);
    int result = store_kv_write(store, SCOPE,
                                &(struct store_kv){.key = "k", .value = "v", .len = 1}, 1, &err);
    assert_string_equal(getenv("PGHOST"), "/nowhere"); /* a script's children have it */
    unsetenv("PGOPTIONS");
    unsetenv("PGHOST");
    unsetenv("PGUSER");
    unsetenv("PGTZ");
    if (result != 0)
        fail_msg("%s", err.msg);
    store_free(store);
    pg_host_destroy(&host);
}

static void what_is_weak_or_wrong_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *url, *words;
    } cases[] = {
        {"postgresql://jeton:hunter2@db.example/jeton", "holds a password"},
        {"postgresql://jeton@db.example/jeton?password=hunter2", "holds a password"},
        {"postgresql://jeton@db.example/jeton?sslmode=require", "verify-full"},
        {"postgresql://jeton@localhost,db.example/jeton?sslmode=prefer", "verify-full"},
        {"postgresql://jeton@localhost/jeton?hostaddr=10.0.0.1&sslmode=disable", "verify-full"},
        {"postgresql://jeton@db.example/jeton?options=-csearch_path%3Dx", "'options'"},
        {"postgresql://jeton@db.example/jeton?nonsense=1", "no URL of a database"},
        {"postgresql://db.example/jeton", "names no user"},
        {"postgresql://jeton@db.example", "names no database"},
        {"https://example.org", "no URL of a database"},
    };
    struct pg_host host;
    pg_host_create(&host, "a");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pg_host_url(&host, cases[i].url);
        pg_host_fails(&host, ERR_CONFIG, cases[i].words);
    }
    static const char *const schemas[] = {"", "Jeton", "a-b", "pg_x", "1a", "a\"b"};
    for (size_t i = 0; i < sizeof schemas / sizeof schemas[0]; i++) {
        mem_free(host.place.schema);
        host.place.schema = mem_strdup(schemas[i]);
        pg_host_fails(&host, ERR_CONFIG, "state.schema");
    }
    pg_host_destroy(&host);
    pg_host_create(&host, "a");
    char *url = mem_printf("postgresql://nobody@/jeton?host=%s", getenv("JETON_POSTGRES"));
    pg_host_url(&host, url);
    pg_host_fails(&host, ERR_CONFIG, "\"nobody\" does not exist");
    mem_free(url);
    pg_host_destroy(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PG_HOST_TEST(only_the_configuration_counts),
        PG_HOST_TEST(what_is_weak_or_wrong_is_refused),
    };
    return PG_HOST_RUN(tests);
}
