#include "config_field.h"

#include "allow.h"
#include "ascii.h"
#include "config_job.h"
#include "mem.h"
#include "url.h"

#include <string.h>

const char *config_text(const struct schema_walk *walk, const struct schema_field *field,
                        const struct yaml_node *node)
{
    if (node->kind != YAML_SCALAR) {
        schema_wrong_type(walk, field, node);
    } else if (node->len == 0 || strlen(node->text) != node->len) {
        schema_problem(walk, node, "'%s' of %s %s; expected %s", field->name, walk->what,
                       node->len == 0 ? "is empty" : "holds a NUL character", field->expected);
    } else {
        return node->text;
    }
    return NULL;
}

bool config_is_name(const struct yaml_node *node)
{
    if (node->kind != YAML_SCALAR || node->len > CONFIG_NAME_MAX || !ascii_is_alnum(node->text[0]))
        return false;
    const char *p = node->text;
    while (ascii_is_alnum(*p) || *p == '_' || *p == '-')
        p++;
    return p == node->text + node->len;
}

void config_names_parse(const struct schema_walk *walk, const struct schema_field *field,
                        const struct yaml_node *node, void *target)
{
    char shown[YAML_SHOWN_SIZE];
    char **names = schema_strings(walk, field, node);
    for (size_t i = 0; names != NULL && i < node->count; i++) {
        if (!config_is_name(node->items[i]))
            schema_problem(
                walk, node->items[i], "'%s' in %s of %s is no name; expected " CONFIG_NAME_EXPECTED,
                yaml_show(node->items[i], shown), field->name, walk->what, CONFIG_NAME_MAX);
    }
    if (names != NULL && node->count > CONFIG_SHARED_MAX)
        schema_problem(walk, node, "%s of %s has over %d names", field->name, walk->what,
                       CONFIG_SHARED_MAX);
    *(char ***)target = names;
}

bool config_url_check(const struct schema_walk *walk, const struct schema_field *field,
                      const struct yaml_node *node, const char *text)
{
    struct err err;
    err_clear(&err);
    if (allow_check_base(text, &err) == 0)
        return true;
    schema_problem(walk, node, "'%s' of %s: %s", field->name, walk->what, err.msg);
    return false;
}

const char *config_url_text(const struct schema_walk *walk, const struct schema_field *field,
                            const struct yaml_node *node)
{
    const char *text = config_text(walk, field, node);
    return text != NULL && config_url_check(walk, field, node, text) ? text : NULL;
}

void config_url_parse(const struct schema_walk *walk, const struct schema_field *field,
                      const struct yaml_node *node, void *target)
{
    const char *text = config_url_text(walk, field, node);
    if (text != NULL)
        *(char **)target = url_base(text);
}
