/* One run of a job at a time: its lock, which is released when its holder ends. */
#ifndef JETON_JOB_TURN_H
#define JETON_JOB_TURN_H

#include "job_record.h"
#include "job_signal_watch.h"

enum job_turn {
    JOB_TURN_TAKEN,
    JOB_TURN_SKIP,   /* ERR_BUSY: another run holds it, and the job does not wait */
    JOB_TURN_SIGNAL, /* one came */
    JOB_TURN_FAILED, /* ERR_DEADLINE at deadline_ms (monotonic), ERR_CONFIG, ERR_NETWORK */
};

/* Blocks where the job waits. The lock is to be released; a child that is forked keeps a part in
 * it until it ends or becomes another program. */
enum job_turn job_turn_take(struct store_lease *lease, struct job_record *record,
                            struct job_signal_watch *signals, int64_t deadline_ms, struct err *err);

#endif
