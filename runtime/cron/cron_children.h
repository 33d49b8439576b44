/* The processes of `jeton cron run`: one for each run that is due, the supervisor of that run. */
#ifndef JETON_CRON_CHILDREN_H
#define JETON_CRON_CHILDREN_H

#include "log.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CRON_CHILDREN_MAX     1000 /* --at-once at most */
#define CRON_CHILDREN_PER_JOB 8    /* of one job: those that wait for its lock (overlap: wait) */

struct cron_child {
    pid_t pid;
    char *job;
    char *scope;
};

struct cron_children {
    struct cron_child *items;
    size_t count, max;
    struct log *log;
};

void cron_children_create(struct cron_children *children, size_t max, struct log *log);
/* Ends none of them. */
void cron_children_destroy(struct cron_children *children);
void cron_children_add(struct cron_children *children, pid_t pid, const char *job,
                       const char *scope);
size_t cron_children_of(const struct cron_children *children, const char *scope);
/* Reaps all that have ended, adopted ones too, and says which of ours ended badly. */
void cron_children_reap(struct cron_children *children);
void cron_children_kill(const struct cron_children *children, int signo);

#endif
