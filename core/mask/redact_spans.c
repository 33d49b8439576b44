#include "redact_spans.h"

#include "mem.h"

#include <stdint.h>
#include <string.h>

void redact_spans_add(struct redact_spans *spans, size_t begin, size_t end)
{
    size_t after = spans->count;
    while (after > spans->first && spans->list[after - 1].begin >= end)
        after--;
    size_t from = after;
    for (; from > spans->first && spans->list[from - 1].end > begin; from--) {
        const struct redact_span *other = &spans->list[from - 1];
        begin = other->begin < begin ? other->begin : begin;
        end = other->end > end ? other->end : end;
    }
    if (from == after && spans->count == spans->size) {
        size_t gone = spans->first;
        if (gone < spans->size / 2 + 1) {
            spans->size = 2 * spans->size + 16;
            spans->list = mem_realloc(spans->list, spans->size * sizeof *spans->list);
        }
        spans->first = 0;
        spans->count -= gone;
        from -= gone;
        after -= gone;
        memmove(spans->list, spans->list + gone, spans->count * sizeof *spans->list);
    }
    if (from + 1 != after)
        memmove(&spans->list[from + 1], &spans->list[after],
                (spans->count - after) * sizeof *spans->list);
    spans->list[from] = (struct redact_span){.begin = begin, .end = end};
    spans->count = spans->count - (after - from) + 1;
}

size_t redact_spans_begin(const struct redact_spans *spans)
{
    return spans->first < spans->count ? spans->list[spans->first].begin : SIZE_MAX;
}

size_t redact_spans_take(struct redact_spans *spans)
{
    size_t end = spans->list[spans->first++].end;
    if (spans->first == spans->count)
        redact_spans_clear(spans);
    return end;
}

void redact_spans_clear(struct redact_spans *spans)
{
    spans->first = spans->count = 0;
}

void redact_spans_destroy(struct redact_spans *spans)
{
    mem_free(spans->list);
}
