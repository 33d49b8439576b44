/* Where a secret comes from: a string, or a mapping with one key. No value ever gets into a
 * message. */
#include "ascii.h"
#include "config_field.h"
#include "mem.h"
#include "secret.h"

#include <string.h>
#include <sys/stat.h>

#define CREDENTIAL "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789.@+-"

/* Behind the letters, digits and '_' that a text begins with. */
static const char *word_end(const char *text)
{
    while (ascii_is_alnum(*text) || *text == '_')
        text++;
    return text;
}

static void read_env(const struct schema_walk *walk, const struct schema_field *field,
                     const struct yaml_node *node, void *target)
{
    struct secret *secret = target;
    const char *name = config_text(walk, field, node);
    if (name == NULL)
        return;
    if ((name[0] >= '0' && name[0] <= '9') || *word_end(name) != '\0') {
        schema_problem(walk, node,
                       "'env' of %s must be the name of an environment variable: letters, digits "
                       "and '_', no digit first",
                       walk->what);
        return;
    }
    secret->kind = SECRET_ENV;
    secret->text = mem_strdup(name);
}

static void read_file(const struct schema_walk *walk, const struct schema_field *field,
                      const struct yaml_node *node, void *target)
{
    struct secret *secret = target;
    const char *path = config_text(walk, field, node);
    if (path == NULL)
        return;
    struct err err;
    err_clear(&err);
    secret->kind = SECRET_FILE;
    secret->text = schema_path(walk, node, path);
    if (secret_read_pipe(secret, &err) != 0)
        schema_problem(walk, node, "%s: %s", secret->name, err.msg);
}

static void read_command(const struct schema_walk *walk, const struct schema_field *field,
                         const struct yaml_node *node, void *target)
{
    struct secret *secret = target;
    char **command = schema_strings(walk, field, node);
    if (command == NULL)
        return;
    if (command[0][0] == '\0') {
        schema_problem(walk, node,
                       "'command' of %s starts with an empty string; expected a program",
                       walk->what);
        mem_freev(command);
        return;
    }
    secret->kind = SECRET_COMMAND;
    secret->command = command;
}

static void read_credential(const struct schema_walk *walk, const struct schema_field *field,
                            const struct yaml_node *node, void *target)
{
    struct secret *secret = target;
    const char *name = config_text(walk, field, node);
    if (name == NULL)
        return;
    if (name[0] == '.' || name[strspn(name, CREDENTIAL)] != '\0') {
        schema_problem(walk, node,
                       "'credential' of %s must be a credential's name, not a path: letters, "
                       "digits and . _ @ + -, no '.' first",
                       walk->what);
        return;
    }
    secret->kind = SECRET_CREDENTIAL;
    secret->text = mem_strdup(name);
}

static const struct schema_field source_fields[] = {
    {.name = "env", .type = SCHEMA_CUSTOM, .parse = read_env, .expected = "a variable's name"},
    {.name = "file", .type = SCHEMA_CUSTOM, .parse = read_file, .expected = "a path"},
    {.name = "command",
     .type = SCHEMA_CUSTOM,
     .parse = read_command,
     .expected = "a list of strings: the program and its arguments"},
    {.name = "credential",
     .type = SCHEMA_CUSTOM,
     .parse = read_credential,
     .expected = "a credential's name"},
    {0},
};

/* $NAME or ${NAME}: meant as a variable. */
static bool is_variable(const char *text)
{
    if (text[0] != '$')
        return false;
    bool braces = text[1] == '{';
    const char *name = text + (braces ? 2 : 1);
    const char *end = word_end(name);
    return end > name && strcmp(end, braces ? "}" : "") == 0;
}

/* "{ file: … }" in quotes: meant as a source. */
static bool is_quoted_source(const char *text)
{
    if (text[0] != '{')
        return false;
    const char *name = text + 1 + strspn(text + 1, " ");
    for (const struct schema_field *field = source_fields; field->name != NULL; field++) {
        size_t len = strlen(field->name);
        if (strncmp(name, field->name, len) == 0 && name[len] == ':')
            return true;
    }
    return false;
}

