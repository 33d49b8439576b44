#include "job_notice.h"

#include "app_environment.h"
#include "fd.h"
#include "history.h"
#include "job_helper.h"
#include "mem.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ARGUMENT_MAX ((size_t)128 * 1024) /* bytes; as the kernel has it */
#define RUN_JSON_MAX ((size_t)64 * 1024)
#define FIRST_OTHER  3 /* descriptor after the standard ones */

struct command {
    const struct job_outcome *outcome;
    const char *what;
    char **argv;
    int input; /* the run as JSON */
};

/* Arguments */

struct placeholder {
    const char *name;
    const char *value;
};

static const struct placeholder *find_placeholder(const struct placeholder *all, const char *text)
{
    for (; all->name != NULL; all++) {
        if (strncmp(text, all->name, strlen(all->name)) == 0)
            return all;
    }
    return NULL;
}

static char *fill_in(const char *text, const struct placeholder *all)
{
    struct buf out;
    buf_create(&out, ARGUMENT_MAX);
    while (*text != '\0') {
        const struct placeholder *found = find_placeholder(all, text);
        buf_append(&out, found != NULL ? found->value : text,
                   found != NULL ? strlen(found->value) : 1);
        text += found != NULL ? strlen(found->name) : 1;
    }
    return buf_take(&out);
}

static char **fill_in_all(char *const *argv, const struct store_run *run)
{
    char exit[16] = "";
    if (run->exit >= 0)
        snprintf(exit, sizeof exit, "%d", run->exit);
    const struct placeholder all[] = {
        {"{job}", run->job}, {"{run}", run->run},
        {"{exit}", exit},    {"{cause}", run->cause != NULL ? run->cause : ""},
        {NULL, NULL},
    };
    size_t count = 0;
    while (argv[count] != NULL)
        count++;
    char **filled = mem_alloc((count + 1) * sizeof *filled);
    for (size_t i = 0; i < count; i++)
        filled[i] = fill_in(argv[i], all);
    return filled;
}

/* Input */

/* In memory and not a pipe, so that a program that does not read it cannot block us. */
static int open_input(const struct store_run *run, struct err *err)
{
    struct buf json;
    buf_create(&json, RUN_JSON_MAX);
    history_json(run, &json);
    buf_putc(&json, '\n');
    int fd = memfd_create("run", MFD_CLOEXEC);
    if (fd >= 0 && (fd_write(fd, json.data, json.len) != 0 || lseek(fd, 0, SEEK_SET) != 0)) {
        close(fd);
        fd = -1;
    }
    buf_destroy(&json);
    if (fd < 0)
        err_set(err, ERR_CONFIG, "cannot keep its input: %s", strerror(errno));
    return fd;
}

/* The program's process. Its output goes to standard error. */
static int execute(void *arg)
{
    const struct command *command = arg;
    const struct job_outcome *outcome = command->outcome;
    struct err err;
    if (app_environment_set(outcome->job->environment, &err) != 0) {
        log_msg(outcome->app->log, LOG_ERROR, "job '%s': %s: %s", outcome->job->name, command->what,
                err.msg);
        return err_exit_code(err.kind);
    }
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_DFL);
    dup2(command->input, STDIN_FILENO);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    close_range(FIRST_OTHER, ~0U, CLOSE_RANGE_CLOEXEC);
    execvp(command->argv[0], command->argv);
    log_msg(outcome->app->log, LOG_ERROR, "job '%s': %s: cannot start '%s': %s", outcome->job->name,
            command->what, command->argv[0], errno == ENOENT ? "no such program" : strerror(errno));
    return err_exit_code(ERR_CONFIG);
}

static void run_command(const struct job_outcome *outcome, const struct config_notice *notice,
                        const char *what)
{
    struct err err;
    struct command command = {.outcome = outcome, .what = what};
    int status = -1;
    command.argv = fill_in_all(notice->command, outcome->run);
    command.input = open_input(outcome->run, &err);
    if (command.input >= 0) {
        status = job_helper_run(execute, &command, JOB_NOTICE_COMMAND_MS, &err);
        close(command.input);
    }
    if (status < 0)
        log_msg(outcome->app->log, LOG_ERROR, "job '%s': %s: '%s': %s", outcome->job->name, what,
                command.argv[0], err.msg);
    else if (status > 0)
        log_msg(outcome->app->log, LOG_ERROR, "job '%s': %s: '%s' ended with status %d",
                outcome->job->name, what, command.argv[0], status);
    mem_freev(command.argv);
}

static void give(const struct job_outcome *outcome, const struct config_notice *notice,
                 const char *what)
{
    if (notice->command != NULL)
        run_command(outcome, notice, what);
    else if (notice->group != NULL)
        job_message_send(outcome, notice, what);
}

void job_notice_ended(const struct job_outcome *outcome)
{
    const char *cause = outcome->run->cause;
    if (cause == NULL && outcome->previous != NULL && outcome->previous->cause != NULL)
        give(outcome, &outcome->job->on_recovery, "on_recovery");
    else if (cause != NULL && strcmp(cause, STORE_CAUSE_LOCKED) != 0)
        give(outcome, &outcome->job->on_failure, "on_failure");
}
