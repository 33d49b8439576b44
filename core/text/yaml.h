/*
 * YAML text to a tree with positions (libyaml's events below). Anchors and aliases work, within
 * limits: an alias bomb is refused. Duplicate keys, several documents and non-UTF-8 are refused.
 */
#ifndef JETON_YAML_H
#define JETON_YAML_H

#include "err.h"
#include "problems.h"

#include <stdint.h>

#define YAML_BYTES_MAX ((size_t)4 * 1024 * 1024)
#define YAML_NODES_MAX 200000 /* aliases counted each time they are used */
#define YAML_DEPTH_MAX 64

enum yaml_kind { YAML_SCALAR, YAML_SEQUENCE, YAML_MAPPING };
enum yaml_type { YAML_NULL, YAML_BOOL, YAML_INT, YAML_FLOAT, YAML_STRING };

struct yaml_pair {
    struct yaml_node *key;
    struct yaml_node *value;
};

struct yaml_node {
    enum yaml_kind kind;
    int line, col;  /* from 1 */
    bool plain;     /* scalar without quotes (and not tagged !!str) */
    bool cut;       /* plain scalar, perhaps empty, that a comment ended: "0 8 * * #1" */
    uint32_t len;   /* scalar: bytes of text */
    uint32_t count; /* sequence, mapping: how many it has */
    union {
        char *text;               /* scalar: UTF-8, NUL-terminated */
        struct yaml_node **items; /* sequence */
        struct yaml_pair *pairs;  /* mapping */
    };
};

struct yaml_doc;
/*
 * Every problem found is added to `problems` under `file`. NULL when the text gives no tree. A tree
 * whose keys are wrong (given twice, a list) is returned all the same, without those keys, so that
 * its other mistakes can be reported with them: ask problems_errors. An empty document gives a doc
 * with root NULL. All of it is wiped when freed. What follows "\uD83D\uDE00" (yaml_pairs.h) in its
 * line is told two columns too far to the left.
 */
struct yaml_doc *yaml_load(const char *file, const char *text, size_t len,
                           struct problems *problems);
/* NULL is fine. (libyaml has a yaml_free of its own.) */
void yaml_doc_free(struct yaml_doc *doc);
const struct yaml_node *yaml_root(const struct yaml_doc *doc);
/* The value of a key, the first where it is given twice; NULL where absent or node is no mapping.
 */
const struct yaml_node *yaml_get(const struct yaml_node *node, const char *key);

/* What YAML text must be as bytes: its size, UTF-8, no control characters. -1 when a problem was
 * added. Done by yaml_load. */
int yaml_check_text(const char *file, const char *text, size_t len, struct problems *problems);

struct yaml_scalar {
    enum yaml_type type;
    bool boolean;
    int64_t integer;
    double number;
};
/* YAML 1.2 core schema. Quoted: a string. A number that 64 bits cannot hold is a string. */
struct yaml_scalar yaml_resolve(const struct yaml_node *node);
/* As yaml_resolve, but what starts with `+`, or with `0` and another digit, is a string (free-form
 * args). */
struct yaml_scalar yaml_resolve_args(const struct yaml_node *node);
/* "a string", "a list", … for messages. */
const char *yaml_describe(const struct yaml_node *node);
/* A scalar's text for a message: cut, control characters replaced. Returns out. */
#define YAML_SHOWN_SIZE 72
const char *yaml_show(const struct yaml_node *node, char out[YAML_SHOWN_SIZE]);
/* The same of a key, which is cut behind the first of these: in {secret:abc}, {secret=abc} and
 * {secret abc} all of it is the key. */
#define YAML_KEY_ENDS ":=; \t\n"
const char *yaml_show_key(const struct yaml_node *key, char out[YAML_SHOWN_SIZE]);

#endif
