/*
 * What the store knows of jobs: a row for each attempt of a run, the claimed slots, when a job was
 * installed. Errors as in store.h. All texts that are stored were masked by the caller.
 *
 * A job's `scope` is its name and its home: the name of its configuration, or the file that defines
 * it. Two configurations with one state folder never mix.
 */
#ifndef JETON_STORE_RUNS_H
#define JETON_STORE_RUNS_H

#include "arena.h"
#include "process_identity.h"
#include "store.h"

#include <limits.h>

#define STORE_RUN_ID_SIZE   11 /* 10 lower-case letters and digits, and NUL */
#define STORE_OUTPUT_MAX    ((size_t)64 * 1024)
#define STORE_SCOPE_SIZE    (PATH_MAX + 80)
#define STORE_NONE          INT64_MIN            /* no time */
#define STORE_SLOTS_KEPT    100                  /* claimed slots of a job, however old */
#define STORE_SLOTS_KEPT_MS (3LL * 86400 * 1000) /* and those younger than this */

/* The scope of a job by its name and its home (config.h); jeton.state uses the same. */
void store_scope(char scope[static STORE_SCOPE_SIZE], const char *job, const char *home);
/* Of keys of jeton.state that jobs and hooks of one configuration share, by its own home
 * (config_home). */
void store_scope_shared(char scope[static STORE_SCOPE_SIZE], const char *name, const char *home);
/* The name in such a scope, and its length. */
const char *store_scope_shared_name(const char *scope, size_t *len);

/* Runs */

#define STORE_CAUSE_LOCKED      "locked"
#define STORE_CAUSE_SIGNAL      "signal"
#define STORE_CAUSE_INTERRUPTED "interrupted"
#define STORE_CAUSE_LOST        "lost" /* of its lock: others could have begun */
#define STORE_CAUSE_LATE        "late" /* it did not run: its time had passed too long ago */

/* One attempt. Its texts are borrowed: a list owns those of its items. */
struct store_run {
    int64_t row; /* grows with time, whatever the clock does */
    char run[STORE_RUN_ID_SIZE];
    const char *scope;
    const char *job;
    const char *host; /* where it ran; NULL: not known */
    int64_t slot_ms;  /* the scheduled time; STORE_NONE: by hand */
    int64_t attempt;  /* from 1 */
    int64_t started_ms;
    int64_t ended_ms; /* STORE_NONE: it runs, or nobody saw the end */
    int exit;         /* -1: it runs, was interrupted, or was too late to run */
    /* NULL: it runs, or ended well. Else an err kind (err.h), or one of STORE_CAUSE_… */
    const char *cause;
    const char *message; /* one line; NULL: none */
    int64_t requests;
    int64_t exchanges;
    int64_t peak_kib;
    struct process_identity supervisor;
    int64_t output_bytes; /* all that was written */
    const char *output;   /* its last STORE_OUTPUT_MAX bytes; NULL: none, or not asked for */
    size_t output_len;
    bool alive;  /* of a row in a list that is open or untold: its supervisor is */
    bool untold; /* of an end: others are to hear of it, and have not yet (store_run_told) */
};

/* Random (libsodium), unbiased. */
void store_run_id(char id[static STORE_RUN_ID_SIZE]);
/* One that stands in a row, which others may have written: it becomes a part of JSON, file names,
 * commands. What cannot be in one becomes '_'. */
void store_run_read_id(char id[static STORE_RUN_ID_SIZE], const char *text);
/* True when the row was open and its supervisor alive as it was read. An open row of a dead one
 * will be marked interrupted by the job's next run; to be shown so until then. */
bool store_run_is_running(const struct store_run *run);
/* Inserts the row as it is: open (exit -1, cause NULL), or ended. Sets run->row. started_ms
 * STORE_NONE: now by the state's clock. */
int store_run_add(struct store *store, struct store_run *run, struct err *err);
/* The same, if the run's slot can be claimed: both or neither. boot_id: the slot is this boot
 * (@reboot); NULL: it is run->slot_ms. 1, 0: it was claimed before, -1. */
int store_run_claim(struct store *store, struct store_run *run, const char *boot_id,
                    struct err *err);
/* An open row that waited begins: run->started_ms is written (STORE_NONE: set to now by the state's
 * clock, first), and it becomes the newest row. Those that ran are so in the order in which they
 * did. */
int store_run_start(struct store *store, struct store_run *run, struct err *err);
/* Writes what the end brought to the row run->row: ended_ms, exit, cause, message, requests,
 * exchanges, peak_kib, output, output_bytes, untold. */
int store_run_end(struct store *store, const struct store_run *run, struct err *err);

struct store_runs {
    struct store_run *items;
    size_t count;
    struct arena texts;
};
void store_runs_destroy(struct store_runs *runs); /* idempotent; a zeroed struct is fine */

struct store_run_filter {
    const char *scope;        /* NULL: all */
    const char *const *homes; /* only of these (store_home_among); NULL: of all */
    const char *job;          /* by name; NULL: all */
    const char *run;          /* by run id; NULL: all */
    int64_t before_row;       /* rows older than this one; 0: all */
    bool open;                /* only those without an end */
    bool ended;               /* only those with one */
    bool untold;              /* only those of whose end others are to hear yet */
    bool ran;                 /* only those that were not skipped for the job's lock */
    int64_t limit;            /* rows at most; 0: all */
    int64_t runs;             /* only those of so many runs, the newest; 0: of all */
    bool output;              /* with the output */
};
/* Newest first. */
int store_run_list(struct store *store, const struct store_run_filter *filter,
                   struct store_runs *runs, struct err *err);
/* Leaves those whose supervisor is dead. For the holder of the job's lock, before it runs: open
 * rows of its scope are those of runs that were interrupted, and of whose ends that are untold
 * nobody else will tell. Other open rows wait for the lock. */
void store_runs_dead(struct store_runs *runs);
int store_run_told(struct store *store, const struct store_run *run, struct err *err);
/* store_run_end, and store_run_add of the attempt that follows, together: between two attempts no
 * moment is without an open row. */
int store_run_end_and_add(struct store *store, const struct store_run *run, struct store_run *next,
                          struct err *err);
/*
 * store_run_end with retention, together: of the ended runs of its scope (all attempts of one are
 * one run) the newest `keep` that started at since_ms or later stay, and the newest in any case:
 * the next run asks how it ended.
 */
int store_run_end_and_prune(struct store *store, const struct store_run *run, int64_t keep,
                            int64_t since_ms, struct err *err);

/* Slots */

/* The latest claimed slot that is not after not_after_ms (STORE_NONE: now by the state's clock). 1,
 * 0: none, -1. */
int store_slot_latest(struct store *store, const char *scope, int64_t not_after_ms,
                      int64_t *slot_ms, struct err *err);

/* Jobs */

/* Since when the job's missed slots count; set to now_ms (STORE_NONE: now by the state's clock)
 * where it was not known. */
int store_job_installed(struct store *store, const char *scope, int64_t now_ms,
                        int64_t *installed_ms, struct err *err);
/* The same for many, in parts of which each is written at once; after a failure some are, in the
 * order that is given. */
int store_jobs_installed(struct store *store, const char *const *scopes, size_t count,
                         int64_t now_ms, int64_t *installed_ms, struct err *err);
/* In such parts, too. STORE_NONE: not known any more. */
int store_jobs_set_installed(struct store *store, const char *const *scopes, size_t count,
                             int64_t installed_ms, struct err *err);

#endif
