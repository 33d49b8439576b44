/* Checks of the bytes before libyaml sees them: its own messages for these are unclear. */
#include "utf8.h"
#include "yaml.h"

#include <string.h>

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

static bool printable(uint32_t code)
{
    if (code < 0x20)
        return code == '\t' || code == '\n' || code == '\r';
    if (code >= 0x7F && code < 0xA0)
        return code == 0x85;
    return code != 0xFEFF && code != 0xFFFE && code != 0xFFFF;
}

/* How many bytes of printable ASCII begin a text, looked at eight at a time. */
static size_t plain_bytes(const char *text, size_t len)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    size_t i = 0;
    for (uint64_t word; len - i >= sizeof word; i += sizeof word) {
        memcpy(&word, text + i, sizeof word);
        if (((word | (word + ones) | (word - ones * ' ')) & ones * 0x80) != 0) /* DEL + 1 too */
            break;
    }
    while (i < len && text[i] >= ' ' && text[i] < 0x7F)
        i++;
    return i;
}

int yaml_check_text(const char *file, const char *text, size_t len, struct problems *problems)
{
    struct place place = {.file = file, .problems = problems, .line = 1, .col = 1};
    if (len > YAML_BYTES_MAX) {
        problems_add(problems, file, 0, 0, "larger than %zu MiB, the most that is read",
                     YAML_BYTES_MAX >> 20);
        return -1;
    }
    if (len >= 2 && (memcmp(text, "\xFF\xFE", 2) == 0 || memcmp(text, "\xFE\xFF", 2) == 0))
        return refuse(&place, "this is UTF-16; save the file as UTF-8");
    for (size_t i = utf8_mark(text, len); i < len;) { /* editors of Windows write one */
        uint32_t code = 0;
        size_t plain = plain_bytes(text + i, len - i); /* nearly all there is */
        if (plain > 0) {
            i += plain;
            place.col += (int)plain;
            continue;
        }
        size_t size = utf8_decode(text + i, len - i, &code);
        if (size == 0)
            return refuse(&place, "not UTF-8; save the file as UTF-8");
        if (!printable(code)) {
            problems_add(problems, file, place.line, place.col,
                         "the control character U+%04X is not allowed", (unsigned)code);
            return -1;
        }
        i += size;
        place.col++;
        if (code == '\n' || (code == '\r' && (i == len || text[i] != '\n'))) {
            place.line++;
            place.col = 1;
        }
    }
    return 0;
}
