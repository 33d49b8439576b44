/* How a connection is made: only what the URL and `state` say counts, and what is weak is refused.
 */
#include "clock.h"
#include "mem.h"
#include "safefile.h"
#include "store_pg.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TRUST_FILE  "/etc/ssl/certs/ca-certificates.crt"
#define NO_FILE     "/dev/null/none" /* a path that nothing can be at */
#define PARAMS_MAX  32
#define SECRET_MAX  ((size_t)64 * 1024)
#define PASSWORD_MS 5000 /* at least, until it is read again */
#define ENV_MAX     64
#define ENV_PREFIX  "PG"
#define DIGITS      "0123456789"
#define STATE_CHARS DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

extern char **environ;

/* The environment: libpq would take from it what the URL does not say, while it connects. */

struct env {
    char *kept[ENV_MAX];
    size_t count;
};

static void env_hide(struct env *env)
{
    env->count = 0;
    for (char **at = environ; *at != NULL && env->count < ENV_MAX;) {
        if (strncmp(*at, ENV_PREFIX, sizeof ENV_PREFIX - 1) != 0) {
            at++;
            continue;
        }
        char *entry = mem_strdup(*at);
        env->kept[env->count++] = entry;
        char *name = mem_strndup(entry, strcspn(entry, "="));
        unsetenv(name);
        mem_free(name);
        at = environ;
    }
}

static void env_show(struct env *env)
{
    for (size_t i = 0; i < env->count; i++) {
        char *equals = strchr(env->kept[i], '=');
        *equals = '\0';
        setenv(env->kept[i], equals + 1, 1);
        mem_free(env->kept[i]);
    }
}

PostgresPollingStatusType store_pg_connect_poll(struct store_pg *pg)
{
    struct env env;
    env_hide(&env);
    PostgresPollingStatusType status = pg->api.PQconnectPoll(pg->conn);
    env_show(&env);
    return status;
}

/* The URL */

static const char *value_of(const PQconninfoOption *options, const char *keyword)
{
    for (; options->keyword != NULL; options++) {
        if (strcmp(options->keyword, keyword) == 0)
            return options->val;
    }
    return NULL;
}

static bool is_near(const char *host, size_t len)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "::1"};
    if (len == 0 || host[0] == '/')
        return true;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strlen(names[i]) == len && strncmp(host, names[i], len) == 0)
            return true;
    }
    return false;
}

/* All hosts of a list, of which NULL is none. */
static bool are_near(const char *hosts)
{
    while (hosts != NULL) {
        size_t len = strcspn(hosts, ",");
        if (!is_near(hosts, len))
            return false;
        hosts = hosts[len] == ',' ? hosts + len + 1 : NULL;
    }
    return true;
}

static int check_options(const PQconninfoOption *options, struct err *err)
{
    static const char *const allowed[] = {
        "host", "hostaddr", "port", "dbname", "user", "sslmode", "target_session_attrs",
    };
    for (const PQconninfoOption *one = options; one->keyword != NULL; one++) {
        bool known = one->val == NULL;
        for (size_t i = 0; !known && i < sizeof allowed / sizeof allowed[0]; i++)
            known = strcmp(one->keyword, allowed[i]) == 0;
        if (strcmp(one->keyword, "password") == 0 && one->val != NULL)
            return err_set(err, ERR_CONFIG,
                           "state.url holds a password; put it where `state.password` says");
        if (!known)
            return err_set(err, ERR_CONFIG, "state.url: '%s' cannot be set there", one->keyword);
    }
    if (value_of(options, "user") == NULL || value_of(options, "dbname") == NULL)
        return err_set(err, ERR_CONFIG, "state.url names no %s (postgresql://USER@HOST/DATABASE)",
                       value_of(options, "user") == NULL ? "user" : "database");
    const char *mode = value_of(options, "sslmode");
    if (mode != NULL && strcmp(mode, "verify-full") != 0 &&
        (!are_near(value_of(options, "host")) || !are_near(value_of(options, "hostaddr"))))
        return err_set(err, ERR_CONFIG,
                       "state.url: sslmode=%s does not prove whose the server is; "
                       "another host than this one needs sslmode=verify-full",
                       mode);
    return 0;
}

