/* jeton check --online: connections and keys, where no exchange tries them. */
#include "check_private.h"

#include "app.h"
#include "mem.h"
#include "provider.h"

#define CONNECT_TIMEOUT_MS 10000

struct attempt {
    struct check *check;
    const struct connector *connector;
    const char *what;
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

/* like: where certificates are taken from; NULL: only the connector. */
static void start(struct attempt *attempt, struct engine *engine, const char *url,
                  const struct http_request *like)
{
    struct err err;
    const struct http_request request = {
        .method = "GET",
        .url = url,
        .ca_file = attempt->connector->ca_file,
        .certificate = like != NULL ? like->certificate : NULL,
        .key = like != NULL ? like->key : NULL,
        .timeout_ms = CONNECT_TIMEOUT_MS,
        .alone = true,
        .connect_only = true,
    };
    attempt->check->waiting++;
    if (transport_start(&engine->transport, &request, connected, attempt, &err) != NULL)
        return;
    attempt->check->waiting--;
    add_problem(attempt, &err);
}

/* The request is made, but not sent: to make it, keys are loaded, and assertions signed. */
static void try_service(struct attempt *attempt, struct engine *engine,
                        const struct connector *asker)
{
    const struct connector *owner = attempt->connector;
    const struct provider *provider = provider_of(owner);
    struct connector_secrets secrets = {0};
    const char *tokens[PROVIDER_GRANTS_MAX] = {NULL};
    const struct provider_known any = {
        .connector = owner, .current = "not-sent", .configured = "not-sent"};
    struct err err;
    err_clear(&err);
    if (connector_secrets_read(owner, attempt->check->app->redact, 0, &secrets, &err) != 0) {
        check_token_problem(attempt->check, owner, &err);
        connector_secrets_destroy(&secrets);
        return;
    }
    provider->grants(&any, tokens);
    const struct provider_ask ask = {.purpose = PROVIDER_ACCESS,
                                     .connector = owner,
                                     .asker = asker,
                                     .secrets = &secrets,
                                     .refresh_token = tokens[0],
                                     .redact = attempt->check->app->redact};
    struct http_request *request = provider->request(&ask, &err);
    bool may = request != NULL && provider_may_ask(owner, request->url, &err) == 0;
    if (may)
        start(attempt, engine, request->url, request);
    else
        check_token_problem(attempt->check, owner, &err); /* the message names the connector */
    http_request_free(request);
    connector_secrets_destroy(&secrets);
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
        attempt[0] = (struct attempt){check, owner, "the token service"};
        attempt[1] = (struct attempt){check, connector, "the API"};
        if (!items[i].exchanged)
            try_service(&attempt[0], engine, owner != connector ? connector : NULL);
        if (items[i].endpoint != NULL)
            start(&attempt[1], engine, items[i].endpoint, NULL);
    }
    int result = check->waiting > 0 ? app_wait(engine, &check->done, err) : 0;
    mem_free(attempts);
    return result;
}
