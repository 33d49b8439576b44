/* What is wrong or risky about the webhooks, once all of them and `listen` were read. */
#include "config_file.h"
#include "hook.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MINUTE_MS 60000
#define HOUR_MS   3600000

static void warn(const struct config_reader *reader, const struct hook *hook, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void warn(const struct config_reader *reader, const struct hook *hook, const char *fmt, ...)
{
    char message[ERR_MSG_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    problems_warn(reader->problems, hook->shown, hook->line, hook->col, "webhook '%s' %s",
                  hook->name, message);
}

/* Minutes where there are less than two hours. */
static void warn_forgetful(const struct config_reader *reader, const struct hook *hook,
                           const char *who, int64_t for_ms)
{
    int64_t ids_ms = hook->keep.ids_ms;
    bool in_hours = ids_ms >= 2 * HOUR_MS;
    int64_t unit_ms = in_hours ? HOUR_MS : MINUTE_MS;
    if (for_ms > ids_ms)
        warn(reader, hook,
             "forgets ids after %lld %s, but %s for %lld %s: a copy that late is run again (keep: "
             "{ ids: … })",
             (long long)(ids_ms / unit_ms), in_hours ? "h" : "min", who,
             (long long)(for_ms / unit_ms), in_hours ? "h" : "min");
}

static void check_one(const struct config_reader *reader, const struct hook *hook)
{
    const struct hook_listen *listen = reader->config->listen;
    const struct hook_rules *rules = &hook->rules;
    int kind = rules->verify.kind;
    if (hook_rules_need_url(rules) && rules->public_url == NULL)
        warn(reader, hook,
             "lacks 'public_url': its sender signs the URL, so that no signature will fit");
    if (!hook->allow_unsigned_ids && !hook_rules_ids_are_signed(rules))
        warn(reader, hook,
             "takes its ids from what is not signed: the same content under another id is held, "
             "not run (`jeton events`); 'allow_unsigned_ids: true' ends this warning");
    if (!hook_rules_body_is_signed(rules))
        warn(reader, hook,
             "has a signature that does not cover the body: whoever can change a request on its "
             "way can send any");
    if (!hook_rules_time_is_signed(rules))
        warn(reader, hook,
             "looks at a time that is not signed: it keeps nobody from sending an old request "
             "again");
    if ((kind == HOOK_TOKEN || kind == HOOK_BASIC) && !hook_listen_is_private(listen))
        warn(reader, hook,
             "compares a secret that comes with each request: others can read it without TLS");
    warn_forgetful(reader, hook, "its sender tries", hook->sender_retries_ms);
    if (rules->verify.time.count > 0)
        warn_forgetful(reader, hook, "a request is good", rules->verify.window_ms);
    if (hook_is_open(hook) && !hook_listen_is_loopback(listen))
        problems_add(reader->problems, hook->shown, hook->line, hook->col,
                     "webhook '%s' takes events from anybody who reaches %s; it needs {secret} in "
                     "'path', as in /%s/{secret}",
                     hook->name, listen->host, hook->name);
}

void config_hook_check(struct config_reader *reader)
{
    const struct config *config = reader->config;
    for (size_t i = 0; i < config->nhooks; i++) {
        const struct hook *hook = config->hooks[i];
        check_one(reader, hook);
        for (size_t n = 0; n < i; n++) {
            const struct hook *other = config->hooks[n];
            if (strcmp(hook->name, other->name) != 0 &&
                strcmp(hook->rules.path, other->rules.path) == 0)
                problems_add(reader->problems, hook->shown, hook->line, hook->col,
                             "webhook '%s' has the path of webhook '%s': %s", hook->name,
                             other->name, hook->rules.path);
        }
    }
}
