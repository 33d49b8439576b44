#include "provider_list.h"

#include "kaizala.h"

const struct config_provider *const provider_list[] = {&kaizala_provider.config, NULL};
const struct provider *const provider_default = &kaizala_provider;
