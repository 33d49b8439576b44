/* The whole configuration: jeton.yaml and the files of conf.d beside it. Read once, never changed.
 */
#ifndef JETON_CONFIG_H
#define JETON_CONFIG_H

#include "connector.h"
#include "cron.h"
#include "preset.h"
#include "yaml.h"

#include <stdint.h>

#define CONFIG_VERSION   1
#define CONFIG_JOBS_MAX  10000
#define CONFIG_NAME_MAX  64
#define CONFIG_FILES_MAX 1000 /* in conf.d */

/* Bounds and defaults of values; times in milliseconds. */
#define CONFIG_JOB_TIMEOUT_DEFAULT_MS 3600000
#define CONFIG_JOB_TIMEOUT_MIN_MS     100
#define CONFIG_JOB_TIMEOUT_MAX_MS     (30LL * 86400 * 1000)
#define CONFIG_JOB_ATTEMPTS_MAX       100
#define CONFIG_JOB_DELAY_DEFAULT_MS   30000
#define CONFIG_JOB_DELAY_MAX_MS       86400000
#define CONFIG_JITTER_MAX_MS          86400000
#define CONFIG_JOB_MEMORY_DEFAULT     (512LL * 1024 * 1024)
#define CONFIG_JOB_MEMORY_MIN         (1LL * 1024 * 1024)
#define CONFIG_JOB_MEMORY_MAX         (1024LL * 1024 * 1024 * 1024)
#define CONFIG_HISTORY_KEEP_DEFAULT   1000
#define CONFIG_HISTORY_KEEP_MAX       1000000
#define CONFIG_HISTORY_DAYS_DEFAULT   90
#define CONFIG_HISTORY_DAYS_MAX       36500

enum config_overlap { OVERLAP_SKIP, OVERLAP_WAIT };

struct config_notice { /* on_failure, on_recovery: none, a command, or a message (group) */
    char **command;
    char *connector; /* NULL: the job's */
    char *group;
};

struct job {
    char *name;
    char *file;       /* real path of the defining file */
    const char *home; /* what its rows in the state belong to: config.home, else file */
    char *shown;
    int line, col;
    char *script;    /* absolute */
    char *connector; /* NULL: the only one */
    char *schedule;  /* as written; NULL: by hand only */
    struct cron cron;
    char *timezone; /* NULL: local */
    int64_t timeout_ms;
    int overlap;      /* enum config_overlap */
    int64_t attempts; /* tries at most, the first included */
    int64_t retry_delay_ms;
    int64_t jitter_ms;
    bool catch_up;
    const struct yaml_node *args; /* owned by the configuration; NULL where absent */
    char **environment;           /* "NAME=value", NULL-terminated; NULL where absent */
    char *directory;
    int64_t memory_bytes;
    char *metrics;
    char *heartbeat;
    struct config_notice on_failure;
    struct config_notice on_recovery;
};

struct config {
    char *path;         /* as chosen; NULL for an empty configuration */
    char *name;         /* NULL: none is given */
    char *home;         /* "name:NAME"; NULL: without a name */
    char **files;       /* real paths: the main file, its conf.d with a slash at the end, and
                           the files in that; NULL-terminated. Rows belonged to these before there
                           was a name. */
    const char **homes; /* what rows of it may belong to: home, if there is one, and files; NULL
                           without a path. NULL-terminated */
    char *state;        /* absolute folder */
    int64_t history_keep;
    int64_t history_days;
    struct connector **connectors;
    size_t nconnectors;
    struct job *jobs;
    size_t njobs;
    const struct config_presets *presets; /* what it was read with; borrowed, or NULL */
    struct config_sources *sources;       /* what keeps `args` alive */
};

/*
 * The first that there is of explicit_path (--config), $JETON_CONFIG, ./jeton.yaml,
 * $XDG_CONFIG_HOME/jeton/jeton.yaml, /etc/jeton/jeton.yaml. NULL where there is none (mem_free).
 */
char *config_choose(const char *explicit_path);
/* The user's own place for one, whether it exists or not (mem_free):
 * $XDG_CONFIG_HOME/jeton/jeton.yaml. NULL where there is no home. */
char *config_user_path(void);
/* The state folder where no configuration names one (mem_free): $XDG_STATE_HOME/jeton. */
char *config_default_state(void);
/* By name, or NULL; and the nearest name where there is one. */
const struct connector *config_find_connector(const struct config *config, const char *name);
const char *config_nearest_connector(const struct config *config, const char *name);
/* By name; ERR_CONFIG names the nearest. name NULL: the only one there is. */
const struct connector *config_connector(const struct config *config, const char *name,
                                         struct err *err);
const struct job *config_job(const struct config *config, const char *name, struct err *err);
/* The value that a job's `environment` gives a variable, or NULL. */
const char *config_job_variable(const struct job *job, const char *name);
/* Whether its times are in the local zone: it has times, and names no zone. */
bool config_job_is_local(const struct job *job);
/*
 * Registers the secrets that can be had without reading or running anything, as their connectors':
 * written ones, those in variables of this process, and those in variables that a job sets for
 * itself, whichever job runs.
 */
void config_hide(const struct config *config, struct redact *redact);

#endif
