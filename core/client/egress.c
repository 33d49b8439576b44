#include "egress.h"

#include "allow.h"
#include "mem.h"

#include <string.h>

#define BY_HAND    "by-hand "
#define OWNER_SIZE ((size_t)16 * 1024)

struct search {
    struct engine *engine;
    const struct url *url;
    struct err *err; /* why the last owner may not */
    bool allowed;
};

char *egress_by_hand(const char *base, const char *const *allow_hosts)
{
    struct buf owner;
    buf_create(&owner, OWNER_SIZE);
    buf_printf(&owner, BY_HAND "%s", base);
    for (size_t i = 0; allow_hosts != NULL && allow_hosts[i] != NULL; i++)
        buf_printf(&owner, " %s", allow_hosts[i]);
    return buf_take(&owner);
}

/* "by-hand BASE PATTERN…": what egress_by_hand wrote. */
static int check_by_hand(const struct url *url, const char *owner, struct err *err)
{
    char *copy = mem_strdup(owner + strlen(BY_HAND));
    const char *hosts[EGRESS_HOSTS_MAX + 1] = {0};
    size_t count = 0;
    char *rest = NULL;
    const char *base = strtok_r(copy, " ", &rest);
    for (char *host = strtok_r(NULL, " ", &rest); host != NULL && count < EGRESS_HOSTS_MAX;
         host = strtok_r(NULL, " ", &rest))
        hosts[count++] = host;
    int result = allow_check(url, hosts, base, err);
    mem_free(copy);
    return result;
}

static int check_owner(const struct search *search, const char *owner, struct err *err)
{
    if (strncmp(owner, BY_HAND, strlen(BY_HAND)) == 0)
        return check_by_hand(search->url, owner, err);
    const struct config *config = search->engine->config;
    const struct connector *connector = config_connector(config, owner, err);
    if (connector == NULL)
        return -1;
    if (connector_allows_url(connector, search->url, err) != 0)
        return err_wrap(err, "a secret of connector '%s'", owner);
    return 0;
}

/* For each secret that is found: it is enough that one owner allows the host. A client's ID is
 * none, unless a secret is the same text. Returns whether to go on. */
static bool secret_found(void *arg, const char *const *owners)
{
    struct search *search = arg;
    search->allowed = false;
    err_set(search->err, ERR_AUTH,
            "a secret that belongs to no connector (token.hide gives it to one)");
    bool is_secret = owners[0] == NULL;
    for (size_t i = 0; owners[i] != NULL && !search->allowed; i++) {
        bool owns = strcmp(owners[i], REDACT_NO_SECRET) != 0;
        is_secret |= owns;
        search->allowed = owns && check_owner(search, owners[i], search->err) == 0;
    }
    search->allowed |= !is_secret;
    return search->allowed;
}

int egress_check(struct engine *engine, const struct url *url, const char *where, const char *text,
                 size_t len, struct err *err)
{
    struct err why;
    if (len == 0)
        return 0;
    engine_know_secrets(engine);
    struct search search = {.engine = engine, .url = url, .err = &why, .allowed = true};
    redact_find(engine->redact, text, len, secret_found, &search);
    if (search.allowed)
        return 0;
    return err_set(err, ERR_AUTH, "%s holds what must not go to %s: %s", where, url->host, why.msg);
}
