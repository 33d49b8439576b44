#include "mhd_api.h"

#include "fd.h"

#include <dlfcn.h>
#include <string.h>

static int resolve(struct mhd_api *api, const char *name, void *slot, struct err *err)
{
    void *symbol = dlsym(api->handle, name);
    if (symbol == NULL)
        return err_set(err, ERR_CONFIG, "%s has no %s; install libmicrohttpd12 0.9.75 or newer",
                       MHD_API_LIBRARY, name);
    memcpy(slot, &symbol, sizeof symbol); /* ISO C has no cast from object to function pointer */
    return 0;
}

int mhd_api_open(struct mhd_api *api, struct err *err)
{
    memset(api, 0, sizeof *api);
    /* NODELETE: it brings GnuTLS, whose destructors are not made to run before exit. */
    api->handle = dlopen(MHD_API_LIBRARY, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (api->handle == NULL)
        return err_set(err, ERR_CONFIG, "a server needs %s, which cannot be loaded (%s)%s",
                       MHD_API_LIBRARY, dlerror(),
                       fd_few_left() ? "" : "; install libmicrohttpd12");
#define X(name)                                                                                    \
    if (resolve(api, "MHD_" #name, &api->name, err) != 0) {                                        \
        mhd_api_close(api);                                                                        \
        return -1;                                                                                 \
    }
    MHD_API_FUNCTIONS(X)
#undef X
    /* Where it is built without TLS there is none, and no daemon with TLS starts. */
    void *symbol = dlsym(api->handle, "gnutls_record_send");
    memcpy(&api->record_send, &symbol, sizeof symbol);
    return 0;
}

void mhd_api_close(struct mhd_api *api)
{
    if (api->handle != NULL)
        dlclose(api->handle);
    api->handle = NULL;
}
