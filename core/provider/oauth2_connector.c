#include "oauth2_connector.h"

#include "allow.h"
#include "http.h"
#include "mem.h"
#include "url.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const struct oauth2_connector *oauth2_connector_of(const struct connector *connector)
{
    return (const struct oauth2_connector *)connector; /* its first member */
}

static struct oauth2_connector *own(const struct connector *connector)
{
    return (struct oauth2_connector *)(uintptr_t)connector;
}

const char *oauth2_connector_grant(const struct oauth2_connector *oauth2)
{
    return oauth2->grant != NULL ? oauth2->grant : OAUTH2_GRANT_REFRESH;
}

bool oauth2_connector_refreshes(const struct connector *connector)
{
    return strcmp(oauth2_connector_grant(oauth2_connector_of(connector)), OAUTH2_GRANT_REFRESH) ==
           0;
}

bool oauth2_connector_asserts(const struct oauth2_connector *oauth2)
{
    const char *grant = oauth2_connector_grant(oauth2);
    return strcmp(grant, OAUTH2_GRANT_JWT) == 0 || strcmp(grant, OAUTH2_GRANT_APP) == 0;
}

bool oauth2_connector_exchanges(const struct oauth2_connector *oauth2)
{
    return strcmp(oauth2_connector_grant(oauth2), OAUTH2_GRANT_EXCHANGE) == 0;
}

int64_t oauth2_connector_assertion_life(const struct oauth2_connector *oauth2)
{
    const int64_t life_ms = oauth2->assertion.lifetime_ms;
    return life_ms > 0 ? life_ms : OAUTH2_ASSERTION_LIFE_MS;
}

bool oauth2_connector_may_set(const char *name)
{
    return strcasecmp(name, "Host") != 0 && strncasecmp(name, "Content-", 8) != 0 &&
           !http_is_reserved(name);
}

void oauth2_connector_settle(struct connector *connector)
{
    struct oauth2_connector *oauth2 = own(connector);
    connector->base = oauth2->endpoint;
    mem_free(oauth2->header_name);
    oauth2->header_name =
        oauth2->header != NULL ? mem_strndup(oauth2->header, strcspn(oauth2->header, ":")) : NULL;
}

#define PAIRS 4 /* mappings of a connector that may hold secrets */
static struct oauth2_pairs *pairs_at(struct oauth2_connector *oauth2, size_t index)
{
    struct oauth2_pairs *all[PAIRS] = {&oauth2->params, &oauth2->refresh_params, &oauth2->headers,
                                       &oauth2->authorize_params};
    return all[index];
}

struct secret *oauth2_connector_secret_at(const struct connector *connector, size_t index)
{
    for (size_t n = 0; n < PAIRS; n++) {
        const struct oauth2_pairs *pairs = pairs_at(own(connector), n);
        for (size_t i = 0; i < pairs->count; i++) {
            if (pairs->items[i].secret.kind != SECRET_NONE && index-- == 0)
                return &pairs->items[i].secret;
        }
    }
    struct oauth2_client_tls *tls = &own(connector)->tls;
    struct secret *of_tls[] = {&tls->certificate, &tls->key};
    for (size_t i = 0; i < sizeof of_tls / sizeof of_tls[0]; i++) {
        if (of_tls[i]->kind != SECRET_NONE && index-- == 0)
            return of_tls[i];
    }
    return NULL;
}

void oauth2_connector_release(struct connector *connector)
{
    struct oauth2_connector *oauth2 = own(connector);
    for (size_t n = 0; n < PAIRS; n++) {
        const struct oauth2_pairs *pairs = pairs_at(oauth2, n);
        for (size_t i = 0; i < pairs->count; i++) {
            mem_free(pairs->items[i].name);
            mem_free(pairs->items[i].key);
            mem_free(pairs->items[i].text);
            secret_destroy(&pairs->items[i].secret);
        }
        mem_free(pairs->items);
    }
    secret_destroy(&oauth2->tls.certificate);
    secret_destroy(&oauth2->tls.key);
    mem_free(oauth2->issuer);
    mem_free(oauth2->token_url);
    mem_free(oauth2->assertion.claims);
    mem_free(oauth2->refresh_url);
    mem_free(oauth2->authorize_url);
    mem_free(oauth2->device_url);
    mem_free(oauth2->revoke_url);
    mem_free(oauth2->redirect_uri);
    mem_freev(oauth2->scope);
    mem_freev(oauth2->resource);
    mem_free(oauth2->header_name);
}

