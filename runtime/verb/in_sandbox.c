#include "in_sandbox.h"

#include "config_load.h"
#include "job_sandbox.h"
#include "mem.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/*
 * How many words of argv a global option takes that stands after the verb; 0: it is none, or the
 * verb's own. What it says is in `app` already.
 */
static int global_words(const char *word)
{
    static const char *const valued[] = {"-c", "--config", "--log-format", "--progress"};
    if (strcmp(word, "--verbose") == 0 || strcmp(word, "--quiet") == 0 ||
        strcmp(word, "--no-color") == 0 ||
        (word[0] == '-' && word[1] != '\0' && word[1 + strspn(word + 1, "vq")] == '\0'))
        return 1;
    for (size_t i = 0; i < sizeof valued / sizeof valued[0]; i++) {
        size_t len = strlen(valued[i]);
        if (strcmp(word, valued[i]) == 0)
            return 2;
        if (strncmp(word, valued[i], len) == 0 && (len == 2 || word[len] == '='))
            return 1;
    }
    return 0;
}

/* config: what the command gets it by; NULL: by the sandbox, whose connector is named. */
static int start(struct app *app, const char *config, int argc, char **argv, int operands,
                 struct err *err)
{
    const size_t fixed = 16;
    size_t verbose = app->verbosity > 0 ? (size_t)app->verbosity : 0;
    const char **args = mem_alloc((fixed + verbose + (size_t)argc) * sizeof *args);
    size_t n = 0;
    args[n++] = app->self;
    for (int pass = 0; pass < 2; pass++) { /* for the sandbox, then for the run in it */
        for (size_t i = 0; i < verbose && pass == 1; i++)
            args[n++] = "-v"; /* the run tells of all calls; the sandbox would tell of them again */
        if (app->verbosity < 0)
            args[n++] = "-q";
        if (app->log_format == LOG_JSON)
            args[n++] = "--log-format=json";
        if (!app->color)
            args[n++] = "--no-color";
        if (pass == 0) {
            args[n++] = "sandbox";
            args[n++] = "--exec";
            args[n++] = app->self;
        }
    }
    args[n++] = config != NULL ? "-c" : argv[0];
    args[n++] = config != NULL ? config : "-C";
    args[n++] = config != NULL ? argv[0] : "sandbox";
    for (int i = 1; i < argc; i++) {
        int words = i < argc - operands ? global_words(argv[i]) : 0;
        if (words > 0)
            i += words - 1;
        else if (config != NULL || i >= argc - operands || strcmp(argv[i], "--sandbox") != 0)
            args[n++] = argv[i];
    }
    execv(app->self, (char *const *)(void *)args);
    mem_free(args);
    return err_set(err, ERR_CONFIG, "cannot start %s: %s", app->self, strerror(errno));
}

int in_sandbox_exec(struct app *app, int argc, char **argv, int operands, struct err *err)
{
    return start(app, NULL, argc, argv, operands, err);
}

int in_sandbox_exec_job(struct app *app, const char *job, int argc, char **argv, struct err *err)
{
    struct config *config = app_config(app, true, err);
    if (config == NULL)
        return -1;
    const struct job *found = config_job(config, job, err);
    if (found != NULL && job_sandbox_check(config, found, err) == 0) {
        job_sandbox_mark();
        start(app, config->path, argc, argv, 0, err);
    }
    config_free(config);
    return -1;
}
