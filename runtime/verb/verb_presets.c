/* jeton presets: the services, and senders of webhooks, that are known by name, and what is known
 * of each. */
#include "verb.h"

#include "json.h"
#include "mem.h"
#include "presets.h"
#include "verb_lua.h"

#include <string.h>

#define JSON_MAX   ((size_t)64 * 1024)
#define OUTPUT_MAX ((size_t)16 * 1024 * 1024)

static void write_names(struct buf *out, const char *member, const struct presets_names *names)
{
    buf_printf(out, ",\"%s\":[", member);
    for (size_t i = 0; i < names->count; i++)
        buf_printf(out, "%s\"%s\"", i > 0 ? "," : "", names->list[i]);
    buf_puts(out, "]");
}

static int show(struct app *app, const char *name, bool json, struct err *err)
{
    const struct config none = {0};
    struct presets_names names[2];
    struct buf order, out;
    presets_names(app->presets, PRESET_SERVICE, &names[PRESET_SERVICE]);
    presets_names(app->presets, PRESET_SENDER, &names[PRESET_SENDER]);
    if (name != NULL && presets_check(&names[PRESET_SERVICE], name, err) != 0 &&
        presets_check(&names[PRESET_SENDER], name, err) != 0)
        return -1;
    err_clear(err);
    buf_create(&order, JSON_MAX);
    buf_create(&out, OUTPUT_MAX);
    buf_printf(&order, "{\"json\":%s,\"name\":", json ? "true" : "false");
    if (name != NULL)
        json_write_string(&order, name, strlen(name));
    else
        buf_puts(&order, "null");
    write_names(&order, "names", &names[PRESET_SERVICE]);
    write_names(&order, "senders", &names[PRESET_SENDER]);
    buf_puts(&order, "}");
    int status = verb_lua(app, &none, "presets.show", "show", order.data, &out, err);
    if (status == 0)
        status = app_print(app, out.data, out.len, err);
    buf_destroy(&order);
    buf_destroy(&out);
    return status;
}

int verb_presets(struct app *app, int argc, char **argv, struct err *err)
{
    bool json = false;
    const struct opt opts[] = {
        {0, "json", OPT_FLAG, &json, NULL, "print JSON: an array, or one object"},
        {0, NULL, OPT_FLAG, NULL, NULL, NULL},
    };
    const struct opt_spec spec = {
        .usage = "jeton presets [--json] [NAME]",
        .description =
            "Lists the services, and the senders of webhooks, that are known by name, or "
            "prints what is known of one, as YAML: its sources, what is not sure, the "
            "variables that it needs, and the keys of a connector or a webhook.",
        .opts = opts,
        .max_operands = 1,
        .operands = "PRESET/SENDER",
    };
    struct opt_result result = {0};
    int status = app_options(app, &spec, argc, argv, &result, err);
    if (status > 0)
        status = show(app, result.count > 0 ? result.operands[0] : NULL, json, err);
    mem_free(result.operands);
    return status;
}
