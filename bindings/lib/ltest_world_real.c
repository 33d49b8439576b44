/* The real configuration, while calls are recorded: connectors that it has take the place of the
 * test's, and their tokens come from its state, through its locks, as in any run. */
#include "ltest_world_private.h"

#include "config_load.h"
#include "lerr.h"
#include "ltoken_call.h"
#include "mem.h"
#include "provider_list.h"
#include "task.h"
#include "vm.h"

#include <string.h>

void ltest_world_real_tell(const struct problems *problems, struct err *err)
{
    struct buf all;
    buf_create(&all, ERR_MSG_MAX);
    for (size_t i = 0; i < problems->count; i++)
        if (!problems->items[i].warning)
            buf_printf(&all, "%s%s", all.len > 0 ? "; " : "", problems->items[i].message);
    err_set(err, ERR_CONFIG, "%s", all.data);
    buf_destroy(&all);
}

/* One more of it, kept in the world. */
static struct config *load(struct ltest_world *world, const char *path, struct err *err)
{
    struct problems problems;
    if (world->nreals == LTEST_CONFIGS_MAX) {
        err_set(err, ERR_CONFIG, "the tests have used %d configurations", LTEST_CONFIGS_MAX);
        return NULL;
    }
    problems_create(&problems);
    struct config *real =
        config_load(path, provider_list, world->engine->config->presets, &problems);
    if (real == NULL) {
        ltest_world_real_tell(&problems, err);
        err_wrap(err, "%s", path);
    } else {
        world->reals[world->nreals++] = real;
    }
    problems_destroy(&problems);
    return real;
}

/* A replay has the ID that the test gives, so a cassette must not have this one. */
static void hide_ids(const struct connector *connector, struct redact *redact)
{
    const struct secret *secret;
    for (size_t i = 0; (secret = connector_secret_at(connector, i)) != NULL; i++) {
        if (secret->is_id && secret->kind == SECRET_PLAIN)
            redact_add_owned(redact, secret->text, strlen(secret->text), REDACT_NO_SECRET);
    }
}

/* They are exchanged, so that each configuration still owns what it holds. */
int ltest_world_real_lend(struct ltest_world *world, struct config *config, struct err *err)
{
    struct config *real = NULL;
    if (world->real_path == NULL || config->nconnectors == 0)
        return 0;
    real = load(world, world->real_path, err);
    if (real == NULL)
        return -1;
    for (size_t i = 0; i < config->nconnectors; i++) {
        for (size_t j = 0; j < real->nconnectors; j++) {
            struct connector *its = real->connectors[j];
            if (strcmp(config->connectors[i]->name, its->name) != 0)
                continue;
            real->connectors[j] = config->connectors[i];
            config->connectors[i] = its;
            hide_ids(its, world->engine->redact);
            break;
        }
    }
    return 0;
}

void ltest_world_real_state(struct ltest_world *world, struct engine *engine)
{
    if (world->real_path == NULL || world->nreals == 0)
        return;
    engine->store = store_new(world->reals[world->nreals - 1]->state, engine->loop);
    engine->keys = store_new(engine->config->state, engine->loop);
}

void ltest_world_real_free(struct ltest_world *world)
{
    while (world->nreals > 0)
        config_free(world->reals[--world->nreals]);
    mem_free(world->real_path);
    world->real_path = NULL;
}

/* native.real(path|nil) → the names of its connectors, each true; or nil, err */
static int world_real(lua_State *L)
{
    struct ltest_world *world = ltest_world_of(L);
    struct err err;
    const char *path = luaL_optstring(L, 1, NULL);
    mem_free(world->real_path);
    world->real_path = NULL;
    lua_newtable(L);
    if (path == NULL)
        return 1;
    const struct config *real = load(world, path, &err);
    if (real == NULL)
        return lerr_return(L, &err);
    world->real_path = mem_strdup(path);
    for (size_t i = 0; i < real->nconnectors; i++) {
        lua_pushboolean(L, 1);
        lua_setfield(L, -2, real->connectors[i]->name);
    }
    return 1;
}

/* native.renew(name) *waits*: an exchange for the connector that asks all that its first one does
 * → as token.refresh. */
static int world_renew(lua_State *L)
{
    struct vm *vm = vm_of(L);
    struct err err = {0};
    task_check(L, "t:connector");
    luaL_checkstring(L, 1);
    lua_settop(L, 1);
    const struct connector *connector = vm_connector(vm, lua_tostring(L, 1), NULL, &err);
    if (connector == NULL || engine_need_store(vm_engine(vm), &err) != 0)
        return lerr_return(L, &err);
    struct ltoken_call *call = ltoken_call_new(L); /* name call */
    const struct token_query query = {.force = true, .anew = true};
    call->request = token_get(vm_engine(vm)->tokens, connector, &query, ltoken_call_done, call);
    return ltoken_call_wait(L, call);
}

const luaL_Reg ltest_world_real_functions[] = {
    {"real", world_real}, {"renew", world_renew}, {NULL, NULL}};
