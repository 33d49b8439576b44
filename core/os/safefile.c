#include "safefile.h"

#include "clock.h"
#include "fd.h"
#include "group.h"
#include "mem.h"
#include "newfile.h"
#include "path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define OTHERS_WRITE (S_IWGRP | S_IWOTH)
#define OTHERS_ANY   (S_IRWXG | S_IRWXO)

static int fail(struct err *err, const char *path, const char *why)
{
    err_set(err, ERR_CONFIG, "%s", why);
    return err_about(err, path);
}

static int refuse(struct err *err, const char *path, const char *what, const char *remedy)
{
    char *word = path_word(path);
    err_set(err, ERR_CONFIG, "%s; run: %s %s", what, remedy, word);
    mem_free(word);
    return err_about(err, path);
}

static int check_owner(const char *path, uid_t owner, struct err *err)
{
    if (owner == 0 || owner == geteuid())
        return 0;
    char user[PLACE_USER_SIZE], *word = path_word(path);
    place_user(owner, user);
    err_set(err, ERR_CONFIG,
            "it belongs to user %s, who is neither you nor root; run jeton as that user, or, if "
            "nothing else uses it: sudo chown %u %s",
            user, (unsigned)geteuid(), word);
    mem_free(word);
    return err_about(err, path);
}

/* What the rule does not want others to have. */
static mode_t denied(enum safefile_rule rule)
{
    return rule == SAFEFILE_PRIVATE ? OTHERS_ANY : OTHERS_WRITE;
}

bool safefile_needs_group(const struct stat *st, enum safefile_rule rule)
{
    return (st->st_mode & denied(rule) & S_IRWXG) != 0 &&
           group_is_own(st, rule != SAFEFILE_PRIVATE);
}

/* The mode, without what a group of one's own may do. */
static mode_t mode_for_others(const struct stat *st, enum safefile_rule rule)
{
    return safefile_needs_group(st, rule) ? st->st_mode & ~(mode_t)S_IRWXG : st->st_mode;
}

int safefile_check_mode(const char *path, const struct stat *st, enum safefile_rule rule,
                        struct err *err)
{
    if (check_owner(path, st->st_uid, err) != 0)
        return -1;
    bool private = rule == SAFEFILE_PRIVATE;
    mode_t mode = mode_for_others(st, rule);
    if (mode & OTHERS_WRITE)
        return refuse(err, path, "group or others can write it",
                      private ? "chmod go-rwx" : "chmod go-w");
    if (private && (mode & OTHERS_ANY))
        return refuse(err, path, "group or others can read it", "chmod go-rwx");
    return 0;
}

/* Only who holds an end of it can write it. */
static bool is_nameless_pipe(int fd)
{
    struct statfs fs;
    return fstatfs(fd, &fs) == 0 && fs.f_type == PIPEFS_MAGIC;
}

int safefile_open(const char *path, enum safefile_rule rule, struct err *err)
{
    /* O_NONBLOCK: opening a FIFO must not wait for a writer. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return fail(err, path, strerror(errno));
    bool may_pipe = rule == SAFEFILE_OR_PIPE || rule == SAFEFILE_PRIVATE_OR_PIPE;
    if (rule == SAFEFILE_PRIVATE_OR_PIPE)
        rule = SAFEFILE_PRIVATE;
    struct stat st;
    int result;
    if (fstat(fd, &st) != 0)
        result = fail(err, path, strerror(errno));
    else if (S_ISFIFO(st.st_mode) && may_pipe && is_nameless_pipe(fd))
        result = 0;
    else if (!S_ISREG(st.st_mode))
        result =
            fail(err, path,
                 S_ISDIR(st.st_mode) ? "expected a regular file, found a folder"
                                     : "expected a regular file, found a device, pipe or socket");
    else
        result = safefile_check_mode(path, &st, rule, err);
    if (result == 0)
        return fd;
    close(fd);
    return -1;
}

int safefile_read_fd(int fd, struct buf *out)
{
    int64_t until_ms = clock_mono_ms() + SAFEFILE_PIPE_MS;
    while (buf_read_fd(out, fd) != 0) {
        int64_t left_ms = until_ms - clock_mono_ms();
        if (errno != EAGAIN)
            return -1;
        if (left_ms <= 0) {
            errno = ETIMEDOUT;
            return -1;
        }
        struct pollfd pipe = {.fd = fd, .events = POLLIN};
        poll(&pipe, 1, (int)left_ms);
    }
    return 0;
}

int safefile_read(const char *path, enum safefile_rule rule, struct buf *out, struct err *err)
{
    int fd = safefile_open(path, rule, err);
    if (fd < 0)
        return -1;
    int result = safefile_read_fd(fd, out);
    if (result != 0 && errno == EFBIG)
        err_set(err, ERR_CONFIG, "%s: larger than %zu bytes", path, out->limit);
    else if (result != 0)
        fail(err, path, errno == ETIMEDOUT ? SAFEFILE_PIPE_LATE : strerror(errno));
    close(fd);
    return result;
}

/* Every missing folder of path, each 0700. */
static int make_folders(const char *path, struct err *err)
{
    char *copy = mem_strdup(path);
    int result = 0;
    for (char *slash = copy; result == 0 && slash != NULL;) {
        slash = strchr(slash + 1, '/');
        if (slash != NULL)
            *slash = '\0';
        if (mkdir(copy, S_IRWXU) != 0 && errno != EEXIST)
            result =
                err_set(err, ERR_CONFIG, "cannot make the folder %s: %s", copy, strerror(errno));
        if (slash != NULL)
            *slash = '/';
    }
    mem_free(copy);
    return result;
}

/* A volume's own folder is root's, with the file system's mode (0755) and what fsGroup adds
 * (02770). Only root could take the rest from the others: they may look, as each file in it is
 * private. */
static mode_t mode_of_folder(const struct stat *st)
{
    mode_t mode = mode_for_others(st, SAFEFILE_PRIVATE);
    bool is_volume = st->st_uid == 0 && geteuid() != 0 && (st->st_mode & S_IRWXG) == S_IRWXG &&
                     safefile_needs_group(st, SAFEFILE_PRIVATE);
    return is_volume ? mode & ~(mode_t)(S_IROTH | S_IXOTH) : mode;
}

int safefile_private_dir(const char *path, struct err *err)
{
    struct stat st;
    if (path[0] == '\0')
        return err_set(err, ERR_CONFIG, "the name of a folder is empty");
    if (stat(path, &st) != 0 && errno == ENOENT && make_folders(path, err) != 0)
        return -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
    if (fd < 0)
        return fail(err, path, errno == ENOTDIR ? "expected a folder" : strerror(errno));
    int result = -1;
    if (fstat(fd, &st) != 0)
        fail(err, path, strerror(errno));
    else if (check_owner(path, st.st_uid, err) == 0)
        result = mode_of_folder(&st) & OTHERS_ANY
                     ? refuse(err, path,
                              "group or others can enter, read or write this "
                              "folder",
                              "chmod 700")
                     : 0;
    close(fd);
    return result;
}

int safefile_write(const char *path, mode_t mode, const char *data, size_t len, struct err *err)
{
    struct newfile file;
    int result = newfile_open(&file, path, err);
    if (result == 0 && fd_write(file.fd, data, len) != 0)
        result = err_set(err, ERR_CONFIG, "%s", strerror(errno));
    if (result == 0)
        result = newfile_publish(&file, mode, NEWFILE_DURABLE, err);
    newfile_close(&file);
    return result == 0 ? 0 : err_wrap(err, "cannot write %s", path);
}