/* ---- whose a row is, and what is in it ---- */

static void hash_text(crypto_hash_sha256_state *state, const char *text)
{
    static const unsigned char nul = 0;
    if (text != NULL)
        crypto_hash_sha256_update(state, (const unsigned char *)text, strlen(text));
    crypto_hash_sha256_update(state, &nul, 1);
}

static void hash_end(crypto_hash_sha256_state *state, char out[PROVIDER_OWNER_SIZE])
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_final(state, digest);
    sodium_bin2hex(out, PROVIDER_OWNER_SIZE, digest, sizeof digest);
}

void oauth2_connector_owner(const struct connector *connector, const char *home,
                            char owner[PROVIDER_OWNER_SIZE])
{
    crypto_hash_sha256_state state;
    char *scope = mem_join(strncmp(home, "name:", 5) == 0 ? "" : "path:", home, NULL);
    crypto_hash_sha256_init(&state);
    hash_text(&state, "jeton-owner-2");
    hash_text(&state, scope);
    hash_text(&state, connector->name);
    if (connector->trial)
        hash_text(&state, "trial");
    hash_text(&state, connector->provider->name);
    const struct oauth2_connector *oauth2 = oauth2_connector_of(connector);
    hash_text(&state, connector->service != NULL  ? connector->service
                      : oauth2->token_url != NULL ? oauth2->token_url
                                                  : oauth2->issuer);
    hash_end(&state, owner);
    mem_free(scope);
}

