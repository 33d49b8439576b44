/* A job's metrics as a file for the text file collector of Prometheus' node exporter. */
#ifndef JETON_JOB_METRICS_H
#define JETON_JOB_METRICS_H

#include "job_outcome.h"

#define JOB_METRICS_MODE 0644 /* the exporter runs as somebody else */
#define JOB_METRICS_MAX  ((size_t)64 * 1024)

/* Counts the run and writes the file; a skipped run is counted alone: the file is for the run that
 * goes on. Where the state cannot be used, the file tells of the run alone: a metric that is not
 * there is seen, and one that stays as it was is not. What goes wrong is logged, and that is all.
 */
void job_metrics_ended(const struct job_outcome *outcome);

#endif
