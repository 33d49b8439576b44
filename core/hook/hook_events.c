/* What is stored of a request that was verified. */
#include "hook_private.h"

#include "ascii.h"
#include "json.h"
#include "utf8.h"

#include <sodium.h>
#include <string.h>
#include <strings.h>

#define INVALID     400
#define TOO_LARGE   413
#define MASK        "***"
#define HEADERS_MAX ((size_t)256 * 1024)
#define ROOM_FIRST  8 /* events; a power of two */

/* ---- what must not be kept ---- */

struct hook_span hook_events_replace(struct hook_span body, const struct hook_part *part,
                                     const struct hook_values *values, const char *with,
                                     struct arena *arena)
{
    bool quoted = part->kind == HOOK_PLACE_JSON; /* what was a number, too */
    size_t len = strlen(with), used = 0;
    char *text = arena_alloc(arena, body.len + values->count * (len + 2) + 1);
    const char *at = body.text, *end = body.text + body.len;
    for (size_t i = 0; i < values->count; i++) {
        struct hook_span raw = values->items[i].raw;
        if (raw.text < at || raw.text > end) /* not of the body */
            continue;
        memcpy(text + used, at, (size_t)(raw.text - at));
        used += (size_t)(raw.text - at);
        if (quoted)
            text[used++] = '"';
        memcpy(text + used, with, len);
        used += len;
        if (quoted)
            text[used++] = '"';
        at = raw.text + raw.len;
    }
    memcpy(text + used, at, (size_t)(end - at));
    return (struct hook_span){text, used + (size_t)(end - at)};
}

static bool keeps_secrets(const struct hook_verify *verify)
{
    return verify->kind == HOOK_TOKEN || verify->kind == HOOK_BASIC;
}

/* The tokens of the body as ***. */
static void mask_body(struct hook_view *view)
{
    const struct hook_verify *verify = &view->rules->verify;
    for (size_t i = 0; keeps_secrets(verify) && i < verify->in.count; i++) {
        const struct hook_part *part = &verify->in.items[i].parts[0];
        struct hook_values values = {0};
        if (part->kind != HOOK_PLACE_JSON && part->kind != HOOK_PLACE_FORM)
            continue;
        hook_view_values(view, part, &values);
        if (values.count > 0)
            view->body = hook_events_replace(view->body, part, &values, MASK, view->arena);
    }
}

static bool is_secret(const struct hook_verify *verify, const char *name)
{
    static const char *const always[] = {"authorization", "proxy-authorization", "cookie"};
    bool found = false;
    for (size_t i = 0; i < sizeof always / sizeof always[0]; i++)
        found = found || strcasecmp(name, always[i]) == 0;
    for (size_t i = 0; keeps_secrets(verify) && i < verify->in.count; i++) {
        const struct hook_part *part = &verify->in.items[i].parts[0];
        if (part->kind == HOOK_PLACE_HEADER)
            found = found || (part->prefix ? strncasecmp(name, part->name, strlen(part->name)) == 0
                                           : strcasecmp(name, part->name) == 0);
    }
    return found;
}

/* A byte that is no text's is a question mark: JSON can hold nothing else. */
static void put_text(struct buf *out, struct arena *arena, const char *text, bool lower)
{
    char *copy = arena_text(arena, text, strlen(text));
    utf8_repair(copy);
    for (char *at = copy; lower && *at != '\0'; at++)
        *at = *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a') : *at;
    json_write_string(out, copy, strlen(copy));
}

/* The first of a name: what may be there twice means nothing to the check. */
static bool is_first(const struct hook_request *request, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (strcasecmp(request->headers[i].name, request->headers[index].name) == 0)
            return false;
    }
    return true;
}

static const char *headers_json(const struct hook_view *view)
{
    const struct hook_request *request = view->request;
    struct buf out;
    buf_create(&out, HEADERS_MAX);
    buf_putc(&out, '{');
    for (size_t i = 0; i < request->nheaders && out.len < HEADERS_MAX / 2; i++) {
        const char *name = request->headers[i].name;
        if (!is_first(request, i))
            continue;
        if (out.len > 1)
            buf_putc(&out, ',');
        put_text(&out, view->arena, name, true);
        buf_putc(&out, ':');
        put_text(&out, view->arena,
                 is_secret(&view->rules->verify, name) ? MASK : request->headers[i].value, false);
    }
    buf_putc(&out, '}');
    const char *text = arena_text(view->arena, out.data, out.len);
    buf_destroy(&out);
    return text;
}

/* ---- events ---- */

/* A text that counts by its hash, as the items of a batch may have it in common. */
struct hashed {
    struct hook_span text;
    char hex[2 * crypto_hash_sha256_BYTES + 1];
};

