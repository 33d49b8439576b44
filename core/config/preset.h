/* What a connector, or a webhook, takes from the preset that it names. */
#ifndef JETON_PRESET_H
#define JETON_PRESET_H

#include "arena.h"
#include "schema.h"

#define PRESET_NAME_SIZE 65 /* with NUL */
#define PRESETS_MAX      256
#define PRESET_BYTES_MAX ((size_t)64 * 1024)

enum preset_kind {
    PRESET_SERVICE, /* `preset` of a connector */
    PRESET_SENDER   /* `from` of a webhook */
};

/* Where presets come from: the core does not know the files in the executable. */
struct config_presets {
    /* Appends the YAML text of one; false: there is none of this name. */
    bool (*read)(void *data, enum preset_kind kind, const char *name, struct buf *out);
    /* false: after the last, in the order of names. */
    bool (*name_at)(void *data, enum preset_kind kind, size_t index, char name[PRESET_NAME_SIZE]);
    void *data;
};

/* Those that were read: many connectors may name one. Zeroed is empty. */
struct preset_docs {
    struct preset_doc {
        enum preset_kind kind;
        char *name;
        struct yaml_doc *doc; /* NULL: it cannot be read, which was reported */
    } * items;
    size_t count;
};
void preset_docs_destroy(struct preset_docs *docs);

/*
 * The mapping of connector (webhook) `name` with what its preset says: mappings key by key, else
 * what is in the connector wins; a key without a value takes the preset's away, and an endpoint the
 * preset's reply.endpoint; what the preset `needs` must be in the connector. The same node where it
 * names no preset; NULL where nothing can be made of it. Problems are reported at the walk's place.
 * Nodes live as long as the arena.
 *
 * service (mem_free; NULL: not asked for, as of a webhook): what stands for the token service in
 * the owner of its rows: the URL that the connector itself names, else the preset and its
 * variables. NULL without a preset.
 */
const struct yaml_node *preset_merge(const struct schema_walk *walk, enum preset_kind kind,
                                     const struct config_presets *presets, struct preset_docs *docs,
                                     const struct yaml_node *mapping, const char *name,
                                     struct arena *arena, char **service);

#endif
