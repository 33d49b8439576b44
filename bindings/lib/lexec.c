#include "lexec.h"

#include "mem.h"
#include "tempdir.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOK_MS 20 /* at what a child that was stopped has left behind */

static int too_long(const char *what, const char *name, struct err *err)
{
    return err_set(err, ERR_CONFIG, "%s '%s' is longer than %zu bytes", what, name, LEXEC_TEXT_MAX);
}

/* Appends text with each {dir} replaced. -1: over the limit. */
static int expand(const struct lexec *exec, const char *text, size_t len, struct buf *out)
{
    const char *end = text + len;
    while (text < end) {
        const char *token =
            exec->literal ? NULL
                          : memmem(text, (size_t)(end - text), LEXEC_TOKEN, strlen(LEXEC_TOKEN));
        const char *stop = token != NULL ? token : end;
        if (buf_append(out, text, (size_t)(stop - text)) != 0 ||
            (token != NULL && buf_puts(out, exec->dir.path) != 0))
            return -1;
        text = token != NULL ? token + strlen(LEXEC_TOKEN) : end;
    }
    return 0;
}

static void add(char ***list, size_t *count, char *text)
{
    *list = mem_realloc(*list, (*count + 2) * sizeof **list);
    (*list)[(*count)++] = text;
    (*list)[*count] = NULL;
}

int lexec_make_dir(struct lexec *exec, struct err *err)
{
    if (tempdir_open(&exec->dir, err) != 0)
        return -1;
    return tempdir_make_dir(&exec->dir, LEXEC_STATE, err);
}

void lexec_add_arg(struct lexec *exec, const char *arg)
{
    add(&exec->argv, &exec->argc, mem_strdup(arg));
}

int lexec_add_env(struct lexec *exec, const char *name, const char *value, struct err *err)
{
    struct buf entry;
    buf_create(&entry, LEXEC_TEXT_MAX);
    if (buf_printf(&entry, "%s=", name) != 0 || expand(exec, value, strlen(value), &entry) != 0) {
        buf_destroy(&entry);
        return too_long("environment variable", name, err);
    }
    add(&exec->env, &exec->envc, buf_take(&entry));
    return 0;
}

int lexec_add_file(struct lexec *exec, const char *name, const char *text, size_t len,
                   struct err *err)
{
    struct buf content;
    buf_create_secret(&content, LEXEC_TEXT_MAX); /* configurations hold secrets */
    int result = expand(exec, text, len, &content) == 0
                     ? tempdir_write(&exec->dir, name, content.data, content.len, err)
                     : too_long("file", name, err);
    buf_destroy(&content);
    return result;
}

/* ---- the child ---- */

/*
 * Passes a signal on to the child. The terminal sends Ctrl-C and hang-up to its whole foreground
 * process group: a child in our group has got it already, and a second one could make it give up
 * its clean-up. A signal that was sent by a process reached only us; and so did the hang-up of a
 * terminal that is gone, where we are its session's leader, as under `ssh -t HOST jeton …`.
 */
static void forward(void *arg, int signo, bool by_process)
{
    struct lexec *exec = arg;
    bool alone = by_process || (signo == SIGHUP && getsid(0) == getpid());
    if (exec->pid > 0 && (alone || getpgid(exec->pid) != getpgrp()))
        kill(exec->pid, signo);
}

static void remove_dir(struct lexec *exec)
{
    struct err err;
    if (tempdir_close(&exec->dir, &err) != 0)
        log_msg(exec->log, LOG_WARN, "%s", err.msg);
}

static void finish(struct lexec *exec)
{
    signal_watch_pop(exec->signals, &exec->handler);
    process_tree_destroy(&exec->left);
    remove_dir(exec);
    exec->ended(exec->arg);
}

/* What it has left has the rest of the time to end. */
static void look_left(void *arg)
{
    struct lexec *exec = arg;
    if (loop_now_ms(exec->loop) >= exec->kill_ms)
        process_tree_signal(&exec->left, SIGKILL);
    if (process_tree_is_alive(&exec->left))
        loop_timer_start(exec->loop, &exec->timer, LOOK_MS, look_left, exec);
    else
        finish(exec);
}

