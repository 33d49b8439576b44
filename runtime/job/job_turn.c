#include "job_turn.h"

#include "clock.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

/* Between attempts: doubling from the first to the last, with jitter so that several waiters do not
 * try at the same moment. */
#define LOOK_FIRST_MS 2
#define LOOK_LAST_MS  50

#define HASH_BYTES 16
#define NAME_SIZE  (CONFIG_NAME_MAX + 2 * HASH_BYTES + 8)

/* "job-NAME-HASH": the scope's hash tells configurations apart. */
static void lock_name(const char *job, const char *scope, char name[static NAME_SIZE])
{
    unsigned char hash[HASH_BYTES];
    char hex[2 * HASH_BYTES + 1];
    crypto_generichash(hash, sizeof hash, (const unsigned char *)scope, strlen(scope), NULL, 0);
    sodium_bin2hex(hex, sizeof hex, hash, sizeof hash);
    snprintf(name, NAME_SIZE, "job-%s-%s", job, hex);
}

static enum job_turn out_of_time(const struct job *job, struct err *err)
{
    bool whole = job->timeout_ms % 1000 == 0;
    err_set(err, ERR_DEADLINE,
            "the timeout of %lld %s passed while another run of the job held its lock",
            (long long)(whole ? job->timeout_ms / 1000 : job->timeout_ms), whole ? "s" : "ms");
    return JOB_TURN_FAILED;
}

enum job_turn job_turn_take(struct lock *lock, const char *state, const struct job *job,
                            const char *scope, struct job_signals *signals, int64_t deadline_ms,
                            struct err *err)
{
    char name[NAME_SIZE];
    int64_t delay_ms = LOOK_FIRST_MS;
    lock_name(job->name, scope, name);
    for (;;) {
        int held = lock_try(lock, state, name, err);
        if (held != 0)
            return held == 1 ? JOB_TURN_TAKEN : JOB_TURN_FAILED;
        if (job->overlap == OVERLAP_SKIP) {
            err_set(err, ERR_BUSY, "not run: another run of it holds its lock");
            return JOB_TURN_SKIP;
        }
        if (clock_mono_ms() >= deadline_ms)
            return out_of_time(job, err);
        int64_t left = deadline_ms - clock_mono_ms();
        int64_t ms = delay_ms / 2 + randombytes_uniform((uint32_t)delay_ms + 1);
        if (!job_signals_sleep(signals, ms < left ? ms : left))
            return JOB_TURN_SIGNAL;
        delay_ms = delay_ms * 2 < LOOK_LAST_MS ? delay_ms * 2 : LOOK_LAST_MS;
    }
}
