/*
 * cold: what jeton's cold job does, in bare C on libcurl: exchange, list of groups, a message to
 * the first. With a third argument it also stores what came, in a SQLite database in that folder,
 * with as many durable commits as jeton makes.
 *
 * usage: cold URL REFRESH_TOKEN [FOLDER]    (application ID and secret: ID and SECRET)
 */
#include <curl/curl.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

struct text {
    char *data;
    size_t len;
};

static void fail(const char *what)
{
    fprintf(stderr, "cold: %s\n", what);
    exit(1);
}

static size_t append(char *data, size_t size, size_t n, void *arg)
{
    struct text *text = arg;
    text->data = realloc(text->data, text->len + size * n + 1);
    if (text->data == NULL)
        return 0;
    memcpy(text->data + text->len, data, size * n);
    text->len += size * n;
    text->data[text->len] = '\0';
    return size * n;
}

static char *ask(CURL *easy, const char *url, const char *const headers[], const char *body)
{
    struct text reply = {NULL, 0};
    struct curl_slist *list = NULL;
    for (size_t i = 0; headers[i] != NULL; i++)
        list = curl_slist_append(list, headers[i]);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, list);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &reply);
    curl_easy_setopt(easy, CURLOPT_FAILONERROR, 1L);
    if (body != NULL)
        curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, body);
    CURLcode code = curl_easy_perform(easy);
    if (code != CURLE_OK)
        fail(curl_easy_strerror(code));
    curl_slist_free_all(list);
    return reply.data;
}

/* The first string of this name. Enough of JSON for replies without escapes. */
static char *field(const char *json, const char *name)
{
    char key[64];
    snprintf(key, sizeof key, "\"%s\"", name);
    const char *at = strstr(json, key);
    at = at != NULL ? strchr(at + strlen(key), '"') : NULL;
    const char *end = at != NULL ? strchr(at + 1, '"') : NULL;
    if (end == NULL)
        fail(name);
    return strndup(at + 1, (size_t)(end - at - 1));
}

static void commit(sqlite3 *db, const char *sql, const char *value)
{
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        fail(sqlite3_errmsg(db));
    if (value != NULL)
        sqlite3_bind_text(statement, 1, value, -1, SQLITE_STATIC);
    while (sqlite3_step(statement) == SQLITE_ROW)
        ;
    if (sqlite3_finalize(statement) != SQLITE_OK)
        fail(sqlite3_errmsg(db));
}

static sqlite3 *open_state(const char *folder)
{
    char path[4096];
    sqlite3 *db;
    snprintf(path, sizeof path, "%s/cold.lock", folder);
    int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0 || flock(lock, LOCK_EX) != 0)
        fail(path);
    snprintf(path, sizeof path, "%s/cold.db", folder);
    if (sqlite3_open(path, &db) != SQLITE_OK)
        fail(path);
    commit(db, "PRAGMA journal_mode = WAL", NULL);
    commit(db, "PRAGMA synchronous = FULL", NULL);
    commit(db, "CREATE TABLE IF NOT EXISTS kept (what TEXT PRIMARY KEY, value TEXT)", NULL);
    return db;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        fail("usage: cold URL REFRESH_TOKEN [FOLDER]");
    char header[3][2048], url[4096];
    snprintf(header[0], sizeof header[0], "applicationId: %s", getenv("ID"));
    snprintf(header[1], sizeof header[1], "applicationSecret: %s", getenv("SECRET"));
    snprintf(header[2], sizeof header[2], "refreshToken: %s", argv[2]);
    sqlite3 *db = argc > 3 ? open_state(argv[3]) : NULL;
    if (db != NULL) /* what is about to be spent */
        commit(db, "INSERT OR REPLACE INTO kept VALUES ('intent', ?)", argv[2]);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    CURL *easy = curl_easy_init();
    snprintf(url, sizeof url, "%s/v1/accessToken", argv[1]);
    char *reply =
        ask(easy, url, (const char *const[]){header[0], header[1], header[2], NULL}, NULL);
    char *token = field(reply, "accessToken"), *endpoint = field(reply, "endpointUrl");
    if (db != NULL)
        commit(db, "INSERT OR REPLACE INTO kept VALUES ('token', ?)", token);
    snprintf(header[0], sizeof header[0], "accessToken: %s", token);
    snprintf(url, sizeof url, "%sv1/groups", endpoint);
    char *groups = ask(easy, url, (const char *const[]){header[0], NULL}, NULL);
    char *group = field(groups, "groupId");
    snprintf(url, sizeof url, "%sv1/groups/%s/messages", endpoint, group);
    char *sent =
        ask(easy, url, (const char *const[]){header[0], "Content-Type: application/json", NULL},
            "{\"message\":\"Hello\"}");
    char *texts[] = {reply, token, endpoint, groups, group, sent};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free(texts[i]);
    curl_easy_cleanup(easy);
    sqlite3_close(db);
    return 0;
}
