/* Past runs as people and programs see them: `jeton history`, `jeton logs`, what notices get. */
#ifndef JETON_HISTORY_H
#define JETON_HISTORY_H

#include "buf.h"
#include "store_runs.h"

#include <stdbool.h>

#define HISTORY_DURATION_SIZE 32
#define HISTORY_TIME_SIZE     32
#define HISTORY_TEXT_MAX      ((size_t)256 * 1024 * 1024) /* of what one command prints */

enum history_state { HISTORY_GOOD, HISTORY_FAILED, HISTORY_SKIPPED, HISTORY_RUNNING };

/* What became of an attempt. An open row of a dead process is a failed one. */
enum history_state history_state(const struct store_run *run);
/* NULL where there is none; "interrupted" for an open row of a dead process. */
const char *history_cause(const struct store_run *run);
/* How long it took, or has taken; -1: not known (interrupted), or it did not run (late). */
int64_t history_took_ms(const struct store_run *run);
/* "850 ms", "3.2 s", "2 min 05 s", "1 h 02 min"; "" for less than 0. */
void history_duration(int64_t ms, char out[static HISTORY_DURATION_SIZE]);
/* "2026-01-31 08:00:00", local time. */
void history_time(int64_t wall_ms, char out[static HISTORY_TIME_SIZE]);

/* Whose run it is: the name of its configuration, else the path of the file that defines the job.
 * Points into the run. */
const char *history_configuration(const struct store_run *run);

/* One object: run, job, configuration, host, slot, attempt, started_at, ended_at, exit, cause,
 * requests, exchanges, peak_kib; message and output_bytes. */
void history_json(const struct store_run *run, struct buf *out);
struct history_view {
    const char
        *configuration; /* whose runs these are; NULL: of all, so each is shown with its own */
    bool color;
    bool failed; /* only the failed ones are there */
    bool output; /* with what they printed, where it was read */
};
/* What scripts/ show of runs, as JSON: times and durations are numbers and texts; texts are on one
 * line, and safe to show. */
void history_view(const struct store_runs *runs, const struct history_view *view, struct buf *out);
void history_view_run(const struct store_run *run, struct buf *out); /* one of them */

#endif
