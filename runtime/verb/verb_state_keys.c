/* jeton state keys: the keys of jeton.state, for people. A table of its verbs. */
#include "state_lines.h"
#include "state_space.h"
#include "verb_state.h"

#include "json.h"
#include "mem.h"
#include "utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A line with a key and its value, each character of the key escaped. */
#define LINE_SIZE (STORE_VALUE_MAX + 6 * STORE_KEY_MAX + 64)

struct keys {
    struct app *app;
    struct state_space space;
    const char *const *operands;
    int count;
    bool text, json, all;
    struct buf input; /* set, import */
    size_t printed;
    struct err *err; /* of a callback */
};
typedef int keys_fn(struct keys *keys, struct err *err);

/* read: what is to be written, before the lock is taken; NULL: nothing is written. */
static int work(struct keys *keys, const struct opt_spec *spec, keys_fn *read, keys_fn *fn,
                int argc, char **argv, struct state_space_name *name, struct err *err)
{
    struct opt_result result = {0};
    int status = app_options(keys->app, spec, argc, argv, &result, err);
    if (status > 0) {
        keys->operands = result.operands;
        keys->count = result.count;
        keys->err = err;
        status = state_space_open(&keys->space, keys->app, name, read != NULL, err);
        if (status == 0 && read != NULL)
            status = read(keys, err);
        if (status == 0 && read != NULL)
            status = state_space_lock(&keys->space, err);
        if (status == 0)
            status = fn(keys, err);
        state_space_close(&keys->space);
        buf_destroy(&keys->input);
    }
    mem_free(result.operands);
    return status;
}

/* The options that all have. */
#define WHOSE(name)                                                                                \
    {0, "job", OPT_STRING, &(name).job, "JOB", "of this job"},                                     \
        {0, "hook", OPT_STRING, &(name).hook, "HOOK", "of this webhook"},                          \
        {0,          "shared",                                                                     \
         OPT_STRING, &(name).shared,                                                               \
         "SHARED",   "that jobs and webhooks share by this name"},                                 \
    {                                                                                              \
        0, "script", OPT_STRING, &(name).script, "FILE", "of this script, outside of jobs"         \
    }
#define LAST                                                                                       \
    {                                                                                              \
        0, NULL, OPT_FLAG, NULL, NULL, NULL                                                        \
    }

/* A key is bytes to scripts, and JSON is UTF-8. */
static bool check_text(const struct keys *keys, const char *key)
{
    if (json_utf8_valid(key, strlen(key)))
        return true;
    err_set(keys->err, ERR_INVALID,
            "key '%s' is not UTF-8, as JSON is: let the script keep its value under another key, "
            "and delete it",
            key);
    return false;
}

/* list */

static bool put_key(void *arg, const struct store_kv *item)
{
    struct keys *keys = arg;
    struct buf line;
    if (keys->json && !check_text(keys, item->key))
        return false;
    buf_create(&line, LINE_SIZE);
    if (keys->json)
        buf_puts(&line, keys->printed == 0 ? "[" : ",\n ");
    if (keys->json)
        json_write_string(&line, item->key, strlen(item->key));
    else
        buf_printf(&line, "%s\n", item->key);
    keys->printed++;
    bool more = app_print(keys->app, line.data, line.len, keys->err) == 0;
    buf_destroy(&line);
    return more;
}

/* 0, or -1 where a callback of state_space_each has failed. */
static int each(struct keys *keys, store_kv_fn *fn, struct err *err)
{
    err_clear(err);
    int result = state_space_each(&keys->space, fn, keys, err);
    return result == 0 && err->kind != ERR_NONE ? -1 : result;
}

static int list(struct keys *keys, struct err *err)
{
    if (each(keys, put_key, err) != 0)
        return -1;
    const char *end = keys->printed == 0 ? "[]\n" : "]\n";
    return keys->json ? app_print(keys->app, end, strlen(end), err) : 0;
}

