/*
 * What differs between token services, as one table of a provider: how its connectors are written
 * down, what is asked of the service and what its replies mean, how an API is called with a token.
 * Nothing outside of this folder names a path, a header or a field of a service. Knows no token
 * engine and no client: those ask the table.
 */
#ifndef JETON_PROVIDER_H
#define JETON_PROVIDER_H

#include "connector.h"
#include "connector_secrets.h"
#include "http.h"

#define PROVIDER_OWNER_SIZE   65 /* hex and NUL */
#define PROVIDER_GRANTS_MAX   5
#define PROVIDER_SPARES_MAX   2
#define PROVIDER_GIVEN        3                    /* values that a connector is added with */
#define PROVIDER_REPLY_MAX    ((size_t)64 * 1024)  /* bytes of a token service's reply */
#define PROVIDER_METADATA_MAX ((size_t)256 * 1024) /* bytes of what a service says of itself */

/* The key of the refresh token in all connectors' mappings. */
#define PROVIDER_REFRESH_TOKEN "refresh_token"

/* What one request to a token service is for. */
enum provider_purpose {
    PROVIDER_ACCESS,      /* an access token */
    PROVIDER_SEND_PIN,    /* a PIN to `phone`; nothing comes back */
    PROVIDER_PIN,         /* a refresh token, for `pin` */
    PROVIDER_CODE,        /* a refresh token, for the `code` that a browser brought */
    PROVIDER_DEVICE,      /* a code that a person types into a browser (provider_device) */
    PROVIDER_DEVICE_CODE, /* tokens, for the `code` of it, once somebody has */
    PROVIDER_REVOKE,      /* that `refresh_token` ends; nothing comes back */
};

struct provider_ask {
    enum provider_purpose purpose;
    const struct connector *connector;
    const struct connector *asker; /* PROVIDER_ACCESS: with `token_of`, and wants a token of its own
                                      (slot); NULL: none */
    const struct connector_secrets *secrets;
    const char *service;       /* where the token service has moved; NULL: where it is configured */
    const char *refresh_token; /* PROVIDER_ACCESS: NULL for a grant that needs none;
                                  PROVIDER_REVOKE: any token */
    const char *phone;         /* PROVIDER_SEND_PIN, PROVIDER_PIN */
    const char *pin;
    const char *code; /* PROVIDER_CODE, PROVIDER_DEVICE_CODE */
    const char *redirect_uri;
    const char
        *metadata;     /* what the service says of itself (provider_discovery); NULL: not known */
    int64_t within_ms; /* the reply must have come by then; 0: in the usual time */
    const char *verifier;  /* PROVIDER_CODE: random text that only this sign-in knows (RFC 7636) */
    struct redact *redact; /* of secrets that the request itself makes; NULL: not registered */
};

/* The reply of a grant. What the service did not say is NULL or 0. */
struct provider_token {
    char *access_token; /* NULL: a sign-in that gives a refresh token only */
    int64_t lifetime_ms;
    char *refresh_token; /* NULL: the one that was sent stays */
    char *endpoint_url;  /* no trailing slash */
    char *scope;         /* separated by commas or spaces */
    char *token_type;
    char *subject;               /* who signed in, as the service calls them */
    int64_t refresh_lifetime_ms; /* of the refresh token, whether it came or stays */
};
void provider_token_destroy(struct provider_token *token); /* wipes */

/* How to sign in on another device. */
struct provider_device {
    char *code;        /* for PROVIDER_DEVICE_CODE; secret */
    char *shown;       /* what is typed; some visible text on one line */
    char *url;         /* where; as the service says, unchecked */
    char *url_shown;   /* the same with what is typed in it, likewise; NULL: not said */
    int64_t life_ms;   /* of the code; 0: not said */
    int64_t pause_ms;  /* before each PROVIDER_DEVICE_CODE */
    int64_t slower_ms; /* of pause_ms, more each time that a reply says `slower` */
};
void provider_device_destroy(struct provider_device *device); /* wipes */

enum provider_meaning {
    PROVIDER_GOOD,    /* token: what was asked for */
    PROVIDER_NEXT,    /* refused; the next grant may be taken */
    PROVIDER_DEAD,    /* the same, and this refresh token will never be good again */
    PROVIDER_MOVED,   /* moved: ask the same there */
    PROVIDER_WAIT,    /* throttled (err.kind ERR_THROTTLED) or broken: ask again later */
    PROVIDER_SPOILT,  /* granted, but the reply makes no sense; token.refresh_token came with it */
    PROVIDER_REFUSED, /* for good */
};

