#include "crypto_api.h"

#include <dlfcn.h>
#include <string.h>

static int resolve(void *library, const char *name, void *slot, struct err *err)
{
    void *symbol = dlsym(library, name);
    if (symbol == NULL)
        return err_set(err, ERR_CONFIG,
                       "%s has no %s; install the package %s of Debian 12 or newer",
                       CRYPTO_API_LIBRARY, name, CRYPTO_API_PACKAGE);
    memcpy(slot, &symbol, sizeof symbol); /* ISO C has no cast from object to function pointer */
    return 0;
}

int crypto_api_open(struct crypto_api *api, struct err *err)
{
    /* NODELETE: its clean-up runs at exit. So the handle may be forgotten. */
    void *library = dlopen(CRYPTO_API_LIBRARY, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (library == NULL)
        return err_set(err, ERR_CONFIG,
                       "keys need %s, which cannot be loaded (%s); install the package %s",
                       CRYPTO_API_LIBRARY, dlerror(), CRYPTO_API_PACKAGE);
    int result = 0;
#define CRYPTO_API_RESOLVE(name)                                                                   \
    if (result == 0)                                                                               \
        result = resolve(library, #name, &api->name, err);
    CRYPTO_API_FUNCTIONS(CRYPTO_API_RESOLVE)
#undef CRYPTO_API_RESOLVE
    dlclose(library);
    return result;
}
