#include "config_rows.h"

#include "clock.h"
#include "mem.h"
#include "path.h"
#include "provider.h"
#include "store_home.h"
#include "store_lease.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS 20 /* between attempts at what others hold */
#define FOLDER  "conf.d"

struct move {
    const struct config *config;
    struct store *store;
    struct store_home home;
    char *scripts;
    char *beside; /* the folder of the former path, with its slash */
    char *folder; /* conf.d in it */
    const char *former[3];
    struct store_lease *leases; /* two of each owner */
    struct store_lease listener;
};

/* The folder with its slash. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return mem_strndup(path, slash != NULL ? (size_t)(slash - path) + 1 : 0);
}

void config_rows_script(const struct config *config, const char *script,
                        char scope[static STORE_SCOPE_SIZE])
{
    char *folder = folder_of(config->home != NULL ? config->files[0] : "");
    char *real = path_real(script);
    const char *own = real != NULL ? real : script;
    size_t len = strlen(folder);
    if (len > 0 && strncmp(own, folder, len) == 0)
        snprintf(scope, STORE_SCOPE_SIZE, "script:%s:%s", config->home, own + len);
    else
        snprintf(scope, STORE_SCOPE_SIZE, "script:%s", own);
    mem_free(real);
    mem_free(folder);
}

static void add_owner(struct move *move, const struct connector *connector, const char *from)
{
    const struct provider *provider = provider_of(connector);
    struct store_home_owner *owner = &move->home.owners[move->home.nowners++];
    provider->owner(connector, from, owner->from);
    provider->owner(connector, connector->home, owner->to);
}

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

/* from NULL: from the configuration's own files. */
static void move_create(struct move *move, const struct config *config, struct store *store,
                        const char *from)
{
    *move = (struct move){.config = config, .store = store};
    struct store_home *home = &move->home;
    const char *path = from != NULL ? from : config->files[0];
    home->home = config->home;
    home->owners = mem_alloc((2 * config->nconnectors + 1) * sizeof *home->owners);
    move->beside = folder_of(path);
    move->scripts = from != NULL && from[0] != '/' ? mem_printf("script:%s:", from)
                                                   : mem_printf("script:%s", move->beside);
    home->scripts = move->scripts;
    if (from == NULL) {
        home->former = (const char *const *)config->files;
    } else {
        move->folder = mem_printf("%s" FOLDER "/", move->beside);
        move->former[0] = path;
        move->former[1] = move->folder;
        home->former = move->former;
    }
    for (size_t i = 0; i < config->nconnectors; i++) {
        const struct connector *connector = config->connectors[i];
        add_owner(move, connector, from != NULL ? from : connector->file);
        if (from == NULL || strcmp(connector->file, config->files[0]) == 0)
            continue;
        char *included = mem_printf("%s%s", move->folder, file_name(connector->file));
        add_owner(move, connector, included);
        mem_free(included);
    }
    move->leases = mem_alloc((2 * home->nowners + 1) * sizeof *move->leases);
}

static void move_destroy(struct move *move)
{
    for (size_t i = 0; i < 2 * move->home.nowners; i++)
        store_lease_release(&move->leases[i]);
    store_lease_release(&move->listener);
    mem_free(move->leases);
    mem_free(move->home.owners);
    mem_free(move->scripts);
    mem_free(move->beside);
    mem_free(move->folder);
}

static bool may_wait(int64_t until_ms)
{
    nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000L}, NULL);
    return clock_mono_ms() < until_ms;
}

static int take_lease(struct move *move, struct store_lease *lease, const char *owner,
                      int64_t until_ms, struct err *err)
{
    int held;
    while ((held = store_lease_try(lease, move->store, STORE_LEASE_TOKEN, owner, err)) == 0) {
        if (!may_wait(until_ms))
            return err_set(err, ERR_BUSY,
                           "a token of this configuration is being exchanged by another process; "
                           "its state moves to name '%s' after that: try again",
                           move->config->name);
    }
    return held == 1 ? 0 : -1;
}

/*
 * A listener that goes on for the former home would store events there, where nobody looks for
 * them any more. It may have no rows yet. In a database it keeps no lock (each host may have one).
 */
static int take_listener(struct move *move, int64_t until_ms, struct err *err)
{
    char scope[STORE_SCOPE_SIZE];
    int held;
    if (move->config->state->url != NULL)
        return 0;
    store_scope(scope, "listen", move->home.former[0]);
    while ((held = store_lease_try(&move->listener, move->store, STORE_LEASE_JOB, scope, err)) ==
           0) {
        if (!may_wait(until_ms))
            return err_set(err, ERR_BUSY,
                           "a `jeton listen` that was started without name '%s' still serves %s; "
                           "what belongs to that moves to the name when it has ended: restart it",
                           move->config->name, move->home.former[0]);
    }
    return held == 1 ? 0 : -1;
}

/*
 * The lease was another host's that has not released it: where its exchange was never answered, as
 * far as the state knows, what came may lie in its spool. That belongs to the former home for ever,
 * once the row has moved. The next one who takes the lease is told the same.
 */
