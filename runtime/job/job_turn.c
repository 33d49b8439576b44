#include "job_turn.h"

#include "clock.h"

#include <sodium.h>

/* Between attempts: doubling from the first to the last, with jitter so that several waiters do not
 * try at the same moment. */
#define LOOK_FIRST_MS 2
#define LOOK_LAST_MS  50

static enum job_turn out_of_time(const struct job *job, struct err *err)
{
    bool whole = job->timeout_ms % 1000 == 0;
    err_set(err, ERR_DEADLINE,
            "the timeout of %lld %s passed while another run of the job held its lock",
            (long long)(whole ? job->timeout_ms / 1000 : job->timeout_ms), whole ? "s" : "ms");
    return JOB_TURN_FAILED;
}

/* A boot is a slot of its host alone: skipped because another host, which boots too, is running the
 * job, it would be lost. */
static bool waits(const struct job_record *record)
{
    const struct job *job = record->job;
    bool is_boot = job->schedule != NULL && job->cron.reboot && record->row.slot_ms != STORE_NONE;
    return job->overlap == OVERLAP_WAIT || (is_boot && record->config->state->url != NULL);
}

enum job_turn job_turn_take(struct store_lease *lease, struct job_record *record,
                            struct job_signal_watch *signals, int64_t deadline_ms, struct err *err)
{
    const struct job *job = record->job;
    int64_t delay_ms = LOOK_FIRST_MS;
    for (;;) {
        int held = job_record_lock(record, lease, err);
        if (held != 0)
            return held == 1 ? JOB_TURN_TAKEN : JOB_TURN_FAILED;
        if (!waits(record)) {
            err_set(err, ERR_BUSY, "not run: another run of it holds its lock");
            return JOB_TURN_SKIP;
        }
        if (clock_mono_ms() >= deadline_ms)
            return out_of_time(job, err);
        int64_t left = deadline_ms - clock_mono_ms();
        int64_t ms = delay_ms / 2 + randombytes_uniform((uint32_t)delay_ms + 1);
        if (!job_signal_watch_sleep(signals, ms < left ? ms : left))
            return JOB_TURN_SIGNAL;
        delay_ms = delay_ms * 2 < LOOK_LAST_MS ? delay_ms * 2 : LOOK_LAST_MS;
    }
}