static int keys_list(struct app *app, int argc, char **argv, struct err *err)
{
    struct keys keys = {.app = app};
    struct state_space_name name = {0};
    const struct opt opts[] = {
        WHOSE(name),
        {0, "json", OPT_FLAG, &keys.json, NULL, "print an array of texts"},
        LAST,
    };
    const struct opt_spec spec = {
        .usage = "jeton state keys list (--job|--hook|--shared|--script) NAME [--json]",
        .description = "Prints the keys, one a line.",
        .opts = opts,
    };
    return work(&keys, &spec, NULL, list, argc, argv, &name, err);
}

/* get */

/* Appends what is printed for the JSON that is stored. */
static void put_value(const struct keys *keys, const struct buf *stored, struct buf *out)
{
    const struct json_options options = {0};
    struct err ignored = {0};
    struct json *value =
        keys->text ? json_parse(stored->data, stored->len, &options, &ignored) : NULL;
    if (value != NULL && value->type == JSON_STRING)
        buf_append(out, value->text, value->len);
    else
        buf_append(out, stored->data, stored->len);
    buf_putc(out, '\n');
    json_free(value);
}

static int missing(const struct keys *keys, const char *key, struct err *err)
{
    return err_set(err, ERR_INVALID, "%s has no key '%s'", keys->space.what, key);
}

static int get(struct keys *keys, struct err *err)
{
    struct buf stored, out;
    const char *key = keys->operands[0];
    buf_create(&stored, STORE_VALUE_MAX);
    buf_create(&out, LINE_SIZE);
    int found = keys->space.empty
                    ? 0
                    : store_kv_get(keys->space.store, keys->space.scope, key, &stored, err);
    if (found == 0)
        found = missing(keys, key, err);
    if (found > 0)
        put_value(keys, &stored, &out);
    int status = found > 0 ? app_print(keys->app, out.data, out.len, err) : -1;
    buf_destroy(&out);
    buf_destroy(&stored);
    return status;
}

static int keys_get(struct app *app, int argc, char **argv, struct err *err)
{
    struct keys keys = {.app = app};
    struct state_space_name name = {0};
    const struct opt opts[] = {
        WHOSE(name),
        {0, "text", OPT_FLAG, &keys.text, NULL, "print a text as it is, not as JSON"},
        LAST,
    };
    const struct opt_spec spec = {
        .usage = "jeton state keys get (--job|--hook|--shared|--script) NAME KEY [--text]",
        .description = "Prints the value of KEY as JSON. Where there is none the status is 1.",
        .opts = opts,
        .min_operands = 1,
        .max_operands = 1,
    };
    return work(&keys, &spec, NULL, get, argc, argv, &name, err);
}

/* set */

static int read_input(const char *path, struct buf *text, struct err *err)
{
    bool standard = strcmp(path, "-") == 0;
    int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    int result = fd < 0 ? -1 : buf_read_fd(text, fd);
    if (result != 0 && errno == EFBIG)
        err_set(err, ERR_USAGE, "%s: over %zu bytes", path, text->limit);
    else if (result != 0)
        err_set(err, ERR_CONFIG, "%s: cannot be read: %s", path, strerror(errno));
    if (fd >= 0 && !standard)
        close(fd);
    buf_drop(text, utf8_mark(text->data, text->len));
    return result;
}

static int put_text(const char *text, size_t len, struct buf *value, struct err *err)
{
    if (json_write_string(value, text, len) == 0)
        return 0;
    return err_set(err, ERR_INVALID, "VALUE is no UTF-8, or over %zu bytes", STORE_VALUE_MAX);
}

static int put_json(const struct buf *text, struct buf *value, struct err *err)
{
    if (state_lines_value(text->data, text->len, value, err) == 0)
        return 0;
    err_wrap(err, "VALUE");
    err_advise(err, "--text takes it as a text");
    return -1;
}

static int read_value(struct keys *keys, struct err *err)
{
    const char *key = keys->operands[0], *given = keys->operands[1];
    bool standard = strcmp(given, "-") == 0;
    struct buf text;
    buf_create(&text, STORE_VALUE_MAX);
    buf_create(&keys->input, STORE_VALUE_MAX);
    int result = state_lines_check_key(key, strlen(key), err);
    if (result == 0 && standard)
        result = read_input(given, &text, err);
    else if (result == 0)
        buf_puts(&text, given);
    if (result == 0 && keys->text) {
        bool feed = standard && text.len > 0 && text.data[text.len - 1] == '\n';
        result = put_text(text.data, text.len - feed, &keys->input, err);
    } else if (result == 0) {
        result = put_json(&text, &keys->input, err);
    }
    buf_destroy(&text);
    return result;
}

