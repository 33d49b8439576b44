/* Between the files of `jeton check`. */
#ifndef JETON_CHECK_PRIVATE_H
#define JETON_CHECK_PRIVATE_H

#include "app.h"

struct check {
    struct app *app;
    struct config *config;
    struct problems problems;
    bool online;
    bool refresh; /* exchange fresh tokens too */
    bool json;
    struct buf report; /* text: what went well */
    int status;        /* of the first exchange that failed */
    size_t waiting;    /* exchanges under way */
    bool done;
};

/* What --online adds: exchanges, and the groups of notices. -1 with err: it could not be tried. */
int check_online(struct check *check, struct err *err);

#endif
