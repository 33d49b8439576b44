#include "config.h"
#include "connector.h"
#include "token_private.h"

const struct connector *token_slot_next(const struct tokens *tokens, const struct connector *owner,
                                        size_t *from)
{
    const struct config *config = tokens->config;
    while (config != NULL && *from < config->nconnectors) {
        const struct connector *connector = config->connectors[(*from)++];
        if (connector->slot && connector_owner(connector) == owner)
            return connector;
    }
    return NULL;
}
