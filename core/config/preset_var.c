#include "preset_var.h"

#include "allow.h"
#include "buf.h"
#include "mem.h"
#include "url.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LABEL     "abcdefghijklmnopqrstuvwxyz0123456789-"
#define LABEL_MAX 63
#define NAME      "abcdefghijklmnopqrstuvwxyz0123456789_"
#define SEGMENT   LABEL "ABCDEFGHIJKLMNOPQRSTUVWXYZ._~"
#define ANY       "x" /* stands for a wrong value, so that the other keys are looked at */

static const char *text_of(const struct yaml_node *node)
{
    return node != NULL && node->kind == YAML_SCALAR && strlen(node->text) == node->len ? node->text
                                                                                        : "";
}

/* `*` is one label, other characters are themselves. */
static bool matches(const char *pattern, const char *text)
{
    for (; *pattern != '\0'; pattern++) {
        size_t len = *pattern == '*' ? strspn(text, LABEL) : 1;
        if (len == 0 || len > LABEL_MAX || (*pattern != '*' && *text != *pattern))
            return false;
        text += len;
    }
    return *text == '\0';
}

/* Whether it is one of a declared list, or of the only text; `fits` compares. */
static bool is_one_of(const struct yaml_node *list, const char *text,
                      bool (*fits)(const char *item, const char *text))
{
    if (list->kind == YAML_SCALAR)
        return fits(text_of(list), text);
    for (size_t i = 0; i < list->count; i++) {
        if (fits(text_of(list->items[i]), text))
            return true;
    }
    return false;
}

static bool is_same(const char *item, const char *text)
{
    return strcmp(item, text) == 0;
}

static bool is_host(const char *text)
{
    struct err err;
    err_clear(&err);
    return strchr(text, '*') == NULL && allow_pattern_check(text, &err) == 0;
}

/* One of a URL's path, in which the case matters. */
static bool is_segment(const char *text)
{
    return text[strspn(text, SEGMENT)] == '\0' && text[strspn(text, ".")] != '\0';
}

static bool is_good(const struct yaml_node *var, const char *text)
{
    const struct yaml_node *values = yaml_get(var, "values"), *pattern = yaml_get(var, "pattern");
    if (values != NULL)
        return is_one_of(values, text, is_same);
    if (pattern != NULL)
        return is_one_of(pattern, text, matches);
    return yaml_get(var, "segment") != NULL ? is_segment(text) : is_host(text);
}

/* "a, b or c", each in quotes. */
static void list(struct buf *out, const struct yaml_node *words)
{
    if (words->kind == YAML_SCALAR)
        buf_printf(out, "'%s'", text_of(words));
    for (size_t i = 0; i < words->count; i++)
        buf_printf(out, "%s'%s'",
                   i == 0                  ? ""
                   : i + 1 == words->count ? " or "
                                           : ", ",
                   text_of(words->items[i]));
}

/* What its preset expects of a variable. */
static void expect(struct buf *out, const struct yaml_node *var)
{
    const struct yaml_node *values = yaml_get(var, "values"), *pattern = yaml_get(var, "pattern");
    if (values != NULL) {
        list(out, values);
    } else if (pattern != NULL) {
        list(out, pattern);
        buf_puts(out, ", where '*' is one or more of a-z, 0-9 and '-'");
    } else if (yaml_get(var, "segment") != NULL) {
        buf_puts(out, "letters, digits, '-', '.', '_' and '~'");
    } else {
        buf_puts(out, "a host, with ':port' where it has one of its own");
    }
    const char *about = text_of(yaml_get(var, "about"));
    if (*about != '\0')
        buf_printf(out, " (%s)", about);
}

/* The value given to a variable; NULL: it is missing or wrong, which was reported. */
static const char *read_value(const struct preset_vars *vars, const struct schema_walk *walk,
                              const struct yaml_pair *declared, const struct yaml_node *given,
                              const struct yaml_node *at)
{
    const char *name = declared->key->text, *value = NULL;
    const struct yaml_node *node = given != NULL ? yaml_get(given, name) : NULL;
    char shown[YAML_SHOWN_SIZE];
    struct buf expected;
    buf_create(&expected, BUF_LIMIT_LINE);
    expect(&expected, declared->value);
    if (node == NULL || (node->kind == YAML_SCALAR && node->plain && node->len == 0))
        schema_problem(walk, node != NULL ? node : at,
                       "%s lacks variable '%s' of preset '%s'; expected %s", vars->owner, name,
                       vars->preset, expected.data);
    else if (node->kind != YAML_SCALAR)
        schema_problem(walk, node,
                       "'%s' in vars of %s must be a plain text, not %s: a preset's "
                       "variables are never read from elsewhere",
                       name, vars->owner, yaml_describe(node));
    else if (*text_of(node) == '\0' || !is_good(declared->value, node->text))
        schema_problem(walk, node, "'%s' in vars of %s cannot be '%s'; preset '%s' expects %s",
                       name, vars->owner, yaml_show(node, shown), vars->preset, expected.data);
    else
        value = node->text;
    buf_destroy(&expected);
    return value;
}

