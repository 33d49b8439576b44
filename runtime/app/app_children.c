#include "app_children.h"

#include "clock.h"
#include "mem.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

void app_children_create(struct app_children *children, size_t max, struct log *log)
{
    *children = (struct app_children){
        .items = mem_alloc(max * sizeof *children->items), .max = max, .log = log};
}

static void forget(struct app_children *children, size_t i)
{
    mem_free(children->items[i].name);
    mem_free(children->items[i].group);
    children->items[i] = children->items[--children->count];
}

void app_children_destroy(struct app_children *children)
{
    while (children->count > 0)
        forget(children, children->count - 1);
    mem_free(children->items);
    children->items = NULL;
}

void app_children_add(struct app_children *children, pid_t pid, const char *name, const char *group)
{
    children->items[children->count++] =
        (struct app_child){.pid = pid, .name = mem_strdup(name), .group = mem_strdup(group)};
}

size_t app_children_of(const struct app_children *children, const char *group)
{
    size_t count = 0;
    for (size_t i = 0; i < children->count; i++)
        count += strcmp(children->items[i].group, group) == 0 ? 1 : 0;
    return count;
}

static void say_ended(const struct app_children *children, const struct app_child *child,
                      int wait_status)
{
    if (WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGTERM && child->asked)
        log_msg(children->log, LOG_DEBUG, "%s: process %d was ended", child->name, (int)child->pid);
    else if (WIFSIGNALED(wait_status)) /* nobody else has said so */
        log_msg(children->log, LOG_ERROR, "%s: process %d was ended by signal %d (%s)", child->name,
                (int)child->pid, WTERMSIG(wait_status), strsignal(WTERMSIG(wait_status)));
    else if (WEXITSTATUS(wait_status) != 0)
        log_msg(children->log, LOG_WARN, "%s: process %d ended with status %d", child->name,
                (int)child->pid, WEXITSTATUS(wait_status));
    else
        log_msg(children->log, LOG_DEBUG, "%s: process %d has ended", child->name, (int)child->pid);
}

void app_children_reap(struct app_children *children)
{
    for (;;) {
        int status;
        pid_t pid = waitpid(-1, &status, WNOHANG | WUNTRACED | WCONTINUED);
        if (pid < 0 && errno == EINTR)
            continue;
        if (pid <= 0)
            return;
        for (size_t i = 0; i < children->count; i++) {
            if (children->items[i].pid != pid)
                continue;
            if (WIFSTOPPED(status) || WIFCONTINUED(status)) {
                children->items[i].stopped_ms = WIFSTOPPED(status) ? clock_mono_ms() : 0;
                break;
            }
            say_ended(children, &children->items[i], status);
            if (children->ended != NULL)
                children->ended(children->arg, children->items[i].group, status);
            forget(children, i);
            break;
        }
    }
}

int64_t app_children_end_stopped(struct app_children *children, int64_t max_ms)
{
    int64_t now_ms = clock_mono_ms(), wait_ms = max_ms;
    for (size_t i = 0; i < children->count; i++) {
        struct app_child *child = &children->items[i];
        int64_t left_ms = child->stopped_ms + APP_STOPPED_MS - now_ms;
        if (child->stopped_ms == 0)
            continue;
        if (left_ms > 0) {
            wait_ms = left_ms < wait_ms ? left_ms : wait_ms;
            continue;
        }
        log_msg(children->log, LOG_WARN, "%s: process %d was stopped, and is killed", child->name,
                (int)child->pid);
        child->stopped_ms = 0;
        kill(-child->pid, SIGKILL);
        kill(child->pid, SIGKILL);
    }
    return wait_ms;
}

static void send(struct app_child *child, int signo)
{
    child->asked = child->asked || signo == SIGTERM;
    kill(child->pid, signo); /* not reaped: the number has not been reused */
}

void app_children_signal(const struct app_children *children, const char *group, int signo)
{
    for (size_t i = 0; i < children->count; i++) {
        if (strcmp(children->items[i].group, group) == 0)
            send(&children->items[i], signo);
    }
}

void app_children_kill(const struct app_children *children, int signo)
{
    for (size_t i = 0; i < children->count; i++)
        send(&children->items[i], signo);
}
