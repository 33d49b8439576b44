#include "hook_private.h"

#include "url.h"

#include <string.h>
#include <strings.h>

#define NAME_RAW_MAX ((size_t)3 * HOOK_PLACE_TEXT_MAX) /* each byte encoded */
#define FORM_TYPE    "application/x-www-form-urlencoded"
#define JOINER       ':'

void hook_view_create(struct hook_view *view, const struct hook_rules *rules,
                      const struct hook_secrets *keys, const struct hook_request *request,
                      struct arena *arena)
{
    const char *query = strchr(request->target, '?');
    *view = (struct hook_view){.rules = rules, .keys = keys, .request = request, .arena = arena};
    if (query != NULL)
        view->query = (struct hook_span){query + 1, strlen(query + 1)};
    view->wire = (struct hook_span){request->body != NULL ? request->body : "", request->body_len};
    view->body = view->wire;
}

static void add(struct hook_view *view, struct hook_values *values, struct hook_span text,
                struct hook_span raw)
{
    if (values->count == HOOK_ITEMS_MAX) {
        values->over = true;
        return;
    }
    if (values->count == values->room) {
        size_t room = values->room > 0 ? 4 * values->room : 4;
        struct hook_value *items = arena_alloc(view->arena, room * sizeof *items);
        if (values->count > 0)
            memcpy(items, values->items, values->count * sizeof *items);
        values->items = items;
        values->room = room;
    }
    values->items[values->count++] = (struct hook_value){text, raw};
}

enum hook_got hook_view_header(const struct hook_view *view, const char *name,
                               struct hook_span *out)
{
    size_t count = 0;
    *out = (struct hook_span){0};
    for (size_t i = 0; i < view->request->nheaders; i++) {
        const struct http_header *header = &view->request->headers[i];
        if (strcasecmp(header->name, name) != 0)
            continue;
        *out = (struct hook_span){header->value, strlen(header->value)};
        count++;
    }
    return count == 1 ? HOOK_GOT : count == 0 ? HOOK_GOT_NONE : HOOK_GOT_TWICE;
}

static void header_values(struct hook_view *view, const struct hook_part *part,
                          struct hook_values *values)
{
    size_t len = strlen(part->name);
    for (size_t i = 0; i < view->request->nheaders; i++) {
        const struct http_header *header = &view->request->headers[i];
        struct hook_span text;
        if (part->prefix ? strncasecmp(header->name, part->name, len) != 0
                         : strcasecmp(header->name, part->name) != 0)
            continue;
        if (hook_view_header(view, header->name, &text) == HOOK_GOT_TWICE)
            values->twice = true;
        add(view, values, (struct hook_span){header->value, strlen(header->value)}, text);
    }
}

static bool is_name(struct hook_span raw, const char *name)
{
    char decoded[NAME_RAW_MAX];
    if (raw.len > sizeof decoded)
        return false;
    size_t len = url_decode_form(raw.text, raw.len, decoded);
    return len == strlen(name) && memcmp(decoded, name, len) == 0;
}

static struct hook_span decode(struct hook_view *view, struct hook_span raw)
{
    char *text = arena_alloc(view->arena, raw.len + 1);
    return (struct hook_span){text, url_decode_form(raw.text, raw.len, text)};
}

/* "a=1&b=2": of a query, or a form. */
static void pair_values(struct hook_view *view, struct hook_span pairs, const char *name,
                        struct hook_values *values)
{
    size_t before = values->count;
    if (pairs.text == NULL)
        return;
    const char *end = pairs.text + pairs.len;
    for (const char *at = pairs.text; at < end;) {
        const char *stop = memchr(at, '&', (size_t)(end - at));
        if (stop == NULL)
            stop = end;
        const char *equals = memchr(at, '=', (size_t)(stop - at));
        struct hook_span key = {at, (size_t)((equals != NULL ? equals : stop) - at)};
        const char *value = equals != NULL ? equals + 1 : stop;
        struct hook_span raw = {value, (size_t)(stop - value)};
        if (is_name(key, name))
            add(view, values, decode(view, raw), raw);
        at = stop + 1;
    }
    values->twice = values->twice || values->count > before + 1;
}

bool hook_view_is_form(const struct hook_view *view)
{
    struct hook_span type;
    size_t len = sizeof FORM_TYPE - 1;
    return hook_view_header(view, "content-type", &type) == HOOK_GOT && type.len >= len &&
           strncasecmp(type.text, FORM_TYPE, len) == 0 && strchr("; \t", type.text[len]) != NULL;
}

struct collecting {
    struct hook_view *view;
    struct hook_values *values;
};

static bool collect(void *arg, struct hook_span value)
{
    struct collecting *to = arg;
    struct hook_span text = {0};
    if (value.text != NULL && hook_json_is_null(value))
        value = text;
    else if (value.text != NULL)
        text = hook_json_text(value, to->view->arena);
    add(to->view, to->values, text, value);
    return !to->values->over;
}

