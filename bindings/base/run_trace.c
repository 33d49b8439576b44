/* Tracebacks as people see them: the frames of the script. Those of jeton's own Lua and of C say
 * nothing to somebody who looks for a mistake in a script. */
#include "run.h"

#include <lauxlib.h>
#include <stdbool.h>
#include <string.h>

#define TAIL_CALLS "\t(...tail calls...)"

/* "…:12:" anywhere in the first line. */
static bool has_position(const char *text)
{
    const char *end = text + strcspn(text, "\n");
    for (const char *at = text; (at = strchr(at, ':')) != NULL && at < end; at++) {
        size_t digits = strspn(at + 1, "0123456789");
        if (digits > 0 && at[digits + 1] == ':')
            return true;
    }
    return false;
}

/* A frame is "\tSOURCE:LINE: in …", or "\t[C]: in …". */
static bool is_ours(const struct run *run, const char *frame, size_t len)
{
    char source[LUA_IDSIZE + 1];
    const char *colon = memchr(frame, ':', len);
    if (colon == NULL || colon == frame || (size_t)(colon - frame) > sizeof source)
        return false;
    size_t size = (size_t)(colon - frame) - 1;
    memcpy(source, frame + 1, size);
    source[size] = '\0';
    return strcmp(source, "[C]") == 0 || (run->owns != NULL && run->owns(source));
}

/* Lua knows the place of what it runs itself, and not of what its functions in C are given. */
void run_place(lua_State *L, int error)
{
    static const char fault[] = "attempt to ";
    const struct run *run = run_of(L);
    lua_Debug frame;
    const char *text = lua_type(L, error) == LUA_TSTRING ? lua_tostring(L, error) : NULL;
    if (text == NULL || strncmp(text, fault, sizeof fault - 1) != 0 || has_position(text))
        return;
    bool iterates = lua_getstack(L, 1, &frame) && lua_getinfo(L, "Sn", &frame) &&
                    strcmp(frame.what, "C") == 0 && strcmp(frame.namewhat, "for iterator") == 0;
    for (int level = 1; lua_getstack(L, level, &frame); level++) {
        lua_getinfo(L, "Sl", &frame);
        if (frame.currentline <= 0 || (run->owns != NULL && run->owns(frame.short_src)))
            continue;
        lua_pushfstring(L, "%s:%d: %s%s", frame.short_src, frame.currentline, text,
                        iterates ? " (given to ipairs)" : "");
        lua_replace(L, error);
        return;
    }
}

bool run_traceback(lua_State *L, int error, int level)
{
    if (lua_type(L, error) == LUA_TSTRING && !has_position(lua_tostring(L, error)))
        return false;
    luaL_traceback(L, L, NULL, level);
    int whole = lua_gettop(L);
    const char *line = lua_tostring(L, whole);
    bool left_out = true, any = false;
    luaL_Buffer kept;
    luaL_buffinit(L, &kept);
    for (size_t len; *line != '\0'; line += len) {
        len = strcspn(line, "\n");
        len += line[len] == '\n';
        bool frame = *line == '\t';
        if (frame && strncmp(line, TAIL_CALLS, sizeof TAIL_CALLS - 1) != 0)
            left_out = is_ours(run_of(L), line, len);
        if (frame && left_out)
            continue;
        any = any || frame;
        luaL_addlstring(&kept, line, len);
    }
    luaL_pushresult(&kept); /* whole kept */
    size_t len;
    const char *text = lua_tolstring(L, -1, &len);
    if (len > 0 && text[len - 1] == '\n') /* of the last frame that is kept */
        lua_pushlstring(L, text, len - 1);
    lua_replace(L, whole);
    lua_settop(L, any ? whole : whole - 1);
    return any;
}
