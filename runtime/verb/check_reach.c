/* jeton check --online: connections and keys, where no exchange tries them. */
#include "check_private.h"

#include "app.h"
#include "discovery_fetch.h"
#include "mem.h"
#include "provider.h"

#define CONNECT_TIMEOUT_MS 10000

struct attempt {
    struct check *check;
    struct engine *engine;
    const struct connector *connector;
    const char *what;
    const struct connector *asker; /* as provider_ask has it */
    struct connector_secrets secrets;
    struct discovery *discovery;
    char *metadata;
};

static void add_problem(struct attempt *attempt, struct err *err)
{
    err_wrap(err, "connector '%s': %s cannot be reached", attempt->connector->name, attempt->what);
    check_token_problem(attempt->check, attempt->connector, err);
}

static void connected(void *arg, struct http_result *result)
{
    struct attempt *attempt = arg;
    if (result->err.kind != ERR_NONE)
        add_problem(attempt, &result->err);
    attempt->check->done = --attempt->check->waiting == 0;
}

/* certificate, key: what is shown there; NULL: nothing. */
static void start(struct attempt *attempt, const char *url, const char *certificate,
                  const char *key)
{
    struct err err;
    const struct http_request request = {
        .method = "GET",
        .url = url,
        .ca_file = attempt->connector->ca_file,
        .certificate = certificate,
        .key = key,
        .timeout_ms = CONNECT_TIMEOUT_MS,
        .alone = true,
        .connect_only = true,
    };
    attempt->check->waiting++;
    if (transport_start(&attempt->engine->transport, &request, connected, attempt, &err) != NULL)
        return;
    attempt->check->waiting--;
    add_problem(attempt, &err);
}

/* The request is made, but not sent: to make it, keys are loaded, and assertions signed. */
static void try_request(struct attempt *attempt, const struct provider_ask *ask)
{
    const struct connector *owner = attempt->connector;
    struct err err;
    err_clear(&err);
    struct http_request *request = provider_of(owner)->request(ask, &err);
    bool may = request != NULL && provider_may_ask(owner, request->url, &err) == 0;
    if (may)
        start(attempt, request->url, request->certificate, request->key);
    else
        check_token_problem(attempt->check, owner, &err); /* the message names the connector */
    http_request_free(request);
}

static struct provider_ask make_ask(const struct attempt *attempt)
{
    const char *tokens[PROVIDER_GRANTS_MAX] = {NULL};
    const struct provider_known any = {
        .connector = attempt->connector, .current = "not-sent", .configured = "not-sent"};
    provider_of(attempt->connector)->grants(&any, tokens);
    return (struct provider_ask){.purpose = PROVIDER_ACCESS,
                                 .connector = attempt->connector,
                                 .asker = attempt->asker,
                                 .secrets = &attempt->secrets,
                                 .refresh_token = tokens[0],
                                 .metadata = attempt->metadata,
                                 .redact = attempt->check->app->redact};
}

static void discovered(void *arg, char *metadata, const struct err *why)
{
    struct attempt *attempt = arg;
    attempt->discovery = NULL;
    attempt->metadata = metadata;
    const struct provider_ask ask = make_ask(attempt);
    if (metadata != NULL) {
        try_request(attempt, &ask);
    } else {
        struct err err = *why;
        err_wrap(&err, "connector '%s'", attempt->connector->name);
        check_token_problem(attempt->check, attempt->connector, &err);
    }
    attempt->check->done = --attempt->check->waiting == 0;
}

/* What the service says of itself is asked for anew, kept or not. */
static void try_service(struct attempt *attempt)
{
    const struct connector *owner = attempt->connector;
    const struct provider_discovery *discovery = provider_of(owner)->discovery;
    struct err err;
    err_clear(&err);
    if (connector_secrets_read(owner, attempt->check->app->redact, 0, &attempt->secrets, &err) !=
        0) {
        check_token_problem(attempt->check, owner, &err);
        return;
    }
    const struct provider_ask ask = make_ask(attempt);
    if (discovery == NULL || !discovery->needed(&ask)) {
        try_request(attempt, &ask);
        return;
    }
    attempt->discovery =
        discovery_fetch(&attempt->engine->transport, owner, discovered, attempt, &err);
    if (attempt->discovery != NULL)
        attempt->check->waiting++;
    else
        check_token_problem(attempt->check, owner, &err);
}

static void try_api(struct attempt *attempt, const char *endpoint)
{
    struct provider_tls tls;
    struct err err;
    provider_tls_create(&tls);
    if (provider_identify(attempt->connector, attempt->check->app->redact, 0, &tls, &err) != 0)
        check_token_problem(attempt->check, attempt->connector, &err);
    else if (tls.key.len > 0)
        start(attempt, endpoint, tls.certificate.data, tls.key.data);
    else
        start(attempt, endpoint, NULL, NULL);
    provider_tls_destroy(&tls);
}

int check_reach(struct check *check, struct engine *engine, const struct check_reach *items,
                size_t count, struct err *err)
{
    struct attempt *attempts = mem_alloc((2 * count + 1) * sizeof *attempts);
    check->done = false;
    for (size_t i = 0; i < count; i++) {
        const struct connector *connector = items[i].connector;
        const struct connector *owner = connector_owner(connector);
        struct attempt *attempt = &attempts[2 * i];
        attempt[0] = (struct attempt){.check = check,
                                      .engine = engine,
                                      .connector = owner,
                                      .what = "the token service",
                                      .asker = owner != connector ? connector : NULL};
        attempt[1] = (struct attempt){
            .check = check, .engine = engine, .connector = connector, .what = "the API"};
        if (!items[i].exchanged)
            try_service(&attempt[0]);
        if (items[i].endpoint != NULL)
            try_api(&attempt[1], items[i].endpoint);
    }
    int result = check->waiting > 0 ? app_wait(engine, &check->done, err) : 0;
    for (size_t i = 0; i < 2 * count; i++) {
        discovery_fetch_cancel(attempts[i].discovery);
        connector_secrets_destroy(&attempts[i].secrets);
        mem_free(attempts[i].metadata);
    }
    mem_free(attempts);
    return result;
}
