/*
 * What the parts of the PostgreSQL engine share: store_pg_link.c (the connection), store_pg_batch.c
 * (transactions and what they bring), store_pg_schema.c (tables), store_pg_seal.c (secrets), a file
 * for each kind of row, and store_pg_engine.c (the table). Nobody else includes it.
 *
 * An operation is one transaction, sent as a whole. Where the connection is lost before its end is
 * known, it is sent again over the next one: so each must do no more when it is done twice. Texts
 * that may hold any bytes are bytea. In SQL, @ stands for the schema: "FROM @token".
 */
#ifndef JETON_STORE_PG_H
#define JETON_STORE_PG_H

#include "arena.h"
#include "lookup.h"
#include "state_place.h"
#include "store_bucket.h"
#include "store_engine.h"
#include "store_pg_api.h"

#include <sys/stat.h>
#include <sys/types.h>

/* As STORE_VERSION and STORE_OLDEST, of these tables. */
#define STORE_PG_VERSION 7
#define STORE_PG_OLDEST  1

#define STORE_PG_CALL_MS       STORE_BUSY_MS /* an operation, from its start to its end */
#define STORE_PG_STATEMENT_MS  8000          /* a statement, by the server's clock */
#define STORE_PG_LOCK_MS       5000          /* waiting for another transaction */
#define STORE_PG_CLOSE_MS      2000          /* what is still to be sent when the state is closed */
#define STORE_PG_AGAIN_MS      100           /* the first pause between two connections; doubled */
#define STORE_PG_AGAIN_MAX_MS  2000
#define STORE_PG_HOST_MS       2500 /* connecting, where another may answer; then longer */
#define STORE_PG_ROUNDS_MAX    400  /* of an operation that others keep changing */
#define STORE_PG_CONFLICTS_MAX 5    /* a transaction again that the server has rolled back */
#define STORE_PG_PARAMS_MAX    40
#define STORE_PG_KEYS_MAX      8
#define STORE_PG_HOST_SIZE     33
#define STORE_PG_MARK_SIZE     16
#define STORE_PG_RUN_LEASE     2 /* enum store_lease_kind, as SQL has it */
#define STORE_PG_RUN_LEASE_SQL "2"

struct store_pg;
struct store_pg_batch;

enum store_pg_link {
    STORE_PG_CLOSED,
    STORE_PG_CONNECTING,
    STORE_PG_READY,   /* nothing is under way */
    STORE_PG_WORKING, /* the first batch is */
    STORE_PG_UNDOING, /* what has failed is rolled back */
};

struct store_pg_key {
    unsigned char bytes[32];
    unsigned char id[4];
};