/* NULL with err. To be freed by PQconninfoFree. */
static PQconninfoOption *parse(struct store_pg *pg, struct err *err)
{
    char *said = NULL;
    PQconninfoOption *options = pg->api.PQconninfoParse(pg->place.url, &said);
    if (options == NULL) /* what it says may hold a password */
        err_set(err, ERR_CONFIG,
                "state.url is no URL of a database "
                "(postgresql://USER@HOST/DATABASE)");
    if (said != NULL)
        pg->api.PQfreemem(said);
    if (options != NULL && check_options(options, err) != 0) {
        pg->api.PQconninfoFree(options);
        return NULL;
    }
    return options;
}

int store_pg_url_check(struct store_pg *pg, struct err *err)
{
    PQconninfoOption *options = parse(pg, err);
    if (options == NULL)
        return -1;
    const char *host = value_of(options, "host");
    mem_free(pg->label);
    pg->label = mem_printf("state in database '%s' on %s", value_of(options, "dbname"),
                           host != NULL && host[0] != '\0' ? host : "this host");
    pg->api.PQconninfoFree(options);
    return 0;
}

/* Connecting */

struct params {
    const char *keywords[PARAMS_MAX + 1];
    const char *values[PARAMS_MAX + 1];
    size_t count;
};

static void put(struct params *params, const char *keyword, const char *value)
{
    params->keywords[params->count] = keyword;
    params->values[params->count++] = value;
}

/* Hosts */

/* The next entry of a list; "" behind its last one. */
static const char *next_of(char **list)
{
    const char *entry = *list != NULL ? strsep(list, ",") : NULL;
    return entry != NULL ? entry : "";
}

static bool is_named(const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];
    return host[0] != '\0' && host[0] != '/' && host[0] != '@' &&
           inet_pton(AF_INET, host, address) != 1 && inet_pton(AF_INET6, host, address) != 1;
}

int store_pg_connect_find(struct store_pg *pg, lookup_fn *found, struct err *err)
{
    const char *names[LOOKUP_NAMES_MAX];
    size_t count = 0;
    bool any = false;
    PQconninfoOption *options = parse(pg, err);
    if (options == NULL)
        return -1;
    char *hosts = mem_strdup(value_of(options, "host")), *rest = hosts;
    for (; rest != NULL && count < LOOKUP_NAMES_MAX; count++) {
        const char *host = next_of(&rest);
        names[count] = is_named(host) ? host : NULL;
        any = any || names[count] != NULL;
    }
    if (rest != NULL)
        err_set(err, ERR_CONFIG, "state.url names over %d hosts", LOOKUP_NAMES_MAX);
    bool finds = rest == NULL && any && value_of(options, "hostaddr") == NULL;
    if (finds)
        pg->lookup = lookup_start(pg->loop, names, count, found, pg, err);
    bool failed = rest != NULL || (finds && pg->lookup == NULL);
    pg->api.PQconninfoFree(options);
    mem_free(hosts);
    return failed ? -1 : finds ? 1 : 0;
}

/* What libpq gets in the place of the URL's hosts: each as often as it has addresses. Its name
 * stays beside them, for the certificate. */
struct hosts {
    struct buf host, address, port;
};

static void hosts_create(struct hosts *hosts)
{
    buf_create(&hosts->host, BUF_LIMIT_LINE);
    buf_create(&hosts->address, BUF_LIMIT_LINE);
    buf_create(&hosts->port, BUF_LIMIT_LINE);
}

static void hosts_destroy(struct hosts *hosts)
{
    buf_destroy(&hosts->host);
    buf_destroy(&hosts->address);
    buf_destroy(&hosts->port);
}

static void hosts_add(struct hosts *hosts, const char *host, const char *address, const char *port)
{
    const char *comma = hosts->host.len > 0 ? "," : "";
    buf_printf(&hosts->host, "%s%s", comma, host);
    buf_printf(&hosts->address, "%s%s", comma, address);
    buf_printf(&hosts->port, "%s%s", comma, port);
}

static void hosts_fill(struct hosts *hosts, const PQconninfoOption *options,
                       const struct lookup_found *found)
{
    char *names = mem_strdup(value_of(options, "host")), *name_rest = names;
    char *ports = mem_strdup(value_of(options, "port")), *port_rest = ports;
    bool one_port = ports == NULL || strchr(ports, ',') == NULL;
    size_t at = 0;
    for (size_t i = 0; name_rest != NULL; i++) {
        const char *name = next_of(&name_rest);
        const char *port = one_port ? ports : next_of(&port_rest);
        if (!is_named(name))
            hosts_add(hosts, name, "", port != NULL ? port : "");
        for (; at < found->count && found->addresses[at].name == i; at++)
            hosts_add(hosts, name, found->addresses[at].text, port != NULL ? port : "");
    }
    mem_free(names);
    mem_free(ports);
}

