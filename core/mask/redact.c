#include "redact.h"

#include "mem.h"
#include "redact_private.h"

#include <string.h>

struct owners {
    char **names; /* NULL-terminated */
    size_t count;
};

/* So many secrets are young at most. */
#define YOUNG_MAX 64
_Static_assert(REDACT_PINNED + 2 * YOUNG_MAX <= REDACT_MAX, "the oldest that go are old ones");

/*
 * The secrets, oldest first: the old ones and after them the young ones. A secret that is added
 * makes only the machines of the young ones anew, and now and then those of all.
 */
struct redact {
    struct redact_forms *forms[REDACT_SETS];
    struct redact_scan *scans[REDACT_SETS]; /* their memory is used again by the next text */
    struct owners *owners;                  /* of each secret */
    redact_observe_fn *observe;
    void *observe_arg;
};

struct redact *redact_new(void)
{
    struct redact *redact = mem_alloc(sizeof(struct redact));
    for (size_t i = 0; i < REDACT_SETS; i++) {
        redact->forms[i] = redact_forms_new();
        redact->scans[i] = redact_scan_new(redact->forms[i]);
    }
    return redact;
}

static void owners_free(struct owners *owners)
{
    for (size_t i = 0; i < owners->count; i++)
        mem_free(owners->names[i]);
    mem_free(owners->names);
}

static size_t count_of(const struct redact *redact)
{
    return redact->forms[REDACT_OLD]->count + redact->forms[REDACT_YOUNG]->count;
}

void redact_free(struct redact *redact)
{
    if (redact == NULL)
        return;
    for (size_t i = 0; i < count_of(redact); i++)
        owners_free(&redact->owners[i]);
    mem_free(redact->owners);
    for (size_t i = 0; i < REDACT_SETS; i++) {
        redact_scan_free(redact->scans[i]);
        redact_forms_free(redact->forms[i]);
    }
    mem_free(redact);
}

static void add_owner(struct owners *owners, const char *owner)
{
    if (owner == NULL || owners->count == REDACT_OWNERS_MAX)
        return;
    for (size_t i = 0; i < owners->count; i++) {
        if (strcmp(owners->names[i], owner) == 0)
            return;
    }
    owners->names = mem_realloc(owners->names, (owners->count + 2) * sizeof(char *));
    owners->names[owners->count++] = mem_strdup(owner);
    owners->names[owners->count] = NULL;
}

/* The young ones become old. Where that would be too many, as many of the oldest go, all at once:
 * one at a time would make the machines of the old ones anew with each secret that is added. */
static void grow_old(struct redact *redact)
{
    struct redact_forms *old = redact->forms[REDACT_OLD];
    struct owners *oldest = &redact->owners[REDACT_PINNED];
    if (count_of(redact) + YOUNG_MAX > REDACT_MAX) {
        for (size_t i = 0; i < YOUNG_MAX; i++)
            owners_free(&oldest[i]);
        redact_forms_remove(old, REDACT_PINNED, YOUNG_MAX);
        memmove(oldest, oldest + YOUNG_MAX,
                (count_of(redact) - REDACT_PINNED) * sizeof *redact->owners);
    }
    redact_forms_move(redact->forms[REDACT_YOUNG], old);
}

void redact_settle(struct redact *redact)
{
    if (redact->forms[REDACT_OLD]->count > 0)
        grow_old(redact);
}

static bool is_known(struct redact *redact, const char *data, size_t len, const char *owner)
{
    struct owners *owners = redact->owners;
    uint32_t sum = redact_forms_sum(data, len);
    for (size_t i = 0; i < REDACT_SETS; i++) {
        const struct redact_forms *forms = redact->forms[i];
        for (size_t k = 0; k < forms->count; k++, owners++) {
            const struct forms_secret *known = &forms->secrets[k];
            if (known->sum == sum && known->len == len && memcmp(known->data, data, len) == 0) {
                add_owner(owners, owner);
                return true;
            }
        }
    }
    return false;
}

static void add_piece(struct redact *redact, const char *data, size_t len, const char *owner)
{
    if (is_known(redact, data, len, owner))
        return;
    if (redact->forms[REDACT_YOUNG]->count == YOUNG_MAX)
        grow_old(redact);
    size_t count = count_of(redact);
    redact_forms_add(redact->forms[REDACT_YOUNG], data, len);
    redact->owners = mem_realloc(redact->owners, (count + 1) * sizeof *redact->owners);
    redact->owners[count] = (struct owners){.names = mem_alloc(sizeof(char *))};
    add_owner(&redact->owners[count], owner);
    if (redact->observe != NULL)
        redact->observe(redact->observe_arg, data, len);
}

void redact_add_owned(struct redact *redact, const char *secret, size_t len, const char *owner)
{
    if (len < REDACT_MIN_BYTES)
        return;
    while (len > REDACT_PIECE_MAX) {
        /* The last piece must not become too short to be found. */
        size_t size =
            len - REDACT_PIECE_MAX < REDACT_MIN_BYTES ? REDACT_PIECE_MAX / 2 : REDACT_PIECE_MAX;
        add_piece(redact, secret, size, owner);
        secret += size;
        len -= size;
    }
    add_piece(redact, secret, len, owner);
}

void redact_observe(struct redact *redact, redact_observe_fn *fn, void *arg)
{
    redact->observe = fn;
    redact->observe_arg = arg;
}

void redact_add(struct redact *redact, const char *secret, size_t len)
{
    redact_add_owned(redact, secret, len, NULL);
}

struct redact_forms *redact_forms_of(const struct redact *redact, enum redact_set set)
{
    return redact->forms[set];
}

struct redact_scan *redact_scan_of(const struct redact *redact, enum redact_set set)
{
    redact_scan_restart(redact->scans[set]);
    return redact->scans[set];
}

struct found {
    const struct owners *owners; /* of the set's first secret */
    redact_found_fn *fn;
    void *arg;
};

static bool tell_owners(void *arg, size_t secret)
{
    const struct found *found = arg;
    return found->fn(found->arg, (const char *const *)found->owners[secret].names);
}

void redact_find(const struct redact *redact, const char *text, size_t len, redact_found_fn *fn,
                 void *arg)
{
    struct found found = {.owners = redact->owners, .fn = fn, .arg = arg};
    if (!redact_scan_find(redact->scans[REDACT_OLD], text, len, tell_owners, &found))
        return;
    found.owners += redact->forms[REDACT_OLD]->count;
    redact_scan_find(redact->scans[REDACT_YOUNG], text, len, tell_owners, &found);
}
