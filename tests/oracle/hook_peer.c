/*
 * Stands for the listener in tests of a webhook's worker:
 *   hook-peer add HOOK       adds events from standard input, a line each: id, type, order key,
 * body, separated by tabs; "" is none. Prints what became of each, and its seq. hook-peer work HOOK
 * K=V… handles them, until standard input ends: script=PATH, attempts=N, … Exits as the worker
 * does. The configuration is $JETON_CONFIG.
 */
#include "hook_worker.h"

#include "config_load.h"
#include "mem.h"
#include "modules.h"
#include "presets.h"
#include "store_events.h"

#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_SIZE  ((size_t)4 * 1024 * 1024)
#define EVENTS_MAX 1000

static char *field(char **line)
{
    char *text = strsep(line, "\t\n");
    return text != NULL && text[0] != '\0' ? text : NULL;
}

/* All lines that are there, at most EVENTS_MAX at a time, as the listener does it. */
static int add(const struct config *config, const char *scope, struct err *err)
{
    static const char *const names[] = {"stored", "duplicate", "held", "full", "left out"};
    static struct store_event_new events[EVENTS_MAX];
    struct store *store = store_new(config->state, NULL);
    int result = 0;
    size_t count;
    do {
        static char *lines[EVENTS_MAX];
        size_t size = 0;
        for (count = 0; count < EVENTS_MAX && getline(&lines[count], &size, stdin) > 0; count++) {
            char *line = lines[count];
            struct store_event_new *event = &events[count];
            *event = (struct store_event_new){
                .scope = scope, .max_waiting = 100000, .id = field(&line), .type = field(&line)};
            event->order_key = field(&line);
            event->body = field(&line);
            event->body_len = event->body != NULL ? strlen(event->body) : 0;
            event->headers = "{\"content-type\":\"application/json\",\"x-kept\":\"1\"}";
            event->received_ms = store_now_ms(store);
            size = 0;
            if (count + 1 < EVENTS_MAX)
                lines[count + 1] = NULL;
        }
        result = count > 0 ? store_event_add(store, events, count, err) : 0;
        for (size_t i = 0; i < count && result == 0; i++)
            printf("%s %lld\n", names[events[i].added], (long long)events[i].seq);
        for (size_t i = 0; i < count; i++) {
            free(lines[i]);
            lines[i] = NULL;
        }
    } while (result == 0 && count == EVENTS_MAX);
    store_free(store);
    return result;
}

static char **words(char *text)
{
    static char *list[20];
    size_t count = 0;
    for (char *word = strtok(text, " "); word != NULL && count < 19; word = strtok(NULL, " "))
        list[count++] = word;
    return list;
}

static void set(struct hook *hook, int *answer_fd, int64_t *grace_ms, char *text)
{
    char *name = strsep(&text, "=");
    struct {
        const char *name;
        int64_t *value;
    } numbers[] = {{"concurrency", &hook->concurrency},
                   {"attempts", &hook->retries.attempts},
                   {"delay", &hook->retries.delay_ms},
                   {"max_delay", &hook->retries.max_delay_ms},
                   {"timeout", &hook->timeout_ms},
                   {"memory", &hook->memory_bytes},
                   {"grace", grace_ms}};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (strcmp(name, numbers[i].name) == 0)
            *numbers[i].value = strtoll(text, NULL, 10);
    }
    if (strcmp(name, "script") == 0)
        hook->script = text;
    else if (strcmp(name, "forward") == 0)
        hook->forward = text;
    else if (strcmp(name, "command") == 0)
        hook->command = words(text);
    else if (strcmp(name, "shared") == 0)
        hook->shared = words(text);
    else if (strcmp(name, "connector") == 0)
        hook->connector = text;
    else if (strcmp(name, "answers") == 0)
        *answer_fd = STDOUT_FILENO;
}

static int work(struct app *app, const struct config *config, const char *name, int argc,
                char **argv, struct err *err)
{
    int answer_fd = -1;
    int64_t grace_ms = 5000;
    struct hook hook = {.name = mem_strdup(name),
                        .home = config->home != NULL ? config->home : config->files[0],
                        .concurrency = 4,
                        .retries = {.attempts = 8, .delay_ms = 1, .max_delay_ms = 1},
                        .timeout_ms = 60000};
    for (int i = 0; i < argc; i++)
        set(&hook, &answer_fd, &grace_ms, argv[i]);
    const struct hook_worker worker = {.app = app,
                                       .config = config,
                                       .hook = &hook,
                                       .wake_fd = dup(STDIN_FILENO),
                                       .answer_fd = answer_fd,
                                       .grace_ms = grace_ms};
    int status = hook_worker_run(&worker, err);
    mem_free(hook.name);
    close(worker.wake_fd);
    return status;
}

int main(int argc, char **argv)
{
    struct err err = {0};
    char scope[STORE_SCOPE_SIZE];
    if (argc < 3 || sodium_init() < 0)
        return 2;
    signal(SIGPIPE, SIG_IGN);
    struct app app = {
        .presets = &presets_embedded, .modules = modules, .self = argv[0], .redact = redact_new()};
    app.log = log_new(STDERR_FILENO, LOG_DEBUG, LOG_TEXT, false, app.redact);
    struct config *config = app_config(&app, true, &err);
    int status = -1;
    if (config != NULL) {
        store_event_scope(scope, argv[2], config->home != NULL ? config->home : config->files[0]);
        status = strcmp(argv[1], "add") == 0
                     ? add(config, scope, &err)
                     : work(&app, config, argv[2], argc - 3, argv + 3, &err);
    }
    if (status < 0)
        status = app_report(&app, &err, NULL);
    config_free(config);
    log_free(app.log);
    redact_free(app.redact);
    mem_free(app.found);
    return status;
}
