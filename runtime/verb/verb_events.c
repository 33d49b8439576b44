/* jeton events: what webhooks brought. */
#include "config_hide.h"
#include "config_load.h"
#include "events_json.h"
#include "events_try.h"
#include "hook.h"
#include "store_copy.h"
#include "verb.h"
#include "verb_lua.h"

#include "mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT_DEFAULT 100
#define LIMIT_MAX     1000000
#define NOT_GIVEN     (-1)
#define TEXT_MAX      ((size_t)1024 * 1024 * 1024)

struct events_options {
    const char *show, *retry, *drop, *run, *forward;
    bool failed, waiting, held, json, really, yes;
    int64_t limit;
    const char *const *operands;
    int count;
};

struct events {
    struct app *app;
    const struct config *config;
    struct store *store;
    const struct events_options *options;
};

/* By numbers, as the list has them. */
static int read_seq(const char *text, int64_t *seq, struct err *err)
{
    char *end;
    *seq = strtoll(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || *seq <= 0)
        return err_set(err, ERR_USAGE,
                       "'%s' is no event; `jeton events` lists them by their number", text);
    return 0;
}

/* NULL: it is not configured any more. */
static const struct hook *hook_of(const struct config *config, const struct store_event *event)
{
    size_t len = 0;
    const char *name = store_event_hook(event->scope, &len);
    for (size_t i = 0; i < config->nhooks; i++) {
        const char *its = config->hooks[i]->name;
        if (name != NULL && strlen(its) == len && memcmp(its, name, len) == 0)
            return config->hooks[i];
    }
    return NULL;
}

static int64_t attempts_of(const struct config *config, const struct store_event *event)
{
    const struct hook *hook = hook_of(config, event);
    return hook != NULL ? hook->retries.attempts : 0;
}

/* The event of that number, of this configuration. */
static int find(const struct events *events, const char *text, struct store_events *found,
                struct err *err)
{
    struct store_event_filter filter = {.homes = events->config->homes, .content = true};
    if (read_seq(text, &filter.seq, err) != 0 ||
        store_event_list(events->store, &filter, found, err) != 0)
        return -1;
    if (found->count == 1)
        return 0;
    store_events_destroy(found);
    return err_set(err, ERR_USAGE, "there is no event %s; `jeton events` lists them", text);
}

/* Listing */

/* One that is configured, or was when it brought something. */
static int check_hook(const struct events *events, const char *name, struct err *err)
{
    struct err unknown = {0};
    struct store_events found = {.count = 0};
    const struct store_event_filter filter = {
        .homes = events->config->homes, .hook = name, .limit = 1};
    if (name == NULL || config_hook(events->config, name, &unknown) != NULL)
        return 0;
    int result = store_event_list(events->store, &filter, &found, err);
    if (result == 0 && found.count == 0) {
        *err = unknown;
        result = -1;
    }
    store_events_destroy(&found);
    return result;
}

static int print_list(const struct events *events, const struct store_events *list, struct err *err)
{
    struct buf json, text;
    int status = 0;
    buf_create(&json, TEXT_MAX);
    buf_create(&text, TEXT_MAX);
    buf_putc(&json, '[');
    for (size_t i = 0; i < list->count; i++) {
        buf_puts(&json, i > 0 ? ",\n " : "");
        events_json(&list->items[i], attempts_of(events->config, &list->items[i]), NULL, &json);
    }
    buf_puts(&json, "]\n");
    if (!events->options->json)
        status =
            verb_lua(events->app, events->config, "hook.list", "render", json.data, &text, err);
    const struct buf *out = events->options->json ? &json : &text;
    if (status == 0)
        status = app_print(events->app, out->data, out->len, err);
    buf_destroy(&text);
    buf_destroy(&json);
    return status;
}

