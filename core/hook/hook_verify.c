/* Is a request its sender's? */
#include "hook_private.h"

#include "base64.h"
#include "url.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define UNAUTHORIZED   401
#define SIGNATURE_MAX  1024 /* bytes, decoded */
#define SECONDS_DIGITS 11
#define MS_DIGITS      14
#define RFC3339_MIN    20 /* 2026-11-27T12:00:00Z */
#define RFC3339_MAX    40
#define SIGNED_MORE    ((size_t)1024 * 1024) /* what a signed text may hold beside the body */
#define BASE64_UNIT    4
#define BASIC          "Basic "
#define BASIC_MAX      1024

static bool refuse(struct hook_result *result, const char *part, const char *message)
{
    return hook_refuse(result, UNAUTHORIZED, part, "%s", message);
}

/* ---- candidates ---- */

struct candidates {
    struct hook_span items[HOOK_CANDIDATES_MAX];
    size_t count, entries; /* entries: also those without the prefix */
    bool over, twice, incomplete;
    bool in_query; /* the values are */
};

static void add_entry(const struct hook_verify *verify, struct hook_span entry,
                      struct candidates *out)
{
    size_t len = verify->prefix != NULL ? strlen(verify->prefix) : 0;
    while (entry.len > 0 && *entry.text == ' ')
        entry = (struct hook_span){entry.text + 1, entry.len - 1};
    out->entries++;
    if (entry.len < len || (len > 0 && memcmp(entry.text, verify->prefix, len) != 0))
        return;
    if (out->count == HOOK_CANDIDATES_MAX)
        out->over = true;
    else
        out->items[out->count++] = (struct hook_span){entry.text + len, entry.len - len};
}

static void add_entries(const struct hook_verify *verify, struct hook_span value,
                        struct candidates *out)
{
    size_t gap = verify->separator != NULL ? strlen(verify->separator) : 0;
    const char *at = value.text, *end = at + value.len;
    while (gap > 0 && !out->over) {
        const char *stop = memmem(at, (size_t)(end - at), verify->separator, gap);
        if (stop == NULL)
            break;
        add_entry(verify, (struct hook_span){at, (size_t)(stop - at)}, out);
        at = stop + gap;
    }
    add_entry(verify, (struct hook_span){at, (size_t)(end - at)}, out);
}

/* Of all places for signatures; of tokens, of the first that is there. */
static void collect(struct hook_view *view, struct candidates *out, struct hook_values *values)
{
    const struct hook_verify *verify = &view->rules->verify;
    for (size_t i = 0; i < verify->in.count; i++) {
        *values = (struct hook_values){0};
        hook_view_values(view, &verify->in.items[i].parts[0], values);
        out->twice = out->twice || values->twice;
        out->over = out->over || values->over;
        if (verify->kind == HOOK_TOKEN && values->count > 0) {
            out->in_query = verify->in.items[i].parts[0].kind == HOOK_PLACE_QUERY;
            return;
        }
        for (size_t n = 0; n < values->count; n++) {
            if (values->items[n].text.text == NULL)
                continue;
            if (view->entries.text == NULL)
                view->entries = values->items[n].text;
            add_entries(verify, values->items[n].text, out);
        }
    }
}

/* ---- time ---- */

static bool digits(struct hook_span text, size_t max, int64_t *value)
{
    *value = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.text[i] < '0' || text.text[i] > '9')
            return false;
        *value = i < max ? *value * 10 + (text.text[i] - '0') : *value;
    }
    return text.len > 0 && text.len <= max;
}

/* The first three digits of a fraction, in milliseconds; its length is skipped. */
static int fraction(const char **at)
{
    int ms = 0, scale = 100;
    if (**at != '.')
        return 0;
    for ((*at)++; **at >= '0' && **at <= '9'; (*at)++, scale /= 10)
        ms += (**at - '0') * scale;
    return ms;
}

