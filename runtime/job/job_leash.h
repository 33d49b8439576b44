/*
 * Has the kernel kill an attempt's whole process group when its supervisor dies, even by SIGKILL.
 * PR_SET_PDEATHSIG reaches only the script's own process, not what it started. So there is a pipe
 * of which only the supervisor holds the writing end: when that is closed, the kernel sends SIGKILL
 * to the group (F_SETOWN, F_SETSIG), stopped or not.
 */
#ifndef JETON_JOB_LEASH_H
#define JETON_JOB_LEASH_H

#include "err.h"

struct job_leash {
    int ends[2]; /* the child's, the supervisor's; -1: closed */
};

int job_leash_create(struct job_leash *leash, struct err *err);
/* In the child, which leads its group. */
void job_leash_attach(struct job_leash *leash);
/* In the supervisor, after the fork. */
void job_leash_hold(struct job_leash *leash);
/* In the supervisor when the group is gone; in the child when its script is over. */
void job_leash_destroy(struct job_leash *leash);

#endif
