#include "store_pg_api.h"

#include "fd.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

int store_pg_api_load(struct store_pg_api *api, struct err *err)
{
    static const struct {
        const char *name;
        size_t offset;
    } functions[] = {
#define STORE_PG_API_ENTRY(name) {#name, offsetof(struct store_pg_api, name)},
        STORE_PG_API_FUNCTIONS(STORE_PG_API_ENTRY)
#undef STORE_PG_API_ENTRY
    };
    void *library = dlopen(STORE_PG_API_LIBRARY, RTLD_LAZY | RTLD_LOCAL);
    if (library == NULL)
        return err_set(err, ERR_CONFIG,
                       fd_few_left() ? "%s cannot be loaded: %s"
                                     : "%s cannot be loaded: %s; install the package %s",
                       STORE_PG_API_LIBRARY, dlerror(), STORE_PG_API_PACKAGE);
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        void *symbol = dlsym(library, functions[i].name);
        if (symbol == NULL)
            return err_set(err, ERR_CONFIG,
                           "%s has no %s; install the package %s of Debian 12 or newer",
                           STORE_PG_API_LIBRARY, functions[i].name, STORE_PG_API_PACKAGE);
        memcpy((char *)api + functions[i].offset, &symbol, sizeof symbol);
    }
    return 0;
}
