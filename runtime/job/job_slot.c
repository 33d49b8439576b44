#include "job_slot.h"

#include "cron_due.h"

/* Slots before it are missed, or were there before the job. */
static int earliest(struct store *store, const struct job *job, const char *scope, int64_t now_ms,
                    int64_t *not_before_ms, struct err *err)
{
    int64_t claimed_ms = INT64_MIN, since_ms;
    *not_before_ms = now_ms - JOB_SLOT_LATE_MS;
    if (store_job_installed(store, scope, now_ms, &since_ms, err) != 0)
        return -1;
    if (!job->catch_up)
        return 0;
    if (store_slot_latest(store, scope, now_ms, &claimed_ms, err) < 0)
        return -1;
    if (claimed_ms > since_ms)
        since_ms = claimed_ms;
    if (since_ms + 1000 <
        *not_before_ms) /* slots are whole seconds: the next one at the earliest */
        *not_before_ms = since_ms + 1000;
    return 0;
}

static int check_schedule(const struct job *job, struct err *err)
{
    if (job->schedule != NULL)
        return 0;
    return err_set(err, ERR_CONFIG,
                   "it has no schedule, so it is never due; give it one, or leave out "
                   "--scheduled");
}

/* 1, 0: none since then, -1. */
static int find_latest(const struct job *job, int64_t now_ms, int64_t not_before_ms,
                       int64_t *slot_ms, struct err *err)
{
    int64_t slot = 0;
    if (job->cron.reboot) {
        *slot_ms = (now_ms - clock_boot_ms()) / 1000 * 1000;
        return 1;
    }
    struct zone *zone = zone_new(job->timezone, err);
    if (zone == NULL)
        return -1;
    bool found = cron_due_latest(&job->cron, zone, now_ms / 1000, not_before_ms / 1000, &slot);
    zone_free(zone);
    *slot_ms = slot * 1000;
    return found ? 1 : 0;
}

int job_slot_due(struct store *store, const struct job *job, const char *scope, int64_t now_ms,
                 int64_t *slot_ms, char boot_id[static CLOCK_BOOT_ID_SIZE], struct err *err)
{
    int64_t not_before_ms;
    boot_id[0] = '\0';
    if (check_schedule(job, err) != 0 ||
        earliest(store, job, scope, now_ms, &not_before_ms, err) != 0)
        return -1;
    if (job->cron.reboot)
        clock_boot_id(boot_id);
    return find_latest(job, now_ms, not_before_ms, slot_ms, err);
}

int job_slot_recent(const struct job *job, int64_t now_ms, int64_t *slot_ms, struct err *err)
{
    if (check_schedule(job, err) != 0)
        return -1;
    return find_latest(job, now_ms, now_ms - JOB_SLOT_LATE_MS, slot_ms, err);
}
