#include "store_home.h"

#include <string.h>

#define JOB "job:"

const char *store_home_of(const char *scope)
{
    const char *name = strncmp(scope, JOB, sizeof JOB - 1) == 0 ? scope + sizeof JOB - 1 : NULL;
    const char *colon = name != NULL ? strchr(name, ':') : NULL;
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
