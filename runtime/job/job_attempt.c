#include "job_attempt.h"

#include "clock.h"
#include "job_deadline.h"
#include "job_output.h"
#include "job_parent_death.h"
#include "job_report.h"
#include "mem.h"
#include "orphans.h"
#include "process.h"
#include "store_runs.h"
#include "utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define POLL_MAX_MS 1000000

/* Beside the output's. */
enum { WATCH_CHILD, WATCH_SIGNALS, WATCH_REPORT, WATCH_OUTPUT };
#define WATCHED (WATCH_OUTPUT + JOB_OUTPUT_FDS)

struct attempt {
    const struct job_script *script;
    struct job_signal_watch *signals;
    struct job_output *output;
    struct history_live live;
    struct job_report report;
    struct orphans orphans;
    int report_ends[2]; /* ours, the child's */
    struct job_parent_death leash;
    pid_t pid;
    int pid_fd;
    struct job_deadline deadline;
    bool ended; /* the child is reaped */
    int wait_status;
    struct rusage usage;
};

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static int prepare(struct attempt *attempt, struct err *err)
{
    const struct job_script *script = attempt->script;
    attempt->output = job_output_new(script->app->log, script->app->redact, &attempt->live, err);
    if (attempt->output == NULL)
        return -1;
    if (pipe2(attempt->report_ends, O_CLOEXEC) != 0 ||
        fcntl(attempt->report_ends[0], F_SETFL, O_NONBLOCK) != 0)
        return err_set(err, ERR_CONFIG, "cannot make a pipe: %s", strerror(errno));
    return job_parent_death_create(&attempt->leash, err);
}

static void destroy(struct attempt *attempt)
{
    job_output_free(attempt->output);
    history_live_destroy(&attempt->live);
    job_report_destroy(&attempt->report);
    orphans_destroy(&attempt->orphans);
    close_end(&attempt->report_ends[0]);
    close_end(&attempt->report_ends[1]);
    close_end(&attempt->pid_fd);
    job_parent_death_destroy(&attempt->leash);
}

/* The child */

static void become_child(struct attempt *attempt)
{
    job_parent_death_attach(&attempt->leash);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        close(null);
    }
    job_output_attach(attempt->output);
    close_end(&attempt->report_ends[0]);
    setvbuf(stdout, NULL, _IOLBF, 0); /* in the order of what goes to standard error */
    log_no_color(attempt->script->app->log);
}

static int run_child(struct attempt *attempt, struct err *err)
{
    struct job_script script = *attempt->script;
    become_child(attempt);
    job_signal_watch_leave(attempt->signals);
    script.report_fd = attempt->report_ends[1];
    script.kept_fd = job_output_kept(attempt->output);
    return job_child_run(&script, err);
}

/* The supervisor */

static void pass_signals(struct attempt *attempt)
{
    int signo;
    while ((signo = job_signal_watch_take(attempt->signals)) != 0) {
        if (!attempt->ended)
            job_deadline_pass(&attempt->deadline, signo);
    }
    if (attempt->signals->lost && !attempt->ended)
        job_deadline_lose(&attempt->deadline);
}

static void reap_child(struct attempt *attempt)
{
    pid_t got;
    do {
        got = wait4(attempt->pid, &attempt->wait_status, 0, &attempt->usage);
    } while (got < 0 && errno == EINTR);
    attempt->ended = true;
    close_end(&attempt->pid_fd);
}

/* Output is passed on after the report: see job_output.h. */
static void take_in(struct attempt *attempt)
{
    job_output_read(attempt->output);
    if (attempt->report_ends[0] >= 0 && !job_report_read(&attempt->report, attempt->report_ends[0]))
        close_end(&attempt->report_ends[0]);
    job_output_pass(attempt->output);
}

static int next_look(const struct attempt *attempt)
{
    if (attempt->ended)
        return ORPHANS_TICK_MS;
    int64_t left = job_deadline_left(&attempt->deadline);
    return left < 0 ? ORPHANS_TICK_MS : left < POLL_MAX_MS ? (int)left : POLL_MAX_MS;
}

static void wait_and_take(struct attempt *attempt)
{
    struct pollfd fds[WATCHED] = {
        [WATCH_CHILD] = {.fd = attempt->pid_fd, .events = POLLIN},
        [WATCH_SIGNALS] = {.fd = attempt->signals->fd, .events = POLLIN},
        [WATCH_REPORT] = {.fd = attempt->report_ends[0], .events = POLLIN},
    };
    job_output_watch(attempt->output, fds + WATCH_OUTPUT);
    poll(fds, WATCHED, (int)job_signal_watch_tend(attempt->signals, next_look(attempt)));
    pass_signals(attempt);
    take_in(attempt);
    if (!attempt->ended && fds[WATCH_CHILD].revents != 0)
        reap_child(attempt);
    if (!attempt->ended && job_deadline_left(&attempt->deadline) <= 0)
        job_deadline_kill(&attempt->deadline, attempt->signals->signo);
}

/* All of the attempt's processes have ended: all that they wrote is in the pipes. */
static void drain(struct attempt *attempt)
{
    int64_t before, total = -1;
    int64_t until = clock_mono_ms() + JOB_ATTEMPT_FLUSH_MS;
    do {
        before = total;
        while (!job_output_idle(attempt->output) && clock_mono_ms() < until)
            wait_and_take(attempt);
        if (!job_output_idle(attempt->output))
            job_output_give_up(attempt->output);
        take_in(attempt);
        total = job_output_total(attempt->output);
    } while (total != before && clock_mono_ms() < until);
}