/* The case of a host does not matter: one that is written otherwise is the same service. */
static const char *keep(struct preset_vars *vars, const struct yaml_node *var, const char *value)
{
    char *kept = arena_text(vars->arena, value, strlen(value));
    for (char *c = kept; *c != '\0' && yaml_get(var, "segment") == NULL; c++) {
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
    }
    return kept;
}

static void check_unknown(const struct preset_vars *vars, const struct schema_walk *walk,
                          const struct yaml_node *declared, const struct yaml_node *given)
{
    struct buf names;
    buf_create(&names, BUF_LIMIT_LINE);
    for (size_t i = 0; i < vars->count; i++)
        buf_printf(&names, "%s'%s'", i > 0 ? ", " : "", vars->names[i]);
    for (size_t i = 0; i < given->count; i++) {
        const struct yaml_node *key = given->pairs[i].key;
        char shown[YAML_SHOWN_SIZE];
        if (declared == NULL || yaml_get(declared, key->text) == NULL)
            schema_problem(walk, key, "unknown variable '%s' in vars of %s; preset '%s' has %s",
                           yaml_show_key(key, shown), vars->owner, vars->preset,
                           names.len > 0 ? names.data : "none");
    }
    buf_destroy(&names);
}

void preset_vars_read(struct preset_vars *vars, const struct schema_walk *walk,
                      const struct yaml_node *declared, const struct yaml_node *given,
                      const struct yaml_node *at)
{
    if (given != NULL && given->kind == YAML_SCALAR && given->plain && given->len == 0)
        given = NULL;
    bool wrong = given != NULL && given->kind != YAML_MAPPING;
    if (wrong) {
        schema_problem(walk, given, "'vars' of %s must be a mapping, not %s", vars->owner,
                       yaml_describe(given));
        given = NULL;
    }
    for (size_t i = 0; declared != NULL && i < declared->count && i < PRESET_VARS_MAX; i++) {
        const char *value = wrong ? NULL : read_value(vars, walk, &declared->pairs[i], given, at);
        vars->names[i] = declared->pairs[i].key->text;
        vars->values[i] = keep(vars, declared->pairs[i].value, value != NULL ? value : ANY);
        vars->count = i + 1;
    }
    if (given != NULL)
        check_unknown(vars, walk, declared, given);
}

/* The value of the variable that text, after its brace, begins with; *len is that of its name. */
static const char *value_at(const struct preset_vars *vars, const char *text, size_t *len)
{
    *len = strspn(text, NAME);
    for (size_t i = 0; i < vars->count && text[*len] == '}'; i++) {
        if (strlen(vars->names[i]) == *len && memcmp(vars->names[i], text, *len) == 0)
            return vars->values[i];
    }
    return NULL;
}

/* Where the path of a URL begins; the end of a text that is none. */
static const char *path_of(const char *text)
{
    const char *host = strstr(text, "://");
    const char *path = host != NULL ? strchr(host + 3, '/') : NULL;
    return path != NULL ? path : text + strlen(text);
}

const char *preset_vars_put(const struct preset_vars *vars, const char *text)
{
    const char *path = path_of(text);
    struct buf out;
    if (strchr(text, '{') == NULL)
        return arena_text(vars->arena, text, strlen(text));
    buf_create(&out, BUF_LIMIT_LINE);
    while (*text != '\0') {
        size_t len;
        const char *value = *text == '{' ? value_at(vars, text + 1, &len) : NULL;
        if (value == NULL) {
            buf_putc(&out, *text++);
            continue;
        }
        char *encoded = text > path ? url_encode(value, strlen(value)) : mem_strdup(value);
        buf_puts(&out, encoded);
        mem_free(encoded);
        text += len + 2;
    }
    const char *result = arena_text(vars->arena, out.data, out.len);
    buf_destroy(&out);
    return result;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char *preset_vars_service(const struct preset_vars *vars)
{
    char *words[PRESET_VARS_MAX];
    struct buf out;
    buf_create(&out, BUF_LIMIT_LINE);
    buf_printf(&out, "preset:%s", vars->preset);
    for (size_t i = 0; i < vars->count; i++)
        words[i] = mem_printf(" %s=%s", vars->names[i], vars->values[i]);
    if (vars->count > 1)
        qsort(words, vars->count, sizeof *words, by_name);
    for (size_t i = 0; i < vars->count; i++) {
        buf_puts(&out, words[i]);
        mem_free(words[i]);
    }
    return buf_take(&out);
}
