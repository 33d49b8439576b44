/* Which slot of a job's schedule is due. */
#ifndef JETON_JOB_SLOT_H
#define JETON_JOB_SLOT_H

#include "config.h"
#include "store_runs.h"

#define JOB_SLOT_LATE_MS 300000 /* an older slot is missed, without catch_up */
/* A missed slot of this age or less is told: whoever started the job was late. An older one was
 * missed while nothing ran. */
#define JOB_SLOT_TOLD_MS (3 * 3600000)
/* The same for a job that nobody has looked at before: what is older was there before the job. */
#define JOB_SLOT_TOLD_NEW_MS (30 * 60000)

struct job_slot {
    int64_t slot_ms;                  /* for @reboot, the boot */
    char boot_id[CLOCK_BOOT_ID_SIZE]; /* of @reboot; else "" */
    bool late;                        /* it is missed, and to be told */
};

/* What the state knows of a job's slots. Owned by the caller. */
struct job_slot_known {
    struct store_call installed, latest;
    const char *scope;
    int64_t since_ms, claimed_ms; /* by the state's clock; INT64_MIN: no slot is claimed */
};
#define JOB_SLOT_CALLS 2
/* Sets the calls that find it out; scope is borrowed until they are done. They note when the job
 * was first looked at. How many they are, or -1: ERR_CONFIG, it has no schedule. */
int job_slot_ask(struct job_slot_known *known, const struct job *job, const char *scope,
                 struct store_call *calls[static JOB_SLOT_CALLS], struct err *err);
/*
 * When the calls have succeeded, which took that long. The latest slot that is not after now: at
 * most JOB_SLOT_LATE_MS old, or, where the job catches up, of any age since its last claim and its
 * installation. Else the latest one that is missed and to be told; not where a scheduler in another
 * zone had a reason of its own to start the job now (cron_cover.h). 1: *slot, which may be claimed
 * already; 0: none; -1: ERR_CONFIG (unknown zone).
 */
int job_slot_due(const struct job_slot_known *known, const struct job *job, int64_t now_ms,
                 int64_t took_ms, struct job_slot *slot, struct err *err);
/* Where the state's clock is behind this host's, as that of a database may be: how long until a
 * slot is due there that was due here at here_ms, in ms; 0: there is none. Whoever started the job
 * then went by this host's clock, and starts it again for the next slot: that is not this run's.
 * several: it is not the next one there. */
int64_t job_slot_early_ms(const struct job *job, int64_t now_ms, int64_t here_ms, bool *several);
/* Where the store cannot be asked: the latest slot that is at most JOB_SLOT_LATE_MS old, claimed or
 * not; for @reboot, the boot. 1, 0, or -1 with ERR_CONFIG, as above. */
int job_slot_recent(const struct job *job, int64_t now_ms, int64_t *slot_ms, struct err *err);

#endif
