/* A job of the configuration; the bounds and defaults of its keys. */
#ifndef JETON_CONFIG_JOB_H
#define JETON_CONFIG_JOB_H

#include "cron.h"

#include <stdbool.h>
#include <stdint.h>

struct yaml_node;

/* Times in milliseconds. */
#define CONFIG_JOB_TIMEOUT_DEFAULT_MS 3600000
#define CONFIG_JOB_TIMEOUT_MIN_MS     100
#define CONFIG_JOB_TIMEOUT_MAX_MS     (30LL * 86400 * 1000)
#define CONFIG_JOB_ATTEMPTS_MAX       100
#define CONFIG_JOB_DELAY_DEFAULT_MS   30000
#define CONFIG_JOB_DELAY_MAX_MS       86400000
#define CONFIG_JOB_JITTER_MAX_MS      86400000
#define CONFIG_JOB_MEMORY_DEFAULT     (512LL * 1024 * 1024)
#define CONFIG_JOB_MEMORY_MIN         (1LL * 1024 * 1024)
#define CONFIG_JOB_MEMORY_MAX         (1024LL * 1024 * 1024 * 1024)
#define CONFIG_SHARED_MAX             16 /* spaces of a job or a webhook */

#define CONFIG_JOB_LOG_USUAL (-1) /* none is given */

enum config_overlap { OVERLAP_SKIP, OVERLAP_WAIT };
enum config_lost { LOST_STOP, LOST_GO_ON };

struct config_notice { /* on_failure, on_recovery: none, a command, or a message (group) */
    char **command;
    char *connector; /* NULL: the job's */
    char *group;
};

struct job {
    char *name;
    const char *file;  /* real path of the defining file: one of config.files */
    const char *home;  /* what its rows in the state belong to: config.home, else file */
    const char *shown; /* the same as messages show it: borrowed, too */
    int line, col;
    char *script;    /* absolute */
    char *connector; /* NULL: the only one */
    char *schedule;  /* as written; NULL: by hand only */
    struct cron cron;
    char *timezone; /* NULL: local */
    int64_t timeout_ms;
    int overlap;      /* enum config_overlap */
    int lost;         /* enum config_lost */
    int64_t attempts; /* tries at most, the first included */
    int64_t retry_delay_ms;
    int64_t jitter_ms;
    bool catch_up;
    const struct yaml_node *args; /* owned by the configuration; NULL where absent */
    char **environment;           /* "NAME=value", NULL-terminated; NULL where absent */
    char *directory;
    char **shared; /* spaces of jeton.state, NULL-terminated; NULL where absent */
    int64_t memory_bytes;
    int log_level; /* enum log_level; CONFIG_JOB_LOG_USUAL */
    char *metrics;
    char *heartbeat;
    struct config_notice on_failure;
    struct config_notice on_recovery;
};

/* The value that the `environment` of a job or webhook gives a variable, or NULL. */
const char *config_variable(char *const *environment, const char *name);
/* Whether its times are in the local zone: it has times, and names no zone. */
bool config_job_is_local(const struct job *job);

#endif