struct store_pg {
    struct loop *loop;
    void (*hello)(struct store_pg *pg); /* store_pg_hello: after connecting */
    void (*push)(struct store_pg *pg);  /* store_pg_token_push: before a token's lease is taken */
    void (*look)(struct store_pg *pg);  /* store_pg_token_look: before a lease is renewed */
    struct state_place place;           /* its strings are this engine's */
    char *prefix;                       /* "schema". */
    char *label;                        /* for messages; has no secret */
    char *password;                     /* NULL: none */
    int64_t password_ms;                /* when it was read */
    char *copying; /* homes that a copy has not ended of, each between newlines; NULL: none */
    char *home;    /* that this process works for; NULL: it has not said so */
    struct store_pg_key keys[STORE_PG_KEYS_MAX]; /* the first one seals */
    size_t nkeys;
    struct stat key_file;          /* as it was when they were read; zeros: it is read again */
    char host[STORE_PG_HOST_SIZE]; /* of the folder: host-id */
    char boot_id[CLOCK_BOOT_ID_SIZE];
    int64_t call_ms; /* what a batch has, from its start to its end */
    bool prepared;
    bool make;        /* tables where there are none */
    bool known;       /* this connection has seen the state, and this program may use it; false
                         again where the keys have changed since */
    bool seen;        /* some connection has */
    int64_t ahead_ms; /* what the server's clock is before this host's time since boot */
    /* The connection. */
    struct store_pg_api api;
    PGconn *conn;
    struct lookup *lookup; /* of the server's name, before conn is made; NULL: none is under way */
    pid_t pid;             /* whose conn and lookup are */
    enum store_pg_link link;
    struct loop_fd watch;
    struct loop_timer deadline, again;
    struct loop_timer patience; /* with one of several hosts */
    int64_t again_ms;
    size_t nhosts; /* or addresses of them, in the order of the URL */
    size_t turn;   /* connections that have failed: the next begins with this one, modulo nhosts */
    struct err trouble;               /* what the last connection failed with */
    struct store_pg_batch *first;     /* in the order in which they are sent */
    size_t sent;                      /* so many of them are */
    struct store_pg_batch *under_way; /* the first of those */
    bool careful;                     /* a hello is sent alone: something was wrong */
    size_t results;                   /* of the batch that came */
    struct err failed;                /* of it; ERR_NONE: none */
    char sqlstate[6];                 /* of the last error of a statement */
    bool conflict;                    /* it may be done again at once */
    bool lost; /* the connection is of no use: a standby, or a server that ends */
    unsigned char claim_mark[STORE_PG_MARK_SIZE];
    bool claims; /* with that mark, until it has brought something */
    struct store_pg_lease *leases;
    int64_t look_ms;       /* when the spool is to be looked at again */
    struct err not_pushed; /* why the last token of the spool could not be stored; ERR_NONE: none */
    struct store_pg_bucket {
        char *key, *text;
    } buckets[STORE_BUCKETS_MAX]; /* as they were written last */
};

/* Batches */

struct store_pg_statement {
    const char *sql;
    int count;
    const char *values[STORE_PG_PARAMS_MAX];
    int lengths[STORE_PG_PARAMS_MAX];
    int formats[STORE_PG_PARAMS_MAX];
};

struct store_pg_batch {
    struct store_pg *pg;
    struct arena texts;
    struct store_pg_statement *statements;
    PGresult **results; /* one a statement, when it is done */
    size_t count;
    int64_t deadline_ms; /* loop_now_ms */
    int conflicts;
    bool hello; /* what a connection begins with */
    bool joins; /* a hello that fails where those behind it must not be done */
    bool alone; /* nothing is sent behind it before it has ended */
    /* Once, from the loop. err NULL: committed, and the results are there; the batch is freed
     * afterwards. Its own store_pg may be used. */
    void (*done)(struct store_pg_batch *batch, const struct err *err);
    void *arg;
    struct store_pg_batch *next;
};

struct store_pg_batch *
store_pg_batch_new(struct store_pg *pg,
                   void (*done)(struct store_pg_batch *batch, const struct err *err), void *arg);
void store_pg_batch_free(struct store_pg_batch *batch);
void store_pg_batch_clear(struct store_pg_batch *batch); /* the results */
/* Another statement, and then its parameters, in their order. Texts are copied. NULL is NULL. */
void store_pg_say(struct store_pg_batch *batch, const char *sql);
/* The last statement keeps its parameters, and says this. */
void store_pg_reword(struct store_pg_batch *batch, const char *sql);
void store_pg_text(struct store_pg_batch *batch, const char *text);
void store_pg_int(struct store_pg_batch *batch, int64_t number);
void store_pg_time(struct store_pg_batch *batch, int64_t ms); /* STORE_NONE is NULL */
void store_pg_bytes(struct store_pg_batch *batch, const void *bytes, size_t len);
void store_pg_scope(struct store_pg_batch *batch, const char *scope); /* its bytes */
/* Sealed for this column and this owner. */
void store_pg_sealed(struct store_pg_batch *batch, const char *column, const char *owner,
                     const char *text, size_t len);
/* Nothing of the batch happens when the lease was lost. One that could not be renewed in time is
 * judged by its row: nobody else may have taken it. NULL: always. */
