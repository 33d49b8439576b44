/* Presets from the source tree, $JETON_SOURCE, for tests that have none in their executable. */
#ifndef JETON_TEST_PRESETS_SOURCE_H
#define JETON_TEST_PRESETS_SOURCE_H

#include "mem.h"
#include "preset.h"
#include "safefile.h"

#include <stdlib.h>
#include <string.h>

static inline bool presets_source_read(void *data, enum preset_kind kind, const char *name,
                                       struct buf *out)
{
    (void)data;
    struct err err;
    err_clear(&err);
    char *path = mem_printf("%s/scripts/presets/%s/%s.yaml", getenv("JETON_SOURCE"),
                            kind == PRESET_SENDER ? "senders" : "services", name);
    bool found = safefile_read(path, SAFEFILE_NOT_WRITABLE, out, &err) == 0;
    mem_free(path);
    return found;
}

static inline bool presets_source_name_at(void *data, enum preset_kind kind, size_t index,
                                          char name[PRESET_NAME_SIZE])
{
    (void)data, (void)kind;
    if (index == 0)
        strcpy(name, "github");
    return index == 0;
}

static const struct config_presets presets_source = {.read = presets_source_read,
                                                     .name_at = presets_source_name_at};

#endif
