/* The presets in the executable; in $JETON_SCRIPTS, where that is set. */
#ifndef JETON_PRESETS_H
#define JETON_PRESETS_H

#include "preset.h"

extern const struct config_presets presets_embedded;

struct presets_names {
    char text[PRESETS_MAX][PRESET_NAME_SIZE];
    const char *list[PRESETS_MAX];
    size_t count;
};
void presets_names(const struct config_presets *presets, enum preset_kind kind,
                   struct presets_names *names);
/* Whether it is one of them; ERR_USAGE names the nearest. */
int presets_check(const struct presets_names *names, const char *name, struct err *err);

#endif
