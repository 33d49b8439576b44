/* jeton listen --trigger: a body, signed with the hook's own secret and posted to the listener that
 * runs, through the same check as a sender's. */
#ifndef JETON_LISTEN_TRIGGER_H
#define JETON_LISTEN_TRIGGER_H

#include "app.h"

/* Headers: of the request, and of a reply to one whose signature fits: what became of it. */
#define LISTEN_TRIGGER_ASKS  "Jeton-Trigger"
#define LISTEN_TRIGGER_TELLS "Jeton-Verdict"

struct listen_trigger {
    const char *hook;
    const char *file;           /* "-": standard input */
    struct opt_strings headers; /* "NAME: VALUE", beside those of the signature */
    const char *address;        /* HOST:PORT in place of the configuration's; NULL */
};

/* Prints the reply, and what became of the event. Returns 0, or -1: ERR_HTTP where the listener
 * refuses it, ERR_USAGE for kinds that only the sender can sign, and for a listener that is not
 * reached on loopback. */
int listen_trigger_run(struct app *app, const struct listen_trigger *trigger, struct err *err);

#endif
