/* replace() of jeton.test_host: secrets of a cassette, in whatever form they stand in a text. */
#include "ltest_host.h"

#include "redact.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM     ((size_t)1024 * 1024) /* for what stands in place of secrets, beside: */
#define ROOM_FOR 8                     /* times the text */

static int check_pairs(lua_State *L, int list)
{
    int n = (int)lua_rawlen(L, list);
    for (int i = 1; i <= n; i++) {
        if (lua_rawgeti(L, list, i) != LUA_TSTRING)
            luaL_argerror(L, list, "a list of texts expected");
        lua_pop(L, 1);
    }
    return n / 2;
}

/* The list keeps it. */
static const char *text_at(lua_State *L, int list, int index, size_t *len)
{
    lua_rawgeti(L, list, index);
    const char *text = lua_tolstring(L, -1, len);
    lua_pop(L, 1);
    return text;
}

static bool stop(void *arg, const char *const *owners)
{
    (void)owners;
    *(bool *)arg = true;
    return false;
}

static bool holds_any(lua_State *L, const char *text, size_t len, int pairs)
{
    bool found = false;
    struct redact *all = redact_new();
    for (int i = 0; i < pairs; i++) {
        size_t secret_len;
        const char *secret = text_at(L, 2, 2 * i + 1, &secret_len);
        redact_add(all, secret, secret_len);
    }
    redact_find(all, text, len, stop, &found);
    redact_free(all);
    return found;
}

/*
 * In the place of a secret stands its mark until all are found: what is put there at the end may
 * hold another secret, where that is a word. A mark is the begin, the pair's number, and MARK_END.
 */
#define MARK_END  '\x01'
#define MARK_SIZE 32

static void choose_begin(const char *text, size_t len, char begin[MARK_SIZE])
{
    unsigned int n = 0;
    do
        snprintf(begin, MARK_SIZE, "\x01%u:", n++);
    while (memmem(text, len, begin, strlen(begin)) != NULL);
}

static void mark_one(lua_State *L, int pair, const char *begin, struct buf *text, struct buf *out)
{
    size_t len;
    char mark[2 * MARK_SIZE];
    struct redact *one = redact_new();
    const char *secret = text_at(L, 2, 2 * pair + 1, &len);
    snprintf(mark, sizeof mark, "%s%d%c", begin, pair, MARK_END);
    redact_add(one, secret, len);
    redact_text_as(one, text->data, text->len, mark, out);
    redact_free(one);
    struct buf before = *text;
    *text = *out;
    *out = before;
    buf_clear(out);
}

static void put_in_place(lua_State *L, int pairs, const char *begin, const struct buf *text,
                         struct buf *out)
{
    const char *at = text->data, *end = text->data + text->len, *mark;
    size_t len;
    while ((mark = memmem(at, (size_t)(end - at), begin, strlen(begin))) != NULL) {
        char *after;
        long pair = strtol(mark + strlen(begin), &after, 10);
        buf_append(out, at, (size_t)(mark - at));
        bool whole =
            pair >= 0 && pair < pairs && *after == MARK_END; /* no secret holds its begin */
        const char *with = whole ? text_at(L, 2, 2 * (int)pair + 2, &len) : "";
        buf_append(out, with, whole ? len : 0);
        at = whole ? after + 1 : after;
    }
    buf_append(out, at, (size_t)(end - at));
}

int ltest_replace(lua_State *L)
{
    size_t len;
    struct buf now, next;
    char begin[MARK_SIZE];
    lua_settop(L, 2);
    const char *text = luaL_checklstring(L, 1, &len);
    luaL_checktype(L, 2, LUA_TTABLE);
    int pairs = check_pairs(L, 2);
    if (!holds_any(L, text, len, pairs)) {
        lua_settop(L, 1);
        return 1;
    }
    size_t limit = ROOM + ROOM_FOR * len;
    buf_create_secret(&now, limit);
    buf_create_secret(&next, limit);
    buf_append(&now, text, len);
    choose_begin(text, len, begin);
    bool fits = true;
    for (int i = 0; i < pairs && fits; i++) {
        mark_one(L, i, begin, &now, &next);
        fits = now.len < limit;
    }
    if (fits)
        put_in_place(L, pairs, begin, &now, &next);
    fits = fits && next.len < limit;
    char *copy = lua_newuserdatauv(L, next.len + 1, 0);
    memcpy(copy, next.data, next.len);
    len = next.len;
    buf_destroy(&now);
    buf_destroy(&next);
    if (!fits)
        return luaL_error(L, "the text is too long");
    lua_pushlstring(L, copy, len);
    return 1;
}
