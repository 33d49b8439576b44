#include "tempdir.h"

#include "fd.h"
#include "mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX   "jeton-tmp-"
#define TEMPLATE PREFIX "XXXXXX"
#define TRIES    8    /* to lock a new one before somebody takes it for left */
#define LOOK_MAX 4096 /* entries of the parent among which what is left is looked for */
#define REMOVE_MORE                                                                                \
    3 /* passes over the folder: processes that the child left behind may still write */
#define FOLDER (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* ---- removing ---- */

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

static bool remove_all(const char *path)
{
    struct stat st;
    char *copy = mem_strdup(path);
    char *const roots[] = {copy, NULL};
    for (int i = 0; i < REMOVE_MORE && lstat(path, &st) == 0; i++) {
        FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
        if (walk == NULL)
            break;
        for (FTSENT *entry; (entry = fts_read(walk)) != NULL;)
            remove_entry(entry);
        fts_close(walk);
    }
    mem_free(copy);
    return lstat(path, &st) != 0;
}

/* Whether nobody but the user and root can put another folder in the place of one of ours. Whose
 * the parent is may do so, whatever its mode. */
static bool is_safe(int parent)
{
    struct stat st;
    return fstat(parent, &st) == 0 && (st.st_uid == geteuid() || st.st_uid == 0) &&
           ((st.st_mode & S_ISVTX) || !(st.st_mode & (S_IWGRP | S_IWOTH)));
}

/* One that a killed process of this user has left, locked: who lives holds the lock. Else -1. */
static int open_left(int parent, const char *name)
{
    struct stat st;
    if (strncmp(name, PREFIX, sizeof PREFIX - 1) != 0 || strlen(name) != sizeof TEMPLATE - 1)
        return -1;
    int fd = openat(parent, name, FOLDER);
    if (fd >= 0 && fstat(fd, &st) == 0 && st.st_uid == geteuid() &&
        flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static void remove_left(const char *parent)
{
    DIR *entries = opendir(parent);
    if (entries == NULL)
        return;
    int looked = is_safe(dirfd(entries)) ? 0 : LOOK_MAX;
    for (const struct dirent *entry; looked < LOOK_MAX && (entry = readdir(entries)) != NULL;
         looked++) {
        int left = open_left(dirfd(entries), entry->d_name);
        if (left < 0)
            continue;
        char *path = mem_printf("%s/%s", parent, entry->d_name);
        remove_all(path);
        mem_free(path);
        close(left);
    }
    closedir(entries);
}

int tempdir_close(struct tempdir *dir, struct err *err)
{
    int result = 0;
    if (dir->path == NULL)
        return 0;
    if (!remove_all(dir->path))
        result =
            err_set(err, ERR_CONFIG, "cannot remove folder '%s'; remove it by hand", dir->path);
    close(dir->lock);
    mem_free(dir->path);
    dir->path = NULL;
    return result;
}

/* ---- making ---- */

/* The lock of a new one; -1, and it is removed: with ENOENT, somebody took it for left before. */
static int lock_new(const char *path)
{
    struct stat st;
    int fd = open(path, FOLDER), code = errno;
    if (fd >= 0) {
        flock(fd, LOCK_EX); /* a file system without locks has none for who looks, either */
        if (lstat(path, &st) == 0)
            return fd;
        code = errno;
        close(fd);
    }
    rmdir(path);
    errno = code;
    return -1;
}

static int make(struct tempdir *dir, const char *parent)
{
    for (int tries = 0; tries < TRIES; tries++) {
        char *path = mem_printf("%s/%s", parent, TEMPLATE);
        bool made = mkdtemp(path) != NULL;
        int lock = made ? lock_new(path) : -1;
        if (lock >= 0) {
            *dir = (struct tempdir){.path = path, .lock = lock};
            return 0;
        }
        mem_free(path);
        if (!made || errno != ENOENT)
            return -1;
    }
    return -1;
}

int tempdir_open(struct tempdir *dir, struct err *err)
{
    const char *named = getenv("TMPDIR");
    if (named == NULL || *named == '\0')
        named = "/tmp";
    *dir = (struct tempdir){0};
    char *parent = realpath(named, NULL); /* it may be relative */
    if (parent != NULL)
        remove_left(parent);
    if (parent == NULL || make(dir, parent) != 0)
        err_set(err, ERR_CONFIG, "cannot make a folder in '%s': %s", named, strerror(errno));
    free(parent);
    return dir->path != NULL ? 0 : -1;
}

/* ---- what is in it ---- */

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

int tempdir_write(const struct tempdir *dir, const char *name, const char *data, size_t len,
                  struct err *err)
{
    char *path = make_parents(dir->path, name, err);
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

int tempdir_make_dir(const struct tempdir *dir, const char *name, struct err *err)
{
    char *path = make_parents(dir->path, name, err);
    if (path == NULL)
        return -1;
    int result = mkdir(path, 0700);
    if (result != 0)
        err_set(err, ERR_CONFIG, "cannot make folder '%s': %s", path, strerror(errno));
    mem_free(path);
    return result;
}
