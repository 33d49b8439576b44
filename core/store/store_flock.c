#include "store_engine.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define RUNS_NAME  "runs" /* one file for all runs: each has a byte of its own */
#define HASH_BYTES 16
#define NAME_SIZE  160

/* Ids are numbers of base 36. What a database says may be no id: it is some byte. */
static int64_t byte_of(const char *run)
{
    uint64_t at = 0;
    for (; *run != '\0'; run++)
        at = at * 36 + (uint64_t)(*run >= 'a' ? *run - 'a' : *run - '0' + 26);
    return (int64_t)(at & INT64_MAX);
}

/* "job-NAME-HASH", of a scope that is "job:NAME:FILE": the hash tells configurations apart. */
static void job_name(const char *scope, char name[static NAME_SIZE])
{
    unsigned char hash[HASH_BYTES];
    char hex[2 * HASH_BYTES + 1];
    const char *job = strchr(scope, ':') + 1;
    crypto_generichash(hash, sizeof hash, (const unsigned char *)scope, strlen(scope), NULL, 0);
    sodium_bin2hex(hex, sizeof hex, hash, sizeof hash);
    snprintf(name, NAME_SIZE, "job-%.*s-%s", (int)strcspn(job, ":"), job, hex);
}

static void taken(void *arg, const struct err *err)
{
    struct store_lease *lease = arg;
    lease->held = err == NULL;
    lease->done(lease->arg, err);
}

void store_flock_take(struct store_lease *lease, const char *folder)
{
    char name[NAME_SIZE];
    struct err err;
    if (lease->kind == STORE_LEASE_RUN) {
        lease->lock.fd = lock_byte(folder, RUNS_NAME, byte_of(lease->key), &err);
        taken(lease, lease->lock.fd >= 0 ? NULL : &err);
        return;
    }
    if (lease->kind == STORE_LEASE_JOB)
        job_name(lease->key, name);
    else
        snprintf(name, sizeof name, "token-%.32s", lease->key);
    lock_wait(&lease->lock, folder, name, lease->give_up_ms, taken, lease);
}

void store_flock_release(struct store_lease *lease)
{
    lock_release(&lease->lock);
}

bool store_flock_run_is_held(const char *folder, const char *run)
{
    return lock_byte_is_held(folder, RUNS_NAME, byte_of(run));
}
