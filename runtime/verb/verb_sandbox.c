/* jeton sandbox: the local Kaizala. The server itself is scripts/sandbox; this reads the options.
 */
#include "verb.h"
#include "verb_lua.h"

#include "config_load.h"
#include "host.h"
#include "json.h"
#include "lock.h"
#include "mem.h"
#include "safefile.h"
#include "utf8.h"
#include "vm.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_HOST        "127.0.0.1"
#define DEFAULT_PORT        8480
#define DEFAULT_PER_MINUTE  100
#define TENANT_FACTOR       3 /* calls of a tenant for each of a connector, where only N is given */
#define PER_MINUTE_MAX      1000000000
#define PASSWORD_MIN        REDACT_MIN_BYTES
#define PASSWORD_MAX        ((size_t)1024)
#define HASH_HEAD           "$argon2id$"
#define HASH_MEMORY_MAX_KIB ((unsigned)(VM_MEMORY_DEFAULT / 1024))
#define HASH_PASSES_MAX     100U
#define LETTERS_DIGITS      "abcdefghijklmnopqrstuvwxyz0123456789"
#define MEDIA_MODE          0700
#define JSON_MAX            ((size_t)4 * 1024 * 1024) /* what a command line can be long */

struct sandbox_options {
    const char *listen;
    const char *db;
    const char *seed;
    const char *rate_limit;
    const char *password_file;
    struct opt_strings cors;
    bool exec;
};

/* What the options mean. */
struct sandbox_start {
    char *host;
    int64_t port;
    bool loopback;
    int64_t per_minute;
    int64_t tenant_per_minute;
    bool verbose;
    char password_hash[crypto_pwhash_STRBYTES]; /* argon2id; "": none */
};

/* Digits only. Moves *text behind them. */
static int read_number(const char **text, int64_t max, int64_t *number)
{
    char *end;
    if (**text < '0' || **text > '9')
        return -1;
    errno = 0;
    long long value = strtoll(*text, &end, 10);
    if (errno != 0 || value > max)
        return -1;
    *text = end;
    *number = value;
    return 0;
}

