/* Shared by the files of ltest_world.h: ltest_world.c (requests that tests answer),
 * ltest_world_clock.c, ltest_forward.c (requests that go out). */
#ifndef JETON_LTEST_WORLD_PRIVATE_H
#define JETON_LTEST_WORLD_PRIVATE_H

#include "ltest_world.h"

#include "transport.h"

#include <lauxlib.h>
#include <sodium.h>

#define LTEST_PLACES_MAX   64
#define LTEST_CONFIGS_MAX  1000
#define LTEST_CONFIGS_KEPT 64
#define LTEST_LABEL_MAX    300
#define LTEST_ASKED_MAX    300
#define LTEST_SECOND_MS    1000

struct open_place {
    char *host; /* NULL: this machine */
    int port;
};

/* A request on its way. */
struct ltest_request {
    struct ltest_world *world;
    struct ltest_request *next;
    lua_Integer id;
    struct http_request *http;
    char label[LTEST_LABEL_MAX];
    void *real;              /* of the real transport; NULL: the tests answer it */
    bool told;               /* to them */
    bool telling, cancelled; /* as it is told: a finalizer may cancel its task */
    struct loop_timer timer;
    http_done_fn *done;
    void *arg;
    struct http_result result;
};

struct ltest_world {
    struct engine *engine;
    lua_State *L; /* of the tests; NULL: not yet */
    struct clock clock;
    int64_t passed_ms;  /* since the beginning; of real time, when that began */
    int64_t real_ms;    /* the system's clock when time had not passed yet; 0: time stands still */
    int64_t wall_ms;    /* of the wall clock, at the beginning */
    int64_t passing_ms; /* will pass once others have been told; 0: none */
    bool tells;         /* others are told of time that passes */
    struct transport real, fake;
    struct open_place places[LTEST_PLACES_MAX];
    size_t nplaces;
    struct ltest_request *first;
    lua_Integer ids;
    char recent[LTEST_RECENT][LTEST_LABEL_MAX];
    size_t nrecent;
    struct config *configs[LTEST_CONFIGS_KEPT]; /* that the engine has had last */
    size_t nconfigs;
    char *real_path; /* of the real configuration, while calls are recorded; else NULL */
    struct config *reals[LTEST_CONFIGS_MAX]; /* that lent connectors, or may */
    size_t nreals;
    unsigned char seed[randombytes_SEEDBYTES]; /* of what the tests take for random */
    uint64_t drawn;
    struct buf spilled; /* what tests and scripts did that they must not, a line each */
    struct buf loaded;  /* files of the user's, a line each */
    int unshares;       /* whether programs can be cut off from the network: 0 is not known yet */
    int kept[2];        /* standard output and error, while they are a script's; else -1 */
    bool stuck;         /* the tests were told that nothing can happen any more */
    char asked[LTEST_ASKED_MAX]; /* where the last request without a route was made */
};

/* ltest_world_base.c */
/* The world of the functions that ltest_world_open registers: their upvalue. */
struct ltest_world *ltest_world_of(lua_State *L);
/* Calls the function at this key of the registry in a task of the tests, with a value that is on
 * top of L. */
void ltest_world_start(struct ltest_world *world, const void *key);
/* The request that argument 1 names, if it still waits for an answer; or NULL. */
struct ltest_request *ltest_world_told(lua_State *L);

/* ltest_world_clock.c */
void ltest_world_clock_start(struct ltest_world *world);
extern const luaL_Reg ltest_world_clock_functions[];

/* ltest_world_real.c */
/* Connectors that the real configuration has too become its own. */
int ltest_world_real_lend(struct ltest_world *world, struct config *config, struct err *err);
void ltest_world_real_free(struct ltest_world *world); /* after all configurations */
extern const luaL_Reg ltest_world_real_functions[];
/* What is wrong with a configuration, in one message. */
void ltest_world_real_tell(const struct problems *problems, struct err *err);

/* ltest_guard.c; the first ones are for scripts too */
extern const luaL_Reg ltest_guard_functions[], ltest_guard_test_functions[];
/* For pass: nothing can happen any more. */
void ltest_guard_stuck(struct ltest_world *world);

#endif
