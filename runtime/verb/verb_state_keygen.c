/* jeton state keygen, check, rekey, upgrade: what a state in a database needs. */
#include "app_spool.h"
#include "config_rows.h"
#include "mem.h"
#include "newfile.h"
#include "store.h"
#include "verb_state.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define KEY_BYTES 32
#define SQL_MAX   ((size_t)256 * 1024)

static const struct opt no_options[] = {{0, NULL, OPT_FLAG, NULL, NULL, NULL}};

static int write_key(const char *path, struct err *err)
{
    unsigned char key[KEY_BYTES];
    char text[sodium_base64_ENCODED_LEN(KEY_BYTES, sodium_base64_VARIANT_ORIGINAL) + 1];
    randombytes_buf(key, sizeof key);
    sodium_bin2base64(text, sizeof text - 1, key, sizeof key, sodium_base64_VARIANT_ORIGINAL);
    strcat(text, "\n");
    struct newfile file = {0};
    int result = newfile_open(&file, path, err);
    if (result == 0 && write(file.fd, text, strlen(text)) != (ssize_t)strlen(text))
        result = err_set(err, ERR_CONFIG, "cannot write '%s': %s", path, strerror(errno));
    if (result == 0)
        result = newfile_publish(&file, 0600, NEWFILE_DURABLE | NEWFILE_EXCLUSIVE, err);
    if (result != 0)
        err_about(err, path);
    newfile_close(&file);
    sodium_memzero(key, sizeof key);
    sodium_memzero(text, sizeof text);
    return result;
}

int verb_state_keygen(struct app *app, int argc, char **argv, struct err *err)
{
    const struct opt_spec spec = {
        .usage = "jeton state keygen FILE",
        .description =
            "Writes a new key for `state.key` to FILE (mode 0600), which must not exist. What is "
            "secret in a state in a database is sealed with it: every host needs the same file, "
            "and whoever loses it loses the tokens.",
        .opts = no_options,
        .min_operands = 1,
        .max_operands = 1,
        .operands = "FILE",
    };
    struct opt_result result = {0};
    (void)app;
    int status = app_options(app, &spec, argc, argv, &result, err);
    if (status > 0)
        status = write_key(result.operands[0], err);
    mem_free(result.operands);
    return status;
}

static int check(struct app *app, const struct config *config, struct err *err)
{
    struct buf out;
    struct store *store = store_new(config->state, NULL);
    int result = store_open(store, err) == 0 ? store_rights(store, err) : -1;
    if (result == 0 && config_rows_are_due(config, store, err) < 0) /* as where it was moved away */
        result = -1;
    buf_create(&out, BUF_LIMIT_LINE);
    if (result == 0 && config->state->url != NULL)
        buf_printf(&out,
                   "good: the database answers, its tables are there, and the key is theirs\n");
    else if (result == 0)
        buf_printf(&out, "good: the folder %s\n", config->state->folder);
    if (result == 0)
        result = app_print(app, out.data, out.len, err);
    buf_destroy(&out);
    store_free(store);
    return result;
}

static int rekey(struct app *app, const struct config *config, struct err *err)
{
    char line[128];
    int64_t count = 0;
    struct store *store = store_new(config->state, NULL);
    struct store_call call = {.op = STORE_REKEY, .rekeyed = &count};
    int result = store_wait(store, &call, err) == 0 ? store_push(store, err) : -1;
    store_free(store);
    if (result <= 0) /* what this host keeps is sealed with whatever key it was */
        return result == 0 ? app_spool_left(config, err) : -1;
    int len = snprintf(line, sizeof line, "%lld value%s sealed with the first key; %s\n",
                       (long long)count, count == 1 ? " is now" : "s are now",
                       count == 0 ? "when each host says so, the other keys can go"
                                  : "repeat it, on each host, until it says 0");
    return app_print(app, line, (size_t)len, err);
}

static int on_state(struct app *app, int (*work)(struct app *, const struct config *, struct err *),
                    struct err *err)
{
    struct config *config = app_config(app, true, err);
    int status = config != NULL ? work(app, config, err) : -1;
    config_free(config);
    return status;
}

int verb_state_check(struct app *app, int argc, char **argv, struct err *err)
{
    const struct opt_spec spec = {
        .usage = "jeton state check",
        .description = "Opens the state, and makes it where there is none: the folder's file, or "
                       "the tables of the database, for which the role needs the right once. "
                       "Status 3 says that it is configured wrongly, 5 that it cannot be reached.",
        .opts = no_options,
    };
    int status = app_options_alone(app, &spec, argc, argv, err);
    return status > 0 ? on_state(app, check, err) : status;
}

int verb_state_rekey(struct app *app, int argc, char **argv, struct err *err)
{
    const struct opt_spec spec = {
        .usage = "jeton state rekey",
        .description =
            "Seals what is secret in the database with the first key of `state.key`, where it was "
            "sealed with another one of the file. Other processes can go on meanwhile, if their "
            "file has both keys; they read it again when it changes. Once rekey says 0 on each "
            "host, the other keys can be removed from the file.",
        .opts = no_options,
    };
    int status = app_options_alone(app, &spec, argc, argv, err);
    return status > 0 ? on_state(app, rekey, err) : status;
}

static int print_sql(struct app *app, const struct config *config, struct err *err)
{
    struct buf out;
    struct store *store = store_new(config->state, NULL);
    buf_create(&out, SQL_MAX);
    int result = store_schema_sql(store, &out, err);
    if (result == 0)
        result = app_print(app, out.data, out.len, err);
    buf_destroy(&out);
    store_free(store);
    return result;
}

int verb_state_upgrade(struct app *app, int argc, char **argv, struct err *err)
{
    bool sql = false;
    const struct opt opts[] = {
        {0, "print-sql", OPT_FLAG, &sql, NULL,
         "only print the SQL, for somebody who may run it; connects to nothing"},
        {0, NULL, OPT_FLAG, NULL, NULL, NULL},
    };
    const struct opt_spec spec = {
        .usage = "jeton state upgrade [--print-sql]",
        .description =
            "Makes the state, or adds what this version of jeton needs to the tables that are "
            "there. jeton does so by itself if its role may make tables; if not, run this with a "
            "role that may. Older versions of jeton can still use the state.",
        .opts = opts,
    };
    int status = app_options_alone(app, &spec, argc, argv, err);
    return status > 0 ? on_state(app, sql ? print_sql : check, err) : status;
}