static int read_listen(const char *text, struct sandbox_start *start, struct err *err)
{
    if (host_read_address(text, &start->host, &start->port))
        return 0;
    return err_set(err, ERR_USAGE,
                   "--listen: '%s'; expected HOST:PORT, such as 127.0.0.1:%d or [::1]:0 "
                   "(0: a free port)",
                   text, DEFAULT_PORT);
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* As browsers write it: lower case, no default port, no path. Not "null", which any page can be. */
static int check_origin(const char *text, struct err *err)
{
    const char *host = strstr(text, "://");
    size_t scheme = strspn(text, LETTERS_DIGITS "+.-");
    if (host != NULL && host == text + scheme && scheme > 0) {
        host += strlen("://");
        bool default_port = (scheme == strlen("http") && ends_with(host, ":80")) ||
                            (scheme == strlen("https") && ends_with(host, ":443"));
        if (*host != '\0' && host[strspn(host, LETTERS_DIGITS ".-_:[]")] == '\0' && !default_port)
            return 0;
    }
    return err_set(err, ERR_USAGE,
                   "--cors: '%s'; expected one origin as a browser sends it, such as "
                   "http://localhost:3000 (lower case, no path, no default port, no *)",
                   text);
}

/* "N" or "N,M" */
static int read_rate_limit(const char *text, struct sandbox_start *start, struct err *err)
{
    const char *rest = text;
    if (read_number(&rest, PER_MINUTE_MAX, &start->per_minute) == 0) {
        start->tenant_per_minute = start->per_minute * TENANT_FACTOR;
        if (*rest == '\0')
            return 0;
        if (*rest++ == ',' && read_number(&rest, PER_MINUTE_MAX, &start->tenant_per_minute) == 0 &&
            *rest == '\0')
            return 0;
    }
    return err_set(err, ERR_USAGE,
                   "--rate-limit: '%s'; expected calls a minute of a connector, and of a tenant "
                   "after a comma: 100,300 (0: no limit)",
                   text);
}

static int bad_password_file(const char *path, const char *what, struct err *err)
{
    return err_set(err, ERR_CONFIG, "--password-file: %s: %s", path, what);
}

/* A hash that libsodium can read, and that does not take minutes or all memory to try. */
static bool good_hash(const char *hash)
{
    unsigned memory_kib, passes;
    return strlen(hash) < crypto_pwhash_STRBYTES &&
           sscanf(hash, HASH_HEAD "v=19$m=%u,t=%u,", &memory_kib, &passes) == 2 &&
           memory_kib <= HASH_MEMORY_MAX_KIB && passes <= HASH_PASSES_MAX &&
           crypto_pwhash_str_needs_rehash(hash, crypto_pwhash_OPSLIMIT_INTERACTIVE,
                                          crypto_pwhash_MEMLIMIT_INTERACTIVE) >= 0;
}

/* The first line: an argon2id hash as it is, or a password, of which only the hash stays. */
static int hash_password(const char *path, const struct buf *line, char *hash, struct err *err)
{
    if (strncmp(line->data, HASH_HEAD, sizeof HASH_HEAD - 1) == 0) {
        if (!good_hash(line->data))
            return bad_password_file(
                path,
                "expected an argon2id hash of at most 512 MiB and 100 passes, as "
                "crypto.password_hash of Lua makes it",
                err);
        strcpy(hash, line->data);
        return 0;
    }
    if (line->len < PASSWORD_MIN)
        return err_set(err, ERR_CONFIG,
                       "--password-file: %s: expected a password of at least %d bytes, or its "
                       "argon2id hash, on the first line",
                       path, PASSWORD_MIN);
    if (crypto_pwhash_str(hash, line->data, line->len, crypto_pwhash_OPSLIMIT_INTERACTIVE,
                          crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0)
        return bad_password_file(path, "not enough memory for argon2id", err);
    return 0;
}

static int read_password(const char *path, struct app *app, char *hash, struct err *err)
{
    struct buf line;
    buf_create_secret(&line, PASSWORD_MAX);
    int result = -1;
    if (sodium_init() < 0) {
        bad_password_file(path, "libsodium cannot be used on this machine", err);
    } else if (safefile_read(path, SAFEFILE_PRIVATE_OR_PIPE, &line, err) != 0) {
        err_wrap(err, "--password-file");
    } else if (strlen(line.data) != line.len) {
        bad_password_file(path, "it holds a NUL byte", err);
    } else {
        buf_drop(&line, utf8_mark(line.data, line.len));
        line.len = strcspn(line.data, "\r\n");
        line.data[line.len] = '\0';
        result = hash_password(path, &line, hash, err);
    }
    if (result == 0)
        redact_add(app->redact, hash, strlen(hash));
    buf_destroy(&line);
    return result;
}

static int read_start(const struct sandbox_options *options, struct app *app,
                      struct sandbox_start *start, struct err *err)
{
    start->host = mem_strdup(DEFAULT_HOST);
    start->port = options->exec ? 0 : DEFAULT_PORT;
    start->per_minute = DEFAULT_PER_MINUTE;
    start->tenant_per_minute = DEFAULT_PER_MINUTE * TENANT_FACTOR;
    start->verbose = app->verbosity > 0;
    if (options->db != NULL && *options->db == '\0')
        return err_set(err, ERR_USAGE, "--db: expected a file, got ''");
    struct stat st;
    if (options->db != NULL && stat(options->db, &st) == 0 && !S_ISREG(st.st_mode))
        return err_set(err, ERR_CONFIG, "--db: %s is no regular file", options->db);
    if (options->listen != NULL && read_listen(options->listen, start, err) != 0)
        return -1;
    if (options->rate_limit != NULL && read_rate_limit(options->rate_limit, start, err) != 0)
        return -1;
    for (size_t i = 0; i < options->cors.count; i++) {
        if (check_origin(options->cors.items[i], err) != 0)
            return -1;
    }
    start->loopback = host_is_loopback(start->host);
    if (!start->loopback && options->password_file == NULL)
        return err_set(err, ERR_USAGE,
                       "--listen: other machines can reach %s; this needs --password-file FILE, "
                       "and a proxy with TLS in front",
                       start->host);
    if (options->password_file != NULL)
        return read_password(options->password_file, app, start->password_hash, err);
    return 0;
}

static int put_text(struct buf *out, const char *name, const char *text, struct err *err)
{
    if (text == NULL)
        return 0;
    buf_printf(out, ",\"%s\":", name);
    if (json_write_string(out, text, strlen(text)) != 0)
        return err_set(err, ERR_USAGE, "%s: not valid UTF-8, or too long", name);
    return 0;
}

/* Nothing if there are none. */
static int put_texts(struct buf *out, const char *name, const char *const *texts, size_t count,
                     struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        if (i == 0)
            buf_printf(out, ",\"%s\":[", name);
        else
            buf_puts(out, ",");
        if (json_write_string(out, texts[i], strlen(texts[i])) != 0)
            return err_set(err, ERR_USAGE, "%s: value %zu is not valid UTF-8, or too long", name,
                           i + 1);
    }
    buf_puts(out, count > 0 ? "]" : "");
    return 0;
}

/* The options as sandbox.main reads them. argv: the command of --exec, NULL for none. */
static int write_json(const struct sandbox_options *options, const struct sandbox_start *start,
                      char *const *argv, struct buf *out, struct err *err)
{
    buf_printf(out, "{\"port\":%lld,\"per_minute\":%lld,\"tenant_per_minute\":%lld,\"verbose\":%s",
               (long long)start->port, (long long)start->per_minute,
               (long long)start->tenant_per_minute, start->verbose ? "true" : "false");
    const char *password_hash = start->password_hash[0] != '\0' ? start->password_hash : NULL;
    if (put_text(out, "host", start->host, err) != 0 ||
        put_text(out, "db", options->db, err) != 0 ||
        put_text(out, "seed", options->seed, err) != 0 ||
        put_text(out, "password_hash", password_hash, err) != 0)
        return -1;
    size_t count = 0;
    while (argv != NULL && argv[count] != NULL)
        count++;
    if (put_texts(out, "cors", options->cors.items, options->cors.count, err) != 0 ||
        put_texts(out, "argv", (const char *const *)argv, count, err) != 0)
        return -1;
    buf_puts(out, "}");
    return 0;
}

/* By the folder of its media. Where that cannot be made or locked, the server says so, or need not.
 * Refuses only what another sandbox uses. */
static int hold_database(const char *db, const char *media, struct lock *lock, struct err *err)
{
    struct err ignored;
    (void)mkdir(media, MEDIA_MODE);
    if (lock_block_folder(lock, media, 0, &ignored) == 0 || ignored.kind != ERR_BUSY)
        return 0;
    return err_set(err, ERR_BUSY,
                   "--db: another sandbox uses %s; stop that one, or give this one a file of its "
                   "own",
                   db);
}

/* Runs sandbox.main in a vm of its own. A configuration of the user plays no part. */
static int run(struct app *app, const char *json, struct err *err)
{
    struct config *config = app_empty_config(app, err);
    if (config == NULL)
        return -1;
    int status = verb_lua(app, config, "sandbox.main", "main", json, NULL, err);
    config_free(config);
    return status;
}

/* Where --exec stands: it takes the rest of the line, whatever that looks like. argc where not. */
static int find_exec(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--exec") == 0)
            return i;
    }
    return argc;
}

