/*
 * Has the kernel kill an attempt's whole process group when its supervisor dies, even by SIGKILL.
 * PR_SET_PDEATHSIG reaches only the script's own process, not what it started. So there is a pipe
 * of which only the supervisor holds the writing end: when that is closed, the kernel sends SIGKILL
 * to the group (F_SETOWN, F_SETSIG), stopped or not.
 */
#ifndef JETON_JOB_PARENT_DEATH_H
#define JETON_JOB_PARENT_DEATH_H

#include "err.h"

struct job_parent_death {
    int ends[2]; /* the child's, the supervisor's; -1: closed */
};

int job_parent_death_create(struct job_parent_death *leash, struct err *err);
/* In the child, which leads its group. */
void job_parent_death_attach(struct job_parent_death *leash);
/* In the supervisor, after the fork. */
void job_parent_death_hold(struct job_parent_death *leash);
/* In the supervisor when the group is gone; in the child when its script is over. */
void job_parent_death_destroy(struct job_parent_death *leash);

#endif
