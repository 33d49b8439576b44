#include "repl_history.h"

#include "buf.h"
#include "fd.h"
#include "mem.h"
#include "safefile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HISTORY_BYTES_MAX ((size_t)1024 * 1024)

/* The user's own, and nobody else can read it. */
static bool is_ours(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
           ((st.st_mode & 077) == 0 || fchmod(fd, 0600) == 0);
}

static void put_entry(struct buf *out, const char *entry)
{
    for (const char *at = entry; *at != '\0'; at++) {
        if (*at == '\n')
            buf_puts(out, "\\n");
        else if (*at == '\\')
            buf_puts(out, "\\\\");
        else
            buf_putc(out, *at);
    }
    buf_putc(out, '\n');
}

/* In place; a line of put_entry without its end. */
static void read_entry(char *line)
{
    char *to = line;
    for (const char *at = line; *at != '\0'; at++) {
        if (*at == '\\' && at[1] != '\0')
            *to++ = *++at == 'n' ? '\n' : *at;
        else
            *to++ = *at;
    }
    *to = '\0';
}

/* What is over half of the limit is left out, at the end of a line. */
static void cut(const char *path, struct buf *text)
{
    struct err ignored;
    size_t over = text->len - HISTORY_BYTES_MAX / 2;
    const char *end = memchr(text->data + over, '\n', text->len - over);
    buf_drop(text, end != NULL ? (size_t)(end + 1 - text->data) : text->len);
    safefile_write(path, 0600, text->data, text->len, &ignored); /* else it is cut the next time */
}

void repl_history_load(const char *path, void (*each)(void *arg, const char *entry), void *arg)
{
    struct buf text;
    buf_create_secret(&text, 4 * HISTORY_BYTES_MAX);
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    bool read = fd >= 0 && is_ours(fd) && buf_read_fd(&text, fd) == 0;
    if (fd >= 0)
        close(fd);
    if (read && text.len > HISTORY_BYTES_MAX)
        cut(path, &text);
    char *rest = read ? text.data : NULL;
    for (char *line = NULL; rest != NULL && *rest != '\0';) {
        line = strsep(&rest, "\n");
        read_entry(line);
        if (*line != '\0')
            each(arg, line);
    }
    buf_destroy(&text);
}

int repl_history_add(const char *path, const char *entry, struct err *err)
{
    const char *slash = strrchr(path, '/');
    char *folder = mem_strndup(path, slash != NULL ? (size_t)(slash - path) : 0);
    int result = safefile_private_dir(folder, err);
    mem_free(folder);
    if (result != 0)
        return -1;
    struct buf line;
    buf_create_secret(&line, 2 * HISTORY_BYTES_MAX);
    put_entry(&line, entry);
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    bool ours = fd >= 0 && is_ours(fd);
    if (fd >= 0 && !ours)
        errno = EACCES;
    if (!ours || fd_write(fd, line.data, line.len) != 0)
        result = err_set(err, ERR_CONFIG, "%s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    buf_destroy(&line);
    return result;
}