static int set(struct keys *keys, struct err *err)
{
    const struct store_kv item = {
        .key = keys->operands[0], .value = keys->input.data, .len = keys->input.len};
    return state_space_write(&keys->space, &item, 1, err);
}

static int keys_set(struct app *app, int argc, char **argv, struct err *err)
{
    struct keys keys = {.app = app};
    struct state_space_name name = {0};
    const struct opt opts[] = {
        WHOSE(name),
        {0, "text", OPT_FLAG, &keys.text, NULL, "VALUE is a text, not JSON"},
        LAST,
    };
    const struct opt_spec spec = {
        .usage = "jeton state keys set (--job|--hook|--shared|--script) NAME KEY VALUE [--text]",
        .description =
            "Sets KEY to VALUE, which is JSON: 5, true, '\"text\"', '[1, 2]'. With `-` it is read "
            "from standard input (with --text, without its last line feed). `--` stands before a "
            "negative number. While the job runs, the status is 7.",
        .opts = opts,
        .min_operands = 2,
        .max_operands = 2,
    };
    return work(&keys, &spec, read_value, set, argc, argv, &name, err);
}

/* delete */

static bool note_key(void *arg, const struct store_kv *item)
{
    struct state_lines *found = arg;
    found->items = mem_realloc(found->items, (found->count + 1) * sizeof *found->items);
    found->items[found->count++] =
        (struct store_kv){.key = arena_text(&found->texts, item->key, strlen(item->key))};
    return true;
}

static int compare(const void *key, const void *item)
{
    return strcmp(key, ((const struct store_kv *)item)->key);
}

/* All keys, or those of the operands: none, where one of them is not there. */
static int delete (struct keys *keys, struct err *err)
{
    struct state_lines found = {0};
    int result = state_space_each(&keys->space, note_key, &found, err);
    struct store_kv *items = mem_alloc(((size_t)keys->count + 1) * sizeof *items);
    for (int i = 0; i < keys->count && result == 0; i++) {
        items[i] = (struct store_kv){.key = keys->operands[i]};
        if (found.count == 0 ||
            bsearch(items[i].key, found.items, found.count, sizeof *items, compare) == NULL)
            result = missing(keys, items[i].key, err);
    }
    if (result == 0)
        result = state_space_write(&keys->space, keys->all ? found.items : items,
                                   keys->all ? found.count : (size_t)keys->count, err);
    mem_free(items);
    state_lines_destroy(&found);
    return result;
}

static int check_operands(struct keys *keys, struct err *err)
{
    if (keys->all == (keys->count > 0))
        return err_set(err, ERR_USAGE, "expected KEY…, or --all");
    return 0;
}

static int keys_delete(struct app *app, int argc, char **argv, struct err *err)
{
    struct keys keys = {.app = app};
    struct state_space_name name = {0};
    const struct opt opts[] = {
        WHOSE(name),
        {0, "all", OPT_FLAG, &keys.all, NULL, "delete all keys"},
        LAST,
    };
    const struct opt_spec spec = {
        .usage = "jeton state keys delete (--job|--hook|--shared|--script) NAME (KEY… | --all)",
        .description = "Deletes keys: all that are named, or none where one of them does not "
                       "exist. While the job runs, the status is 7.",
        .opts = opts,
        .max_operands = -1,
    };
    return work(&keys, &spec, check_operands, delete, argc, argv, &name, err);
}

/* export and import */