struct making {
    struct hook_view *view;
    struct hook_result *result;
    struct hook_event *events, *marks;
    unsigned char digest[crypto_hash_sha256_BYTES]; /* of what was signed */
    int part;
    bool failed;
    struct hashed id, order; /* the last ones */
};

static bool fail(struct making *making, const char *what)
{
    making->failed = true;
    return hook_refuse(making->result, INVALID, "event",
                       "the event's %s is there twice, too long, or no text", what);
}

/* A text for a column, or NULL where there is none; false: it is refused. */
static bool keep(struct making *making, enum hook_got got, struct hook_span text, size_t max,
                 const char *what, const char **out)
{
    *out = NULL;
    if (got == HOOK_GOT_NONE || (got == HOOK_GOT && text.len == 0))
        return true;
    if (got == HOOK_GOT_TWICE || text.len > max || ascii_has_control(text.text, text.len) ||
        !json_utf8_valid(text.text, text.len))
        return fail(making, what);
    *out = arena_text(making->view->arena, text.text, text.len);
    return true;
}

/* What a column does not take is no reason to refuse an event, or all of a batch: a text that is
 * too long is cut between two characters, and "?" stands for what is none. */
static void fit_type(struct buf *type)
{
    size_t len = type->len;
    if (len > HOOK_TYPE_MAX) {
        len = HOOK_TYPE_MAX;
        while (len > HOOK_TYPE_MAX - 4 && ((unsigned char)type->data[len] & 0xC0) == 0x80)
            len--;
    }
    type->len = len;
    bool is_utf8 = json_utf8_valid(type->data, len);
    ascii_blank_controls(type->data, len, '?');
    for (size_t i = 0; i < len && !is_utf8; i++)
        if ((unsigned char)type->data[i] >= 0x80)
            type->data[i] = '?';
}

static bool set_type(struct making *making, struct hook_event *event)
{
    struct buf type;
    buf_create(&type, 2 * (size_t)HOOK_TYPE_MAX);
    enum hook_got got =
        hook_view_write(making->view, &making->view->rules->type, HOOK_TEMPLATE_TYPE, &type);
    fit_type(&type);
    struct hook_span text = {type.data, type.len};
    bool good = keep(making, got, text, HOOK_TYPE_MAX, "type", &event->type);
    buf_destroy(&type);
    return good;
}

/* What a column does not take, as its hash. */
static struct hook_span fitting(struct hook_span text, struct hashed *last)
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    if (text.len <= HOOK_ID_MAX && !ascii_has_control(text.text, text.len) &&
        json_utf8_valid(text.text, text.len))
        return text;
    if (text.text != last->text.text || text.len != last->text.len) {
        crypto_hash_sha256(digest, (const unsigned char *)text.text, text.len);
        sodium_bin2hex(last->hex, sizeof last->hex, digest, sizeof digest);
        last->text = text;
    }
    return (struct hook_span){last->hex, strlen(last->hex)};
}

static bool set_id(struct making *making, struct hook_event *event)
{
    const struct hook_rules *rules = making->view->rules;
    const struct hook_place *which = NULL;
    struct hook_span text = {0};
    char hex[2 * sizeof event->digest + 1];
    enum hook_got got = hook_view_first(making->view, &rules->id, &text, &which);
    if (got == HOOK_GOT)
        text = fitting(text, &making->id);
    if (!keep(making, got, text, HOOK_ID_MAX, "id", &event->id))
        return false;
    event->may_repeat = !hook_rules_have_signature(rules);
    if (event->id != NULL && hook_place_has(which, HOOK_PLACE_ITEM))
        event->part = 0; /* the same item may come again, in another batch */
    if (event->id == NULL && rules->id_none) {
        unsigned char random[16];
        randombytes_buf(random, sizeof random);
        sodium_bin2hex(hex, sizeof hex, random, sizeof random);
        event->may_repeat = true;
        event->id = arena_text(making->view->arena, hex, strlen(hex));
    } else if (event->id == NULL) {
        sodium_bin2hex(hex, sizeof hex, making->digest, sizeof making->digest);
        event->id = arena_text(making->view->arena, hex, strlen(hex));
    }
    return true;
}

/* An order key is compared, never shown: free text that a column does not take counts by its hash.
 */
static bool set_order(struct making *making, struct hook_event *event)
{
    struct hook_span order = {0};
    enum hook_got got = hook_view_first(making->view, &making->view->rules->order, &order, NULL);
    if (got == HOOK_GOT)
        order = fitting(order, &making->order);
    return keep(making, got, order, HOOK_ID_MAX, "order key", &event->order_key);
}

