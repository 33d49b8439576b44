#include "hook_private.h"

#include "mem.h"
#include "url.h"

#include <sodium.h>
#include <string.h>
#include <strings.h>
#define ZLIB_CONST
#include <zlib.h>

#define UNAUTHORIZED 401
#define NOT_FOUND    404
#define NOT_ALLOWED  405
#define TOO_LARGE    413
#define UNSUPPORTED  415
#define SECRET       "{secret}"
#define WINDOW_GZIP  (15 + 16) /* as inflateInit2 has it: the largest window, and a gzip header */
#define INFLATE_STEP ((size_t)64 * 1024)
/* Before the signature is known: real JSON gets 5 to 20 times as small, and a short one more. */
#define UNSIGNED_RATIO 32
#define UNSIGNED_FREE  ((size_t)1024 * 1024)

/* ---- the path ---- */

/* As it is written, or with escapes: a sender may have "+", "/" and "=" of base64 as "%2B". */
static bool is_secret(const struct hook_secrets *keys, const char *text, size_t len)
{
    char *decoded = mem_alloc(len + 1);
    size_t decoded_len = url_decode(text, len, decoded);
    bool found = hook_secrets_is(keys, NULL, text, len);
    found |= hook_secrets_is(keys, NULL, decoded, decoded_len);
    sodium_memzero(decoded, len);
    mem_free(decoded);
    return found;
}

/* All secrets are compared, and each as a whole. */
bool hook_check_route(const struct hook_rules *rules, const struct hook_secrets *keys,
                      const char *target)
{
    const char *path = rules->path, *hole = strstr(path, SECRET);
    size_t len = strcspn(target, "?"), head = hole != NULL ? (size_t)(hole - path) : strlen(path);
    const char *tail = hole != NULL ? hole + sizeof SECRET - 1 : "";
    if (hole == NULL)
        return len == head && memcmp(target, path, len) == 0;
    if (len < head + strlen(tail) || memcmp(target, path, head) != 0 ||
        memcmp(target + len - strlen(tail), tail, strlen(tail)) != 0)
        return false;
    return is_secret(keys, target + head, len - head - strlen(tail));
}

/* ---- gzip ---- */

/* One member, and nothing behind it, of at most `max` bytes: 0, or a status. */
static int inflate_all(struct hook_view *view, size_t max, struct hook_span *out)
{
    z_stream stream = {.next_in = (const unsigned char *)view->wire.text,
                       .avail_in = (unsigned)view->wire.len};
    struct buf text;
    int code = inflateInit2(&stream, WINDOW_GZIP), status = 0;
    unsigned char *step = code == Z_OK ? mem_alloc(INFLATE_STEP) : NULL;
    buf_create(&text, max);
    while (code == Z_OK && status == 0) {
        stream.next_out = step;
        stream.avail_out = INFLATE_STEP;
        code = inflate(&stream, Z_NO_FLUSH);
        if ((code == Z_OK || code == Z_STREAM_END) &&
            buf_append(&text, step, INFLATE_STEP - stream.avail_out) != 0)
            status = TOO_LARGE;
    }
    if (status == 0 && (code != Z_STREAM_END || stream.avail_in > 0))
        status = UNSUPPORTED;
    inflateEnd(&stream);
    mem_free(step);
    *out = (struct hook_span){arena_text(view->arena, text.data, text.len), text.len};
    buf_destroy(&text);
    return status;
}

enum coding { CODING_NONE, CODING_GZIP, CODING_OTHER };

static enum coding coding_of(const struct hook_view *view)
{
    struct hook_span value;
    enum hook_got got = hook_view_header(view, "content-encoding", &value);
    if (got == HOOK_GOT_NONE || (got == HOOK_GOT && strcasecmp(value.text, "identity") == 0))
        return CODING_NONE;
    return got == HOOK_GOT && strcasecmp(value.text, "gzip") == 0 ? CODING_GZIP : CODING_OTHER;
}

