#include "newfile.h"

#include "mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MODE_WRITING (S_IRUSR | S_IWUSR)
#define FD_PATH_SIZE 32
#define OPEN_FLAGS   (O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)

static int fail(struct err *err, int code)
{
    return err_set(err, ERR_CONFIG, "%s", strerror(code));
}

static const char *fd_path(int fd, char path[static FD_PATH_SIZE])
{
    snprintf(path, FD_PATH_SIZE, "/proc/self/fd/%d", fd);
    return path;
}

/* Without /proc it could not get its name later. */
static int open_nameless(const struct place *place)
{
    char path[FD_PATH_SIZE];
    struct stat st;
    int fd = openat(place->folder, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, MODE_WRITING);
    if (fd >= 0 && (stat(fd_path(fd, path), &st) != 0 || flock(fd, LOCK_EX) != 0)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* What a killed process left under the temporary name, locked; -1 where it is another's who lives,
 * or nothing of ours. */
static int take_over(const struct newfile *file, int flags)
{
    struct stat st, now;
    int folder = file->place.folder;
    int fd = openat(folder, file->temporary, flags, MODE_WRITING);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 &&
        S_ISREG(st.st_mode) && st.st_uid == geteuid() && st.st_nlink == 1 &&
        fstatat(folder, file->temporary, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
        now.st_ino == st.st_ino && now.st_dev == st.st_dev)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static void choose_another_name(struct newfile *file)
{
    mem_free(file->temporary);
    file->temporary = mem_printf(".jeton-%08x%08x", randombytes_random(), randombytes_random());
}

static int open_named(struct newfile *file)
{
    int fd = take_over(file, OPEN_FLAGS | O_CREAT);
    if (fd < 0) {
        choose_another_name(file);
        fd = openat(file->place.folder, file->temporary, OPEN_FLAGS | O_CREAT | O_EXCL,
                    MODE_WRITING);
    }
    file->named = fd >= 0;
    if (fd >= 0 && (fchmod(fd, MODE_WRITING) != 0 || ftruncate(fd, 0) != 0)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static int open_file(struct newfile *file, const char *path, bool named, struct err *err)
{
    *file = (struct newfile){.fd = -1};
    if (place_find(&file->place, path, err) != 0)
        return -1;
    file->open = true;
    file->temporary = mem_printf(".%s.jeton", file->place.name);
    file->fd = named ? -1 : open_nameless(&file->place);
    if (file->fd < 0)
        file->fd = open_named(file);
    if (file->fd >= 0)
        return 0;
    fail(err, errno);
    newfile_close(file);
    return -1;
}

int newfile_open(struct newfile *file, const char *path, struct err *err)
{
    return open_file(file, path, false, err);
}

int newfile_open_named(struct newfile *file, const char *path, struct err *err)
{
    return open_file(file, path, true, err);
}

static int link_as(const struct newfile *file, const char *name)
{
    char path[FD_PATH_SIZE];
    return linkat(AT_FDCWD, fd_path(file->fd, path), file->place.folder, name, AT_SYMLINK_FOLLOW);
}

/*
 * A link cannot replace a file, a rename can: so there is a temporary name for a moment. While it
 * is there the lock says that its writer lives.
 */
static int link_and_rename(struct newfile *file)
{
    int folder = file->place.folder;
    while (link_as(file, file->temporary) != 0) {
        if (errno != EEXIST && errno != ENAMETOOLONG)
            return -1;
        int left = take_over(file, OPEN_FLAGS);
        if (left >= 0) {
            unlinkat(folder, file->temporary, 0);
            close(left);
        } else {
            choose_another_name(file);
        }
    }
    file->named = true;
    return renameat(folder, file->temporary, folder, file->place.name);
}

/* On a network file system a full disk is reported by close(). */
static int flush_and_rename(struct newfile *file, bool exclusive)
{
    int folder = file->place.folder;
    if (exclusive && faccessat(folder, file->place.name, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        errno = EEXIST;
        return -1;
    }
    int copy = fcntl(file->fd, F_DUPFD_CLOEXEC, 0); /* closing fd itself would drop the lock */
    if (copy < 0 || close(copy) != 0 ||
        renameat(folder, file->temporary, folder, file->place.name) != 0)
        return -1;
    return 0;
}

static int name_it(struct newfile *file, bool exclusive)
{
    if (file->named)
        return flush_and_rename(file, exclusive);
    return exclusive ? link_as(file, file->place.name) : link_and_rename(file);
}

/* The rename itself must survive a power failure. */
static int sync_folder(const struct place *place)
{
    int fd = openat(place->folder, ".", O_RDONLY | O_CLOEXEC | O_DIRECTORY);
    if (fd < 0)
        return -1;
    int result = fsync(fd);
    close(fd);
    return result;
}

int newfile_publish(struct newfile *file, mode_t mode, unsigned flags, struct err *err)
{
    bool durable = flags & NEWFILE_DURABLE;
    if (fchmod(file->fd, mode) != 0 || (durable && fsync(file->fd) != 0) ||
        name_it(file, flags & NEWFILE_EXCLUSIVE) != 0)
        return fail(err, errno);
    file->named = false;
    if (durable && sync_folder(&file->place) != 0)
        return fail(err, errno);
    newfile_close(file);
    return 0;
}

void newfile_close(struct newfile *file)
{
    if (!file->open)
        return;
    if (file->named)
        unlinkat(file->place.folder, file->temporary, 0);
    if (file->fd >= 0)
        close(file->fd);
    mem_free(file->temporary);
    place_destroy(&file->place);
    *file = (struct newfile){.fd = -1};
}
