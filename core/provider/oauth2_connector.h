/* What stands in the mapping of an OAuth 2.0 connector. docs/jeton.yaml.5 says what each key means.
 */
#ifndef JETON_OAUTH2_CONNECTOR_H
#define JETON_OAUTH2_CONNECTOR_H

#include "provider.h"
#include "schema.h"

#define OAUTH2_CLIENT_ID          "client_id"
#define OAUTH2_CLIENT_SECRET      "client_secret"
#define OAUTH2_KEY                "key"
#define OAUTH2_CERTIFICATE        "certificate"
#define OAUTH2_TLS_CERTIFICATE    "tls.certificate" /* secrets of `tls` */
#define OAUTH2_TLS_KEY            "tls.key"
#define OAUTH2_SUBJECT_TOKEN      "subject_token"
#define OAUTH2_ACTOR_TOKEN        "actor_token"
#define OAUTH2_AUDIENCE_TOKEN_URL "token_url" /* in place of the address itself */
#define OAUTH2_AUDIENCE_ISSUER    "issuer"    /* the same */

#define OAUTH2_GRANT_REFRESH     "refresh_token"
#define OAUTH2_ASSERTION_LIFE_MS 300000 /* where the configuration does not say */
#define OAUTH2_GRANT_JWT         "jwt_bearer"
#define OAUTH2_GRANT_APP         "app_jwt"
#define OAUTH2_GRANT_CLIENT      "client_credentials"
#define OAUTH2_GRANT_EXCHANGE    "token_exchange"
#define OAUTH2_GRANT_ACCOUNT     "account_credentials" /* Zoom's */
#define OAUTH2_GRANT_DEVICE_URI  "urn:ietf:params:oauth:grant-type:device_code"

#define OAUTH2_PAIRS_MAX 32        /* in one mapping of params or headers */
#define OAUTH2_TOKEN     "{token}" /* in `authorization` and `header` */
#define OAUTH2_SCOPE     "{scope}" /* as a value of `authorize_params` */

/* A parameter or header field: a plain text, or a secret that is read at each exchange. */
struct oauth2_pair {
    char *name;
    char *key;  /* of the secret: "params.NAME" */
    char *text; /* NULL: secret */
    struct secret secret;
};
struct oauth2_pairs {
    struct oauth2_pair *items;
    size_t count;
};

enum oauth2_auth {
    OAUTH2_BASIC,
    OAUTH2_BASIC_RAW,
    OAUTH2_POST,
    OAUTH2_NONE,
    OAUTH2_JWT,
    OAUTH2_TLS
};
enum oauth2_pkce { OAUTH2_PKCE, OAUTH2_NO_PKCE };
enum oauth2_body { OAUTH2_FORM, OAUTH2_JSON, OAUTH2_QUERY };
enum oauth2_unit { OAUTH2_SECONDS, OAUTH2_MILLISECONDS, OAUTH2_ISO8601 };

/* JSON Pointers into a reply; NULL: what the standard says. */
struct oauth2_reply {
    char *access_token;
    char *token_type;
    char *refresh_token;
    char *expires_in;
    char *expires_at; /* in place of expires_in */
    char *refresh_expires_in;
    char *scope;
    char *endpoint; /* NULL: none is named */
    char *ok;
    char *error;
    char *error_description;
    int unit; /* enum oauth2_unit, of the expiry */
};

/* What a JWT says; NULL or 0: as oauth2_assertion.c has it. */
struct oauth2_assertion {
    char *issuer;
    char *subject;
    char *audience; /* or OAUTH2_AUDIENCE_TOKEN_URL */
    int64_t lifetime_ms;
    int64_t backdate_ms;
    bool scope_claim; /* the scope is asked for there, not by a parameter */
    char *claims;     /* JSON of an object */
};

struct oauth2_connector {
    struct connector common;
    char *issuer;        /* says the URLs that are not configured; or NULL */
    char *token_url;     /* as written: a slash at its end counts; NULL: as the issuer says */
    char *refresh_url;   /* for refresh tokens, in place of token_url; or NULL */
    char *authorize_url; /* where a browser signs in; or NULL, as the two below */
    char *device_url;    /* gives a code to be typed into any browser (RFC 8628) */
    char *revoke_url;    /* ends refresh tokens (RFC 7009) */
    char *redirect_uri;  /* where a browser is sent afterwards; NULL: to a port of ours */
    int pkce;            /* enum oauth2_pkce */
    char **token_hosts;  /* NULL: the hosts of the URLs above that requests go to */
    char *grant;
    struct secret client_id;
    struct secret client_secret;
    struct secret refresh_token;
    int client_auth; /* enum oauth2_auth */
    struct secret key;
    struct secret certificate;
    struct oauth2_client_tls {
        struct secret certificate, key;
    } tls;
    char *key_id;
    int algorithm; /* enum private_key_algorithm, plus 1; 0: the key's usual one */
    struct oauth2_assertion assertion;
    struct {
        char *audience;
    } client_assertion;
    struct secret subject_token; /* of OAUTH2_GRANT_EXCHANGE */
    char *subject_token_type;    /* NULL: an access token */
    struct secret actor_token;
    char *actor_token_type;
    char **scope;          /* NULL: none is asked for */
    char *scope_separator; /* NULL: a space */
    char *audience;
    char **resource;
    struct oauth2_pairs params;
    struct oauth2_pairs refresh_params;
    struct oauth2_pairs authorize_params; /* plain texts */
    struct oauth2_pairs headers;
    int body; /* enum oauth2_body */
    struct oauth2_reply reply;
    int64_t default_lifetime_ms; /* of an access token, where the service says none; 0: none */
    char **dead_errors;          /* beside invalid_grant */
    char *endpoint;              /* of the API; no trailing slash */
    char *authorization;         /* with OAUTH2_TOKEN once */
    char *header;                /* in place of it: "NAME", or "NAME: TEXT" with OAUTH2_TOKEN */
    char *header_name;           /* the first part of `header`; NULL: Authorization */
};

