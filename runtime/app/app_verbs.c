/* Verbs that have verbs of their own, such as `jeton cron install`. */
#include "app.h"

#include "mem.h"
#include "nearest.h"

#include <string.h>

#define VERBS_MAX 16 /* of one table */
#define NAMES_MAX 256

static size_t put_names(const struct app_verb *verbs, const char *names[VERBS_MAX], struct buf *out)
{
    size_t count = 0;
    for (; count < VERBS_MAX && verbs[count].name != NULL; count++) {
        bool last = verbs[count + 1].name == NULL;
        buf_printf(out, "%s%s", count == 0 ? "" : last ? " or " : ", ", verbs[count].name);
        names[count] = verbs[count].name;
    }
    return count;
}

/* name NULL: none was given. */
static int refuse(const struct app_verbs *table, const char *name, struct err *err)
{
    const char *names[VERBS_MAX];
    struct buf list;
    buf_create(&list, NAMES_MAX);
    size_t count = put_names(table->verbs, names, &list);
    const char *nearest = name != NULL ? nearest_name(name, names, count) : NULL;
    if (name == NULL)
        err_set(err, ERR_USAGE, "%s: expected %s; see %s --help", table->title, list.data,
                table->title);
    else if (nearest != NULL)
        err_set(err, ERR_USAGE, "%s: unknown verb '%s'; did you mean '%s'?", table->title, name,
                nearest);
    else
        err_set(err, ERR_USAGE, "%s: unknown verb '%s'; expected %s", table->title, name,
                list.data);
    buf_destroy(&list);
    return -1;
}

static const struct app_verb *find(const struct app_verbs *table, const char *name)
{
    for (const struct app_verb *verb = table->verbs; verb->name != NULL; verb++) {
        if (strcmp(verb->name, name) == 0)
            return verb;
    }
    return NULL;
}

static int complete(const struct app_verbs *table, const struct opt_spec *spec, struct app *app,
                    int argc, char **argv, struct err *err)
{
    struct opt_question question;
    app_complete(app, spec, argc, argv, &question);
    if (question.operand > 0) {
        const struct app_verb *verb = find(table, argv[question.operand]);
        return verb == NULL ? 0
                            : verb->run(app, argc - question.operand, argv + question.operand, err);
    }
    complete_answer(app->completing, spec, &question);
    const struct app_verb *verb = table->verbs;
    for (; complete_asks(&question, "VERB") && verb->name != NULL; verb++)
        complete_offer(app->completing, &question, verb->name, NULL);
    return 0;
}

int app_verbs(const struct app_verbs *table, struct app *app, int argc, char **argv,
              struct err *err)
{
    static const struct opt no_options[] = {{0, NULL, OPT_FLAG, NULL, NULL, NULL}};
    const struct opt_spec spec = {
        .usage = table->usage,
        .description = table->description,
        .opts = no_options,
        .stop_at_operand = true,
        .max_operands = -1,
        .operands = "VERB",
    };
    if (app->completing != NULL)
        return complete(table, &spec, app, argc, argv, err);
    struct opt_result result = {0};
    int parsed = app_options(app, &spec, argc, argv, &result, err);
    if (parsed <= 0)
        return parsed;
    char **rest = argv + argc - result.count;
    const char *name = result.count > 0 ? rest[0] : NULL;
    mem_free(result.operands);
    const struct app_verb *verb = name != NULL ? find(table, name) : NULL;
    if (verb != NULL)
        return verb->run(app, result.count, rest, err);
    return refuse(table, name, err);
}
