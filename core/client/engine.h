/* The parts that one run shares, wired together: loop, http, store, tokens, client. No global
 * state. */
#ifndef JETON_ENGINE_H
#define JETON_ENGINE_H

#include "client.h"
#include "config.h"
#include "log.h"
#include "reply_guard.h"

struct engine {
    const struct config *config; /* borrowed */
    struct log *log;             /* borrowed */
    struct redact *redact;       /* borrowed */
    struct loop *loop;
    struct http *http;
    struct transport
        transport;         /* http, or what is put here before the first need of store and client */
    struct store *store;   /* NULL until engine_need_store, or what is put here before */
    struct store *keys;    /* of jeton.state, where they are kept apart; NULL: in store */
    struct tokens *tokens; /* NULL until engine_need_store */
    struct client *client; /* likewise */
    struct reply_guard guard; /* may stay up from one wait, or a run, to the next (app_wait) */
    int64_t deadline_ms;      /* loop_now_ms; 0: none */
    int64_t secrets_ms;       /* monotonic: when those in files were read; 0: not yet */
    bool borrows;             /* loop and http are another's */
    bool serves;              /* others wait for it */
    bool hurried;             /* a second signal has come: nothing on its way is waited for */
};

/* The configuration's secrets that need no file are registered before: config_hide. */
void engine_create(struct engine *engine, const struct config *config, struct log *log,
                   struct redact *redact);
/* One that has loop, http and transport of another one, which must outlive it. */
void engine_create_beside(struct engine *engine, const struct engine *other,
                          const struct config *config, struct log *log);
void engine_destroy(struct engine *engine);
/*
 * Scripts can read secret files themselves. So before text of a script leaves, or is written by
 * jeton, the secrets in files are registered, and once a second, as they may be replaced while a
 * process runs on. A run with a cached token that sends and writes none reads no file. Secrets from
 * commands are known from the first exchange on.
 */
void engine_know_secrets(struct engine *engine);
/* Opens the state when first needed: a script without connectors leaves no trace. */
int engine_need_store(struct engine *engine, struct err *err);
/* The store of the keys of jeton.state, open. NULL with err. */
struct store *engine_keys(struct engine *engine, struct err *err);
/* Forgets stores, tokens and client; the next need makes them anew, by what config says then. No
 * call of theirs may be under way. */
void engine_forget_store(struct engine *engine);
void engine_set_deadline(struct engine *engine, int64_t deadline_ms);

#endif
