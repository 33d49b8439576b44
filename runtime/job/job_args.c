#include "job_args.h"

#include "json.h"
#include "mem.h"
#include "nearest.h"
#include "yaml.h"

#include <stdlib.h>
#include <string.h>

static int check_new(const struct job_args *args, const char *option, const char *name,
                     struct err *err)
{
    for (size_t i = 0; i < args->count; i++) {
        if (strcmp(args->items[i].name, name) == 0)
            return err_set(err, ERR_USAGE, "%s: '%s' is given twice", option, name);
    }
    return 0;
}

static int add(struct job_args *args, const char *text, bool json, struct err *err)
{
    const char *option = json ? "--arg-json" : "--arg", *value = strchr(text, '=');
    if (value == NULL || value == text)
        return err_set(err, ERR_USAGE, "%s: expected KEY=%s, not '%s'", option,
                       json ? "JSON" : "VALUE", text);
    char *name = mem_strndup(text, (size_t)(value - text));
    int result = check_new(args, option, name, err);
    struct json *root = NULL;
    if (result == 0 && json &&
        (root = json_parse(value + 1, strlen(value + 1), NULL, err)) == NULL) {
        err->kind = ERR_USAGE;
        err_wrap(err, "%s %s", option, text);
        result = -1;
    } else if (result == 0 && !json && !json_utf8_valid(value + 1, strlen(value + 1))) {
        result = err_set(err, ERR_USAGE, "%s %s: it is not valid UTF-8", option, name);
    }
    json_free(root);
    if (result == 0)
        args->items[args->count++] = (struct vm_arg){name, value + 1, json};
    else
        mem_free(name);
    return result;
}

int job_args_read(struct job_args *args, struct err *err)
{
    size_t all = args->texts.count + args->values.count;
    args->items = mem_alloc((all + 1) * sizeof *args->items);
    for (size_t i = 0; i < all; i++) {
        bool json = i >= args->texts.count;
        const char *text = json ? args->values.items[i - args->texts.count] : args->texts.items[i];
        if (add(args, text, json, err) != 0)
            return -1;
    }
    return 0;
}

void job_args_destroy(struct job_args *args)
{
    for (size_t i = 0; i < args->count; i++)
        mem_free((char *)(uintptr_t)args->items[i].name);
    mem_free(args->items);
    mem_free(args->texts.items);
    mem_free(args->values.items);
}

/* In a list, the one after the last may be given too. */
static int check_number(const struct job *job, const char *name, struct err *err)
{
    size_t most = job->args->count + 1;
    bool number = name[0] != '0' && strspn(name, "0123456789") == strlen(name);
    if (number && strlen(name) < 10 && strtoull(name, NULL, 10) <= most)
        return 0;
    return err_set(err, ERR_USAGE,
                   "--arg: the args of job '%s' are a list: expected a number from 1 to %zu in "
                   "place of '%s', as in --arg 1=VALUE",
                   job->name, most, name);
}

static void doubt(const struct job *job, const struct vm_arg *arg, struct log *log)
{
    const struct yaml_node *there = yaml_get(job->args, arg->name);
    if (there == NULL) {
        const char **names = mem_alloc((job->args->count + 1) * sizeof *names);
        for (size_t i = 0; i < job->args->count; i++)
            names[i] = job->args->pairs[i].key->text;
        const char *nearest = nearest_name(arg->name, names, job->args->count);
        if (nearest != NULL)
            log_msg(log, LOG_WARN, "the args of job '%s' have no '%s'; did you mean '%s'?",
                    job->name, arg->name, nearest);
        mem_free(names);
    } else if (!arg->json &&
               (there->kind != YAML_SCALAR || yaml_resolve_args(there).type != YAML_STRING)) {
        log_msg(log, LOG_WARN,
                "'%s' of the args of job '%s' is no text; --arg makes it one, and --arg-json %s=… "
                "takes numbers and lists",
                arg->name, job->name, arg->name);
    }
}

int job_args_check(const struct job *job, const struct vm_arg *named, size_t count, struct log *log,
                   struct err *err)
{
    for (size_t i = 0; i < count && job->args != NULL; i++) {
        if (job->args->kind == YAML_MAPPING)
            doubt(job, &named[i], log);
        else if (check_number(job, named[i].name, err) != 0)
            return -1;
    }
    return 0;
}
