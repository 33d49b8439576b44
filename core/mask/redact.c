#include "redact.h"

#include "mem.h"
#include "redact_private.h"

#include <string.h>

struct owners {
    char **names; /* NULL-terminated */
    size_t count;
};

struct redact {
    struct redact_forms *forms; /* the secrets, oldest first; knows them in all their forms */
    struct owners *owners;      /* of each of them */
    struct redact_scan *scan;   /* its memory is used again by the next text */
    redact_observe_fn *observe;
    void *observe_arg;
};

struct redact *redact_new(void)
{
    struct redact *redact = mem_alloc(sizeof(struct redact));
    redact->forms = redact_forms_new();
    redact->scan = redact_scan_new(redact->forms);
    return redact;
}

static void owners_free(struct owners *owners)
{
    for (size_t i = 0; i < owners->count; i++)
        mem_free(owners->names[i]);
    mem_free(owners->names);
}

void redact_free(struct redact *redact)
{
    if (redact == NULL)
        return;
    for (size_t i = 0; i < redact->forms->count; i++)
        owners_free(&redact->owners[i]);
    mem_free(redact->owners);
    redact_scan_free(redact->scan);
    redact_forms_free(redact->forms);
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

static void drop_oldest(struct redact *redact)
{
    owners_free(&redact->owners[REDACT_PINNED]);
    redact_forms_remove(redact->forms, REDACT_PINNED);
    memmove(&redact->owners[REDACT_PINNED], &redact->owners[REDACT_PINNED + 1],
            (redact->forms->count - REDACT_PINNED) * sizeof *redact->owners);
}

static void add_piece(struct redact *redact, const char *data, size_t len, const char *owner)
{
    for (size_t i = 0; i < redact->forms->count; i++) {
        const struct forms_secret *known = &redact->forms->secrets[i];
        if (known->len == len && memcmp(known->data, data, len) == 0) {
            add_owner(&redact->owners[i], owner);
            return;
        }
    }
    if (redact->forms->count == REDACT_MAX)
        drop_oldest(redact);
    size_t count = redact->forms->count;
    redact_forms_add(redact->forms, data, len);
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

struct redact_forms *redact_forms_of(const struct redact *redact)
{
    return redact->forms;
}

struct redact_scan *redact_scan_of(const struct redact *redact)
{
    redact_scan_restart(redact->scan);
    return redact->scan;
}

struct found {
    const struct redact *redact;
    redact_found_fn *fn;
    void *arg;
};

static bool tell_owners(void *arg, size_t secret)
{
    const struct found *found = arg;
    return found->fn(found->arg, (const char *const *)found->redact->owners[secret].names);
}

void redact_find(const struct redact *redact, const char *text, size_t len, redact_found_fn *fn,
                 void *arg)
{
    struct found found = {.redact = redact, .fn = fn, .arg = arg};
    redact_scan_find(redact->scan, text, len, tell_owners, &found);
}
