#include "schema.h"

#include "mem.h"
#include "nearest.h"
#include "quantity.h"

#include <stdio.h>
#include <string.h>

#define FIELDS_MAX  64 /* of one mapping */
#define FIELDS_SAID 8  /* at most, where there is no mapping */

void schema_problem(const struct schema_walk *walk, const struct yaml_node *node, const char *fmt,
                    ...)
{
    char message[ERR_MSG_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    if (node->cut)
        problems_drop_warning(walk->problems, walk->file, node->line, node->col);
    problems_add(walk->problems, walk->file, node->line, node->col, "%s%s", message,
                 node->cut ? "; ' #' begins a comment: quote the whole text if it is a part" : "");
}

static const char *expected(const struct schema_field *field)
{
    static const char *const by_type[] = {
        [SCHEMA_STRING] = "a string",
        [SCHEMA_PATH] = "a path",
        [SCHEMA_INTEGER] = "an integer",
        [SCHEMA_BOOL] = "true or false",
        [SCHEMA_DURATION] = "a duration such as 30s (ms, s, m, h, d)",
        [SCHEMA_SIZE] = "a size such as 512MiB (B, KiB, MiB, GiB)",
        [SCHEMA_CHOICE] = "a word",
        [SCHEMA_STRINGS] = "a list of strings",
        [SCHEMA_STRUCT] = "a mapping",
        [SCHEMA_CUSTOM] = "another value",
    };
    return field->expected != NULL ? field->expected : by_type[field->type];
}

void schema_wrong_type(const struct schema_walk *walk, const struct schema_field *field,
                       const struct yaml_node *node)
{
    schema_problem(walk, node, "'%s' of %s must be %s, not %s", field->name, walk->what,
                   expected(field), yaml_describe(node));
}

static void wrong_value(const struct schema_walk *walk, const struct schema_field *field,
                        const struct yaml_node *node)
{
    char shown[YAML_SHOWN_SIZE];
    schema_problem(walk, node, "'%s' of %s must be %s, not '%s'", field->name, walk->what,
                   expected(field), yaml_show(node, shown));
}

/* The text of a scalar as written; NULL with a problem added. */
static const char *string(const struct schema_walk *walk, const struct schema_field *field,
                          const struct yaml_node *node)
{
    if (node->kind != YAML_SCALAR) {
        schema_wrong_type(walk, field, node);
        return NULL;
    }
    if (strlen(node->text) != node->len) {
        schema_problem(walk, node, "'%s' of %s holds a NUL character", field->name, walk->what);
        return NULL;
    }
    return node->text;
}

char *schema_path(const struct schema_walk *walk, const struct yaml_node *node, const char *path)
{
    if (path[0] == '~' && (path[1] == '/' || path[1] == '\0'))
        schema_problem(walk, node,
                       "'%s': only a shell expands '~'; write the folder's name, or a path that "
                       "is relative to this file",
                       path);
    if (path[0] == '/')
        return mem_strdup(path);
    /* There is no link in base_dir: what it lies in is what is left without its last name. */
    size_t len = strlen(walk->base_dir);
    for (;; path += strcspn(path, "/") + 1) {
        if (strncmp(path, "../", 3) == 0)
            while (len > 0 && walk->base_dir[--len] != '/')
                ;
        else if (strncmp(path, "./", 2) != 0)
            return mem_printf("%.*s/%s", (int)len, walk->base_dir, path);
    }
}

char **schema_strings(const struct schema_walk *walk, const struct schema_field *field,
                      const struct yaml_node *node)
{
    if (node->kind != YAML_SEQUENCE) {
        schema_wrong_type(walk, field, node);
        return NULL;
    }
    if (node->count == 0) {
        schema_problem(walk, node, "'%s' of %s is an empty list", field->name, walk->what);
        return NULL;
    }
    char **strings = mem_alloc((node->count + 1) * sizeof *strings);
    size_t count = 0;
    for (size_t i = 0; i < node->count; i++) {
        const char *text = string(walk, field, node->items[i]);
        if (text != NULL)
            strings[count++] = mem_strdup(text);
    }
    if (count == node->count)
        return strings;
    mem_freev(strings);
    return NULL;
}

/* A bound in the unit that its field is written in. */
static void format_bound(const struct schema_field *field, int64_t value, char *out, size_t size)
{
    static const struct {
        int64_t factor;
        const char *unit;
    } durations[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}},
      sizes[] = {{1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}, {1, "B"}};
    for (size_t i = 0; field->type == SCHEMA_DURATION && i < 5; i++) {
        if (value > 0 && value % durations[i].factor == 0) {
            snprintf(out, size, "%lld%s", (long long)(value / durations[i].factor),
                     durations[i].unit);
            return;
        }
    }
    for (size_t i = 0; field->type == SCHEMA_SIZE && i < 4; i++) {
        if (value > 0 && value % sizes[i].factor == 0) {
            snprintf(out, size, "%lld%s", (long long)(value / sizes[i].factor), sizes[i].unit);
            return;
        }
    }
    snprintf(out, size, "%lld", (long long)value);
}

