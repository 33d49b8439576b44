/* Templates with what a request holds in their places. */
#include "hook_private.h"

#include "json.h"
#include "mem.h"
#include "url.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PAIRS_MAX 10000 /* of a form that is sorted */

/* HubSpot signs its URL with these as characters, and the others escaped. */
static const char decoded_codes[] = "3A:2F/3F?40@21!24$27'28(29)2A*2C,3B;";

static int put_url(const struct hook_view *view, bool decoded, struct buf *out)
{
    const char *url = view->rules->public_url;
    struct hook_span query = view->query;
    int result = buf_puts(out, url != NULL ? url : "");
    if (query.text == NULL)
        return result;
    if (result == 0)
        result = buf_putc(out, '?');
    for (size_t i = 0; i < query.len && result == 0; i++) {
        const char *code = NULL;
        for (const char *at = decoded_codes; decoded && *at != '\0' && code == NULL; at += 3) {
            if (query.text[i] == '%' && query.len - i > 2 &&
                strncasecmp(query.text + i + 1, at, 2) == 0)
                code = at;
        }
        result = buf_putc(out, code != NULL ? code[2] : query.text[i]);
        i += code != NULL ? 2 : 0;
    }
    return result;
}

struct pair {
    struct hook_span name, value;
};

static int compare(struct hook_span a, struct hook_span b)
{
    int order = memcmp(a.text, b.text, a.len < b.len ? a.len : b.len);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int by_name(const void *a, const void *b)
{
    const struct pair *left = a, *right = b;
    int order = compare(left->name, right->name);
    return order != 0 ? order : compare(left->value, right->value);
}

static struct hook_span decode(struct arena *arena, const char *from, const char *to)
{
    char *text = arena_alloc(arena, (size_t)(to - from) + 1);
    return (struct hook_span){text, url_decode_form(from, (size_t)(to - from), text)};
}

static size_t read_form(struct hook_view *view, struct pair *pairs)
{
    const char *at = view->body.text, *end = at + view->body.len;
    size_t count = 0;
    for (; at < end && count <= PAIRS_MAX;) {
        const char *stop = memchr(at, '&', (size_t)(end - at));
        if (stop == NULL)
            stop = end;
        const char *equals = memchr(at, '=', (size_t)(stop - at));
        if (count < PAIRS_MAX && stop > at)
            pairs[count] = (struct pair){decode(view->arena, at, equals != NULL ? equals : stop),
                                         equals != NULL ? decode(view->arena, equals + 1, stop)
                                                        : (struct hook_span){"", 0}};
        count += stop > at;
        at = stop + 1;
    }
    return count;
}

/* As Twilio signs a form: by name, and each pair once. A body that is no form would be signed by
 * nothing. */
static enum hook_got put_form(struct hook_view *view, struct buf *out)
{
    if (view->body.len == 0)
        return HOOK_GOT;
    if (!hook_view_is_form(view))
        return HOOK_GOT_NONE;
    struct pair *pairs = arena_alloc(view->arena, PAIRS_MAX * sizeof *pairs);
    size_t count = read_form(view, pairs);
    if (count > PAIRS_MAX)
        return HOOK_GOT_TWICE;
    if (count > 1)
        qsort(pairs, count, sizeof *pairs, by_name);
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i++) {
        if (i > 0 && by_name(&pairs[i - 1], &pairs[i]) == 0)
            continue;
        result = buf_append(out, pairs[i].name.text, pairs[i].name.len);
        if (result == 0)
            result = buf_append(out, pairs[i].value.text, pairs[i].value.len);
    }
    return result == 0 ? HOOK_GOT : HOOK_GOT_TWICE;
}

static int put_text(const struct hook_piece *piece, struct hook_span text, struct buf *out)
{
    struct buf quoted;
    if (!piece->json)
        return buf_append(out, text.text, text.len);
    buf_create(&quoted, HOOK_ANSWER_MAX);
    int result = json_write_string(&quoted, text.text, text.len);
    if (result == 0) /* without its quotes */
        result = buf_append(out, quoted.data + 1, quoted.len - 2);
    buf_destroy(&quoted);
    return result;
}

