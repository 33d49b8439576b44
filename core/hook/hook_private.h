/* A request while it is looked at. Private to this folder. */
#ifndef JETON_HOOK_PRIVATE_H
#define JETON_HOOK_PRIVATE_H

#include "hook_check.h"
#include "hook_json.h"

enum hook_got { HOOK_GOT, HOOK_GOT_NONE, HOOK_GOT_TWICE };

struct hook_kept;

struct hook_view {
    const struct hook_rules *rules;
    const struct hook_secrets *keys;
    const struct hook_request *request;
    struct arena *arena;
    struct hook_span query;   /* NULL: none */
    struct hook_span wire;    /* {body} of what is signed */
    struct hook_span body;    /* what json: and form: look into */
    int json;                 /* 0: not looked at; 1: good; -1: it is none */
    struct hook_span item;    /* within a batch; else NULL */
    struct hook_span entries; /* the value that entry: looks into; NULL: none */
    struct hook_kept *kept;   /* of a batch: values that all items have in common */
};

struct hook_value {
    struct hook_span text; /* NULL: it is no text, or (of many) one that is not there */
    struct hook_span raw;  /* as it stands in the request: JSON with its quotes, encoded */
};

struct hook_values { /* of the arena */
    struct hook_value *items;
    size_t count, room;
    bool over;  /* more than HOOK_ITEMS_MAX */
    bool twice; /* a header, or a parameter, that must be there once */
};

void hook_view_create(struct hook_view *view, const struct hook_rules *rules,
                      const struct hook_secrets *keys, const struct hook_request *request,
                      struct arena *arena);
/* A header that must be there once at most; NULL: it is not. */
enum hook_got hook_view_header(const struct hook_view *view, const char *name,
                               struct hook_span *out);
bool hook_view_is_form(const struct hook_view *view);
void hook_view_values(struct hook_view *view, const struct hook_part *part,
                      struct hook_values *values);
/* Its text, the first of many; parts are joined by ':'. Of the arena, or the request's. */
enum hook_got hook_view_text(struct hook_view *view, const struct hook_place *place,
                             struct hook_span *out);
/* Of the first place that is there, which *which names (may be NULL). */
enum hook_got hook_view_first(struct hook_view *view, const struct hook_places *places,
                              struct hook_span *out, const struct hook_place **which);
/* Whether something is there, text or not. */
bool hook_view_is_there(struct hook_view *view, const struct hook_place *place);

/* Appends the text of a template. Of what is signed, and of an answer, all places must be there; of
 * a type, a text between two places stands only where both are. HOOK_GOT_TWICE also where out's
 * limit is passed, or an HMAC may not be given. */
enum hook_got hook_view_write(struct hook_view *view, const struct hook_template *text,
                              enum hook_template_use use, struct buf *out);

/* ---- keys ---- */

#define HOOK_MAC_MAX      64
#define HOOK_MAC_TEXT_MAX (2 * HOOK_MAC_MAX + 1)

size_t hook_secrets_count(const struct hook_secrets *keys);
/* The bytes of one; its SHA-256 compares without telling lengths. */
struct hook_span hook_secrets_at(const struct hook_secrets *keys, size_t index);
/* Whether the text is a secret: one of those that signatures may fit, or that of a name. */
bool hook_secrets_is(const struct hook_secrets *keys, const char *name, const char *text,
                     size_t len);
/* HMAC by one, encoded, with a NUL; returns its length. */
size_t hook_secrets_mac(const struct hook_secrets *keys, size_t index,
                        const struct hook_verify *verify, enum hook_encoding encoding,
                        struct hook_span text, char out[HOOK_MAC_TEXT_MAX]);
bool hook_secrets_verify(const struct hook_secrets *keys, size_t index,
                         const struct hook_verify *verify, struct hook_span text,
                         struct hook_span signature);
/* Whether an answer may hold its HMAC: no event looks so. */
bool hook_secrets_may_sign(struct hook_span text);
/* false: too many challenges were answered in this second. */
bool hook_secrets_may_answer(struct hook_secrets *keys, int64_t now_ms);

/* ---- the steps of the check ---- */

/* The verdict, with what the log is told. Returns false. */
bool hook_refuse(struct hook_result *result, int status, const char *part, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* Is it the sender's? Else it is refused. signed_: what was signed, or the body. */
bool hook_verify(struct hook_view *view, struct hook_result *result, struct hook_span *signed_);
/* Answers, or refuses, where one of them applies; else returns false. */
bool hook_challenge(struct hook_view *view, struct hook_secrets *keys, bool verified,
                    struct hook_result *result);
/* What is stored of a request that was verified. */
void hook_events(struct hook_view *view, struct hook_span signed_, struct hook_result *result);
/* body, with the values of the part replaced by `with` where they stand in it; of the arena. */
struct hook_span hook_events_replace(struct hook_span body, const struct hook_part *part,
                                     const struct hook_values *values, const char *with,
                                     struct arena *arena);

#endif
