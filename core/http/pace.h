/* Keeps to a limit of calls a minute, so that the service's 429 is the exception. */
#ifndef JETON_PACE_H
#define JETON_PACE_H

#include <stddef.h>
#include <stdint.h>

#define PACE_WINDOW_MS 60000
#define PACE_LIMIT_MAX 100000 /* calls a minute */

struct pace {
    int64_t *times; /* of the last `limit` calls, monotonic: a ring */
    size_t limit;   /* 0: none */
    size_t next;
    size_t count;
};

void pace_create(struct pace *pace, int64_t per_minute);
void pace_destroy(struct pace *pace);
/* Milliseconds until a call may go out; 0: now. */
int64_t pace_delay_ms(const struct pace *pace, int64_t now_ms);
/* A call goes out at now_ms. */
void pace_take(struct pace *pace, int64_t now_ms);

#endif
