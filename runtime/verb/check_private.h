/* Between the files of `jeton check`. */
#ifndef JETON_CHECK_PRIVATE_H
#define JETON_CHECK_PRIVATE_H

#include "app.h"
#include "engine.h"

struct check {
    struct app *app;
    struct config *config;
    struct problems problems;
    bool online;
    bool refresh; /* exchange fresh tokens too */
    bool json;
    struct buf report; /* text: what went well */
    struct buf kept;   /* JSON: names of connectors whose token of the state was not exchanged */
    int status;        /* of the first exchange that failed */
    size_t waiting;    /* exchanges under way */
    bool done;
};

/* What --online adds: exchanges, and the groups of notices. -1 with err: it could not be tried. */
int check_online(struct check *check, struct err *err);

/* "FILE:LINE:COLUMN: message" of this secret: it is shown there, and takes the place of a warning
 * about the same. False: it is about something else, and nothing was added. */
bool check_secret_problem(struct check *check, const struct secret *secret, const char *message);

/* Adds the problem at the secret that it is about, else at the connector. */
void check_token_problem(struct check *check, const struct connector *connector,
                         const struct err *err);

/* What a token of the state hides. */
struct check_reach {
    const struct connector *connector;
    char *endpoint; /* where its API is (mem_free); NULL: not known */
    bool exchanged; /* the token service was asked just now */
};
/*
 * Tries what the next exchange and the next call need, and sends nothing that anybody would count:
 * secrets are read, keys and certificates loaded and used, and the token service and the API
 * connected to, with TLS. Waits for all of them; adds a problem for each that fails. -1 with err
 * where that ends before (cancelled).
 */
int check_reach(struct check *check, struct engine *engine, const struct check_reach *items,
                size_t count, struct err *err);

/* Whether its folder, where it is there, can be used. */
void check_state_folder(struct check *check);
/* Whether a state in a folder, where there is one, can be opened; else adds why not, unless that
 * passes by itself. To be asked before anything else reads it. */
bool check_state_opens(struct check *check);
/* Problems of the state's place and secrets, rows that are not used, and connectors that wait for a
 * person. A state in a folder is not made. */
void check_state(struct check *check);

/* Jobs, webhooks and notices that name no connector where there is no only one, or one that is of
 * another provider than they need. What a script asks for is a guess by its words. */
void check_defaults(struct check *check);

#endif
