/*
 * What a configuration's rows in the state belong to. Without a name, to the real path of the file
 * that defines a connector or a job; with one (`name:`), to that. Then what belonged to the path
 * moves to the name at the first use. Nobody uses a state for a named configuration before
 * config_rows_settle.
 */
#ifndef JETON_CONFIG_ROWS_H
#define JETON_CONFIG_ROWS_H

#include "buf.h"
#include "config.h"
#include "log.h"
#include "store.h"
#include "store_runs.h"

#define CONFIG_ROWS_WAIT_MS 10000 /* for an exchange or a run under way to end */

/*
 * Moves what belongs to the configuration's files to its name, all or nothing; nothing where the
 * name has rows already. Without a name it does nothing. Blocks, at most CONFIG_ROWS_WAIT_MS;
 * ERR_BUSY after that. Else errors as in store.h.
 */
int config_rows_settle(const struct config *config, struct store *store, struct log *log,
                       struct err *err);

/* The scope of the keys of a script outside of jobs, by its path_real. One beside a configuration
 * that has a name belongs to that, as its jobs do. */
void config_rows_script(const struct config *config, const char *script,
                        char scope[static STORE_SCOPE_SIZE]);

struct config_rows_adopt {
    const char *from; /* a configuration's real path, or "name:NAME" */
    bool replace;     /* its rows take the place of those that the name has */
};
/* The same, of another path. 1: moved; 0: nothing belongs to it; -1: as config_rows_settle, and
 * ERR_CONFIG where the name has rows, there is no name, the state is a database and this a path, or
 * a file is still at the path that is not this configuration's own. */
int config_rows_adopt(const struct config *config, const struct config_rows_adopt *adopt,
                      struct err *err);

/* Whether rows belong to the name and others to the files: the latter are not used. 1, 0, -1.
 * Writes nothing. */
int config_rows_are_split(const struct config *config, struct store *store, struct err *err);
/* Whether rows belong to the files, and the next use moves them to the name. 1, 0, -1. Writes
 * nothing. */
int config_rows_are_due(const struct config *config, struct store *store, struct err *err);

/*
 * A job that begins anew: the state has none of its runs, but runs of a job of this name elsewhere;
 * and that home is a file that is gone, or this configuration has no runs at all. 1: `text` says
 * so, and what to do; 0; -1. Writes nothing.
 */
int config_rows_begin_anew(const struct config *config, const struct job *job, struct store *store,
                           int64_t before_row, struct buf *text, struct err *err);

/* Behind "if that is the same one ": how what belongs to this home comes to the configuration. */
void config_rows_say_how(const struct config *config, const char *home, struct buf *text);

/* A token of the connector was refused, and the state has one that belongs to this home: says so,
 * and what to do. config may be NULL. */
void config_rows_tell(const struct config *config, struct log *log,
                      const struct connector *connector, const char *home);

#endif
