/* jeton connector remove: what `add` made, and what the state has of it. */
#include "config_load.h"
#include "connector.h"
#include "connector_files.h"
#include "connector_text.h"
#include "connector_users.h"
#include "engine.h"
#include "login.h"
#include "mem.h"
#include "verb.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define REPORT_MAX ((size_t)64 * 1024)

struct removal {
    struct app *app;
    const struct config *config;
    const struct connector *connector;
    struct connector_files files;
};

static void put_user(void *arg, enum connector_user_kind kind, const char *name)
{
    static const char *const kinds[CONNECTOR_USER_KINDS] = {
        [CONNECTOR_USER_JOB] = "job",
        [CONNECTOR_USER_HOOK] = "webhook",
        [CONNECTOR_USER_LENT] = "connector",
    };
    struct buf *out = arg;
    buf_printf(out, "%s%s '%s'", out->len > 0 ? ", " : "", kinds[kind], name);
}

static int check(struct removal *removal, struct err *err)
{
    const struct connector *connector = removal->connector;
    struct buf users;
    buf_create(&users, REPORT_MAX);
    connector_users(removal->config, connector->name, put_user, &users);
    int result = 0;
    if (users.len > 0)
        result = err_set(err, ERR_CONFIG,
                         "connector '%s' is used by %s; give them another one, or remove them "
                         "first",
                         connector->name, users.data);
    else if (connector->lender != NULL || !connector_text_ours(&removal->files, connector))
        result = err_set(err, ERR_CONFIG,
                         "connector '%s' is defined at %s:%d:%d, where it was written or changed "
                         "by hand: take it away there%s",
                         connector->name, connector->shown, connector->line, connector->col,
                         connector->lender == NULL ? ", after `jeton logout`, which ends its token"
                                                   : "");
    buf_destroy(&users);
    return result == 0 ? connector_files_writable(&removal->files, err) : result;
}

/* A secret of `add` that something else reads too stays. */
static const struct secret *reader_of(const struct removal *removal, const char *path)
{
    return connector_users_of_file(removal->config, removal->connector, path);
}

#define SECRET_FILES ((size_t)PROVIDER_GIVEN * CONNECTOR_SLOTS)
/* One of them: those that the connector names, and what a killed `add` left. */
static const char *secret_file(const struct removal *removal, size_t index)
{
    return removal->files.secrets[index / CONNECTOR_SLOTS].paths[index % CONNECTOR_SLOTS];
}

static void put_files(const struct removal *removal, struct buf *out)
{
    buf_printf(out, "  %s\n", removal->files.yaml);
    for (size_t i = 0; i < SECRET_FILES; i++) {
        const char *path = secret_file(removal, i);
        const struct secret *other = path != NULL ? reader_of(removal, path) : NULL;
        if (other != NULL)
            buf_printf(out, "  %s stays: it is the %s too\n", path, other->name);
        else if (path != NULL && access(path, F_OK) == 0)
            buf_printf(out, "  %s\n", path);
    }
}

/* 1: yes; 0: no. */
static int ask(const struct removal *removal, struct err *err)
{
    struct buf files, answer;
    if (isatty(STDIN_FILENO) != 1)
        return err_set(err, ERR_USAGE,
                       "jeton connector remove: nobody can be asked, since standard input is no "
                       "terminal; --yes removes '%s' without a question",
                       removal->connector->name);
    buf_create(&files, REPORT_MAX);
    buf_create(&answer, LOGIN_LINE_MAX);
    put_files(removal, &files);
    log_msg(removal->app->log, LOG_INFO,
            "its tokens in the state are forgotten, but not revoked at the service (jeton logout "
            "%s does that, where it can), and these files are removed:",
            removal->connector->name);
    int result = app_print(removal->app, files.data, files.len, err);
    char *prompt = mem_printf("Remove connector '%s'? [y/N] ", removal->connector->name);
    if (result == 0)
        result = login_read_shown(prompt, &answer, err);
    if (result == 0)
        result = answer.len > 0 && tolower((unsigned char)answer.data[0]) == 'y';
    mem_free(prompt);
    buf_destroy(&files);
    buf_destroy(&answer);
    return result;
}

