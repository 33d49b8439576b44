/*
 * What rows belong to: their home. It is the real path of a configuration's file, or "name:NAME"
 * where the configuration has a name (config.h). Errors as in store.h.
 */
#ifndef JETON_STORE_HOME_H
#define JETON_STORE_HOME_H

#include "store_runs.h"

#define STORE_URL_MAX 2048 /* of where a home was moved to (store_copy.h) */

/* The home in a scope that is a job's, a hook's or a shared one; NULL in others. Points into it. */
const char *store_home_of(const char *scope);
/* A list ends with NULL. An entry that ends with a slash stands for all files in that folder. */
bool store_home_among(const char *home, const char *const *homes);

/* A token's row, by whose it is. */
struct store_home_owner {
    char from[STORE_OWNER_SIZE];
    char to[STORE_OWNER_SIZE];
    bool found; /* set: there is a row of `from` */
};

/* A move of rows. What it points to is borrowed. */
struct store_home {
    const char *const *former; /* of these homes, with and without conf.d: store_home_among */
    const char *home;          /* to this one */
    struct store_home_owner *owners;
    size_t nowners;
    const char *scripts; /* keys whose scopes begin so are copied to "script:HOME:…": they may be
                            another configuration's too; where a name's are sealed, they move */
    bool look;           /* only look: nothing is written */
    bool quick;          /* nothing is looked for where `home` is known to have rows: settled */
    bool replace;        /* where both have a row, that of `former` wins, and the move is made */
    /* What was found, before the move. */
    bool settled;
    bool before;                    /* there are rows of `former` */
    bool after;                     /* there are rows of `home` */
    char running[STORE_SCOPE_SIZE]; /* a scope of `former` with a run under way; "": none. Then
                                       nothing is moved */
    bool moved;
};
/*
 * Moves all rows, or none: none where both sides have some, unless `replace`; and none while a job
 * of `former` runs. The caller holds the leases of those owners that a look has found. Tokens,
 * keys, runs, events, slots, counters and installation times, in one transaction.
 */
int store_home_move(struct store *store, struct store_home *home, struct err *err);

/* The newest token row of another home. */
struct store_home_find {
    /* Whose the row is, if it belongs to `home`. Must not use the store. */
    void (*owner)(void *arg, const char *home, char owner[STORE_OWNER_SIZE]);
    void *arg;
    const char *but;              /* not this home */
    char found[STORE_SCOPE_SIZE]; /* set: the home; "": there is none */
};

#endif
