/* The `crontab` command. */
#include "crontab.h"

#include "fd.h"
#include "mem.h"
#include "process.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SAID_MAX ((size_t)16 * 1024) /* of standard error */

/* A file in memory with the text, at its beginning; -1. */
static int memory_file(const char *text, size_t len)
{
    int fd = memfd_create("crontab", MFD_CLOEXEC);
    if (fd >= 0 && fd_write(fd, text, len) != 0) {
        close(fd);
        return -1;
    }
    if (fd >= 0)
        lseek(fd, 0, SEEK_SET);
    return fd;
}

/* Runs `crontab argument`: its status, or -1 with err. What it says is in English. */
static int run(const char *argument, const struct buf *input, struct buf *out, struct buf *said,
               struct err *err)
{
    const char *const words[] = {"crontab", argument, NULL}, *const variables[] = {"LC_ALL=C",
                                                                                   NULL};
    char **argv = mem_strdupv(words), **env = mem_strdupv(variables);
    int fds[3] = {-1, -1, -1}, status = 0, result = -1;
    pid_t pid;
    fds[0] = memory_file(input != NULL ? input->data : "", input != NULL ? input->len : 0);
    fds[1] = memory_file("", 0);
    fds[2] = memory_file("", 0);
    if (fds[0] < 0 || fds[1] < 0 || fds[2] < 0) {
        err_set(err, ERR_CONFIG, "cannot start 'crontab': %s", strerror(errno));
        goto cleanup;
    }
    pid = process_spawn_on(argv, env, fds, err);
    if (pid < 0)
        goto cleanup;
    status = process_wait(pid);
    lseek(fds[1], 0, SEEK_SET);
    lseek(fds[2], 0, SEEK_SET);
    if (buf_read_fd(out, fds[1]) != 0)
        err_set(err, ERR_CONFIG, "'crontab %s' wrote more than %zu bytes", argument, out->limit);
    else
        result = process_exit_status(status);
    buf_read_fd(said, fds[2]);
cleanup:
    mem_freev(argv);
    mem_freev(env);
    for (int i = 0; i < 3; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
    }
    return result;
}

static int failed(const char *argument, int status, const struct buf *said, struct err *err)
{
    int len = (int)said->len;
    while (len > 0 && strchr("\n ", said->data[len - 1]) != NULL)
        len--;
    char *text = mem_printf("%.*s", len, said->data);
    for (char *c = text; *c != '\0'; c++) {
        if (*c == '\n')
            *c = ' ';
    }
    err_set(err, ERR_CONFIG, "'crontab %s' ended with status %d%s%s", argument, status,
            len > 0 ? ": " : "", text);
    mem_free(text);
    return -1;
}

/* Debian's cron, cronie and bcron: "no crontab for USER"; busybox: "can't open 'USER': No such file
 * or directory". A file that a wrapper lacks is something else. */
static bool says_none(const struct buf *said)
{
    const char *file = strstr(said->data, "can't open '");
    return strstr(said->data, "no crontab for") != NULL ||
           (file != NULL && strstr(file, "': No such file or directory") != NULL);
}

int crontab_read(struct buf *text, bool *exists, struct err *err)
{
    struct buf said;
    buf_create(&said, SAID_MAX);
    int status = run("-l", NULL, text, &said, err);
    int result = status < 0 ? -1 : 0;
    *exists = status == 0;
    if (status > 0 && says_none(&said))
        buf_clear(text);
    else if (status > 0)
        result = failed("-l", status, &said, err);
    if (result == 0 && memchr(text->data, '\0', text->len) != NULL)
        result = err_set(err, ERR_CONFIG,
                         "the crontab holds a NUL character; take it out with crontab -e");
    buf_destroy(&said);
    return result;
}

int crontab_write(const struct buf *text, bool exists, struct err *err)
{
    struct buf said, out;
    const char *argument = text->len > 0 || exists ? "-" : "-r";
    buf_create(&said, SAID_MAX);
    buf_create(&out, SAID_MAX);
    int status = run(argument, text, &out, &said, err);
    if (status > 0)
        status = failed(argument, status, &said, err);
    buf_destroy(&out);
    buf_destroy(&said);
    return status;
}
