#include "opt.h"

#include "mem.h"
#include "nearest.h"
#include "quantity.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define HELP_NAME "help"

struct parse {
    const struct opt_spec *spec;
    char command[64]; /* "jeton run", for messages */
    int argc;
    char **argv;
    int at;
    struct opt_result *result;
    struct err *err;
};

/* The command's name: the words of the usage's first line before the first placeholder. */
static void command_name(const char *usage, char *out, size_t size)
{
    size_t end = 0;
    for (size_t pos = 0;;) {
        size_t word = strspn(usage + pos, "abcdefghijklmnopqrstuvwxyz-");
        char after = usage[pos + word];
        if (word == 0 || (after != ' ' && after != '\n' && after != '\0'))
            break;
        end = pos + word;
        if (after != ' ')
            break;
        pos = end + 1;
    }
    snprintf(out, size, "%.*s", (int)end, usage);
}

static const struct opt *find_long(const struct opt *opts, const char *name, size_t len)
{
    for (const struct opt *opt = opts; opt != NULL && opt->long_name != NULL; opt++) {
        if (strlen(opt->long_name) == len && memcmp(opt->long_name, name, len) == 0)
            return opt;
    }
    return NULL;
}

static const struct opt *find_short(const struct opt *opts, char name)
{
    for (const struct opt *opt = opts; opt != NULL && opt->long_name != NULL; opt++) {
        if (opt->short_name == name)
            return opt;
    }
    return NULL;
}

static size_t put_names(const struct opt *opts, const char **names)
{
    size_t count = 0;
    for (; opts != NULL && opts[count].long_name != NULL; count++) {
        if (names != NULL)
            names[count] = opts[count].long_name;
    }
    return count;
}

static const char *nearest_option(const struct opt_spec *spec, const char *name)
{
    size_t own = put_names(spec->opts, NULL), all = own + put_names(spec->global, NULL);
    const char **names = mem_alloc((all + 1) * sizeof *names);
    put_names(spec->opts, names);
    put_names(spec->global, names + own);
    names[all] = HELP_NAME;
    const char *found = nearest_name(name, names, all + 1);
    mem_free(names);
    return found;
}

/* `shown` is the option as it was typed, without its value; `name` what it may have meant. */
static int fail_unknown(struct parse *parse, const char *shown, const char *name)
{
    const char *nearest = nearest_option(parse->spec, name);
    if (nearest != NULL)
        return err_set(parse->err, ERR_USAGE, "unknown option '%s' of %s; did you mean '--%s'?",
                       shown, parse->command, nearest);
    return err_set(parse->err, ERR_USAGE, "unknown option '%s' of %s; see %s --help", shown,
                   parse->command, parse->command);
}

static bool takes_value(const struct opt *opt)
{
    return opt->type != OPT_FLAG && opt->type != OPT_COUNT && opt->type != OPT_OPTIONAL;
}

static void add_string(struct opt_strings *strings, const char *text)
{
    strings->items = mem_realloc(strings->items, (strings->count + 1) * sizeof *strings->items);
    strings->items[strings->count++] = text;
}

static int store_value(const struct opt *opt, const char *text, struct err *err)
{
    switch (opt->type) {
    case OPT_FLAG:
        *(bool *)opt->value = true;
        return 0;
    case OPT_COUNT:
        ++*(int *)opt->value;
        return 0;
    case OPT_OPTIONAL:
        *(const char **)opt->value = text != NULL ? text : "";
        return 0;
    case OPT_STRING:
        *(const char **)opt->value = text;
        return 0;
    case OPT_STRINGS:
        add_string(opt->value, text);
        return 0;
    case OPT_DURATION:
        return quantity_duration(text, opt->value, err);
    case OPT_SIZE:
        return quantity_size(text, opt->value, err);
    case OPT_INTEGER:
        return quantity_integer(text, opt->value, err);
    }
    return 0;
}

/* Whether the next word is the value of an option that needs none (opt.h). */
static bool takes_word(const struct opt *opt, const char *word)
{
    if (opt->type != OPT_OPTIONAL || word == NULL)
        return false;
    if (islower((unsigned char)opt->arg[0]))
        return strcmp(word, opt->arg) == 0;
    const char *digits = word;
    if (strcmp(opt->arg, "HOST:PORT") == 0) {
        const char *colon = strrchr(word, ':');
        digits = colon != NULL ? colon + 1 : "";
    }
    return digits[0] != '\0' && strspn(digits, "0123456789") == strlen(digits);
}