static void store_bounded(const struct schema_walk *walk, const struct schema_field *field,
                          const struct yaml_node *node, int64_t value, void *target)
{
    bool bounded = field->min != 0 || field->max != 0;
    if (bounded && (value < field->min || value > field->max)) {
        char min[32], max[32], shown[YAML_SHOWN_SIZE];
        format_bound(field, field->min, min, sizeof min);
        format_bound(field, field->max, max, sizeof max);
        schema_problem(walk, node, "'%s' of %s must be between %s and %s, not %s", field->name,
                       walk->what, min, max, yaml_show(node, shown));
        return;
    }
    *(int64_t *)target = value;
}

static void read_number(const struct schema_walk *walk, const struct schema_field *field,
                        const struct yaml_node *node, void *target)
{
    struct yaml_scalar scalar = yaml_resolve(node);
    if (scalar.type == YAML_INT)
        store_bounded(walk, field, node, scalar.integer, target);
    else if (node->kind == YAML_SCALAR && node->plain)
        wrong_value(walk, field, node);
    else
        schema_wrong_type(walk, field, node);
}

/* Durations and sizes: opt.h reads the same on the command line. */
static void read_quantity(const struct schema_walk *walk, const struct schema_field *field,
                          const struct yaml_node *node, void *target)
{
    const char *text = string(walk, field, node);
    int64_t value = 0;
    struct err err;
    err_clear(&err);
    if (text == NULL)
        return;
    if ((field->type == SCHEMA_DURATION ? quantity_duration(text, &value, &err)
                                        : quantity_size(text, &value, &err)) != 0)
        wrong_value(walk, field, node);
    else
        store_bounded(walk, field, node, value, target);
}

static void read_bool(const struct schema_walk *walk, const struct schema_field *field,
                      const struct yaml_node *node, void *target)
{
    struct yaml_scalar scalar = yaml_resolve(node);
    if (scalar.type == YAML_BOOL)
        *(bool *)target = scalar.boolean;
    else if (node->kind == YAML_SCALAR)
        wrong_value(walk, field, node);
    else
        schema_wrong_type(walk, field, node);
}

/* "a, b or c" */
static void join(const char *const *words, size_t count, const char *last, struct buf *out)
{
    for (size_t i = 0; i < count; i++)
        buf_printf(out, "%s%s", i == 0 ? "" : i + 1 == count ? last : ", ", words[i]);
}

static void read_choice(const struct schema_walk *walk, const struct schema_field *field,
                        const struct yaml_node *node, void *target)
{
    const char *text = string(walk, field, node);
    size_t count = 0;
    if (text == NULL)
        return;
    for (; field->choices[count] != NULL; count++) {
        if (strcmp(field->choices[count], text) == 0) {
            *(int *)target = (int)count;
            return;
        }
    }
    struct buf list;
    buf_create(&list, BUF_LIMIT_LINE);
    join(field->choices, count, " or ", &list);
    char shown[YAML_SHOWN_SIZE];
    schema_problem(walk, node, "'%s' of %s must be %s, not '%s'", field->name, walk->what,
                   list.data, yaml_show(node, shown));
    buf_destroy(&list);
}

static void read_string(const struct schema_walk *walk, const struct schema_field *field,
                        const struct yaml_node *node, void *target)
{
    const char *text = string(walk, field, node);
    if (text == NULL)
        return;
    if (text[0] == '\0') {
        schema_problem(walk, node, "'%s' of %s is empty; expected %s", field->name, walk->what,
                       expected(field));
        return;
    }
    char **place = target;
    mem_free(*place);
    *place = field->type == SCHEMA_PATH ? schema_path(walk, node, text) : mem_strdup(text);
}

static void read_strings(const struct schema_walk *walk, const struct schema_field *field,
                         const struct yaml_node *node, void *target)
{
    char **strings = schema_strings(walk, field, node);
    if (strings == NULL)
        return;
    char ***place = target;
    mem_freev(*place);
    *place = strings;
}

static void read_struct(const struct schema_walk *walk, const struct schema_field *field,
                        const struct yaml_node *node, void *target)
{
    char *what = mem_join(field->name, " of ", walk->what, NULL);
    schema_read(walk, field->fields, what, node, target);
    mem_free(what);
}

static void read_field(const struct schema_walk *walk, const struct schema_field *field,
                       const struct yaml_node *node, void *target)
{
    static schema_parse_fn *const readers[] = {
        [SCHEMA_STRING] = read_string,     [SCHEMA_PATH] = read_string,
        [SCHEMA_INTEGER] = read_number,    [SCHEMA_BOOL] = read_bool,
        [SCHEMA_DURATION] = read_quantity, [SCHEMA_SIZE] = read_quantity,
        [SCHEMA_CHOICE] = read_choice,     [SCHEMA_STRINGS] = read_strings,
        [SCHEMA_STRUCT] = read_struct,     [SCHEMA_CUSTOM] = NULL,
    };
    schema_parse_fn *reader = field->type == SCHEMA_CUSTOM ? field->parse : readers[field->type];
    reader(walk, field, node, (char *)target + field->offset);
}

