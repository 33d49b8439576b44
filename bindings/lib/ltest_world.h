/*
 * What `jeton test` has in the place of the network and of time. Requests are answered by the
 * tests, but for those to places that they have opened, which go out. Time stands still, and passes
 * at once where everybody waits for it.
 */
#ifndef JETON_LTEST_WORLD_H
#define JETON_LTEST_WORLD_H

#include "engine.h"

#include <lua.h>

#define LTEST_RECENT 5 /* requests that are told of with a failure */

struct ltest_world;
/* Puts its clock and its transport into the engine, which must outlive it. */
struct ltest_world *ltest_world_new(struct engine *engine);
void ltest_world_close(struct ltest_world *world); /* the tests' vm is about to be freed */
void ltest_world_free(struct ltest_world *world);

/* Adds its functions to the table on top of L, of the tests. */
void ltest_world_open(lua_State *L, struct ltest_world *world);
/* The same of a script that they run. */
void ltest_world_open_script(lua_State *L, struct ltest_world *world);
/* One more of them (config_free), with connectors of the real one while calls are recorded. NULL
 * with ERR_CONFIG. */
struct config *ltest_world_config(struct ltest_world *world, const char *path, struct err *err);
/* While calls are recorded, the engine's tokens come from the real state; jeton.state stays in that
 * of its configuration. Before its store is needed. */
void ltest_world_real_state(struct ltest_world *world, struct engine *engine);
/* The configuration at path is the engine's from now on; the one before lives on. ERR_CONFIG. No
 * call of the engine's client may be under way. */
int ltest_world_use(struct ltest_world *world, const char *path, struct err *err);
/* A call of a script has failed: where it stands, if no route was why. The world as void *, for
 * vm_test. */
void ltest_world_failed(void *world, lua_State *L, const struct err *err);
void ltest_world_random(void *world, void *bytes, size_t len);
/* For sqlite3_set_authorizer; the world as void *, for vm_test: only files below the folder of the
 * tests are attached, or written by VACUUM INTO. */
int ltest_guard_database(void *world, int action, const char *path, const char *unused,
                         const char *database, const char *trigger);
/* A script that is part of what is tested. */
void ltest_guard_loads(struct ltest_world *world, const char *path);
/* Wall clock of the tests, ms. */
int64_t ltest_world_now_ms(const struct ltest_world *world);

#endif
