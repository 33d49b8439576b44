#include "state_lines.h"

#include "json.h"
#include "mem.h"

#include <string.h>

#define LINE_EXPECTED "expected {\"key\": TEXT, \"value\": JSON}"

int state_lines_check_key(const char *key, size_t len, struct err *err)
{
    if (len == 0 || len > STORE_KEY_MAX)
        return err_set(err, ERR_INVALID, "a key has 1 to %d bytes", STORE_KEY_MAX);
    if (strlen(key) != len || !json_utf8_valid(key, len))
        return err_set(err, ERR_INVALID, "a key is UTF-8 without NUL bytes");
    return 0;
}

static int put_value(const struct json *value, struct buf *out, struct err *err)
{
    if (json_write(out, value) != 0)
        return err_set(err, ERR_INVALID, "a value of over %zu bytes", STORE_VALUE_MAX);
    return 0;
}

int state_lines_value(const char *text, size_t len, struct buf *out, struct err *err)
{
    const struct json_options options = {0};
    struct json *value = json_parse(text, len, &options, err);
    int result = value != NULL ? put_value(value, out, err) : -1;
    json_free(value);
    return result;
}

/* Of one line; `value` is used for it. */
static int read_line(struct state_lines *lines, const struct json *line, struct buf *value,
                     struct err *err)
{
    const struct json *key = json_get(line, "key"), *its = json_get(line, "value");
    if (key == NULL || key->type != JSON_STRING || its == NULL || line->child->next == NULL ||
        line->child->next->next != NULL)
        return err_set(err, ERR_INVALID, LINE_EXPECTED);
    if (state_lines_check_key(key->text, key->len, err) != 0 || put_value(its, value, err) != 0)
        return -1;
    lines->items = mem_realloc(lines->items, (lines->count + 1) * sizeof *lines->items);
    lines->items[lines->count++] =
        (struct store_kv){.key = arena_text(&lines->texts, key->text, key->len),
                          .value = arena_text(&lines->texts, value->data, value->len),
                          .len = value->len};
    return 0;
}

int state_lines_read(struct state_lines *lines, const char *text, size_t len, struct err *err)
{
    const struct json_options options = {0};
    const char *end = text + len;
    struct buf value;
    int result = 0;
    *lines = (struct state_lines){0};
    buf_create(&value, STORE_VALUE_MAX);
    for (int number = 1; text < end && result == 0; number++) {
        const char *feed = memchr(text, '\n', (size_t)(end - text));
        size_t size = (size_t)((feed != NULL ? feed : end) - text);
        if (strspn(text, " \t\r") < size) {
            struct json *line = json_parse(text, size, &options, err);
            buf_clear(&value);
            result = line != NULL ? read_line(lines, line, &value, err) : -1;
            json_free(line);
        }
        if (result != 0)
            err_wrap(err, "line %d", number);
        text += size + 1;
    }
    buf_destroy(&value);
    return result;
}

void state_lines_destroy(struct state_lines *lines)
{
    mem_free(lines->items);
    arena_destroy(&lines->texts);
}

int state_lines_write(const struct store_kv *item, struct buf *out)
{
    int result = buf_puts(out, "{\"key\":");
    result |= json_write_string(out, item->key, strlen(item->key));
    result |= buf_puts(out, ",\"value\":");
    result |= buf_append(out, item->value, item->len);
    return result | buf_puts(out, "}\n");
}
