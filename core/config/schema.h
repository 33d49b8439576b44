/* Field tables that turn a YAML mapping into a struct. All problems are reported, none stops the
 * walk. */
#ifndef JETON_SCHEMA_H
#define JETON_SCHEMA_H

#include "problems.h"
#include "yaml.h"

struct schema_walk {
    const char *file;     /* for messages */
    const char *base_dir; /* relative paths count from here; absolute, without links */
    struct problems *problems;
    const struct yaml_node
        *at;          /* where the next mapping's missing keys are reported; NULL: there */
    const char *what; /* the mapping that is being read, for messages; set by schema_read */
    void *context;    /* of the tables' own parse functions; may be NULL */
};

enum schema_type {
    SCHEMA_STRING,   /* char * : the text as written, whatever its type in YAML */
    SCHEMA_PATH,     /* char * : made absolute against base_dir */
    SCHEMA_INTEGER,  /* int64_t within [min, max] */
    SCHEMA_BOOL,     /* bool */
    SCHEMA_DURATION, /* int64_t ms within [min, max] */
    SCHEMA_SIZE,     /* int64_t bytes within [min, max] */
    SCHEMA_CHOICE,   /* int : index into choices */
    SCHEMA_STRINGS,  /* char ** NULL-terminated : a list of strings */
    SCHEMA_STRUCT,   /* nested mapping with its own fields, at this offset */
    SCHEMA_CUSTOM,   /* parse() does it */
};

struct schema_field;
typedef void schema_parse_fn(const struct schema_walk *walk, const struct schema_field *field,
                             const struct yaml_node *node, void *target);

struct schema_field {
    const char *name;
    enum schema_type type;
    size_t offset;
    bool required;              /* nothing after the colon counts as missing; else as absent */
    bool may_be_empty;          /* no warning of that */
    const char *expected;       /* for messages: "a URL such as https://…"; NULL: from the type */
    int64_t min, max;           /* both 0: no bound */
    const char *const *choices; /* NULL-terminated */
    const struct schema_field *fields; /* SCHEMA_STRUCT; ends with name NULL */
    schema_parse_fn *parse;
};

/* `what` names the mapping in messages: "connector 'contoso'". target must hold the defaults
 * already. */
void schema_read(const struct schema_walk *walk, const struct schema_field *fields,
                 const char *what, const struct yaml_node *node, void *target);
void schema_problem(const struct schema_walk *walk, const struct yaml_node *node, const char *fmt,
                    ...) __attribute__((format(printf, 3, 4)));
/* "'NAME' of WHAT must be EXPECTED, not a list": for a CUSTOM field's parse(). */
void schema_wrong_type(const struct schema_walk *walk, const struct schema_field *field,
                       const struct yaml_node *node);
/* A list of strings, NULL-terminated (mem_freev); NULL with a problem added. */
char **schema_strings(const struct schema_walk *walk, const struct schema_field *field,
                      const struct yaml_node *node);
/* path, made absolute against the walk's folder (mem_free). */
char *schema_path(const struct schema_walk *walk, const struct yaml_node *node, const char *path);
/* The value of a key; NULL where there is none, or nothing behind the colon: schema_read only
 * warns of such a one, unless it is required. */
const struct yaml_node *schema_given(const struct yaml_node *mapping, const char *key);
/* Frees what the field types allocated (STRING, PATH, STRINGS, STRUCT); CUSTOM is the caller's. */
void schema_free(const struct schema_field *fields, void *target);

#endif