struct provider_reply {
    struct provider_token token;   /* PROVIDER_GOOD, PROVIDER_SPOILT: to be destroyed */
    char *moved;                   /* PROVIDER_MOVED: the token service's new URL (mem_free) */
    struct provider_device device; /* PROVIDER_GOOD of PROVIDER_DEVICE: to be destroyed */
    /* PROVIDER_WAIT of PROVIDER_DEVICE_CODE: nobody has agreed yet, and it was asked too often. */
    bool pending;
    bool slower;
};

/* Refresh tokens that are known; NULL where there is none. */
struct provider_known {
    const struct connector *connector;
    const char *current;  /* the last one that the service gave */
    const char *previous; /* the one before, as long as `current` has not worked */
    /* What came to others of an exchange beside that of `current`, the newest first. NULL: none. */
    const char *spares[PROVIDER_SPARES_MAX];
    const char *configured;
    bool changed; /* `configured` is another one than when `current` came */
    bool lost;    /* the reply to an earlier exchange was lost: `current` may have been replaced */
};

/* By what a client identifies itself in the TLS handshake (RFC 8705): PEM, as libcurl takes it. */
struct provider_tls {
    struct buf certificate, key;
};
void provider_tls_create(struct provider_tls *tls);
void provider_tls_destroy(struct provider_tls *tls); /* wipes */

/* A value that a person gives to make a connector: the client's ID, its secret, a refresh token. */
struct provider_given {
    const char *key;   /* of the mapping */
    const char *label; /* "application secret" */
    const char *file;  /* secrets/NAME.FILE holds it; NULL: it stands in the mapping itself */
};

/* What a service says of itself, in a form of the provider's that can be kept. */
struct provider_discovery {
    /* Whether a request must have it. */
    bool (*needed)(const struct provider_ask *ask);
    /* Whether what was kept is of the service that is configured now. */
    bool (*fits)(const struct connector *connector, const char *metadata);
    /* The URL of the place, from 0 (mem_free); NULL after the last. Each is asked by a GET. */
    char *(*url)(const struct connector *connector, size_t place);
    /* What is to be kept of a reply (mem_free); NULL with err. */
    char *(*read)(const struct connector *connector, const struct http_response *response,
                  struct err *err);
};

/* How the pages of a list follow each other. */
enum provider_way {
    PROVIDER_BY_CURSOR, /* the reply's `next` goes into the next request; none: the end */
    PROVIDER_BY_OFFSET, /* `next` counts what came; a page without a new `id`: the end */
    PROVIDER_BY_DATE,   /* `more`; `next` is the time of the newest that came */
    PROVIDER_BY_LINK,   /* the reply's header field Link (RFC 8288) names it */
};
struct provider_list {
    const char *path; /* what provider.resource gives; "*" is any one segment */
    const char *list; /* the member with the list */
    bool any_list;    /* it may have another name, but is the only list */
    enum provider_way way;
    const char *next;     /* parameter of the request; BY_CURSOR: and member of the reply */
    const char *size;     /* BY_DATE: parameter: items that a page is asked for … */
    const char *more;     /* … member of the reply, true while there is more … */
    const char *time;     /* … of an item, epoch seconds … */
    const char *iso_time; /* … or this one, RFC 3339 */
    const char *id;       /* BY_DATE, BY_OFFSET: what tells items apart */
};

struct provider {
    struct config_provider config; /* first: connector.provider points to it */

    /* What people are told, and asked for. */
    const char *service_key; /* of the mapping: the token service's URL */
    const char *service_example;
    struct provider_given given[PROVIDER_GIVEN]; /* the client's ID first */
    const char *given_where;                     /* where to find them */
    const char *renewal;     /* what to do about a refresh token that dies soon */
    const char *try_path;    /* a path that a new connector may be tried with */
    int64_t refresh_life_ms; /* of a refresh token, from its receipt; 0: not known */
    /* A refresh token may be good for one use, and a second one punished: after a lost reply it is
     * sent once more and not again, and refusals are remembered (token_pause.h). */
    bool single_use;
    /* Whether what it sends for an access token, with these values of its secrets, may be good for
     * one use. NULL: it never is. */
    bool (*spends)(const struct connector *connector, const struct connector_secrets *secrets);
    const struct provider_discovery *discovery; /* NULL: its services say nothing */
    const struct provider_list *lists; /* cut into pages; ends with path NULL. NULL: a reply's
                                        header field Link says where a list goes on */

