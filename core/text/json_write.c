#include "decimal.h"
#include "json.h"
#include "utf8.h"

#include <math.h>
#include <string.h>

/* The letter of a short escape, 'u' for \u00XX, or NUL where c stands for itself. */
static inline char escape_of(unsigned char c)
{
    static const char names[] = "\b\f\n\r\t\"\\";
    static const char letters[] = "bfnrt\"\\";
    if (c >= 0x20 && c != '"' && c != '\\')
        return '\0';
    const char *name = c != '\0' ? strchr(names, c) : NULL;
    return name != NULL ? letters[name - names] : 'u';
}

/* Bytes of a character beyond ASCII that is written as \uXXXX: DEL and C1, which steer terminals,
 * and what YAML and XML cannot have as it is. 0: it stands for itself. */
static size_t unseen(const char *text, size_t len, uint32_t *code)
{
    unsigned char c = (unsigned char)text[0];
    if (c != 0x7F && c != 0xC2 && c != 0xEF)
        return 0;
    size_t size = utf8_decode(text, len, code);
    bool escaped = *code < 0xA0 || *code == 0xFEFF || *code >= 0xFFFE;
    return escaped ? size : 0;
}

static int write_escaped(struct buf *out, const char *text, size_t len)
{
    size_t start = 0;
    for (size_t i = 0; i < len; i++) {
        uint32_t code = (unsigned char)text[i];
        size_t size = 1;
        char escape = escape_of((unsigned char)code);
        if (code >= 0x7F && (size = unseen(text + i, len - i, &code)) > 0)
            escape = 'u';
        if (escape == '\0')
            continue;
        if (buf_append(out, text + start, i - start) != 0)
            return -1;
        i += size - 1;
        start = i + 1;
        int result = escape == 'u' ? buf_printf(out, "\\u%04x", (unsigned)code)
                                   : buf_printf(out, "\\%c", escape);
        if (result != 0)
            return -1;
    }
    return buf_append(out, text + start, len - start);
}

int json_write_string(struct buf *out, const char *text, size_t len)
{
    if (!json_utf8_valid(text, len))
        return -1;
    if (buf_putc(out, '"') != 0 || write_escaped(out, text, len) != 0)
        return -1;
    return buf_putc(out, '"');
}

int json_write_int(struct buf *out, int64_t value)
{
    char text[24], *at = text + sizeof text;
    uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
    do
        *--at = (char)('0' + rest % 10);
    while ((rest /= 10) > 0);
    if (value < 0)
        *--at = '-';
    return buf_append(out, at, (size_t)(text + sizeof text - at));
}

int json_write_double(struct buf *out, double value)
{
    char text[DECIMAL_SIZE];
    if (!isfinite(value))
        return -1;
    decimal_format(value, text);
    return buf_puts(out, text);
}

static int write_value(struct buf *out, const struct json *json, int depth);

static int write_children(struct buf *out, const struct json *json, int depth)
{
    bool object = json->type == JSON_OBJECT_BEGIN;
    if (depth == JSON_DEPTH_MAX || buf_putc(out, object ? '{' : '[') != 0)
        return -1;
    for (const struct json *child = json->child; child != NULL; child = child->next) {
        if (child != json->child && buf_putc(out, ',') != 0)
            return -1;
        if (object &&
            (json_write_string(out, child->key, child->key_len) != 0 || buf_putc(out, ':') != 0))
            return -1;
        if (write_value(out, child, depth + 1) != 0)
            return -1;
    }
    return buf_putc(out, object ? '}' : ']');
}

static int write_value(struct buf *out, const struct json *json, int depth)
{
    switch (json->type) {
    case JSON_NULL:
        return buf_puts(out, "null");
    case JSON_BOOL:
        return buf_puts(out, json->boolean ? "true" : "false");
    case JSON_INT:
        return json_write_int(out, json->integer);
    case JSON_DOUBLE:
        return json->text != NULL ? buf_append(out, json->text, json->len)
                                  : json_write_double(out, json->number);
    case JSON_STRING:
        return json_write_string(out, json->text, json->len);
    case JSON_ARRAY_BEGIN:
    case JSON_OBJECT_BEGIN:
        return write_children(out, json, depth);
    default:
        return -1;
    }
}

int json_write(struct buf *out, const struct json *json)
{
    return write_value(out, json, 0);
}
