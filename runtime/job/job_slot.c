#include "job_slot.h"

#include "cron_cover.h"
#include "cron_due.h"

#define MINUTE_S 60

/* Slots before it are missed, or were there before the job. */
static int64_t earliest(const struct job_slot_known *known, const struct job *job, int64_t now_ms)
{
    int64_t recent_ms = now_ms - JOB_SLOT_LATE_MS;
    /* slots are whole seconds: the next one at the earliest */
    int64_t next_ms =
        1000 + (known->claimed_ms > known->since_ms ? known->claimed_ms : known->since_ms);
    return job->catch_up && next_ms < recent_ms ? next_ms : recent_ms;
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

/* --- slots that are missed -------------------------------------------------------------------- */

/* Whether a crontab of the local zone has a line for this minute, though the job is not due. */
static bool is_covered(const struct job *job, struct zone *zone, int64_t now)
{
    struct cron_cover cover;
    struct zone *local = zone_new(NULL, NULL);
    struct cron_cover_zones *zones = cron_cover_zones_new(zone, local, now);
    int64_t slot;
    bool covered = false;
    cron_cover_create(&cover, &job->cron, zones);
    for (size_t i = 0; i < cover.count && !covered; i++)
        covered = cron_due_latest(&cover.lines[i], local, now, now - now % MINUTE_S, &slot);
    cron_cover_destroy(&cover);
    cron_cover_zones_free(zones);
    zone_free(local);
    return covered;
}

/* Who is started between two slots of a job that nobody has looked at may be early for the next. */
static bool is_nearer_to_next(const struct job *job, struct zone *zone, int64_t slot, int64_t now)
{
    int64_t next;
    return cron_due_next(&job->cron, zone, now, &next) && next - now <= now - slot;
}

/* since_ms: when the job was first looked at. 1, 0: none, -1. */
static int find_late(const struct job *job, int64_t now_ms, int64_t since_ms, bool is_new,
                     int64_t *slot_ms, struct err *err)
{
    int64_t now = now_ms / 1000, slot = 0;
    int64_t from_ms = now_ms - (is_new ? JOB_SLOT_TOLD_NEW_MS : JOB_SLOT_TOLD_MS);
    if (!is_new && since_ms > from_ms)
        from_ms = since_ms;
    struct zone *zone = zone_new(job->timezone, err);
    if (zone == NULL)
        return -1;
    bool found = cron_due_latest(&job->cron, zone, now, (from_ms + 999) / 1000, &slot) &&
                 !(is_new && is_nearer_to_next(job, zone, slot, now)) &&
                 !(job->timezone != NULL && is_covered(job, zone, now));
    zone_free(zone);
    *slot_ms = slot * 1000;
    return found ? 1 : 0;
}

/* ---------------------------------------------------------------------------------------------- */

int job_slot_ask(struct job_slot_known *known, const struct job *job, const char *scope,
                 struct store_call *calls[static JOB_SLOT_CALLS], struct err *err)
{
    if (check_schedule(job, err) != 0)
        return -1;
    *known = (struct job_slot_known){.scope = scope, .claimed_ms = INT64_MIN};
    known->installed = (struct store_call){.op = STORE_JOB_INSTALLED,
                                           .job = {.scopes = &known->scope,
                                                   .count = 1,
                                                   .at_ms = STORE_NONE,
                                                   .found_ms = &known->since_ms}};
    known->latest = (struct store_call){.op = STORE_SLOT_LATEST,
                                        .job = {.scopes = &known->scope,
                                                .count = 1,
                                                .at_ms = STORE_NONE,
                                                .found_ms = &known->claimed_ms}};
    calls[0] = &known->installed;
    calls[1] = &known->latest;
    return job->catch_up ? 2 : 1;
}

int job_slot_due(const struct job_slot_known *known, const struct job *job, int64_t now_ms,
                 int64_t took_ms, struct job_slot *slot, struct err *err)
{
    *slot = (struct job_slot){.late = false};
    if (job->cron.reboot)
        clock_boot_id(slot->boot_id);
    int found = find_latest(job, now_ms, earliest(known, job, now_ms), &slot->slot_ms, err);
    if (found != 0 || job->catch_up)
        return found;
    slot->late = true;
    return find_late(job, now_ms, known->since_ms, known->since_ms >= now_ms - took_ms,
                     &slot->slot_ms, err);
}

int64_t job_slot_early_ms(const struct job *job, int64_t now_ms, int64_t here_ms, bool *several)
{
    struct err ignored;
    int64_t slot, other, next = now_ms / 1000 + 1;
    *several = false;
    if (here_ms / 1000 < next)
        return 0;
    struct zone *zone = zone_new(job->timezone, &ignored); /* else job_slot_due says so */
    bool found = zone != NULL && cron_due_latest(&job->cron, zone, here_ms / 1000, next, &slot);
    *several = found && cron_due_latest(&job->cron, zone, slot - 1, next, &other);
    zone_free(zone);
    return found ? slot * 1000 - now_ms : 0;
}

int job_slot_recent(const struct job *job, int64_t now_ms, int64_t *slot_ms, struct err *err)
{
    if (check_schedule(job, err) != 0)
        return -1;
    return find_latest(job, now_ms, now_ms - JOB_SLOT_LATE_MS, slot_ms, err);
}
