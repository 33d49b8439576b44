#include "cron_table.h"

#include "clock.h"
#include "config_rows.h"
#include "cron_due.h"
#include "job_slot.h"
#include "mem.h"
#include "store_runs.h"

#include <stdio.h>
#include <string.h>

#define NEVER  INT64_MAX
#define LATE_S (JOB_SLOT_LATE_MS / 1000)
#define TOLD_S (JOB_SLOT_TOLD_MS / 1000)

static int64_t next_after(const struct cron_entry *entry, int64_t after)
{
    int64_t next;
    return cron_due_next(&entry->job->cron, entry->zone, after, &next) ? next : NEVER;
}

/* Loading */

static const struct cron_entry *find(const struct cron_table *table, const char *scope, size_t near)
{
    for (size_t i = 0; i < table->count; i++) { /* mostly it is where it was */
        const struct cron_entry *entry = &table->entries[(near + i) % table->count];
        if (strcmp(entry->scope, scope) == 0)
            return entry;
    }
    return NULL;
}

/* From where slots of a newly seen job count. */
static int begin(struct cron_entry *entry, struct store *store, int64_t now, int64_t installed_ms,
                 struct err *err)
{
    int64_t claimed_ms = STORE_NONE;
    entry->looked = installed_ms / 1000;
    if (entry->job->catch_up) {
        if (store_slot_latest(store, entry->scope, now * 1000, &claimed_ms, err) < 0)
            return -1;
        if (claimed_ms != STORE_NONE && claimed_ms / 1000 > entry->looked)
            entry->looked = claimed_ms / 1000;
    } else if (entry->looked < now - LATE_S) {
        entry->looked = now - LATE_S;
    }
    if (entry->looked > now)
        entry->looked = now;
    return 0;
}

static void add(struct cron_table *table, const struct job *job, struct zone *zone)
{
    char scope[STORE_SCOPE_SIZE];
    store_scope(scope, job->name, job->home);
    table->entries[table->count++] =
        (struct cron_entry){.job = job, .scope = mem_strdup(scope), .zone = zone};
}

static int fill(struct cron_table *table, struct err *err)
{
    struct cron_plan *plan = &table->plan;
    table->entries = mem_alloc((plan->count + 1) * sizeof *table->entries);
    for (size_t i = 0; i < plan->count; i++) {
        struct zone *zone = cron_plan_zone(plan, plan->jobs[i], plan->local, err);
        if (zone == NULL)
            return -1;
        add(table, plan->jobs[i], zone);
    }
    return 0;
}

static int take_over(struct cron_table *table, const struct cron_table *former, struct store *store,
                     const int64_t *installed_ms, struct err *err)
{
    int64_t now = table->plan.now;
    for (size_t i = 0; i < table->count; i++) {
        struct cron_entry *entry = &table->entries[i];
        const struct cron_entry *old = former != NULL ? find(former, entry->scope, i) : NULL;
        if (old != NULL) {
            entry->looked = old->looked;
            entry->waiting = old->waiting;
            entry->slot = old->slot;
            entry->since = old->since;
            entry->order = old->order;
        } else if (begin(entry, store, now, installed_ms[i], err) != 0) {
            return -1;
        } else if (former == NULL && entry->job->cron.reboot) {
            entry->waiting = true;
            entry->slot = entry->since = now;
            entry->order = table->order++;
        }
        entry->next = next_after(entry, entry->looked);
    }
    return 0;
}

static int look_up(struct cron_table *table, const struct cron_table *former, struct err *err)
{
    int result = -1;
    const char **scopes = mem_alloc((table->count + 1) * sizeof *scopes);
    int64_t *installed_ms = mem_alloc((table->count + 1) * sizeof *installed_ms);
    for (size_t i = 0; i < table->count; i++)
        scopes[i] = table->entries[i].scope;
    const struct config *config = table->plan.config;
    struct store *store = store_new(config->state, NULL);
    if (config_rows_settle(config, store, table->plan.app->log, err) == 0 &&
        store_jobs_installed(store, scopes, table->count, table->plan.now * 1000, installed_ms,
                             err) == 0)
        result = take_over(table, former, store, installed_ms, err);
    store_free(store); /* none is open at a fork */
    mem_free(installed_ms);
    mem_free(scopes);
    return result;
}

