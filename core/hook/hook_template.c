#include "hook_template.h"

#include "json.h"
#include "mem.h"

#include <string.h>

static const struct {
    const char *word;
    enum hook_piece_kind kind;
} words[] = {
    {"body", HOOK_PIECE_BODY}, {"method", HOOK_PIECE_METHOD},
    {"url", HOOK_PIECE_URL},   {"url_decoded", HOOK_PIECE_URL_DECODED},
    {"time", HOOK_PIECE_TIME}, {"form_sorted", HOOK_PIECE_FORM_SORTED},
};

static int add(struct hook_template *out, struct hook_piece piece, struct err *err)
{
    if (out->count == HOOK_TEMPLATE_PIECES_MAX) {
        mem_free(piece.text);
        hook_place_destroy(&piece.place);
        return err_set(err, ERR_INVALID, "it has more than %d parts", HOOK_TEMPLATE_PIECES_MAX);
    }
    out->pieces = mem_realloc(out->pieces, (out->count + 1) * sizeof *out->pieces);
    out->pieces[out->count++] = piece;
    return 0;
}

int hook_template_text(struct hook_template *out, const char *text, size_t len, struct err *err)
{
    struct hook_piece *last = out->count > 0 ? &out->pieces[out->count - 1] : NULL;
    if (len == 0)
        return 0;
    if (last == NULL || last->kind != HOOK_PIECE_TEXT)
        return add(out,
                   (struct hook_piece){
                       .kind = HOOK_PIECE_TEXT, .text = mem_strndup(text, len), .len = len},
                   err);
    last->text = mem_realloc(last->text, last->len + len + 1);
    memcpy(last->text + last->len, text, len);
    last->len += len;
    last->text[last->len] = '\0';
    return 0;
}

static bool begins(const char *text, size_t len, const char *word)
{
    return len >= strlen(word) && memcmp(text, word, strlen(word)) == 0;
}

/* What stands between two braces. */
static int add_braced(const char *text, size_t len, enum hook_template_use use, bool json,
                      struct hook_template *out, struct err *err)
{
    struct hook_piece piece = {.kind = HOOK_PIECE_PLACE, .json = json};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strlen(words[i].word) != len || memcmp(text, words[i].word, len) != 0)
            continue;
        if (use != HOOK_TEMPLATE_SIGNED)
            return err_set(err, ERR_INVALID, "'{%s}' stands only in what is signed", words[i].word);
        piece.kind = words[i].kind;
        return add(out, piece, err);
    }
    size_t skip = begins(text, len, "hmac:") ? 5 : begins(text, len, "hmac64:") ? 7 : 0;
    if (skip > 0 && use != HOOK_TEMPLATE_ANSWER)
        return err_set(err, ERR_INVALID,
                       "'{hmac:…}' and '{hmac64:…}' stand only in the answer to a challenge");
    if (skip > 0)
        piece.kind = skip == 5 ? HOOK_PIECE_HMAC : HOOK_PIECE_HMAC64;
    if (hook_place_parse(text + skip, len - skip, &piece.place, err) != 0)
        return err_wrap(err, "'{%.*s}'", (int)(len < 64 ? len : 64), text);
    return add(out, piece, err);
}

/* Within a string of JSON: escaped as it must be there. */
static int add_text(const char *text, size_t len, bool json, struct hook_template *out,
                    struct err *err)
{
    struct buf quoted;
    if (!json)
        return hook_template_text(out, text, len, err);
    buf_create(&quoted, (size_t)8 * HOOK_TEMPLATE_TEXT_MAX);
    int result = json_write_string(&quoted, text, len);
    if (result == 0)
        result = hook_template_text(out, quoted.data + 1, quoted.len - 2, err);
    else
        err_set(err, ERR_INVALID, "it is not UTF-8");
    buf_destroy(&quoted);
    return result;
}

/* The next piece of a text that is not at its end; *used: its bytes. */
static int add_next(const char *text, size_t len, enum hook_template_use use, bool json,
                    struct hook_template *out, size_t *used, struct err *err)
{
    const char brace = text[0];
    if (brace != '{' && brace != '}') {
        for (*used = 1; *used < len && text[*used] != '{' && text[*used] != '}';)
            (*used)++;
        return add_text(text, *used, json, out, err);
    }
    if (len > 1 && text[1] == brace) {
        *used = 2;
        return hook_template_text(out, text, 1, err);
    }
    const char *end = brace == '{' ? memchr(text, '}', len) : NULL;
    if (end == NULL)
        return err_set(err, ERR_INVALID, "a brace is alone; write it twice where it is meant");
    *used = (size_t)(end - text) + 1;
    return add_braced(text + 1, *used - 2, use, json, out, err);
}

int hook_template_parse(const char *text, size_t len, enum hook_template_use use, bool json,
                        struct hook_template *out, struct err *err)
{
    int result = 0;
    if (len > HOOK_TEMPLATE_TEXT_MAX)
        return err_set(err, ERR_INVALID, "it is longer than %d bytes", HOOK_TEMPLATE_TEXT_MAX);
    for (size_t used; result == 0 && len > 0; text += used, len -= used) {
        used = 0;
        result = add_next(text, len, use, json, out, &used, err);
    }
    return result;
}

bool hook_template_has(const struct hook_template *text, enum hook_piece_kind kind)
{
    bool found = false;
    for (size_t i = 0; i < text->count; i++)
        found = found || text->pieces[i].kind == kind;
    return found;
}

void hook_template_destroy(struct hook_template *text)
{
    for (size_t i = 0; i < text->count; i++) {
        mem_free(text->pieces[i].text);
        hook_place_destroy(&text->pieces[i].place);
    }
    mem_free(text->pieces);
    *text = (struct hook_template){0};
}
