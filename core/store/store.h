/*
 * The state: all that is shared between processes. Token rows, keys of `jeton.state`, runs, slots,
 * counters (store_runs.h, store_counters.h), limits (store_bucket.h), and leases (store_lease.h).
 * Nobody above knows what holds it: an engine does (store_engine.h), SQLite in a folder today.
 *
 * Calls. Whoever wants something fills in a struct store_call and starts it. It is done once:
 * before store_start returns, or later, from the loop. So starting a call is the last thing that a
 * function does with what `done` may free. Whoever has nothing else to do meanwhile uses
 * store_wait, or one of the functions that are named after an operation: these block. What was
 * written is durable when the call is done.
 *
 * Errors: ERR_CONFIG when the state cannot be used (newer version, damaged: it is kept aside and
 * the message says where, read-only, unsafe modes); ERR_NETWORK, retryable, when that may pass
 * (locked for over STORE_BUSY_MS, disk full).
 */
#ifndef JETON_STORE_H
#define JETON_STORE_H

#include "buf.h"
#include "err.h"
#include "loop.h"

#include <stdint.h>

/* What this program writes, and the oldest program that can still use that, by the version that it
 * knows. What a version adds, the programs of the versions from STORE_OLDEST on do not see; what
 * they use is taken away one release later, by raising STORE_OLDEST. */
#define STORE_VERSION     11
#define STORE_OLDEST      4
#define STORE_BUSY_MS     10000
#define STORE_TURNS_MS    60000
#define STORE_HURRY_MS    2000
#define STORE_KEY_MAX     512                   /* bytes of a key of jeton.state */
#define STORE_VALUE_MAX   ((size_t)1024 * 1024) /* bytes of a value */
#define STORE_KEYS_MAX    100000                /* keys of one job */
#define STORE_OWNER_SIZE  65                    /* hex sha256 and NUL */
#define STORE_SALT_SIZE   32
#define STORE_INTENT_SIZE 33 /* hex and NUL */
#define STORE_HOST_SIZE   65
#define STORE_SPARES_MAX  2     /* that are read */
#define STORE_GIVEN_MAX   10000 /* rows that STORE_TOKEN_GIVEN looks at */

struct clock;
struct state_place;
struct store;
struct store_lease;
struct store_run;
struct store_runs;
struct store_run_filter;
struct store_counters;
struct store_home;
struct store_home_find;
struct store_bucket_take;
struct store_event_call;

/*
 * The one handle of a process; nothing is read or made yet. place: what the configuration's `state`
 * says; its secrets are read later, and the rest is copied. loop NULL: the store has one of its
 * own, for store_wait.
 */
struct store *store_new(const struct state_place *place, struct loop *loop);
void store_free(struct store *store); /* NULL is fine. Calls and leases must be over. */
/* Makes the state where there is none, and brings it up to STORE_VERSION. Every call does so by
 * itself; idempotent. Blocks. */
int store_open(struct store *store, struct err *err);
/* Before that: it will only be read, and soon closed. Then it is opened on a full disk, too, where
 * it exists; nobody else can open it meanwhile. */
void store_reads(struct store *store);
/* The same, but a state that is elsewhere is reached with the first call, in its round trip: what
 * is wrong there, that call says. */
int store_ready(struct store *store, struct err *err);
/* Whether this host keeps a refresh token that could not be stored. Asks nobody. */
bool store_keeps(const struct store *store);
/* Stores what is kept: 1: nothing is left; 0: what is left cannot be read (another key, damage);
 * -1: it could not be stored now. Blocks. */
int store_push(struct store *store, struct err *err);
/* Whether all that runs may need is permitted there: ERR_CONFIG says what is not. Blocks. */
int store_rights(struct store *store, struct err *err);
/* What can be told of how it is configured without reaching or making it. */
int store_check(struct store *store, struct err *err);
/* Appends the SQL that store_open would run to make the tables of a database, or to add what this
 * version needs, for whoever has the right to. Connects to nothing. ERR_CONFIG: it is a folder. */
