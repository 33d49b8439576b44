#include "preset.h"

#include "mem.h"
#include "nearest.h"
#include "preset_var.h"

#include <string.h>

#define NAME "abcdefghijklmnopqrstuvwxyz0123456789-"

/* As they are called in the configuration. */
static const struct {
    const char *owner; /* who names a preset; in a preset, what it gets */
    const char *key;
} kinds[] = {
    [PRESET_SERVICE] = {"connector", "preset"},
    [PRESET_SENDER] = {"webhook", "from"},
};

struct merge {
    enum preset_kind kind;
    const struct schema_walk *walk;
    struct arena *arena;
    const struct yaml_node *at; /* where the preset is named: the place of all that it says */
    struct preset_vars vars;
};

static bool is_nothing(const struct yaml_node *node)
{
    return node == NULL || yaml_resolve(node).type == YAML_NULL;
}

/* Of the preset, with its variables put in, at the place of its name. */
static struct yaml_node *copy(const struct merge *merge, const struct yaml_node *from)
{
    struct yaml_node *node = arena_alloc(merge->arena, sizeof *node);
    *node = *from;
    node->line = merge->at->line;
    node->col = merge->at->col;
    if (from->kind == YAML_SCALAR) {
        const char *text = preset_vars_put(&merge->vars, from->text);
        node->text = (char *)(uintptr_t)text;
        node->len = strlen(text);
    } else if (from->kind == YAML_SEQUENCE) {
        node->items = arena_alloc(merge->arena, (from->count + 1) * sizeof *node->items);
        for (size_t i = 0; i < from->count; i++)
            node->items[i] = copy(merge, from->items[i]);
    } else {
        node->pairs = arena_alloc(merge->arena, (from->count + 1) * sizeof *node->pairs);
        for (size_t i = 0; i < from->count; i++)
            node->pairs[i] = (struct yaml_pair){copy(merge, from->pairs[i].key),
                                                copy(merge, from->pairs[i].value)};
    }
    return node;
}

/* The connector's own keys, and those of the preset that are not among them. */
static struct yaml_node *join(const struct merge *merge, const struct yaml_node *own,
                              const struct yaml_node *preset)
{
    struct yaml_node *node = arena_alloc(merge->arena, sizeof *node);
    *node = *own;
    node->pairs = arena_alloc(merge->arena, (own->count + preset->count + 1) * sizeof *node->pairs);
    size_t count = 0;
    for (size_t i = 0; i < own->count; i++) {
        struct yaml_pair pair = own->pairs[i];
        const struct yaml_node *theirs = yaml_get(preset, pair.key->text);
        if (theirs != NULL && is_nothing(pair.value))
            continue; /* neither */
        if (theirs != NULL && theirs->kind == YAML_MAPPING && pair.value->kind == YAML_MAPPING)
            pair.value = join(merge, pair.value, theirs);
        node->pairs[count++] = pair;
    }
    for (size_t i = 0; i < preset->count; i++) {
        const struct yaml_pair *pair = &preset->pairs[i];
        if (yaml_get(own, pair->key->text) == NULL)
            node->pairs[count++] =
                (struct yaml_pair){copy(merge, pair->key), copy(merge, pair->value)};
    }
    node->count = count;
    return node;
}

static void take_out(struct yaml_node *mapping, const char *name)
{
    size_t kept = 0;
    for (size_t i = 0; i < mapping->count; i++) {
        if (strcmp(mapping->pairs[i].key->text, name) != 0)
            mapping->pairs[kept++] = mapping->pairs[i];
    }
    mapping->count = kept;
}

