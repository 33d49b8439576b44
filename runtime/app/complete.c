#include "complete.h"

#include "config_hide.h"
#include "config_load.h"
#include "hook.h"
#include "mem.h"
#include "provider_list.h"
#include "store_events.h"
#include "visible.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define OUTPUT_MAX ((size_t)4 * 1024 * 1024)
#define HELP_MAX   4096
#define ROWS_MAX   100 /* runs and events that are offered, the newest */

void complete_create(struct complete *complete, const struct config_presets *presets,
                     struct redact *redact)
{
    *complete = (struct complete){.end = COMPLETE_DONE, .presets = presets, .redact = redact};
    buf_create(&complete->out, OUTPUT_MAX);
}

void complete_destroy(struct complete *complete)
{
    buf_destroy(&complete->out);
}

/* A line of others' words: masked, and such that it stays one line. */
static void put_help(struct complete *complete, const char *help)
{
    struct buf masked;
    buf_create(&masked, HELP_MAX);
    redact_text(complete->redact, help, strnlen(help, HELP_MAX / sizeof REDACT_MASK), &masked);
    visible_append(&complete->out, masked.data, masked.len, VISIBLE_LINE);
    buf_destroy(&masked);
}

static void offer_part(struct complete *complete, const struct opt_question *question,
                       const char *value, size_t len, const char *help)
{
    if (strncmp(value, question->word, strlen(question->word)) != 0 ||
        strlen(question->word) > len || memchr(value, '\n', len) != NULL)
        return;
    buf_append(&complete->out, question->word - question->kept, question->kept);
    buf_append(&complete->out, value, len);
    if (help != NULL) {
        buf_putc(&complete->out, '\t');
        put_help(complete, help);
    }
    buf_putc(&complete->out, '\n');
}

void complete_offer(struct complete *complete, const struct opt_question *question,
                    const char *value, const char *help)
{
    offer_part(complete, question, value, strlen(value), help);
}

/* "text|json" */
static void offer_list(struct complete *complete, const struct opt_question *question,
                       const char *list, size_t len)
{
    for (const char *end = list + len; list < end;) {
        size_t name = strcspn(list, "|");
        name = name > (size_t)(end - list) ? (size_t)(end - list) : name;
        offer_part(complete, question, list, name, NULL);
        list += name + 1;
    }
}

/* What placeholders often stand for. */
static const struct {
    const char *what, *values;
} usual[] = {
    {"METHOD", "GET|POST|PUT|PATCH|DELETE|HEAD"},
    {"D|TIME", "1h|1d|7d|30d|00:00"},
    {"KIND[=FILE]", "tap|junit|json"},
};

static void offer_values(struct complete *complete, const struct opt_question *question)
{
    const char *what = question->what != NULL ? question->what : "";
    size_t len = strcspn(what, " ");
    for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++) {
        if (complete_asks(question, usual[i].what)) {
            offer_list(complete, question, usual[i].values, strlen(usual[i].values));
            return;
        }
    }
    if (strcspn(what, "abcdefghijklmnopqrstuvwxyz") < len) /* else it is a placeholder */
        offer_list(complete, question, what, len);
}

static void offer_options(struct complete *complete, const struct opt_question *question,
                          const struct opt *opts)
{
    for (const struct opt *opt = opts; opt != NULL && opt->long_name != NULL; opt++) {
        char letter[] = {'-', opt->short_name, '\0'};
        char *name = mem_printf("--%s", opt->long_name);
        bool is_letter = opt->short_name != '\0' && strcmp(question->word, letter) == 0;
        complete_offer(complete, question, is_letter ? letter : name, opt->help);
        mem_free(name);
    }
}

static void offer_connectors(struct complete *complete, const struct opt_question *question,
                             const struct config *config)
{
    for (size_t i = 0; i < config->nconnectors; i++)
        complete_offer(complete, question, config->connectors[i]->name,
                       config->connectors[i]->provider->name);
}

static void offer_jobs(struct complete *complete, const struct opt_question *question,
                       const struct config *config)
{
    for (size_t i = 0; i < config->njobs; i++)
        complete_offer(complete, question, config->jobs[i].name,
                       config->jobs[i].schedule != NULL ? config->jobs[i].schedule : "by hand");
}

static void offer_hooks(struct complete *complete, const struct opt_question *question,
                        const struct config *config)
{
    for (size_t i = 0; i < config->nhooks; i++)
        complete_offer(complete, question, config->hooks[i]->name, config->hooks[i]->preset);
}

static char *const *shared_at(const struct config *config, size_t index)
{
    return index < config->njobs ? config->jobs[index].shared
                                 : config->hooks[index - config->njobs]->shared;
}

static bool has_name(char *const *names, const char *name)
{
    while (names != NULL && *names != NULL && strcmp(*names, name) != 0)
        names++;
    return names != NULL && *names != NULL;
}

