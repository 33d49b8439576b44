/* Whether code that a person typed compiles, as scripts/repl/chunk.lua has it. */
#include "embed.h"
#include "vm.h"

#include <lauxlib.h>
#include <lualib.h>

int vm_check_code(const char *code, struct err *err)
{
    static const char check[] = "local chunk, code = ...\n"
                                "local fn, why = chunk.load(code, '=code')\n"
                                "return not fn and why or nil\n";
    const struct embedded_file *file = embed_find("repl/chunk.lua");
    lua_State *L = luaL_newstate();
    int result = 0;
    if (L == NULL)
        return err_set(err, ERR_SCRIPT, "no memory left to check the code");
    luaL_openlibs(L);
    if (luaL_loadstring(L, check) != LUA_OK ||
        luaL_loadbufferx(L, (const char *)file->data, file->size, file->path, "b") != LUA_OK ||
        lua_pcall(L, 0, 1, 0) != LUA_OK) {
        result = err_set(err, ERR_SCRIPT, "%s", lua_tostring(L, -1));
    } else {
        lua_pushstring(L, code); /* check chunk code */
        if (lua_pcall(L, 2, 1, 0) != LUA_OK || lua_isstring(L, -1))
            result = err_set(err, ERR_SCRIPT, "%s", lua_tostring(L, -1));
    }
    lua_close(L);
    return result;
}
