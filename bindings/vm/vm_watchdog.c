/*
 * A thread that sets the count hook when the deadline passes or a signal comes. The hook cannot
 * stop a long call into C, such as a pathological string.find or a read from the terminal. This
 * thread can, by ending the process: a second after the deadline, when a signal has been pending
 * for VM_STUCK_MS, or a second after the time for clean-up. It touches nothing of the run but its
 * descriptors.
 */
#include "vm_private.h"

#include "clock.h"
#include "fd.h"
#include "mem.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define WATCHDOG_STACK ((size_t)256 * 1024)
#define WATCHDOG_LINE  512
#define SAY_MS         1000 /* for who reads its last line */
#define LOOK_AGAIN_MS  (1000 * 1000)
#define LOOK_TASKS_MS  250 /* while one has a deadline of its own */
#define LOOK_SIGNAL_MS 100 /* while one is pending */

struct vm_watchdog {
    pthread_t thread;
    struct run *run; /* only for run_hook_call, as is its thread */
    pthread_t thread_of_run;
    int stop_fd;
    int signal_fd;       /* a duplicate of the run's, which is closed before this thread ends */
    int64_t deadline_ms; /* clock_mono_ms; 0: none */
    int64_t grace_ms;    /* after it */
    bool called;         /* for the deadline */
    bool ends_programs;  /* once, before the process is ended */
    bool ends_clean_up;  /* likewise those that clean-up after a signal waits for */
    int64_t cleaned_ms;  /* since when it has done so; 0: it has not */
    struct vm_programs *programs;
    bool json;
    const struct vm *vm; /* only what is atomic in it, or was written before that */
    uint64_t late;       /* the resume that was found computing after its task's deadline */
    const void *late_of; /* that task's event; NULL: none */
    int64_t late_ms;     /* since when that is found each time; 0: it is not */
    _Atomic bool stop;
};

/* The process is about to end, whoever reads what it writes: no write waits from here on. */
static void wait_no_more(int fd)
{
    int anew = fd_try_open(fd);
    if (anew < 0)
        return;
    dup2(anew, fd);
    close(anew);
}

/* Flushes what the script has printed, unless it is printing at this very moment. */
static void flush_output(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    wait_no_more(STDOUT_FILENO);
    if (ftrylockfile(stdout) != 0)
        return;
    if (poll(&out, 1, 0) == 1)
        fflush(stdout);
    funlockfile(stdout);
}

static void say_end(const char *line, size_t len)
{
    struct pollfd error = {.fd = STDERR_FILENO, .events = POLLOUT};
    wait_no_more(STDERR_FILENO);
    if (poll(&error, 1, SAY_MS) != 1 || fd_try_write(STDERR_FILENO, line, len) < 0) {
        /* there is no way to report it */
    }
}

static void end_process(const struct vm_watchdog *watchdog, int status, const char *message,
                        const char *kind)
{
    char line[WATCHDOG_LINE], now[CLOCK_RFC3339_SIZE];
    int len;
    flush_output();
    if (watchdog->json) {
        clock_format_rfc3339(clock_wall_ms(), now, sizeof now);
        len = snprintf(line, sizeof line,
                       "{\"time\":\"%s\",\"level\":\"error\",\"message\":\"%s\",\"kind\":\"%s\"}\n",
                       now, message, kind);
    } else {
        len = snprintf(line, sizeof line, "jeton: error: %s\n", message);
    }
    say_end(line, (size_t)len);
    _exit(status);
}

/* The call that does not come back may wait for a program: then it does when that has ended. True
 * where there was one; the call has the time of the grace again. */
static bool end_programs(struct vm_watchdog *watchdog)
{
    if (watchdog->ends_programs)
        orphans_adopt(); /* what its shell has started may hold the pipe */
    bool any = watchdog->ends_programs && vm_programs_end(watchdog->programs) > 0;
    watchdog->ends_programs = false;
    return any;
}

/* Until when clean-up may take, after a signal that the run has read. */
static int64_t clean_up_ms(const struct vm_watchdog *watchdog)
{
    int64_t since_ms = atomic_load(&watchdog->vm->interrupted_ms);
    if (since_ms == 0)
        return INT64_MAX;
    if (watchdog->cleaned_ms != 0)
        return watchdog->cleaned_ms + VM_WATCHDOG_MS;
    return since_ms + VM_SIGNAL_MS + VM_WATCHDOG_MS;
}

