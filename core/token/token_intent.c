#include "token_intent.h"

#include "token_cache.h"

#include <sodium.h>
#include <string.h>
#include <unistd.h>

#define INTENT_HALF ((STORE_INTENT_SIZE - 1) / 2)

static void token_half(const unsigned char salt[STORE_SALT_SIZE], const char *refresh_token,
                       char half[INTENT_HALF + 1])
{
    char fingerprint[TOKEN_FINGERPRINT_SIZE];
    token_cache_fingerprint(salt, "intent", refresh_token, fingerprint);
    memcpy(half, fingerprint, INTENT_HALF);
    half[INTENT_HALF] = '\0';
}

int64_t token_intent_open(const struct store_token *row, const unsigned char salt[STORE_SALT_SIZE],
                          const char *refresh_token)
{
    const struct store_intent *intent = &row->intent;
    char half[INTENT_HALF + 1];
    if (refresh_token == NULL || intent->started_ms == 0)
        return 0;
    token_half(salt, refresh_token, half);
    return strcmp(intent->id + INTENT_HALF, half) == 0 ? intent->started_ms : 0;
}

void token_intent_begin(struct store_token *row, const unsigned char salt[STORE_SALT_SIZE],
                        const char *refresh_token, const struct clock *clock)
{
    struct store_intent *intent = &row->intent;
    unsigned char random[INTENT_HALF / 2];
    char half[INTENT_HALF + 1];
    token_half(salt, refresh_token, half);
    randombytes_buf(random, sizeof random);
    sodium_bin2hex(intent->id, sizeof intent->id, random, sizeof random);
    memcpy(intent->id + INTENT_HALF, half, INTENT_HALF + 1);
    intent->generation = row->generation;
    intent->started_ms = clock_now_ms(clock, CLOCK_WALL);
    if (gethostname(intent->host, sizeof intent->host) != 0)
        intent->host[0] = '\0';
    intent->host[sizeof intent->host - 1] = '\0';
}

void token_intent_tell_lost(int64_t since_ms, struct err *err)
{
    char since[CLOCK_RFC3339_SIZE];
    clock_format_rfc3339(since_ms, since, sizeof since);
    err_wrap(err,
             "reply lost at %s: the service may have replaced the refresh token then, and now "
             "refuses the old one",
             since);
}
