/* A stored event, handled once more by hand, whatever its state is: nothing of that is stored. */
#ifndef JETON_EVENTS_TRY_H
#define JETON_EVENTS_TRY_H

#include "app.h"
#include "store_events.h"

struct events_try {
    const char *script;    /* of handlers; NULL: forward is given */
    const char *forward;   /* URL */
    const char *connector; /* NULL: the only one */
    bool dry_run;          /* requests but GET are printed, keys of jeton.state are not written */
    bool far;              /* forward: another host than this one */
};
/* The exit status, as of a script, or -1. event has its content. */
int events_try(struct app *app, const struct config *config, const struct store_event *event,
               const struct events_try *how, struct err *err);

#endif