static int set_option(struct parse *parse, const struct opt *opt, const char *shown,
                      const char *value)
{
    if (value == NULL && parse->at + 1 < parse->argc && takes_word(opt, parse->argv[parse->at + 1]))
        value = parse->argv[++parse->at];
    if (takes_value(opt) && value == NULL) {
        if (parse->at + 1 >= parse->argc)
            return err_set(parse->err, ERR_USAGE, "option '%s' of %s needs a value: %s", shown,
                           parse->command, opt->arg != NULL ? opt->arg : "VALUE");
        value = parse->argv[++parse->at];
    }
    if (store_value(opt, value, parse->err) == 0)
        return 0;
    parse->err->kind = ERR_USAGE;
    return err_wrap(parse->err, "option '%s' of %s", shown, parse->command);
}

static int parse_long(struct parse *parse, const char *word)
{
    const char *name = word + 2;
    const char *equals = strchr(name, '=');
    size_t len = equals != NULL ? (size_t)(equals - name) : strlen(name);
    char shown[ERR_MSG_MAX / 4];
    snprintf(shown, sizeof shown, "--%.*s", (int)len, name);
    const struct opt *opt = find_long(parse->spec->opts, name, len);
    if (opt == NULL)
        opt = find_long(parse->spec->global, name, len);
    if (opt == NULL && strcmp(name, HELP_NAME) == 0) {
        parse->result->help = true;
        return 0;
    }
    if (opt == NULL)
        return fail_unknown(parse, shown, shown + 2);
    if (equals != NULL && !takes_value(opt) && opt->type != OPT_OPTIONAL)
        return err_set(parse->err, ERR_USAGE, "option '%s' of %s takes no value", shown,
                       parse->command);
    return set_option(parse, opt, shown, equals != NULL ? equals + 1 : NULL);
}

static int parse_short(struct parse *parse, const char *word)
{
    for (const char *letter = word + 1; *letter != '\0'; letter++) {
        const struct opt *opt = find_short(parse->spec->opts, *letter);
        if (opt == NULL)
            opt = find_short(parse->spec->global, *letter);
        char shown[] = {'-', *letter, '\0'};
        if (opt == NULL && *letter == 'h') {
            parse->result->help = true;
            return 0;
        }
        if (opt == NULL && letter == word + 1 && word[2] != '\0' && (*letter & 0x80) == 0)
            return fail_unknown(parse, word, word + 1); /* -timeout */
        if (opt == NULL)
            return fail_unknown(parse, (*letter & 0x80) == 0 ? shown : word, "");
        bool attached = takes_value(opt) && letter[1] != '\0';
        if (set_option(parse, opt, shown, attached ? letter + 1 : NULL) != 0)
            return -1;
        if (takes_value(opt))
            return 0;
    }
    return 0;
}

static int check_operands(struct parse *parse)
{
    const struct opt_spec *spec = parse->spec;
    int count = parse->result->count;
    int usage = (int)strcspn(spec->usage, "\n");
    if (count < spec->min_operands)
        return err_set(parse->err, ERR_USAGE, "%s needs %s; usage: %.*s", parse->command,
                       count == 0 ? "an operand" : "one more operand", usage, spec->usage);
    if (spec->max_operands >= 0 && count > spec->max_operands)
        return err_set(parse->err, ERR_USAGE, "unexpected operand '%s' of %s; usage: %.*s%s%s",
                       parse->result->operands[spec->max_operands], parse->command, usage,
                       spec->usage, spec->instead != NULL ? "; " : "",
                       spec->instead != NULL ? spec->instead : "");
    return 0;
}

static int parse_words(struct parse *parse)
{
    struct opt_result *result = parse->result;
    bool options = true;
    for (parse->at = 1; parse->at < parse->argc; parse->at++) {
        const char *word = parse->argv[parse->at];
        if (!options || word[0] != '-' || word[1] == '\0') {
            result->operands[result->count++] = word;
            options = options && !parse->spec->stop_at_operand;
            continue;
        }
        if (strcmp(word, "--") == 0) {
            options = false;
            continue;
        }
        if ((word[1] == '-' ? parse_long(parse, word) : parse_short(parse, word)) != 0)
            return -1;
        if (result->help)
            return 0;
    }
    return check_operands(parse);
}

int opt_parse(const struct opt_spec *spec, int argc, char **argv, struct opt_result *result,
              struct err *err)
{
    struct parse parse = {.spec = spec, .argc = argc, .argv = argv, .result = result, .err = err};
    command_name(spec->usage, parse.command, sizeof parse.command);
    *result = (struct opt_result){0};
    result->operands = mem_alloc(((size_t)argc + 1) * sizeof *result->operands);
    if (parse_words(&parse) == 0)
        return 0;
    mem_free(result->operands);
    *result = (struct opt_result){0};
    return -1;
}
