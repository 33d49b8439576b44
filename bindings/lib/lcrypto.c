/* jeton.crypto: libsodium's random bytes, hashes, encodings, comparison and passwords. */
#include "base64.h"
#include "larg.h"
#include "lerr.h"
#include "luaopen.h"
#include "mem.h"
#include "path.h"
#include "sha256.h"
#include "vm.h"

#include <errno.h>
#include <lauxlib.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define RANDOM_MAX ((lua_Integer)1024 * 1024)
/* Of texts to encode, which may double in size. */
#define TEXT_MAX   ((size_t)256 * 1024 * 1024)
#define UUID_BYTES 16
#define PASSES_MAX 100 /* over the memory, of a hash that is verified: some seconds */
#define FILE_PIECE ((size_t)64 * 1024) /* of a file that is hashed, at a time */

/* The argument; raises when it is over TEXT_MAX. */
static const unsigned char *check_bytes(lua_State *L, int index, size_t *len)
{
    const char *bytes = larg_check_text(L, index, len);
    luaL_argcheck(L, *len <= TEXT_MAX, index, "at most 256 MiB");
    return (const unsigned char *)bytes;
}

/* From the system; in a test from its seed. */
static void draw(lua_State *L, void *bytes, size_t count)
{
    const struct vm_test *test = vm_options_of(vm_of(L))->test;
    if (test != NULL)
        test->random(test->world, bytes, count);
    else
        randombytes_buf(bytes, count);
}

/* crypto.random(n) */
static int crypto_random(lua_State *L)
{
    luaL_Buffer buffer;
    lua_Integer count = luaL_checkinteger(L, 1);
    luaL_argcheck(L, count >= 0 && count <= RANDOM_MAX, 1, "0 to 1048576 bytes");
    char *bytes = luaL_buffinitsize(L, &buffer, (size_t)count);
    draw(L, bytes, (size_t)count);
    luaL_pushresultsize(&buffer, (size_t)count);
    return 1;
}

/* crypto.uuid(): version 4 of RFC 9562 */
static int crypto_uuid(lua_State *L)
{
    unsigned char bytes[UUID_BYTES];
    char hex[UUID_BYTES * 2 + 1];
    char uuid[sizeof hex + 4];
    draw(L, bytes, sizeof bytes);
    bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80);
    sodium_bin2hex(hex, sizeof hex, bytes, sizeof bytes);
    snprintf(uuid, sizeof uuid, "%.8s-%.4s-%.4s-%.4s-%s", hex, hex + 8, hex + 12, hex + 16,
             hex + 20);
    lua_pushstring(L, uuid);
    return 1;
}

/* crypto.sha256(text) */
static int crypto_sha256(lua_State *L)
{
    size_t len;
    unsigned char hash[crypto_hash_sha256_BYTES];
    const char *text = larg_check_text(L, 1, &len);
    crypto_hash_sha256(hash, (const unsigned char *)text, len);
    lua_pushlstring(L, (const char *)hash, sizeof hash);
    return 1;
}

/* crypto.sha256_file(path): the hash and the size, or nil, err. Read piece by piece. */
static int crypto_sha256_file(lua_State *L)
{
    unsigned char hash[SHA256_BYTES];
    struct err err;
    size_t len;
    lua_Integer size = 0;
    const char *path = larg_check_text(L, 1, &len);
    luaL_argcheck(L, strlen(path) == len, 1, "holds a NUL byte");
    int fd = path_open(path, NULL, &err);
    if (fd < 0)
        return lerr_return(L, &err);
    struct sha256 *sha256 = sha256_new();
    unsigned char *piece = mem_alloc(FILE_PIECE); /* calls are nested 200 deep at most: no array */
    ssize_t n;
    while ((n = read(fd, piece, FILE_PIECE)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            break;
        sha256_add(sha256, piece, (size_t)n);
        size += n;
    }
    if (n < 0)
        err_set(&err, ERR_INVALID, "cannot read '%s': %s", path, strerror(errno));
    close(fd);
    mem_free(piece);
    sha256_end(sha256, hash);
    if (n < 0)
        return lerr_return(L, &err);
    lua_pushlstring(L, (const char *)hash, sizeof hash);
    lua_pushinteger(L, size);
    return 2;
}

/* crypto.hmac_sha256(key, text): the key may have any length */
static int crypto_hmac_sha256(lua_State *L)
{
    size_t key_len, len;
    unsigned char hash[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    const char *key = larg_check_text(L, 1, &key_len);
    const char *text = larg_check_text(L, 2, &len);
    crypto_auth_hmacsha256_init(&state, (const unsigned char *)key, key_len);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)text, len);
    crypto_auth_hmacsha256_final(&state, hash);
    sodium_memzero(&state, sizeof state);
    lua_pushlstring(L, (const char *)hash, sizeof hash);
    return 1;
}

