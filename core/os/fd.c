#include "fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#define COUNTED 4096
#define FEW     8 /* as many as a library may have open at once and closes when it fails */

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