void store_pg_guard(struct store_pg_batch *batch, const struct store_lease *under);

/* SQL that fails, and so undoes all, where the lease has no row, or where there is too much: by
 * errors that nothing else here can have (division by zero, a root and a logarithm of -1). */
#define STORE_PG_LOST(count)     "1 / " count
#define STORE_PG_TOO_MANY(truth) "sqrt(CASE WHEN " truth " THEN -1 ELSE 0 END)"
/* Likewise, where what was read before has changed since. */
#define STORE_PG_CHANGED(truth) "ln(CASE WHEN " truth " THEN -1 ELSE 1 END)"

/* Rows of one value of `first`, the newest of `second` first, so that only an index of both has
 * them in this order: the planner would read one of `second` alone to its end, where it takes the
 * value for a frequent one. */
#define STORE_PG_OF(first, second, value)                                                          \
    "(" first ", " second ") >= (" value ", 0) AND (" first ", " second ") <= (" value             \
    ", 9223372036854775807)"
#define STORE_PG_NEWEST(first, second) " ORDER BY " first " DESC, " second " DESC"

#define STORE_PG_NOW_MS "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
/* A time in milliseconds; the server's where it is NULL. */
#define STORE_PG_OR_NOW(time) "coalesce(" time ", " STORE_PG_NOW_MS ")"

/* What a statement (from 0) brought. Texts live as long as the batch; NULL is NULL. A server may be
 * in other hands: it may bring more rows than were asked for, and NULL where a column has none. */
int store_pg_rows(const struct store_pg_batch *batch, size_t statement);
const char *store_pg_get(const struct store_pg_batch *batch, size_t statement, int row, int column);
/* "" where it is NULL. */
const char *store_pg_get_text(const struct store_pg_batch *batch, size_t statement, int row,
                              int column);
bool store_pg_get_true(const struct store_pg_batch *batch, size_t statement, int row, int column);
/* `none` where it is NULL. From -2^53 to 2^53, so that times can be added. */
int64_t store_pg_get_int(const struct store_pg_batch *batch, size_t statement, int row, int column,
                         int64_t none);
/* Of a bytea, with a NUL behind it. */
const char *store_pg_get_bytes(struct store_pg_batch *batch, size_t statement, int row, int column,
                               size_t *len);
/* *text is NULL where it is NULL. ERR_CONFIG where no key opens it. */
int store_pg_get_sealed(struct store_pg_batch *batch, size_t statement, int row, int column,
                        const char *name, const char *owner, const char **text, size_t *len,
                        struct err *err);

/* The connection */

/* Owns the batch, which goes behind the others. */
void store_pg_send(struct store_pg *pg, struct store_pg_batch *batch);
/* Before all that are not under way, and alone. */
void store_pg_send_first(struct store_pg *pg, struct store_pg_batch *batch);
/* Ends the batches that are left, by the error, and the connection. */
void store_pg_hang_up(struct store_pg *pg, const struct err *err);
/* Waits for what was sent, at most so long. */
void store_pg_flush(struct store_pg *pg, int64_t wait_ms);
/* Starts to look up the names of the URL's hosts: 1, found will be called with the addresses; 0,
 * there is nothing to be looked up; -1. */
int store_pg_connect_find(struct store_pg *pg, lookup_fn *found, struct err *err);
/* Starts to connect by the place's URL. found: the addresses of its hosts, where they were looked
 * up; else NULL. ERR_CONFIG where it must not, ERR_NETWORK where no host has an address. */
int store_pg_connect(struct store_pg *pg, const struct lookup_found *found, struct err *err);
/* The poll of a connection, with the environment kept away from libpq. */
PostgresPollingStatusType store_pg_connect_poll(struct store_pg *pg);
/* Reads state.password. 1: it is another one than before, or the first; 0; -1. May wait for a
 * command. */
int store_pg_password_read(struct store_pg *pg, struct err *err);
/* What the failed connection says, as an error. retryable: it may pass, or the password was read
 * again, and is another one. */