/* crypto.hex(bytes): lower case */
static int crypto_hex(lua_State *L)
{
    luaL_Buffer buffer;
    size_t len;
    const unsigned char *bytes = check_bytes(L, 1, &len);
    char *hex = luaL_buffinitsize(L, &buffer, len * 2 + 1);
    sodium_bin2hex(hex, len * 2 + 1, bytes, len);
    luaL_pushresultsize(&buffer, len * 2);
    return 1;
}

static int fail(lua_State *L, const char *what, const char *expected)
{
    struct err err;
    err_set(&err, ERR_INVALID, "%s: expected %s", what, expected);
    return lerr_return(L, &err);
}

/* crypto.unhex(text): either case */
static int crypto_unhex(lua_State *L)
{
    luaL_Buffer buffer;
    size_t len, used;
    const char *hex = (const char *)check_bytes(L, 1, &len);
    unsigned char *bytes = (unsigned char *)luaL_buffinitsize(L, &buffer, len / 2 + 1);
    if (sodium_hex2bin(bytes, len / 2 + 1, hex, len, NULL, &used, NULL) != 0)
        return fail(L, "crypto.unhex", "an even number of hex digits and nothing else");
    luaL_pushresultsize(&buffer, used);
    return 1;
}

static int encode(lua_State *L, int variant)
{
    luaL_Buffer buffer;
    size_t len;
    const unsigned char *bytes = check_bytes(L, 1, &len);
    size_t size = sodium_base64_encoded_len(len, variant); /* with the NUL */
    char *text = luaL_buffinitsize(L, &buffer, size);
    sodium_bin2base64(text, size, bytes, len, variant);
    luaL_pushresultsize(&buffer, size - 1);
    return 1;
}

/* Padding is optional: `unpadded` is the variant without it. */
static int decode(lua_State *L, int padded, int unpadded, const char *what, const char *expected)
{
    luaL_Buffer buffer;
    size_t len, used;
    const char *text = (const char *)check_bytes(L, 1, &len);
    unsigned char *bytes = (unsigned char *)luaL_buffinitsize(L, &buffer, len / 4 * 3 + 3);
    bool has_padding = len > 0 && text[len - 1] == '=';
    if (!base64_decode(has_padding ? padded : unpadded, text, len, NULL, bytes, len / 4 * 3 + 3,
                       &used))
        return fail(L, what, expected);
    luaL_pushresultsize(&buffer, used);
    return 1;
}

/* crypto.base64(bytes): RFC 4648 §4, with padding */
static int crypto_base64(lua_State *L)
{
    return encode(L, sodium_base64_VARIANT_ORIGINAL);
}

/* crypto.unbase64(text) */
static int crypto_unbase64(lua_State *L)
{
    return decode(L, sodium_base64_VARIANT_ORIGINAL, sodium_base64_VARIANT_ORIGINAL_NO_PADDING,
                  "crypto.unbase64", "base64 (A-Z a-z 0-9 + / and right padding) and nothing else");
}

