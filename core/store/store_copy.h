/*
 * Copies what belongs to one home from a state in a folder to one in a database. Errors as in
 * store.h. The caller keeps others from writing meanwhile: it holds the leases.
 */
#ifndef JETON_STORE_COPY_H
#define JETON_STORE_COPY_H

#include "store_home.h"

struct store_copy {
    const char *home;
    const char *file; /* the configuration */
    bool keys_only;   /* the keys of jeton.state, and no marks */
    /* Set: how many rows; elsewhere: keys of scripts not beside the file, which are not the home's.
     */
    int64_t tokens, keys, runs, events, elsewhere;
};
/*
 * 0, or -1: ERR_CONFIG where `to` has rows of this home that no copy has made. Both are open
 * afterwards. While it goes on, and where it was interrupted, `to` refuses that home
 * (store_home_move), and it can be repeated. Blocks.
 */
int store_copy(struct store *from, struct store *to, struct store_copy *copy, struct err *err);
/* The last step: the home is `to`'s from now on. It may be repeated. */
int store_copy_done(struct store *to, const char *home, struct err *err);

/* 0, or -1 with ERR_CONFIG where the home has been moved elsewhere: what is changed here would be
 * seen by nobody. */
int store_copy_check_moved(struct store *store, const char *home, struct err *err);
/* In a folder: whether the home has been moved elsewhere, and to which URL. 1, 0, -1. */
int store_copy_moved(struct store *store, const char *home, char url[static STORE_URL_MAX],
                     struct err *err);
/* Notes that, durably: store_home_move and whatever exchanges a token are refused. NULL: takes it
 * back. */
int store_copy_mark(struct store *store, const char *home, const char *url, struct err *err);

#endif
