/* What must be true of the bytes before libyaml sees them: its own messages for these are poor. */
#include "yaml.h"

#include <string.h>

#define BOM "\xEF\xBB\xBF"

struct place {
    const char *file;
    struct problems *problems;
    int line, col; /* of the character looked at */
};

static int refuse(const struct place *place, const char *what)
{
    problems_add(place->problems, place->file, place->line, place->col, "%s", what);
    return -1;
}

/* Length of the character at p (1–4), or 0 where it is not UTF-8. *code: its code point. */
static size_t decode(const unsigned char *p, size_t left, uint32_t *code)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = p[0] < 0x80 ? 1 : p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
    if (p[0] >= 0xF8 || (p[0] >= 0x80 && p[0] < 0xC0) || len > left)
        return 0;
    *code = len == 1 ? p[0] : p[0] & (0x7Fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0;
        *code = *code << 6 | (p[i] & 0x3F);
    }
    bool surrogate = *code >= 0xD800 && *code <= 0xDFFF;
    return *code < smallest[len] || *code > 0x10FFFF || surrogate ? 0 : len;
}

static bool printable(uint32_t code)
{
    if (code < 0x20)
        return code == '\t' || code == '\n' || code == '\r';
    if (code >= 0x7F && code < 0xA0)
        return code == 0x85;
    return code != 0xFEFF && code != 0xFFFE && code != 0xFFFF;
}

int yaml_check_text(const char *file, const char *text, size_t len, struct problems *problems)
{
    struct place place = {.file = file, .problems = problems, .line = 1, .col = 1};
    const unsigned char *p = (const unsigned char *)text;
    if (len > YAML_BYTES_MAX) {
        problems_add(problems, file, 0, 0, "larger than %zu MiB, the most that is read",
                     YAML_BYTES_MAX >> 20);
        return -1;
    }
    if (len >= 2 && (memcmp(text, "\xFF\xFE", 2) == 0 || memcmp(text, "\xFE\xFF", 2) == 0))
        return refuse(&place, "this is UTF-16; save the file as UTF-8");
    if (len >= 3 && memcmp(text, BOM, 3) == 0)
        return refuse(&place, "the file starts with a byte order mark; save it as UTF-8 without");
    for (size_t i = 0; i < len;) {
        uint32_t code = 0;
        size_t size = decode(p + i, len - i, &code);
        if (size == 0)
            return refuse(&place, "not UTF-8; save the file as UTF-8");
        if (!printable(code)) {
            problems_add(problems, file, place.line, place.col,
                         "the control character U+%04X is not allowed", (unsigned)code);
            return -1;
        }
        i += size;
        place.col++;
        if (code == '\n' || (code == '\r' && (i == len || p[i] != '\n'))) {
            place.line++;
            place.col = 1;
        }
    }
    return 0;
}
