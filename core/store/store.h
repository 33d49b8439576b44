/*
 * The state: one file, `jeton.db` (0600) in the state folder (0700). Narrow on purpose: nobody
 * above knows what is behind it. Safe for many processes at once; every write is durable when its
 * function returns.
 *
 * Errors: ERR_CONFIG when it cannot be used (newer version, corrupt: renamed to
 * jeton.db.corrupt-TIME and named in the message, read-only, unsafe modes); ERR_NETWORK, retryable,
 * when it may pass (locked for over STORE_BUSY_MS, disk full).
 */
#ifndef JETON_STORE_H
#define JETON_STORE_H

#include "buf.h"
#include "err.h"

#include <stdint.h>

#define STORE_VERSION    4
#define STORE_BUSY_MS    10000
#define STORE_KEY_MAX    512                   /* bytes of a key of jeton.state */
#define STORE_VALUE_MAX  ((size_t)1024 * 1024) /* bytes of a value */
#define STORE_KEYS_MAX   100000                /* keys of one job */
#define STORE_OWNER_SIZE 65                    /* hex sha256 and NUL */

struct store;

/* Creates folder and file where absent, migrates forward. */
struct store *store_open(const char *folder, struct err *err);
void store_close(struct store *store); /* NULL is fine */
const char *store_folder(const struct store *store);

/* What is kept of a connector's tokens. Strings are owned by the row; NULL where there is none. */
struct store_token {
    char owner[STORE_OWNER_SIZE]; /* token_cache_owner(): whose it is */
    int64_t generation;           /* one more at each exchange */
    char *access_token;
    char *endpoint_url;
    char *scope;
    int64_t lifetime_ms;      /* as the service said, from receipt */
    int64_t received_wall_ms; /* receipt, by three clocks */
    int64_t received_boot_ms;
    char received_boot_id[40];
    char *refresh_token;           /* the rotated one (or that of `login`) */
    char *refresh_previous;        /* the one before, until the new one has worked */
    int64_t refresh_since_ms;      /* wall clock of its receipt */
    char *configured_fingerprint;  /* of the configured refresh token that it replaces */
    char *application_fingerprint; /* of the application ID that all this was got with */
    char *service_override;        /* where a 308 moved the token service */
};

void store_token_destroy(struct store_token *row); /* wipes */
/* 1: found, 0: none, -1: error. */
int store_token_load(struct store *store, const char *owner, struct store_token *row,
                     struct err *err);
int store_token_save(struct store *store, const struct store_token *row,
                     struct err *err); /* insert or replace */
/* Only the endpoint of an existing row, so that an exchange under way elsewhere loses nothing. */
int store_token_set_endpoint(struct store *store, const char *owner, const char *endpoint_url,
                             struct err *err);
int store_token_delete(struct store *store, const char *owner, struct err *err);

/* 32 random bytes made when the store was made: the key of fingerprints. */
int store_salt(struct store *store, unsigned char salt[32], struct err *err);

/* Durable keys and values of one job or script (`scope`). A value is text (JSON by convention). */
int store_kv_get(struct store *store, const char *scope, const char *key, struct buf *value,
                 struct err *err); /* 1, 0, -1 */
struct store_kv {
    const char *key;
    const char *value; /* NULL: delete */
    size_t len;
};
/* All of them or none, in one transaction. ERR_INVALID over the limits. */
int store_kv_write(struct store *store, const char *scope, const struct store_kv *items,
                   size_t count, struct err *err);
/* Calls fn for every key of the scope, in byte order, until it returns false. fn must not use the
 * store. */
int store_kv_each(struct store *store, const char *scope,
                  bool (*fn)(void *arg, const struct store_kv *item), void *arg, struct err *err);

#endif
