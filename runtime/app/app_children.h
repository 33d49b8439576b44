/* The child processes of a server, such as the supervisors of `jeton cron run`. */
#ifndef JETON_APP_CHILDREN_H
#define JETON_APP_CHILDREN_H

#include "log.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define APP_STOPPED_MS 3000 /* that one may be stopped, where nobody has a reason for it */

struct app_child {
    pid_t pid;
    char *name;         /* for messages: "job 'report'" */
    char *group;        /* what app_children_of counts by */
    int64_t stopped_ms; /* monotonic: since when it is stopped, as by SIGSTOP; 0: it is not */
    bool asked;         /* to end, by SIGTERM: to end by that is no fault */
};

struct app_children {
    struct app_child *items;
    size_t count, max;
    struct log *log;
    /* Whoever wants to know how one of a group ended (waitpid). May be NULL. */
    void (*ended)(void *arg, const char *group, int wait_status);
    void *arg;
};

void app_children_create(struct app_children *children, size_t max, struct log *log);
/* Ends none of them. */
void app_children_destroy(struct app_children *children);
void app_children_add(struct app_children *children, pid_t pid, const char *name,
                      const char *group);
size_t app_children_of(const struct app_children *children, const char *group);
/* Reaps all that have ended, adopted ones too, and logs how ours ended. */
void app_children_reap(struct app_children *children);
/* SIGKILL to each that is stopped for APP_STOPPED_MS, and to its process group. In how many ms it
 * has to look again, at most max_ms. */
int64_t app_children_end_stopped(struct app_children *children, int64_t max_ms);
/* To all of one group. */
void app_children_signal(const struct app_children *children, const char *group, int signo);
void app_children_kill(const struct app_children *children, int signo);

#endif
