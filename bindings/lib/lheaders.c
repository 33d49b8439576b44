#include "lheaders.h"

#include <ctype.h>
#include <lauxlib.h>

void lheaders_push(lua_State *L, const struct http_header *headers, size_t count)
{
    lua_createtable(L, 0, (int)count); /* headers */
    for (size_t i = 0; i < count; i++) {
        luaL_Buffer name;
        luaL_buffinit(L, &name);
        for (const char *c = headers[i].name; *c != '\0'; c++)
            luaL_addchar(&name, (char)tolower((unsigned char)*c));
        luaL_pushresult(&name); /* headers name */
        lua_pushvalue(L, -1);
        if (lua_rawget(L, -3) == LUA_TNIL) { /* headers name nil */
            lua_pop(L, 1);
            lua_pushstring(L, headers[i].value);
        } else { /* headers name old */
            lua_pushfstring(L, "%s, %s", lua_tostring(L, -1), headers[i].value);
            lua_remove(L, -2);
        }
        lua_rawset(L, -3);
    }
}
