#include "config_state.h"

#include "config_field.h"
#include "mem.h"

#include <stddef.h>

/* While a mapping is read. */
struct database {
    char *url, *schema, *folder, *ca_file;
    struct secret password, key;
};

static const struct schema_field fields[] = {
    {.name = "url",
     .type = SCHEMA_STRING,
     .offset = offsetof(struct database, url),
     .required = true,
     .expected = "a URL such as postgresql://USER@HOST/DATABASE"},
    {.name = "password",
     .type = SCHEMA_CUSTOM,
     .offset = offsetof(struct database, password),
     .parse = config_secret_parse,
     .expected = "a secret"},
    {.name = "key",
     .type = SCHEMA_CUSTOM,
     .offset = offsetof(struct database, key),
     .required = true,
     .parse = config_key_parse,
     .expected = "a secret, such as { file: state.key }"},
    {.name = "schema", .type = SCHEMA_STRING, .offset = offsetof(struct database, schema)},
    {.name = "folder", .type = SCHEMA_PATH, .offset = offsetof(struct database, folder)},
    {.name = "ca_file", .type = SCHEMA_PATH, .offset = offsetof(struct database, ca_file)},
    {0},
};

/* 1, 0: there is none, -1. */
static int read_secret(void *arg, enum state_secret which, struct buf *out, struct err *err)
{
    const struct config *config = arg;
    const struct secret *secret = which == STATE_KEY ? &config->state_key : &config->state_password;
    if (secret->kind == SECRET_NONE)
        return 0;
    if (secret_read(secret, config->redact, 0, out, err) != 0)
        return -1;
    secret_hide(secret, out->data, out->len, NULL, config->redact);
    return 1;
}

static void read_database(const struct schema_walk *walk, const struct yaml_node *node,
                          struct config *config)
{
    struct database database = {.url = NULL};
    schema_read(walk, fields, "state", node, &database);
    *config->state = (struct state_place){
        .folder = database.folder,
        .url = database.url,
        .schema = database.schema,
        .key_file = secret_path(&database.key),
        .ca_file = database.ca_file,
        .read = read_secret,
        .arg = config,
    };
    config->state_shown = mem_strdup(walk->file);
    config->state_line = node->line;
    config->state_col = node->col;
    config->state_password = database.password;
    config->state_key = database.key;
    config->state_key.absent = "`jeton state keygen FILE` makes it";
}

void config_state_read(const struct schema_walk *walk, const struct schema_field *field,
                       const struct yaml_node *node, struct config *config)
{
    if (config->state != NULL) /* it stands twice, which is reported */
        return;
    config->state = mem_alloc(sizeof *config->state);
    const char *text = NULL;
    if (node->kind == YAML_MAPPING)
        read_database(walk, node, config);
    else
        text = config_text(walk, field, node);
    if (text != NULL)
        config->state->folder = schema_path(walk, node, text);
}

void config_state_settle(struct config *config, struct problems *problems)
{
    if (config->state == NULL)
        config->state = mem_alloc(sizeof *config->state);
    if (config->state->folder == NULL)
        config->state->folder = config_default_state();
    if (config->state->url != NULL && config->name == NULL)
        problems_add(problems, config->path, 0, 0,
                     "a state in a database is shared by hosts, whose paths differ: this "
                     "configuration needs a `name:` that it has on all of them");
}

void config_state_hide(const struct config *config, struct redact *redact)
{
    secret_hide_at_hand(&config->state_password, NULL, redact);
    secret_hide_at_hand(&config->state_key, NULL, redact);
}

void config_state_hide_files(const struct config *config, struct redact *redact)
{
    secret_hide_file(&config->state_password, NULL, redact);
    secret_hide_file(&config->state_key, NULL, redact);
}

void config_state_destroy(struct config *config)
{
    if (config->state != NULL) {
        mem_free(config->state->folder);
        mem_free(config->state->url);
        mem_free(config->state->schema);
        mem_free(config->state->key_file);
        mem_free(config->state->ca_file);
    }
    mem_free(config->state);
    mem_free(config->state_shown);
    secret_destroy(&config->state_password);
    secret_destroy(&config->state_key);
}