/* exec: where --exec stands, or argc. */
static int parse(struct app *app, struct sandbox_options *options, int exec, int argc, char **argv,
                 struct err *err)
{
    const struct opt opts[] = {
        {0, "listen", OPT_STRING, &options->listen, "HOST:PORT",
         "where to listen (default 127.0.0.1:8480; with --exec, a free port); port 0: a free port"},
        {0, "db", OPT_STRING, &options->db, "FILE",
         "keep everything in this file (default: in memory)"},
        {0, "seed", OPT_STRING, &options->seed, "FILE",
         "the tenant to start with (default: a small demo tenant)"},
        {0, "rate-limit", OPT_STRING, &options->rate_limit, "N[,M]",
         "calls per minute for each connector and each tenant (default 100,300; M: 3 times N; 0: "
         "no limit)"},
        {0, "password-file", OPT_STRING, &options->password_file, "FILE",
         "the control routes and the portal require this password (or argon2id hash); without one "
         "HOST must be loopback"},
        {0, "cors", OPT_STRINGS, &options->cors, "ORIGIN",
         "let web pages of this origin call the services, such as http://localhost:3000; may be "
         "repeated (default: no page of another origin)"},
        {0, "exec", OPT_FLAG, &options->exec, NULL,
         "run the rest of the line against it, then stop and exit with its status"},
        {0, NULL, OPT_FLAG, NULL, NULL, NULL},
    };
    const struct opt_spec spec = {
        .usage = "jeton sandbox [OPTIONS]\njeton sandbox [OPTIONS] --exec CMD [ARG…]\n"
                 "jeton sandbox trigger [OPTIONS] EVENT",
        .description = "Starts a local Kaizala: token service, groups, members, messages; "
                       "control routes below /_sandbox/.",
        .opts = opts,
        .max_operands = app->completing != NULL ? -1 : 0,
        .operands = exec < argc - 1 ? "FILE" : "trigger",
        .instead = "a script is run against a sandbox by: jeton run --sandbox SCRIPT",
    };
    bool own = exec < argc && app->completing == NULL; /* else the command's words are looked at */
    return app_options_alone(app, &spec, own ? exec + 1 : argc, argv, err);
}

