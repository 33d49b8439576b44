/* A host with a state in PostgreSQL, for tests of what only that engine has. */
#ifndef JETON_TEST_PG_HOST_H
#define JETON_TEST_PG_HOST_H

#include "store_fixture.h"

/* As the fixture's place is, changed by the test. */
struct pg_host {
    struct state_place place;
    const char *key;
    const char *password;
};

void pg_host_create(struct pg_host *host, const char *folder);
void pg_host_url(struct pg_host *host, const char *url);
void pg_host_destroy(struct pg_host *host);
struct store *pg_host_store(const struct pg_host *host);
/* Runs SQL in which @ stands for the schema, as jeton's role. Its exit status. */
int pg_host_psql(const struct pg_host *host, const char *sql);
/* Opening its state must fail so. */
void pg_host_fails(const struct pg_host *host, enum err_kind kind, const char *words);
/* Runs the tests if there is a server; returns what main returns. */
int pg_host_run(const struct CMUnitTest *tests, size_t count);
#define PG_HOST_TEST(fn)   cmocka_unit_test_setup_teardown(fn, folder_set_up, folder_tear_down)
#define PG_HOST_RUN(tests) pg_host_run(tests, sizeof(tests) / sizeof(tests)[0])

#endif
