/* The child of exec.run: its private folder, environment, signals and end. Only for jeton.exec. */
#ifndef JETON_LEXEC_H
#define JETON_LEXEC_H

#include "buf.h"
#include "err.h"
#include "log.h"
#include "loop.h"
#include "process.h"
#include "process_tree.h"
#include "signal_watch.h"
#include "tempdir.h"

#include <stdbool.h>

#define LEXEC_TOKEN    "{dir}" /* replaced by the folder's path */
#define LEXEC_STATE    "state" /* the subfolder that every child gets */
#define LEXEC_TERM_MS  5000    /* from SIGTERM to SIGKILL */
#define LEXEC_ARGS_MAX 4096
#define LEXEC_TEXT_MAX ((size_t)1024 * 1024) /* of a file, after replacement */

struct lexec {
    struct loop *loop;
    struct log *log;
    struct signal_watch *signals;
    struct tempdir dir;
    bool literal;       /* nothing is replaced */
    int input_fd;       /* its standard input, the caller's to close; 0: this process's */
    char **argv, **env; /* NULL-terminated, owned */
    size_t argc, envc;
    pid_t pid; /* 0: not started, or ended */
    bool stopping;
    struct process_tree left; /* of one that is stopped: what it started in other groups */
    struct process_watch watch;
    struct signal_handler handler;
    struct loop_timer timer; /* to SIGKILL */
    int64_t kill_ms;         /* loop_now_ms: when that is due for what is left */
    int status;              /* exit status, when it has ended */
    void (*ended)(void *arg);
    void *arg;
};

int lexec_make_dir(struct lexec *exec, struct err *err);
void lexec_add_arg(struct lexec *exec, const char *arg);
/* Adds NAME=value, with {dir} replaced. */
int lexec_add_env(struct lexec *exec, const char *name, const char *value, struct err *err);
int lexec_add_file(struct lexec *exec, const char *name, const char *text, size_t len,
                   struct err *err);
/* Starts the child; `ended` is called from the loop when it has ended and its folder is gone. Where
 * it was stopped and is literal, all that it has started has ended, too. */
int lexec_start(struct lexec *exec, void (*ended)(void *arg), void *arg, struct err *err);
/* Sends SIGTERM, and SIGKILL if the child still runs LEXEC_TERM_MS later. A second call sends
 * SIGKILL. Does not wait. */
void lexec_stop(struct lexec *exec);
/* Ends the child, waiting at most grace_ms between SIGTERM and SIGKILL, and frees all. Idempotent.
 */
void lexec_destroy(struct lexec *exec, int grace_ms);

#endif
