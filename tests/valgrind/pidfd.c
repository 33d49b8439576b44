/*
 * pidfd_open for a jeton that runs under Valgrind, which does not know the system call (3.19): a
 * pipe whose other end a thread closes when the process has ended. It can be read then.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

struct watched {
    pid_t pid;
    int end;
};

static void *wait_for(void *arg)
{
    struct watched *watched = arg;
    siginfo_t info;
    while (waitid(P_PID, (id_t)watched->pid, &info, WEXITED | WNOWAIT) != 0 && errno == EINTR)
        ;
    close(watched->end);
    free(watched);
    return NULL;
}

int pidfd_open(pid_t pid, unsigned int flags)
{
    (void)flags;
    int ends[2];
    pthread_t thread;
    sigset_t all, before;
    struct watched *watched = malloc(sizeof *watched);
    if (watched == NULL || pipe2(ends, O_CLOEXEC) != 0) {
        free(watched);
        return -1;
    }
    *watched = (struct watched){.pid = pid, .end = ends[1]};
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(&thread, NULL, wait_for, watched);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code != 0)
        abort();
    pthread_detach(thread);
    return ends[0];
}