/* crypto.base64url(bytes): RFC 4648 §5, without padding, as JWTs have it */
static int crypto_base64url(lua_State *L)
{
    return encode(L, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

/* crypto.unbase64url(text) */
static int crypto_unbase64url(lua_State *L)
{
    return decode(L, sodium_base64_VARIANT_URLSAFE, sodium_base64_VARIANT_URLSAFE_NO_PADDING,
                  "crypto.unbase64url",
                  "base64url (A-Z a-z 0-9 - _ and right padding) and nothing else");
}

/*
 * crypto.equal(a, b): takes a time that depends only on the length of `b`, the text that came from
 * outside. So nobody can measure where the texts differ, or how long `a` is.
 */
static int crypto_equal(lua_State *L)
{
    size_t a_len, b_len;
    const char *a = larg_check_text(L, 1, &a_len);
    const char *b = larg_check_text(L, 2, &b_len);
    bool same_length = a_len == b_len;
    /* If the lengths differ, b is compared with itself, to take the same time. */
    const char *other = same_length ? a : b;
    bool same = sodium_memcmp(other, b, b_len) == 0;
    lua_pushboolean(L, same && same_length);
    return 1;
}

/* Fails if a hash costs more than the run may use. Its memory is libsodium's, which Lua does not
 * count, so it is compared with the whole limit. */
static int check_cost(lua_State *L, unsigned long kib, unsigned long passes, struct err *err)
{
    size_t limit = vm_memory_limit(vm_of(L));
    if (kib > limit / 1024)
        return err_set(err, ERR_INVALID,
                       "the password's hash needs %lu MiB of memory, the run's limit is %zu MiB",
                       kib / 1024, limit / 1024 / 1024);
    if (passes > PASSES_MAX)
        return err_set(err, ERR_INVALID,
                       "the password's hash needs %lu passes; at most %d are allowed", passes,
                       PASSES_MAX);
    return 0;
}

/* crypto.password_hash(password): argon2id, about a tenth of a second and 64 MiB */
static int crypto_password_hash(lua_State *L)
{
    char hash[crypto_pwhash_STRBYTES];
    struct err err;
    size_t len;
    if (check_cost(L, crypto_pwhash_MEMLIMIT_INTERACTIVE / 1024, 1, &err) != 0)
        return lerr_return(L, &err);
    const char *password = larg_check_text(L, 1, &len);
    luaL_argcheck(L, len <= crypto_pwhash_PASSWD_MAX, 1, "at most 4 GiB");
    if (crypto_pwhash_str(hash, password, len, crypto_pwhash_OPSLIMIT_INTERACTIVE,
                          crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0) {
        err_set(&err, ERR_INVALID, "crypto.password_hash: not enough memory for argon2id");
        return lerr_return(L, &err);
    }
    lua_pushstring(L, hash);
    return 1;
}

/* crypto.password_verify(hash, password): as slow as the hash was made; nil, err if that is too
 * much */
static int crypto_password_verify(lua_State *L)
{
    struct err err;
    unsigned long kib, passes;
    size_t hash_len, len;
    const char *hash = larg_check_text(L, 1, &hash_len);
    const char *password = larg_check_text(L, 2, &len);
    if ((sscanf(hash, "$argon2id$v=19$m=%lu,t=%lu,", &kib, &passes) == 2 ||
         sscanf(hash, "$argon2i$v=19$m=%lu,t=%lu,", &kib, &passes) == 2) &&
        check_cost(L, kib, passes, &err) != 0)
        return lerr_return(L, &err);
    bool good = hash_len < crypto_pwhash_STRBYTES && strlen(hash) == hash_len &&
                len <= crypto_pwhash_PASSWD_MAX &&
                crypto_pwhash_str_verify(hash, password, len) == 0;
    lua_pushboolean(L, good);
    return 1;
}

int luaopen_jeton_crypto(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"random", crypto_random},
        {"uuid", crypto_uuid},
        {"sha256", crypto_sha256},
        {"sha256_file", crypto_sha256_file},
        {"hmac_sha256", crypto_hmac_sha256},
        {"hex", crypto_hex},
        {"unhex", crypto_unhex},
        {"base64", crypto_base64},
        {"unbase64", crypto_unbase64},
        {"base64url", crypto_base64url},
        {"unbase64url", crypto_unbase64url},
        {"equal", crypto_equal},
        {"password_hash", crypto_password_hash},
        {"password_verify", crypto_password_verify},
        {0},
    };
    if (sodium_init() < 0)
        return luaL_error(L, "jeton.crypto: libsodium cannot be used on this machine");
    luaL_newlib(L, functions);
    return 1;
}
