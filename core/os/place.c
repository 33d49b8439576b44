#include "place.h"

#include "mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define FOLDER    (O_PATH | O_DIRECTORY | O_CLOEXEC)
#define NOT_BELOW "nothing is written below /dev, /proc and /sys"

/* The way from the start to the file, a name at a time. */
struct walk {
    int at;              /* the folder reached */
    char path[PATH_MAX]; /* its name, without links; "" for the root */
    char rest[PATH_MAX]; /* what is still to go */
    char name[NAME_MAX + 1];
    int links;
    char *foreign; /* the first folder or link on the way that somebody else controls, and why */
    struct err *err;
};

static int fail(struct walk *walk, int code)
{
    return err_set(walk->err, ERR_CONFIG, "%s", strerror(code));
}

void place_user(uid_t uid, char name[static PLACE_USER_SIZE])
{
    struct passwd *user = getpwuid(uid);
    if (user != NULL)
        snprintf(name, PLACE_USER_SIZE, "%s", user->pw_name);
    else
        snprintf(name, PLACE_USER_SIZE, "%u", (unsigned)uid);
}

/* Remembers who else may have a say. In a sticky folder nobody can replace what is ours. */
static void look_at(struct walk *walk, const struct stat *st, const char *what, const char *name)
{
    if (walk->foreign != NULL)
        return;
    if (st->st_uid != 0 && st->st_uid != geteuid()) {
        char user[PLACE_USER_SIZE];
        place_user(st->st_uid, user);
        walk->foreign = mem_printf("the %s %s/%s belongs to user %s", what, walk->path, name, user);
    } else if (S_ISDIR(st->st_mode) && (st->st_mode & S_IWOTH) && !(st->st_mode & S_ISVTX)) {
        walk->foreign = mem_printf("everybody can write the %s %s/%s", what, walk->path, name);
    }
}

/* A link was followed: what was met on the way must be ours. */
static int check_links(struct walk *walk)
{
    if (walk->links == 0 || walk->foreign == NULL)
        return 0;
    return err_set(walk->err, ERR_CONFIG,
                   "there is a link on the way, and %s: a link is followed only where every folder "
                   "and link belongs to you or root; name the file itself",
                   walk->foreign);
}

/* Goes into the folder `name`, whose path is known. */
static int enter(struct walk *walk, const char *name)
{
    struct stat st;
    struct statfs fs;
    int fd = openat(walk->at, name, FOLDER | O_NOFOLLOW);
    if (fd < 0)
        return fail(walk, errno);
    if (walk->at >= 0)
        close(walk->at);
    walk->at = fd;
    if (fstat(fd, &st) != 0 || fstatfs(fd, &fs) != 0)
        return fail(walk, errno);
    if (fs.f_type == PROC_SUPER_MAGIC || fs.f_type == SYSFS_MAGIC)
        return err_set(walk->err, ERR_CONFIG, NOT_BELOW);
    look_at(walk, &st, "folder", "");
    return 0;
}

static int enter_root(struct walk *walk)
{
    walk->path[0] = '\0';
    return enter(walk, "/");
}

static int start(struct walk *walk, const char *path)
{
    if (strlen(path) >= sizeof walk->rest)
        return fail(walk, ENAMETOOLONG);
    strcpy(walk->rest, path);
    if (path[0] == '/')
        return enter_root(walk);
    walk->at = AT_FDCWD;
    if (getcwd(walk->path, sizeof walk->path) == NULL || walk->path[0] != '/')
        return fail(walk, ENOENT);
    if (strcmp(walk->path, "/") == 0)
        walk->path[0] = '\0';
    return enter(walk, ".");
}

/* The next name to walk->name, without "."; false at the end. */
static bool next(struct walk *walk)
{
    for (;;) {
        char *name = walk->rest + strspn(walk->rest, "/");
        size_t len = strcspn(name, "/");
        if (len == 0 || len > NAME_MAX)
            return false;
        memcpy(walk->name, name, len);
        walk->name[len] = '\0';
        memmove(walk->rest, name + len, strlen(name + len) + 1);
        if (strcmp(walk->name, ".") != 0)
            return true;
    }
}

