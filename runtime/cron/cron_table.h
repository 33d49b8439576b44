/* The scheduled jobs of `jeton cron run`, which of them are due, and who waits for a process. */
#ifndef JETON_CRON_TABLE_H
#define JETON_CRON_TABLE_H

#include "cron_plan.h"

struct cron_entry {
    const struct job *job;
    char *scope;
    struct zone *zone;
    int64_t looked; /* epoch seconds: slots up to then were seen */
    int64_t next;   /* the first slot after it; INT64_MAX: none */
    bool waiting;   /* due, and not started yet */
    int64_t slot;   /* the one that it waits for; of @reboot, when it was asked for */
    int64_t since;  /* epoch seconds: when it began to wait */
    uint64_t order; /* who waits longer has the smaller one */
};

struct cron_table {
    struct cron_plan plan;
    struct cron_entry *entries;
    size_t count;
    uint64_t order;
};

/*
 * Loads the chosen configuration and notes jobs that are seen for the first time (their slots count
 * from then on). A slot that nobody took while no scheduler ran is due if it is young, or the job
 * catches up. `former`, when the configuration is read anew: what was seen and what waits goes on;
 * NULL: this is the start, at which jobs of @reboot are due. ERR_CONFIG, or the store's. Destroy it
 * after errors too.
 */
int cron_table_load(struct cron_table *table, struct app *app, const struct cron_table *former,
                    struct err *err);
void cron_table_destroy(struct cron_table *table);

/* Where the data of a zone were replaced, what comes after the last look is as these say. True
 * then. Call it before a look. */
bool cron_table_refresh(struct cron_table *table);
/* Marks the entries that became due since the last call, also where the clock was set meanwhile.
 * now in epoch seconds. */
void cron_table_look(struct cron_table *table, int64_t now);
/* The earliest slot to come; INT64_MAX: none. */
int64_t cron_table_next(const struct cron_table *table);
/*
 * Of those that wait and for which may(arg, entry) is true, the first; it waits no longer. NULL:
 * none. Its slot may be too old by now: the supervisor says so.
 */
struct cron_entry *cron_table_take(struct cron_table *table,
                                   bool (*may)(void *arg, const struct cron_entry *entry),
                                   void *arg);
/* Its process could not be started: the entry waits again, at the same place. */
void cron_table_give_back(struct cron_entry *entry);
size_t cron_table_waiting(const struct cron_table *table);
/* Who has waited longest; NULL: nobody waits. */
const struct cron_entry *cron_table_longest(const struct cron_table *table);
/* At -v: each job and its next time. */
void cron_table_log(const struct cron_table *table);

#endif
