#include "yaml_json.h"

#include "json.h"

static int write_scalar(const struct yaml_node *node, struct buf *out)
{
    struct yaml_scalar scalar = yaml_resolve(node);
    switch (scalar.type) {
    case YAML_NULL:
        return buf_puts(out, "null");
    case YAML_BOOL:
        return buf_puts(out, scalar.boolean ? "true" : "false");
    case YAML_INT:
        return json_write_int(out, scalar.integer);
    case YAML_FLOAT:
        return json_write_double(out, scalar.number);
    case YAML_STRING:
        break;
    }
    return json_write_string(out, node->text, node->len);
}

/* Recursion is bounded by YAML_DEPTH_MAX. */
int yaml_json_write(const struct yaml_node *node, struct buf *out)
{
    if (node->kind == YAML_SCALAR)
        return write_scalar(node, out);
    bool map = node->kind == YAML_MAPPING;
    int result = buf_putc(out, map ? '{' : '[');
    for (size_t i = 0; i < node->count && result == 0; i++) {
        const struct yaml_node *key = map ? node->pairs[i].key : NULL;
        result = i > 0 ? buf_putc(out, ',') : 0;
        if (map)
            result |= json_write_string(out, key->text, key->len) | buf_putc(out, ':');
        result |= yaml_json_write(map ? node->pairs[i].value : node->items[i], out);
    }
    return result | buf_putc(out, map ? '}' : ']');
}
