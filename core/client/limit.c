#include "limit.h"

#include "mem.h"
#include "store_bucket.h"

#include <string.h>

#define TOLD_MS 1000 /* a shorter wait is not worth a line in the log */

struct limits {
    struct loop *loop;
    struct store *store;
    struct log *log;
    bool alone; /* the state cannot be used for it */
    struct limit *first;
};

struct limit {
    struct limits *all;
    const struct connector *connector;
    char *keys[STORE_BUCKETS_MAX];
    char *kept[STORE_BUCKETS_MAX]; /* where this process is alone */
    struct store_bucket_take take;
    struct store_call call;
    bool asking;
    int64_t batch;    /* calls that were given last */
    int64_t left;     /* of them */
    int64_t ready_ms; /* when they may go out; loop_now_ms */
    int64_t in_slot;  /* calls that were given in the slot in which they are */
    int64_t next_ms;  /* when the slot after that begins; loop_now_ms */
    bool others;      /* others have calls in it, too */
    int64_t deadline_ms;
    struct loop_timer timer; /* until then; or the next question */
    struct limit_wait *first, **end;
    struct limit *next;
};

static void limit_ask(void *arg);

/* Setting up */

struct limits *limits_new(struct loop *loop, struct store *store, struct log *log)
{
    struct limits *limits = mem_alloc(sizeof *limits);
    *limits = (struct limits){.loop = loop, .store = store, .log = log};
    return limits;
}

static void add_bucket(struct limit *limit, char *key, int64_t per_minute)
{
    size_t index = limit->take.count++;
    limit->keys[index] = key;
    limit->take.buckets[index] = (struct store_bucket){.key = key, .per_minute = per_minute};
}

struct limit *limits_find(struct limits *limits, const struct connector *connector)
{
    const struct config_rate_limit *rate = &connector->rate_limit;
    bool shared = rate->tenant != NULL && rate->tenant_per_minute > 0;
    if (rate->per_minute <= 0 && !shared)
        return NULL;
    for (struct limit *limit = limits->first; limit != NULL; limit = limit->next)
        if (limit->connector == connector)
            return limit;
    struct limit *limit = mem_alloc(sizeof *limit);
    *limit = (struct limit){.all = limits, .connector = connector, .next = limits->first};
    limit->end = &limit->first;
    limits->first = limit;
    if (rate->per_minute > 0)
        add_bucket(limit,
                   mem_printf("connector %s %s", connector->name,
                              connector->home != NULL ? connector->home : ""),
                   rate->per_minute);
    if (shared)
        add_bucket(limit, mem_printf("tenant %s", rate->tenant), rate->tenant_per_minute);
    return limit;
}

static void limit_free(struct limit *limit)
{
    struct limits *all = limit->all;
    loop_timer_stop(all->loop, &limit->timer);
    store_cancel(&limit->call);
    if (limit->left > 0 && !all->alone) {
        struct err err;
        limit->take.wanted = 0;
        limit->take.spare = 0;
        limit->take.unused = limit->left;
        limit->take.unused_at_ms = limit->take.at_ms;
        store_bucket_take(all->store, &limit->take, &err); /* else they are lost for a minute */
    }
    for (size_t i = 0; i < limit->take.count; i++) {
        mem_free(limit->keys[i]);
        mem_free(limit->kept[i]);
    }
    mem_free(limit);
}

void limits_free(struct limits *limits)
{
    while (limits != NULL && limits->first != NULL) {
        struct limit *limit = limits->first;
        limits->first = limit->next;
        limit_free(limit);
    }
    mem_free(limits);
}

/* Taking */

static bool is_in_hand(const struct limit *limit)
{
    int64_t now_ms = loop_now_ms(limit->all->loop);
    return limit->left > 0 && now_ms >= limit->ready_ms &&
           now_ms < limit->ready_ms + STORE_BUCKET_HOLD_MS;
}

