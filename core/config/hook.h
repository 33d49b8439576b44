/* A webhook of the configuration, and where jeton listens. */
#ifndef JETON_HOOK_H
#define JETON_HOOK_H

#include "hook_secrets.h"
#include "secret.h"

/* Bounds and defaults of values; times in milliseconds. */
#define CONFIG_HOOK_CONCURRENCY_DEFAULT   8
#define CONFIG_HOOK_CONCURRENCY_MAX       256
#define CONFIG_HOOK_ATTEMPTS_DEFAULT      8
#define CONFIG_HOOK_ATTEMPTS_MAX          100
#define CONFIG_HOOK_DELAY_DEFAULT_MS      10000
#define CONFIG_HOOK_DELAY_MAX_DEFAULT_MS  3600000
#define CONFIG_HOOK_DELAY_MAX_MS          (7LL * 86400 * 1000)
#define CONFIG_HOOK_TIMEOUT_DEFAULT_MS    300000
#define CONFIG_HOOK_TIMEOUT_MIN_MS        100
#define CONFIG_HOOK_TIMEOUT_MAX_MS        86400000
#define CONFIG_HOOK_KEEP_DONE_DEFAULT_MS  (7LL * 86400 * 1000)
#define CONFIG_HOOK_KEEP_DEAD_DEFAULT_MS  (90LL * 86400 * 1000)
#define CONFIG_HOOK_KEEP_IDS_DEFAULT_MS   (30LL * 86400 * 1000)
#define CONFIG_HOOK_KEEP_MAX_MS           (3650LL * 86400 * 1000)
#define CONFIG_HOOK_WAITING_DEFAULT       100000
#define CONFIG_HOOK_WAITING_MAX           10000000
#define CONFIG_HOOK_BODY_MAX              (64LL * 1024 * 1024)
#define CONFIG_HOOK_ANSWER_MIN_MS         100
#define CONFIG_HOOK_ANSWER_MAX_MS         60000
#define CONFIG_HOOK_OBJECTS_MAX           1000
#define CONFIG_LISTEN_HOST                "127.0.0.1"
#define CONFIG_LISTEN_PORT                8490
#define CONFIG_LISTEN_GRACE_DEFAULT_MS    25000
#define CONFIG_LISTEN_GRACE_MAX_MS        3600000
#define CONFIG_LISTEN_CONNECTIONS_DEFAULT 1024
#define CONFIG_LISTEN_CONNECTIONS_MAX     65536

struct hook_object { /* what a hook of Kaizala subscribes to */
    bool is_action;  /* else a group */
    char *id;        /* of a group also its name */
};

struct hook {
    char *name;
    char *file;       /* real path of the defining file */
    const char *home; /* what its rows in the state belong to: config.home, else file */
    char *shown;      /* the file as messages show it */
    int line, col;
    char *preset; /* NULL: none */
    /* One of these three. */
    char *script;                 /* absolute */
    char **command;               /* NULL-terminated */
    char *forward;                /* URL; of a secret hook_read_forward reads it */
    struct secret forward_secret; /* SECRET_NONE: the URL stands in the configuration */
    char *connector;              /* NULL: the only one */
    int64_t concurrency;
    struct {
        int64_t attempts, delay_ms, max_delay_ms;
    } retries;
    int64_t timeout_ms; /* of one attempt */
    struct {
        int64_t done_ms, dead_ms, ids_ms;
    } keep;
    int64_t max_waiting;
    int64_t answer_ms; /* how long the sender waits for the handler's answer; 0: not at all */
    int64_t sender_retries_ms; /* how long the sender sends again what failed; 0: it does not, or
                                  it is not known */
    char **environment;        /* "NAME=value", NULL-terminated; NULL where absent */
    char *directory;
    char **shared; /* spaces of jeton.state, NULL-terminated; NULL where absent */
    int64_t memory_bytes;
    bool allow_unsigned;
    bool allow_unsigned_ids; /* no warning of ids that the signature does not cover */
    struct hook_object *objects;
    size_t nobjects;
    struct secret *secrets; /* of signatures */
    size_t nsecrets;
    struct secret named[HOOK_NAMED_MAX]; /* that challenges ask for; `key` is the name */
    char *names[HOOK_NAMED_MAX];
    size_t nnamed;
    struct hook_rules rules;
};

struct hook_listen {
    char *host; /* never NULL */
    int64_t port;
    char *metrics_host; /* NULL: no metrics */
    int64_t metrics_port;
    char *certificate; /* paths of PEM; NULL: no TLS */
    char *key;
    int64_t grace_ms;
    int64_t max_connections;
    bool behind_proxy;
};

/* Its secrets, those of signatures first, forward's URL last; NULL after the last. */
struct secret *hook_secret_at(const struct hook *hook, size_t index);
/* Whether events may be forwarded there: https, or http to this machine; it may have a query. */
int hook_check_forward(const char *url, struct err *err);
/* Reads forward's URL where it is a secret (may block). ERR_CONFIG says what is wrong with it. */
int hook_read_forward(struct hook *hook, struct redact *redact, struct err *err);
/*
 * Reads all its secrets (may block), and registers them with redact. ERR_CONFIG names the one that
 * is wrong. A hook of Kaizala may have none: then keys are without one, and the caller adds it
 * (hook_secrets_add). *keys is hook_secrets_free's.
 */
int hook_read_secrets(const struct hook *hook, struct redact *redact, struct hook_secrets **keys,
                      struct err *err);
/* Registers the secrets that can be had without reading any. */
void hook_hide(const struct hook *hook, struct redact *redact);
/* Reads and registers those in files, as connector_hide_files does. */
void hook_hide_files(const struct hook *hook, struct redact *redact);
void hook_free(struct hook *hook); /* NULL is fine */
struct hook_listen *hook_listen_new(void);
void hook_listen_free(struct hook_listen *listen);
/* Nobody else reaches it, or what stands before it keeps others from reading along. */
bool hook_listen_is_private(const struct hook_listen *listen);
bool hook_listen_is_loopback(const struct hook_listen *listen);
/* Whoever reaches the listener may send what it takes. */
bool hook_is_open(const struct hook *hook);

#endif
