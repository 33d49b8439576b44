/*
 * jeton listen: a supervisor that owns the sockets and the lock, and two kinds of processes below
 * it, the front (listen_front.h) and the hooks' workers (hook_worker.h). SIGHUP loads all anew and
 * starts a new generation of both; the former one finishes what it has.
 */
#ifndef JETON_LISTEN_H
#define JETON_LISTEN_H

#include "app.h"

struct listen_options {
    const char *address; /* HOST:PORT in place of the configuration's; NULL */
    bool print;
};

/* Until SIGTERM or SIGINT. Returns the exit status, or -1: ERR_BUSY where this configuration has a
 * listener already. */
int listen_run(struct app *app, const struct listen_options *options, struct err *err);
/* Whether this configuration has a listener on this machine: 1, 0, or -1 where the state cannot be
 * used. */
int listen_is_running(const struct config *config, struct err *err);

#endif