static void unknown(const struct merge *merge, const struct config_presets *presets)
{
    char texts[PRESETS_MAX][PRESET_NAME_SIZE];
    const char *names[PRESETS_MAX];
    size_t count = 0;
    char shown[YAML_SHOWN_SIZE];
    while (presets != NULL && count < PRESETS_MAX &&
           presets->name_at(presets->data, merge->kind, count, texts[count])) {
        names[count] = texts[count];
        count++;
    }
    const char *nearest = nearest_name(merge->at->text, names, count);
    schema_problem(merge->walk, merge->at, "unknown preset '%s' in %s%s%s%s",
                   yaml_show(merge->at, shown), merge->vars.owner,
                   nearest != NULL ? "; did you mean '" : "; `jeton presets` lists them",
                   nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "");
}

void preset_docs_destroy(struct preset_docs *docs)
{
    for (size_t i = 0; i < docs->count; i++) {
        mem_free(docs->items[i].name);
        yaml_doc_free(docs->items[i].doc);
    }
    mem_free(docs->items);
    *docs = (struct preset_docs){0};
}

static struct yaml_doc *add_doc(struct preset_docs *docs, enum preset_kind kind, const char *name,
                                const struct buf *text, struct problems *problems)
{
    char *file = mem_printf("preset %s", name);
    struct yaml_doc *doc = yaml_load(file, text->data, text->len, problems);
    mem_free(file);
    docs->items = mem_realloc(docs->items, (docs->count + 1) * sizeof *docs->items);
    docs->items[docs->count++] = (struct preset_doc){kind, mem_strdup(name), doc};
    return doc;
}

/* Its tree; NULL: a problem was added. */
static const struct yaml_doc *read_preset(const struct merge *merge,
                                          const struct config_presets *presets,
                                          struct preset_docs *docs)
{
    const struct yaml_node *name = merge->at;
    const struct yaml_doc *doc = NULL;
    struct buf text;
    if (name->kind != YAML_SCALAR) {
        schema_problem(merge->walk, name, "'%s' of %s must be a name, not %s",
                       kinds[merge->kind].key, merge->vars.owner, yaml_describe(name));
        return NULL;
    }
    for (size_t i = 0; i < docs->count; i++) {
        if (docs->items[i].kind == merge->kind && strcmp(docs->items[i].name, name->text) == 0)
            return docs->items[i].doc;
    }
    buf_create(&text, PRESET_BYTES_MAX);
    if (presets == NULL || strspn(name->text, NAME) != name->len ||
        !presets->read(presets->data, merge->kind, name->text, &text))
        unknown(merge, presets);
    else
        doc = add_doc(docs, merge->kind, name->text, &text, merge->walk->problems);
    buf_destroy(&text);
    return doc;
}

/* A preset is of one provider, and of a connector that asks for its token itself. */
static bool may_have(const struct merge *merge, const struct yaml_node *own,
                     const struct yaml_node *preset)
{
    const struct yaml_node *ours = yaml_get(own, "provider"),
                           *theirs = yaml_get(preset, "provider");
    const struct yaml_node *lent = yaml_get(own, "token_of");
    if (lent != NULL) {
        schema_problem(merge->walk, merge->at,
                       "%s has 'preset' and 'token_of'; a preset says where a token is "
                       "asked for, and it has another connector's",
                       merge->vars.owner);
        return false;
    }
    if (theirs == NULL || is_nothing(ours) ||
        (ours->kind == YAML_SCALAR && strcmp(ours->text, theirs->text) == 0))
        return true;
    schema_problem(merge->walk, ours, "'provider' of %s must be '%s': preset '%s' is",
                   merge->vars.owner, theirs->text, merge->vars.preset);
    return false;
}

/* "params.account_id": a key of a key. NULL: there is none, or it says nothing. */
static const struct yaml_node *find(const struct yaml_node *mapping, const char *path)
{
    const struct yaml_node *node = mapping;
    while (node != NULL && *path != '\0') {
        size_t len = strcspn(path, ".");
        char *key = mem_strndup(path, len);
        node = yaml_get(node, key);
        mem_free(key);
        path += len + (path[len] == '.');
    }
    bool nothing = is_nothing(node) || (node->kind == YAML_SCALAR && node->len == 0);
    return nothing ? NULL : node;
}