static int list(const struct events *events, struct err *err)
{
    const struct events_options *options = events->options;
    const struct store_event_filter filter = {
        .homes = events->config->homes,
        .hook = options->count > 0 ? options->operands[0] : NULL,
        .states = (options->failed ? STORE_EVENT_DEAD : 0U) |
                  (options->waiting ? STORE_EVENT_READY | STORE_EVENT_RUNNING : 0U) |
                  (options->held ? STORE_EVENT_HELD : 0U),
        .limit = options->limit != NOT_GIVEN ? options->limit
                 : options->json             ? 0
                                             : LIMIT_DEFAULT + 1};
    struct store_events found = {.count = 0};
    if (check_hook(events, filter.hook, err) != 0 ||
        store_event_list(events->store, &filter, &found, err) != 0)
        return -1;
    bool more = options->limit == NOT_GIVEN && !options->json && found.count > LIMIT_DEFAULT;
    if (more)
        found.count = LIMIT_DEFAULT;
    int status = print_list(events, &found, err);
    if (found.count == 0 && !options->json)
        log_msg(events->app->log, LOG_INFO, "no such events");
    else if (more)
        log_msg(events->app->log, LOG_INFO, "the newest %d; --limit N shows more", LIMIT_DEFAULT);
    store_events_destroy(&found);
    return status;
}

static int show(const struct events *events, struct err *err)
{
    struct store_events found;
    struct buf json, text;
    struct engine engine;
    if (find(events, events->options->show, &found, err) != 0)
        return -1;
    engine_create(&engine, events->config, events->app->log, events->app->redact);
    engine_know_secrets(&engine); /* to mask them */
    engine_destroy(&engine);
    buf_create(&json, TEXT_MAX);
    buf_create(&text, TEXT_MAX);
    events_json(&found.items[0], attempts_of(events->config, &found.items[0]), events->app->redact,
                &json);
    buf_putc(&json, '\n');
    int status = 0;
    if (!events->options->json)
        status = verb_lua(events->app, events->config, "hook.list", "show", json.data, &text, err);
    const struct buf *out = events->options->json ? &json : &text;
    if (status == 0)
        status = app_print(events->app, out->data, out->len, err);
    buf_destroy(&text);
    buf_destroy(&json);
    store_events_destroy(&found);
    return status;
}

/* By hand */

static int say(const struct events *events, const char *what, int64_t count)
{
    log_msg(events->app->log, LOG_INFO, "%" PRId64 " event%s %s", count, count == 1 ? "" : "s",
            what);
    return 0;
}

/* Of each webhook of this configuration that has dead ones, or of the one that is named. */
static int retry_all(const struct events *events, const char *hook, struct err *err)
{
    const struct store_event_filter filter = {
        .homes = events->config->homes, .hook = hook, .states = STORE_EVENT_DEAD};
    struct store_events found;
    int64_t count = 0, changed = 0;
    if (check_hook(events, hook, err) != 0 ||
        store_event_list(events->store, &filter, &found, err) != 0)
        return -1;
    for (size_t i = 0; i < found.count && changed >= 0; i++) {
        bool done = false; /* with an earlier one of its scope */
        for (size_t j = 0; j < i && !done; j++)
            done = strcmp(found.items[j].scope, found.items[i].scope) == 0;
        if (done)
            continue;
        changed = store_event_retry(events->store, found.items[i].scope, 0,
                                    store_now_ms(events->store), err);
        count += changed > 0 ? changed : 0;
    }
    store_events_destroy(&found);
    return changed < 0 ? -1 : say(events, "to be tried again", count);
}

/* One whose process has died is nobody's, though its webhook's next one has not seen it yet. 1, 0:
 * it is somebody's, -1. */
static int free_orphan(const struct events *events, int64_t seq, struct err *err)
{
    const struct store_event_filter filter = {.seq = seq, .orphaned = true};
    struct store_events left;
    if (store_event_list(events->store, &filter, &left, err) != 0)
        return -1;
    int result = 0;
    if (left.count == 1) {
        int64_t now_ms = store_now_ms(events->store);
        const struct store_event *event = &left.items[0];
        const struct store_event_end end = {.scope = event->scope,
                                            .seq = seq,
                                            .owner = event->owner,
                                            .attempt = event->attempt,
                                            .state = STORE_EVENT_READY,
                                            .now_ms = now_ms,
                                            .next_ms = now_ms,
                                            .alone = true};
        result = store_event_end(events->store, &end, err) < 0 ? -1 : 1;
    }
    store_events_destroy(&left);
    return result;
}

