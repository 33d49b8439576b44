/* Texts with places in them: "v0:{time}:{body}", "{header:X-Event}.{json:action}". */
#ifndef JETON_HOOK_TEMPLATE_H
#define JETON_HOOK_TEMPLATE_H

#include "buf.h"
#include "hook_place.h"

#define HOOK_TEMPLATE_TEXT_MAX   4096 /* bytes of one, as it is written */
#define HOOK_TEMPLATE_PIECES_MAX 64

enum hook_piece_kind {
    HOOK_PIECE_TEXT,
    HOOK_PIECE_PLACE,
    HOOK_PIECE_BODY,
    HOOK_PIECE_METHOD,
    HOOK_PIECE_URL,         /* public_url, and the query as it came */
    HOOK_PIECE_URL_DECODED, /* the same, some escapes decoded as HubSpot does */
    HOOK_PIECE_TIME,        /* of verify.time, as it came */
    HOOK_PIECE_FORM_SORTED, /* names and values by name, decoded, glued together */
    HOOK_PIECE_HMAC,        /* of a place's value, in hex; of challenges' answers only */
    HOOK_PIECE_HMAC64       /* the same in base64 */
};

struct hook_piece {
    enum hook_piece_kind kind;
    bool json; /* within a string of JSON: escaped */
    char *text;
    size_t len;
    struct hook_place place;
};

struct hook_template { /* zeroed: none */
    struct hook_piece *pieces;
    size_t count;
};

/* What may stand in a template. */
enum hook_template_use {
    HOOK_TEMPLATE_SIGNED, /* all but hmac */
    HOOK_TEMPLATE_TYPE,   /* places only */
    HOOK_TEMPLATE_ANSWER  /* places and hmac */
};

/* Appends the pieces of a text to a template; "{{" and "}}" are braces. json: as a part of a string
 * of JSON. ERR_INVALID says what is wrong. */
int hook_template_parse(const char *text, size_t len, enum hook_template_use use, bool json,
                        struct hook_template *out, struct err *err);
/* Appends a text as it is. */
int hook_template_text(struct hook_template *out, const char *text, size_t len, struct err *err);
bool hook_template_has(const struct hook_template *text, enum hook_piece_kind kind);
void hook_template_destroy(struct hook_template *text);

#endif