int store_schema_sql(struct store *store, struct buf *out, struct err *err);
/* Until the next call. Leases are kept. Idempotent. */
void store_close(struct store *store);
/* To be called before a fork: no open state crosses one, and no call under way. A connection to a
 * database stays the parent's; the child's own calls make another. */
void store_before_fork(struct store *store);
/* For whoever is about to give up: a state that is elsewhere and does not answer is waited for
 * STORE_HURRY_MS from now on, not STORE_BUSY_MS; store_queue is over. */
void store_hurry(struct store *store);
/* For whoever serves others: a state in a folder, where all else waits meanwhile, is waited for
 * this long from now on while another process has it locked; STORE_BUSY_MS as it was. */
void store_patience(struct store *store, int64_t ms);
/* For whoever serves nobody meanwhile: where others write one after the other, as many jobs do at
 * once on a slow disk, it waits for its turn for up to STORE_TURNS_MS. */
void store_queue(struct store *store);
/* Whether another process may have written since the last call. It costs next to nothing. The state
 * is open. */
bool store_has_changed(struct store *store);
/* Whether there is a state. Makes none. */
bool store_exists(const struct store *store);
/* The time by the state's clock, which all who share it agree on: wall clock, ms. */
int64_t store_now_ms(const struct store *store);
/* The loop's clock, but for the wall clock: that is the state's. What others of the state read goes
 * by it. It lives as long as the store. */
const struct clock *store_clock(const struct store *store);

/*
 * An exchange that spends a refresh token, written before it begins. An answer of the service ends
 * it; one that is still there means that a reply was lost: the service may have replaced the
 * refresh token by one that nobody knows.
 */
struct store_intent {
    char id[STORE_INTENT_SIZE];
    int64_t generation; /* of the row as the exchange began */
    int64_t started_ms; /* wall clock; 0: there is no intent */
    char host[STORE_HOST_SIZE];
};

/* Why a connector's token is not exchanged now. */
enum store_pause_kind {
    STORE_PAUSE_NONE,
    STORE_PAUSE_REFUSED, /* the service refused the client: tried again after a while */
    STORE_PAUSE_PERSON, /* the refresh token is dead: a person must sign in, or configure another */
    STORE_PAUSE_LEFT,   /* the same, since a person has logged out: not even by force */
};
struct store_pause {
    enum store_pause_kind kind;
    int64_t since_ms; /* wall clock, of the last refusal */
    int64_t times;    /* refusals in a row */
    char *reason;     /* masked; one line */
};

/* What is kept of a connector's tokens. Strings are owned by the row; NULL where there is none. */
struct store_token {
    char owner[STORE_OWNER_SIZE]; /* provider.owner: whose it is */
    int64_t generation;           /* greater at each exchange (token_cache.h) */
    char *access_token;
    char *endpoint_url;
    char *scope;
    int64_t lifetime_ms;      /* as the service said, from receipt */
    int64_t received_wall_ms; /* receipt, by three clocks */
    int64_t received_boot_ms;
    char received_boot_id[40];
    char *refresh_token;    /* the rotated one (or that of `login`) */
    char *refresh_previous; /* the one before, until the new one has worked */
    /* What came to others who had lost the lease, of this generation or a later one, the newest
     * first. Read, and not written: the store keeps them until a later exchange is saved. */
    char *spares[STORE_SPARES_MAX];
    int64_t refresh_since_ms;      /* wall clock of its receipt */
    char *configured_fingerprint;  /* of the configured refresh token that it replaces */
    char *application_fingerprint; /* of the client's ID that all this came with */
    char *service_override;        /* where a 308 moved the token service */
    char *token_type;              /* as the service said */
    int64_t refresh_expires_ms;    /* wall clock, as the service said; 0: it did not */
    int64_t login_since_ms;        /* wall clock: what all refresh tokens of the row come from was
                                      configured, or somebody signed in; 0: not known */
    char *asked;                   /* hash of what the access token was asked for */
    char *secret_fingerprint;      /* of the secrets that the last exchange was made with; of a
                                      grant that needs a person, of that */
    int64_t barred; /* a generation that an API refused though it had just come; 0: none */
    char *subject_fingerprint; /* of who signed in; NULL: not known */
    char *service_host;        /* scheme, host, port of the token service that all this came from */
    char *spent;    /* fingerprints of refresh tokens that a person gave once, and that others have
                       replaced; a space after each */
    char *metadata; /* what the service says of itself (discovery) */
    int64_t metadata_ms; /* wall clock of its receipt */
    struct store_pause pause;
    struct store_intent intent;
    bool shut; /* set by LOAD that `replaces`: no key opens it, and its secrets are missing */
    const char *home; /* what it belongs to (config.h), to be written; borrowed, and never read */
};
void store_token_destroy(struct store_token *row); /* wipes */

