/* replace() of jeton.test_host: secrets of a cassette, in whatever form they stand in a text. */
#include "ltest_host.h"

#include "redact.h"

#include <lauxlib.h>
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

static void replace_one(lua_State *L, int pair, struct buf *text, struct buf *out)
{
    size_t len;
    struct redact *one = redact_new();
    const char *secret = text_at(L, 2, 2 * pair + 1, &len);
    redact_add(one, secret, len);
    redact_text_as(one, text->data, text->len, text_at(L, 2, 2 * pair + 2, &len), out);
    redact_free(one);
    struct buf before = *text;
    *text = *out;
    *out = before;
    buf_clear(out);
}

int ltest_replace(lua_State *L)
{
    size_t len;
    struct buf now, next;
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
    bool fits = true;
    for (int i = 0; i < pairs && fits; i++) {
        replace_one(L, i, &now, &next);
        fits = now.len < limit;
    }
    char *copy = lua_newuserdatauv(L, now.len + 1, 0);
    memcpy(copy, now.data, now.len);
    len = now.len;
    buf_destroy(&now);
    buf_destroy(&next);
    if (!fits)
        return luaL_error(L, "the text is too long");
    lua_pushlstring(L, copy, len);
    return 1;
}