static void unknown_key(const struct schema_walk *walk, const struct schema_field *fields,
                        const struct yaml_node *key)
{
    const char *names[FIELDS_MAX];
    size_t count = 0;
    for (; fields[count].name != NULL && count < FIELDS_MAX; count++)
        names[count] = fields[count].name;
    const char *nearest = nearest_name(key->text, names, count);
    char shown[YAML_SHOWN_SIZE];
    yaml_show_key(key, shown);
    char end = key->text[strcspn(key->text, YAML_KEY_ENDS)];
    if (end == ':' || end == '=') {
        schema_problem(walk, key, "unknown key '%s' in %s; %s", shown, walk->what,
                       end == ':' ? "a space is missing behind the ':'"
                                  : "expected ':' and a space in place of the '='");
        return;
    }
    if (strncmp(key->text, "\xC2\xA0", 2) == 0) {
        schema_problem(walk, key,
                       "unknown key '%s' in %s; it begins with a no-break space (U+00A0), as web "
                       "pages have it; type a space",
                       shown, walk->what);
        return;
    }
    if (nearest != NULL) {
        schema_problem(walk, key, "unknown key '%s' in %s; did you mean '%s'?", shown, walk->what,
                       nearest);
        return;
    }
    struct buf list;
    buf_create(&list, BUF_LIMIT_LINE);
    join(names, count, " or ", &list);
    schema_problem(walk, key, "unknown key '%s' in %s; expected %s", shown, walk->what, list.data);
    buf_destroy(&list);
}

static bool is_nothing(const struct yaml_node *node)
{
    return node->kind == YAML_SCALAR && node->plain && node->len == 0;
}

const struct yaml_node *schema_given(const struct yaml_node *mapping, const char *key)
{
    const struct yaml_node *value = yaml_get(mapping, key);
    return value != NULL && !is_nothing(value) ? value : NULL;
}

/* What a mapping holds is said where that is short. */
static void no_mapping(const struct schema_walk *walk, const struct schema_field *fields,
                       const struct yaml_node *node)
{
    const char *names[FIELDS_SAID];
    size_t count = 0;
    struct buf list;
    buf_create(&list, BUF_LIMIT_LINE);
    for (; fields[count].name != NULL && count < FIELDS_SAID; count++)
        names[count] = fields[count].name;
    if (fields[count].name == NULL && count > 0) {
        buf_puts(&list, " with ");
        join(names, count, " or ", &list);
    }
    schema_problem(walk, node, "%s must be a mapping%s, not %s", walk->what, list.data,
                   yaml_describe(node));
    buf_destroy(&list);
}

void schema_read(const struct schema_walk *outer, const struct schema_field *fields,
                 const char *what, const struct yaml_node *node, void *target)
{
    struct schema_walk walk = *outer;
    walk.what = what;
    if (node->kind != YAML_MAPPING) {
        no_mapping(&walk, fields, node);
        return;
    }
    bool seen[FIELDS_MAX] = {false};
    for (size_t i = 0; i < node->count; i++) {
        const struct yaml_node *key = node->pairs[i].key, *value = node->pairs[i].value;
        size_t n = 0;
        walk.at = key;
        while (fields[n].name != NULL &&
               (fields[n].name[0] != key->text[0] || strcmp(fields[n].name, key->text) != 0 ||
                strlen(key->text) != key->len))
            n++;
        if (fields[n].name == NULL)
            unknown_key(&walk, fields, key);
        else if (!is_nothing(value))
            read_field(&walk, &fields[n], value, target);
        else if (fields[n].required)
            schema_problem(&walk, value->cut ? value : key, "'%s' of %s has no value; expected %s",
                           fields[n].name, what, expected(&fields[n]));
        else if (!fields[n].may_be_empty && !value->cut) /* a comment, of which it is told */
            problems_warn(walk.problems, walk.file, key->line, key->col,
                          "'%s' of %s has no value, and counts as absent", fields[n].name, what);
        seen[n] = fields[n].name != NULL;
    }
    for (size_t n = 0; fields[n].name != NULL; n++) {
        if (fields[n].required && !seen[n])
            schema_problem(&walk, outer->at != NULL ? outer->at : node,
                           "%s lacks '%s'; expected %s", what, fields[n].name,
                           expected(&fields[n]));
    }
}

void schema_free(const struct schema_field *fields, void *target)
{
    for (; fields->name != NULL; fields++) {
        char *place = (char *)target + fields->offset;
        if (fields->type == SCHEMA_STRING || fields->type == SCHEMA_PATH) {
            mem_free(*(char **)place);
            *(char **)place = NULL;
        } else if (fields->type == SCHEMA_STRINGS) {
            mem_freev(*(char ***)place);
            *(char ***)place = NULL;
        } else if (fields->type == SCHEMA_STRUCT) {
            schema_free(fields->fields, place);
        }
    }
}
