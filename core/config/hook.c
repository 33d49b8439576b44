#include "hook.h"

#include "allow.h"
#include "host.h"
#include "mem.h"

#include <string.h>

struct secret *hook_secret_at(const struct hook *hook, size_t index)
{
    if (index < hook->nsecrets)
        return &hook->secrets[index];
    index -= hook->nsecrets;
    if (index < hook->nnamed)
        return (struct secret *)(uintptr_t)&hook->named[index];
    bool is_forward = index == hook->nnamed && hook->forward_secret.kind != SECRET_NONE;
    return is_forward ? (struct secret *)(uintptr_t)&hook->forward_secret : NULL;
}

int hook_check_forward(const char *url, struct err *err)
{
    char *base = mem_strndup(url, strcspn(url, "?"));
    bool plain = url[strcspn(url, " \t\r\n#")] == '\0';
    int result = plain ? allow_check_base(base, err)
                       : err_set(err, ERR_CONFIG, "a URL holds no white space and no '#'");
    if (result != 0)
        err->kind = ERR_CONFIG;
    mem_free_secret(base);
    return result;
}

int hook_read_forward(struct hook *hook, struct redact *redact, struct err *err)
{
    const struct secret *secret = &hook->forward_secret;
    struct buf value;
    if (secret->kind == SECRET_NONE)
        return 0;
    buf_create_secret(&value, SECRET_BYTES_MAX);
    int result = secret_read(secret, redact, 0, &value, err);
    if (result == 0 && hook_check_forward(value.data, err) != 0)
        result =
            err_wrap(err, "%s:%d:%d: %s", secret->file, secret->line, secret->col, secret->name);
    if (result == 0) {
        mem_free_secret(hook->forward);
        hook->forward = buf_take(&value);
    }
    buf_destroy(&value);
    return result;
}

static int add_key(const struct hook *hook, const struct secret *secret, size_t index,
                   struct redact *redact, struct hook_secrets *keys, struct err *err)
{
    struct buf value;
    const char *name = index >= hook->nsecrets ? secret->key : NULL;
    buf_create_secret(&value, SECRET_BYTES_MAX);
    int result = secret_read(secret, redact, 0, &value, err);
    if (result == 0) {
        result = hook_secrets_add(keys, &hook->rules, name, value.data, value.len, err);
        if (result != 0)
            err_wrap(err, "%s:%d:%d: %s", secret->file, secret->line, secret->col, secret->name);
    }
    buf_destroy(&value);
    return result;
}

int hook_read_secrets(const struct hook *hook, struct redact *redact, struct hook_secrets **keys,
                      struct err *err)
{
    const struct secret *secret;
    *keys = hook_secrets_new();
    for (size_t i = 0; (secret = hook_secret_at(hook, i)) != NULL; i++) {
        if (secret->kind == SECRET_NONE || secret == &hook->forward_secret ||
            add_key(hook, secret, i, redact, *keys, err) == 0)
            continue;
        hook_secrets_free(*keys);
        *keys = NULL;
        return -1;
    }
    return 0;
}

void hook_hide(const struct hook *hook, struct redact *redact)
{
    const struct secret *secret;
    for (size_t i = 0; (secret = hook_secret_at(hook, i)) != NULL; i++)
        secret_hide_at_hand(secret, NULL, redact);
}

void hook_hide_files(const struct hook *hook, struct redact *redact)
{
    const struct secret *secret;
    for (size_t i = 0; (secret = hook_secret_at(hook, i)) != NULL; i++)
        secret_hide_file(secret, NULL, redact);
}

void hook_free(struct hook *hook)
{
    if (hook == NULL)
        return;
    for (size_t i = 0; i < hook->nsecrets; i++)
        secret_destroy(&hook->secrets[i]);
    for (size_t i = 0; i < hook->nnamed; i++) {
        secret_destroy(&hook->named[i]);
        mem_free(hook->names[i]);
    }
    for (size_t i = 0; i < hook->nobjects; i++)
        mem_free(hook->objects[i].id);
    hook_rules_destroy(&hook->rules);
    mem_free(hook->secrets);
    mem_free(hook->objects);
    mem_freev(hook->command);
    mem_freev(hook->environment);
    mem_freev(hook->shared);
    mem_free(hook->directory);
    mem_free(hook->script);
    mem_free_secret(hook->forward);
    secret_destroy(&hook->forward_secret);
    mem_free(hook->connector);
    mem_free(hook->preset);
    mem_free(hook->name);
    mem_free(hook->file);
    mem_free(hook->shown);
    mem_free(hook);
}

struct hook_listen *hook_listen_new(void)
{
    struct hook_listen *listen = mem_alloc(sizeof *listen);
    *listen = (struct hook_listen){
        .host = mem_strdup(CONFIG_LISTEN_HOST),
        .port = CONFIG_LISTEN_PORT,
        .grace_ms = CONFIG_LISTEN_GRACE_DEFAULT_MS,
        .max_connections = CONFIG_LISTEN_CONNECTIONS_DEFAULT,
    };
    return listen;
}

void hook_listen_free(struct hook_listen *listen)
{
    mem_free(listen->host);
    mem_free(listen->metrics_host);
    mem_free(listen->certificate);
    mem_free(listen->key);
    mem_free(listen);
}

bool hook_listen_is_loopback(const struct hook_listen *listen)
{
    return host_is_loopback(listen->host);
}

bool hook_listen_is_private(const struct hook_listen *listen)
{
    return hook_listen_is_loopback(listen) || listen->certificate != NULL || listen->behind_proxy;
}

bool hook_is_open(const struct hook *hook)
{
    return hook->rules.verify.kind == HOOK_NONE && strstr(hook->rules.path, "{secret}") == NULL;
}