/* A path with a slash, of a file that is there: meant as what is in it. */
static bool is_file(const struct schema_walk *walk, const struct yaml_node *node)
{
    struct stat st;
    if (strchr(node->text, '/') == NULL || strncmp(node->text, "~/", 2) == 0)
        return false;
    char *path = schema_path(walk, node, node->text);
    bool found = stat(path, &st) == 0 && S_ISREG(st.st_mode);
    mem_free(path);
    return found;
}

static void read_plain(const struct schema_walk *walk, const struct schema_field *field,
                       const struct yaml_node *node, struct secret *secret)
{
    struct err err;
    err_clear(&err);
    if (secret_check_value(secret, node->text, node->len, &err) != 0) {
        schema_problem(walk, node, "'%s' of %s: %s", field->name, walk->what, err.msg);
        return;
    }
    if (is_variable(node->text)) {
        schema_problem(walk, node,
                       "'%s' of %s: variables are not expanded here; write { env: NAME }",
                       field->name, walk->what);
        return;
    }
    if (is_quoted_source(node->text)) {
        schema_problem(walk, node,
                       "'%s' of %s is in quotes, which make a source a text; remove them",
                       field->name, walk->what);
        return;
    }
    if (is_file(walk, node)) {
        schema_problem(walk, node,
                       "'%s' of %s is the path of a file; write { file: PATH } for what is in it",
                       field->name, walk->what);
        return;
    }
    secret->kind = SECRET_PLAIN;
    secret->text = mem_strndup(node->text, node->len);
}

static bool is_source(const char *key)
{
    for (const struct schema_field *field = source_fields; field->name != NULL; field++) {
        if (strcmp(key, field->name) == 0)
            return true;
    }
    return false;
}

enum kind { IS_SECRET, IS_ID, IS_KEY };

static void parse(const struct schema_walk *walk, const struct schema_field *field,
                  const struct yaml_node *node, enum kind kind, struct secret *secret)
{
    *secret = (struct secret){
        .key = field->name,
        .is_id = kind == IS_ID,
        .is_key = kind == IS_KEY,
        .name = mem_join(field->name, " of ", walk->what, NULL),
        .file = walk->file,
        .line = node->line,
        .col = node->col,
    };
    if (node->kind == YAML_SCALAR)
        read_plain(walk, field, node, secret);
    else if (node->kind == YAML_SEQUENCE)
        schema_wrong_type(walk, field, node);
    else if (node->count != 1)
        schema_problem(walk, node,
                       "'%s' of %s must hold exactly one of env, file, command and "
                       "credential",
                       field->name, walk->what);
    else if (schema_given(node, node->pairs[0].key->text) != NULL)
        schema_read(walk, source_fields, secret->name, node, secret);
    else if (is_source(node->pairs[0].key->text))
        schema_problem(walk, node, "'%s' of %s: '%s' has no value", field->name, walk->what,
                       node->pairs[0].key->text);
    else /* {SECRET}: the unknown key is the secret itself, so it must not be shown */
        schema_problem(walk, node,
                       "'%s' of %s is in braces, which make it a key without a value; remove them, "
                       "or name a source: env, file, command or credential",
                       field->name, walk->what);
}

void config_secret_parse(const struct schema_walk *walk, const struct schema_field *field,
                         const struct yaml_node *node, void *target)
{
    parse(walk, field, node, IS_SECRET, target);
}

void config_key_parse(const struct schema_walk *walk, const struct schema_field *field,
                      const struct yaml_node *node, void *target)
{
    parse(walk, field, node, IS_KEY, target);
}

void config_id_parse(const struct schema_walk *walk, const struct schema_field *field,
                     const struct yaml_node *node, void *target)
{
    parse(walk, field, node, IS_ID, target);
}
