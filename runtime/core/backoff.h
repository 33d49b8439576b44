/* When to try again. */
#ifndef JETON_BACKOFF_H
#define JETON_BACKOFF_H

#include <stdint.h>

#define BACKOFF_BASE_MS 500
#define BACKOFF_MAX_MS  30000

/* Delay before try number attempt + 1 (attempt from 1): exponential with full jitter. */
int64_t backoff_ms(int64_t attempt);

#endif
