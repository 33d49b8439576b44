/* Where a state is, as the configuration says. Shared by what reads it and what opens it. */
#ifndef JETON_STATE_PLACE_H
#define JETON_STATE_PLACE_H

#include "buf.h"
#include "err.h"

#define STATE_SCHEMA_DEFAULT "jeton"

enum state_secret {
    STATE_PASSWORD, /* of the database's role */
    STATE_KEY,      /* the file of keys that seal what is secret in a database */
};

/* Strings are owned by whoever made it. */
struct state_place {
    char *folder; /* absolute; of this host: the state itself, or what a host needs beside it */
    char *url;    /* postgresql://…: the state is there. NULL: in the folder */
    char *schema; /* of the database; NULL: STATE_SCHEMA_DEFAULT */
    char
        *key_file; /* that STATE_KEY is read from, to see whether it has changed; NULL: elsewhere */
    char *ca_file; /* who may sign the server's certificate; NULL: the system's */
    /* With a url: appends the secret. 0: there is none, 1, -1. May block. */
    int (*read)(void *arg, enum state_secret which, struct buf *out, struct err *err);
    void *arg;
};

#endif
