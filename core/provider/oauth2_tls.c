#include "oauth2_tls.h"

#include "certificate.h"
#include "oauth2_connector.h"
#include "pem.h"

#include <string.h>

/* libcurl would tell neither of the two from the other, nor from a refusal by the server. */
static int check(const struct provider_tls *tls, const struct connector *connector, struct err *err)
{
    struct certificate_thumbprints ignored;
    struct private_key *key = private_key_new_any(tls->key.data, tls->key.len, err);
    if (key == NULL)
        return err_wrap(err, "%s of connector '%s'", OAUTH2_TLS_KEY, connector->name);
    int result = certificate_read(tls->certificate.data, tls->certificate.len, key, &ignored, err);
    if (result != 0)
        err_wrap(err, "%s of connector '%s'", OAUTH2_TLS_CERTIFICATE, connector->name);
    private_key_free(key);
    return result;
}

int oauth2_tls_read(const struct connector *connector, const struct connector_secrets *secrets,
                    struct provider_tls *tls, struct err *err)
{
    const char *certificate = connector_secrets_get(secrets, OAUTH2_TLS_CERTIFICATE);
    const char *key = connector_secrets_get(secrets, OAUTH2_TLS_KEY);
    if (certificate == NULL || key == NULL)
        return 0;
    pem_text(certificate, strlen(certificate), &tls->certificate);
    pem_text(key, strlen(key), &tls->key);
    return check(tls, connector, err);
}

bool oauth2_tls_identifies(const struct connector *connector)
{
    return connector_secret(connector, OAUTH2_TLS_CERTIFICATE) != NULL;
}

int oauth2_tls_identify(const struct connector *connector, struct redact *redact,
                        int64_t deadline_ms, struct provider_tls *tls, struct err *err)
{
    struct connector_secrets secrets = {0};
    int result = connector_secrets_read_key(connector, OAUTH2_TLS_CERTIFICATE, redact, deadline_ms,
                                            &secrets, err);
    if (result == 0)
        result = connector_secrets_read_key(connector, OAUTH2_TLS_KEY, redact, deadline_ms,
                                            &secrets, err);
    if (result == 0)
        result = oauth2_tls_read(connector, &secrets, tls, err);
    connector_secrets_destroy(&secrets);
    return result;
}
