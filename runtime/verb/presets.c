#include "presets.h"

#include "embed.h"
#include "mem.h"
#include "nearest.h"
#include "safefile.h"

#include <stdlib.h>
#include <string.h>

#define SUFFIX ".yaml"

static const char *const folders[] = {
    [PRESET_SERVICE] = "presets/services/",
    [PRESET_SENDER] = "presets/senders/",
};

static bool read_embedded(const char *path, struct buf *out)
{
    const struct embedded_file *file = embed_find(path);
    return file != NULL && buf_append(out, file->data, file->size) == 0;
}

static bool read_preset(void *data, enum preset_kind kind, const char *name, struct buf *out)
{
    (void)data;
    struct err ignored;
    const char *folder = getenv("JETON_SCRIPTS");
    char *path = mem_printf("%s%s" SUFFIX, folders[kind], name);
    char *full = mem_printf("%s/%s", folder != NULL ? folder : "", path);
    bool found = folder != NULL && folder[0] != '\0'
                     ? safefile_read(full, SAFEFILE_NOT_WRITABLE, out, &ignored) == 0
                     : read_embedded(path, out);
    mem_free(full);
    mem_free(path);
    return found;
}

static bool name_at(void *data, enum preset_kind kind, size_t index, char name[PRESET_NAME_SIZE])
{
    (void)data;
    for (const struct embedded_file *file = embedded_lua; file->path != NULL; file++) {
        size_t len = strlen(file->path), head = strlen(folders[kind]), tail = sizeof SUFFIX - 1;
        if (strncmp(file->path, folders[kind], head) != 0 ||
            len - head - tail >= PRESET_NAME_SIZE || index-- > 0)
            continue;
        memcpy(name, file->path + head, len - head - tail);
        name[len - head - tail] = '\0';
        return true;
    }
    return false;
}

const struct config_presets presets_embedded = {.read = read_preset, .name_at = name_at};

void presets_names(const struct config_presets *presets, enum preset_kind kind,
                   struct presets_names *names)
{
    names->count = 0;
    while (names->count < PRESETS_MAX &&
           presets->name_at(presets->data, kind, names->count, names->text[names->count])) {
        names->list[names->count] = names->text[names->count];
        names->count++;
    }
}

int presets_check(const struct presets_names *names, const char *name, struct err *err)
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