static void on_exit_of_child(void *arg, int wait_status)
{
    struct lexec *exec = arg;
    exec->pid = 0;
    exec->status = process_exit_status(wait_status);
    loop_timer_stop(exec->loop, &exec->timer);
    look_left(exec);
}

/* Whom a signal reaches: one that leads a group has it with all that it has started. */
static pid_t target(const struct lexec *exec)
{
    return exec->literal ? -exec->pid : exec->pid;
}

static void on_term_timeout(void *arg)
{
    struct lexec *exec = arg;
    if (exec->pid > 0)
        kill(target(exec), SIGKILL);
    process_tree_signal(&exec->left, SIGKILL);
}

/* Before its children lose their parent. */
static void find_left(struct lexec *exec)
{
    static const char name[] = "JETON_EVENT_KEY=";
    const char *mark = NULL;
    for (size_t i = 0; i < exec->envc && mark == NULL; i++) {
        if (strncmp(exec->env[i], name, sizeof name - 1) == 0)
            mark = exec->env[i];
    }
    process_tree_find(&exec->left, exec->pid, mark);
}

int lexec_start(struct lexec *exec, void (*ended)(void *arg), void *arg, struct err *err)
{
    exec->ended = ended;
    exec->arg = arg;
    const int fds[] = {exec->input_fd, STDOUT_FILENO, STDERR_FILENO};
    pid_t pid = exec->literal ? process_spawn_group(exec->argv, exec->env, fds, 3, err)
                              : process_spawn_on(exec->argv, exec->env, fds, err);
    if (pid < 0)
        return -1;
    exec->pid = pid;
    if (process_watch_start(exec->loop, &exec->watch, pid, on_exit_of_child, exec, err) != 0)
        return -1;
    if (!exec->literal) /* the run says when a handler's program ends: it has time after a signal */
        signal_watch_push(exec->signals, &exec->handler, forward, exec);
    return 0;
}

void lexec_stop(struct lexec *exec)
{
    if (exec->pid <= 0) {
        process_tree_signal(&exec->left, SIGKILL);
        return;
    }
    int signo = exec->stopping ? SIGKILL : SIGTERM;
    if (exec->literal && !exec->stopping)
        find_left(exec);
    kill(target(exec), signo);
    process_tree_signal(&exec->left, signo);
    if (!exec->stopping)
        exec->kill_ms = loop_now_ms(exec->loop) + LEXEC_TERM_MS;
    exec->stopping = true;
    loop_timer_start(exec->loop, &exec->timer, LEXEC_TERM_MS, on_term_timeout, exec);
}

/* Until a child has been waited for, its pid is not reused: the signals cannot hit another process.
 */
static void end_child(const struct lexec *exec, int grace_ms)
{
    kill(target(exec), SIGTERM);
    if (process_ends_within(exec->pid, grace_ms) <= 0)
        kill(target(exec), SIGKILL);
    process_wait(exec->pid);
}

static void free_list(char **list)
{
    for (size_t i = 0; list != NULL && list[i] != NULL; i++)
        mem_free_secret(list[i]);
    mem_free(list);
}

void lexec_destroy(struct lexec *exec, int grace_ms)
{
    if (exec->pid > 0) {
        process_watch_stop(&exec->watch);
        signal_watch_pop(exec->signals, &exec->handler);
        if (exec->literal && !exec->stopping)
            find_left(exec);
        process_tree_signal(&exec->left, SIGTERM);
        end_child(exec, grace_ms);
        exec->pid = 0;
    } else if (exec->left.count > 0) {
        signal_watch_pop(exec->signals, &exec->handler);
    }
    if (exec->loop != NULL)
        loop_timer_stop(exec->loop, &exec->timer);
    process_tree_signal(&exec->left, SIGKILL);
    process_tree_destroy(&exec->left);
    remove_dir(exec);
    free_list(exec->argv);
    free_list(exec->env);
    exec->argv = exec->env = NULL;
    exec->argc = exec->envc = 0;
}
