#include "cron_children.h"

#include "mem.h"
#include "process.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

void cron_children_create(struct cron_children *children, size_t max, struct log *log)
{
    *children = (struct cron_children){
        .items = mem_alloc(max * sizeof *children->items), .max = max, .log = log};
}

static void forget(struct cron_children *children, size_t i)
{
    mem_free(children->items[i].job);
    mem_free(children->items[i].scope);
    children->items[i] = children->items[--children->count];
}

void cron_children_destroy(struct cron_children *children)
{
    while (children->count > 0)
        forget(children, children->count - 1);
    mem_free(children->items);
    children->items = NULL;
}

void cron_children_add(struct cron_children *children, pid_t pid, const char *job,
                       const char *scope)
{
    children->items[children->count++] =
        (struct cron_child){.pid = pid, .job = mem_strdup(job), .scope = mem_strdup(scope)};
}

size_t cron_children_of(const struct cron_children *children, const char *scope)
{
    size_t count = 0;
    for (size_t i = 0; i < children->count; i++)
        count += strcmp(children->items[i].scope, scope) == 0 ? 1 : 0;
    return count;
}

static void say_ended(const struct cron_children *children, const struct cron_child *child,
                      int wait_status)
{
    if (WIFSIGNALED(wait_status)) /* its supervisor: nobody else has said so */
        log_msg(children->log, LOG_ERROR, "job '%s': process %d was ended by signal %d (%s)",
                child->job, (int)child->pid, WTERMSIG(wait_status),
                strsignal(WTERMSIG(wait_status)));
    else if (WEXITSTATUS(wait_status) != 0)
        log_msg(children->log, LOG_WARN, "job '%s': process %d ended with status %d", child->job,
                (int)child->pid, WEXITSTATUS(wait_status));
    else
        log_msg(children->log, LOG_DEBUG, "job '%s': process %d has ended", child->job,
                (int)child->pid);
}

void cron_children_reap(struct cron_children *children)
{
    for (;;) {
        int status;
        pid_t pid = waitpid(-1, &status, WNOHANG);
        if (pid < 0 && errno == EINTR)
            continue;
        if (pid <= 0)
            return;
        for (size_t i = 0; i < children->count; i++) {
            if (children->items[i].pid != pid)
                continue;
            say_ended(children, &children->items[i], status);
            forget(children, i);
            break;
        }
    }
}

void cron_children_kill(const struct cron_children *children, int signo)
{
    for (size_t i = 0; i < children->count; i++) /* not reaped: the numbers are still theirs */
        kill(children->items[i].pid, signo);
}
