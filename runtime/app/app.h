/* What all verbs share. main owns `struct app`, prints errors and exits. */
#ifndef JETON_APP_H
#define JETON_APP_H

#include "complete.h"
#include "config.h"
#include "engine.h"
#include "log.h"
#include "opt.h"
#include "preset.h"
#include "redact.h"

/* The options of all verbs, before the verb or after it. */
struct app_globals {
    const char *config;
    const char *log_format;
    const char *progress;
    int verbose;
    bool quiet;
    bool no_color;
    bool version;
};

struct app {
    struct app_globals globals;
    /* What follows from them; from app_options on, also from those after the verb. */
    const char *config_path; /* --config, or NULL */
    int verbosity;           /* -v count; -1 with -q */
    enum log_format log_format;
    bool color;

    const char *self; /* path of this executable */
    char *found;      /* without --config: the configuration that was loaded first */
    struct log *log;
    struct redact *redact;
    const struct luaL_Reg *modules; /* of Lua, for vm_options */
    const struct config_presets *presets;
    struct complete *completing; /* not NULL: app_options answers it, and nothing is run */
};

#define APP_GLOBALS 8
void app_globals(struct app_globals *globals, struct opt opts[APP_GLOBALS]);
/* Makes the log and the rest of `app` what app->globals says. ERR_USAGE for what it cannot be. */
int app_use_globals(struct app *app, struct err *err);

/* What begins a command for the same configuration, to be typed: "jeton -c FILE" (mem_free). */
char *app_command(const struct app *app);

/* A verb, or a verb of a verb: argv[0] is its name. Returns the exit status, or -1 with err. */
typedef int app_fn(struct app *app, int argc, char **argv, struct err *err);

/* A verb of a verb; a table of them ends with name NULL. */
struct app_verb {
    const char *name;
    app_fn *run;
};
/* What stands before them: title is "jeton cron", usage and description are as in opt.h. */
struct app_verbs {
    const char *title, *usage, *description;
    const struct app_verb *verbs;
};
/* Runs the one that argv names (argv[0] is the outer verb), or prints the help. */
int app_verbs(const struct app_verbs *table, struct app *app, int argc, char **argv,
              struct err *err);

/* What may stand for the last word; options of all verbs before it take effect. */
void app_complete(struct app *app, const struct opt_spec *spec, int argc, char **argv,
                  struct opt_question *question);

/* Loads the chosen configuration and says at -v which one it is: once loaded, the same file from
 * then on. required false: none at all is an empty one. */
struct config *app_config(struct app *app, bool required, struct err *err);
/* For a verb in which the user's has no part. */
struct config *app_empty_config(struct app *app, struct err *err);
/* Parses, also the options of all verbs, which take effect at once: 1 to go on; 0 where --help was
 * given, and has been printed; -1 with err. A verb calls it before it does anything. */
int app_options(struct app *app, const struct opt_spec *spec, int argc, char **argv,
                struct opt_result *result, struct err *err);
/* The same where there are no operands. */
int app_options_alone(struct app *app, const struct opt_spec *spec, int argc, char **argv,
                      struct err *err);
/* Logs the error as a whole, and below it the traceback (NULL: none; in JSON a field). Returns the
 * exit status of its kind. */
int app_report(struct app *app, const struct err *err, const char *traceback);
/*
 * Turns the engine's loop until *done. A signal that ends the process waits while an exchange is on
 * the wire, at most five seconds, so that what comes back is stored. engine_need_store was called.
 */
int app_wait(struct engine *engine, const bool *done, struct err *err);
/*
 * When a script has ended, and before its engine does: waits for the reply of an exchange that
 * nobody waits for any more, as the refresh token that was sent is spent. After a signal (status)
 * that is five seconds at most, after the run's deadline one. A signal now leaves it five seconds,
 * and a second one, also one that came before, none.
 */
void app_settle(struct engine *engine, int status);
/* The same until the connector's token is there (token_get), which `use` gets during a call. */
int app_wait_token(struct engine *engine, const struct connector *connector,
                   const struct token_query *query,
                   void (*use)(void *arg, const struct token *token), void *arg, struct err *err);
/* Standard output through the redaction point; on a terminal, what could steer it becomes escapes
 * (visible.h). ERR_SCRIPT when it cannot be written, ERR_PIPE when nobody reads it. */
int app_print(struct app *app, const char *text, size_t len, struct err *err);
/* What that would write. */
void app_printable(struct app *app, const char *text, size_t len, struct buf *out);
/* The same for a text that may hold colours of ours, and in which all else was made visible. */
int app_print_colored(struct app *app, const char *text, size_t len, struct err *err);
/* Standard output as it is: only for what the user asked to see unmasked (`token --show`). */
int app_print_secret(const char *text, size_t len, struct err *err);

#endif