/* A link's media are beside the file that it leads to: by any name it is the same database. NULL:
 * it is none. */
static char *linked(const char *db)
{
    struct stat st;
    char real[PATH_MAX];
    bool is_link = db != NULL && lstat(db, &st) == 0 && S_ISLNK(st.st_mode);
    return is_link && realpath(db, real) != NULL ? mem_strdup(real) : NULL;
}

static int run_alone(struct app *app, const char *db, const char *json, struct err *err)
{
    if (db == NULL || *db == '\0' || strcmp(db, ":memory:") == 0)
        return run(app, json, err);
    char *media = mem_printf("%s.media", db); /* as sandbox.main calls it */
    struct lock lock;
    lock_create(&lock, NULL);
    int status = hold_database(db, media, &lock, err);
    if (status == 0) {
        status = run(app, json, err);
        if (status != 0)
            rmdir(media); /* where it is empty: it may have been made for nothing */
    }
    lock_release(&lock);
    mem_free(media);
    return status;
}

static int start(struct app *app, struct sandbox_options *options, char *const *command,
                 struct err *err)
{
    struct sandbox_start start = {0};
    struct buf json;
    int status = -1;
    char *real = linked(options->db);
    if (real != NULL)
        options->db = real;
    buf_create_secret(&json, JSON_MAX);
    if (read_start(options, app, &start, err) != 0 ||
        write_json(options, &start, command, &json, err) != 0)
        goto cleanup;
    if (!start.loopback)
        log_msg(
            app->log, LOG_WARN,
            "others can reach %s, and nothing is encrypted: passwords, secrets and tokens can be "
            "read on the way; put a proxy with TLS in front of it",
            start.host);
    status = run_alone(app, options->db, json.data, err);
cleanup:
    buf_destroy(&json);
    mem_free(start.host);
    mem_free(real);
    explicit_bzero(&start.password_hash, sizeof start.password_hash);
    return status;
}

int verb_sandbox(struct app *app, int argc, char **argv, struct err *err)
{
    struct sandbox_options options = {0};
    bool typed = app->completing == NULL || argc > 2; /* not the word that is being typed */
    if (argc > 1 && strcmp(argv[1], "trigger") == 0 && typed)
        return verb_sandbox_trigger(app, argc - 1, argv + 1, err);
    int exec = find_exec(argc, argv);
    int status = parse(app, &options, exec, argc, argv, err);
    if (status <= 0)
        goto cleanup;
    int first = exec + 1 < argc && strcmp(argv[exec + 1], "--") == 0 ? exec + 2 : exec + 1;
    if (exec < argc && !options.exec)
        status = err_set(err, ERR_USAGE, "%s: expected a value after it", argv[exec - 1]);
    else if (options.exec && first >= argc)
        status = err_set(err, ERR_USAGE, "--exec: expected a command after it");
    else
        status = start(app, &options, options.exec ? argv + first : NULL, err);
cleanup:
    mem_free(options.cors.items);
    return status;
}
