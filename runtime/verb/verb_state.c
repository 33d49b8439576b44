/* jeton state: what is done to the state itself. A table of its verbs. */
#include "verb_state.h"

#include "config_rows.h"
#include "mem.h"
#include "path.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_SIZE (2 * PATH_MAX)

/* The real path, also of a file that is gone, as far as it can be told; "name:NAME" as it is. */
static char *former_home(const char *given)
{
    char resolved[PATH_MAX];
    if (strncmp(given, "name:", 5) == 0)
        return mem_strdup(given);
    char *real = path_real(given);
    if (real != NULL)
        return real;
    const char *slash = strrchr(given, '/');
    char *parent = slash == NULL    ? mem_strdup(".")
                   : slash == given ? mem_strdup("/")
                                    : mem_strndup(given, (size_t)(slash - given));
    bool found = realpath(parent, resolved) != NULL;
    mem_free(parent);
    if (found)
        return mem_printf("%s/%s", strcmp(resolved, "/") == 0 ? "" : resolved,
                          slash != NULL ? slash + 1 : given);
    if (given[0] == '/' || getcwd(resolved, sizeof resolved) == NULL)
        return mem_strdup(given);
    return mem_printf("%s/%s", resolved, given);
}

static int settle(struct app *app, const struct config *config, struct err *err)
{
    struct store *store = store_new(config->state, NULL);
    int result = config_rows_settle(config, store, app->log, err);
    store_free(store);
    return result;
}

static int adopt(struct app *app, const struct config *config, struct config_rows_adopt *adoption,
                 struct err *err)
{
    if (settle(app, config, err) != 0)
        return -1;
    int moved = config_rows_adopt(config, adoption, err);
    if (moved < 0)
        return -1;
    if (moved == 0)
        return err_set(err, ERR_CONFIG,
                       "nothing in the state %s belongs to %s; `jeton history --all` shows which "
                       "configurations have run jobs",
                       config->state->url != NULL ? config->state->url : config->state->folder,
                       adoption->from);
    struct buf out;
    buf_create(&out, LINE_MAX_SIZE);
    buf_printf(&out, "what belonged to %s belongs to name '%s' now\n", adoption->from,
               config->name);
    int result = app_print(app, out.data, out.len, err);
    buf_destroy(&out);
    return result;
}

static int state_adopt(struct app *app, int argc, char **argv, struct err *err)
{
    struct config_rows_adopt adoption = {.replace = false};
    const struct opt opts[] = {
        {0, "replace", OPT_FLAG, &adoption.replace, NULL,
         "also where this configuration has rows already: of a token, a key or a count that both "
         "have, PATH's stays; histories are joined"},
        {0, NULL, OPT_FLAG, NULL, NULL, NULL},
    };
    const struct opt_spec spec = {
        .usage = "jeton state adopt PATH [--replace]",
        .description =
            "Moves what belongs to the configuration file PATH in the state (tokens, keys, "
            "history, counters) to this configuration, which must have a name. The file PATH must "
            "be gone, unless it is this configuration's own. `name:NAME` stands for a "
            "configuration that had that name; in a database there are only those.",
        .opts = opts,
        .min_operands = 1,
        .max_operands = 1,
        .operands = "FILE",
    };
    struct opt_result result = {0};
    int status = app_options(app, &spec, argc, argv, &result, err);
    if (status <= 0) {
        mem_free(result.operands);
        return status;
    }
    struct config *config = app_config(app, true, err);
    char *from = former_home(result.operands[0]);
    adoption.from = from;
    status = config != NULL ? adopt(app, config, &adoption, err) : -1;
    mem_free(from);
    mem_free(result.operands);
    config_free(config);
    return status;
}

static const struct app_verb verbs[] = {
    {"adopt", state_adopt},        {"check", verb_state_check},     {"copy", verb_state_copy},
    {"keygen", verb_state_keygen}, {"keys", verb_state_keys},       {"rekey", verb_state_rekey},
    {"unmove", verb_state_unmove}, {"upgrade", verb_state_upgrade}, {NULL, NULL}};

int verb_state(struct app *app, int argc, char **argv, struct err *err)
{
    static const struct app_verbs table = {
        .title = "jeton state",
        .usage = "jeton state adopt PATH [--replace]\n"
                 "jeton state check\n"
                 "jeton state copy --to URL --key FILE [OPTION]…\n"
                 "jeton state keygen FILE\n"
                 "jeton state keys VERB …\n"
                 "jeton state rekey\n"
                 "jeton state unmove --yes\n"
                 "jeton state upgrade [--print-sql]",
        .description = "Works on the state itself. `jeton state adopt --help` and the like have "
                       "the details.",
        .verbs = verbs,
    };
    return app_verbs(&table, app, argc, argv, err);
}
