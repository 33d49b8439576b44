/* key() and raw() of jeton.test_host: keys that are typed while tests are watched. */
#include "ltest_host.h"

#include "task.h"
#include "vm.h"

#include <lauxlib.h>
#include <termios.h>
#include <unistd.h>

#define KEY_TYPE "jeton.test_host.key"
#define RAW_TYPE "jeton.test_host.raw"

struct key {
    struct task_wait wait;
    struct loop *loop;
    struct loop_fd fd;
    bool got;
    char byte;
};

static void on_key(void *arg, short revents)
{
    (void)revents;
    struct key *key = arg;
    key->got = read(STDIN_FILENO, &key->byte, 1) == 1;
    loop_fd_stop(key->loop, &key->fd);
    task_wake(&key->wait);
}

static void key_stop(void *arg)
{
    struct key *key = arg;
    loop_fd_stop(key->loop, &key->fd);
}

static int key_gc(lua_State *L)
{
    struct key *key = luaL_checkudata(L, 1, KEY_TYPE);
    if (key->loop != NULL)
        key_stop(key);
    return 0;
}

static int key_finish(lua_State *L, void *arg)
{
    const struct key *key = arg;
    if (key->got)
        lua_pushlstring(L, &key->byte, 1);
    else
        lua_pushnil(L);
    return 1;
}

int ltest_key(lua_State *L)
{
    task_check(L, "key");
    lua_settop(L, 0);
    struct key *key = lua_newuserdatauv(L, sizeof *key, 0);
    *key = (struct key){0};
    luaL_setmetatable(L, KEY_TYPE);
    key->loop = vm_engine(vm_of(L))->loop;
    loop_fd_start(key->loop, &key->fd, STDIN_FILENO, POLLIN, on_key, key);
    return task_wait(L, &key->wait, 1, key_stop, key_finish, key);
}

static int raw_gc(lua_State *L)
{
    tcsetattr(STDIN_FILENO, TCSANOW, luaL_checkudata(L, 1, RAW_TYPE));
    return 0;
}

int ltest_raw(lua_State *L)
{
    struct termios settings;
    if (tcgetattr(STDIN_FILENO, &settings) != 0)
        return 0; /* no terminal */
    struct termios *before = lua_newuserdatauv(L, sizeof *before, 0);
    *before = settings;
    luaL_setmetatable(L, RAW_TYPE);
    settings.c_lflag &= (tcflag_t) ~(ICANON | ECHO);
    tcsetattr(STDIN_FILENO, TCSANOW, &settings);
    return 1;
}

static void add_type(lua_State *L, const char *name, lua_CFunction gc)
{
    luaL_newmetatable(L, name);
    lua_pushcfunction(L, gc);
    lua_setfield(L, -2, "__gc");
    lua_pushcfunction(L, gc);
    lua_setfield(L, -2, "__close");
    lua_pop(L, 1);
}

void ltest_key_setup(lua_State *L)
{
    add_type(L, KEY_TYPE, key_gc);
    add_type(L, RAW_TYPE, raw_gc);
}
