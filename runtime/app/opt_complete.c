/* What the last word of an unfinished command line may be, by the option tables. */
#include "opt.h"

#include <string.h>

struct walk {
    const struct opt_spec *spec;
    char **argv;
    int last;
    bool options; /* none follow "--", or the operand that ends them */
    int operands;
    struct opt_question *question;
};

static const struct opt *find(const struct opt_spec *spec, const char *name, size_t len,
                              char letter)
{
    const struct opt *tables[] = {spec->opts, spec->global};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        for (const struct opt *opt = tables[i]; opt != NULL && opt->long_name != NULL; opt++) {
            if (name == NULL
                    ? opt->short_name == letter && letter != '\0'
                    : strlen(opt->long_name) == len && memcmp(opt->long_name, name, len) == 0)
                return opt;
        }
    }
    return NULL;
}

static bool takes_next(const struct opt *opt)
{
    return opt != NULL && opt->type != OPT_FLAG && opt->type != OPT_COUNT &&
           opt->type != OPT_OPTIONAL;
}

/* The option whose value the next word is, or NULL. */
static const struct opt *wants_next(const struct walk *walk, const char *word)
{
    if (word[1] == '-') {
        bool alone = strchr(word, '=') == NULL;
        const struct opt *opt = find(walk->spec, word + 2, strlen(word + 2), '\0');
        return alone && takes_next(opt) ? opt : NULL;
    }
    for (const char *letter = word + 1; *letter != '\0'; letter++) {
        const struct opt *opt = find(walk->spec, NULL, 0, *letter);
        if (takes_next(opt))
            return letter[1] == '\0' ? opt : NULL;
    }
    return NULL;
}

/* Shells that cut words at '=' give "--job", "=", "mo". */
static int value_at(const struct walk *walk, int at)
{
    return at + 1 < walk->last && strcmp(walk->argv[at + 1], "=") == 0 ? at + 2 : at + 1;
}

static void ask_value(struct walk *walk, const struct opt *opt, const char *word)
{
    walk->question->what = opt->arg;
    walk->question->word = strcmp(word, "=") == 0 ? word + 1 : word;
}

/* The placeholder of the operand that comes next; the last one stands for all further ones. */
static void ask_operand(struct walk *walk)
{
    const char *what = walk->spec->operands;
    int limit = walk->spec->max_operands;
    if (what == NULL || (limit >= 0 && walk->operands >= limit))
        return;
    for (int i = 0; i < walk->operands && strchr(what, ' ') != NULL; i++)
        what = strchr(what, ' ') + 1;
    walk->question->what = what;
}

static void ask_last(struct walk *walk)
{
    struct opt_question *question = walk->question;
    const char *word = walk->argv[walk->last], *equals = strchr(word, '=');
    question->word = word;
    if (walk->options && strncmp(word, "--", 2) == 0 && equals != NULL) {
        const struct opt *opt = find(walk->spec, word + 2, (size_t)(equals - word) - 2, '\0');
        if (opt != NULL && opt->arg != NULL) {
            question->kept = (size_t)(equals - word) + 1;
            question->word = equals + 1;
            question->what = opt->arg;
        }
    } else if (walk->options && word[0] == '-') {
        question->options = true;
    } else {
        ask_operand(walk);
        question->options = walk->options && question->what == NULL && word[0] == '\0';
    }
}

void opt_complete(const struct opt_spec *spec, int argc, char **argv, struct opt_question *question)
{
    struct walk walk = {
        .spec = spec, .argv = argv, .last = argc - 1, .options = true, .question = question};
    *question = (struct opt_question){.word = ""};
    for (int at = 1; at < walk.last; at++) {
        const char *word = argv[at];
        if (walk.options && strcmp(word, "--") == 0) {
            walk.options = false;
        } else if (!walk.options || word[0] != '-' || word[1] == '\0') {
            walk.operands++;
            walk.options = walk.options && !spec->stop_at_operand;
            if (question->operand == 0)
                question->operand = at;
        } else {
            const struct opt *opt = wants_next(&walk, word);
            int next = value_at(&walk, at);
            if (opt != NULL && next >= walk.last) {
                ask_value(&walk, opt, argv[walk.last]);
                return;
            }
            at = opt != NULL ? next : at;
        }
    }
    if (walk.last >= 1)
        ask_last(&walk);
}
