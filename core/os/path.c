#include "path.h"

#include "mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
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

int path_open(const char *path, int64_t *size, struct err *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not block */
    const char *problem = NULL;
    if (fd < 0 || fstat(fd, &st) != 0)
        problem = strerror(errno);
    else if (!S_ISREG(st.st_mode))
        problem = "expected a regular file";
    else if (size != NULL)
        *size = st.st_size;
    if (problem == NULL)
        return fd;
    err_set(err, ERR_INVALID, "cannot read '%s': %s", path, problem);
    if (fd >= 0)
        close(fd);
    return -1;
}
