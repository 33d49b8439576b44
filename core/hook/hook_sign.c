#include "hook_sign.h"

#include "hook_private.h"
#include "mem.h"
#include "url.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define SECRET      "{secret}"
#define TIME_SIZE   32
#define SIGNED_MORE ((size_t)1024 * 1024)
#define FORGED      "another-secret"
#define FALLBACK_ID "1" /* where a header is signed that nobody gave */

struct signing {
    const struct hook_rules *rules;
    const struct hook_secrets *keys;
    const struct hook_unsigned *given;
    struct hook_signed *out;
    struct err *err;
    char time[TIME_SIZE];
    const char *entry; /* prefix of the time within the signature's value; NULL: it is elsewhere */
};

static const char *print(struct signing *signing, const char *first, const char *second,
                         const char *third)
{
    char *text = mem_printf("%s%s%s", first, second, third);
    const char *kept = arena_text(&signing->out->arena, text, strlen(text));
    mem_free_secret(text);
    return kept;
}

static int add_header(struct signing *signing, const char *name, const char *value)
{
    struct hook_signed *out = signing->out;
    for (size_t i = 0; i < out->nheaders; i++) {
        if (strcasecmp(out->headers[i].name, name) == 0)
            return 0; /* given */
    }
    if (out->nheaders == HOOK_SIGN_HEADERS_MAX)
        return err_set(signing->err, ERR_USAGE, "more than %d headers", HOOK_SIGN_HEADERS_MAX);
    out->headers[out->nheaders++] = (struct http_header){name, value};
    return 0;
}

static void add_query(struct signing *signing, const char *name, const char *value)
{
    struct hook_signed *out = signing->out;
    char *key = url_encode(name, strlen(name)), *text = url_encode(value, strlen(value));
    char *pair = mem_printf("%s=%s", key, text);
    out->target = print(signing, out->target, strchr(out->target, '?') != NULL ? "&" : "?", pair);
    mem_free_secret(pair);
    mem_free_secret(text);
    mem_free(key);
}

static void view_of(struct signing *signing, struct hook_request *request, struct hook_view *view)
{
    struct hook_signed *out = signing->out;
    *request = (struct hook_request){
        .method = out->method,
        .target = out->target,
        .headers = out->headers,
        .nheaders = out->nheaders,
        .body = out->body,
        .body_len = out->body_len,
        .now_ms = signing->given->now_ms,
    };
    hook_view_create(view, signing->rules, signing->keys, request, &out->arena);
}

/* In the body a value is replaced, which must be there already. */
static int replace(struct signing *signing, const struct hook_part *part, const char *value)
{
    struct hook_request request;
    struct hook_view view;
    struct hook_values values = {0};
    view_of(signing, &request, &view);
    hook_view_values(&view, part, &values);
    if (values.count == 0 || values.items[0].raw.text == NULL) {
        const char *path = part->name != NULL ? part->name : "";
        for (size_t i = 0; part->steps != NULL && part->steps[i] != NULL; i++)
            path = print(signing, path, i > 0 ? "." : "", part->steps[i]);
        return err_set(signing->err, ERR_USAGE,
                       "the body has no '%s', into which its sender writes; put any text there, "
                       "which is replaced",
                       path);
    }
    struct hook_span body =
        hook_events_replace(view.body, part, &values, value, &signing->out->arena);
    signing->out->body = body.text;
    signing->out->body_len = body.len;
    return 0;
}

static int put(struct signing *signing, const struct hook_place *place, const char *value)
{
    const struct hook_part *part = &place->parts[0];
    switch (part->kind) {
    case HOOK_PLACE_HEADER:
        return add_header(signing, part->prefix ? print(signing, part->name, "1", "") : part->name,
                          value);
    case HOOK_PLACE_QUERY:
        add_query(signing, part->name, value);
        return 0;
    case HOOK_PLACE_ENTRY:
        signing->entry = part->name;
        return 0;
    default:
        return replace(signing, part, value);
    }
}

static void set_time(struct signing *signing)
{
    int64_t now_ms = signing->given->now_ms;
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm tm;
    if (signing->rules->verify.unit == HOOK_RFC3339 && gmtime_r(&seconds, &tm) != NULL)
        strftime(signing->time, sizeof signing->time, "%Y-%m-%dT%H:%M:%SZ", &tm);
    else
        snprintf(signing->time, sizeof signing->time, "%lld",
                 (long long)(signing->rules->verify.unit == HOOK_SECONDS ? seconds : now_ms));
}

/* The ID's header, and those that are signed and that nobody gave. */
static int put_headers(struct signing *signing)
{
    const struct hook_rules *rules = signing->rules;
    const char *id = signing->given->id;
    int result = 0;
    if (id != NULL && rules->id.count > 0 && rules->id.items[0].nparts == 1 &&
        rules->id.items[0].parts[0].kind == HOOK_PLACE_HEADER)
        result = put(signing, &rules->id.items[0], id);
    for (size_t i = 0; i < rules->verify.text.count && result == 0; i++) {
        const struct hook_piece *piece = &rules->verify.text.pieces[i];
        if (piece->kind == HOOK_PIECE_PLACE && piece->place.nparts == 1 &&
            piece->place.parts[0].kind == HOOK_PLACE_HEADER)
            result = put(signing, &piece->place, id != NULL ? id : FALLBACK_ID);
    }
    return result;
}

