#include "kaizala_connector.h"

#include "config_field.h"

#include <sodium.h>
#include <string.h>

const struct schema_field kaizala_connector_fields[] = {
    {.name = KAIZALA_TOKEN_SERVICE,
     .type = SCHEMA_CUSTOM,
     .offset = offsetof(struct kaizala_connector, token_service),
     .required = true,
     .parse = config_url_parse,
     .expected = "a URL such as " KAIZALA_SERVICE_EXAMPLE},
    {.name = KAIZALA_APPLICATION_ID,
     .type = SCHEMA_CUSTOM,
     .offset = offsetof(struct kaizala_connector, application_id),
     .required = true,
     .parse = config_id_parse,
     .expected = CONFIG_SECRET_EXPECTED},
    {.name = KAIZALA_APPLICATION_SECRET,
     .type = SCHEMA_CUSTOM,
     .offset = offsetof(struct kaizala_connector, application_secret),
     .required = true,
     .parse = config_secret_parse,
     .expected = CONFIG_SECRET_EXPECTED},
    {.name = PROVIDER_REFRESH_TOKEN,
     .type = SCHEMA_CUSTOM,
     .offset = offsetof(struct kaizala_connector, refresh_token),
     .parse = config_secret_parse,
     .expected = CONFIG_SECRET_EXPECTED},
    {0},
};

const struct kaizala_connector *kaizala_connector_of(const struct connector *connector)
{
    return (const struct kaizala_connector *)connector; /* its first member */
}

void kaizala_connector_settle(struct connector *connector)
{
    connector->base = kaizala_connector_of(connector)->token_service;
}

static void hash_text(crypto_hash_sha256_state *state, const char *text)
{
    static const unsigned char nul = 0;
    if (text != NULL)
        crypto_hash_sha256_update(state, (const unsigned char *)text, strlen(text));
    crypto_hash_sha256_update(state, &nul, 1);
}

void kaizala_connector_owner(const struct connector *connector, const char *home,
                             char owner[PROVIDER_OWNER_SIZE])
{
    const struct kaizala_connector *kaizala = kaizala_connector_of(connector);
    const struct secret *id = &kaizala->application_id;
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    hash_text(&state, home);
    hash_text(&state, connector->name);
    hash_text(&state, kaizala->token_service);
    const unsigned char kind = (unsigned char)id->kind;
    crypto_hash_sha256_update(&state, &kind, 1);
    hash_text(&state, id->text);
    hash_text(&state, secret_at_hand(id));
    for (char **word = id->command; word != NULL && *word != NULL; word++)
        hash_text(&state, *word);

    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_final(&state, digest);
    sodium_bin2hex(owner, PROVIDER_OWNER_SIZE, digest, sizeof digest);
}
