#include "edit_api.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

bool edit_api_open(struct edit_api *api)
{
    static const struct {
        const char *name;
        size_t offset;
    } functions[] = {
        {"el_init", offsetof(struct edit_api, init)},
        {"el_end", offsetof(struct edit_api, end)},
        {"el_set", offsetof(struct edit_api, set)},
        {"el_wset", offsetof(struct edit_api, wset)},
        {"el_get", offsetof(struct edit_api, get)},
        {"el_gets", offsetof(struct edit_api, gets)},
        {"el_line", offsetof(struct edit_api, line)},
        {"el_insertstr", offsetof(struct edit_api, insertstr)},
        {"el_resize", offsetof(struct edit_api, resize)},
        {"history_init", offsetof(struct edit_api, history_init)},
        {"history_end", offsetof(struct edit_api, history_end)},
        {"history", offsetof(struct edit_api, history)},
    };
    /* NODELETE: what it keeps of the terminal's description is not freed, and stays in its hands.
     */
    *api = (struct edit_api){.handle =
                                 dlopen(EDIT_API_LIBRARY, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE)};
    if (api->handle == NULL)
        return false;
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        void *symbol = dlsym(api->handle, functions[i].name);
        if (symbol == NULL) {
            edit_api_close(api);
            return false;
        }
        memcpy((char *)api + functions[i].offset, &symbol, sizeof symbol);
    }
    return true;
}

void edit_api_close(struct edit_api *api)
{
    if (api->handle != NULL)
        dlclose(api->handle);
    api->handle = NULL;
}
