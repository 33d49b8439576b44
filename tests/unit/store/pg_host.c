#include "pg_host.h"

#include <limits.h>

static int read_secret(void *arg, enum state_secret which, struct buf *out, struct err *err)
{
    const struct pg_host *host = arg;
    const char *text = which == STATE_KEY ? host->key : host->password;
    (void)err;
    if (text != NULL)
        buf_puts(out, text);
    return text != NULL;
}

static char *schema_name(void)
{
    char cwd[PATH_MAX];
    assert_non_null(getcwd(cwd, sizeof cwd));
    return mem_printf("pgt_%s", strrchr(cwd, '-') + 1);
}

static char *lower(char *text)
{
    for (char *at = text; *at != '\0'; at++)
        *at = *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a') : *at;
    return text;
}

void pg_host_create(struct pg_host *host, const char *folder)
{
    char cwd[PATH_MAX];
    assert_non_null(getcwd(cwd, sizeof cwd));
    *host = (struct pg_host){
        .place = {.folder = mem_printf("%s/%s", cwd, folder),
                  .url = mem_printf("postgresql://jeton@/jeton?host=%s", getenv("JETON_POSTGRES")),
                  .schema = lower(schema_name()),
                  .read = read_secret,
                  .arg = host},
        .key = STORE_FIXTURE_KEY,
    };
}

void pg_host_url(struct pg_host *host, const char *url)
{
    mem_free(host->place.url);
    host->place.url = mem_strdup(url);
}

void pg_host_destroy(struct pg_host *host)
{
    mem_free(host->place.folder);
    mem_free(host->place.url);
    mem_free(host->place.schema);
}

struct store *pg_host_store(const struct pg_host *host)
{
    return store_new_on(&store_pg, &host->place, NULL);
}

int pg_host_psql(const struct pg_host *host, const char *sql)
{
    struct buf text;
    buf_create(&text, 4096);
    for (; *sql != '\0'; sql++) {
        if (*sql == '@')
            buf_printf(&text, "%s.", host->place.schema);
        else
            buf_putc(&text, *sql);
    }
    char *command =
        mem_printf("psql -q -v ON_ERROR_STOP=1 -h '%s' -U jeton jeton -c \"%s\" >psql.out 2>&1",
                   getenv("JETON_POSTGRES"), text.data);
    int status = system(command);
    mem_free(command);
    buf_destroy(&text);
    return status;
}

void pg_host_fails(const struct pg_host *host, enum err_kind kind, const char *words)
{
    struct err err;
    struct store *store = pg_host_store(host);
    assert_int_equal(store_open(store, &err), -1);
    assert_int_equal(err.kind, kind);
    if (strstr(err.msg, words) == NULL)
        fail_msg("'%s' is not in: %s", words, err.msg);
    store_free(store);
}

int pg_host_run(const struct CMUnitTest *tests, size_t count)
{
    if (getenv("JETON_POSTGRES") == NULL) {
        fprintf(stderr, "ctest starts the server\n");
        return 77;
    }
    return _cmocka_run_group_tests("tests", tests, count, NULL, NULL);
}
