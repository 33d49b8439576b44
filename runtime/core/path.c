#include "path.h"

#include "mem.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

char *path_show(const char *path)
{
    char folder[PATH_MAX];
    while (strncmp(path, "./", 2) == 0 && path[2] != '/' && path[2] != '\0')
        path += 2;
    if (getcwd(folder, sizeof folder) == NULL)
        return mem_strdup(path);
    size_t len = strlen(folder);
    if (strncmp(path, folder, len) == 0 && path[len] == '/' && path[len + 1] != '/' &&
        path[len + 1] != '\0')
        path += len + 1;
    return mem_strdup(path);
}
