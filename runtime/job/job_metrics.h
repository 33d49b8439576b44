/* A job's metrics as a file for the text file collector of Prometheus' node exporter. */
#ifndef JETON_JOB_METRICS_H
#define JETON_JOB_METRICS_H

#include "job_outcome.h"

#define JOB_METRICS_MODE 0644 /* the exporter runs as somebody else */
#define JOB_METRICS_MAX  ((size_t)256 * 1024)

/* Counts the run and writes the file. A skipped run is only counted: the file is about the run that
 * is going on. Where the state cannot be used, the file has only the metrics of this run: a missing
 * metric is noticed, a stale one is not. Failures are only logged. */
void job_metrics_ended(const struct job_outcome *outcome);

#endif