static int64_t change(const struct events *events, int64_t seq, bool drop, struct err *err)
{
    int64_t now_ms = store_now_ms(events->store);
    return drop ? store_event_drop(events->store, seq, now_ms, err)
                : store_event_retry(events->store, NULL, seq, now_ms, err);
}

static int without_body(const char *text, struct err *err)
{
    return err_set(err, ERR_USAGE, "event %s has no body any more (keep of its webhook)", text);
}

/* Whether it is there, and what a retry needs, before the first of several is changed. */
static int look_at(const struct events *events, const char *text, bool drop, struct err *err)
{
    struct store_events found;
    if (find(events, text, &found, err) != 0)
        return -1;
    bool there = drop || found.items[0].body != NULL;
    store_events_destroy(&found);
    return there ? 0 : without_body(text, err);
}

static int change_one(const struct events *events, const char *text, bool drop, struct err *err)
{
    struct store_events found;
    if (find(events, text, &found, err) != 0)
        return -1;
    const struct store_event *event = &found.items[0];
    int64_t changed = change(events, event->seq, drop, err);
    if (changed == 0 && event->body != NULL) {
        changed = free_orphan(events, event->seq, err);
        changed = changed == 1 ? change(events, event->seq, drop, err) : changed;
    }
    if (changed > 0 && !drop && hook_of(events->config, event) == NULL)
        log_msg(events->app->log, LOG_WARN,
                "event %s waits until its webhook is configured again, under the same name", text);
    if (changed == 0 && event->body == NULL)
        changed = without_body(text, err);
    else if (changed == 0)
        changed = err_set(err, ERR_BUSY, "event %s is being handled", text);
    store_events_destroy(&found);
    return changed < 0 ? -1 : 0;
}

/* The option's value and the operands after it. */
static int change_all(const struct events *events, const char *first, bool drop, struct err *err)
{
    const struct events_options *options = events->options;
    if (store_copy_check_moved(events->store, events->config->home, err) != 0)
        return -1;
    if (!drop && strcmp(first, "all") == 0 && options->count > 1)
        return err_set(err, ERR_USAGE, "--retry all: one webhook at most after it");
    if (!drop && strcmp(first, "all") == 0)
        return retry_all(events, options->count > 0 ? options->operands[0] : NULL, err);
    for (int i = -1; i < options->count; i++) { /* all or none, where one cannot be */
        if (look_at(events, i < 0 ? first : options->operands[i], drop, err) != 0)
            return -1;
    }
    for (int i = -1; i < options->count; i++) {
        if (change_one(events, i < 0 ? first : options->operands[i], drop, err) == 0)
            continue;
        if (i >= 0) /* this one is being handled */
            err_advise(err, "the %d before it %s done", i + 1, i == 0 ? "is" : "are");
        return -1;
    }
    return say(events, drop ? "dropped" : "to be tried again", options->count + 1);
}

static int try(const struct events *events, struct err *err)
{
    const struct events_options *options = events->options;
    struct store_events found;
    if (options->count != 1)
        return err_set(err, ERR_USAGE, "%s: the number of one event expected after it",
                       options->run != NULL ? "--run FILE" : "--forward URL");
    if (find(events, options->operands[0], &found, err) != 0)
        return -1;
    const struct hook *hook = hook_of(events->config, &found.items[0]);
    const struct events_try how = {.script = options->run,
                                   .forward = options->forward,
                                   .connector = hook != NULL ? hook->connector : NULL,
                                   .dry_run = options->run != NULL && !options->really,
                                   .far = options->yes};
    int status =
        found.items[0].body == NULL
            ? err_set(err, ERR_USAGE, "event %s has no body any more (keep of its webhook)",
                      options->operands[0])
            : events_try(events->app, events->config, &found.items[0], &how, err);
    store_events_destroy(&found);
    return status;
}

