#include "listen_plan.h"

#include "config_load.h"
#include "listen_token.h"
#include "mem.h"
#include "safefile.h"
#include "server.h"

#include <sodium.h>
#include <string.h>

#define PEM_MAX ((size_t)64 * 1024)

static int read_pem(const char *path, enum safefile_rule rule, char **pem, struct err *err)
{
    struct buf text;
    buf_create_secret(&text, PEM_MAX);
    int result = safefile_read(path, rule, &text, err);
    if (result == 0)
        *pem = buf_take(&text);
    buf_destroy(&text);
    return result;
}

int listen_plan_read_certificate(const struct hook_listen *listen, char **certificate, char **key,
                                 struct err *err)
{
    if (read_pem(listen->certificate, SAFEFILE_NOT_WRITABLE, certificate, err) != 0 ||
        read_pem(listen->key, SAFEFILE_PRIVATE, key, err) != 0)
        return -1;
    return server_check_certificate(*certificate, *key, err) == 0
               ? 0
               : err_wrap(err, "%s, %s", listen->certificate, listen->key);
}

static int read_keys(struct listen_plan *plan, struct app *app, struct err *err)
{
    const struct config *config = plan->config;
    plan->keys = mem_alloc((config->nhooks + 1) * sizeof(struct hook_secrets *));
    plan->tokens = mem_alloc((config->nhooks + 1) * sizeof(char *));
    for (size_t i = 0; i < config->nhooks; i++) {
        if (hook_read_secrets(config->hooks[i], app->redact, &plan->keys[i], err) != 0 ||
            hook_read_forward(config->hooks[i], app->redact, err) != 0)
            return err_wrap(err, "webhook '%s'", config->hooks[i]->name);
        /* One that subscribes to nothing is told to nobody: it has a secret, like any other. */
        if (listen_token_is_kaizala(config->hooks[i]) && config->hooks[i]->nobjects > 0 &&
            listen_token_get(app, config, config->hooks[i], plan->keys[i], &plan->tokens[i], err) !=
                0)
            return err_wrap(err, "webhook '%s'", config->hooks[i]->name);
    }
    return 0;
}

int listen_plan_load(struct listen_plan *plan, struct app *app, struct err *err)
{
    *plan = (struct listen_plan){.config = app_config(app, true, err)};
    if (plan->config == NULL)
        return -1;
    const struct hook_listen *listen = plan->config->listen;
    if (plan->config->nhooks == 0) {
        err_set(err, ERR_CONFIG,
                "%s: there are no webhooks to listen for; see webhooks in "
                "jeton.yaml(5)",
                plan->config->path);
    } else if (read_keys(plan, app, err) == 0 &&
               (listen->certificate == NULL ||
                listen_plan_read_certificate(listen, &plan->certificate, &plan->key, err) == 0)) {
        return 0;
    }
    listen_plan_destroy(plan);
    return -1;
}

void listen_plan_destroy(struct listen_plan *plan)
{
    for (size_t i = 0; plan->keys != NULL && i < plan->config->nhooks; i++)
        hook_secrets_free(plan->keys[i]);
    for (size_t i = 0; plan->tokens != NULL && i < plan->config->nhooks; i++)
        mem_free_secret(plan->tokens[i]);
    mem_free(plan->tokens);
    mem_free(plan->keys);
    mem_free(plan->certificate);
    mem_free_secret(plan->key);
    config_free(plan->config);
    *plan = (struct listen_plan){.config = NULL};
}