int cron_table_load(struct cron_table *table, struct app *app, const struct cron_table *former,
                    struct err *err)
{
    *table = (struct cron_table){.order = former != NULL ? former->order : 0};
    if (cron_plan_create(&table->plan, app, err) != 0 || fill(table, err) != 0)
        return -1;
    return look_up(table, former, err);
}

void cron_table_destroy(struct cron_table *table)
{
    for (size_t i = 0; i < table->count; i++)
        mem_free(table->entries[i].scope);
    mem_free(table->entries);
    table->entries = NULL;
    table->count = 0;
    cron_plan_destroy(&table->plan);
}

/* Looking */

static void leave_out(const struct cron_table *table, const struct cron_entry *entry,
                      const char *why)
{
    char at[ZONE_RFC3339_SIZE];
    zone_format(table->plan.local, entry->slot, at);
    log_msg(table->plan.app->log, LOG_WARN, "job '%s': its run of %s is dropped: %s",
            entry->job->name, at, why);
}

static void mark(struct cron_table *table, struct cron_entry *entry, int64_t slot, int64_t now)
{
    if (entry->waiting) {
        leave_out(table, entry, "it waited until the next one was due");
    } else {
        entry->order = table->order++;
        entry->since = now;
    }
    entry->waiting = true;
    entry->slot = slot;
}

static void look_at(struct cron_table *table, struct cron_entry *entry, int64_t now)
{
    int64_t slot, not_before = entry->looked + 1;
    bool back = now < entry->looked; /* the clock was set back: claimed slots stay claimed */
    if (!back && now >= entry->next) {
        if (!entry->job->catch_up && not_before < now - TOLD_S)
            not_before = now - TOLD_S;
        if (cron_due_latest(&entry->job->cron, entry->zone, now, not_before, &slot))
            mark(table, entry, slot, now);
    }
    entry->looked = now;
    if (back || now >= entry->next)
        entry->next = next_after(entry, now);
}

void cron_table_look(struct cron_table *table, int64_t now)
{
    for (size_t i = 0; i < table->count; i++)
        look_at(table, &table->entries[i], now);
}

bool cron_table_refresh(struct cron_table *table)
{
    bool local = zone_refresh(table->plan.local);
    if (!zones_refresh(&table->plan.zones) && !local)
        return false;
    for (size_t i = 0; i < table->count; i++)
        table->entries[i].next = next_after(&table->entries[i], table->entries[i].looked);
    return true;
}

int64_t cron_table_next(const struct cron_table *table)
{
    int64_t next = NEVER;
    for (size_t i = 0; i < table->count; i++) {
        if (table->entries[i].next < next)
            next = table->entries[i].next;
    }
    return next;
}

/* Waiting */

struct cron_entry *cron_table_take(struct cron_table *table,
                                   bool (*may)(void *arg, const struct cron_entry *entry),
                                   void *arg)
{
    struct cron_entry *first = NULL;
    for (size_t i = 0; i < table->count; i++) {
        struct cron_entry *entry = &table->entries[i];
        if (!entry->waiting)
            continue;
        if ((first == NULL || entry->order < first->order) && may(arg, entry))
            first = entry;
    }
    if (first != NULL)
        first->waiting = false;
    return first;
}

void cron_table_give_back(struct cron_entry *entry)
{
    entry->waiting = true;
}

size_t cron_table_waiting(const struct cron_table *table)
{
    size_t waiting = 0;
    for (size_t i = 0; i < table->count; i++)
        waiting += table->entries[i].waiting ? 1 : 0;
    return waiting;
}

const struct cron_entry *cron_table_longest(const struct cron_table *table)
{
    const struct cron_entry *first = NULL;
    for (size_t i = 0; i < table->count; i++) {
        const struct cron_entry *entry = &table->entries[i];
        if (entry->waiting && (first == NULL || entry->order < first->order))
            first = entry;
    }
    return first;
}

void cron_table_log(const struct cron_table *table)
{
    struct log *log = table->plan.app->log;
    char at[ZONE_RFC3339_SIZE];
    if (!log_enabled(log, LOG_DEBUG))
        return;
    for (size_t i = 0; i < table->count; i++) {
        const struct cron_entry *entry = &table->entries[i];
        if (entry->job->cron.reboot)
            snprintf(at, sizeof at, "at the start");
        else if (entry->next == NEVER)
            snprintf(at, sizeof at, "never");
        else
            zone_format(table->plan.local, entry->next, at);
        log_msg(log, LOG_DEBUG, "job '%s': next %s", entry->job->name, at);
    }
}
