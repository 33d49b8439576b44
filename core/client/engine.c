#include "engine.h"

#include "clock.h"
#include "config_hide.h"
#include "config_rows.h"

#include <string.h>

#define SECRETS_AGE_MS 1000

void engine_create(struct engine *engine, const struct config *config, struct log *log,
                   struct redact *redact)
{
    memset(engine, 0, sizeof *engine);
    engine->config = config;
    engine->log = log;
    engine->redact = redact;
    engine->loop = loop_new();
    engine->http = http_new(engine->loop, log);
    engine->transport = transport_http(engine->http);
    reply_guard_create(&engine->guard, engine->loop, log);
}

void engine_create_beside(struct engine *engine, const struct engine *other,
                          const struct config *config, struct log *log)
{
    memset(engine, 0, sizeof *engine);
    engine->config = config;
    engine->log = log;
    engine->redact = other->redact;
    engine->loop = other->loop;
    engine->http = other->http;
    engine->transport = other->transport;
    engine->borrows = true;
    reply_guard_create(&engine->guard, engine->loop, log);
}

void engine_know_secrets(struct engine *engine)
{
    int64_t now_ms = clock_mono_ms();
    if (engine->secrets_ms != 0 && now_ms - engine->secrets_ms < SECRETS_AGE_MS)
        return;
    engine->secrets_ms = now_ms;
    config_hide_files(engine->config, engine->redact);
}

/* From the top down: tokens may still turn the loop to take in a last reply. */
void engine_forget_store(struct engine *engine)
{
    client_free(engine->client);
    tokens_free(engine->tokens);
    store_free(engine->store);
    store_free(engine->keys);
    engine->client = NULL;
    engine->tokens = NULL;
    engine->store = NULL;
    engine->keys = NULL;
}

void engine_destroy(struct engine *engine)
{
    engine_forget_store(engine);
    reply_guard_lower(&engine->guard);
    if (!engine->borrows) {
        http_free(engine->http);
        loop_free(engine->loop);
    }
    memset(engine, 0, sizeof *engine);
}

int engine_need_store(struct engine *engine, struct err *err)
{
    if (engine->tokens != NULL)
        return 0;
    if (engine->store == NULL)
        engine->store = store_new(engine->config->state, engine->loop);
    if (!engine->serves)
        store_queue(engine->store);
    if (store_ready(engine->store, err) != 0 ||
        config_rows_settle(engine->config, engine->store, engine->log, err) != 0)
        return -1;
    engine->tokens =
        tokens_new(engine->loop, &engine->transport, engine->store, engine->redact, engine->log);
    tokens_set_config(engine->tokens, engine->config);
    engine->client = client_new(engine->loop, &engine->transport, engine->store, engine->tokens,
                                engine->redact, engine->log);
    engine_set_deadline(engine, engine->deadline_ms);
    return 0;
}

struct store *engine_keys(struct engine *engine, struct err *err)
{
    if (engine_need_store(engine, err) != 0)
        return NULL;
    if (engine->keys == NULL)
        return engine->store;
    return store_ready(engine->keys, err) == 0 ? engine->keys : NULL;
}

void engine_set_deadline(struct engine *engine, int64_t deadline_ms)
{
    engine->deadline_ms = deadline_ms;
    if (engine->tokens != NULL)
        tokens_set_deadline(engine->tokens, deadline_ms);
    if (engine->client != NULL)
        client_set_deadline(engine->client, deadline_ms);
}
