#include "visible.h"

#include "utf8.h"

#include <stdio.h>
#include <string.h>

/* Characters without a sign of their own that change what is around them. */
static bool is_unsafe(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || /* C0, DEL, C1 */
           code == 0x2028 || code == 0x2029 ||             /* ends of a line and a paragraph */
           code == 0x061c || code == 0x200e || code == 0x200f || /* marks of a direction */
           (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

static size_t escape(uint32_t code, char out[static VISIBLE_PART_MAX])
{
    static const char names[] = "\b\f\n\r\t";
    static const char letters[] = "bfnrt";
    const char *name = code != 0 && code < 0x20 ? strchr(names, (int)code) : NULL;
    if (name != NULL)
        return (size_t)snprintf(out, VISIBLE_PART_MAX, "\\%c", letters[name - names]);
    return (size_t)snprintf(out, VISIBLE_PART_MAX, code < 0x100 ? "\\x%02x" : "\\u%04x",
                            (unsigned)code);
}

/* At the beginning of an end of a line, or at a tab. */
static bool is_layout(const char *at, size_t len)
{
    return *at == '\n' || *at == '\t' || (*at == '\r' && len > 1 && at[1] == '\n');
}

size_t visible_part(const char **text, size_t *len, enum visible_shape shape,
                    char out[static VISIBLE_PART_MAX])
{
    const char *at = *text;
    uint32_t code = 0;
    size_t size = utf8_decode(at, *len, &code), used = size > 0 ? size : 1;
    bool stays = size > 0 && (!is_unsafe(code) || (shape == VISIBLE_LINES && is_layout(at, *len)));
    *text += used;
    *len -= used;
    if (!stays)
        return escape(size > 0 ? code : (unsigned char)*at, out);
    bool quoted = shape == VISIBLE_QUOTED && (code == '"' || code == '\\');
    out[0] = '\\';
    memcpy(out + quoted, at, size);
    return size + quoted;
}

void visible_append(struct buf *out, const char *text, size_t len, enum visible_shape shape)
{
    char part[VISIBLE_PART_MAX];
    while (len > 0) {
        size_t size = visible_part(&text, &len, shape, part);
        buf_append(out, part, size);
    }
}
