/* Between config.c and the files that read a file, a connector, a job and a secret. */
#ifndef JETON_CONFIG_FILE_H
#define JETON_CONFIG_FILE_H

#include "config.h"
#include "preset.h"
#include "schema.h"

/* All files that were read: `args` of jobs point into the trees, and messages take the names. */
struct config_sources {
    struct config_source {
        char *shown; /* as messages show it */
        struct yaml_doc *doc;
    } * items;
    size_t count;
};

/* Where a name was defined: to find one that two files define, and what a job names. */
struct config_place {
    const char *kind; /* "connector", "job", or "key": one of the whole configuration */
    const char *name;
    const char *file; /* as shown */
    const struct yaml_node *key;
    const struct yaml_node *value;
    size_t order;
};

/* Zones that were found: many jobs share a few. The names are of the jobs. */
struct config_zones {
    const char **names;
    size_t count;
};

struct config_reader {
    struct config *config;
    const struct config_provider *const *providers;
    const struct config_presets *presets;
    struct preset_docs docs;
    struct problems *problems;
    char *secrets; /* real path of the folder of secrets that jeton wrote; NULL: there is none */
    struct config_place *places;
    size_t nplaces;
    struct config_zones zones;
};

/* Warns of values that a comment cut or replaced: no mistake in YAML, but seldom meant. */
void config_cut_warn(struct problems *problems, const char *file, const struct yaml_node *root);
/* Adds a path to config.files; that copy. */
const char *config_file_add(struct config *config, const char *real);
/* Adds what the file holds to the reader's configuration, and its problems. */
void config_file_read(struct config_reader *reader, const char *path, bool main_file);

/* One connector, of the provider that its mapping or its preset names; file, shown, line and col
 * are the caller's to set. */
struct connector *config_connector_make(const struct schema_walk *walk,
                                        struct config_reader *reader, const char *name,
                                        const struct yaml_pair *pair);
/* Reads the mapping of one job into a zeroed struct; defaults are set here. Its walk has a struct
 * config_zones as its context. */
void config_job_read(const struct schema_walk *walk, const struct yaml_node *node, struct job *job);
void config_job_destroy(struct job *job);

/* One webhook, with what its preset says; file and shown are the caller's to set. */
struct hook *config_hook_make(const struct schema_walk *walk, struct config_reader *reader,
                              const char *name, const struct yaml_pair *pair);
/* What is wrong or risky about the webhooks once all are read: paths that collide, who can reach
 * them. */
void config_hook_check(struct config_reader *reader);
/* Warns of shared spaces that only one uses. */
void config_shared_check(const struct config_reader *reader);
/* struct hook_listen * : the mapping `listen`. */
schema_parse_fn config_listen_parse;

#endif