static int work(const struct events *events, struct err *err)
{
    const struct events_options *options = events->options;
    if (options->retry == NULL && options->drop == NULL && options->run == NULL &&
        options->forward == NULL)
        store_reads(events->store);
    if (options->show != NULL)
        return show(events, err);
    if (options->retry != NULL || options->drop != NULL)
        return change_all(events, options->retry != NULL ? options->retry : options->drop,
                          options->drop != NULL, err);
    if (options->run != NULL || options->forward != NULL)
        return try(events, err);
    if (options->count > 1)
        return err_set(err, ERR_USAGE, "one webhook at most; `jeton events --help`");
    return list(events, err);
}

static int check(const struct events_options *options, struct err *err)
{
    int actions = (options->show != NULL) + (options->retry != NULL) + (options->drop != NULL) +
                  (options->run != NULL) + (options->forward != NULL);
    if (actions > 1)
        return err_set(err, ERR_USAGE,
                       "only one of --show, --retry, --drop, --run and --forward at a time");
    if (options->show != NULL && options->count > 0)
        return err_set(err, ERR_USAGE, "--show: the number of one event expected");
    if (options->really && options->run == NULL)
        return err_set(err, ERR_USAGE, "--really is for --run");
    if (options->yes && options->forward == NULL)
        return err_set(err, ERR_USAGE, "--yes is for --forward");
    if (options->limit != NOT_GIVEN && (options->limit < 1 || options->limit > LIMIT_MAX))
        return err_set(err, ERR_USAGE, "--limit: a number from 1 to %d expected", LIMIT_MAX);
    return 0;
}

static int open_and_work(struct app *app, const struct events_options *options, struct err *err)
{
    if (check(options, err) != 0)
        return -1;
    struct config *config = app_config(app, false, err);
    if (config == NULL)
        return -1;
    config_hide_files(config, app->redact); /* what is stored may hold one */
    const struct events events = {
        .app = app, .config = config, .store = store_new(config->state, NULL), .options = options};
    int status = work(&events, err);
    store_free(events.store);
    config_free(config);
    return status;
}

int verb_events(struct app *app, int argc, char **argv, struct err *err)
{
    struct events_options options = {.limit = NOT_GIVEN};
    const struct opt opts[] = {
        {0, "failed", OPT_FLAG, &options.failed, NULL, "only those that were given up"},
        {0, "waiting", OPT_FLAG, &options.waiting, NULL, "only those that wait or are handled"},
        {0, "held", OPT_FLAG, &options.held, NULL,
         "only those with the content of an earlier one, and another ID"},
        {0, "limit", OPT_INTEGER, &options.limit, "N", "the newest N (100; with --json all)"},
        {0, "json", OPT_FLAG, &options.json, NULL, "as JSON"},
        {0, "show", OPT_STRING, &options.show, "ID", "one, with headers and body, secrets masked"},
        {0, "retry", OPT_STRING, &options.retry, "ID", "try them again; all: those given up"},
        {0, "drop", OPT_STRING, &options.drop, "ID", "give them up, and delete their bodies"},
        {0, "run", OPT_STRING, &options.run, "FILE",
         "handle one by this script; requests are printed, nothing is stored"},
        {0, "really", OPT_FLAG, &options.really, NULL, "with --run: send requests, keep the state"},
        {0, "forward", OPT_STRING, &options.forward, "URL", "send one to this URL"},
        {0, "yes", OPT_FLAG, &options.yes, NULL, "with --forward: to another host"},
        {0, NULL, OPT_FLAG, NULL, NULL, NULL},
    };
    const struct opt_spec spec = {
        .usage = "jeton events [HOOK] [--failed] [--waiting] [--held] [--limit N] [--json]\n"
                 "jeton events --show ID [--json]\n"
                 "jeton events --retry ID…\n"
                 "jeton events [HOOK] --retry all\n"
                 "jeton events --drop ID…\n"
                 "jeton events --run FILE ID [--really]\n"
                 "jeton events --forward URL ID [--yes]",
        .description = "Lists the events that webhooks received, newest first. An ID is the number "
                       "in the first column.",
        .opts = opts,
        .max_operands = -1,
        .operands = "HOOK/ID ID",
    };
    struct opt_result result = {0};
    int status = app_options(app, &spec, argc, argv, &result, err);
    options.operands = result.operands;
    options.count = result.count;
    if (status > 0)
        status = open_and_work(app, &options, err);
    mem_free(result.operands);
    return status;
}