/* The parts of one request have their own digests: they are no copies of one another. */
static void set_digest(const struct making *making, struct hook_event *event)
{
    unsigned char text[sizeof making->digest + 4];
    memcpy(event->digest, making->digest, sizeof making->digest);
    if (making->view->item.text == NULL)
        return;
    memcpy(text, making->digest, sizeof making->digest);
    for (int i = 0; i < 4; i++)
        text[sizeof making->digest + (size_t)i] =
            (unsigned char)((unsigned)making->part >> (24 - 8 * i));
    crypto_hash_sha256(event->digest, text, sizeof text);
}

/* At the end of a list, whose room doubles. */
static struct hook_event *append(struct making *making, struct hook_event **list, size_t count)
{
    bool full = count == 0 || (count >= ROOM_FIRST && (count & (count - 1)) == 0);
    size_t room = count < ROOM_FIRST ? ROOM_FIRST : 2 * count;
    if (full) {
        struct hook_event *before = *list;
        *list = arena_alloc(making->view->arena, room * sizeof **list);
        if (count > 0)
            memcpy(*list, before, count * sizeof **list);
    }
    return &(*list)[count];
}

/* A copy under another type, that is wanted, would be run. */
static void mark(struct making *making, const struct hook_event *event)
{
    const struct hook_rules *rules = making->view->rules;
    char hex[2 * sizeof event->digest + 1];
    if (event->may_repeat || hook_rules_type_is_signed(rules))
        return;
    sodium_bin2hex(hex, sizeof hex, event->digest, sizeof event->digest);
    struct hook_event *made = append(making, &making->marks, making->result->nmarks++);
    *made = (struct hook_event){.type = event->type, .data = ""};
    made->id = arena_text(making->view->arena, hex, strlen(hex));
    memcpy(made->digest, event->digest, sizeof made->digest);
}

/* The first one tells for all, or the first without a type. */
static void skip(struct making *making, const char *type)
{
    struct hook_result *result = making->result;
    struct buf why;
    if (result->nskipped++ > 0 && (type != NULL || !result->typed))
        return;
    result->typed = type != NULL;
    buf_create(&why, BUF_LIMIT_LINE);
    buf_printf(&why, type != NULL ? "type '%s', wanted " : "no type, wanted ", type);
    for (char **pattern = making->view->rules->events; *pattern != NULL; pattern++)
        buf_printf(&why, "%s%s", pattern > making->view->rules->events ? ", " : "", *pattern);
    result->why = arena_text(making->view->arena, why.data, why.len);
    buf_destroy(&why);
}

static bool add_event(void *arg, struct hook_span item)
{
    struct making *making = arg;
    struct hook_view *view = making->view;
    const struct hook_rules *rules = view->rules;
    struct hook_event event = {.part = making->part, .data = item.text, .data_len = item.len};
    if (making->part == HOOK_ITEMS_MAX) {
        making->failed = true;
        return hook_refuse(making->result, TOO_LARGE, "size", "more than %d events in one",
                           HOOK_ITEMS_MAX);
    }
    view->item = rules->each.nparts > 0 ? item : view->item;
    set_digest(making, &event);
    if (!set_type(making, &event) || !set_id(making, &event) || !set_order(making, &event))
        return false;
    making->part++;
    if (hook_rules_want(rules, event.type)) {
        *append(making, &making->events, making->result->nevents++) = event;
    } else {
        skip(making, event.type);
        mark(making, &event);
    }
    return true;
}

static void add_batch(struct making *making)
{
    struct hook_view *view = making->view;
    struct hook_values values = {0};
    hook_view_values(view, &view->rules->each.parts[0], &values);
    if (values.count == 1 && values.items[0].raw.text != NULL &&
        hook_json_elements(values.items[0].raw, add_event, making))
        return;
    making->failed = true;
    hook_refuse(making->result, INVALID, "body", "the body holds no list of events");
}

void hook_events(struct hook_view *view, struct hook_span signed_, struct hook_result *result)
{
    struct making making = {.view = view, .result = result};
    crypto_hash_sha256(making.digest, (const unsigned char *)signed_.text, signed_.len);
    mask_body(view);
    if (view->rules->each.nparts > 0)
        add_batch(&making);
    else
        add_event(&making, view->body);
    if (making.failed) {
        result->nevents = result->nmarks = 0;
        return;
    }
    result->verdict = result->nevents > 0 ? HOOK_STORE : HOOK_SKIP;
    if (result->nevents == 0 && result->nskipped == 0)
        result->why = "no events in it";
    result->events = making.events;
    result->marks = making.marks;
    result->headers_json = headers_json(view);
    result->reply = (struct hook_reply){.status = 200, .body = ""};
}
