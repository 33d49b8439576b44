#include "redact_index.h"

#include <string.h>

/* One look at one place. */
struct look {
    const char *text;
    size_t len;
    bool final;
    size_t used; /* the longest occurrence until now */
    redact_visit_fn *visit;
    void *arg;
};

static uint32_t prefix_hash(const char *text)
{
    uint32_t prefix;
    memcpy(&prefix, text, REDACT_PREFIX_BYTES);
    return prefix * UINT32_C(2654435761) >> (32 - REDACT_PREFIX_BITS); /* by the golden ratio */
}

void redact_index_add(struct redact_index *index, struct redact_pattern *pattern)
{
    unsigned char first = (unsigned char)pattern->data[0];
    pattern->next_of_byte = index->by_byte[first];
    index->by_byte[first] = pattern;
    index->starts[first] = true;
    if (pattern->len > index->longest)
        index->longest = pattern->len;
    index->starts['%'] = index->starts['\\'] = true;
    index->starts['+'] = index->starts['+'] || index->by_byte[' '] != NULL;

    uint32_t hash = prefix_hash(pattern->data);
    struct redact_pattern **bucket =
        &index->by_prefix[hash >> (REDACT_PREFIX_BITS - REDACT_BUCKET_BITS)];
    pattern->next_of_prefix = *bucket;
    *bucket = pattern;
    index->prefixes[hash >> 3] |= (unsigned char)(1u << (hash & 7));
}

static bool is_escape(char c)
{
    return c == '%' || c == '\\' || c == '+';
}

/* True when the next bytes stand for themselves, however the text is read. */
static bool is_plain(const struct look *look)
{
    if (look->len < REDACT_PREFIX_BYTES)
        return false;
    for (size_t i = 0; i < REDACT_PREFIX_BYTES; i++) {
        if (is_escape(look->text[i]))
            return false;
    }
    return true;
}

static enum redact_match try_pattern(struct look *look, const struct redact_pattern *pattern)
{
    size_t used;
    enum redact_match match =
        redact_match(pattern->data, pattern->len, look->text, look->len, look->final, &used);
    if (match != MATCH_FULL)
        return match;
    if (used > look->used)
        look->used = used;
    if (look->visit != NULL)
        look->visit(look->arg, pattern);
    return match;
}

static enum redact_match try_prefix(const struct redact_index *index, struct look *look)
{
    uint32_t hash = prefix_hash(look->text);
    if ((index->prefixes[hash >> 3] & 1u << (hash & 7)) == 0)
        return MATCH_NO;
    for (const struct redact_pattern *pattern =
             index->by_prefix[hash >> (REDACT_PREFIX_BITS - REDACT_BUCKET_BITS)];
         pattern != NULL; pattern = pattern->next_of_prefix) {
        if (memcmp(pattern->data, look->text, REDACT_PREFIX_BYTES) == 0 &&
            try_pattern(look, pattern) == MATCH_PARTIAL)
            return MATCH_PARTIAL;
    }
    return look->used > 0 ? MATCH_FULL : MATCH_NO;
}

static enum redact_match try_byte(const struct redact_index *index, struct look *look,
                                  unsigned char byte)
{
    for (const struct redact_pattern *pattern = index->by_byte[byte]; pattern != NULL;
         pattern = pattern->next_of_byte) {
        if (try_pattern(look, pattern) == MATCH_PARTIAL)
            return MATCH_PARTIAL;
    }
    return look->used > 0 ? MATCH_FULL : MATCH_NO;
}

static enum redact_match look_at(const struct redact_index *index, struct look *look)
{
    unsigned char lead = (unsigned char)look->text[0], byte;
    if (is_plain(look))
        return try_prefix(index, look);
    enum redact_match match = try_byte(index, look, lead);
    if (match == MATCH_PARTIAL || !is_escape(look->text[0]))
        return match;
    enum redact_match escape = redact_match_first(look->text, look->len, look->final, &byte);
    if (escape == MATCH_FULL && byte != lead)
        return try_byte(index, look, byte);
    return escape == MATCH_PARTIAL ? MATCH_PARTIAL : match;
}

enum redact_match redact_index_find(const struct redact_index *index, const char *text, size_t len,
                                    bool final, size_t *used, redact_visit_fn *visit, void *arg)
{
    if (!index->starts[(unsigned char)text[0]])
        return MATCH_NO;
    struct look look = {.text = text, .len = len, .final = final, .visit = visit, .arg = arg};
    enum redact_match match = look_at(index, &look);
    *used = look.used;
    return match;
}