char *oauth2_connector_service_host(const struct connector *connector)
{
    const struct oauth2_connector *oauth2 = oauth2_connector_of(connector);
    const char *service = oauth2->token_url != NULL ? oauth2->token_url : oauth2->issuer;
    struct err ignored;
    struct url url;
    if (service == NULL || url_parse(service, &url, &ignored) != 0)
        return NULL;
    char *host = mem_printf("%s://%s:%d", url.scheme, url.host, url.port);
    url_destroy(&url);
    return host;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* In any order the same. */
static void hash_list(crypto_hash_sha256_state *state, char *const *list)
{
    size_t count = 0;
    while (list != NULL && list[count] != NULL)
        count++;
    const char **sorted = mem_alloc((count + 1) * sizeof *sorted);
    for (size_t i = 0; i < count; i++)
        sorted[i] = list[i];
    qsort(sorted, count, sizeof *sorted, by_text);
    for (size_t i = 0; i < count; i++)
        hash_text(state, sorted[i]);
    hash_text(state, NULL);
    mem_free(sorted);
}

/* Where a secret comes from, not what it is. (mem_free) */
static char *source_of(const struct secret *secret)
{
    bool plain = secret->kind == SECRET_PLAIN || secret->kind == SECRET_NONE;
    if (secret->kind != SECRET_COMMAND)
        return mem_printf("%d:%s", (int)secret->kind, plain ? "" : secret->text);
    char *source = mem_printf("%d:", (int)secret->kind);
    for (char *const *word = secret->command; *word != NULL; word++) {
        char *longer = mem_printf("%s%zu:%s", source, strlen(*word), *word);
        mem_free(source);
        source = longer;
    }
    return source;
}

static void hash_secret(crypto_hash_sha256_state *state, const struct secret *secret)
{
    char *source = source_of(secret);
    hash_text(state, source);
    mem_free(source);
}

static void hash_pairs(crypto_hash_sha256_state *state, const struct oauth2_pairs *pairs)
{
    char **texts = mem_alloc((pairs->count + 1) * sizeof *texts);
    for (size_t i = 0; i < pairs->count; i++) {
        const struct oauth2_pair *pair = &pairs->items[i];
        char *source = source_of(&pair->secret);
        texts[i] = mem_printf("%s=%s%s", pair->name, source, pair->text != NULL ? pair->text : "");
        mem_free(source);
    }
    hash_list(state, texts);
    mem_freev(texts);
}

void oauth2_connector_asked(const struct connector *connector, char asked[PROVIDER_OWNER_SIZE])
{
    const struct oauth2_connector *oauth2 = oauth2_connector_of(connector);
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    hash_text(&state, oauth2_connector_grant(oauth2));
    hash_list(&state, oauth2->scope);
    hash_text(&state, oauth2->audience);
    hash_list(&state, oauth2->resource);
    if (oauth2_connector_asserts(oauth2)) {
        hash_secret(&state, &oauth2->key);
        hash_text(&state, oauth2->assertion.issuer);
    }
    hash_text(&state, oauth2->assertion.subject);
    hash_text(&state, oauth2->assertion.claims);
    hash_pairs(&state, &oauth2->params);
    hash_pairs(&state, &oauth2->refresh_params);
    if (oauth2->reply.endpoint != NULL) /* the API's place is kept with the token */
        hash_text(&state, oauth2->reply.endpoint);
    if (oauth2_connector_exchanges(oauth2)) {
        hash_secret(&state, &oauth2->subject_token);
        hash_text(&state, oauth2->subject_token_type);
        hash_secret(&state, &oauth2->actor_token);
        hash_text(&state, oauth2->actor_token_type);
    }
    hash_end(&state, asked);
}

void oauth2_connector_tried(const struct connector *connector, char tried[PROVIDER_OWNER_SIZE])
{
    const struct oauth2_connector *oauth2 = oauth2_connector_of(connector);
    const struct oauth2_assertion *assertion = &oauth2->assertion;
    crypto_hash_sha256_state state;
    oauth2_connector_asked(connector, tried);
    crypto_hash_sha256_init(&state);
    hash_text(&state, tried);
    char *numbers = mem_printf("%d %d %d %lld %lld %d", oauth2->client_auth, oauth2->algorithm,
                               oauth2->body, (long long)assertion->lifetime_ms,
                               (long long)assertion->backdate_ms, assertion->scope_claim);
    hash_text(&state, numbers);
    mem_free(numbers);
    hash_text(&state, oauth2->key_id);
    hash_text(&state, assertion->issuer);
    hash_text(&state, assertion->audience);
    hash_text(&state, oauth2->client_assertion.audience);
    hash_text(&state, oauth2->scope_separator);
    hash_text(&state, oauth2->refresh_url);
    hash_text(&state, oauth2->reply.ok);
    hash_text(&state, oauth2->reply.error);
    hash_pairs(&state, &oauth2->headers);
    hash_end(&state, tried);
}

void oauth2_connector_asked_slot(const struct connector *connector, char asked[PROVIDER_OWNER_SIZE])
{
    const struct oauth2_connector *oauth2 = oauth2_connector_of(connector);
    const struct connector *lender = connector_owner(connector);
    char owner[PROVIDER_OWNER_SIZE] = "", theirs[PROVIDER_OWNER_SIZE] = "";
    crypto_hash_sha256_state state;
    if (lender != connector) {
        oauth2_connector_owner(lender, lender->home, owner);
        oauth2_connector_asked(lender, theirs);
    }
    crypto_hash_sha256_init(&state);
    hash_text(&state, owner);
    hash_text(&state, theirs);
    hash_list(&state, oauth2->scope);
    hash_text(&state, oauth2->audience);
    hash_list(&state, oauth2->resource);
    hash_end(&state, asked);
}

void oauth2_connector_tried_slot(const struct connector *connector, char tried[PROVIDER_OWNER_SIZE])
{
    const struct connector *lender = connector_owner(connector);
    char theirs[PROVIDER_OWNER_SIZE] = "";
    crypto_hash_sha256_state state;
    oauth2_connector_asked_slot(connector, tried);
    if (lender != connector)
        oauth2_connector_tried(lender, theirs);
    crypto_hash_sha256_init(&state);
    hash_text(&state, tried);
    hash_text(&state, theirs);
    hash_end(&state, tried);
}

/* ---- where secrets may go ---- */

int oauth2_connector_may_ask(const struct connector *connector, const char *text, struct err *err)
{
    const struct oauth2_connector *oauth2 = oauth2_connector_of(connector);
    const char *const *hosts = (const char *const *)oauth2->token_hosts;
    const char *bases[] = {oauth2->issuer, oauth2->token_url, oauth2->refresh_url,
                           oauth2->device_url, oauth2->revoke_url};
    struct url url;
    if (url_parse(text, &url, err) != 0)
        return -1;
    int result = allow_check_list(&url, "token_hosts", hosts, NULL, err);
    for (size_t i = 0; result != 0 && hosts == NULL && i < sizeof bases / sizeof bases[0]; i++) {
        if (bases[i] != NULL)
            result = allow_check_list(&url, "token_hosts", NULL, bases[i], err);
    }
    url_destroy(&url);
    return result;
}
