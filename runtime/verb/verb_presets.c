/* jeton presets: the services that are known by name, and what is known of each. */
#include "verb.h"

#include "json.h"
#include "mem.h"
#include "nearest.h"
#include "verb_lua.h"

#include <string.h>

#define JSON_MAX   ((size_t)64 * 1024)
#define OUTPUT_MAX ((size_t)16 * 1024 * 1024)

struct names {
    char text[PRESETS_MAX][PRESET_NAME_SIZE];
    const char *list[PRESETS_MAX];
    size_t count;
};

static void find_names(const struct config_presets *presets, struct names *names)
{
    names->count = 0;
    while (names->count < PRESETS_MAX &&
           presets->name_at(presets->data, names->count, names->text[names->count])) {
        names->list[names->count] = names->text[names->count];
        names->count++;
    }
}

static int check_name(const struct names *names, const char *name, struct err *err)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->list[i], name) == 0)
            return 0;
    }
    const char *nearest = nearest_name(name, names->list, names->count);
    return err_set(err, ERR_USAGE, "no preset '%s'%s%s%s", name,
                   nearest != NULL ? "; did you mean '" : "; `jeton presets` lists them",
                   nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "");
}

static void write_order(const struct names *names, const char *name, bool json, struct buf *out)
{
    buf_puts(out, "{\"name\":");
    if (name != NULL)
        json_write_string(out, name, strlen(name));
    else
        buf_puts(out, "null");
    buf_printf(out, ",\"json\":%s,\"names\":[", json ? "true" : "false");
    for (size_t i = 0; i < names->count; i++)
        buf_printf(out, "%s\"%s\"", i > 0 ? "," : "", names->list[i]);
    buf_puts(out, "]}");
}

static int show(struct app *app, const char *name, bool json, struct err *err)
{
    const struct config none = {0};
    struct names names;
    struct buf order, out;
    find_names(app->presets, &names);
    if (name != NULL && check_name(&names, name, err) != 0)
        return -1;
    buf_create(&order, JSON_MAX);
    buf_create(&out, OUTPUT_MAX);
    write_order(&names, name, json, &order);
    int status = verb_lua(app, &none, "presets", "show", order.data, &out, err);
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
        {0, "json", OPT_FLAG, &json, NULL, "prints JSON: an array, or one object"},
        {0, NULL, OPT_FLAG, NULL, NULL, NULL},
    };
    const struct opt_spec spec = {
        .usage = "jeton presets [--json] [NAME]",
        .description = "Lists the services that are known by name, or prints what is known of one, "
                       "as YAML: its sources, what is not sure, the variables that it needs, and "
                       "the keys of a connector.",
        .opts = opts,
        .max_operands = 1,
    };
    struct opt_result result = {0};
    int status = app_options(&spec, argc, argv, &result, err);
    if (status > 0)
        status = show(app, result.count > 0 ? result.operands[0] : NULL, json, err);
    mem_free(result.operands);
    return status;
}