static bool decode(struct hook_view *view, bool is_signed, struct hook_result *result)
{
    size_t max = (size_t)view->rules->max_body;
    size_t unsigned_max = view->wire.len * UNSIGNED_RATIO + UNSIGNED_FREE;
    bool narrow = !is_signed && unsigned_max < max;
    int status = inflate_all(view, narrow ? unsigned_max : max, &view->body);
    if (status == TOO_LARGE)
        return hook_refuse(result, TOO_LARGE, "size",
                           narrow ? "the body is over 1 MiB and 32 times what was sent, decoded"
                                  : "the body is over the limit, decoded");
    view->json = 0;
    return status == 0 ||
           hook_refuse(result, UNSUPPORTED, "coding", "the body is not one whole member of gzip");
}

/* Before the signature is looked at: of what has it, and may be decoded at all. */
static bool take_body(struct hook_view *view, enum coding coding, struct hook_result *result)
{
    const struct hook_rules *rules = view->rules;
    if ((int64_t)view->wire.len > rules->max_body)
        return hook_refuse(result, TOO_LARGE, "size", "the body is over the limit");
    if (coding == CODING_OTHER || (coding == CODING_GZIP && rules->gzip == HOOK_GZIP_REFUSE))
        return hook_refuse(result, UNSUPPORTED, "coding",
                           "the body has a coding that this hook does not take");
    if (coding == CODING_GZIP && rules->gzip == HOOK_GZIP_SIGNED_DECODED) {
        if (!decode(view, false, result))
            return false;
        view->wire = view->body;
    }
    return true;
}

/* ---- the check ---- */

static bool is_method(const struct hook_request *request, const char *method)
{
    return strcmp(request->method, method) == 0;
}

static void not_allowed(const struct hook_rules *rules, struct hook_result *result)
{
    bool get = false;
    for (size_t i = 0; i < rules->nchallenges; i++)
        get = get || rules->challenges[i].unverified;
    hook_refuse(result, NOT_ALLOWED, "method", "the method is none of the hook's");
    result->reply.headers[result->reply.nheaders++] =
        (struct http_header){"Allow", get ? "GET, HEAD, POST, PUT" : "HEAD, POST, PUT"};
}

/* What may be the answer to a challenge is no signature. */
static bool is_answer(const struct hook_rules *rules, struct hook_span signed_)
{
    return rules->verify.kind == HOOK_HMAC && hook_rules_have_oracle(rules) &&
           hook_secrets_may_sign(signed_);
}

static void check_post(struct hook_view *view, struct hook_secrets *keys, enum coding coding,
                       struct hook_result *result)
{
    struct hook_span signed_;
    if (!hook_verify(view, result, &signed_))
        return;
    if (is_answer(view->rules, signed_)) {
        hook_refuse(result, UNAUTHORIZED, "signature",
                    "what is signed could be the answer to a challenge");
        return;
    }
    if (coding == CODING_GZIP && view->rules->gzip == HOOK_GZIP_SIGNED_WIRE &&
        !decode(view, true, result))
        return;
    if (!hook_challenge(view, keys, true, result))
        hook_events(view, signed_, result);
}

void hook_check(const struct hook_rules *rules, struct hook_secrets *keys,
                const struct hook_request *request, struct hook_result *result)
{
    struct hook_view view;
    *result = (struct hook_result){.why = "", .part = "", .headers_json = "{}"};
    result->reply = (struct hook_reply){.status = 200, .body = ""};
    if (!hook_check_route(rules, keys, request->target)) {
        hook_refuse(result, NOT_FOUND, "path", "the path is no hook's");
        return;
    }
    if (is_method(request, "HEAD")) {
        result->verdict = HOOK_ANSWER;
        return;
    }
    bool get = is_method(request, "GET");
    hook_view_create(&view, rules, keys, request, &result->arena);
    enum coding coding = coding_of(&view);
    if (!get && !is_method(request, "POST") && !is_method(request, "PUT"))
        not_allowed(rules, result);
    else if (!take_body(&view, coding, result) || hook_challenge(&view, keys, false, result))
        return;
    else if (get)
        not_allowed(rules, result);
    else
        check_post(&view, keys, coding, result);
}

void hook_check_destroy(struct hook_result *result)
{
    arena_destroy(&result->arena);
    *result = (struct hook_result){0};
}