bool limit_take(struct limit *limit)
{
    if (limit->first != NULL || !is_in_hand(limit))
        return false;
    limit->left--;
    return true;
}

static struct limit_wait *next_wait(struct limit *limit)
{
    struct limit_wait *wait = limit->first;
    if (wait != NULL)
        limit_wait_stop(wait);
    return wait;
}

static void limit_release(void *arg)
{
    struct limit *limit = arg;
    struct limit_wait *wait;
    while (is_in_hand(limit) && (wait = next_wait(limit)) != NULL) {
        limit->left--;
        wait->fn(wait->arg);
    }
    /* From the loop: an answer may be there at once, and so on for each of many that wait. */
    if (limit->first != NULL)
        loop_timer_start(limit->all->loop, &limit->timer, 0, limit_ask, limit);
}

static void say_full(const struct limit *limit, struct err *err)
{
    const struct config_rate_limit *rate = &limit->connector->rate_limit;
    const struct store_bucket *bucket = &limit->take.buckets[limit->take.full];
    if (bucket->key == limit->keys[0] && rate->per_minute > 0)
        err_set(err, ERR_THROTTLED, "connector '%s' has used its %lld calls a minute (rate_limit)",
                limit->connector->name, (long long)bucket->per_minute);
    else
        err_set(err, ERR_THROTTLED, "tenant '%s' has used its %lld calls a minute (rate_limit)",
                rate->tenant, (long long)bucket->per_minute);
    err->retryable = true;
}

static void limit_refuse(struct limit *limit, int64_t delay_ms)
{
    struct limit_wait *wait;
    size_t count = 0; /* not those that come while the others are told */
    for (wait = limit->first; wait != NULL; wait = wait->next)
        count++;
    while (count-- > 0 && (wait = next_wait(limit)) != NULL) {
        say_full(limit, &wait->err);
        if (limit->deadline_ms > 0)
            err_wrap(&wait->err, "giving up, the deadline is nearer than the next try in %lld s",
                     (long long)(delay_ms + 999) / 1000);
        else
            err_wrap(&wait->err, "giving up, the next try would be in %lld s",
                     (long long)(delay_ms + 999) / 1000);
        wait->fn(wait->arg);
    }
}

static void limit_granted(struct limit *limit)
{
    const struct store_bucket_take *take = &limit->take;
    struct loop *loop = limit->all->loop;
    int64_t delay_ms = take->at_ms - take->now_ms;
    if (take->granted <= 0) {
        limit_refuse(limit, delay_ms);
        return;
    }
    limit->batch = limit->left = take->granted;
    limit->ready_ms = loop_now_ms(loop) + delay_ms;
    int64_t next_ms = loop_now_ms(loop) + take->next_ms - take->now_ms;
    /* The clocks may differ by a little; a slot is far longer. */
    bool same = next_ms - limit->next_ms < STORE_BUCKET_SLOT_MS / 2;
    limit->in_slot = take->granted + (same ? limit->in_slot : 0);
    limit->others = take->in_slot > limit->in_slot;
    limit->next_ms = next_ms;
    if (delay_ms == 0) {
        limit_release(limit);
        return;
    }
    if (delay_ms >= TOLD_MS) {
        struct err why;
        say_full(limit, &why);
        log_msg(limit->all->log, LOG_INFO, "%s; going on in %lld.%lld s", why.msg,
                (long long)(delay_ms / 1000), (long long)(delay_ms % 1000 / 100));
    }
    loop_timer_start(loop, &limit->timer, delay_ms, limit_release, limit);
}

static void limit_alone(struct limit *limit)
{
    const struct clock *clock = loop_clock(limit->all->loop);
    limit->take.now_ms = clock_now_ms(clock, CLOCK_BOOT);
    store_bucket_plan(&limit->take, limit->kept);
    limit_granted(limit);
}