struct forgotten {
    bool done;
    struct err err;
};

static void forgotten(void *arg, enum token_left left, const struct err *err)
{
    struct forgotten *end = arg;
    (void)left;
    end->done = true;
    if (err != NULL)
        end->err = *err;
}

static int forget(const struct removal *removal, struct err *err)
{
    struct forgotten end = {0};
    struct engine engine;
    struct store *store = store_new(removal->config->state, NULL);
    bool exists = store_exists(store);
    store_free(store);
    if (!exists)
        return 0;
    engine_create(&engine, removal->config, removal->app->log, removal->app->redact);
    int result = engine_need_store(&engine, err);
    if (result == 0) {
        token_remove(engine.tokens, removal->connector, forgotten, &end);
        result = app_wait(&engine, &end.done, err);
    }
    if (result == 0 && end.err.kind != ERR_NONE) {
        *err = end.err;
        result = -1;
    }
    engine_destroy(&engine);
    return result;
}

static int take_away(const char *path, struct err *err)
{
    if (unlink(path) == 0 || errno == ENOENT)
        return 0;
    return err_set(err, ERR_CONFIG, "%s: %s", path, strerror(errno));
}

/* Last the file that makes the connector known: until then, it can be removed again. */
static int remove_all(const struct removal *removal, struct err *err)
{
    struct buf out;
    if (forget(removal, err) != 0)
        return err_wrap(err, "nothing is removed");
    buf_create(&out, REPORT_MAX);
    buf_printf(&out,
               "connector '%s' is removed, its tokens are forgotten, and these files are gone:\n",
               removal->connector->name);
    put_files(removal, &out);
    int result = 0;
    for (size_t i = 0; i < SECRET_FILES && result == 0; i++) {
        const char *path = secret_file(removal, i);
        if (path != NULL && reader_of(removal, path) == NULL)
            result = take_away(path, err);
    }
    if (result == 0)
        result = take_away(removal->files.yaml, err);
    if (result == 0)
        result = app_print(removal->app, out.data, out.len, err);
    buf_destroy(&out);
    return result;
}

static int run_remove(struct app *app, const char *name, bool yes, struct err *err)
{
    struct config *config = app_config(app, true, err);
    if (config == NULL)
        return -1;
    struct removal removal = {.app = app, .config = config};
    int result = -1;
    removal.connector = config_connector(config, name, err);
    if (removal.connector != NULL) {
        connector_files_create(&removal.files, provider_of(removal.connector), config->path, true,
                               name);
        result = check(&removal, err);
        if (result == 0)
            result = yes ? 1 : ask(&removal, err);
        if (result == 0)
            log_msg(app->log, LOG_INFO, "nothing is removed");
        else if (result == 1)
            result = remove_all(&removal, err);
        connector_files_destroy(&removal.files);
    }
    config_free(config);
    return result;
}

int verb_connector_remove(struct app *app, int argc, char **argv, struct err *err)
{
    bool yes = false;
    const struct opt opts[] = {
        {'y', "yes", OPT_FLAG, &yes, NULL, "do not ask"},
        {0, NULL, OPT_FLAG, NULL, NULL, NULL},
    };
    const struct opt_spec spec = {
        .usage = "jeton connector remove NAME [--yes]",
        .description =
            "Removes a connector that `jeton connector add` made: forgets its tokens in the state, "
            "then removes conf.d/NAME.yaml and its files in secrets/. Not while a job, a webhook "
            "or another connector uses it. `jeton logout NAME` before that also revokes its "
            "refresh token at the service, where it can.",
        .opts = opts,
        .min_operands = 1,
        .max_operands = 1,
        .operands = "CONNECTOR",
    };
    struct opt_result result = {0};
    int status = app_options(app, &spec, argc, argv, &result, err);
    if (status > 0)
        status = run_remove(app, result.operands[0], yes, err);
    mem_free(result.operands);
    return status;
}
