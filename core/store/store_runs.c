#include "store_runs.h"

#include "ascii.h"
#include "mem.h"
#include "store_counters.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define SHARED       "shared:"
#define JOBS_AT_ONCE 250 /* a busy database takes seconds for them */

void store_scope(char scope[static STORE_SCOPE_SIZE], const char *job, const char *home)
{
    snprintf(scope, STORE_SCOPE_SIZE, "job:%s:%s", job, home); /* no ":" in names */
}

void store_scope_shared(char scope[static STORE_SCOPE_SIZE], const char *name, const char *home)
{
    snprintf(scope, STORE_SCOPE_SIZE, SHARED "%s:%s", name, home);
}

const char *store_scope_shared_name(const char *scope, size_t *len)
{
    const char *name = scope + sizeof SHARED - 1;
    *len = strcspn(name, ":");
    return name;
}

void store_run_id(char id[static STORE_RUN_ID_SIZE])
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    for (size_t i = 0; i + 1 < STORE_RUN_ID_SIZE; i++)
        id[i] = alphabet[randombytes_uniform(sizeof alphabet - 1)];
    id[STORE_RUN_ID_SIZE - 1] = '\0';
}

void store_run_read_id(char id[static STORE_RUN_ID_SIZE], const char *text)
{
    snprintf(id, STORE_RUN_ID_SIZE, "%s", text);
    for (char *c = id; *c != '\0'; c++) {
        if (!ascii_is_alnum(*c))
            *c = '_';
    }
}

bool store_run_is_running(const struct store_run *run)
{
    return run->exit < 0 && run->cause == NULL && run->alive;
}

void store_runs_destroy(struct store_runs *runs)
{
    mem_free(runs->items);
    arena_destroy(&runs->texts);
    memset(runs, 0, sizeof *runs);
}

int store_run_add(struct store *store, struct store_run *run, struct err *err)
{
    struct store_call call = {.op = STORE_RUN_ADD, .run = {.added = run}};
    return store_wait(store, &call, err);
}

int store_run_claim(struct store *store, struct store_run *run, const char *boot_id,
                    struct err *err)
{
    struct store_call call = {.op = STORE_RUN_CLAIM, .run = {.added = run, .boot_id = boot_id}};
    return store_wait(store, &call, err);
}

int store_run_start(struct store *store, struct store_run *run, struct err *err)
{
    struct store_call call = {.op = STORE_RUN_START, .run = {.added = run}};
    return store_wait(store, &call, err);
}

int store_run_end(struct store *store, const struct store_run *run, struct err *err)
{
    return store_run_end_and_add(store, run, NULL, err);
}

int store_run_end_and_add(struct store *store, const struct store_run *run, struct store_run *next,
                          struct err *err)
{
    struct store_call call = {.op = STORE_RUN_END, .run = {.ended = run, .added = next}};
    return store_wait(store, &call, err);
}

int store_run_end_and_prune(struct store *store, const struct store_run *run, int64_t keep,
                            int64_t since_ms, struct err *err)
{
    struct store_call call = {
        .op = STORE_RUN_END,
        .run = {.ended = run, .prune = true, .keep = keep, .since_ms = since_ms}};
    return store_wait(store, &call, err);
}

int store_run_told(struct store *store, const struct store_run *run, struct err *err)
{
    struct store_call call = {.op = STORE_RUN_TOLD, .run = {.ended = run}};
    return store_wait(store, &call, err);
}

int store_run_list(struct store *store, const struct store_run_filter *filter,
                   struct store_runs *runs, struct err *err)
{
    struct store_call call = {.op = STORE_RUN_LIST, .list = {.filter = filter, .runs = runs}};
    memset(runs, 0, sizeof *runs);
    return store_wait(store, &call, err);
}

void store_runs_dead(struct store_runs *runs)
{
    size_t dead = 0;
    for (size_t i = 0; i < runs->count; i++) {
        if (!runs->items[i].alive)
            runs->items[dead++] = runs->items[i];
    }
    runs->count = dead;
}

int store_slot_latest(struct store *store, const char *scope, int64_t not_after_ms,
                      int64_t *slot_ms, struct err *err)
{
    struct store_call call = {
        .op = STORE_SLOT_LATEST,
        .job = {.scopes = &scope, .count = 1, .at_ms = not_after_ms, .found_ms = slot_ms}};
    return store_wait(store, &call, err);
}

int store_job_installed(struct store *store, const char *scope, int64_t now_ms,
                        int64_t *installed_ms, struct err *err)
{
    return store_jobs_installed(store, &scope, 1, now_ms, installed_ms, err);
}

static size_t part_of_jobs(size_t count, size_t done)
{
    return count - done < JOBS_AT_ONCE ? count - done : JOBS_AT_ONCE;
}

int store_jobs_installed(struct store *store, const char *const *scopes, size_t count,
                         int64_t now_ms, int64_t *installed_ms, struct err *err)
{
    int result = 0;
    for (size_t done = 0, part; done < count && result == 0; done += part) {
        part = part_of_jobs(count, done);
        struct store_call call = {.op = STORE_JOB_INSTALLED,
                                  .job = {.scopes = scopes + done,
                                          .count = part,
                                          .at_ms = now_ms,
                                          .found_ms = installed_ms + done}};
        result = store_wait(store, &call, err);
    }
    return result;
}

int store_jobs_set_installed(struct store *store, const char *const *scopes, size_t count,
                             int64_t installed_ms, struct err *err)
{
    int result = 0;
    for (size_t done = 0, part; done < count && result == 0; done += part) {
        part = part_of_jobs(count, done);
        struct store_call call = {
            .op = STORE_JOB_SET_INSTALLED,
            .job = {.scopes = scopes + done, .count = part, .at_ms = installed_ms}};
        result = store_wait(store, &call, err);
    }
    return result;
}

int store_counters_add(struct store *store, const char *scope, const struct store_counters *more,
                       struct store_counters *sums, struct err *err)
{
    struct store_call call = {.op = STORE_COUNTERS_ADD,
                              .counters = {.scope = scope, .more = more, .sums = sums}};
    return store_wait(store, &call, err);
}
