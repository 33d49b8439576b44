/*
 * The front of a listener: the process that serves. A request is checked (hook_check.h); what it
 * brings is stored together with all else that arrived meanwhile, in one transaction; then it is
 * answered, and the hook's worker is woken. No user's code runs here.
 */
#ifndef JETON_LISTEN_FRONT_H
#define JETON_LISTEN_FRONT_H

#include "listen_children.h"
#include "listen_sockets.h"

struct listen_front_options {
    struct app *app;
    struct listen_generation *generation;
    struct listen_sockets *sockets; /* become the front's */
    bool print;                     /* each event that is stored, on standard output */
};

/* Until SIGTERM or SIGINT; then it listens no more, and ends when what is under way has ended, or
 * after the grace. Returns 0, or -1. */
int listen_front_run(const struct listen_front_options *options, struct err *err);

#endif
