/* When to try again. */
#ifndef JETON_BACKOFF_H
#define JETON_BACKOFF_H

#include <stdint.h>

#define BACKOFF_BASE_MS 500
#define BACKOFF_MAX_MS  30000

/* Delay before try number attempt + 1 (attempt from 1): exponential with full jitter. */
int64_t backoff_ms(int64_t attempt);
/*
 * After a 429 (attempt from 1): what Retry-After says, in milliseconds; at least as backoff_ms
 * where it says nothing (-1), or less than BACKOFF_SOON_MS, which would be an invitation to send
 * without end.
 */
#define BACKOFF_SOON_MS 1000
int64_t backoff_throttled_ms(int64_t retry_after_ms, int64_t attempt);

#endif