static int check_answered(struct move *move, const struct store_home_owner *owner,
                          struct store_lease *lease, struct err *err)
{
    struct store_token row = {.intent = {.started_ms = 0}};
    struct store_call call = {.op = STORE_TOKEN_LOAD, .token = {.owner = owner->from, .row = &row}};
    if (!lease->inherited || move->home.replace)
        return 0;
    int result = store_wait(move->store, &call, err);
    if (result > 0 && row.intent.started_ms > 0) {
        store_lease_keep(lease, true);
        result = err_set(err, ERR_BUSY,
                         "host '%s' has begun an exchange whose end is not known, and what came of "
                         "it may be kept there: run `jeton state check` on it, then try again; or "
                         "--replace moves all the same",
                         row.intent.host);
    }
    store_token_destroy(&row);
    return result < 0 ? -1 : 0;
}

/* Of those owners that a look has found, so that no exchange under way stores under the old one. */
static int take_leases(struct move *move, int64_t until_ms, struct err *err)
{
    for (size_t i = 0; i < move->home.nowners; i++) {
        const struct store_home_owner *owner = &move->home.owners[i];
        bool same = strcmp(owner->from, owner->to) == 0;
        if (owner->found &&
            (take_lease(move, &move->leases[2 * i], owner->from, until_ms, err) != 0 ||
             check_answered(move, owner, &move->leases[2 * i], err) != 0 ||
             (!same && !move->leases[2 * i + 1].held &&
              take_lease(move, &move->leases[2 * i + 1], owner->to, until_ms, err) != 0)))
            return -1;
    }
    return 0;
}

static int is_running(const struct move *move, struct err *err)
{
    const char *job = strchr(move->home.running, ':') + 1;
    return err_set(err, ERR_BUSY,
                   "job '%.*s' still runs for %s; what belongs to that moves to name '%s' when it "
                   "has ended: try again then",
                   (int)strcspn(job, ":"), job, store_home_of(move->home.running),
                   move->config->name);
}

/* After a look. */
static int carry_out(struct move *move, struct err *err)
{
    int64_t until_ms = clock_mono_ms() + CONFIG_ROWS_WAIT_MS;
    if (take_listener(move, until_ms, err) != 0 || take_leases(move, until_ms, err) != 0)
        return -1;
    move->home.look = false;
    for (;;) {
        if (store_home_move(move->store, &move->home, err) != 0)
            return -1;
        if (move->home.moved || move->home.running[0] == '\0')
            return 0;
        if (!may_wait(until_ms))
            return is_running(move, err);
    }
}

/* By a handle of its own: leases turn its loop, and the caller's may be in a callback. */
static int settle(const struct config *config, struct log *log, struct err *err)
{
    struct move move;
    struct store *store = store_new(config->state, NULL);
    move_create(&move, config, store, NULL);
    move.home.look = true;
    int result = store_home_move(store, &move.home, err);
    if (result == 0)
        result = carry_out(&move, err);
    if (result == 0 && move.home.moved)
        log_msg(log, LOG_INFO, "the state of %s belongs to name '%s' from now on", config->files[0],
                config->name);
    move_destroy(&move);
    store_free(store);
    return result;
}

int config_rows_settle(const struct config *config, struct store *store, struct log *log,
                       struct err *err)
{
    if (config->name == NULL)
        return 0;
    struct move move;
    move_create(&move, config, store, NULL);
    move.home.look = move.home.quick = true;
    int result = store_home_move(store, &move.home, err);
    bool moves = move.home.before && !move.home.after;
    bool fresh = !(move.home.settled || move.home.before || move.home.after);
    if (result == 0 && move.home.after &&
        !move.home.settled) { /* that there are rows of the name is noted */
        move.home.look = false;
        result = store_home_move(store, &move.home, err);
    }
    move_destroy(&move);
    if (result != 0 || !(moves || fresh))
        return result;
    store_close(store); /* it may have the state for itself (store_reads) */
    return settle(config, log, err);
}

static int adopt_all(struct move *move, const struct config_rows_adopt *adopt, struct err *err)
{
    struct store_home *home = &move->home;
    home->look = true;
    home->replace = adopt->replace;
    if (store_home_move(move->store, home, err) != 0)
        return -1;
    if (!home->before)
        return take_listener(move, clock_mono_ms() + CONFIG_ROWS_WAIT_MS, err);
    if (home->after && !home->replace)
        return err_set(err, ERR_CONFIG,
                       "both %s and name '%s' have rows in the state, so nothing was moved; "
                       "--replace moves all the same: where both have a token, a key or a count, "
                       "that of %s stays",
                       adopt->from, move->config->name, adopt->from);
    if (carry_out(move, err) != 0)
        return -1;
    return home->moved ? 1 : 0;
}

/* Not one of the configuration's own. */
static bool is_elsewhere(const struct config *config, const char *path)
{
    size_t i = 0;
    while (config->files[i] != NULL && strcmp(config->files[i], path) != 0)
        i++;
    return config->files[i] == NULL;
}

