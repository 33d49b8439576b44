/* The presets in the executable; in $JETON_SCRIPTS, where that is set. */
#ifndef JETON_PRESETS_H
#define JETON_PRESETS_H

#include "preset.h"

extern const struct config_presets presets_embedded;

#endif
