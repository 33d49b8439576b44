/* The whole configuration: jeton.yaml and the files of conf.d beside it. Read once, never changed.
 */
#ifndef JETON_CONFIG_H
#define JETON_CONFIG_H

#include "config_job.h"
#include "connector.h"
#include "preset.h"
#include "secret.h"
#include "state_place.h"
#include "yaml.h"

#include <stdint.h>

#define CONFIG_VERSION   1
#define CONFIG_JOBS_MAX  10000
#define CONFIG_FILES_MAX 1000 /* in conf.d */
#define CONFIG_HOOKS_MAX 1000

#define CONFIG_HISTORY_KEEP_DEFAULT 1000
#define CONFIG_HISTORY_KEEP_MAX     1000000
#define CONFIG_HISTORY_DAYS_DEFAULT 90
#define CONFIG_HISTORY_DAYS_MAX     36500

struct hook; /* hook.h */
struct hook_listen;

struct config {
    char *path;         /* as chosen; NULL for an empty configuration */
    char *name;         /* NULL: none is given */
    char *home;         /* "name:NAME"; NULL: without a name */
    char **files;       /* real paths: the main file, its conf.d with a slash at the end, and
                           the files in that; NULL-terminated. Rows belonged to these before there
                           was a name. */
    const char **homes; /* what rows of it may belong to: home, if there is one, and files; NULL
                           without a path. NULL-terminated */
    /* Where the state is. Its own secrets are read when a database is opened. */
    struct state_place *state;
    struct secret state_password, state_key;
    struct redact *redact; /* borrowed: knows them from then on; NULL: nobody does */
    char *state_shown;     /* with a database: where it is configured, for messages */
    int state_line, state_col;
    int64_t history_keep;
    int64_t history_days;
    struct connector **connectors;
    size_t nconnectors;
    struct job *jobs;
    size_t njobs;
    struct hook **hooks;
    size_t nhooks;
    struct hook_listen *listen;           /* never NULL */
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
/* What rows belong to that are the whole configuration's: its home, else its main file; "" without
 * a path. */
const char *config_home(const struct config *config);
/* How many jobs and webhooks have the name in their `shared`. */
size_t config_shared_by(const struct config *config, const char *name);
/* By name, or NULL; and the nearest name where there is one. */
const struct connector *config_find_connector(const struct config *config, const char *name);
const char *config_nearest_connector(const struct config *config, const char *name);
/* By name; ERR_CONFIG names the nearest. name NULL: the only one there is. */
const struct connector *config_connector(const struct config *config, const char *name,
                                         struct err *err);
/* Where none is named: the only one of this provider, else the only one there is, whatever its
 * provider. NULL: of any provider. `key` is where a person names one, for ERR_CONFIG, such as
 * "`connector` of job 'a'"; NULL: -C. */
const struct connector *config_only_connector(const struct config *config, const char *provider,
                                              const char *key, struct err *err);
/* By name; ERR_CONFIG names the nearest. */
const struct job *config_job(const struct config *config, const char *name, struct err *err);
const struct hook *config_hook(const struct config *config, const char *name, struct err *err);

#endif
