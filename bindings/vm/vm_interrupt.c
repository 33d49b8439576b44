/* What a signal does to a run: the first cancels its tasks, a second or VM_SIGNAL_MS ends it. */
#include "vm_private.h"

#include "clock.h"

#include <string.h>
#include <sys/eventfd.h>

static int64_t now_ms(const struct vm *vm)
{
    return loop_now_ms(vm->options.engine->loop);
}

void vm_interrupt_err(const struct vm *vm, struct err *err)
{
    if (vm->lost)
        err_set(err, ERR_LOST,
                "the run has lost its lock: the state did not answer in time, or another host has "
                "taken it");
    else
        err_set(err, ERR_CANCELLED, "the run was ended by signal %d (%s)", vm->signo,
                strsignal(vm->signo));
}

int vm_interrupt_status(const struct vm *vm)
{
    return vm->lost ? err_exit_code(ERR_LOST) : 128 + vm->signo;
}

/* A task that computes does not return to the loop, which would tell it of its cancellation. */
void vm_interrupt_hook(lua_State *L, struct vm *vm)
{
    if (now_ms(vm) >= vm->signal_ms + VM_SIGNAL_MS)
        vm_stop(vm, 0);
    task_raise_cancel(L);
}

void vm_stop(struct vm *vm, int64_t delay_ms)
{
    task_stop(vm->run.scheduler);
    vm->unwind_ms = now_ms(vm) + delay_ms;
    run_hook_on(&vm->run);
}

static void signal_grace_over(void *arg)
{
    vm_stop(arg, 0);
}

void vm_interrupt(struct vm *vm, int signo)
{
    struct err err;
    if (vm->signo != 0 && now_ms(vm) - vm->signal_ms < REPLY_GUARD_SAME_MS)
        return;
    if (vm->signo != 0) {
        vm->options.engine->hurried = true;
        vm_stop(vm, 0);
        return;
    }
    vm->signo = signo;
    vm->signal_ms = now_ms(vm);
    atomic_store(&vm->interrupted_ms, clock_mono_ms());
    if (vm->watchdog != NULL)
        eventfd_write(vm->watchdog_fd, 1);
    run_hook_on(&vm->run);
    vm_interrupt_err(vm, &err);
    task_cancel_all(vm->run.scheduler, &err);
    loop_timer_start(vm->options.engine->loop, &vm->signal_timer, VM_SIGNAL_MS, signal_grace_over,
                     vm);
}

static void on_signal(void *arg, int signo, bool by_process)
{
    struct vm *vm = arg;
    (void)by_process;
    vm->lost = vm->lost || (signo == SIGNAL_WATCH_LOST && vm->signo == 0);
    if (!vm_is_worker(vm))
        vm_interrupt(vm, signo == SIGNAL_WATCH_LOST ? SIGTERM : signo);
}

void vm_interrupt_setup(struct vm *vm)
{
    pthread_sigmask(SIG_BLOCK, NULL, &vm->mask);
    vm->signals = signal_watch_new(vm->L, vm->options.engine->loop, &vm->broken);
    if (vm->signals == NULL)
        return;
    signal_watch_push(vm->signals, &vm->handler, on_signal, vm);
    http_send_at_once(vm->options.engine->http);
}

void vm_interrupt_poll(struct vm *vm)
{
    if (vm->signals != NULL)
        signal_watch_poll(vm->signals);
}

/* What a token service is about to answer is waited for behind the run, which keeps the signals
 * until then. */
static bool hands_over(struct vm *vm)
{
    struct engine *engine = vm->options.engine;
    struct err ignored;
    if (engine->tokens == NULL || engine->hurried || !tokens_on_wire(engine->tokens) ||
        reply_guard_raise(&engine->guard, &ignored) != 0)
        return false;
    engine->guard.before = vm->mask;
    return true;
}

void vm_interrupt_stop(struct vm *vm)
{
    loop_timer_stop(vm->options.engine->loop, &vm->signal_timer);
    if (vm->signals != NULL)
        signal_watch_pop(vm->signals, &vm->handler);
    signal_watch_free(vm->signals, !hands_over(vm));
    vm->signals = NULL;
}
