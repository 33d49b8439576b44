#include "listen_kaizala.h"

#include "json.h"
#include "listen_token.h"
#include "mem.h"
#include "store_lease.h"
#include "store_runs.h"
#include "vm.h"

#include <string.h>
#include <unistd.h>

#define MODULE     "hook.kaizala"
#define JSON_MAX   ((size_t)1024 * 1024)
#define TIMEOUT_MS 600000
#define TURN_MS    500 /* between two looks whether it is our turn */

bool listen_kaizala_any(const struct config *config)
{
    for (size_t i = 0; i < config->nhooks; i++) {
        if (listen_token_is_kaizala(config->hooks[i]) && config->hooks[i]->nobjects > 0)
            return true;
    }
    return false;
}

static int put_text(struct buf *out, const char *name, const char *text)
{
    buf_printf(out, "\"%s\":", name);
    return json_write_string(out, text, strlen(text));
}

static void put_objects(const struct hook *hook, struct buf *out)
{
    buf_puts(out, ",\"objects\":[");
    for (size_t i = 0; i < hook->nobjects; i++) {
        const struct hook_object *object = &hook->objects[i];
        buf_puts(out, i > 0 ? ",{" : "{");
        put_text(out, object->is_action ? "action" : "group", object->id);
        buf_putc(out, '}');
    }
    buf_putc(out, ']');
    for (size_t i = 0; hook->rules.events != NULL && hook->rules.events[i] != NULL; i++) {
        buf_puts(out, i > 0 ? "," : ",\"events\":[");
        json_write_string(out, hook->rules.events[i], strlen(hook->rules.events[i]));
    }
    buf_puts(out, hook->rules.events != NULL && hook->rules.events[0] != NULL ? "]" : "");
}

/* "jeton:NAME:HOOK"; where the configuration has no name, its file is it. */
static char *context_of(const struct config *config, const struct hook *hook)
{
    return mem_printf("jeton:%s:%s", config->name != NULL ? config->name : config->files[0],
                      hook->name);
}

static void put_hook(const struct listen_plan *plan, size_t i, struct buf *out)
{
    const struct hook *hook = plan->config->hooks[i];
    char *context = context_of(plan->config, hook);
    buf_putc(out, '{');
    put_text(out, "name", hook->name);
    buf_putc(out, ',');
    put_text(out, "url", hook->rules.public_url != NULL ? hook->rules.public_url : "");
    buf_putc(out, ',');
    put_text(out, "token", plan->tokens[i]);
    buf_putc(out, ',');
    put_text(out, "context", context);
    if (hook->connector != NULL) {
        buf_putc(out, ',');
        put_text(out, "connector", hook->connector);
    }
    put_objects(hook, out);
    buf_putc(out, '}');
    mem_free(context);
}

static void put_json(const struct listen_plan *plan, bool unsubscribe, struct buf *out)
{
    bool first = true;
    buf_printf(out, "{\"unsubscribe\":%s,\"hooks\":[", unsubscribe ? "true" : "false");
    for (size_t i = 0; i < plan->config->nhooks; i++) {
        if (!listen_token_is_kaizala(plan->config->hooks[i]) ||
            plan->config->hooks[i]->nobjects == 0)
            continue;
        buf_puts(out, first ? "" : ",");
        put_hook(plan, i, out);
        first = false;
    }
    buf_puts(out, "]}");
}

/* One at a time, on whichever host, or each would subscribe. As store_lease_try. Whoever keeps them
 * waits: the one whose turn it is may have read an earlier configuration. */
static int take_turn(struct store_lease *lease, struct engine *engine, bool waits, struct err *err)
{
    const struct config *config = engine->config;
    char scope[STORE_SCOPE_SIZE];
    int held;
    store_scope(scope, "subscriptions", config->home != NULL ? config->home : config->files[0]);
    if (engine_need_store(engine, err) != 0)
        return -1;
    while ((held = store_lease_try(lease, engine->store, STORE_LEASE_JOB, scope, err)) == 0 &&
           waits)
        usleep(TURN_MS * 1000);
    return held;
}

static int run(struct app *app, struct engine *engine, const char *name, const char *json,
               struct buf *text, struct err *err)
{
    int status = -1;
    const struct vm_options options = {.engine = engine,
                                       .modules = app->modules,
                                       .timeout_ms = TIMEOUT_MS,
                                       .log_json = app->log_format == LOG_JSON,
                                       .text = text};
    struct vm *vm = vm_new(&options);
    int result = vm_run_module(vm, MODULE, name, json, &status, err);
    vm_free(vm);
    app_settle(engine, status);
    return result;
}

int listen_kaizala_run(struct app *app, const struct listen_plan *plan,
                       enum listen_kaizala_work work, struct buf *text, struct err *err)
{
    bool keeps = work == LISTEN_KAIZALA_KEEP;
    struct store_lease lease = {.held = false};
    struct engine engine;
    struct buf json;
    buf_create_secret(&json, JSON_MAX);
    put_json(plan, work == LISTEN_KAIZALA_UNSUBSCRIBE, &json);
    engine_create(&engine, plan->config, app->log, app->redact);
    int result = take_turn(&lease, &engine, keeps, err);
    if (result == 0)
        result = err_set(err, ERR_BUSY, "subscriptions are being looked after; try again soon");
    if (result == 1)
        result = run(app, &engine, keeps ? "keep" : "once", json.data, text, err);
    store_lease_release(&lease);
    engine_destroy(&engine);
    buf_destroy(&json);
    return result;
}

int listen_kaizala_once(struct app *app, enum listen_kaizala_work work, struct err *err)
{
    struct listen_plan plan;
    struct buf text;
    if (listen_plan_load(&plan, app, err) != 0)
        return -1;
    int result = -1;
    buf_create(&text, JSON_MAX);
    if (!listen_kaizala_any(plan.config))
        err_set(err, ERR_CONFIG, "%s: no webhook is from: kaizala and has objects",
                plan.config->path);
    else if (listen_kaizala_run(app, &plan, work, &text, err) == 0)
        result = app_print(app, text.data, text.len, err);
    buf_destroy(&text);
    listen_plan_destroy(&plan);
    return result;
}
