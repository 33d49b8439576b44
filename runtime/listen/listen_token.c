#include "listen_token.h"

#include "mem.h"
#include "store_runs.h"

#include <sodium.h>
#include <string.h>

#define KAIZALA     "kaizala" /* preset of webhooks, and provider of the connector */
#define TOKEN_KEY   "callback_token"
#define TOKEN_BYTES 24
#define TOKEN_MAX   ((size_t)4096)

bool listen_token_is_kaizala(const struct hook *hook)
{
    return hook->preset != NULL && strcmp(hook->preset, KAIZALA) == 0;
}

/* 1: another host has made one meanwhile. */
static int make_token(struct store *store, const char *scope, struct buf *token, struct err *err)
{
    unsigned char random[TOKEN_BYTES];
    char hex[TOKEN_BYTES * 2 + 1];
    randombytes_buf(random, sizeof random);
    sodium_bin2hex(hex, sizeof hex, random, sizeof random);
    buf_puts(token, hex);
    const struct store_kv item = {.key = TOKEN_KEY, .value = token->data, .len = token->len};
    const struct store_kv_seen none = {.key = TOKEN_KEY};
    struct store_call call = {
        .op = STORE_KV_WRITE,
        .kv = {.scope = scope, .items = &item, .count = 1, .seen = &none, .nseen = 1}};
    sodium_memzero(hex, sizeof hex);
    return store_wait(store, &call, err);
}

/* Not among the keys that the hook's handler sees. */
static int own_token(const struct config *config, const struct hook *hook, struct buf *token,
                     struct err *err)
{
    char scope[STORE_SCOPE_SIZE];
    char *name = mem_printf("callback of %s", hook->name);
    struct store *store = store_new(config->state, NULL);
    store_scope(scope, name, hook->home);
    int result = store_kv_get(store, scope, TOKEN_KEY, token, err);
    if (result == 0 && (result = make_token(store, scope, token, err)) == 1) {
        buf_clear(token);
        result = store_kv_get(store, scope, TOKEN_KEY, token, err);
    }
    store_free(store);
    mem_free(name);
    return result < 0 ? -1 : 0;
}

int listen_token_get(struct app *app, const struct config *config, const struct hook *hook,
                     struct hook_secrets *keys, char **token, struct err *err)
{
    char *key = mem_printf("`connector` of webhook '%s'", hook->name);
    const struct connector *connector = hook->connector != NULL
                                            ? config_connector(config, hook->connector, err)
                                            : config_only_connector(config, KAIZALA, key, err);
    struct buf value;
    int result;
    mem_free(key);
    if (connector == NULL)
        return -1;
    buf_create_secret(&value, TOKEN_MAX);
    if (hook->nsecrets > 0)
        result = secret_read(&hook->secrets[0], app->redact, 0, &value, err);
    else
        result = own_token(config, hook, &value, err);
    /* The subscription tells it to the connector's service, and to nobody else. */
    if (result == 0)
        redact_add_owned(app->redact, value.data, value.len, connector->name);
    if (result == 0 && hook->nsecrets == 0)
        result = hook_secrets_add(keys, &hook->rules, NULL, value.data, value.len, err);
    if (result == 0)
        *token = buf_take(&value);
    buf_destroy(&value);
    return result;
}
