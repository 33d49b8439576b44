#include "signal_watch.h"

#include "mem.h"
#include "vm.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

static const int watched[] = {SIGINT, SIGTERM, SIGHUP};
#define WATCHED_COUNT (sizeof watched / sizeof watched[0])

static const char registry_key = 0; /* its address is the registry's key of the watcher */

struct signal_watch {
    lua_State *L;
    struct loop *loop;
    struct loop_fd watch;
    sigset_t mask;   /* what the descriptor reads */
    sigset_t before; /* the thread's mask as it was */
    struct signal_handler *top;
};

static void on_readable(void *arg, short revents)
{
    (void)revents;
    signal_watch_poll(arg);
}

/* Leaves out signals that are ignored. The kernel does not discard a signal that is blocked, so a
 * run under nohup would get the hang-up after all. */
static void choose(sigset_t *mask)
{
    sigemptyset(mask);
    for (size_t i = 0; i < WATCHED_COUNT; i++) {
        struct sigaction action;
        if (sigaction(watched[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
            sigaddset(mask, watched[i]);
    }
}

struct signal_watch *signal_watch_new(lua_State *L, struct loop *loop, struct err *err)
{
    struct signal_watch *signals = mem_alloc(sizeof *signals);
    signals->L = L;
    signals->loop = loop;
    choose(&signals->mask);
    pthread_sigmask(SIG_BLOCK, &signals->mask, &signals->before);
    int fd = signalfd(-1, &signals->mask, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0) {
        err_set(err, ERR_CONFIG, "cannot watch signals: %s", strerror(errno));
        pthread_sigmask(SIG_SETMASK, &signals->before, NULL);
        mem_free(signals);
        return NULL;
    }
    loop_fd_start(loop, &signals->watch, fd, POLLIN, on_readable, signals);
    lua_pushlightuserdata(L, signals);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &registry_key);
    return signals;
}

void signal_watch_free(struct signal_watch *signals, bool restores)
{
    if (signals == NULL)
        return;
    signal_watch_poll(signals); /* else a pending signal would take effect when it is unblocked */
    int fd = signals->watch.fd;
    loop_fd_stop(signals->loop, &signals->watch);
    close(fd);
    if (restores)
        pthread_sigmask(SIG_SETMASK, &signals->before, NULL);
    lua_pushnil(signals->L);
    lua_rawsetp(signals->L, LUA_REGISTRYINDEX, &registry_key);
    mem_free(signals);
}

struct signal_watch *signal_watch_of(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &registry_key);
    struct signal_watch *signals = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return signals;
}

void signal_watch_push(struct signal_watch *signals, struct signal_handler *handler,
                       signal_watch_fn *fn, void *arg)
{
    handler->fn = fn;
    handler->arg = arg;
    handler->below = signals->top;
    handler->pushed = true;
    signals->top = handler;
}

void signal_watch_pop(struct signal_watch *signals, struct signal_handler *handler)
{
    if (!handler->pushed)
        return;
    for (struct signal_handler **at = &signals->top; *at != NULL; at = &(*at)->below) {
        if (*at == handler) {
            *at = handler->below;
            break;
        }
    }
    handler->below = NULL;
    handler->pushed = false;
}

int signal_watch_fd(const struct signal_watch *signals)
{
    return signals->watch.fd;
}

void signal_watch_poll(struct signal_watch *signals)
{
    struct signalfd_siginfo info;
    while (read(signals->watch.fd, &info, sizeof info) == (ssize_t)sizeof info) {
        bool lost = info.ssi_code == SI_QUEUE && info.ssi_int == VM_SIGNAL_LOST;
        struct signal_handler *handler = signals->top;
        while (lost && handler != NULL && handler->below != NULL)
            handler = handler->below;
        if (handler != NULL && lost)
            handler->fn(handler->arg, SIGNAL_WATCH_LOST, true);
        else if (handler != NULL)
            handler->fn(handler->arg, (int)info.ssi_signo, info.ssi_code != SI_KERNEL);
    }
}
