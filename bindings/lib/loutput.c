/* jeton.output, internal, for scripts/repl: what jeton itself prints for a person who types code.
 */
#include "luaopen.h"
#include "vm.h"

#include <lauxlib.h>

/* write(text): to standard output, masked; on a terminal, what could steer it becomes escapes. */
static int write_text(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    vm_output_write(vm_of(L), text, len);
    return 0;
}

int luaopen_jeton_output(lua_State *L)
{
    static const luaL_Reg functions[] = {{"write", write_text}, {NULL, NULL}};
    luaL_newlib(L, functions);
    return 1;
}