static void limit_answered(void *arg)
{
    struct limit *limit = arg;
    limit->asking = false;
    if (limit->call.result == 0) {
        limit_granted(limit);
        return;
    }
    if (!limit->all->alone)
        log_msg(limit->all->log, LOG_WARN,
                "%s; only the calls of this process are counted for rate_limit",
                limit->call.err.msg);
    limit->all->alone = true;
    limit->take.unused = 0; /* of the state */
    limit_alone(limit);
}

/* How many calls are taken at once. */
static int64_t most(const struct limit *limit)
{
    int64_t least = INT64_MAX;
    for (size_t i = 0; i < limit->take.count; i++) {
        int64_t share = limit->take.buckets[i].per_minute / LIMIT_BATCH_SHARE;
        least = share < least ? share : least;
    }
    return least > LIMIT_BATCH_MIN ? least : LIMIT_BATCH_MIN;
}

/* Of what others want, too, in this slot. */
static bool had_its_share(const struct limit *limit)
{
    return limit->others && limit->in_slot >= most(limit);
}

/* For those that wait; and if they may go out at once, as many as are likely to be made while they
 * can be kept in hand. */
static void how_many(struct limit *limit)
{
    struct store_bucket_take *take = &limit->take;
    int64_t used_ms = loop_now_ms(limit->all->loop) - limit->ready_ms;
    int64_t waiting = 0, at_most = most(limit);
    int64_t likely = limit->left > 0                       ? limit->batch - limit->left
                     : limit->batch == 0                   ? 2 /* few jobs make only one */
                     : had_its_share(limit)                ? at_most
                     : used_ms <= STORE_BUCKET_HOLD_MS / 2 ? 2 * limit->batch
                     : used_ms <= STORE_BUCKET_HOLD_MS     ? limit->batch
                                                           : 1;
    for (const struct limit_wait *wait = limit->first; wait != NULL; wait = wait->next)
        waiting++;
    take->wanted = waiting < at_most ? waiting : at_most;
    take->spare = (likely < at_most ? likely : at_most) - take->wanted;
}

static void limit_ask(void *arg)
{
    struct limit *limit = arg;
    struct loop *loop = limit->all->loop;
    if (limit->asking || limit->first == NULL)
        return;
    /* Else whoever is quick, or has many tasks, would get most of it. */
    int64_t turn_ms = had_its_share(limit) ? limit->next_ms - loop_now_ms(loop) : 0;
    if (turn_ms > 0) {
        loop_timer_start(loop, &limit->timer, turn_ms, limit_ask, limit);
        return;
    }
    how_many(limit);
    limit->take.ahead_ms =
        limit->deadline_ms > 0 ? limit->deadline_ms - loop_now_ms(loop) : STORE_BUCKET_AHEAD_MS;
    limit->take.unused = limit->left;
    limit->take.unused_at_ms = limit->take.at_ms;
    limit->in_slot -= limit->left;
    limit->left = 0;
    if (limit->all->alone) {
        limit_alone(limit);
        return;
    }
    limit->asking = true;
    limit->call = (struct store_call){.op = STORE_BUCKET_TAKE, .bucket = &limit->take};
    store_start(limit->all->store, &limit->call, limit_answered, limit);
}

void limit_wait_start(struct limit *limit, struct limit_wait *wait, int64_t deadline_ms,
                      loop_fn *fn, void *arg)
{
    *wait = (struct limit_wait){
        .fn = fn, .arg = arg, .since_ms = loop_now_ms(limit->all->loop), .limit = limit};
    *limit->end = wait;
    limit->end = &wait->next;
    limit->deadline_ms = deadline_ms;
    if (limit->timer.index == 0 && !is_in_hand(limit)) /* else they are being released */
        limit_ask(limit);
}

void limit_wait_stop(struct limit_wait *wait)
{
    struct limit *limit = wait->limit;
    if (limit == NULL)
        return;
    struct limit_wait **at = &limit->first;
    while (*at != wait)
        at = &(*at)->next;
    *at = wait->next;
    if (*at == NULL)
        limit->end = at;
    wait->limit = NULL;
    wait->next = NULL;
}