void store_pg_connect_failed(struct store_pg *pg, struct err *err);
/* Of the URL, without connecting; sets the label. ERR_CONFIG. */
int store_pg_url_check(struct store_pg *pg, struct err *err);

/* Adds to `batch` what makes the tables of those of `version`; 0: there are none. */
void store_pg_schema_make(struct store_pg_batch *batch, int version);
/* The same as text, with what follows for roles that only use the tables. */
void store_pg_schema_print(struct store_pg *pg, struct buf *out);
/* Adds to `batch`, as its first statement, what brings a row for each table or sequence on which
 * the role has not all rights; and says so, where there is one. */
void store_pg_schema_rights(struct store_pg_batch *batch);
int store_pg_schema_lacks(struct store_pg_batch *batch, struct err *err);
/* The batch that a connection begins with: it looks at the state, makes one where there is none,
 * and lets the others go on. Where all is as it should be, the next one goes with it. */
void store_pg_hello(struct store_pg *pg);
/* It was that late by the server's clock before: what is known of that clock is too early, by as
 * much as the answer took, but never too late. */
void store_pg_clock_seen(struct store_pg *pg, int64_t server_ms);
/* ERR_CONFIG where a copy of this home there has not ended. */
int store_pg_home_check(const struct store_pg *pg, const char *home, struct err *err);

/* Reads the keys of a file's text. ERR_CONFIG. */
int store_pg_keys_read(struct store_pg *pg, const char *text, struct err *err);
/* Reads those of the place. ERR_CONFIG. */
int store_pg_keys_load(struct store_pg *pg, struct err *err);
/* Reads them again where their file has changed: whoever runs for long must not go on sealing with
 * a key that is about to go. A file that is of no use changes nothing. */
void store_pg_keys_look(struct store_pg *pg);
/* The sealed bytes live in the batch. */
const unsigned char *store_pg_seal(struct store_pg_batch *batch, const char *column,
                                   const char *owner, const void *text, size_t len, size_t *sealed);
/* Seals a value of that with the first key, if it was sealed with another one. -1: no key opens it.
 */
int store_pg_seal_anew(struct store_pg_batch *batch, const char *column, const char *owner,
                       const char **value, int *len);
#define STORE_PG_COPY "copy " /* in meta, before a home that is being copied there */
/* What meta holds to tell whether a key is the right one. */
#define STORE_PG_CHECK_OWNER "state"
#define STORE_PG_CHECK_NAME  "meta.check"
/* Length, or -1: no key opens it, or it is another's. */
int64_t store_pg_unseal(const struct store_pg *pg, const char *column, const char *owner,
                        const unsigned char *sealed, size_t len, char *text);

/* Leases */

struct store_pg_lease;
void store_pg_lease_take(struct store_pg *pg, struct store_lease *lease);
void store_pg_lease_release(struct store_pg *pg, struct store_lease *lease);
int64_t store_pg_lease_tend(struct store_pg *pg);
int64_t store_pg_lease_left_ms(const struct store_lease *lease);
/* keep: its release leaves the row to run out, as other hosts wait for what this one could not
 * store; and it is renewed also when it cannot be trusted any more. */
void store_pg_lease_keep(const struct store_lease *lease, bool keep);
/* Likewise that of this owner's token. False: this process does not hold it. */
bool store_pg_lease_keep_token(struct store_pg *pg, const char *owner);
int64_t store_pg_lease_epoch(const struct store_lease *lease);

/*
 * The spool: what must not be lost while the server does not answer, in the folder's `spool/`. A
 * file holds the values of a statement; what is secret among them is sealed already.
 */

#define STORE_PG_SPOOL_NAME 160
typedef void store_pg_spool_fn(struct store_pg *pg, const char *name, void *arg);

/* Durable when it returns. Where it cannot be, nobody is told: the server is asked all the same. */
void store_pg_spool_write(const struct store_pg *pg, const char *name,
                          const struct store_pg_statement *statement);