/* What the state knows of refresh tokens that a person gave: a row that has another one in place
 * of them. All borrowed; NULL where there is none. */
struct store_given {
    const char *owner;
    const char *home;                   /* NULL: an older program wrote it */
    const char *configured_fingerprint; /* NULL also where the row has no refresh token */
    const char *spent;
    const unsigned char *salt; /* of both, which are as in struct store_token */
};
typedef bool store_given_fn(void *arg, const struct store_given *given);

/* A durable key and its value, text (JSON by convention). All borrowed. */
struct store_kv {
    const char *key;
    const char *value; /* to be written: NULL deletes the key */
    size_t len;
    const char *scope; /* to be written: NULL: that of the call */
};
typedef bool store_kv_fn(void *arg, const struct store_kv *item);
/* A key that was read, and the version that it had. Each write gives a key a version that it never
 * had, and that no key has which is not there: 0. */
struct store_kv_seen {
    const char *key;
    int64_t version;
    const char *scope; /* NULL: that of the call; borrowed, as the key is */
};

enum store_op {
    STORE_SALT, /* salt: random bytes made with the state, the key of a row's fingerprints */

    /* token */
    STORE_TOKEN_LOAD,   /* owner → row; 1, 0: none, but there may be an intent */
    STORE_TOKEN_LIST,   /* count rows, by the owners that stand in them, each as much as its status
                           is told by: of the access and refresh token only "" where there is one.
                           One that is not there stays as it is */
    STORE_TOKEN_GIVEN,  /* given for each row that replaces one, the newest STORE_GIVEN_MAX, until
                           it returns true: then 1, else 0. It must not use the store */
    STORE_TOKEN_SAVE,   /* row, inserted or replaced, and its intent: both or neither */
    STORE_TOKEN_INTENT, /* only the intent of row: written, or ended where it is none */
    STORE_TOKEN_ENDPOINT, /* owner, endpoint_url: only that of an existing row, so that an exchange
                             under way elsewhere loses nothing */
    STORE_TOKEN_BAR,      /* owner, generation: notes it in a row that still has it */
    STORE_TOKEN_DELETE,   /* owner: row and intent */

    /* kv: the keys of one job or script (scope); one writing may have keys of several scopes */
    STORE_KV_GET,   /* key → value, and its version; 1, 0: none, of version 0 */
    STORE_KV_WRITE, /* items: all or none, if all `seen` have their version still; all written
                       keys have the same new one. 1: one of seen has changed, nothing is written.
                       ERR_INVALID over the limits. */
    STORE_KV_EACH,  /* fn for every key in byte order until it returns false; it must not use the
                       store */

    /* run, list, job, counters: as the functions of store_runs.h and store_counters.h say */
    STORE_RUN_ADD,
    STORE_RUN_CLAIM,
    STORE_RUN_START,
    STORE_RUN_END,
    STORE_RUN_TOLD,
    STORE_RUN_LIST,
    STORE_SLOT_LATEST,
    STORE_JOB_INSTALLED,
    STORE_JOB_SET_INSTALLED,
    STORE_COUNTERS_ADD,

    STORE_REKEY, /* seals what is secret with the first key, where it was sealed with another one;
                    ERR_CONFIG where nothing is sealed */

    STORE_BUCKET_TAKE, /* limits of calls a minute: as store_bucket.h says */

    /* home: as store_home.h says */
    STORE_HOME_MOVE,
    STORE_HOME_FIND,

