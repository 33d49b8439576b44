/*
 * Is this request its sender's, and what does it hold? No input or output, no clock.
 *
 * What was signed is looked at before anything else is parsed, as far as its places allow. No reply
 * says what was expected; `why`, which is for the log, says which part was wrong, and holds no
 * secret either. All places are bounded: a request costs time in proportion to its size.
 */
#ifndef JETON_HOOK_CHECK_H
#define JETON_HOOK_CHECK_H

#include "arena.h"
#include "field.h"
#include "hook_secrets.h"

#define HOOK_CANDIDATES_MAX        16   /* signatures of one request */
#define HOOK_ITEMS_MAX             5000 /* events of one request: SendGrid's have up to 3,500 */
#define HOOK_ID_MAX                512 /* bytes; a longer id counts by its hash; a longer type is cut */
#define HOOK_TYPE_MAX              256
#define HOOK_CHALLENGES_PER_SECOND 10
#define HOOK_CHALLENGE_TEXT_MAX    256 /* bytes that an answer may hold the HMAC of */
#define HOOK_ANSWER_MAX            ((size_t)64 * 1024)

struct hook_request {
    const char *method;
    const char *target; /* as it came: path, and query if there is one */
    const struct http_header *headers;
    size_t nheaders;
    const char *body; /* as it came, not decoded */
    size_t body_len;
    int64_t now_ms; /* wall clock */
};

enum hook_verdict {
    HOOK_STORE,  /* store `events`, then answer 200 */
    HOOK_ANSWER, /* a challenge, or HEAD: `reply`, and nothing is stored */
    HOOK_SKIP,   /* good, but of no type that is wanted, or an empty batch: 200 */
    HOOK_REFUSE  /* `reply` */
};

struct hook_event {
    const char *id;
    int part;                 /* within a batch, from 0 */
    const char *type;         /* NULL: none */
    const char *order_key;    /* NULL: none */
    unsigned char digest[32]; /* of what was signed, and of the part; else of the body */
    const char *data;         /* the item within a batch, else the body (decoded from gzip); the
                                 places of tokens as *** */
    size_t data_len;
    bool may_repeat; /* false: the same digest under another id is to be held */
};

struct hook_reply {
    int status;
    struct http_header headers[HOOK_HEADERS_MAX + 4];
    size_t nheaders;
    const char *body; /* never NULL */
    size_t body_len;
};

struct hook_result {
    enum hook_verdict verdict;
    struct hook_reply reply;         /* of ANSWER, SKIP and REFUSE */
    const struct hook_event *events; /* of STORE */
    size_t nevents;
    /* Of what was skipped, where its type is not signed: only the digests are to be kept, so that
     * no copy runs under another type. */
    const struct hook_event *marks; /* of STORE and SKIP */
    size_t nmarks;
    size_t nskipped;          /* items of the batch that are of no wanted type */
    const char *headers_json; /* of STORE: an object, names in lower case; secrets as *** */
    const char *why;          /* of REFUSE, SKIP and what was skipped, for the log; "" else */
    bool typed;               /* what was skipped has a type, all of it */
    const char *part;   /* of REFUSE, one word for counters: "signature", "time", "size" … */
    struct arena arena; /* of all that is above */
};

/* Whether `target`, up to its query, is the hook's path; keys fit "{secret}" in it. */
bool hook_check_route(const struct hook_rules *rules, const struct hook_secrets *keys,
                      const char *target);
/* result is zeroed or destroyed; it points into request, which must live as long. */
void hook_check(const struct hook_rules *rules, struct hook_secrets *keys,
                const struct hook_request *request, struct hook_result *result);
void hook_check_destroy(struct hook_result *result); /* idempotent */

#endif
