#include "provider.h"

#include "mem.h"

const struct provider *provider_of(const struct connector *connector)
{
    return (const struct provider *)connector->provider; /* its first member */
}

void provider_token_destroy(struct provider_token *token)
{
    mem_free_secret(token->access_token);
    mem_free_secret(token->refresh_token);
    mem_free(token->endpoint_url);
    mem_free(token->scope);
    *token = (struct provider_token){0};
}
