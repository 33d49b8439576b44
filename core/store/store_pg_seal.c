/*
 * Secrets in a database are sealed with keys that are not in it: version, the key's id, nonce, box.
 * Each is bound to its column and owner, so that whoever can write the tables cannot move a token
 * to another connector's row.
 */
#include "store_pg.h"

#include "base64.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define VERSION   1
#define ID_SIZE   4
#define NONCE     crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG       crypto_aead_xchacha20poly1305_ietf_ABYTES
#define HEAD      (1 + ID_SIZE + NONCE)
#define OWNED     "jeton 1 " /* what is bound begins so */
#define BLANKS    " \t\r"
#define BYTES_MAX ((size_t)64 * 1024) /* of the keys' file */
#define SETTLED_S 2 /* a file that has changed since may change again without a new time */

static const char *shown(const struct store_pg *pg)
{
    return pg->place.key_file != NULL ? pg->place.key_file : "state.key";
}

static int read_key(struct store_pg *pg, const char *line, size_t len, struct err *err)
{
    if (pg->nkeys == STORE_PG_KEYS_MAX)
        return err_set(err, ERR_CONFIG, "%s: over %d keys", shown(pg), STORE_PG_KEYS_MAX);
    struct store_pg_key *key = &pg->keys[pg->nkeys];
    size_t bytes = 0;
    if (!base64_decode(sodium_base64_VARIANT_ORIGINAL, line, len, NULL, key->bytes,
                       sizeof key->bytes, &bytes) ||
        bytes != sizeof key->bytes)
        return err_set(err, ERR_CONFIG,
                       "%s: line %zu is no key (base64 of 32 bytes); "
                       "`jeton state keygen FILE` makes one",
                       shown(pg), pg->nkeys + 1);
    crypto_generichash(key->id, sizeof key->id, key->bytes, sizeof key->bytes, NULL, 0);
    pg->nkeys++;
    return 0;
}

int store_pg_keys_read(struct store_pg *pg, const char *text, struct err *err)
{
    pg->nkeys = 0;
    while (*text != '\0') {
        size_t line = strcspn(text, "\n");
        size_t from = strspn(text, BLANKS);
        size_t to = line;
        while (to > from && strchr(BLANKS, text[to - 1]) != NULL)
            to--;
        if (from < to && text[from] != '#' && read_key(pg, text + from, to - from, err) != 0)
            return -1;
        text += line + (text[line] == '\n');
    }
    if (pg->nkeys == 0)
        return err_set(err, ERR_CONFIG,
                       "%s: there is no key in it; `jeton state keygen FILE` makes one", shown(pg));
    return 0;
}

static void note_file(struct store_pg *pg, const struct stat *file)
{
    if (time(NULL) - file->st_mtim.tv_sec >= SETTLED_S)
        pg->key_file = *file;
    else
        memset(&pg->key_file, 0, sizeof pg->key_file);
}

int store_pg_keys_load(struct store_pg *pg, struct err *err)
{
    struct buf text;
    struct stat file = {0};
    if (pg->place.key_file != NULL)
        stat(pg->place.key_file, &file);
    buf_create_secret(&text, BYTES_MAX);
    int result = pg->place.read(pg->place.arg, STATE_KEY, &text, err);
    if (result == 0)
        result = err_set(err, ERR_CONFIG,
                         "a state in a database needs `state.key`, which seals its secrets; "
                         "`jeton state keygen FILE` makes one");
    else if (result == 1)
        result = store_pg_keys_read(pg, text.data, err);
    buf_destroy(&text);
    if (result == 0)
        note_file(pg, &file);
    return result;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

void store_pg_keys_look(struct store_pg *pg)
{
    struct stat file;
    struct err err;
    struct store_pg_key before[STORE_PG_KEYS_MAX];
    size_t count = pg->nkeys;
    if (!pg->prepared || pg->place.key_file == NULL || stat(pg->place.key_file, &file) != 0 ||
        !S_ISREG(file.st_mode) || is_same(&file, &pg->key_file))
        return;
    memcpy(before, pg->keys, sizeof before);
    if (store_pg_keys_load(pg, &err) != 0) {
        memcpy(pg->keys, before, sizeof before);
        pg->nkeys = count;
    } else if (pg->nkeys != count || memcmp(pg->keys, before, count * sizeof before[0]) != 0) {
        pg->known = false;
    }
    sodium_memzero(before, sizeof before);
}

/* What a box is bound to. */
static size_t bound(struct arena *arena, const char *column, const char *owner, const char **text)
{
    size_t len = strlen(OWNED) + strlen(column) + 1 + strlen(owner);
    char *bytes = arena_alloc(arena, len + 1);
    snprintf(bytes, len + 1, OWNED "%s %s", column, owner);
    *text = bytes;
    return len;
}

const unsigned char *store_pg_seal(struct store_pg_batch *batch, const char *column,
                                   const char *owner, const void *text, size_t len, size_t *sealed)
{
    const struct store_pg_key *key = &batch->pg->keys[0];
    const char *about;
    size_t about_len = bound(&batch->texts, column, owner, &about);
    unsigned char *out = arena_alloc(&batch->texts, HEAD + len + TAG);
    out[0] = VERSION;
    memcpy(out + 1, key->id, ID_SIZE);
    randombytes_buf(out + 1 + ID_SIZE, NONCE);
    crypto_aead_xchacha20poly1305_ietf_encrypt(out + HEAD, NULL, text, len,
                                               (const unsigned char *)about, about_len, NULL,
                                               out + 1 + ID_SIZE, key->bytes);
    *sealed = HEAD + len + TAG;
    return out;
}

int64_t store_pg_unseal(const struct store_pg *pg, const char *column, const char *owner,
                        const unsigned char *sealed, size_t len, char *text)
{
    struct arena arena = {0};
    const char *about;
    size_t about_len = bound(&arena, column, owner, &about);
    unsigned long long opened = 0;
    int64_t result = -1;
    for (size_t i = 0; len >= HEAD + TAG && sealed[0] == VERSION && i < pg->nkeys; i++) {
        if (memcmp(sealed + 1, pg->keys[i].id, ID_SIZE) != 0 ||
            crypto_aead_xchacha20poly1305_ietf_decrypt(
                (unsigned char *)text, &opened, NULL, sealed + HEAD, len - HEAD,
                (const unsigned char *)about, about_len, sealed + 1 + ID_SIZE,
                pg->keys[i].bytes) != 0)
            continue;
        result = (int64_t)opened;
        text[opened] = '\0';
        break;
    }
    arena_destroy(&arena);
    return result;
}

int store_pg_seal_anew(struct store_pg_batch *batch, const char *column, const char *owner,
                       const char **value, int *len)
{
    const unsigned char *was = (const unsigned char *)*value;
    char *text = arena_alloc(&batch->texts, (size_t)*len + 1);
    int64_t opened = store_pg_unseal(batch->pg, column, owner, was, (size_t)*len, text);
    if (opened < 0)
        return -1;
    if (memcmp(was + 1, batch->pg->keys[0].id, ID_SIZE) != 0) {
        size_t sealed = 0;
        *value = (const char *)store_pg_seal(batch, column, owner, text, (size_t)opened, &sealed);
        *len = (int)sealed;
    }
    sodium_memzero(text, (size_t)opened);
    return 0;
}
