/*
 * The multipart parser on any bytes. The first line is the Content-Type, the rest the body. What
 * must hold: pieces of any size give what the whole gives; parts come in order, begin, content,
 * end; what is refused has a reason.
 */
#include "buf.h"
#include "multipart.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUT_MAX ((size_t)64 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    struct buf text;
    bool open;
    size_t parts, content;
};

static void fail(const char *what)
{
    fprintf(stderr, "fuzz_multipart: %s\n", what);
    abort();
}

static void put(struct seen *seen, const char *tag, const char *text)
{
    buf_printf(&seen->text, "%s %zu ", tag, text != NULL ? strlen(text) : 0);
    buf_puts(&seen->text, text != NULL ? text : "(none)");
    buf_putc(&seen->text, '\n');
}

static int on_begin(void *arg, const struct multipart_part *part, struct err *err)
{
    (void)err;
    struct seen *seen = arg;
    if (seen->open)
        fail("a part begins in another");
    seen->open = true;
    seen->parts++;
    put(seen, "name", part->name);
    put(seen, "file", part->filename);
    put(seen, "type", part->content_type);
    return 0;
}

static int on_content(void *arg, const char *data, size_t len, struct err *err)
{
    (void)err;
    struct seen *seen = arg;
    if (!seen->open || len == 0)
        fail("content outside of a part, or none");
    seen->content += len;
    buf_append(&seen->text, data, len);
    return 0;
}

static int on_end(void *arg, struct err *err)
{
    (void)err;
    struct seen *seen = arg;
    if (!seen->open)
        fail("a part ends twice");
    seen->open = false;
    buf_puts(&seen->text, "\nend\n");
    return 0;
}

/* Pieces of step bytes. The result as text is in seen. */
static void parse(const char *type, const char *body, size_t len, size_t step, struct seen *seen)
{
    struct err err = {0};
    const struct multipart_handler handler = {on_begin, on_content, on_end, seen};
    buf_create(&seen->text, OUT_MAX);
    struct multipart *multipart = multipart_new(type, &handler, &err);
    int result = multipart != NULL ? 0 : -1;
    for (size_t at = 0; at < len && result == 0; at += step)
        result = multipart_feed(multipart, body + at, len - at < step ? len - at : step, &err);
    if (result == 0)
        result = multipart_end(multipart, &err);
    if (result == 0 && seen->open)
        fail("it ends within a part");
    if (result != 0 && (err.kind != ERR_INVALID || err.msg[0] == '\0'))
        fail("refused without a reason");
    if (seen->parts > MULTIPART_PARTS_MAX || seen->content > len)
        fail("more than there is");
    buf_printf(&seen->text, "= %d %s\n", result, result != 0 ? err.msg : "");
    multipart_free(multipart);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t steps[] = {1, 3, 64};
    const char *text = (const char *)data;
    const char *line = size > 0 ? memchr(text, '\n', size) : NULL;
    if (line == NULL)
        return 0;
    size_t type_len = (size_t)(line - text);
    char *type = calloc(type_len + 1, 1);
    if (type == NULL)
        abort();
    memcpy(type, text, type_len);
    const char *body = line + 1;
    size_t len = size - type_len - 1;
    struct seen whole = {0};
    parse(type, body, len, len > 0 ? len : 1, &whole);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct seen pieces = {0};
        parse(type, body, len, steps[i], &pieces);
        if (pieces.text.len != whole.text.len ||
            memcmp(pieces.text.data, whole.text.data, whole.text.len) != 0)
            fail("pieces differ from the whole");
        buf_destroy(&pieces.text);
    }
    buf_destroy(&whole.text);
    free(type);
    return 0;
}
