/* The tree that YAML text is read into. */
#ifndef JETON_YAML_NODE_H
#define JETON_YAML_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define YAML_NODES_MAX 200000 /* aliases counted each time they are used */
#define YAML_DEPTH_MAX 64

enum yaml_kind { YAML_SCALAR, YAML_SEQUENCE, YAML_MAPPING };

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

#endif
