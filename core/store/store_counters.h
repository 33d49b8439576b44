/*
 * How often a job ran, and what that took, since it was first counted: kept apart from the rows of
 * its runs, so that no counter falls when old runs are dropped. Errors as in store.h.
 */
#ifndef JETON_STORE_COUNTERS_H
#define JETON_STORE_COUNTERS_H

#include "store_runs.h"

struct store_counters {
    int64_t runs; /* ended, skipped ones not among them */
    int64_t failures;
    int64_t skipped; /* for the job's lock */
    int64_t requests;
    int64_t exchanges;
    int64_t success_ms; /* end of the last run that succeeded; STORE_NONE: there was none */
};

/* Adds to the counters of a scope (success_ms replaces the one before it where there is one), and
 * reads what they come to. */
int store_counters_add(struct store *store, const char *scope, const struct store_counters *more,
                       struct store_counters *sums, struct err *err);

#endif