void store_pg_spool_remove(const struct store_pg *pg, const char *name);
bool store_pg_spool_has(const struct store_pg *pg, const char *name);
/* Adds the values of a file as parameters to the last statement. How many; 0: it is damaged. */
int store_pg_spool_read(struct store_pg_batch *batch, const char *name);
/* fn NULL: none is called. How many there are. */
size_t store_pg_spool_each(struct store_pg *pg, store_pg_spool_fn *fn, void *arg);
/* Sends the tokens that a process of this host has received and could not store: into the row, and
 * as a spare where somebody else has exchanged since, or is about to. What still lies there is
 * later than the row, and who holds the token's lease cannot load that. */
void store_pg_token_push(struct store_pg *pg);
/* The same now and then, and without a long wait: for those that have a connection for long, which
 * find what other processes of this host have left. */
void store_pg_token_look(struct store_pg *pg);

/* What is remembered of limits. */
void store_pg_bucket_forget(struct store_pg *pg);

/* Operations: what is asked, and what the answer comes to, as store_finish takes it. */

#define STORE_PG_MORE 2 /* of take: ask again; `round` counts */

struct store_pg_work {
    struct store_pg *pg;
    struct store_call *call; /* NULL: cancelled */
    int round;
    struct arena texts; /* what a round keeps for the next */
    const char *last;
    size_t last_len;
    const char *kept[4]; /* of two buckets: before, and after */
    size_t step;         /* of sealing anew: the column; and others' own counts */
    struct store_pg_resealed *resealed;
    size_t nresealed;
    struct store_pg_adopting *adopting;
    int64_t *seqs; /* of a page of events */
};

typedef int store_pg_ask(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err);
typedef int store_pg_take(struct store_pg_work *work, struct store_pg_batch *batch,
                          struct err *err);
struct store_pg_op {
    store_pg_ask *ask; /* NULL: not possible here yet */
    bool here;         /* the server is not asked: take comes at once, before it is known perhaps */
    store_pg_take *take;                                        /* NULL: result 0 */
    void (*ended)(struct store_pg_work *work, struct err *err); /* NULL: nothing; err NULL: well */
    int changed; /* the result, where STORE_PG_CHANGED has undone it; 0: it is asked again */
};

extern const struct store_pg_op store_pg_token_salt, store_pg_token_load, store_pg_token_list,
    store_pg_token_save, store_pg_token_intent, store_pg_token_endpoint, store_pg_token_bar,
    store_pg_token_delete;
extern const struct store_pg_op store_pg_kv_get, store_pg_kv_write, store_pg_kv_each;
extern const struct store_pg_op store_pg_run_add, store_pg_run_claim, store_pg_run_start,
    store_pg_run_end, store_pg_run_told, store_pg_run_list;
extern const struct store_pg_op store_pg_slot_latest, store_pg_job_installed,
    store_pg_job_set_installed, store_pg_counters_add;
extern const struct store_pg_op store_pg_bucket_take, store_pg_rekey;
extern const struct store_pg_op store_pg_token_given;
extern const struct store_pg_op store_pg_home_move, store_pg_home_adopt, store_pg_home_find;
extern const struct store_pg_op store_pg_event_add, store_pg_event_claim, store_pg_event_end,
    store_pg_step_get, store_pg_step_put, store_pg_event_list, store_pg_event_count,
    store_pg_event_retry, store_pg_event_drop, store_pg_event_prune, store_pg_event_release;

/* What STORE_KV_WRITE says, as call->kv says it. Where the transaction has set STORE_PG_KV_ENDED to
 * "0" before, nothing is written: what it belongs to has not happened. */
#define STORE_PG_KV_ENDED "jeton.ended"
#define STORE_PG_KV_GUARD " AND coalesce(current_setting('" STORE_PG_KV_ENDED "', true), '') <> '0'"
int store_pg_kv_put(struct store_pg_batch *batch, const struct store_call *call, struct err *err);

#endif
