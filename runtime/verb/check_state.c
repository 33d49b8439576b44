/* jeton check: the state, what it has of another path, and who has signed in. */
#include "check_private.h"

#include "config_rows.h"
#include "fault.h"
#include "listen_left.h"
#include "mem.h"
#include "path.h"
#include "safefile.h"
#include "store_copy.h"
#include "token_status.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define ANEW_MAX ((size_t)4 * PATH_MAX)

/* The name of a file system that other hosts may have mounted, too; NULL: it is none. */
static const char *network_of(const char *folder)
{
    static const struct {
        uint32_t type;
        const char *name;
    } kinds[] = {{0x6969, "nfs"},      {0x517b, "smb"},      {0xff534d42, "cifs"},
                 {0xfe534d42, "smb"},  {0x00c36400, "ceph"}, {0x0bd00bd0, "lustre"},
                 {0x47504653, "gpfs"}, {0x5346414f, "afs"},  {0x19830326, "beegfs"}};
    struct statfs fs;
    int64_t type = fault_number(FAULT_STATE_FS);
    if (type == 0 && statfs(folder, &fs) == 0)
        type = (int64_t)fs.f_type;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (kinds[i].type == (uint32_t)type)
            return kinds[i].name;
    }
    return NULL;
}

/* at: the folder, or the nearest one that is there. SQLite's index of what was written last is in
 * memory, which another host does not see. */
static void check_network(struct check *check, const char *at, const char *shown)
{
    const char *name = check->config->state->url == NULL ? network_of(at) : NULL;
    if (name != NULL)
        problems_warn(&check->problems, NULL, 0, 0,
                      "state folder %s is on a file system of the network (%s): where two hosts "
                      "use it, one overwrites what the other has written, and tokens are lost; a "
                      "state in a database may be shared",
                      shown, name);
}

/* A folder that is not there is made when first needed, in the nearest one that is. */
static void check_can_be_made(struct check *check, const char *folder, const char *shown)
{
    struct stat st = {.st_mode = S_IFDIR};
    char *copy = mem_strdup(folder);
    const char *at = copy;
    while (stat(at, &st) != 0 && (errno == ENOENT || errno == ENOTDIR))
        at = dirname(copy);
    if (!S_ISDIR(st.st_mode))
        errno = ENOTDIR;
    if (!S_ISDIR(st.st_mode) || access(at, W_OK | X_OK) != 0)
        problems_add(&check->problems, NULL, 0, 0,
                     "state folder %s cannot be made in %s: %s; nothing that needs it will run",
                     shown, at, strerror(errno));
    else
        check_network(check, at, shown);
    mem_free(copy);
}

void check_state_folder(struct check *check)
{
    struct stat st;
    struct err err;
    err_clear(&err);
    char *shown = path_show(check->config->state->folder);
    bool exists = stat(shown, &st) == 0;
    if (!exists)
        check_can_be_made(check, check->config->state->folder, shown);
    else if (safefile_private_dir(shown, &err) != 0)
        problems_add(&check->problems, NULL, 0, 0, "state folder %s", err.msg);
    else if (safefile_needs_group(&st, SAFEFILE_PRIVATE))
        problems_warn(&check->problems, NULL, 0, 0, "state folder %s: " SAFEFILE_GROUP, shown);
    else if (access(shown, W_OK) != 0)
        problems_add(&check->problems, NULL, 0, 0,
                     "state folder %s cannot be written: %s; nothing that needs it will run", shown,
                     strerror(errno));
    else
        check_network(check, shown, shown);
    mem_free(shown);
}

/* False: it could not be read. Whoever meets damage first sets the file aside, and the next one
 * finds none: nobody else would say so. What passes by itself, such as a lock, is not said. */
static bool look(struct check *check, int result, const struct err *err)
{
    if (result < 0 && err->kind == ERR_CONFIG)
        problems_add(&check->problems, NULL, 0, 0, "%s", err->msg);
    return result >= 0;
}

bool check_state_opens(struct check *check)
{
    struct store *store = store_new(check->config->state, NULL);
    struct err err;
    bool opens = true;
    if (check->config->state->url == NULL && store_exists(store))
        opens = look(check, store_ready(store, &err), &err);
    store_free(store);
    return opens;
}