static size_t entries(const char *list)
{
    size_t count = 1;
    for (; (list = strchr(list, ',')) != NULL; list++)
        count++;
    return count;
}

/* A list from another entry on; mem_free. */
static char *turned(const char *list, size_t turn)
{
    const char *from = list;
    for (size_t i = 0; i < turn; i++)
        from = strchr(from, ',') + 1;
    return turn == 0 ? mem_strdup(list) : mem_printf("%s,%.*s", from, (int)(from - list) - 1, list);
}

/* Where the last connection has failed, this one begins with the next host: libpq itself goes on
 * only from one that refuses at once. */
static void turn_hosts(struct store_pg *pg, struct params *params, char *lists[])
{
    static const char *const keywords[] = {"host", "hostaddr", "port"};
    pg->nhosts = 1;
    for (size_t i = 0; i < params->count; i++) {
        for (size_t k = 0; k < sizeof keywords / sizeof keywords[0]; k++) {
            size_t count = entries(params->values[i]);
            if (strcmp(params->keywords[i], keywords[k]) != 0 || count == 1)
                continue;
            pg->nhosts = count;
            params->values[i] = lists[k] = turned(params->values[i], pg->turn % count);
        }
    }
}

static void ignore_notice(void *arg, const char *text)
{
    (void)arg;
    (void)text;
}

static void put_url(struct params *params, const PQconninfoOption *options,
                    const struct hosts *hosts)
{
    for (const PQconninfoOption *one = options; one->keyword != NULL; one++) {
        bool replaced = hosts != NULL &&
                        (strcmp(one->keyword, "host") == 0 || strcmp(one->keyword, "port") == 0);
        if (one->val != NULL && params->count < PARAMS_MAX / 2 && !replaced)
            put(params, one->keyword, one->val);
    }
    if (hosts == NULL)
        return;
    put(params, "host", hosts->host.data);
    put(params, "hostaddr", hosts->address.data);
    put(params, "port", hosts->port.data);
}

/* By the rules of other certificates that are trusted. Of one that is not there libpq tells, where
 * it needs it; it would wait for a pipe. */
static int check_trust(const struct store_pg *pg, struct err *err)
{
    const char *path = pg->place.ca_file;
    if (path == NULL || access(path, F_OK) != 0)
        return 0;
    int fd = safefile_open(path, SAFEFILE_NOT_WRITABLE, err);
    if (fd < 0)
        return err_wrap(err, "%s: ca_file", pg->label);
    close(fd);
    return 0;
}

static int begin(struct store_pg *pg, const PQconninfoOption *options, const struct hosts *hosts,
                 struct err *err)
{
    bool near = are_near(value_of(options, "host")) && are_near(value_of(options, "hostaddr"));
    struct params params = {.count = 0};
    char *lists[3] = {NULL};
    if (check_trust(pg, err) != 0)
        return -1;
    put_url(&params, options, hosts);
    turn_hosts(pg, &params, lists);
    if (value_of(options, "sslmode") == NULL)
        put(&params, "sslmode", near ? "prefer" : "verify-full");
    if (value_of(options, "target_session_attrs") == NULL && value_of(options, "host") != NULL &&
        strchr(value_of(options, "host"), ',') != NULL)
        put(&params, "target_session_attrs", "read-write");
    put(&params, "sslrootcert", pg->place.ca_file != NULL ? pg->place.ca_file : TRUST_FILE);
    put(&params, "gssencmode", "disable");
    put(&params, "passfile", NO_FILE);
    put(&params, "client_encoding", "UTF8");
    put(&params, "application_name", "jeton");
    put(&params, "keepalives_idle", "10");
    put(&params, "keepalives_interval", "5");
    put(&params, "keepalives_count", "3");
    if (pg->password != NULL)
        put(&params, "password", pg->password);
    struct env env;
    env_hide(&env);
    pg->conn = pg->api.PQconnectStartParams(params.keywords, params.values, 0);
    env_show(&env);
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        mem_free(lists[i]);
    if (pg->conn == NULL)
        return err_set(err, ERR_CONFIG, "%s: out of memory", pg->label);
    if (pg->api.PQstatus(pg->conn) == CONNECTION_BAD) {
        store_pg_connect_failed(pg, err);
        return -1;
    }
    pg->api.PQsetErrorVerbosity(pg->conn, PQERRORS_VERBOSE); /* SQLSTATE has no other way out */
    pg->api.PQsetNoticeProcessor(pg->conn, ignore_notice, NULL);
    return 0;
}

