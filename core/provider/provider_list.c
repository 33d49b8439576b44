#include "provider_list.h"

#include "kaizala.h"
#include "lent.h"
#include "oauth2.h"

const struct config_provider *const provider_list[] = {
    &kaizala_provider.config, &oauth2_provider.config, &lent_provider.config, NULL};
const struct provider *const provider_default = &kaizala_provider;