/* How long to sleep, in milliseconds: until the deadline or the end of the grace after it, until
 * clean-up has no more time, or until the next look at a pending signal. -1: for ever. */
static int time_left(const struct vm_watchdog *watchdog, int64_t signal_since)
{
    int64_t until = INT64_MAX;
    if (watchdog->deadline_ms != 0)
        until = watchdog->deadline_ms + (watchdog->called ? watchdog->grace_ms : 0);
    if (clean_up_ms(watchdog) < until)
        until = clean_up_ms(watchdog);
    if (signal_since != 0)
        return LOOK_SIGNAL_MS;
    if (atomic_load(&watchdog->vm->tasks_watched))
        return LOOK_TASKS_MS;
    if (until == INT64_MAX)
        return -1;
    int64_t left = until - clock_mono_ms();
    return left < 0 ? 0 : left > LOOK_AGAIN_MS ? LOOK_AGAIN_MS : (int)left;
}

/* The run has not read it yet. */
static bool is_pending(const struct vm_watchdog *watchdog)
{
    struct pollfd fd = {.fd = watchdog->signal_fd, .events = POLLIN};
    return poll(&fd, 1, 0) == 1;
}

static void check_signal(const struct vm_watchdog *watchdog)
{
    struct signalfd_siginfo info;
    char message[WATCHDOG_LINE / 2];
    if (read(watchdog->signal_fd, &info, sizeof info) != (ssize_t)sizeof info)
        return; /* the run has read it after all */
    int signo = (int)info.ssi_signo;
    snprintf(message, sizeof message,
             "ended by signal %d in a call that does not wait for signals, without clean-up",
             signo);
    end_process(watchdog, 128 + signo, message, "cancelled");
}

static void check_deadline(struct vm_watchdog *watchdog, int64_t now)
{
    if (watchdog->deadline_ms == 0 || now < watchdog->deadline_ms)
        return;
    if (!watchdog->called)
        run_hook_call(watchdog->run, watchdog->thread_of_run);
    watchdog->called = true;
    if (now < watchdog->deadline_ms + watchdog->grace_ms)
        return;
    if (end_programs(watchdog))
        watchdog->grace_ms += clock_mono_ms() - watchdog->deadline_ms;
    else
        end_process(watchdog, 8,
                    "the run's deadline passed, and a call did not return: ended without "
                    "clean-up",
                    "deadline");
}

/* It has begun to wait behind the signal, when nothing looks at the time but this thread. */
static void check_clean_up(struct vm_watchdog *watchdog, int64_t now)
{
    char message[WATCHDOG_LINE / 2];
    if (now < clean_up_ms(watchdog))
        return;
    if (watchdog->ends_clean_up) {
        watchdog->ends_clean_up = false;
        orphans_adopt();
        vm_programs_end(watchdog->programs);
        watchdog->cleaned_ms = clock_mono_ms();
        return;
    }
    snprintf(message, sizeof message, "ended by signal %d: its clean-up did not end within %d s",
             watchdog->vm->signo, VM_SIGNAL_MS / 1000);
    end_process(watchdog, vm_interrupt_status(watchdog->vm), message, "cancelled");
}

/* Tasks of an event compute past its deadline, in one resume that lasts or in many: first the count
 * hook, then the end. */
static void check_tasks(struct vm_watchdog *watchdog)
{
    const struct vm *vm = watchdog->vm;
    uint64_t resume = atomic_load(&vm->resumes);
    int64_t deadline_ms = atomic_load(&vm->task_deadline_ms);
    const void *context = atomic_load(&vm->task_context);
    int64_t now = clock_mono_ms();
    if (deadline_ms == 0 || now < deadline_ms || resume != atomic_load(&vm->resumes)) {
        watchdog->late_ms = 0;
        return;
    }
    bool known = watchdog->late_ms != 0 && watchdog->late == resume;
    if (!known)
        run_hook_call(watchdog->run, watchdog->thread_of_run);
    if (!known && (watchdog->late_ms == 0 || context == NULL || watchdog->late_of != context)) {
        watchdog->late_of = context;
        watchdog->late_ms = now;
    } else if (now >= watchdog->late_ms + watchdog->grace_ms) {
        if (watchdog->ends_programs) {
            atomic_store(&watchdog->programs->ending, true);
            orphans_adopt(); /* not before: a worker lives long, and reaps nothing */
            vm_programs_end(watchdog->programs);
        }
        end_process(watchdog, 8,
                    "the time for an event is up, and its handler does not end: ended without "
                    "clean-up",
                    "deadline");
    }
    watchdog->late = resume;
}

