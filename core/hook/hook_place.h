/* Where in a request a value stands: "header:X-Id", "json:a.b.0", "header:A+header:B". */
#ifndef JETON_HOOK_PLACE_H
#define JETON_HOOK_PLACE_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>

#define HOOK_PLACE_TEXT_MAX  256 /* bytes of one, as it is written */
#define HOOK_PLACE_PARTS_MAX 4   /* joined by + */
#define HOOK_PLACE_STEPS_MAX 16  /* of json: and item: */
#define HOOK_PLACES_MAX      8   /* in a list */

enum hook_place_kind {
    HOOK_PLACE_HEADER,
    HOOK_PLACE_QUERY,
    HOOK_PLACE_FORM,
    HOOK_PLACE_JSON, /* of the body */
    HOOK_PLACE_ITEM, /* of one item of a batch */
    HOOK_PLACE_ENTRY /* of the signature's header, after a prefix */
};

struct hook_part {
    enum hook_place_kind kind;
    bool prefix;  /* HEADER: all headers whose name begins so */
    char *name;   /* HEADER, QUERY, FORM; ENTRY: its prefix */
    char **steps; /* JSON, ITEM: keys, indexes and "*"; NULL-terminated, may be empty: the whole */
};

struct hook_place { /* zeroed: none */
    struct hook_part *parts;
    size_t nparts;
};

struct hook_places { /* the first that is there counts; zeroed: none */
    struct hook_place *items;
    size_t count;
};

/* ERR_INVALID says what is wrong with the text, in words that go behind "PLACE: ". */
int hook_place_parse(const char *text, size_t len, struct hook_place *place, struct err *err);
/* Whether it may have several values: a header's prefix, or a "*" among the steps. */
bool hook_place_is_many(const struct hook_place *place);
bool hook_place_has(const struct hook_place *place, enum hook_place_kind kind);
/* One more at the end of the list, which owns it from then on. */
void hook_place_add(struct hook_places *places, const struct hook_place *place);
void hook_place_destroy(struct hook_place *place); /* zeroed is fine, as of all here */
void hook_place_destroy_all(struct hook_places *places);

#endif
