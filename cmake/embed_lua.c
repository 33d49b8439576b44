/*
 * embed_lua OUT ROOT FILE…: writes the C file OUT with the table `embedded_lua` that
 * bindings/vm/embed.h declares: the files below ROOT. Lua modules are compiled, with all that
 * tracebacks need; what stands in ROOT/init is text for users, and stays text.
 */
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sink {
    FILE *out;
    size_t size; /* of this file */
};

static int put(lua_State *L, const void *data, size_t len, void *arg)
{
    (void)L;
    struct sink *sink = arg;
    const unsigned char *bytes = data;
    for (size_t i = 0; i < len; i++)
        (void)fprintf(sink->out, "%d,", bytes[i]);
    sink->size += len;
    return 0;
}

static int is_module(const char *file)
{
    size_t len = strlen(file);
    return len > 4 && strcmp(file + len - 4, ".lua") == 0 && strncmp(file, "init/", 5) != 0;
}

/* Pushes the content of a file. */
static void read_file(lua_State *L, const char *path)
{
    luaL_Buffer text;
    size_t got;
    FILE *in = fopen(path, "rb");
    if (in == NULL)
        luaL_error(L, "cannot open %s", path);
    luaL_buffinit(L, &text);
    do {
        got = fread(luaL_prepbuffer(&text), 1, LUAL_BUFFERSIZE, in);
        luaL_addsize(&text, got);
    } while (got > 0);
    luaL_pushresult(&text);
    if (ferror(in) || fclose(in) != 0)
        luaL_error(L, "cannot read %s", path);
}

/* embed(OUT, ROOT, FILE…) */
static int embed(lua_State *L)
{
    int count = lua_gettop(L);
    struct sink sink = {.out = fopen(lua_tostring(L, 1), "w")};
    if (sink.out == NULL)
        return luaL_error(L, "cannot write %s", lua_tostring(L, 1));
    lua_pushliteral(L, ""); /* … table */
    (void)fputs("#include \"embed.h\"\n\n", sink.out);
    for (int i = 3; i <= count; i++) {
        const char *file = lua_tostring(L, i);
        read_file(L, lua_pushfstring(L, "%s/%s", lua_tostring(L, 2), file));
        size_t len;
        const char *text = lua_tolstring(L, -1, &len);
        sink.size = 0;
        (void)fprintf(sink.out, "static const unsigned char file_%d[] = {", i);
        if (!is_module(file))
            put(L, text, len, &sink);
        else if (luaL_loadbufferx(L, text, len, lua_pushfstring(L, "@%s", file), "t") != LUA_OK)
            return lua_error(L);
        else
            lua_dump(L, put, &sink, 0);
        (void)fputs("0};\n", sink.out);
        lua_settop(L, count + 1);
        lua_pushfstring(L, "%s    {\"%s\", file_%d, %d},\n", lua_tostring(L, -1), file, i,
                        (int)sink.size);
        lua_replace(L, count + 1);
    }
    (void)fprintf(sink.out,
                  "\nconst struct embedded_file embedded_lua[] = {\n%s    {0, 0, 0},\n};\n",
                  lua_tostring(L, -1));
    if (ferror(sink.out) || fclose(sink.out) != 0)
        return luaL_error(L, "cannot write %s", lua_tostring(L, 1));
    return 0;
}

int main(int argc, char **argv)
{
    lua_State *L = luaL_newstate();
    if (L == NULL || !lua_checkstack(L, argc + LUA_MINSTACK))
        return EXIT_FAILURE;
    lua_pushcfunction(L, embed);
    for (int i = 1; i < argc; i++)
        lua_pushstring(L, argv[i]);
    int status = lua_pcall(L, argc - 1, 0, 0);
    if (status != LUA_OK)
        (void)fprintf(stderr, "embed_lua: %s\n", lua_tostring(L, -1));
    lua_close(L);
    return status == LUA_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