int store_pg_connect(struct store_pg *pg, const struct lookup_found *found, struct err *err)
{
    struct hosts hosts;
    PQconninfoOption *options = parse(pg, err);
    if (options == NULL)
        return -1;
    hosts_create(&hosts);
    if (found != NULL)
        hosts_fill(&hosts, options, found);
    int result = -1;
    if (found == NULL || hosts.host.len > 0) {
        result = begin(pg, options, found != NULL ? &hosts : NULL, err);
    } else {
        err_set(err, ERR_NETWORK, "%s: its address cannot be found: %s", pg->label, found->why);
        err->retryable = true;
    }
    hosts_destroy(&hosts);
    pg->api.PQconninfoFree(options);
    return result;
}

/* 08P01 is all that pgbouncer says: also that it has too many clients, or has not heard one out. */
static bool pooler_stays(const char *said)
{
    static const char *const always[] = {"no such ", "not allowed", "unsupported ",
                                         "authentication failed", "config error"};
    for (size_t i = 0; i < sizeof always / sizeof always[0]; i++) {
        if (strstr(said, always[i]) != NULL)
            return true;
    }
    return false;
}

/* What a handshake has refused is refused again. One that broke, since the server was restarted or
 * another one takes its place, is not, nor one that a gateway without a server has ended. */
static bool tls_stays(const char *said)
{
    static const char *const broken[] = {
        "SSL SYSCALL error", "SSL negotiation packet", "SSL connection has been closed",
        "SSL error: unexpected eof", "SSL error: tlsv1 alert internal error"};
    for (const char *at = said; (at = strstr(at, "SSL")) != NULL;) {
        size_t i = 0, count = sizeof broken / sizeof broken[0];
        while (i < count && strncmp(at, broken[i], strlen(broken[i])) != 0)
            i++;
        if (i == count)
            return true;
        at += strlen(broken[i]);
    }
    return false;
}

/* "…FATAL:  28P01: …": where the state stands; NULL: the server said nothing. */
static const char *find_state(const char *said)
{
    for (const char *at = said; (at = strchr(at, ':')) != NULL; at++) {
        const char *state = at + 1 + strspn(at + 1, " ");
        if (state > at + 1 && strspn(state, STATE_CHARS) == 5 && state[5] == ':' &&
            strcspn(state, DIGITS) < 5) /* not "FATAL" */
            return state;
    }
    return NULL;
}

int store_pg_password_read(struct store_pg *pg, struct err *err)
{
    struct buf text;
    buf_create_secret(&text, SECRET_MAX);
    int result = pg->place.read(pg->place.arg, STATE_PASSWORD, &text, err);
    bool other = result == 1 && (pg->password == NULL || strcmp(pg->password, text.data) != 0);
    if (other) {
        mem_free_secret(pg->password);
        pg->password = mem_strdup(text.data);
    }
    pg->password_ms = clock_mono_ms();
    buf_destroy(&text);
    return result < 0 ? -1 : other;
}

/* The one that was refused has been replaced, or is good for some minutes only. */
static bool has_another_password(struct store_pg *pg)
{
    struct err ignored;
    return clock_mono_ms() - pg->password_ms >= PASSWORD_MS &&
           store_pg_password_read(pg, &ignored) == 1;
}

void store_pg_connect_failed(struct store_pg *pg, struct err *err)
{
    const char *said = pg->api.PQerrorMessage(pg->conn);
    const char *state = find_state(said);
    const char *text = state != NULL ? state + 6 + strspn(state + 6, " ") : said;
    /* What the server will always say, and what a handshake has refused. */
    bool barred = (state != NULL && strncmp(state, "28", 2) == 0) ||
                  strstr(said, "authentication failed") != NULL;
    bool stays = state != NULL
                     ? strncmp(state, "28", 2) == 0 || strncmp(state, "3D", 2) == 0 ||
                           strncmp(state, "42", 2) == 0 || strncmp(state, "0A", 2) == 0 ||
                           (strncmp(state, "08P", 3) == 0 && pooler_stays(said))
                     : strstr(said, "certificate") != NULL || tls_stays(said) ||
                           strstr(said, "password") != NULL || strstr(said, "invalid") != NULL;
    err_set(err, stays ? ERR_CONFIG : ERR_NETWORK, "%s: cannot connect: %.*s", pg->label,
            (int)strcspn(text, "\n"), text);
    err->retryable = !stays;
    if (barred && has_another_password(pg)) {
        err->kind = ERR_NETWORK;
        err->retryable = true;
    }
}
