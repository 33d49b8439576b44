#include "oauth2_tls.h"

#include "certificate.h"
#include "oauth2_connector.h"
#include "pem.h"

#include <string.h>

void oauth2_tls_create(struct oauth2_tls *tls)
{
    buf_create_secret(&tls->certificate, PRIVATE_KEY_BYTES_MAX);
    buf_create_secret(&tls->key, PRIVATE_KEY_BYTES_MAX);
}

void oauth2_tls_destroy(struct oauth2_tls *tls)
{
    buf_destroy(&tls->certificate);
    buf_destroy(&tls->key);
}

/* libcurl would tell neither of the two from the other, nor from a refusal by the server. */
static int check(const struct oauth2_tls *tls, const struct connector *connector, struct err *err)
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

int oauth2_tls_read(const struct provider_ask *ask, struct oauth2_tls *tls, struct err *err)
{
    const char *certificate = connector_secrets_get(ask->secrets, OAUTH2_TLS_CERTIFICATE);
    const char *key = connector_secrets_get(ask->secrets, OAUTH2_TLS_KEY);
    if (certificate == NULL || key == NULL)
        return 0;
    pem_text(certificate, strlen(certificate), &tls->certificate);
    pem_text(key, strlen(key), &tls->key);
    return check(tls, ask->connector, err);
}
