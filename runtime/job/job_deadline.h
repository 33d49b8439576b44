/* When an attempt that does not end by itself is killed: some time after its deadline, after a
 * signal was passed on to it, or after it was told to end since the run has lost its lock. */
#ifndef JETON_JOB_DEADLINE_H
#define JETON_JOB_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define JOB_DEADLINE_GRACE_MS  8000  /* after the deadline; its child ends itself, in six at most */
#define JOB_DEADLINE_SIGNAL_MS 10000 /* after a signal was passed on */

struct job_deadline {
    pid_t pid;       /* not reaped */
    int64_t kill_ms; /* monotonic */
    int killed;      /* 0, or the exit status that the kill stands for */
    bool lost;       /* it was told to end, since the lock is lost */
};

/* deadline_ms: monotonic. */
void job_deadline_begin(struct job_deadline *deadline, pid_t pid, int64_t deadline_ms);
void job_deadline_pass(struct job_deadline *deadline, int signo);
/* Nothing of it may run when another host begins. Only the first call does something. */
void job_deadline_lose(struct job_deadline *deadline);
/* Milliseconds until it is to be killed; not above 0: now. */
int64_t job_deadline_left(const struct job_deadline *deadline);
/* The child, and its process group. signo: the signal that the run is ended by; 0: none. */
void job_deadline_kill(struct job_deadline *deadline, int signo);

#endif
