/*
 * The process that handles the events of one webhook. Several handlers run at a time, each in a
 * task; what one changes in jeton.state is written together with its event's end.
 *
 * Whatever a handler does, others lose nothing by it. An attempt counts before it begins. One that
 * does not return in time is cancelled; if it computes on, the process ends itself with status 8,
 * VM_WATCHDOG_MS later. What it changes in Lua or in modules is changed for handlers only
 * (scripts/hook/own.lua); what it leaves, such as finalizers, has VM_OWN_MS; and a process that was
 * stopped is killed (app_children_end_stopped). When the process ends in the middle (status 8, a
 * signal), the next one finds what was under way: an event that was alone has had its attempt; of
 * several nobody knows which one it was, so that none of them has, and each is run with no other
 * beside it from then on. The same for those that run out of memory, unless nobody ran before or
 * beside them in their process; it claims no more then, and a fresh one goes on.
 */
#ifndef JETON_HOOK_WORKER_H
#define JETON_HOOK_WORKER_H

#include "app.h"
#include "hook.h"

struct hook_worker { /* all borrowed */
    struct app *app;
    const struct config *config;
    const struct hook *hook;
    /* A byte: look for events. Its end: claim none any more, give the handlers grace_ms, give back
     * what is left without counting it, and return. So nobody but the listener may hold the other
     * end open. SIGTERM and its kind change nothing: systemd sends them to all processes. */
    int wake_fd;
    /* For an event that was handled: a line of JSON {seq, status, headers, body}; without a status
     * where the handler failed. -1: nobody waits for that. */
    int answer_fd;
    const char *listener; /* for whom those events are reserved (store_events.h) */
    int64_t grace_ms;
};

/*
 * Takes this process for good (environment, directory, standard input); the state must not be open
 * in it. The status that it is to end with, or -1 with err. 0, though wake_fd has not ended: a
 * fresh process is wanted, at once, as Lua has become slow in this one. After anything else it is
 * started again a while later.
 */
int hook_worker_run(const struct hook_worker *worker, struct err *err);

#endif