static bool rfc3339(struct hook_span text, int64_t *ms)
{
    char copy[RFC3339_MAX + 1];
    struct tm tm = {0};
    int used = 0, hours = 0, minutes = 0, zone = 0;
    if (text.len < RFC3339_MIN || text.len > RFC3339_MAX)
        return false;
    memcpy(copy, text.text, text.len);
    copy[text.len] = '\0';
    if (sscanf(copy, "%4d-%2d-%2d%*1[Tt ]%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
               &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &used) != 6 ||
        used == 0)
        return false;
    const char *at = copy + used;
    int part = fraction(&at);
    if (*at == '+' || *at == '-') {
        int sign = *at == '-' ? -1 : 1;
        if (sscanf(at + 1, "%2d:%2d", &hours, &minutes) != 2 || strlen(at) != 6)
            return false;
        zone = sign * (hours * 60 + minutes);
    } else if (strcasecmp(at, "Z") != 0) {
        return false;
    }
    tm.tm_year -= 1900;
    tm.tm_mon--;
    *ms = ((int64_t)timegm(&tm) - zone * 60LL) * 1000 + part;
    return true;
}

static bool time_of(struct hook_span text, int unit, int64_t *ms)
{
    if (unit == HOOK_RFC3339)
        return rfc3339(text, ms);
    bool good = digits(text, unit == HOOK_SECONDS ? SECONDS_DIGITS : MS_DIGITS, ms);
    *ms *= unit == HOOK_SECONDS ? 1000 : 1;
    return good;
}

static bool check_time(struct hook_view *view, struct hook_result *result)
{
    const struct hook_verify *verify = &view->rules->verify;
    struct hook_span text;
    int64_t ms = 0;
    if (verify->time.count == 0)
        return true;
    enum hook_got got = hook_view_first(view, &verify->time, &text, NULL);
    if (got == HOOK_GOT_NONE)
        return refuse(result, "time", "the time is missing");
    if (got == HOOK_GOT_TWICE)
        return refuse(result, "time", "the time is there twice");
    if (!time_of(text, verify->unit, &ms))
        return refuse(result, "time", "the time is no time");
    int64_t off = view->request->now_ms - ms;
    if (off <= verify->window_ms && -off <= verify->window_ms)
        return true;
    return hook_refuse(result, UNAUTHORIZED, "time", "the time is %lld s in the %s",
                       (long long)((off < 0 ? -off : off) / 1000), off < 0 ? "future" : "past");
}

/* ---- signatures ---- */

/* Some senders write hex in capitals. One that has both cases is as nobody writes it. */
static struct hook_span lower_hex(const struct hook_view *view, struct hook_span text)
{
    char *lower = arena_text(view->arena, text.text, text.len);
    for (size_t i = 0; i < text.len; i++) {
        if (lower[i] >= 'a' && lower[i] <= 'f')
            return text;
        if (lower[i] >= 'A' && lower[i] <= 'F')
            lower[i] = (char)(lower[i] - 'A' + 'a');
    }
    return (struct hook_span){lower, text.len};
}

/* Others write base64 in the alphabet of URLs, or without the signs at its end. */
static struct hook_span whole_base64(const struct hook_view *view, struct hook_span text)
{
    char *whole = arena_alloc(view->arena, text.len + BASE64_UNIT);
    size_t plain = 0, of_urls = 0, len = text.len;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.text[i];
        plain += c == '+' || c == '/';
        of_urls += c == '-' || c == '_';
        whole[i] = (char)(c == '-' ? '+' : c == '_' ? '/' : c);
    }
    while (len % BASE64_UNIT != 0)
        whole[len++] = '=';
    return plain > 0 && of_urls > 0 ? text : (struct hook_span){whole, len};
}

/* As hook_secrets_mac writes them. */
static void unify(const struct hook_view *view, struct candidates *candidates)
{
    bool hex = view->rules->verify.encoding == HOOK_HEX;
    for (size_t i = 0; i < candidates->count; i++) {
        struct hook_span given = candidates->items[i];
        candidates->items[i] = hex ? lower_hex(view, given) : whole_base64(view, given);
    }
}

static bool check_hash(struct hook_view *view, struct hook_result *result)
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    char hex[2 * sizeof digest + 1];
    struct hook_span text;
    if (view->rules->verify.body_hash.count == 0)
        return true;
    if (hook_view_first(view, &view->rules->verify.body_hash, &text, NULL) != HOOK_GOT)
        return refuse(result, "body", "the hash of the body is missing, or there twice");
    crypto_hash_sha256(digest, (const unsigned char *)view->wire.text, view->wire.len);
    sodium_bin2hex(hex, sizeof hex, digest, sizeof digest);
    text = lower_hex(view, text);
    return (text.len == sizeof hex - 1 && sodium_memcmp(text.text, hex, text.len) == 0) ||
           refuse(result, "body", "the hash of the body is not the body's");
}