/* Only of what no sender signs: else whoever asks gets a signature. */
static enum hook_got put_hmac(const struct hook_view *view, const struct hook_piece *piece,
                              struct hook_span text, struct buf *out)
{
    char mac[HOOK_MAC_TEXT_MAX];
    enum hook_encoding encoding = piece->kind == HOOK_PIECE_HMAC ? HOOK_HEX : HOOK_BASE64;
    if (!hook_secrets_may_sign(text) || hook_secrets_count(view->keys) == 0)
        return HOOK_GOT_TWICE;
    size_t len = hook_secrets_mac(view->keys, 0, &view->rules->verify, encoding, text, mac);
    return buf_append(out, mac, len) == 0 ? HOOK_GOT : HOOK_GOT_TWICE;
}

static enum hook_got put(struct hook_view *view, const struct hook_piece *piece, struct buf *out)
{
    struct hook_span text = {0};
    enum hook_got got = HOOK_GOT;
    int result = 0;
    switch (piece->kind) {
    case HOOK_PIECE_TEXT:
        result = buf_append(out, piece->text, piece->len);
        break;
    case HOOK_PIECE_BODY:
        result = buf_append(out, view->wire.text, view->wire.len);
        break;
    case HOOK_PIECE_METHOD:
        result = buf_puts(out, view->request->method);
        break;
    case HOOK_PIECE_URL:
    case HOOK_PIECE_URL_DECODED:
        result = put_url(view, piece->kind == HOOK_PIECE_URL_DECODED, out);
        break;
    case HOOK_PIECE_FORM_SORTED:
        got = put_form(view, out);
        break;
    case HOOK_PIECE_TIME:
        got = hook_view_first(view, &view->rules->verify.time, &text, NULL);
        if (got == HOOK_GOT)
            result = buf_append(out, text.text, text.len);
        break;
    case HOOK_PIECE_PLACE:
        got = hook_view_text(view, &piece->place, &text);
        if (got == HOOK_GOT)
            result = put_text(piece, text, out);
        break;
    case HOOK_PIECE_HMAC:
    case HOOK_PIECE_HMAC64:
        got = hook_view_text(view, &piece->place, &text);
        if (got == HOOK_GOT)
            got = put_hmac(view, piece, text, out);
        break;
    }
    return result == 0 ? got : HOOK_GOT_TWICE;
}

/* A type may be cut: see set_type. */
static void put_some(struct buf *out, const char *text, size_t len)
{
    size_t room = out->limit - out->len;
    (void)buf_append(out, text, len < room ? len : room);
}

/* "{a}.{b}": without b there is no dot, and without a neither. */
static enum hook_got write_type(struct hook_view *view, const struct hook_template *text,
                                struct buf *out)
{
    bool before = true; /* what is written last: a place that is there, or the beginning */
    const struct hook_piece *between = NULL;
    for (size_t i = 0; i < text->count; i++) {
        const struct hook_piece *piece = &text->pieces[i];
        struct hook_span value;
        if (piece->kind == HOOK_PIECE_TEXT) {
            between = piece;
            continue;
        }
        enum hook_got got = hook_view_text(view, &piece->place, &value);
        if (got == HOOK_GOT_TWICE)
            return got;
        if (got == HOOK_GOT && value.len > 0) {
            if (between != NULL && before)
                put_some(out, between->text, between->len);
            put_some(out, value.text, value.len);
            before = true;
        } else {
            before = before && out->len > 0;
        }
        between = NULL;
    }
    if (between != NULL && before)
        put_some(out, between->text, between->len);
    return HOOK_GOT;
}

enum hook_got hook_view_write(struct hook_view *view, const struct hook_template *text,
                              enum hook_template_use use, struct buf *out)
{
    enum hook_got got = HOOK_GOT;
    if (use == HOOK_TEMPLATE_TYPE)
        return write_type(view, text, out);
    for (size_t i = 0; i < text->count && got == HOOK_GOT; i++)
        got = put(view, &text->pieces[i], out);
    return got;
}