int config_rows_adopt(const struct config *config, const struct config_rows_adopt *adopt,
                      struct err *err)
{
    if (config->name == NULL)
        return err_set(err, ERR_CONFIG,
                       "%s has no name that the state could belong to; add a line such as "
                       "`name: NAME` at its top",
                       config->path);
    if (config->state->url != NULL && adopt->from[0] == '/')
        return err_set(err, ERR_CONFIG,
                       "a database has no rows of a path, but of names: `jeton state adopt "
                       "name:NAME`, with the former one");
    if (strcmp(adopt->from, config->home) == 0)
        return err_set(err, ERR_CONFIG, "'%s' is this configuration's own name", config->name);
    if (adopt->from[0] == '/' && is_elsewhere(config, adopt->from) &&
        access(adopt->from, F_OK) == 0)
        return err_set(err, ERR_CONFIG,
                       "%s still exists, and its next run would begin without its tokens and keys; "
                       "nothing was moved: remove or rename that file first",
                       adopt->from);
    struct move move;
    struct store *store = store_new(config->state, NULL);
    move_create(&move, config, store, adopt->from);
    int result = adopt_all(&move, adopt, err);
    move_destroy(&move);
    store_free(store);
    return result;
}

/* Rows of the files: beside rows of the name (`after`), or alone. */
static int look(const struct config *config, struct store *store, bool after, struct err *err)
{
    struct move move;
    if (config->name == NULL)
        return 0;
    move_create(&move, config, store, NULL);
    move.home.look = true;
    int result = store_home_move(store, &move.home, err);
    if (result == 0)
        result = move.home.before && move.home.after == after;
    move_destroy(&move);
    return result;
}

int config_rows_are_split(const struct config *config, struct store *store, struct err *err)
{
    return look(config, store, true, err);
}

int config_rows_are_due(const struct config *config, struct store *store, struct err *err)
{
    return look(config, store, false, err);
}

/* The scope of the newest run (mem_free); NULL: there is none. -1 with err. */
static int newest_scope(struct store *store, const struct store_run_filter *filter, char **scope,
                        struct err *err)
{
    struct store_run_filter newest = *filter;
    struct store_runs runs = {0};
    newest.limit = 1;
    *scope = NULL;
    if (store_run_list(store, &newest, &runs, err) != 0)
        return -1;
    *scope = runs.count > 0 ? mem_strdup(runs.items[0].scope) : NULL;
    store_runs_destroy(&runs);
    return 0;
}

void config_rows_say_how(const struct config *config, const char *home, struct buf *text)
{
    bool there = home[0] == '/' && access(home, F_OK) == 0;
    if (config->state->url != NULL)
        buf_printf(text, "by another name, `jeton state adopt %s` brings them along", home);
    else
        buf_printf(text, "at another path, %s%s`jeton state adopt %s` brings them along",
                   there ? "removing that file, " : "",
                   config->name != NULL ? "" : "a line `name: NAME` in the configuration and ",
                   home);
}

int config_rows_begin_anew(const struct config *config, const struct job *job, struct store *store,
                           int64_t before_row, struct buf *text, struct err *err)
{
    char own[STORE_SCOPE_SIZE], *its = NULL, *other = NULL, *any = NULL;
    struct store_run_filter of_own = {.scope = own, .before_row = before_row};
    struct store_run_filter of_job = {.job = job->name, .before_row = before_row};
    struct store_run_filter of_all = {.homes = config->homes, .before_row = before_row};
    store_scope(own, job->name, job->home);
    int result = newest_scope(store, &of_own, &its, err);
    if (result == 0 && its == NULL)
        result = newest_scope(store, &of_job, &other, err);
    const char *home = other != NULL ? store_home_of(other) : NULL;
    bool gone = home != NULL && home[0] == '/' && access(home, F_OK) != 0;
    if (home != NULL && !gone && result == 0)
        result = newest_scope(store, &of_all, &any, err);
    if (result == 0 && home != NULL && (gone || any == NULL)) {
        buf_printf(text,
                   "job '%s' begins anew, without the keys and the history of job '%s' of %s; if "
                   "that is the same one ",
                   job->name, job->name, home);
        config_rows_say_how(config, home, text);
        result = 1;
    }
    mem_free(its);
    mem_free(other);
    mem_free(any);
    return result;
}

void config_rows_tell(const struct config *config, struct log *log,
                      const struct connector *connector, const char *home)
{
    const char *when = home[0] == '/' ? " once that file is gone" : "";
    if (config != NULL && config->state->url != NULL)
        log_msg(log, LOG_WARN,
                "the state holds a token of connector '%s' for %s: if that was the name before, "
                "`jeton state adopt %s` moves what belongs to it to this configuration",
                connector->name, home, home);
    else if (strcmp(connector->home, connector->file) != 0)
        log_msg(log, LOG_WARN,
                "the state holds a token of connector '%s' for %s: `jeton state adopt %s` moves "
                "what belongs to that to this configuration%s",
                connector->name, home, home, when);
    else
        log_msg(log, LOG_WARN,
                "the state holds a token of connector '%s' for %s, and this is %s. Add a line "
                "`name: NAME` at the top of the configuration, and `jeton state adopt %s`%s: "
                "tokens, keys and history then belong to the name, wherever the file is",
                connector->name, home, connector->file, home, when);
}