/* Names of shared spaces, each once. */
static void offer_shared(struct complete *complete, const struct opt_question *question,
                         const struct config *config)
{
    size_t count = config->njobs + config->nhooks;
    for (size_t i = 0; i < count; i++) {
        char *const *names = shared_at(config, i);
        for (; names != NULL && *names != NULL; names++) {
            size_t first = 0;
            while (first < i && !has_name(shared_at(config, first), *names))
                first++;
            if (first == i)
                complete_offer(complete, question, *names, "shared");
        }
    }
}

/* The state, if it is there and needs no network. */
static struct store *open_state(const struct config *config)
{
    struct store *store = config->state->url == NULL ? store_new(config->state, NULL) : NULL;
    if (store == NULL || store_exists(store))
        return store;
    store_free(store);
    return NULL;
}

/* Runs, and jobs: each stands for its newest run. */
static void offer_runs(struct complete *complete, const struct opt_question *question,
                       const struct config *config)
{
    struct err ignored;
    struct store_runs runs = {0};
    const struct store_run_filter newest = {.homes = config->homes, .limit = ROWS_MAX};
    struct store *store = open_state(config);
    if (store != NULL && store_run_list(store, &newest, &runs, &ignored) == 0) {
        for (size_t i = 0; i < runs.count; i++) {
            if (i == 0 || strcmp(runs.items[i].run, runs.items[i - 1].run) != 0)
                complete_offer(complete, question, runs.items[i].run, runs.items[i].job);
        }
    }
    store_runs_destroy(&runs);
    store_free(store);
    offer_jobs(complete, question, config);
}

static void offer_events(struct complete *complete, const struct opt_question *question,
                         const struct config *config)
{
    struct err ignored;
    struct store_events events = {0};
    const struct store_event_filter newest = {.homes = config->homes, .limit = ROWS_MAX};
    struct store *store = open_state(config);
    if (store != NULL && store_event_list(store, &newest, &events, &ignored) == 0) {
        for (size_t i = 0; i < events.count; i++) {
            char seq[24];
            snprintf(seq, sizeof seq, "%" PRId64, events.items[i].seq);
            complete_offer(complete, question, seq, events.items[i].type);
        }
    }
    store_events_destroy(&events);
    store_free(store);
}

static void offer_hooks_and_events(struct complete *complete, const struct opt_question *question,
                                   const struct config *config)
{
    offer_hooks(complete, question, config);
    offer_events(complete, question, config);
}

static void offer_presets(struct complete *complete, const struct opt_question *question,
                          enum preset_kind kind)
{
    char name[PRESET_NAME_SIZE];
    const struct config_presets *presets = complete->presets;
    for (size_t i = 0; presets->name_at(presets->data, kind, i, name); i++)
        complete_offer(complete, question, name, kind == PRESET_SENDER ? "webhooks" : "service");
}

static const struct {
    const char *what;
    void (*offer)(struct complete *, const struct opt_question *, const struct config *);
} names[] = {
    {"CONNECTOR", offer_connectors},
    {"JOB", offer_jobs},
    {"HOOK", offer_hooks},
    {"SHARED", offer_shared},
    {"RUN", offer_runs},
    {"ID", offer_events},
    {"HOOK/ID", offer_hooks_and_events},
};

static void offer_names(struct complete *complete, const struct opt_question *question, size_t kind)
{
    struct problems ignored;
    problems_create(&ignored);
    char *path = config_choose(complete->config_path);
    struct config *config = config_load(path, provider_list, complete->presets, &ignored);
    if (config != NULL) {
        config_hide(config, complete->redact);
        names[kind].offer(complete, question, config);
    }
    config_free(config);
    mem_free(path);
    problems_destroy(&ignored);
}

bool complete_asks(const struct opt_question *question, const char *what)
{
    const char *asked = question->what != NULL ? question->what : "";
    size_t len = strcspn(asked, " ");
    return strlen(what) == len && strncmp(asked, what, len) == 0;
}

void complete_answer(struct complete *complete, const struct opt_spec *spec,
                     const struct opt_question *question)
{
    static const struct opt help[] = {{'h', "help", OPT_FLAG, NULL, NULL, "show this help"},
                                      {0, NULL, OPT_FLAG, NULL, NULL, NULL}};
    if (question->options) {
        offer_options(complete, question, spec->opts);
        offer_options(complete, question, spec->global);
        offer_options(complete, question, help);
    }
    if (complete_asks(question, "FILE"))
        complete->end = COMPLETE_FILES;
    else if (complete_asks(question, "DIR"))
        complete->end = COMPLETE_DIRS;
    else if (complete_asks(question, "KEY=VALUE") || complete_asks(question, "KEY=JSON"))
        complete->end = COMPLETE_NOSPACE;
    else
        offer_values(complete, question);
    if (complete_asks(question, "PRESET") || complete_asks(question, "PRESET/SENDER"))
        offer_presets(complete, question, PRESET_SERVICE);
    if (complete_asks(question, "PRESET/SENDER"))
        offer_presets(complete, question, PRESET_SENDER);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (complete_asks(question, names[i].what))
            offer_names(complete, question, i);
    }
}
