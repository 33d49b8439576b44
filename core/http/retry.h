/*
 * When to try again, and when to stop: attempts, Retry-After, backoff, the deadline. For exchanges
 * of tokens, for calls of an API, and for whatever else is sent more than once.
 */
#ifndef JETON_RETRY_H
#define JETON_RETRY_H

#include "http.h"

#define RETRY_WAIT_MAX_MS (15LL * 60 * 1000) /* of waiting for a throttled service, in all */

/* Set what is above the line, zero what is below it. retry_stop before it is freed. */
struct retry {
    struct loop *loop;
    struct log *log; /* NULL: nobody is told */
    loop_fn *again;  /* the next try, from the loop */
    void *arg;
    int64_t pause_ms;    /* between tries of what broke; 0: backoff_ms */
    int64_t retries;     /* after the first try, of what broke (network, 5xx) */
    int64_t deadline_ms; /* by the loop's clock; 0: none. No wait is begun that would pass it */
    /* ---- */
    struct loop_timer timer;
    int64_t broken;    /* tries that failed */
    int64_t throttled; /* replies 429 */
    int64_t waited_ms; /* for a throttled service */
};

/*
 * Each begins a wait and returns true, or returns false: `why` is final then, and says so where it
 * was not the number of tries that ended it.
 */
bool retry_later(struct retry *retry, int64_t delay_ms, struct err *why);
/* The connection broke, or the service failed. response: its Retry-After counts; may be NULL. */
bool retry_broken(struct retry *retry, const struct http_response *response, struct err *why);
/*
 * Only puts the reply's Retry-After into `why`, for what is not tried again: a script may do that.
 * -1: it has none.
 */
int64_t retry_told(const struct http_response *response, struct err *why);
/* The service said 429, or why's retry_after_ms in words, which counts where no header says it. */
bool retry_throttled(struct retry *retry, const struct http_response *response, struct err *why);
void retry_stop(struct retry *retry);

#endif
