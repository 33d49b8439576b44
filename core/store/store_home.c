#include "store_home.h"

#include <string.h>

const char *store_home_of(const char *scope)
{
    if (strncmp(scope, "job:", 4) != 0 && strncmp(scope, "hook:", 5) != 0 &&
        strncmp(scope, "shared:", 7) != 0)
        return NULL;
    const char *colon = strchr(strchr(scope, ':') + 1, ':');
    return colon != NULL ? colon + 1 : NULL;
}

bool store_home_among(const char *home, const char *const *homes)
{
    for (; *homes != NULL; homes++) {
        size_t len = strlen(*homes);
        if (strcmp(home, *homes) == 0 ||
            (len > 0 && (*homes)[len - 1] == '/' && strncmp(home, *homes, len) == 0 &&
             strchr(home + len, '/') == NULL))
            return true;
    }
    return false;
}

int store_home_move(struct store *store, struct store_home *home, struct err *err)
{
    struct store_call call = {.op = STORE_HOME_MOVE, .home = home};
    return store_wait(store, &call, err);
}