/* Whether the connector gets its tokens in another way than the preset. */
static bool goes_its_own_way(const struct yaml_node *own, const struct yaml_node *preset)
{
    static const char *const keys[] = {"grant", "client_auth"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const struct yaml_node *ours = yaml_get(own, keys[i]), *theirs = yaml_get(preset, keys[i]);
        if (!is_nothing(ours) &&
            (theirs == NULL || ours->kind != YAML_SCALAR || theirs->kind != YAML_SCALAR ||
             strcmp(ours->text, theirs->text) != 0))
            return true;
    }
    return false;
}

/* What no preset can say, because it is the customer's: of the preset's own way. */
static void check_needs(const struct merge *merge, const struct yaml_node *needs,
                        const struct yaml_node *merged)
{
    for (size_t i = 0; needs != NULL && needs->kind == YAML_SEQUENCE && i < needs->count; i++) {
        const char *path = needs->items[i]->text;
        if (needs->items[i]->kind == YAML_SCALAR && find(merged, path) == NULL)
            schema_problem(merge->walk, merge->at, "%s lacks '%s', which preset '%s' needs",
                           merge->vars.owner, path, merge->vars.preset);
    }
}

/* Who says where the API is means it: nothing that a reply names by the preset takes its place. */
static void keep_endpoint(const struct yaml_node *own, const struct yaml_node *merged)
{
    const struct yaml_node *reply = yaml_get(own, "reply");
    bool says = reply != NULL && reply->kind == YAML_MAPPING && yaml_get(reply, "endpoint") != NULL;
    for (size_t i = 0; !says && !is_nothing(yaml_get(own, "endpoint")) && i < merged->count; i++) {
        struct yaml_node *value = merged->pairs[i].value;
        if (strcmp(merged->pairs[i].key->text, "reply") == 0 && value->kind == YAML_MAPPING)
            take_out(value, "endpoint");
    }
}

/* The service that the connector itself names: a URL of its own is a service of its own. */
static const char *own_service(const struct yaml_node *own)
{
    static const char *const keys[] = {"token_service", "token_url", "issuer"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const struct yaml_node *node = yaml_get(own, keys[i]);
        if (!is_nothing(node) && node->kind == YAML_SCALAR)
            return node->text;
    }
    return NULL;
}

const struct yaml_node *preset_merge(const struct schema_walk *walk, enum preset_kind kind,
                                     const struct config_presets *presets, struct preset_docs *docs,
                                     const struct yaml_node *mapping, const char *name,
                                     struct arena *arena, char **service)
{
    struct merge merge = {
        .kind = kind, .walk = walk, .arena = arena, .at = yaml_get(mapping, kinds[kind].key)};
    struct yaml_node *merged = NULL;
    if (service != NULL)
        *service = NULL;
    if (is_nothing(merge.at))
        return mapping;
    char *owner = mem_printf("%s '%s'", kinds[kind].owner, name);
    merge.vars = (struct preset_vars){.preset = merge.at->text, .owner = owner, .arena = arena};
    const struct yaml_doc *doc = read_preset(&merge, presets, docs);
    const struct yaml_node *root = doc != NULL ? yaml_root(doc) : NULL;
    const struct yaml_node *preset = root != NULL ? yaml_get(root, kinds[kind].owner) : NULL;
    if (preset != NULL && may_have(&merge, mapping, preset)) {
        preset_vars_read(&merge.vars, walk, yaml_get(root, "vars"), yaml_get(mapping, "vars"),
                         merge.at);
        merged = join(&merge, mapping, preset);
        if (!goes_its_own_way(mapping, preset))
            check_needs(&merge, yaml_get(root, "needs"), merged);
        keep_endpoint(mapping, merged);
        take_out(merged, kinds[kind].key);
        take_out(merged, "vars");
        const char *named = own_service(mapping);
        if (service != NULL)
            *service = named != NULL ? mem_strdup(named) : preset_vars_service(&merge.vars);
    }
    mem_free(owner);
    return merged;
}
