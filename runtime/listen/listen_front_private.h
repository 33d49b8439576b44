/* What the files of the front share. */
#ifndef JETON_LISTEN_FRONT_PRIVATE_H
#define JETON_LISTEN_FRONT_PRIVATE_H

#include "listen_front.h"
#include "loop.h"
#include "server.h"
#include "store_events.h"

#define LISTEN_RETRY_AFTER_S      "10" /* when the state cannot be written now, or at the end */
#define LISTEN_RETRY_AFTER_FULL_S "60" /* above max_waiting */
#define LISTEN_REPLY_HEAD_MAX     ((size_t)4 * 1024) /* bytes of a reply's headers */

/* What became of requests, and of the events in them. */
enum listen_count {
    LISTEN_STORED,
    LISTEN_DUPLICATE,
    LISTEN_HELD,
    LISTEN_FULL,
    LISTEN_UNSTORED, /* the state could not be written */
    LISTEN_SKIPPED,
    LISTEN_ANSWERED, /* challenges */
    LISTEN_REFUSED,
    LISTEN_COUNTS,
};

/* What the log tells of a hook's requests. */
enum listen_told {
    LISTEN_TOLD_FORGED,    /* 401: anybody can send these */
    LISTEN_TOLD_REFUSED,   /* otherwise */
    LISTEN_TOLD_NOT_TAKEN, /* by the server, before they are looked at */
    LISTEN_TOLD_FULL,
    LISTEN_TOLD_HELD,
    LISTEN_TOLD_SKIPPED,
    LISTEN_TOLD_DIFFERS,
    LISTEN_TOLD_LATE, /* replies of handlers */
    LISTEN_TOLD,
};

struct listen_said {
    int64_t since_ms; /* monotonic */
    uint64_t count;   /* since then; not all are logged */
};

/* Of each hook. */
struct listen_hook {
    struct listen_front *front;
    const struct hook *hook;
    struct hook_secrets *keys;
    char scope[STORE_SCOPE_SIZE];
    const struct listen_child *worker; /* woken after a commit */
    int answer;
    struct loop_fd answers;
    int64_t reserved_ms; /* monotonic: when the last of its events is so no more; 0: none was */
    uint64_t counts[LISTEN_COUNTS];
    struct listen_said said[LISTEN_TOLD];
};

/* A request between its check and its reply. */
struct listen_waiting {
    struct listen_waiting *prev, *next;
    struct listen_list *list; /* that it is in; NULL: none */
    struct listen_hook *hook;
    struct server_exchange *exchange; /* NULL: its sender has left */
    struct hook_result result;
    struct store_event_new *events; /* of result.events, and then result.marks */
    bool asked;                     /* the reply is to tell what became of it */
    bool ordered;                   /* the event of seq is of an order */
    int64_t seq;                    /* whose handler answers; 0: it waits for the commit */
    int64_t due_ms;                 /* monotonic: when it is answered in its place */
};

struct listen_list {
    struct listen_waiting *first, *last;
    size_t count;
};

/* A transaction that stores events: one at a time. */
struct listen_adding {
    struct listen_list list; /* whose events they are; empty: none is under way */
    struct listen_list next; /* to be stored one by one: one of them is bad */
    struct store_event_new *rows;
    size_t count, done; /* rows; those that are stored, where not all are at once */
    struct store_event_call event;
    struct store_call call;
};

/* What was reserved is given up, of one hook after the other. */
struct listen_releasing {
    bool begun, done;
    size_t hook; /* the next one */
    struct loop_timer again;
    struct store_event_call event;
    struct store_call call;
};

struct listen_keeping {
    size_t hook; /* whose old events are looked for */
    bool more;
    struct store_event_prune what;
    int64_t changed;
    struct store_event_call event;
    struct store_call call;
};

/* Whether events can be stored again. */
struct listen_trying {
    int64_t due_ms; /* monotonic */
    char scope[STORE_SCOPE_SIZE];
    struct store_kv item;
    struct store_call call;
};

/* Standard output, of --print. */
struct listen_printing {
    int fd;
    bool is_ours; /* it was opened anew (fd_try_open) */
    struct buf kept;
    size_t gone;             /* of what is kept: written */
    struct loop_fd writable; /* at most one of these two runs */
    struct loop_timer again;
    uint64_t left_out; /* events that there was no room for */
    bool failed;       /* the last could not be printed */
};

