#include "yaml_pairs.h"

#include "ascii.h"
#include "mem.h"
#include "utf8.h"

#include <libyaml.h>
#include <sodium.h>
#include <string.h>

#define HALF 6 /* bytes of an escape such as \uD83D */

/* The code of the escape \uXXXX at text; 0 where there is none. */
static uint32_t escape_at(const char *text, const char *end)
{
    uint32_t code = 0;
    if (end - text < HALF || text[0] != '\\' || text[1] != 'u')
        return 0;
    for (int i = 2; i < HALF; i++) {
        int digit = ascii_hex_value(text[i]);
        if (digit < 0)
            return 0;
        code = code << 4 | (uint32_t)digit;
    }
    return code;
}

/* The character of the pair at text; 0 where there is none. */
static uint32_t pair_at(const char *text, const char *end)
{
    uint32_t high = escape_at(text, end);
    uint32_t low = utf8_is_high(high) ? escape_at(text + HALF, end) : 0;
    return utf8_is_low(low) ? utf8_join(high, low) : 0;
}

/* Replaces what looks like a pair, wherever it stands, by letters: the scalars begin and end where
 * they did. */
static bool hide_pairs(char *text, size_t len)
{
    static const char letters[] = "\\u0041\\u0041";
    const char *end = text + len;
    bool found = false;
    for (char *at = text; (at = memchr(at, '\\', (size_t)(end - at))) != NULL; at++) {
        if (pair_at(at, end) == 0)
            continue;
        memcpy(at, letters, sizeof letters - 1);
        found = true;
    }
    return found;
}

/* A place in the text, that libyaml's marks are looked up from: they count characters. */
struct place {
    const char *at;
    size_t index;
};

static const char *seek(struct place *place, size_t index, const char *end)
{
    if (index > place->index) {
        place->at = utf8_after(place->at, end, index - place->index);
        place->index = index;
    }
    return place->at;
}

/* From the opening quote to the closing one. */
static void join_scalar(const char *text, const char *end, struct buf *out)
{
    while (text < end) {
        uint32_t code = pair_at(text, end);
        size_t len = code != 0 ? 2 * HALF : *text == '\\' && end - text > 1 ? 2 : 1;
        if (code != 0)
            buf_printf(out, "\\U%08X", (unsigned)code);
        else
            buf_append(out, text, len);
        text += len;
    }
}

/* How many flows, "[" and "{", are open behind the token. */
static int flows_after(int open, yaml_token_type_t type)
{
    switch (type) {
    case YAML_FLOW_SEQUENCE_START_TOKEN:
    case YAML_FLOW_MAPPING_START_TOKEN:
        return open + 1;
    case YAML_FLOW_SEQUENCE_END_TOKEN:
    case YAML_FLOW_MAPPING_END_TOKEN:
        return open - 1;
    default:
        return open;
    }
}

/* Until the end, or an error, which will be told when the text is parsed; as is what is nested too
 * deeply: the scanner looks through all that is open at each token. */
static void join_all(yaml_parser_t *parser, const char *text, size_t len, int depth_max,
                     struct buf *out)
{
    const char *end = text + len, *copied = text;
    struct place place = {.at = text};
    yaml_token_type_t type = YAML_NO_TOKEN;
    int open = 0;
    while (type != YAML_STREAM_END_TOKEN && open <= depth_max) {
        yaml_token_t token;
        if (!yaml_parser_scan(parser, &token))
            break;
        type = token.type;
        open = flows_after(open, type);
        if (type == YAML_SCALAR_TOKEN &&
            token.data.scalar.style == YAML_DOUBLE_QUOTED_SCALAR_STYLE) {
            const char *from = seek(&place, token.start_mark.index, end);
            const char *to = seek(&place, token.end_mark.index, end);
            buf_append(out, copied, (size_t)(from - copied));
            join_scalar(from, to, out);
            copied = to;
        }
        if (type == YAML_SCALAR_TOKEN)
            sodium_memzero(token.data.scalar.value, token.data.scalar.length);
        yaml_token_delete(&token);
    }
    buf_append(out, copied, (size_t)(end - copied));
}

bool yaml_pairs_join(const char *text, size_t len, int depth_max, struct buf *out)
{
    yaml_parser_t parser;
    if (memchr(text, '\\', len) == NULL)
        return false;
    char *hidden = mem_strndup(text, len);
    bool found = hide_pairs(hidden, len);
    if (found) {
        libyaml_begin(&parser, hidden, len);
        join_all(&parser, text, len, depth_max, out);
        libyaml_end(&parser);
    }
    sodium_memzero(hidden, len);
    mem_free(hidden);
    return found;
}
