#include "config_hide.h"

#include "config_state.h"
#include "connector_secrets.h"
#include "hook.h"

#include <string.h>

/* Of the connectors: a run's environment is set before anything is read of it. */
static void hide_variables(const struct config *config, char *const *environment,
                           struct redact *redact)
{
    const struct secret *secret;
    for (size_t i = 0; i < config->nconnectors && environment != NULL; i++) {
        const struct connector *connector = config->connectors[i];
        for (size_t n = 0; (secret = connector_secret_at(connector, n)) != NULL; n++) {
            const char *value =
                secret->kind == SECRET_ENV ? config_variable(environment, secret->text) : NULL;
            if (value != NULL)
                secret_hide(secret, value, strlen(value), connector->name, redact);
        }
    }
}

void config_hide(const struct config *config, struct redact *redact)
{
    for (size_t i = 0; i < config->nconnectors; i++)
        connector_hide(config->connectors[i], redact);
    for (size_t i = 0; i < config->nhooks; i++) {
        hook_hide(config->hooks[i], redact);
        hide_variables(config, config->hooks[i]->environment, redact);
    }
    for (size_t i = 0; i < config->njobs; i++)
        hide_variables(config, config->jobs[i].environment, redact);
    config_state_hide(config, redact);
}

void config_hide_files(const struct config *config, struct redact *redact)
{
    for (size_t i = 0; i < config->nconnectors; i++)
        connector_hide_files(config->connectors[i], redact);
    for (size_t i = 0; i < config->nhooks; i++)
        hook_hide_files(config->hooks[i], redact);
    config_state_hide_files(config, redact);
}