static void watch(struct attempt *attempt)
{
    while (!attempt->ended || !orphans_step(&attempt->orphans))
        wait_and_take(attempt);
    drain(attempt);
}

/* How it ended */

static void set_cause(const struct attempt *attempt, struct job_attempt_end *end)
{
    const struct job_result *result = &attempt->report.result;
    int status = attempt->wait_status;
    end->exit = process_exit_status(status);
    if (attempt->deadline.killed != 0)
        end->exit = attempt->deadline.killed;
    if (attempt->deadline.lost) {
        end->exit = err_exit_code(ERR_LOST);
        end->cause = STORE_CAUSE_LOST;
    }
    if (end->exit == 0 || attempt->deadline.lost)
        return;
    bool reported =
        attempt->report.ended && attempt->deadline.killed == 0 && result->status == end->exit;
    if (reported && result->kind != ERR_NONE)
        end->cause = err_kind_name((enum err_kind)result->kind);
    else if (end->exit == err_exit_code(ERR_DEADLINE) && !reported)
        end->cause = err_kind_name(ERR_DEADLINE); /* its watchdog, or we */
    else if (WIFSIGNALED(status) || end->exit == 128 + attempt->signals->signo)
        end->cause = STORE_CAUSE_SIGNAL;
    else
        end->cause = err_kind_name(ERR_SCRIPT);
    end->told = reported && result->kind != ERR_NONE;
}

static void set_message(const struct attempt *attempt, struct job_attempt_end *end)
{
    int signo = end->exit - 128;
    if (end->told)
        err_text(end->at, sizeof end->at, "%s", attempt->report.result.at);
    if (attempt->deadline.lost)
        err_text(end->message, sizeof end->message,
                 "stopped, because it has lost its lock: the state did not answer in time, or "
                 "another host has taken it");
    else if (end->told)
        err_text(end->message, sizeof end->message, "%s", attempt->report.result.message);
    else if (attempt->deadline.killed == err_exit_code(ERR_DEADLINE))
        err_text(end->message, sizeof end->message,
                 "killed %d s after its deadline, because it did not end",
                 JOB_DEADLINE_GRACE_MS / 1000);
    else if (attempt->deadline.killed != 0)
        err_text(end->message, sizeof end->message,
                 "killed %d s after signal %d (%s), because it did not end",
                 JOB_DEADLINE_SIGNAL_MS / 1000, signo, strsignal(signo));
    else if (end->cause != NULL && strcmp(end->cause, STORE_CAUSE_SIGNAL) == 0)
        err_text(end->message, sizeof end->message, "ended by signal %d (%s)", signo,
                 strsignal(signo));
    else if (end->cause != NULL && !attempt->report.ended)
        err_text(end->message, sizeof end->message, "ended without clean-up");
}

static void describe(struct attempt *attempt, struct job_attempt_end *end)
{
    set_cause(attempt, end);
    set_message(attempt, end);
    utf8_repair(end->message); /* it goes into JSON: history, on_failure, message */
    end->requests = attempt->report.result.requests;
    end->exchanges = attempt->report.result.exchanges;
    end->peak_kib = attempt->usage.ru_maxrss;
    end->orphans = attempt->orphans.ntold;
    end->output = job_output_take(attempt->output, &end->output_len, &end->output_bytes);
}

static int supervise(struct attempt *attempt, struct job_attempt_end *end, struct err *err)
{
    job_deadline_begin(&attempt->deadline, attempt->pid, attempt->script->deadline_ms);
    const struct job_script *script = attempt->script;
    history_live_create(&attempt->live, script->config->state->folder, script->attempt->run,
                        script->attempt->attempt);
    job_output_started(attempt->output);
    job_parent_death_hold(&attempt->leash);
    close_end(&attempt->report_ends[1]);
    attempt->pid_fd = pidfd_open(attempt->pid, 0);
    if (attempt->pid_fd < 0) {
        err_set(err, ERR_CONFIG, "cannot watch the attempt's process: %s", strerror(errno));
        job_deadline_kill(&attempt->deadline, attempt->signals->signo);
        reap_child(attempt);
        return -1;
    }
    watch(attempt);
    describe(attempt, end);
    return 0;
}

int job_attempt_run(const struct job_script *script, struct job_signal_watch *signals,
                    enum job_attempt_side *side, struct job_attempt_end *end, struct err *err)
{
    struct attempt attempt = {.script = script,
                              .signals = signals,
                              .report_ends = {-1, -1},
                              .leash = {{-1, -1}},
                              .pid_fd = -1};
    int result = -1;
    memset(end, 0, sizeof *end);
    *side = JOB_SUPERVISOR;
    job_report_create(&attempt.report, script->app->redact);
    if (prepare(&attempt, err) != 0)
        goto cleanup;
    orphans_adopt();
    attempt.pid = process_fork(err);
    if (attempt.pid == 0) {
        *side = JOB_CHILD;
        result = run_child(&attempt, err);
    } else if (attempt.pid > 0) {
        result = supervise(&attempt, end, err);
    }
cleanup:
    destroy(&attempt);
    return result;
}