    /* event: as the functions of store_events.h say */
    STORE_EVENT_ADD,
    STORE_EVENT_CLAIM,
    STORE_EVENT_END, /* 0, or STORE_EVENT_LOST or _CONFLICT */
    STORE_STEP_GET,
    STORE_STEP_PUT,
    STORE_EVENT_LIST,
    STORE_EVENT_COUNT,
    STORE_EVENT_RETRY,
    STORE_EVENT_DROP,
    STORE_EVENT_PRUNE,
    STORE_EVENT_RELEASE,
    STORE_OPS
};

/* All that it points to is borrowed until it is done. */
struct store_call {
    enum store_op op;
    /* The lease that a write is made under. Where it was lost, nothing is written: ERR_LOST. NULL:
     * none is needed. */
    const struct store_lease *under;
    union {
        struct {
            unsigned char *bytes; /* STORE_SALT_SIZE */
            const char *owner;    /* of a row of tokens, which may have come from another state */
        } salt;
        struct {
            const char *owner;
            struct store_token *row;
            const char *endpoint_url;
            int64_t generation;
            size_t count;
            const struct store_token *slot; /* TOKEN_SAVE: another row, saved with it; or NULL */
            bool replaces;                  /* TOKEN_LOAD: what no key opens is no failure */
            const char *home; /* TOKEN_LOAD by whoever is about to spend or end what it finds:
                                 ERR_CONFIG where what this had was moved to another state
                                 (store_copy.h); NULL: it only looks */
            bool known; /* TOKEN_SAVE: its refresh token is stored already, and need not be kept
                           where it cannot be saved */
        } token;
        struct {
            store_given_fn *fn;
            void *arg;
        } given;
        struct {
            const char *scope;
            const char *key;
            struct buf *value;
            int64_t
                *version; /* GET: of the key; WRITE: of those that have a value; NULL: not wanted */
            const struct store_kv *items;
            size_t count;
            const struct store_kv_seen *seen;
            size_t nseen;
            store_kv_fn *fn;
            void *arg;
        } kv;
        struct {
            const struct store_run *ended;
            struct store_run *added;
            const char *boot_id;
            bool prune;
            int64_t keep, since_ms;
        } run;
        struct {
            const struct store_run_filter *filter;
            struct store_runs *runs;
        } list;
        struct {
            const char *const *scopes;
            size_t count;
            int64_t at_ms;
            int64_t *found_ms;
        } job;
        struct {
            const char *scope;
            const struct store_counters *more;
            struct store_counters *sums;
        } counters;
        int64_t *rekeyed; /* set: how many values */
        struct store_home *home;
        struct store_home_find *find;
        struct store_bucket_take *bucket;
        const struct store_event_call *event;
    };
    /* When it is done. */
    int result;     /* -1 with err; else 0, or 1 (or 2) where the operation says so */
    struct err err; /* of a result of -1 */
    /* The store's. */
    struct store *store; /* NULL: not under way */
    void *engine;        /* the engine's own, while it is */
    loop_fn *done;
    void *arg;
};

void store_start(struct store *store, struct store_call *call, loop_fn *done, void *arg);
/* done will not be called; what is written may be written all the same. Idempotent; a zeroed call
 * is fine. */
void store_cancel(struct store_call *call);
/* Starts it and turns the loop until it is done. Returns its result. */
int store_wait(struct store *store, struct store_call *call, struct err *err);
/* Starts them in this order, and waits for all: a state that is elsewhere is asked for all of them
 * at once. -1: the error of the first that failed; the others are done all the same. */
int store_wait_all(struct store *store, struct store_call *const *calls, size_t count,
                   struct err *err);

int store_kv_get(struct store *store, const char *scope, const char *key, struct buf *value,
                 struct err *err);
int store_kv_write(struct store *store, const char *scope, const struct store_kv *items,
                   size_t count, struct err *err);
/* With the key's version. */
int store_kv_read(struct store *store, const char *scope, const char *key, struct buf *value,
                  int64_t *version, struct err *err);

#endif
