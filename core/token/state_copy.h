/* `jeton state copy`: what belongs to a configuration's name, from its folder to a database. */
#ifndef JETON_STATE_COPY_H
#define JETON_STATE_COPY_H

#include "config.h"
#include "log.h"
#include "store_copy.h"

#define STATE_COPY_WAIT_MS 10000 /* for exchanges and runs under way to end */

struct state_copy {
    const struct state_place *to; /* with a URL */
    struct store_copy rows;       /* keys_only; the numbers are set */
    bool again;                   /* set: it had been copied already, only the last step was left */
};
/*
 * With the locks of all connectors, jobs and the listener: they are waited for, at most
 * STATE_COPY_WAIT_MS (ERR_BUSY). Afterwards the folder's is marked as moved, unless keys_only. An
 * interrupted one can be repeated. Blocks. Errors as in store.h; ERR_CONFIG without a name.
 */
int state_copy(const struct config *config, struct log *log, struct state_copy *copy,
               struct err *err);
/* Takes the mark back: 1; 0: there was none; -1. */
int state_copy_unmove(const struct config *config, struct err *err);

#endif