/* The bytes of a signature; none where it is not written as unify leaves it: a text that only means
 * the same is another one. */
static struct hook_span decode(const struct hook_verify *verify, struct hook_span text,
                               unsigned char out[SIGNATURE_MAX])
{
    char again[2 * SIGNATURE_MAX + 1];
    struct hook_span bytes = {0};
    size_t len = 0;
    if (text.len >= sizeof again)
        return bytes;
    bool hex = verify->encoding == HOOK_HEX;
    if (hex ? sodium_hex2bin(out, SIGNATURE_MAX, text.text, text.len, NULL, &len, NULL) != 0
            : !base64_decode(sodium_base64_VARIANT_ORIGINAL, text.text, text.len, NULL, out,
                             SIGNATURE_MAX, &len))
        return bytes;
    if (hex)
        sodium_bin2hex(again, sizeof again, out, len);
    else
        sodium_bin2base64(again, sizeof again, out, len, sodium_base64_VARIANT_ORIGINAL);
    if (strlen(again) == text.len && memcmp(again, text.text, text.len) == 0)
        bytes = (struct hook_span){(const char *)out, len};
    return bytes;
}

/* All are tried, also after one that fits. */
static bool fits(const struct hook_view *view, const struct candidates *candidates,
                 struct hook_span text)
{
    const struct hook_verify *verify = &view->rules->verify;
    unsigned found = 0;
    for (size_t k = 0; k < hook_secrets_count(view->keys); k++) {
        char mac[HOOK_MAC_TEXT_MAX];
        size_t len = 0;
        if (verify->kind == HOOK_HMAC)
            len = hook_secrets_mac(view->keys, k, verify, (enum hook_encoding)verify->encoding,
                                   text, mac);
        for (size_t i = 0; i < candidates->count; i++) {
            struct hook_span given = candidates->items[i];
            unsigned char bytes[SIGNATURE_MAX];
            if (verify->kind != HOOK_HMAC)
                found |=
                    hook_secrets_verify(view->keys, k, verify, text, decode(verify, given, bytes));
            else if (given.len == len)
                found |= sodium_memcmp(mac, given.text, len) == 0;
        }
        sodium_memzero(mac, sizeof mac);
    }
    return found != 0;
}

static bool signed_text(struct hook_view *view, struct hook_result *result, struct hook_span *out)
{
    const struct hook_template *text = &view->rules->verify.text;
    struct buf buf;
    if (text->count == 1 && text->pieces[0].kind == HOOK_PIECE_BODY) {
        *out = view->wire;
        return true;
    }
    buf_create(&buf, view->wire.len + SIGNED_MORE);
    enum hook_got got = hook_view_write(view, text, HOOK_TEMPLATE_SIGNED, &buf);
    if (got == HOOK_GOT)
        *out = (struct hook_span){arena_text(view->arena, buf.data, buf.len), buf.len};
    buf_destroy(&buf);
    if (got == HOOK_GOT_TWICE)
        return refuse(result, "signature", "a part of what is signed is there twice, or too large");
    return got == HOOK_GOT || refuse(result, "signature", "a part of what is signed is missing");
}

static bool no_candidate(const struct hook_view *view, const struct candidates *candidates,
                         struct hook_result *result)
{
    const char *prefix = view->rules->verify.prefix;
    if (candidates->entries == 0)
        return refuse(result, "signature", "the signature is missing");
    return hook_refuse(result, UNAUTHORIZED, "signature", "no signature begins with '%s'",
                       prefix != NULL ? prefix : "");
}

