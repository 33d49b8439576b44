/* The rows of one run. The state may be open in these functions only: none crosses a fork. What is
 * asked together goes to a database in one round trip. */
#ifndef JETON_JOB_RECORD_H
#define JETON_JOB_RECORD_H

#include "job_attempt.h"
#include "job_outcome.h"
#include "store_lease.h"

#define JOB_RECORD_LATE_SIZE 160

enum job_record_begun {
    JOB_RECORD_FAILED = -1,
    JOB_RECORD_NONE,  /* no slot is due */
    JOB_RECORD_EARLY, /* one will be in early_ms, by the state's clock: begin again then */
    JOB_RECORD_OPEN,  /* a run begins */
    JOB_RECORD_LATE,  /* the slot is missed: claimed, and its row ended; the hooks are to be told */
};

struct job_record {
    struct app *app;
    const struct config *config;
    const struct job *job;
    struct store *store; /* borrowed */
    char scope[STORE_SCOPE_SIZE];
    char host[STORE_HOST_SIZE];
    struct store_run row;                  /* of the present attempt; its texts are borrowed */
    struct store_runs previous;            /* none, or the run before */
    struct store_runs untold, interrupted; /* as the lock was taken: runs of dead supervisors */
    bool tried;                            /* for the lock */
    bool started;                          /* under the job's lock */
    struct store_lease life;               /* the supervisor's sign of life */
    char late[JOB_RECORD_LATE_SIZE];       /* the message of a row of that kind */
    int64_t here_ms;                       /* by this host's clock, when the run was started */
    int64_t early_ms;                      /* after JOB_RECORD_EARLY */
};

void job_record_create(struct job_record *record, struct app *app, const struct config *config,
                       const struct job *job, struct store *store);
void job_record_destroy(struct job_record *record);

/* Adds the open row of the first attempt; scheduled: and claims the slot that is due. */
enum job_record_begun job_record_begin(struct job_record *record, bool scheduled, struct err *err);
/* After a begin that failed: whether there was a run that failed with it. By hand always; else
 * where a slot is due by the clock: nobody knows whether it was claimed. */
bool job_record_was_due(struct job_record *record, bool scheduled);
/* A try at the job's lock, as store_lease_try; with it, what job_record_start must know is read. */
int job_record_lock(struct job_record *record, struct store_lease *lease, struct err *err);
/* The lock is held: what was interrupted before is said, told to the hooks, and marked; so is what
 * ended before its supervisor could tell of it. The first attempt begins. */
int job_record_start(struct job_record *record, struct err *err);
/*
 * Writes how the attempt ended; the texts must live as long as the record. Where it cannot be
 * written, that is said, and its exit status returned, else 0. What started drops what the
 * configuration's history does not keep, too. A run that could not begin gets its row now, if that
 * works by now.
 */
int job_record_end(struct job_record *record, const struct job_attempt_end *end);
/* The same where another attempt follows, with an open row for that one, which waits: both or
 * neither. It is the present one now. */
int job_record_next(struct job_record *record, const struct job_attempt_end *end, struct err *err);
/* What waited begins. */
int job_record_again(struct job_record *record, struct err *err);
/* The hooks have been told of the end. */
void job_record_told(struct job_record *record);
/* For the hooks. */
struct job_outcome job_record_outcome(const struct job_record *record);

#endif
