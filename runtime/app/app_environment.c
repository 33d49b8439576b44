#include "app_environment.h"

#include "mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int app_environment_set(char *const *entries, struct err *err)
{
    for (char *const *entry = entries; entry != NULL && *entry != NULL; entry++) {
        char *name = mem_strndup(*entry, strcspn(*entry, "="));
        int result = setenv(name, *entry + strlen(name) + 1, 1);
        mem_free(name);
        if (result != 0)
            return err_set(err, ERR_CONFIG, "cannot set the environment: %s", strerror(errno));
    }
    tzset();
    return 0;
}

int app_environment_enter(char *const *entries, const char *directory, struct err *err)
{
    if (app_environment_set(entries, err) != 0)
        return -1;
    if (directory != NULL && chdir(directory) != 0)
        return err_set(err, ERR_CONFIG, "cannot enter directory '%s': %s", directory,
                       strerror(errno));
    return 0;
}