    /* Whose a stored row is: what makes it another connector's. home: connector->home, or where it
     * may have been before. */
    void (*owner)(const struct connector *connector, const char *home,
                  char owner[PROVIDER_OWNER_SIZE]);
    /* Scheme, host and port of the token service as it is configured (mem_free); NULL: it says
     * none. A stored refresh token goes along to another name of a connector only where it is the
     * same. */
    char *(*service_host)(const struct connector *connector);
    /* What access tokens are asked for, as a hash: one that was asked for something else is not
     * used. NULL: always the same. */
    void (*asked)(const struct connector *connector, char asked[PROVIDER_OWNER_SIZE]);
    /* The same, and how: what a refusal may be due to, beside the secrets. NULL: as asked. */
    void (*tried)(const struct connector *connector, char tried[PROVIDER_OWNER_SIZE]);
    /* Whether what a secret's text says is what its key needs, such as a private key in PEM;
     * ERR_CONFIG without what it says. NULL: any text is. */
    int (*reads)(const struct secret *secret, const char *text, size_t len, struct err *err);
    /* Whether the token service's URL may be sent secrets; -1 with err. NULL: as connector_allows
     * says. */
    int (*may_ask)(const struct connector *connector, const char *url, struct err *err);
    /* The grants to try in order, each by its refresh token (NULL: one that needs none). Their
     * number; 0: nothing is known that could be sent. */
    size_t (*grants)(const struct provider_known *known, const char *tokens[PROVIDER_GRANTS_MAX]);
    /* The request (http_request_free), but for ca_file, timeout and size. NULL with err. */
    struct http_request *(*request)(const struct provider_ask *ask, struct err *err);
    /* What a reply to it means. But for PROVIDER_GOOD and PROVIDER_MOVED err says why; its status
     * is set where the service itself refused. */
    enum provider_meaning (*reply)(const struct provider_ask *ask,
                                   const struct http_response *response, struct provider_reply *out,
                                   struct err *err);
    /* No grant was accepted: adds to err what a person can do. */
    void (*refused)(const struct connector *connector, struct err *err);
    /* Whether the connector's grant and what is known of its service allow the purpose: of
     * PROVIDER_CODE, to be sent to a browser. NULL: by those that the provider's table says. */
    bool (*can)(const struct provider_ask *ask);
    /* The options of `jeton login` that may get this connector a refresh token; NULL: none. */
    const char *(*sign_in)(const struct connector *connector);
    /* PROVIDER_CODE: appends the URL that a browser is sent to. -1 with err: it cannot be made. */
    int (*sign_in_url)(const struct provider_ask *ask, const char *state, struct buf *out,
                       struct err *err);
    /* Which of the scopes that a sign-in asks for the token's own lacks (mem_free); NULL: none that
     * is known of. */
    char *(*ungranted)(const struct connector *connector, const char *granted);
    /* Where a browser is sent after a sign-in; port 0 is a free one. NULL: anywhere on loopback. */
    const char *(*redirect_uri)(const struct connector *connector);
    /* PROVIDER_CODE: whether a redirect that says so (RFC 9207; NULL: it says nothing) is of this
     * connector's service. */
    bool (*is_issuer)(const struct provider_ask *ask, const char *issuer);

    /* Where calls go when no reply has named an endpoint. NULL: a reply always does. */
    const char *(*endpoint)(const struct connector *connector);
    /* `path` as it stands below the endpoint, with its first slash (mem_free). */
    char *(*path)(const char *path);
    /* The part of a path or URL that `lists` is looked up by; points into `path`. */
    const char *(*resource)(const char *path);
    /* The header that carries an access token; its value is the caller's (mem_free_secret). */
    struct http_header (*authorize)(const struct connector *connector, const char *access_token);
    /* What the client shows to an API's server that asks for it: access tokens may be bound to it.
     * Both stay empty where none is configured. Reads secrets, and may block. ERR_CONFIG says what
     * is wrong with them. NULL: nothing. */
    int (*identify)(const struct connector *connector, struct redact *redact, int64_t deadline_ms,
                    struct provider_tls *tls, struct err *err);
    bool (*identifies)(const struct connector *connector); /* whether one is configured */
    /* Whether the API may refuse a token for some seconds after it was given. NULL: it does not. */
    bool (*lags)(const struct connector *connector);
    /*
     * 308 of an API: the new endpoint (mem_free), from what was asked for: `path` below the old
     * one. ERR_HTTP when it cannot be told. NULL: it never moves.
     */
    int (*moved)(const struct http_response *response, const char *request_url, const char *path,
                 char **endpoint, struct err *err);
    /* Fills err from an API's error reply: kind (ERR_THROTTLED: it is waited, as after each 429),
     * status, code, message. `scope` is the token's; may be NULL. Returns -1. */
    int (*error)(const struct http_response *response, const char *method, const char *path,
                 const char *scope, struct err *err);
};

const struct provider *provider_of(const struct connector *connector);
/* provider.sign_in; NULL also where it has none. */
const char *provider_sign_in(const struct connector *connector);
/* provider.identify of whoever lends the connector its token, or of itself. */
int provider_identify(const struct connector *connector, struct redact *redact, int64_t deadline_ms,
                      struct provider_tls *tls, struct err *err);
/* provider.identifies, likewise. */
bool provider_identifies(const struct connector *connector);
int provider_may_ask(const struct connector *connector, const char *url, struct err *err);

#endif
