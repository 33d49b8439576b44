#include "job_parent_death.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

int job_parent_death_create(struct job_parent_death *leash, struct err *err)
{
    if (pipe2(leash->ends, O_CLOEXEC) == 0)
        return 0;
    leash->ends[0] = leash->ends[1] = -1;
    return err_set(err, ERR_CONFIG, "cannot make a pipe: %s", strerror(errno));
}

/* The order matters: no signal before its receiver is set. */
void job_parent_death_attach(struct job_parent_death *leash)
{
    int fd = leash->ends[0];
    close_end(&leash->ends[1]);
    if (fcntl(fd, F_SETOWN, -getpid()) == 0 && fcntl(fd, F_SETSIG, SIGKILL) == 0)
        fcntl(fd, F_SETFL, O_ASYNC);
}

void job_parent_death_hold(struct job_parent_death *leash)
{
    close_end(&leash->ends[0]);
}

void job_parent_death_destroy(struct job_parent_death *leash)
{
    close_end(&leash->ends[0]);
    close_end(&leash->ends[1]);
}
