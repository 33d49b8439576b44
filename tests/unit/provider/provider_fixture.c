#include "provider_fixture.h"

#include "config_load.h"
#include "folder.h"
#include "kaizala.h"
#include "store_fixture.h"
#include "tiny_provider.h"

void provider_fixture_create(struct provider_fixture *f, const char *issuer, const char *api,
                             const char *password)
{
    static const struct config_provider *const providers[] = {&kaizala_provider.config,
                                                              &tiny_provider.config, NULL};
    char *text =
        mem_printf("version: 1\nstate: state\nconnectors:\n  c:\n    provider: tiny\n"
                   "    issuer: %s\n    api: %s\n    user: somebody\n"
                   "    password: %s\n    retries: 2\n    allow_hosts: [api.example.org]\n",
                   issuer, api, password);
    folder_put("jeton.yaml", 0600, text);
    mem_free(text);
    struct problems problems;
    struct err err;
    problems_create(&problems);
    *f = (struct provider_fixture){.config = config_load("jeton.yaml", providers, NULL, &problems)};
    if (f->config == NULL)
        fail_msg("%s", problems.items[0].message);
    problems_destroy(&problems);
    f->connector = config_connector(f->config, "c", &err);
    f->redact = redact_new();
    f->log = log_new(STDERR_FILENO, LOG_ERROR, LOG_TEXT, false, f->redact);
    engine_create(&f->engine, f->config, f->log, f->redact);
    f->engine.store = store_fixture_at(f->config->state->folder, f->engine.loop);
}

void provider_fixture_destroy(struct provider_fixture *f)
{
    engine_destroy(&f->engine);
    log_free(f->log);
    redact_free(f->redact);
    config_free(f->config);
}

static void arrived(void *arg, const struct token *token, const struct err *err)
{
    struct arrived *outcome = arg;
    assert_false(outcome->done);
    outcome->done = true;
    if (err != NULL) {
        outcome->err = *err;
        return;
    }
    outcome->token = *token;
    outcome->endpoint = token->endpoint_url != NULL;
    snprintf(outcome->access_token, sizeof outcome->access_token, "%s", token->access_token);
}

struct arrived provider_fixture_token(struct provider_fixture *f, const struct token_query *query)
{
    struct arrived outcome = {0};
    struct err err;
    if (engine_need_store(&f->engine, &err) != 0)
        fail_msg("%s", err.msg);
    token_get(f->engine.tokens, f->connector, query, arrived, &outcome);
    assert_true(loop_run_until(f->engine.loop, &outcome.done));
    return outcome;
}

void provider_fixture_called(void *arg, struct http_response *response, const struct err *err)
{
    struct called *outcome = arg;
    assert_false(outcome->done);
    outcome->done = true;
    if (err != NULL)
        outcome->err = *err;
    if (response == NULL)
        return;
    outcome->status = response->status;
    snprintf(outcome->body, sizeof outcome->body, "%s", response->body.data);
}

struct called provider_fixture_call(struct provider_fixture *f, const char *method,
                                    const char *path)
{
    const struct client_request request = {.http.method = method, .path = path};
    struct called outcome = {0};
    struct err err;
    if (engine_need_store(&f->engine, &err) != 0)
        fail_msg("%s", err.msg);
    client_start(f->engine.client, f->connector, &request, provider_fixture_called, &outcome);
    assert_true(loop_run_until(f->engine.loop, &outcome.done));
    return outcome;
}
