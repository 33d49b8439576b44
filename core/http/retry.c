#include "retry.h"

#include "backoff.h"

bool retry_later(struct retry *retry, int64_t delay_ms, struct err *why)
{
    if (retry->deadline_ms > 0 && loop_now_ms(retry->loop) + delay_ms >= retry->deadline_ms) {
        err_wrap(why, "giving up, the deadline is nearer than the next try in %lld s",
                 (long long)(delay_ms + 999) / 1000);
        return false;
    }
    char line[ERR_LINE_MAX];
    log_msg(retry->log, LOG_INFO, "%s; trying again in %lld.%lld s", err_line(why, line),
            (long long)(delay_ms / 1000), (long long)(delay_ms % 1000 / 100));
    loop_timer_start(retry->loop, &retry->timer, delay_ms, retry->again, retry->arg);
    return true;
}

static bool wants_long(struct err *why)
{
    err_wrap(why, "giving up, the service wants a wait of over %lld minutes",
             RETRY_WAIT_MAX_MS / 60000);
    return false;
}

int64_t retry_told(const struct http_response *response, struct err *why)
{
    int64_t delay_ms = response != NULL ? http_retry_after_ms(response) : -1;
    why->retry_after_ms = delay_ms > 0 ? delay_ms : 0;
    return delay_ms;
}

bool retry_broken(struct retry *retry, const struct http_response *response, struct err *why)
{
    int64_t delay_ms = retry_told(response, why);
    if (retry->broken >= retry->retries)
        return false;
    retry->broken++;
    if (delay_ms < 0)
        delay_ms = retry->pause_ms > 0 ? retry->pause_ms : backoff_ms(retry->broken);
    if (delay_ms > RETRY_WAIT_MAX_MS)
        return wants_long(why);
    return retry_later(retry, delay_ms, why);
}

bool retry_throttled(struct retry *retry, const struct http_response *response, struct err *why)
{
    int64_t said_ms = http_throttled_ms(response);
    if (said_ms < 0 && why->retry_after_ms > 0)
        said_ms = why->retry_after_ms;
    int64_t delay_ms = backoff_throttled_ms(said_ms, ++retry->throttled);
    why->retry_after_ms = said_ms > 0 ? said_ms : 0;
    retry->waited_ms += delay_ms;
    if (retry->waited_ms > RETRY_WAIT_MAX_MS)
        return wants_long(why);
    return retry_later(retry, delay_ms, why);
}

void retry_stop(struct retry *retry)
{
    loop_timer_stop(retry->loop, &retry->timer);
}
