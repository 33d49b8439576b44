/* Which runs of many `jeton history` shows. */
#ifndef JETON_HISTORY_PICK_H
#define JETON_HISTORY_PICK_H

#include "err.h"
#include "store_runs.h"

struct history_pick {
    bool failed;      /* only those that failed in the end */
    int64_t since_ms; /* only those that ended since then, or have not; STORE_NONE: all */
    int64_t limit;    /* so many, the newest */
};

/* A duration before now, or a time, local where it names no offset. ERR_USAGE. */
int history_pick_since(const char *text, int64_t now_ms, int64_t *since_ms, struct err *err);
/* Leaves all attempts of those runs. Whether there are more than `limit`. */
bool history_pick(const struct history_pick *pick, struct store_runs *runs);

#endif