static bool is_last(const struct walk *walk)
{
    return walk->rest[0] == '\0';
}

static int go_into(struct walk *walk)
{
    size_t len = strlen(walk->path);
    if (strcmp(walk->name, "..") == 0) {
        char *slash = strrchr(walk->path, '/');
        if (slash != NULL)
            *slash = '\0';
    } else if (len + 1 + strlen(walk->name) >= sizeof walk->path) {
        return fail(walk, ENAMETOOLONG);
    } else {
        snprintf(walk->path + len, sizeof walk->path - len, "/%s", walk->name);
    }
    return enter(walk, walk->name);
}

static int follow(struct walk *walk, const struct stat *st)
{
    char text[PATH_MAX];
    look_at(walk, st, "link", walk->name);
    if (++walk->links > PLACE_LINKS_MAX)
        return fail(walk, ELOOP);
    if (check_links(walk) != 0)
        return -1;
    ssize_t len = readlinkat(walk->at, walk->name, text, sizeof text - 1);
    if (len < 0)
        return fail(walk, errno);
    text[len] = '\0';
    if ((size_t)len + strlen(walk->rest) >= sizeof walk->rest)
        return fail(walk, ENAMETOOLONG);
    memmove(walk->rest + len, walk->rest, strlen(walk->rest) + 1);
    memcpy(walk->rest, text, (size_t)len);
    return text[0] == '/' ? enter_root(walk) : 0;
}

static bool is_below_dev(const char *folder)
{
    static const char dev[] = "/dev", shm[] = "/dev/shm";
    size_t dev_len = strlen(dev), shm_len = strlen(shm);
    return strncmp(folder, dev, dev_len) == 0 &&
           (folder[dev_len] == '\0' || folder[dev_len] == '/') &&
           !(strncmp(folder, shm, shm_len) == 0 &&
             (folder[shm_len] == '\0' || folder[shm_len] == '/'));
}

static int check_kind(struct walk *walk, bool exists, mode_t mode)
{
    if (exists && !S_ISREG(mode))
        return err_set(walk->err, ERR_CONFIG, "expected a regular file or nothing, found a %s",
                       S_ISDIR(mode) ? "folder" : "device, pipe or socket");
    if (is_below_dev(walk->path))
        return err_set(walk->err, ERR_CONFIG, NOT_BELOW);
    return check_links(walk);
}

/* Walks until walk->name is the file's. */
static int walk_to_file(struct walk *walk, bool *exists)
{
    while (next(walk)) {
        struct stat st;
        bool there = fstatat(walk->at, walk->name, &st, AT_SYMLINK_NOFOLLOW) == 0;
        int result;
        if (!there && (errno != ENOENT || !is_last(walk)))
            return fail(walk, errno);
        if (there && S_ISLNK(st.st_mode))
            result = follow(walk, &st);
        else if (is_last(walk)) {
            *exists = there;
            return check_kind(walk, there, there ? st.st_mode : 0);
        } else
            result = go_into(walk);
        if (result != 0)
            return -1;
    }
    if (walk->rest[strspn(walk->rest, "/")] != '\0')
        return fail(walk, ENAMETOOLONG);
    return check_kind(walk, true, S_IFDIR);
}

int place_find(struct place *place, const char *path, struct err *err)
{
    struct walk walk = {.at = -1, .err = err};
    *place = (struct place){.folder = -1};
    int result = start(&walk, path);
    if (result == 0)
        result = walk_to_file(&walk, &place->exists);
    if (result == 0) {
        place->name = mem_strdup(walk.name);
        place->path = mem_printf("%s/%s", walk.path, walk.name);
        place->folder = walk.at;
    } else if (walk.at >= 0) {
        close(walk.at);
    }
    mem_free(walk.foreign);
    return result;
}

void place_destroy(struct place *place)
{
    if (place->folder >= 0)
        close(place->folder);
    mem_free(place->name);
    mem_free(place->path);
    *place = (struct place){.folder = -1};
}