extern const struct schema_field oauth2_connector_fields[];
extern const struct schema_field oauth2_connector_reply_fields[]; /* of `reply` */
extern const char *const oauth2_connector_auths[];                /* of `client_auth` */
/* char **: a list of words, or a text with spaces between them. */
schema_parse_fn oauth2_connector_read_words;

/* Rows of a field table that connectors with `token_of` have, too: what is asked for, and how the
 * API is called. */
#define OAUTH2_CONNECTOR_ROW(key, kind, ...)                                                       \
    {                                                                                              \
        .name = #key, .type = (kind), .offset = offsetof(struct oauth2_connector, key),            \
        __VA_ARGS__                                                                                \
    }
#define OAUTH2_CONNECTOR_WORDS(key)                                                                \
    OAUTH2_CONNECTOR_ROW(key, SCHEMA_CUSTOM, .parse = oauth2_connector_read_words,                 \
                         .expected = "a list of strings, or a string")
#define OAUTH2_CONNECTOR_ASKS                                                                      \
    OAUTH2_CONNECTOR_WORDS(scope),                                                                 \
        OAUTH2_CONNECTOR_ROW(audience, SCHEMA_STRING, .expected = "a string"),                     \
        OAUTH2_CONNECTOR_WORDS(resource)
#define OAUTH2_CONNECTOR_API(must)                                                                 \
    OAUTH2_CONNECTOR_ROW(endpoint, SCHEMA_CUSTOM, .required = (must), .parse = config_url_parse,   \
                         .expected = "a URL such as https://api.example.org/v2"),                  \
        OAUTH2_CONNECTOR_ROW(authorization, SCHEMA_STRING,                                         \
                             .expected = "a text such as \"Bearer " OAUTH2_TOKEN "\""),            \
        OAUTH2_CONNECTOR_ROW(header, SCHEMA_STRING, .expected = "the name of a header field")
const struct oauth2_connector *oauth2_connector_of(const struct connector *connector);
/* The grant as it is written down; OAUTH2_GRANT_REFRESH where nothing is. */
const char *oauth2_connector_grant(const struct oauth2_connector *oauth2);
/* Whether it signs an assertion in place of a refresh token, and how long that lives. */
bool oauth2_connector_asserts(const struct oauth2_connector *oauth2);
int64_t oauth2_connector_assertion_life(const struct oauth2_connector *oauth2);
/* Whether it gives another service's token in exchange (RFC 8693). */
bool oauth2_connector_exchanges(const struct oauth2_connector *oauth2);
bool oauth2_connector_refreshes(const struct connector *connector);

/* config_provider's. */
void oauth2_connector_settle(struct connector *connector);
/* Whether a connector may set this header field: not what frames or routes a request. */
bool oauth2_connector_may_set(const char *name);
/* Only how an access token is carried. */
void oauth2_connector_check_header(const struct schema_walk *walk, const struct yaml_node *node,
                                   const struct connector *connector);
void oauth2_connector_check(const struct schema_walk *walk, const struct yaml_node *node,
                            const struct connector *connector);
struct secret *oauth2_connector_secret_at(const struct connector *connector, size_t index);
void oauth2_connector_release(struct connector *connector);

/* provider's. owner: what its rows belong to, the connector's name, and its token service; neither
 * client nor scopes nor where secrets come from. asked: what makes an access token another one;
 * tried: that, and how it is asked for. */
void oauth2_connector_owner(const struct connector *connector, const char *home,
                            char owner[PROVIDER_OWNER_SIZE]);
char *oauth2_connector_service_host(const struct connector *connector);
void oauth2_connector_asked(const struct connector *connector, char asked[PROVIDER_OWNER_SIZE]);
void oauth2_connector_tried(const struct connector *connector, char tried[PROVIDER_OWNER_SIZE]);
/* The same of a connector with `token_of`. */
void oauth2_connector_asked_slot(const struct connector *connector,
                                 char asked[PROVIDER_OWNER_SIZE]);
void oauth2_connector_tried_slot(const struct connector *connector,
                                 char tried[PROVIDER_OWNER_SIZE]);
int oauth2_connector_may_ask(const struct connector *connector, const char *url, struct err *err);

#endif
