/* Values in a JSON text, found where they stand: nothing is copied, and what is handed on is what
 * the sender wrote. Private to this folder. */
#ifndef JETON_HOOK_JSON_H
#define JETON_HOOK_JSON_H

#include "arena.h"

#include <stdbool.h>
#include <stddef.h>

#define HOOK_JSON_DEPTH_MAX 64

struct hook_span { /* a part of some text; text NULL: none */
    const char *text;
    size_t len;
};

/* JSON and nothing behind it; what is in its texts may be wrong (`mend` in json.h). All below takes
 * only such a text. */
bool hook_json_is_good(const char *text, size_t len);

/* false ends the walk. value.text NULL: where a "*" leads, this one has no such value. */
typedef bool hook_json_visit_fn(void *arg, struct hook_span value);
/* Calls visit for each value that the steps lead to, in order: once, or never, without a "*". Of a
 * key that is there twice, the last. */
void hook_json_walk(struct hook_span json, char *const *steps, hook_json_visit_fn *visit,
                    void *arg);
/* Calls visit for each element; false where it is no array. */
bool hook_json_elements(struct hook_span json, hook_json_visit_fn *visit, void *arg);
/* A string's characters (of the arena where it holds escapes), a number as it is written, true and
 * false; NULL for the others. */
struct hook_span hook_json_text(struct hook_span value, struct arena *arena);
bool hook_json_is_null(struct hook_span value);

#endif