static void *watch(void *arg)
{
    struct vm_watchdog *watchdog = arg;
    int64_t signal_since = 0;
    const bool ignores = vm_is_worker(watchdog->vm);
    eventfd_t looks;
    for (;;) {
        /* A pending signal would end every poll at once: do not poll for it until its time is up.
         */
        struct pollfd fds[] = {
            {.fd = watchdog->stop_fd, .events = POLLIN},
            {.fd = signal_since == 0 && !ignores ? watchdog->signal_fd : -1, .events = POLLIN}};
        if (poll(fds, 2, time_left(watchdog, signal_since)) < 0 && errno != EINTR)
            return NULL;
        if (fds[0].revents != 0 && (eventfd_read(watchdog->stop_fd, &looks) != 0 || watchdog->stop))
            return NULL;
        int64_t now = clock_mono_ms();
        check_deadline(watchdog, now);
        check_clean_up(watchdog, now);
        check_tasks(watchdog);
        if (signal_since == 0 && fds[1].revents != 0) {
            signal_since = now;
            run_hook_call(watchdog->run, watchdog->thread_of_run);
        } else if (signal_since != 0 && !is_pending(watchdog)) {
            signal_since = 0; /* what was done about it is not for this thread to end */
        } else if (signal_since != 0 && now >= signal_since + VM_STUCK_MS) {
            if (end_programs(watchdog)) {
                signal_since = clock_mono_ms();
                continue;
            }
            check_signal(watchdog);
            signal_since = 0;
        }
    }
}

static void close_all(const struct vm_watchdog *watchdog)
{
    if (watchdog->stop_fd >= 0)
        close(watchdog->stop_fd);
    if (watchdog->signal_fd >= 0)
        close(watchdog->signal_fd);
}

struct vm_watchdog *vm_watchdog_new(struct vm *vm, struct err *err)
{
    struct vm_watchdog *watchdog = mem_alloc(sizeof *watchdog);
    sigset_t all, before;
    pthread_attr_t attributes;
    watchdog->grace_ms = vm->options.watchdog_ms > 0 ? vm->options.watchdog_ms : VM_WATCHDOG_MS;
    watchdog->programs = &vm->programs;
    /* Of a job, too: a reply of its token service may wait to be read behind that call. */
    watchdog->ends_programs = vm->options.ends_programs || vm->options.job != NULL;
    watchdog->ends_clean_up = watchdog->ends_programs;
    watchdog->json = vm->options.log_json;
    watchdog->vm = vm;
    watchdog->run = &vm->run;
    watchdog->thread_of_run = pthread_self();
    watchdog->deadline_ms = vm->deadline_real;
    watchdog->signal_fd = fcntl(signal_watch_fd(vm->signals), F_DUPFD_CLOEXEC, 0);
    watchdog->stop_fd = eventfd(0, EFD_CLOEXEC);
    int rc = errno; /* if one of them failed */

    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, WATCHDOG_STACK);
    pthread_sigmask(SIG_BLOCK, &all, &before); /* the new thread gets no signals */
    if (watchdog->signal_fd >= 0 && watchdog->stop_fd >= 0)
        rc = pthread_create(&watchdog->thread, &attributes, watch, watchdog);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (rc != 0) {
        err_set(err, ERR_CONFIG, "cannot start the watchdog of a run: %s", strerror(rc));
        close_all(watchdog);
        mem_free(watchdog);
        return NULL;
    }
    vm->watchdog_fd = watchdog->stop_fd;
    return watchdog;
}

void vm_watch_tasks(struct vm *vm, bool yes)
{
    bool before = atomic_exchange(&vm->tasks_watched, yes);
    if (yes && !before && vm->watchdog != NULL)
        eventfd_write(vm->watchdog_fd, 1);
}

void vm_watchdog_free(struct vm_watchdog *watchdog)
{
    if (watchdog == NULL)
        return;
    watchdog->stop = true;
    eventfd_write(watchdog->stop_fd, 1);
    pthread_join(watchdog->thread, NULL);
    close_all(watchdog);
    mem_free(watchdog);
}
