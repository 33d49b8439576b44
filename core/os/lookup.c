#include "lookup.h"

#include "mem.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Both sides hold it; the last one frees it. */
struct job {
    atomic_int holders;
    int ready; /* eventfd */
    char *names[LOOKUP_NAMES_MAX];
    size_t count;
    struct lookup_found found;
};

struct lookup {
    struct loop *loop;
    struct loop_fd watch;
    struct job *job;
    pid_t pid; /* whose thread it is */
    lookup_fn *done;
    void *arg;
};

static void job_leave(struct job *job)
{
    if (atomic_fetch_sub(&job->holders, 1) > 1)
        return;
    close(job->ready);
    for (size_t i = 0; i < job->count; i++)
        mem_free(job->names[i]);
    mem_free(job);
}

static void job_find(struct job *job, size_t name)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct lookup_found *found = &job->found;
    struct addrinfo *list;
    int error = getaddrinfo(job->names[name], NULL, &hints, &list);
    if (error != 0) {
        found->why = gai_strerror(error);
        return;
    }
    for (const struct addrinfo *it = list; it != NULL; it = it->ai_next) {
        if (found->count == LOOKUP_ADDRESSES_MAX ||
            getnameinfo(it->ai_addr, it->ai_addrlen, found->addresses[found->count].text,
                        LOOKUP_ADDRESS_SIZE, NULL, 0, NI_NUMERICHOST) != 0)
            continue;
        found->addresses[found->count++].name = name;
    }
    freeaddrinfo(list);
}

static void *job_run(void *arg)
{
    struct job *job = arg;
    for (size_t i = 0; i < job->count; i++) {
        if (job->names[i] != NULL)
            job_find(job, i);
    }
    eventfd_write(job->ready, 1);
    job_leave(job);
    return NULL;
}

static void on_ready(void *arg, short revents)
{
    struct lookup *lookup = arg;
    struct job *job = lookup->job;
    lookup_fn *done = lookup->done;
    void *whose = lookup->arg;
    (void)revents;
    loop_fd_stop(lookup->loop, &lookup->watch);
    mem_free(lookup);
    done(whose, &job->found);
    job_leave(job);
}

/* Signals are for the process's own thread. */
static int start_thread(struct job *job)
{
    pthread_t thread;
    pthread_attr_t detached;
    sigset_t all, before;
    sigfillset(&all);
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&thread, &detached, job_run, job);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&detached);
    return error;
}

struct lookup *lookup_start(struct loop *loop, const char *const *names, size_t count,
                            lookup_fn *done, void *arg, struct err *err)
{
    struct job *job = mem_alloc(sizeof *job);
    atomic_init(&job->holders, 2);
    job->ready = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    job->count = count;
    for (size_t i = 0; i < count; i++)
        job->names[i] = mem_strdup(names[i]);
    int error = job->ready < 0 ? errno : start_thread(job);
    if (error != 0) {
        atomic_init(&job->holders, 1);
        job_leave(job);
        err_set(err, ERR_NETWORK, "the addresses of names cannot be looked up: %s",
                strerror(error));
        err->retryable = true;
        return NULL;
    }
    struct lookup *lookup = mem_alloc(sizeof *lookup);
    *lookup = (struct lookup){.loop = loop, .job = job, .pid = getpid(), .done = done, .arg = arg};
    loop_fd_start(loop, &lookup->watch, job->ready, POLLIN, on_ready, lookup);
    return lookup;
}

void lookup_cancel(struct lookup *lookup)
{
    if (lookup == NULL)
        return;
    loop_fd_stop(lookup->loop, &lookup->watch);
    if (lookup->pid != getpid())
        atomic_store(&lookup->job->holders, 1);
    job_leave(lookup->job);
    mem_free(lookup);
}
