#include "token_pause.h"

#include "mem.h"

#include <string.h>

static bool same(const char *kept, const char *now)
{
    return strcmp(kept != NULL ? kept : "", now) == 0;
}

static int64_t pause_ms(int64_t times)
{
    int64_t pause = TOKEN_PAUSE_FIRST_MS;
    for (; times > 1 && pause < TOKEN_PAUSE_MAX_MS; times--)
        pause *= 2;
    return pause < TOKEN_PAUSE_MAX_MS ? pause : TOKEN_PAUSE_MAX_MS;
}

/* What row->asked says of a refusal. Beside an access token it says what that was asked for, too.
 */
static void refused_what(const struct store_token *row, const struct connector *asker,
                         char asked[PROVIDER_OWNER_SIZE])
{
    const struct provider *provider = provider_of(asker);
    bool alone = row->access_token == NULL && provider->tried != NULL;
    (alone ? provider->tried : provider->asked)(asker, asked);
}

/* Whether something else was refused than what is asked for now: another scope, for one. */
static bool asks_otherwise(const struct store_token *row, const struct connector *asker)
{
    char asked[PROVIDER_OWNER_SIZE];
    if (provider_of(asker)->asked == NULL || row->asked == NULL)
        return false;
    refused_what(row, asker, asked);
    return strcmp(row->asked, asked) != 0;
}

int token_pause_check(const struct store_token *row, const struct token_configured *configured,
                      const struct connector *asker, int64_t now_ms, struct err *err)
{
    const struct store_pause *pause = &row->pause;
    char since[CLOCK_RFC3339_SIZE], until[CLOCK_RFC3339_SIZE];
    const char *reason = pause->reason != NULL ? pause->reason : "it was refused";
    clock_format_rfc3339(pause->since_ms, since, sizeof since);
    bool none = configured->refresh_token == NULL;
    bool known = none || same(row->secret_fingerprint, configured->grant_fingerprint);
    if (pause->kind == STORE_PAUSE_LEFT &&
        (none || same(row->configured_fingerprint, configured->refresh_fingerprint)))
        return err_set(
            err, ERR_AUTH,
            "logged out at %s: sign in (jeton login), or configure another refresh token "
            "(nothing was sent)",
            since);
    if (pause->kind == STORE_PAUSE_PERSON && known)
        return err_set(err, ERR_AUTH,
                       "needs a person since %s: %s (nothing was sent; `jeton token %s --refresh` "
                       "tries once)",
                       since, reason, configured->connector->name);
    int64_t until_ms = pause->since_ms + pause_ms(pause->times);
    if (pause->kind != STORE_PAUSE_REFUSED || now_ms >= until_ms || now_ms < pause->since_ms ||
        !same(row->secret_fingerprint, configured->secret_fingerprint) ||
        asks_otherwise(row, asker))
        return 0;
    clock_format_rfc3339(until_ms, until, sizeof until);
    return err_set(err, ERR_AUTH,
                   "refused at %s: %s (nothing was sent; it is tried again at %s, or by `jeton "
                   "token %s --refresh`)",
                   since, reason, until, configured->connector->name);
}

static void keep(char **field, const char *value)
{
    char *copy = value[0] != '\0' ? mem_strdup(value) : NULL;
    mem_free(*field);
    *field = copy;
}

void token_pause_set(struct store_token *row, const struct token_configured *configured,
                     const struct connector *asker, bool dead, const struct err *why,
                     const struct redact *redact, int64_t now_ms)
{
    struct store_pause *pause = &row->pause;
    enum store_pause_kind kind = dead ? STORE_PAUSE_PERSON : STORE_PAUSE_REFUSED;
    struct buf masked;
    buf_create(&masked, 8 * ERR_MSG_MAX);
    redact_text(redact, why->msg, strlen(why->msg), &masked);
    pause->times = pause->kind == kind ? pause->times + 1 : 1;
    pause->kind = kind;
    pause->since_ms = now_ms;
    mem_free(pause->reason);
    pause->reason = buf_take(&masked);
    /* What the tokens of the row came with is not touched: when that is configured again, they are
     * what counts. */
    keep(&row->secret_fingerprint,
         dead ? configured->grant_fingerprint : configured->secret_fingerprint);
    if (!dead && provider_of(asker)->asked != NULL) {
        char asked[PROVIDER_OWNER_SIZE]; /* a token that is there was asked for in the same way */
        refused_what(row, asker, asked);
        keep(&row->asked, asked);
    }
}

void token_pause_end(struct store_token *row)
{
    mem_free(row->pause.reason);
    row->pause = (struct store_pause){0};
}

void token_pause_leave(struct store_token *row, const struct token_configured *configured,
                       int64_t now_ms)
{
    token_pause_end(row);
    row->pause = (struct store_pause){.kind = STORE_PAUSE_LEFT,
                                      .since_ms = now_ms,
                                      .times = 1,
                                      .reason = mem_strdup("logged out")};
    if (configured->refresh_token != NULL)
        keep(&row->configured_fingerprint, configured->refresh_fingerprint);
}

int token_pause_check_refused(const struct store_token *row, const struct clock *clock,
                              struct err *err)
{
    int64_t age_ms = token_cache_age_ms(row, clock);
    bool young = age_ms >= 0 && age_ms < TOKEN_YOUNG_MS;
    /* Not for ever: it may have worked since, and be refused now because the service ended it. */
    bool barred = row->barred != 0 && token_cache_is_same(row->barred, row->generation) &&
                  age_ms >= 0 && age_ms < TOKEN_PAUSE_MAX_MS;
    if (!young && !barred)
        return 0;
    err_set(err, ERR_AUTH,
            young ? "the access token is %lld s old: another one would not help"
                  : "the access token, %lld s old, came for a refusal and was refused again",
            (long long)age_ms / 1000);
    err->hint = ERR_HINT_KEPT;
    return -1;
}
