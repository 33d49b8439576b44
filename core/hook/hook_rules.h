/* How the requests of one sender are told from others', and what is in them: the keys `verify`,
 * `id`, `type`, `each`, `order`, `challenge` of a webhook, and what else its check needs. */
#ifndef JETON_HOOK_RULES_H
#define JETON_HOOK_RULES_H

#include "hook_template.h"

#include <stdint.h>

#define HOOK_CHALLENGES_MAX 8
#define HOOK_CONDITIONS_MAX 8 /* of one challenge */
#define HOOK_HEADERS_MAX    8 /* of one answer */
#define HOOK_SECRETS_MAX    8 /* that any signature may fit */
#define HOOK_NAMED_MAX      4 /* secrets that challenges ask for by name */

enum hook_kind { HOOK_HMAC, HOOK_TOKEN, HOOK_BASIC, HOOK_ED25519, HOOK_ECDSA, HOOK_NONE };
enum hook_digest { HOOK_SHA1, HOOK_SHA256, HOOK_SHA512 };
enum hook_encoding { HOOK_HEX, HOOK_BASE64 };
enum hook_key { HOOK_KEY_TEXT, HOOK_KEY_HEX, HOOK_KEY_BASE64, HOOK_KEY_WHSEC, HOOK_KEY_WHPK };
enum hook_unit { HOOK_SECONDS, HOOK_MILLISECONDS, HOOK_RFC3339 };
enum hook_gzip { HOOK_GZIP_REFUSE, HOOK_GZIP_SIGNED_WIRE, HOOK_GZIP_SIGNED_DECODED };

struct hook_verify {
    int kind;              /* enum hook_kind, and so on */
    int digest;            /* of HMAC and ECDSA */
    struct hook_places in; /* all signatures found in them are candidates */
    char *separator;       /* NULL: the whole value is one entry */
    char *prefix;          /* that a candidate must have; NULL: none */
    int encoding;
    int key;
    char *user;                /* BASIC; NULL: the secret is USER:PASSWORD */
    struct hook_template text; /* what is signed */
    struct hook_places time;   /* empty: none is checked */
    int unit;
    int64_t window_ms;
    struct hook_places body_hash; /* hex of the body's SHA-256; empty: none */
};

enum hook_condition_kind { HOOK_EQUALS, HOOK_PRESENT, HOOK_ABSENT, HOOK_EQUALS_SECRET };

struct hook_condition {
    struct hook_place place;
    enum hook_condition_kind kind;
    char *text; /* EQUALS; EQUALS_SECRET: its name */
};

struct hook_answer_header {
    char *name;
    struct hook_template value;
};

struct hook_challenge {
    bool unverified; /* before the signature is looked at, and for GET */
    struct hook_condition *conditions;
    size_t nconditions;
    int64_t status;
    bool json; /* the body is JSON, else plain text */
    struct hook_template body;
    struct hook_answer_header *headers;
    size_t nheaders;
};

struct hook_rules {
    char *path; /* begins with a slash; one segment may be "{secret}" */
    struct hook_verify verify;
    struct hook_places id; /* where none has a value: the digest of what was signed, */
    bool id_none;          /* or each request is an event of its own: bodies repeat */
    struct hook_template type;
    struct hook_place each; /* of one part, json:; empty: no batches */
    struct hook_places order;
    struct hook_challenge *challenges;
    size_t nchallenges;
    char **events;    /* patterns of types; NULL: all */
    char *public_url; /* without a query; NULL: none */
    int64_t max_body;
    int gzip;
};

/* Sets what holds where nothing is said: SHA-256 in hex, a window of five minutes. */
void hook_rules_create(struct hook_rules *rules);
void hook_rules_destroy(struct hook_rules *rules);
/* The URL is part of what is signed, so that public_url is needed. */
bool hook_rules_need_url(const struct hook_rules *rules);
/* A copy has the same signature; else whoever can send a copy can send anything. */
bool hook_rules_have_signature(const struct hook_rules *rules);
/* Whether the value of this place is part of what is signed, or nothing is signed at all. */
bool hook_rules_is_signed(const struct hook_rules *rules, const struct hook_place *place);
/* All places of the ID: where one is not, whoever has seen a request can send it under another ID,
 * or without. */
bool hook_rules_ids_are_signed(const struct hook_rules *rules);
/* Else whoever can change a request on its way can send another body with its signature. */
bool hook_rules_body_is_signed(const struct hook_rules *rules);
/* What is signed is the body and nothing else: the same event, sent again, has the same digest. */
bool hook_rules_digest_is_of_body(const struct hook_rules *rules);
/* Else it says nothing. True where no time is looked at. */
bool hook_rules_time_is_signed(const struct hook_rules *rules);
/* All places of the type. */
bool hook_rules_type_is_signed(const struct hook_rules *rules);
/* An answer to a challenge holds an HMAC. */
bool hook_rules_have_oracle(const struct hook_rules *rules);
/* Whether a type is among `events`. */
bool hook_rules_want(const struct hook_rules *rules, const char *type);

#endif
