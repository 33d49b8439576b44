#include "path.h"

#include "buf.h"
#include "fd.h"
#include "mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define UNSIZED_TOLD_MAX                                                                           \
    65536 /* bytes that a file without blocks may tell without being believed */
#define COPY_CHUNK 16384

char *path_word(const char *path)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:@%,";
    const char *here = path[0] == '-' ? "./" : "";
    if (path[0] != '\0' && path[strspn(path, plain)] == '\0')
        return mem_printf("%s%s", here, path);
    struct buf word;
    buf_create(&word, 4 * PATH_MAX + sizeof "'./'");
    buf_printf(&word, "'%s", here);
    for (const char *p = path; *p != '\0'; p++) {
        if (*p == '\'')
            buf_puts(&word, "'\\''");
        else
            buf_putc(&word, *p);
    }
    buf_putc(&word, '\'');
    return buf_take(&word);
}

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

/* Whether `..data` in the folder that ends at `name` is a link to the `len` bytes of it. */
static bool is_current(const char *real, const char *name, size_t len)
{
    char target[NAME_MAX + 1];
    char *link = mem_printf("%.*s..data", (int)(name - real), real);
    ssize_t n = readlink(link, target, sizeof target);
    mem_free(link);
    return n == (ssize_t)len && memcmp(target, name, len) == 0;
}

char *path_real(const char *path)
{
    char real[PATH_MAX];
    if (realpath(path, real) == NULL)
        return NULL;
    for (char *at = real; (at = strstr(at, "/..")) != NULL;) {
        char *name = at + 1, *end = name + strcspn(name, "/");
        if (is_current(real, name, (size_t)(end - name)))
            memmove(at, end, strlen(end) + 1);
        else
            at = end;
    }
    return mem_strdup(real);
}

/* /proc says 0, /sys a page; neither takes room on a disk. An empty file is read for nothing. */
static bool is_unsized(const struct stat *st)
{
    return st->st_size == 0 || (st->st_blocks == 0 && st->st_size <= UNSIZED_TOLD_MAX);
}

/* A copy of its content, in memory; -1 with errno. */
static int copy_content(int fd, int64_t *size)
{
    char chunk[COPY_CHUNK];
    ssize_t n = 0;
    int copy = memfd_create("content", MFD_CLOEXEC);
    *size = 0;
    while (copy >= 0 && ((n = read(fd, chunk, sizeof chunk)) > 0 || (n < 0 && errno == EINTR))) {
        *size += n > 0 ? n : 0;
        if (*size > PATH_UNSIZED_MAX)
            errno = EFBIG;
        if (*size > PATH_UNSIZED_MAX || (n > 0 && fd_write(copy, chunk, (size_t)n) != 0)) {
            n = -1;
            break;
        }
    }
    if (copy >= 0 && (n < 0 || lseek(copy, 0, SEEK_SET) < 0)) {
        int code = errno;
        close(copy);
        errno = code;
        copy = -1;
    }
    return copy;
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
    else if (size != NULL && is_unsized(&st)) {
        int copy = copy_content(fd, size);
        if (copy < 0)
            problem = errno == EFBIG ? "it does not tell its size and is larger than 64 MiB"
                                     : strerror(errno);
        close(fd);
        fd = copy;
    } else if (size != NULL)
        *size = st.st_size;
    if (problem == NULL)
        return fd;
    err_set(err, ERR_INVALID, "cannot read '%s': %s", path, problem);
    if (fd >= 0)
        close(fd);
    return -1;
}
