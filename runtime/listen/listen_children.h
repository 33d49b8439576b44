/*
 * The processes of a listener: the front, which serves, and a worker for each hook. All are forked
 * by the supervisor and started anew when they end, later and later. A generation is those of one
 * plan: a new plan starts a new generation, and then ends the former one.
 */
#ifndef JETON_LISTEN_CHILDREN_H
#define JETON_LISTEN_CHILDREN_H

#include "app_children.h"
#include "listen_plan.h"
#include "store_runs.h"

#define LISTEN_CHILDREN_MAX 4096
#define LISTEN_KILL_MS      5000 /* from the end of the grace to SIGKILL */

enum listen_kind {
    LISTEN_FRONT,
    LISTEN_WORKER,
    LISTEN_KEEPER /* of subscriptions: from time to time */
};

/* One process, which may be started again and again. */
struct listen_child {
    enum listen_kind kind;
    const struct hook *hook; /* of a worker; else NULL */
    char *name;              /* for messages: "webhook 'orders'" */
    char *group;             /* of app_children */
    /* Of a worker. The supervisor keeps all ends, so that whoever starts anew finds them. */
    int wake[2];   /* pipe: read by the worker, written by the front */
    int answer[2]; /* packets: read by the front, written by the worker; -1: none */
    bool running;
    char *mark; /* of a worker that has been started: what its programs have in their environment */
    int64_t started_ms; /* monotonic */
    int64_t start_ms;   /* when it is to be started next */
    int64_t delay_ms;   /* how long it will wait if it ends soon */
};

struct listen_generation {
    struct listen_generation *next; /* an older one */
    struct listen_plan plan;
    char id[STORE_RUN_ID_SIZE];    /* for whom it reserves events (store_events.h) */
    struct listen_child *children; /* the front, the workers in the order of the hooks, a keeper */
    size_t count;
    bool ending;
    int64_t kill_ms; /* when those that still run get SIGKILL */
};

/* Takes the plan. ERR_CONFIG: no descriptors. */
struct listen_generation *listen_generation_new(struct listen_plan *plan, struct err *err);
/* In the supervisor, when its processes have ended; in a child, which uses it until then. */
void listen_generation_free(struct listen_generation *generation);
/* In a child: closes the ends that are not its own. */
void listen_generation_keep(struct listen_generation *generation, const struct listen_child *self);

/*
 * Starts what is to run and does not. Returns in how many ms there is something to do again, at
 * most max_ms. In a child that was forked *self is set, and it returns at once.
 */
int64_t listen_children_start(struct listen_generation *generation, struct app_children *children,
                              int64_t max_ms, const struct listen_child **self);
#define LISTEN_MARK "JETON_WORKER"

/* As app_children tells it. What the handlers of a worker that did not end by itself have started
 * is killed: the next one tries their events again. */
void listen_children_note(struct listen_generation *generation, const char *group, int wait_status);
/* Whether the webhook's worker ends as soon as it starts, as one does whose script does not load.
 */
bool listen_children_fails(const struct listen_generation *generation, const char *hook);
/* The worker looks for events; unless none is woken any more. */
void listen_children_wake(const struct listen_child *worker);
/* Wakes no worker any more: one ends when nobody can. Idempotent. */
void listen_children_silence(struct listen_generation *generation);
/* SIGTERM to the front, and the end of their pipes to the workers; SIGKILL follows. Idempotent. */
void listen_children_end(struct listen_generation *generation, struct app_children *children);
/* Whether all of it has ended; sends SIGKILL when that is due. */
bool listen_children_ended(struct listen_generation *generation, struct app_children *children);

#endif