struct listen_front {
    const struct listen_front_options *options;
    struct log *log;
    struct loop *loop;
    struct store *store;
    struct server *servers[LISTEN_SOCKETS_MAX];
    size_t nservers;
    struct server *metrics;
    struct listen_hook *hooks;
    size_t nhooks;
    struct listen_list batch; /* to be stored */
    struct listen_adding adding;
    struct listen_adding beside; /* what is stored between two parts of a large batch */
    struct loop_timer commit;    /* at the next turn */
    struct listen_list handlers; /* stored; their handlers answer */
    struct listen_early *early;  /* replies of those whose commit is perhaps under way */
    size_t nearly;
    struct loop_timer patience; /* of handlers */
    struct loop_timer turns;    /* of events of an order that other hosts handle others of */
    struct listen_releasing releasing;
    struct loop_timer keep; /* retention */
    struct loop_timer look; /* whether others have written to the state */
    struct listen_keeping keeping;
    struct listen_trying trying;
    bool stored;     /* the last commit worked */
    int64_t full_ms; /* monotonic: when it was said that others wait; 0: never */
    struct listen_printing printing;
    uint64_t commits, committed; /* and the events in them */
    uint64_t unknown;            /* requests for no hook, or that the server refused */
    bool stopping;
    bool done;
    struct loop_timer grace;
};

/* listen_waiting.c */
void listen_waiting_append(struct listen_list *list, struct listen_waiting *waiting);
void listen_waiting_remove(struct listen_waiting *waiting);                 /* of its list */
void listen_waiting_move(struct listen_list *from, struct listen_list *to); /* all of them */
void listen_waiting_free(struct listen_waiting *waiting); /* without a reply; it is in no list */
/* Replies, unless its sender has left, and frees it; it is in no list. */
void listen_waiting_finish(struct listen_waiting *waiting, int status,
                           const struct http_header *headers, size_t nheaders, const char *body,
                           size_t len);
void listen_waiting_busy(struct listen_waiting *waiting, const char *after_s); /* 503 */
void listen_waiting_accept(struct listen_waiting *waiting); /* result.reply; of an event: 200 */
/* An exchange that waits for nothing: status, one line. */
void listen_waiting_plain(struct server_exchange *exchange, int status, const char *text);

/* listen_verdict.c */
bool listen_verdict_asked(const struct server_request *request);
/* One line of ASCII, to be freed; of what was stored or skipped. */
char *listen_verdict_text(const struct listen_waiting *waiting);
/* Whether one more warning of this kind may be logged: of many in a minute, the first. */
bool listen_verdict_may_log(struct listen_hook *hook, enum listen_told told);
/* How many more there were: of the minutes that are over, or of all. From time to time. */
void listen_verdict_say_rest(struct listen_front *front, bool all);

/* listen_request.c */
void listen_request_handle(void *arg, struct server_exchange *exchange,
                           const struct server_request *request);
uint64_t listen_request_head(void *arg, struct server_exchange *exchange,
                             const struct server_request *request);
void listen_request_gone(void *arg, struct server_exchange *exchange);
void listen_request_refuse(void *arg, struct server_exchange *exchange,
                           const struct server_refusal *refusal);
void listen_request_full(void *arg, size_t connections, int code);

/* listen_store.c */
/* Of a database that is away the listener says so to senders, until it is there. */
int listen_store_open(struct listen_front *front, struct err *err);
void listen_store_add(struct listen_front *front, struct listen_waiting *waiting);
/* Of what is under way to the state: it goes on without its request. */
void listen_store_outlive(struct listen_front *front, struct listen_waiting *waiting);
void listen_store_keep(void *front); /* retention, now and from time to time */
/* Wakes the workers where somebody else may have made an event ready; now and from time to time. */
void listen_store_look(void *front);
/* What is under way in the state is of no interest any more; the servers are gone. */
void listen_store_stop(struct listen_front *front);

/* listen_print.c: nobody waits for who reads standard output. */
void listen_print_start(struct listen_front *front);
void listen_print_stop(struct listen_front *front);
void listen_print_event(struct listen_front *front, const struct store_event_new *event,
                        const struct hook *hook);

/* listen_answer.c: replies by handlers. */
void listen_answer_start(struct listen_hook *hook);
void listen_answer_stop(struct listen_hook *hook);
void listen_answer_wait(struct listen_front *front, struct listen_waiting *waiting, int64_t seq);
/* No commit is under way any more: replies that came before its end are looked at again. */
void listen_answer_committed(struct listen_front *front);
/* Whether events that are stored now are to be reserved for its worker. */
bool listen_answer_reserves(const struct listen_hook *hook);
/* At the end, when none that is reserved is being stored any more: gives them up. It goes on by
 * itself; whether it is over. */
bool listen_answer_release(struct listen_front *front);
/* The time to end is over: all that wait get the reply that says: stored. */
void listen_answer_end(struct listen_front *front);

/* listen_metrics.c */
void listen_metrics_handle(void *arg, struct server_exchange *exchange,
                           const struct server_request *request);
void listen_metrics_gone(void *arg, struct server_exchange *exchange);
void listen_metrics_health(struct listen_front *front, struct server_exchange *exchange);

#endif