/* Of all jobs that begin anew the first is reported: they moved together. */
static void check_anew(struct check *check, struct store *store)
{
    const struct config *config = check->config;
    const struct job *first = NULL;
    size_t count = 0;
    struct buf text, other;
    struct err err;
    buf_create(&text, ANEW_MAX);
    for (size_t i = 0; i < config->njobs && store_exists(store); i++) {
        buf_create(&other, ANEW_MAX);
        int anew = config_rows_begin_anew(config, &config->jobs[i], store, 0,
                                          count == 0 ? &text : &other, &err);
        look(check, anew, &err);
        if (anew == 1) {
            first = count == 0 ? &config->jobs[i] : first;
            count++;
        }
        buf_destroy(&other);
    }
    if (count > 1)
        buf_printf(&text, " (and so do %zu more jobs)", count - 1);
    if (first != NULL)
        problems_warn(&check->problems, first->shown, first->line, first->col, "%s", text.data);
    buf_destroy(&text);
}

/* A run would find out, and --online does: nothing that could be sent is known. */
static void check_signed_in(void *arg, const struct connector *connector,
                            const struct token_status *status)
{
    struct check *check = arg;
    const char *sign_in = provider_sign_in(connector);
    bool known = status->rotated || connector_secret(connector, PROVIDER_REFRESH_TOKEN) != NULL;
    if (sign_in != NULL && connector->lender == NULL && !known &&
        status->state != TOKEN_STATE_FRESH)
        problems_warn(&check->problems, connector->shown, connector->line, connector->col,
                      "connector '%s' has no refresh token, and nobody has signed in: jeton login "
                      "%s (%s)",
                      connector->name, connector->name, sign_in);
}

/* A database is reached only by --online, which makes its tables too. */
static bool can_look(struct check *check, struct store *store)
{
    struct err err;
    const struct config *config = check->config;
    if (config->state->url == NULL)
        return true;
    size_t before = problems_errors(&check->problems);
    secret_check(&config->state_password, &check->problems);
    secret_check(&config->state_key, &check->problems);
    if (problems_errors(&check->problems) > before)
        return false;
    if ((check->online ? store_open : store_check)(store, &err) != 0) {
        if (!check_secret_problem(check, &config->state_key, err.msg) &&
            !check_secret_problem(check, &config->state_password, err.msg))
            problems_add(&check->problems, config->state_shown, config->state_line,
                         config->state_col, "%s", err.msg);
        return false;
    }
    return check->online;
}

/* To a database: all other verbs refuse such a folder. */
static void check_moved(struct check *check, struct store *store)
{
    const struct config *config = check->config;
    char url[STORE_URL_MAX];
    struct err err;
    int moved = store_copy_moved(store, config->home, url, &err);
    look(check, moved, &err);
    if (moved == 1)
        problems_add(&check->problems, NULL, 0, 0,
                     "what the state %s had of %s was moved to %s: set `state` to that, or let "
                     "`jeton state unmove --yes` take it back",
                     config->state->folder, config->home, url);
}

static void warn_left(void *arg, const char *text)
{
    struct check *check = arg;
    problems_warn(&check->problems, NULL, 0, 0, "%s", text);
}

/* Rows of the path are not used once the name has some. Makes no state in a folder. */
void check_state(struct check *check)
{
    const struct config *config = check->config;
    struct store *store = store_new(config->state, NULL);
    struct err err;
    if (!can_look(check, store)) {
        store_free(store);
        return;
    }
    int split = config->name != NULL && store_exists(store)
                    ? config_rows_are_split(config, store, &err)
                    : 0;
    look(check, split, &err);
    if (split == 1)
        problems_warn(&check->problems, NULL, 0, 0,
                      "the state has rows of name '%s' and others of %s, so nothing was moved and "
                      "the latter are not used; `jeton state adopt %s --replace` joins them, and "
                      "where both have a token, a key or a count, that of the path stays",
                      config->name, config->files[0], config->files[0]);
    check_anew(check, store);
    bool exists = store_exists(store);
    int due = exists ? config_rows_are_due(config, store, &err) : 0;
    look(check, due, &err);
    if (exists)
        check_moved(check, store);
    if (exists && due != 1) /* else the next run takes along what waits */
        listen_left_look(config, store, warn_left, check);
    if (!check->online && due != 1)
        look(check,
             token_status_each(exists ? store : NULL, config->connectors, config->nconnectors,
                               check_signed_in, check, &err),
             &err);
    store_free(store);
}