static bool check_signature(struct hook_view *view, struct hook_result *result,
                            struct hook_span *signed_)
{
    struct candidates candidates = {0};
    struct hook_values values;
    collect(view, &candidates, &values);
    if (candidates.twice)
        return refuse(result, "signature", "a header of the signature is there twice");
    if (candidates.over)
        return hook_refuse(result, UNAUTHORIZED, "signature", "more than %d signatures",
                           HOOK_CANDIDATES_MAX);
    if (candidates.count == 0)
        return no_candidate(view, &candidates, result);
    if (!check_hash(view, result) || !signed_text(view, result, signed_))
        return false;
    size_t given = candidates.items[0].len;
    unify(view, &candidates);
    if (!fits(view, &candidates, *signed_))
        return hook_refuse(
            result, UNAUTHORIZED, "signature",
            "no signature fits (%zu signature%s of %zu characters, %zu secret%s tried)",
            candidates.count, candidates.count == 1 ? "" : "s", given,
            hook_secrets_count(view->keys), hook_secrets_count(view->keys) == 1 ? "" : "s");
    return check_time(view, result);
}

/* ---- tokens ---- */

/* Where it is in a URL, somebody has put it there, maybe as it is: a plus sign is one, too. */
static bool is_in_query(const struct hook_view *view, struct hook_span raw, size_t skip)
{
    char *text = arena_alloc(view->arena, raw.len + 1);
    size_t len = url_decode(raw.text, raw.len, text);
    return len >= skip && hook_secrets_is(view->keys, NULL, text + skip, len - skip);
}

/* Each value must be a secret: of a batch, one alone would speak for all. */
static bool check_token(struct hook_view *view, struct hook_result *result)
{
    const struct hook_verify *verify = &view->rules->verify;
    size_t skip = verify->prefix != NULL ? strlen(verify->prefix) : 0;
    struct candidates candidates = {0};
    struct hook_values values = {0};
    collect(view, &candidates, &values);
    bool good = values.count > 0;
    if (candidates.twice || candidates.over)
        return refuse(result, "token", "the token is there twice, or too often");
    for (size_t i = 0; i < values.count; i++) {
        struct hook_span text = values.items[i].text;
        if (text.text == NULL || text.len < skip ||
            (skip > 0 && memcmp(text.text, verify->prefix, skip) != 0))
            return refuse(result, "token", "a token is missing, or has not its prefix");
        good &= hook_secrets_is(view->keys, NULL, text.text + skip, text.len - skip) ||
                (candidates.in_query && is_in_query(view, values.items[i].raw, skip));
    }
    if (values.count == 0)
        return refuse(result, "token", "the token is missing");
    return good ||
           hook_refuse(result, UNAUTHORIZED, "token", "no secret fits the token (%zu tried)",
                       hook_secrets_count(view->keys));
}

/* USER:PASSWORD, or the password of the user that is configured. */
static bool check_basic(struct hook_view *view, struct hook_result *result)
{
    const char *user = view->rules->verify.user;
    char text[BASIC_MAX];
    struct hook_span value;
    size_t len = 0, skip = 0;
    enum hook_got got = hook_view_first(view, &view->rules->verify.in, &value, NULL);
    if (got != HOOK_GOT)
        return refuse(result, "token",
                      got == HOOK_GOT_NONE ? "the password is missing"
                                           : "the header is there twice");
    size_t scheme = sizeof BASIC - 1;
    if (value.len <= scheme || strncasecmp(value.text, BASIC, scheme) != 0 ||
        !base64_decode(sodium_base64_VARIANT_ORIGINAL, value.text + scheme, value.len - scheme,
                       NULL, text, sizeof text, &len))
        return refuse(result, "token", "the header is not `Basic` and base64");
    bool same = true;
    if (user != NULL) {
        skip = strlen(user) + 1;
        same = len >= skip && sodium_memcmp(text, user, skip - 1) == 0 && text[skip - 1] == ':';
    }
    same = same && hook_secrets_is(view->keys, NULL, text + skip, len - skip);
    sodium_memzero(text, sizeof text);
    return same || refuse(result, "token", "user and password do not fit");
}

bool hook_verify(struct hook_view *view, struct hook_result *result, struct hook_span *signed_)
{
    *signed_ = view->wire;
    switch (view->rules->verify.kind) {
    case HOOK_TOKEN:
        return check_token(view, result);
    case HOOK_BASIC:
        return check_basic(view, result);
    case HOOK_NONE:
        return true;
    default:
        return check_signature(view, result, signed_);
    }
}
