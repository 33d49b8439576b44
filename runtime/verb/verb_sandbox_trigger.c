/* jeton sandbox trigger: an example event of a sandbox that runs. The work is done by
 * scripts/sandbox/trigger.lua. */
#include "verb.h"
#include "verb_lua.h"

#include "config_load.h"
#include "json.h"
#include "mem.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_URL "http://127.0.0.1:8480"
#define JSON_MAX    ((size_t)4 * 1024 * 1024) /* what a command line can be long */
#define TEXT_MAX    ((size_t)64 * 1024)

struct trigger {
    const char *event;
    const char *url;
    const char *group;
    struct opt_strings texts, values; /* -f, -F */
};

static int put_text(struct buf *out, const char *name, const char *text, struct err *err)
{
    if (text == NULL)
        return 0;
    buf_printf(out, "%s\"%s\":", out->len > 1 ? "," : "", name);
    if (json_write_string(out, text, strlen(text)) != 0)
        return err_set(err, ERR_USAGE, "%s: not valid UTF-8, or too long", name);
    return 0;
}

static int put_texts(struct buf *out, const char *name, const struct opt_strings *texts,
                     struct err *err)
{
    buf_printf(out, ",\"%s\":[", name);
    for (size_t i = 0; i < texts->count; i++) {
        buf_puts(out, i > 0 ? "," : "");
        if (json_write_string(out, texts->items[i], strlen(texts->items[i])) != 0)
            return err_set(err, ERR_USAGE, "%s: not valid UTF-8, or too long", texts->items[i]);
    }
    buf_putc(out, ']');
    return 0;
}

static int ask(struct app *app, const char *json, struct err *err)
{
    struct buf text;
    struct config *config = app_empty_config(app, err);
    if (config == NULL)
        return -1;
    buf_create(&text, TEXT_MAX);
    int status = verb_lua(app, config, "sandbox.trigger", "main", json, &text, err);
    if (status < 0 && err->kind == ERR_INVALID)
        err->kind = ERR_USAGE;
    if (status == 0)
        status = app_print(app, text.data, text.len, err);
    buf_destroy(&text);
    config_free(config);
    return status;
}

static int run(struct app *app, struct trigger *trigger, struct err *err)
{
    const char *url = getenv("JETON_SANDBOX_URL");
    struct buf json;
    int status = -1;
    if (trigger->url == NULL)
        trigger->url = url != NULL && url[0] != '\0' ? url : DEFAULT_URL;
    buf_create(&json, JSON_MAX);
    buf_putc(&json, '{');
    if (put_text(&json, "url", trigger->url, err) == 0 &&
        put_text(&json, "event", trigger->event, err) == 0 &&
        put_text(&json, "group", trigger->group, err) == 0 &&
        put_texts(&json, "texts", &trigger->texts, err) == 0 &&
        put_texts(&json, "values", &trigger->values, err) == 0) {
        buf_putc(&json, '}');
        status = ask(app, json.data, err);
    }
    buf_destroy(&json);
    return status;
}

/* For shells; the sandbox itself knows which there are. */
#define EVENTS                                                                                     \
    "ActionCreated|ActionResponse|SurveyCreated|SurveyResponse|JobCreated|JobResponse|"            \
    "PollCreated|PollResponse|LetsMeetCreated|LetsMeetResponse|TextMessageCreated|"                \
    "AttachmentCreated|Announcement|MemberAdded|MemberRemoved|GroupAdded|GroupRemoved"

int verb_sandbox_trigger(struct app *app, int argc, char **argv, struct err *err)
{
    struct trigger trigger = {0};
    struct opt_result result = {0};
    const struct opt opts[] = {
        {0, "url", OPT_STRING, &trigger.url, "URL",
         "where the sandbox is (default $JETON_SANDBOX_URL, else " DEFAULT_URL ")"},
        {0, "group", OPT_STRING, &trigger.group, "GROUP",
         "the group in which it happens (default: of the action, else the first)"},
        {'f', "field", OPT_STRINGS, &trigger.texts, "KEY=VALUE",
         "a text in the event's data, in place of the example's; may be repeated"},
        {'F', "json-field", OPT_STRINGS, &trigger.values, "KEY=JSON",
         "the same for any JSON value"},
        {0, NULL, OPT_FLAG, NULL, NULL, NULL},
    };
    const struct opt_spec spec = {
        .usage = "jeton sandbox trigger [--url URL] [--group GROUP] [-f KEY=VALUE]… EVENT",
        .description =
            "Makes a sandbox that runs tell its webhooks an example of EVENT, such as "
            "TextMessageCreated, JobCreated, SurveyResponse or MemberAdded. Prints the numbers of "
            "the deliveries.",
        .opts = opts,
        .min_operands = 1,
        .max_operands = 1,
        .operands = EVENTS,
    };
    int status = app_options(app, &spec, argc, argv, &result, err);
    if (status > 0) {
        trigger.event = result.operands[0];
        status = run(app, &trigger, err);
    }
    mem_free(result.operands);
    mem_free(trigger.texts.items);
    mem_free(trigger.values.items);
    return status;
}