static bool export_one(void *arg, const struct store_kv *item)
{
    struct keys *keys = arg;
    struct buf line, masked;
    if (!check_text(keys, item->key))
        return false;
    buf_create(&line, LINE_SIZE);
    buf_create(&masked, 4 * LINE_SIZE);
    state_lines_write(item, &line);
    redact_text(keys->app->redact, line.data, line.len, &masked);
    int result = 0;
    if (masked.len != line.len || memcmp(masked.data, line.data, line.len) != 0)
        result = err_set(keys->err, ERR_INVALID,
                         "the value of '%s' holds a secret, which is printed nowhere: delete the "
                         "key, or take the secret out of it",
                         item->key);
    else
        result = app_print(keys->app, line.data, line.len, keys->err);
    buf_destroy(&masked);
    buf_destroy(&line);
    return result == 0;
}

static int export(struct keys *keys, struct err *err)
{
    return each(keys, export_one, err);
}

static int keys_export(struct app *app, int argc, char **argv, struct err *err)
{
    struct keys keys = {.app = app};
    struct state_space_name name = {0};
    const struct opt opts[] = {WHOSE(name), LAST};
    const struct opt_spec spec = {
        .usage = "jeton state keys export (--job|--hook|--shared|--script) NAME",
        .description = "Prints all keys with their values, each a line of JSON: {\"key\": …, "
                       "\"value\": …}. `jeton state keys import` reads them.",
        .opts = opts,
    };
    return work(&keys, &spec, NULL, export, argc, argv, &name, err);
}

static int read_lines(struct keys *keys, struct err *err)
{
    buf_create(&keys->input, STATE_LINES_MAX);
    return read_input(keys->count > 0 ? keys->operands[0] : "-", &keys->input, err);
}

static int import(struct keys *keys, struct err *err)
{
    char said[STATE_SPACE_WHAT_SIZE + 64];
    struct state_lines lines;
    int result = state_lines_read(&lines, keys->input.data, keys->input.len, err);
    if (result != 0 && keys->count > 0)
        err_wrap(err, "%s", keys->operands[0]);
    if (result == 0)
        result = state_space_write(&keys->space, lines.items, lines.count, err);
    int len = snprintf(said, sizeof said, "set %zu key%s of %s\n", lines.count,
                       lines.count == 1 ? "" : "s", keys->space.what);
    state_lines_destroy(&lines);
    return result == 0 ? app_print(keys->app, said, (size_t)len, err) : -1;
}

static int keys_import(struct app *app, int argc, char **argv, struct err *err)
{
    struct keys keys = {.app = app};
    struct state_space_name name = {0};
    const struct opt opts[] = {WHOSE(name), LAST};
    const struct opt_spec spec = {
        .usage = "jeton state keys import (--job|--hook|--shared|--script) NAME [FILE]",
        .description = "Sets all keys that FILE (standard input) has a line for, as `jeton state "
                       "keys export` writes them: all or none. Other keys stay. While the job "
                       "runs, the status is 7.",
        .opts = opts,
        .max_operands = 1,
        .operands = "FILE",
    };
    return work(&keys, &spec, read_lines, import, argc, argv, &name, err);
}

static const struct app_verb verbs[] = {
    {"list", keys_list},     {"get", keys_get},       {"set", keys_set}, {"delete", keys_delete},
    {"export", keys_export}, {"import", keys_import}, {NULL, NULL}};

int verb_state_keys(struct app *app, int argc, char **argv, struct err *err)
{
    static const struct app_verbs table = {
        .title = "jeton state keys",
        .usage = "jeton state keys list (--job|--hook|--shared|--script) NAME [--json]\n"
                 "jeton state keys get (--job|--hook|--shared|--script) NAME KEY [--text]\n"
                 "jeton state keys set (--job|--hook|--shared|--script) NAME KEY VALUE [--text]\n"
                 "jeton state keys delete (--job|--hook|--shared|--script) NAME (KEY… | --all)\n"
                 "jeton state keys export (--job|--hook|--shared|--script) NAME\n"
                 "jeton state keys import (--job|--hook|--shared|--script) NAME [FILE]",
        .description =
            "Shows and changes what scripts keep with jeton.state: the keys of a job, of a "
            "webhook, of a script that is run without a job, or those that jobs and "
            "webhooks share. `jeton state keys set --help` and the like have the "
            "details.",
        .verbs = verbs,
    };
    return app_verbs(&table, app, argc, argv, err);
}
