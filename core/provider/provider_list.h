/* All providers that a configuration may name. */
#ifndef JETON_PROVIDER_LIST_H
#define JETON_PROVIDER_LIST_H

#include "provider.h"

extern const struct config_provider *const provider_list[]; /* ends with NULL; first the default */
/* Of a connector that is made by hand. */
extern const struct provider *const provider_default;

#endif
