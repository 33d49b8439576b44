#include "fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNTED   4096
#define PATH_SIZE 32
#define FEW       8 /* as many as a library may have open at once and closes when it fails */

int fd_write(int fd, const void *data, size_t len)
{
    const char *at = data;
    while (len > 0) {
        ssize_t n = write(fd, at, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

int fd_try_open(int fd)
{
    struct stat st;
    char path[PATH_SIZE];
    if (fstat(fd, &st) != 0 || !(S_ISFIFO(st.st_mode) || isatty(fd) == 1))
        return -1;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

ssize_t fd_try_write(int fd, const void *data, size_t len)
{
    struct stat st;
    mode_t mode = fstat(fd, &st) == 0 ? st.st_mode : 0;
    if (S_ISSOCK(mode))
        return send(fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    bool waits = !S_ISREG(mode) && (fcntl(fd, F_GETFL) & O_NONBLOCK) == 0;
    return write(fd, data, waits && len > PIPE_BUF ? PIPE_BUF : len);
}

bool fd_few_left(void)
{
    int fds[FEW], count = 0;
    bool failed = false;
    while (count < FEW && !failed) {
        fds[count] = open("/", O_PATH | O_CLOEXEC);
        failed = fds[count] < 0;
        count += !failed;
    }
    while (count > 0)
        close(fds[--count]);
    return failed;
}

size_t fd_count(void)
{
    struct pollfd fds[COUNTED];
    struct rlimit limit;
    size_t most = COUNTED, count = 0;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < most)
        most = (size_t)limit.rlim_cur; /* poll takes no more */
    for (size_t i = 0; i < most; i++)
        fds[i] = (struct pollfd){.fd = (int)i};
    if (poll(fds, most, 0) < 0)
        return 0;
    for (size_t i = 0; i < most; i++)
        count += (fds[i].revents & POLLNVAL) == 0;
    return count;
}
