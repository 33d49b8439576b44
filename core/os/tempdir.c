#include "tempdir.h"

#include "fd.h"
#include "mem.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEMPLATE "jeton-XXXXXX"
#define REMOVE_MORE                                                                                \
    3 /* passes over the folder: processes that the child left behind may still write */

char *tempdir_new(struct err *err)
{
    const char *parent = getenv("TMPDIR");
    if (parent == NULL || *parent == '\0')
        parent = "/tmp";
    char *path = mem_printf("%s/%s", parent, TEMPLATE);
    char *full = NULL;
    if (mkdtemp(path) == NULL)
        err_set(err, ERR_CONFIG, "cannot make a folder in '%s': %s", parent, strerror(errno));
    else if ((full = realpath(path, NULL)) == NULL) { /* TMPDIR may be relative */
        err_set(err, ERR_CONFIG, "cannot resolve '%s': %s", path, strerror(errno));
        rmdir(path);
    }
    mem_free(path);
    return full;
}

static int check_name(const char *name, struct err *err)
{
    const char *at = name;
    do {
        size_t len = strcspn(at, "/");
        if (len == 0 || (len == 1 && at[0] == '.') || (len == 2 && at[0] == '.' && at[1] == '.'))
            return err_set(
                err, ERR_CONFIG,
                "'%s' cannot be the name of a file in a private folder: expected a relative "
                "path without '.' and '..'",
                name);
        at += len;
    } while (*at++ == '/');
    return 0;
}

/* "DIR/NAME", with the folders in between made. */
static char *make_parents(const char *dir, const char *name, struct err *err)
{
    if (check_name(name, err) != 0)
        return NULL;
    char *path = mem_printf("%s/%s", dir, name);
    for (char *at = path + strlen(dir) + 1; (at = strchr(at, '/')) != NULL; at++) {
        *at = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST) {
            err_set(err, ERR_CONFIG, "cannot make folder '%s': %s", path, strerror(errno));
            mem_free(path);
            return NULL;
        }
        *at = '/';
    }
    return path;
}

int tempdir_write(const char *dir, const char *name, const char *data, size_t len, struct err *err)
{
    char *path = make_parents(dir, name, err);
    if (path == NULL)
        return -1;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    int result = fd >= 0 ? fd_write(fd, data, len) : -1;
    if (result != 0)
        err_set(err, ERR_CONFIG, "cannot write '%s': %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    mem_free(path);
    return result;
}

int tempdir_make_dir(const char *dir, const char *name, struct err *err)
{
    char *path = make_parents(dir, name, err);
    if (path == NULL)
        return -1;
    int result = mkdir(path, 0700);
    if (result != 0)
        err_set(err, ERR_CONFIG, "cannot make folder '%s': %s", path, strerror(errno));
    mem_free(path);
    return result;
}

static void remove_entry(const FTSENT *entry)
{
    switch (entry->fts_info) {
    case FTS_D: /* before it is read: a child may have removed our permissions */
        if ((entry->fts_statp->st_mode & S_IRWXU) != S_IRWXU)
            chmod(entry->fts_accpath, 0700);
        break;
    case FTS_DP:
        rmdir(entry->fts_accpath);
        break;
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
        break; /* found by the last pass over the folder */
    default:
        unlink(entry->fts_accpath);
    }
}

int tempdir_remove(const char *dir, struct err *err)
{
    struct stat st;
    char *copy = mem_strdup(dir);
    char *const roots[] = {copy, NULL};
    for (int i = 0; i < REMOVE_MORE && lstat(dir, &st) == 0; i++) {
        FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
        if (walk == NULL)
            break;
        for (FTSENT *entry; (entry = fts_read(walk)) != NULL;)
            remove_entry(entry);
        fts_close(walk);
    }
    mem_free(copy);
    if (lstat(dir, &st) == 0)
        return err_set(err, ERR_CONFIG, "cannot remove folder '%s'; remove it by hand", dir);
    return 0;
}
