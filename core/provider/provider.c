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
    mem_free(token->token_type);
    mem_free(token->subject);
    *token = (struct provider_token){0};
}

void provider_device_destroy(struct provider_device *device)
{
    mem_free_secret(device->code);
    mem_free(device->shown);
    mem_free(device->url);
    mem_free(device->url_shown);
    *device = (struct provider_device){0};
}

void provider_tls_create(struct provider_tls *tls)
{
    buf_create_secret(&tls->certificate, SECRET_BYTES_MAX);
    buf_create_secret(&tls->key, SECRET_BYTES_MAX);
}

void provider_tls_destroy(struct provider_tls *tls)
{
    buf_destroy(&tls->certificate);
    buf_destroy(&tls->key);
}

int provider_identify(const struct connector *connector, struct redact *redact, int64_t deadline_ms,
                      struct provider_tls *tls, struct err *err)
{
    const struct connector *owner = connector_owner(connector);
    const struct provider *provider = provider_of(owner);
    return provider->identify != NULL ? provider->identify(owner, redact, deadline_ms, tls, err)
                                      : 0;
}

bool provider_identifies(const struct connector *connector)
{
    const struct connector *owner = connector_owner(connector);
    const struct provider *provider = provider_of(owner);
    return provider->identifies != NULL && provider->identifies(owner);
}

const char *provider_sign_in(const struct connector *connector)
{
    const struct provider *provider = provider_of(connector);
    return provider->sign_in != NULL ? provider->sign_in(connector) : NULL;
}

int provider_may_ask(const struct connector *connector, const char *url, struct err *err)
{
    const struct provider *provider = provider_of(connector);
    return provider->may_ask != NULL ? provider->may_ask(connector, url, err)
                                     : connector_allows(connector, url, err);
}
