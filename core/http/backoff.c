#include "backoff.h"

#include <sodium.h>

int64_t backoff_ms(int64_t attempt)
{
    int64_t ceiling = BACKOFF_BASE_MS;
    for (int64_t i = 1; i < attempt && ceiling < BACKOFF_MAX_MS; i++)
        ceiling *= 2;
    if (ceiling > BACKOFF_MAX_MS)
        ceiling = BACKOFF_MAX_MS;
    return (int64_t)randombytes_uniform((uint32_t)ceiling + 1);
}

int64_t backoff_throttled_ms(int64_t retry_after_ms, int64_t attempt)
{
    int64_t least_ms = retry_after_ms < BACKOFF_SOON_MS ? backoff_ms(attempt) : 0;
    return retry_after_ms > least_ms ? retry_after_ms : least_ms;
}