static int put_hash(struct signing *signing)
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    char hex[2 * sizeof digest + 1];
    if (signing->rules->verify.body_hash.count == 0)
        return 0;
    crypto_hash_sha256(digest, (const unsigned char *)signing->out->body, signing->out->body_len);
    sodium_bin2hex(hex, sizeof hex, digest, sizeof digest);
    return put(signing, &signing->rules->verify.body_hash.items[0], print(signing, hex, "", ""));
}

static int put_mac(struct signing *signing)
{
    const struct hook_verify *verify = &signing->rules->verify;
    struct hook_request request;
    struct hook_view view;
    struct buf text;
    char mac[HOOK_MAC_TEXT_MAX];
    const char *separator = verify->separator != NULL ? verify->separator : "";
    const char *head =
        signing->entry != NULL ? print(signing, signing->entry, signing->time, separator) : "";
    view_of(signing, &request, &view);
    view.entries = (struct hook_span){head, strlen(head)};
    buf_create(&text, view.wire.len + SIGNED_MORE);
    enum hook_got got = hook_view_write(&view, &verify->text, HOOK_TEMPLATE_SIGNED, &text);
    int result = got == HOOK_GOT ? 0
                                 : err_set(signing->err, ERR_USAGE,
                                           "the body lacks a part of what its sender signs");
    if (result == 0) {
        struct hook_span span = {text.data, text.len};
        hook_secrets_mac(signing->keys, 0, verify, (enum hook_encoding)verify->encoding, span, mac);
        result = put(signing, &verify->in.items[0],
                     print(signing, head, verify->prefix != NULL ? verify->prefix : "", mac));
    }
    buf_destroy(&text);
    return result;
}

static int put_secret(struct signing *signing)
{
    const struct hook_verify *verify = &signing->rules->verify;
    struct hook_span key = hook_secrets_at(signing->keys, 0);
    const char *secret =
        signing->given->forged ? FORGED : arena_text(&signing->out->arena, key.text, key.len);
    if (verify->kind == HOOK_TOKEN)
        return put(signing, &verify->in.items[0],
                   print(signing, verify->prefix != NULL ? verify->prefix : "", secret, ""));
    char *pair = mem_printf("%s%s%s", verify->user != NULL ? verify->user : "",
                            verify->user != NULL ? ":" : "", secret);
    size_t size = sodium_base64_ENCODED_LEN(strlen(pair), sodium_base64_VARIANT_ORIGINAL);
    char *text = mem_alloc(size);
    sodium_bin2base64(text, size, (unsigned char *)pair, strlen(pair),
                      sodium_base64_VARIANT_ORIGINAL);
    int result = put(signing, &verify->in.items[0], print(signing, "Basic ", text, ""));
    mem_free_secret(text);
    mem_free_secret(pair);
    return result;
}

static int sign(struct signing *signing)
{
    const struct hook_verify *verify = &signing->rules->verify;
    int result = put_headers(signing);
    set_time(signing);
    if (result == 0 && verify->time.count > 0)
        result = put(signing, &verify->time.items[0], print(signing, signing->time, "", ""));
    if (result == 0)
        result = put_hash(signing);
    if (result == 0 && verify->kind == HOOK_HMAC)
        result = put_mac(signing);
    else if (result == 0 && verify->kind != HOOK_NONE)
        result = put_secret(signing);
    return result;
}

int hook_sign(const struct hook_rules *rules, const struct hook_secrets *keys,
              const struct hook_unsigned *given, struct hook_signed *out, struct err *err)
{
    struct signing signing = {.rules = rules, .keys = keys, .given = given, .out = out, .err = err};
    const char *hole = strstr(rules->path, SECRET);
    *out = (struct hook_signed){.method = "POST", .body = given->body, .body_len = given->body_len};
    out->target = rules->path;
    if (rules->verify.kind == HOOK_ED25519 || rules->verify.kind == HOOK_ECDSA)
        return err_set(err, ERR_USAGE, "only its sender can sign: this hook has a public key");
    if (hook_secrets_count(keys) == 0 && (rules->verify.kind != HOOK_NONE || hole != NULL))
        return err_set(err, ERR_USAGE, "there is no secret to sign with");
    if (hole != NULL) {
        struct hook_span key = hook_secrets_at(keys, 0);
        const char *secret = arena_text(&out->arena, key.text, key.len);
        const char *head = arena_text(&out->arena, rules->path, (size_t)(hole - rules->path));
        out->target = print(&signing, head, secret, hole + sizeof SECRET - 1);
    }
    for (size_t i = 0; i < given->nheaders; i++) {
        if (add_header(&signing, given->headers[i].name, given->headers[i].value) != 0)
            return -1;
    }
    return sign(&signing);
}

void hook_sign_destroy(struct hook_signed *out)
{
    arena_destroy(&out->arena);
    *out = (struct hook_signed){0};
}
