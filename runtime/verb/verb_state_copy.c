/* jeton state copy, unmove: from a folder to a database. */
#include "mem.h"
#include "safefile.h"
#include "state_copy.h"
#include "verb_state.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX ((size_t)64 * 1024)
#define LAST                                                                                       \
    {                                                                                              \
        0, NULL, OPT_FLAG, NULL, NULL, NULL                                                        \
    }

struct target {
    const char *key, *password; /* files */
};

static int read_file(void *arg, enum state_secret which, struct buf *out, struct err *err)
{
    const struct target *target = arg;
    const char *path = which == STATE_KEY ? target->key : target->password;
    if (path == NULL)
        return 0;
    size_t before = out->len;
    if (safefile_read(path, SAFEFILE_PRIVATE, out, err) != 0) {
        if (which == STATE_KEY && access(path, F_OK) != 0)
            err_advise(err, "`jeton state keygen %s` makes it", path);
        return -1;
    }
    while (which == STATE_PASSWORD && out->len > before && strchr("\r\n", out->data[out->len - 1]))
        out->data[--out->len] = '\0';
    return 1;
}

static void put_count(struct buf *out, const char *before, int64_t count, const char *one)
{
    buf_printf(out, "%s%lld %s%s", before, (long long)count, one, count == 1 ? "" : "s");
}

static int report(struct app *app, const struct config *config, const struct state_copy *copy,
                  struct err *err)
{
    struct buf out;
    const struct store_copy *rows = &copy->rows;
    buf_create(&out, BUF_LIMIT_LINE);
    if (copy->again)
        buf_puts(&out, "it had been copied already; ");
    else
        put_count(&out, "copied: ", rows->keys, "key");
    if (!copy->again && !rows->keys_only) {
        put_count(&out, ", ", rows->tokens, "token");
        put_count(&out, ", ", rows->runs, "past attempt");
        put_count(&out, ", ", rows->events, "event");
        buf_puts(&out, "; ");
    }
    if (rows->keys_only)
        buf_puts(&out, "; the state here stays in use\n");
    if (!rows->keys_only)
        buf_printf(&out,
                   "what %s has of name '%s' is not used any more:\nset state.url, with the same "
                   "key%s, in the configuration of each host\n",
                   config->state->folder, config->name,
                   copy->to->schema != NULL ? " and schema" : "");
    if (rows->elsewhere > 0) {
        put_count(&out, "", rows->elsewhere, "key");
        buf_puts(&out,
                 " of scripts outside of the configuration's folder, which belong to the scripts' "
                 "paths, not to the name, stay where they are: `jeton state keys export --script "
                 "FILE` and `import` take them along\n");
    }
    int result = app_print(app, out.data, out.len, err);
    buf_destroy(&out);
    return result;
}

static int copy_to(struct app *app, struct config *config, const struct state_place *place,
                   bool keys_only, struct err *err)
{
    struct state_copy copy = {.to = place, .rows = {.keys_only = keys_only}};
    return state_copy(config, app->log, &copy, err) == 0 ? report(app, config, &copy, err) : -1;
}

int verb_state_copy(struct app *app, int argc, char **argv, struct err *err)
{
    struct target target = {.key = NULL};
    const char *url = NULL, *schema = NULL, *ca_file = NULL;
    bool keys_only = false;
    const struct opt opts[] = {
        {0, "to", OPT_STRING, &url, "URL", "the database, as in state.url"},
        {0, "key", OPT_STRING, &target.key, "FILE", "the file of its state.key"},
        {0, "password", OPT_STRING, &target.password, "FILE", "a file with its password"},
        {0, "schema", OPT_STRING, &schema, "NAME", "as in state.schema"},
        {0, "ca-file", OPT_STRING, &ca_file, "FILE", "as in state.ca_file"},
        {0, "keys-only", OPT_FLAG, &keys_only, NULL,
         "only the keys of jeton.state; the state here stays in use"},
        LAST,
    };
    const struct opt_spec spec = {
        .usage = "jeton state copy --to URL --key FILE [--password FILE] [--schema NAME]\n"
                 "                 [--ca-file FILE] [--keys-only]",
        .description =
            "Copies what belongs to this configuration's name from the folder to a database: "
            "tokens, keys, history, slots, counters and events. Jobs, exchanges and the listener "
            "are kept from starting meanwhile. At the end what is here is marked as moved, and "
            "whoever would go on with it ends with status 3. If it is interrupted, nothing is "
            "marked, and it can be repeated.",
        .opts = opts,
    };
    int status = app_options_alone(app, &spec, argc, argv, err);
    if (status <= 0)
        return status;
    if (url == NULL || target.key == NULL)
        return err_set(err, ERR_USAGE, "--to URL and --key FILE are needed");
    struct config *config = app_config(app, true, err);
    if (config == NULL)
        return -1;
    struct state_place place = {.folder = config->state->folder,
                                .url = mem_strdup(url),
                                .schema = mem_strdup(schema),
                                .ca_file = mem_strdup(ca_file),
                                .read = read_file,
                                .arg = &target};
    status = copy_to(app, config, &place, keys_only, err);
    mem_free(place.url);
    mem_free(place.schema);
    mem_free(place.ca_file);
    config_free(config);
    return status;
}

static int unmove(struct app *app, struct err *err)
{
    static const char done[] = "it is used again; what has changed in the database since is not "
                               "here, and tokens that were exchanged there are spent\n";
    static const char none[] = "it was not moved\n";
    struct config *config = app_config(app, true, err);
    int moved = config != NULL ? state_copy_unmove(config, err) : -1;
    config_free(config);
    if (moved < 0)
        return -1;
    const char *text = moved == 1 ? done : none;
    return app_print(app, text, strlen(text), err);
}

int verb_state_unmove(struct app *app, int argc, char **argv, struct err *err)
{
    bool yes = false;
    const struct opt opts[] = {
        {0, "yes", OPT_FLAG, &yes, NULL, "nobody uses the database any more (required)"},
        LAST,
    };
    const struct opt_spec spec = {
        .usage = "jeton state unmove --yes",
        .description =
            "Takes back what `jeton state copy` has marked: the folder is used again. Two states "
            "with the same refresh tokens spend them twice: first stop whoever uses the database.",
        .opts = opts,
    };
    int status = app_options_alone(app, &spec, argc, argv, err);
    if (status <= 0)
        return status;
    if (!yes)
        return err_set(err, ERR_USAGE,
                       "unmove: the same tokens must not be used in two states; --yes says that "
                       "nobody uses the database any more");
    return unmove(app, err);
}
