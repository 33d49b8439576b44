/* Which slot of a job's schedule is due. */
#ifndef JETON_JOB_SLOT_H
#define JETON_JOB_SLOT_H

#include "config.h"
#include "store_runs.h"

#define JOB_SLOT_LATE_MS 300000 /* an older slot is missed */

/*
 * The latest slot that is not after now: at most JOB_SLOT_LATE_MS old, or, where the job catches
 * up, of any age since its last claim and its installation. 1: *slot_ms, which may be claimed
 * already; 0: none; -1: ERR_CONFIG (no schedule, unknown zone), or the store's. Notes when the job
 * was first looked at. For @reboot the slot is the boot; there *boot_id is filled in, else it is
 * "".
 */
int job_slot_due(struct store *store, const struct job *job, const char *scope, int64_t now_ms,
                 int64_t *slot_ms, char boot_id[static CLOCK_BOOT_ID_SIZE], struct err *err);
/* Where the store cannot be asked: the latest slot that is at most JOB_SLOT_LATE_MS old, claimed or
 * not; for @reboot, the boot. 1, 0, or -1 with ERR_CONFIG, as above. */
int job_slot_recent(const struct job *job, int64_t now_ms, int64_t *slot_ms, struct err *err);

#endif