static void json_values(struct hook_view *view, const struct hook_part *part,
                        struct hook_values *values)
{
    struct collecting to = {view, values};
    if (part->kind == HOOK_PLACE_ITEM) {
        if (view->item.text != NULL)
            hook_json_walk(view->item, part->steps, collect, &to);
        return;
    }
    if (view->json == 0)
        view->json = hook_json_is_good(view->body.text, view->body.len) ? 1 : -1;
    if (view->json > 0)
        hook_json_walk(view->body, part->steps, collect, &to);
}

/* "t=": what follows it in one of the entries of the signature's header. */
static void entry_values(struct hook_view *view, const char *prefix, struct hook_values *values)
{
    const char *separator = view->rules->verify.separator;
    size_t gap = separator != NULL ? strlen(separator) : 0, len = strlen(prefix), count = 0;
    if (view->entries.text == NULL)
        return;
    const char *at = view->entries.text, *end = at + view->entries.len;
    while (at < end) {
        const char *stop = gap > 0 ? memmem(at, (size_t)(end - at), separator, gap) : NULL;
        if (stop == NULL)
            stop = end;
        while (at < stop && *at == ' ')
            at++;
        if ((size_t)(stop - at) >= len && memcmp(at, prefix, len) == 0) {
            struct hook_span text = {at + len, (size_t)(stop - at) - len};
            add(view, values, text, text);
            count++;
        }
        at = stop + gap;
        if (gap == 0)
            break;
    }
    values->twice = values->twice || count > 1;
}

static void look(struct hook_view *view, const struct hook_part *part, struct hook_values *values)
{
    switch (part->kind) {
    case HOOK_PLACE_HEADER:
        header_values(view, part, values);
        break;
    case HOOK_PLACE_QUERY:
        pair_values(view, view->query, part->name, values);
        break;
    case HOOK_PLACE_FORM:
        if (hook_view_is_form(view))
            pair_values(view, view->body, part->name, values);
        break;
    case HOOK_PLACE_JSON:
    case HOOK_PLACE_ITEM:
        json_values(view, part, values);
        break;
    case HOOK_PLACE_ENTRY:
        entry_values(view, part->name, values);
        break;
    }
}

struct hook_kept { /* of the arena */
    struct hook_kept *next;
    const struct hook_part *part;
    struct hook_values values;
};

/* What is the same for each item of a batch is looked for once: with a thousand of them it would
 * cost a thousand times the body. */
void hook_view_values(struct hook_view *view, const struct hook_part *part,
                      struct hook_values *values)
{
    struct hook_kept *kept = view->kept;
    if (view->item.text == NULL || part->kind == HOOK_PLACE_ITEM ||
        part->kind == HOOK_PLACE_ENTRY || values->count > 0) {
        look(view, part, values);
        return;
    }
    while (kept != NULL && kept->part != part)
        kept = kept->next;
    if (kept == NULL) {
        kept = arena_alloc(view->arena, sizeof *kept);
        *kept = (struct hook_kept){.next = view->kept, .part = part};
        look(view, part, &kept->values);
        view->kept = kept;
    }
    *values = kept->values;
    values->room = values->count; /* what is added is not added to these */
}

bool hook_view_is_there(struct hook_view *view, const struct hook_place *place)
{
    bool all = place->nparts > 0;
    for (size_t i = 0; i < place->nparts && all; i++) {
        struct hook_values values = {0};
        hook_view_values(view, &place->parts[i], &values);
        all = values.count > 0 && values.items[0].raw.text != NULL;
    }
    return all;
}

enum hook_got hook_view_text(struct hook_view *view, const struct hook_place *place,
                             struct hook_span *out)
{
    struct hook_span parts[HOOK_PLACE_PARTS_MAX];
    size_t len = 0;
    for (size_t i = 0; i < place->nparts; i++) {
        struct hook_values values = {0};
        hook_view_values(view, &place->parts[i], &values);
        if (values.twice)
            return HOOK_GOT_TWICE;
        if (values.count == 0 || values.items[0].text.text == NULL)
            return HOOK_GOT_NONE;
        parts[i] = values.items[0].text;
        len += parts[i].len + 1;
    }
    if (place->nparts == 1) {
        *out = parts[0];
        return HOOK_GOT;
    }
    char *joined = arena_alloc(view->arena, len + 1);
    *out = (struct hook_span){joined, 0};
    for (size_t i = 0; i < place->nparts; i++) {
        if (i > 0)
            joined[out->len++] = JOINER;
        memcpy(joined + out->len, parts[i].text, parts[i].len);
        out->len += parts[i].len;
    }
    return place->nparts > 0 ? HOOK_GOT : HOOK_GOT_NONE;
}

enum hook_got hook_view_first(struct hook_view *view, const struct hook_places *places,
                              struct hook_span *out, const struct hook_place **which)
{
    enum hook_got got = HOOK_GOT_NONE;
    for (size_t i = 0; i < places->count && got == HOOK_GOT_NONE; i++) {
        got = hook_view_text(view, &places->items[i], out);
        if (got == HOOK_GOT && out->len == 0)
            got = HOOK_GOT_NONE;
        if (which != NULL)
            *which = &places->items[i];
    }
    return got;
}
