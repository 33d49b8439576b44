/* jeton completion: the script that makes a shell complete command lines of jeton. */
#include "verb.h"

#include "embed.h"
#include "mem.h"

#include <string.h>

#define SHELLS "bash|zsh|fish"

static int print(struct app *app, const char *shell, struct err *err)
{
    char *path = mem_printf("completion/jeton.%s", shell);
    const struct embedded_file *file = strchr(shell, '/') == NULL ? embed_find(path) : NULL;
    mem_free(path);
    if (file == NULL)
        return err_set(err, ERR_USAGE, "jeton completion: '%s' is not one of bash, zsh and fish",
                       shell);
    return app_print(app, (const char *)file->data, file->size, err);
}

int verb_completion(struct app *app, int argc, char **argv, struct err *err)
{
    static const struct opt no_options[] = {{0, NULL, OPT_FLAG, NULL, NULL, NULL}};
    const struct opt_spec spec = {
        .usage = "jeton completion " SHELLS,
        .description =
            "Prints the script that makes a shell complete verbs, options, files and the names of "
            "connectors, jobs, webhooks, runs and events. In ~/.bashrc:\n\n"
            "  source <(jeton completion bash)\n\n"
            "In ~/.zshrc, after compinit:\n\n"
            "  source <(jeton completion zsh)\n\n"
            "For fish:\n\n"
            "  jeton completion fish >~/.config/fish/completions/jeton.fish\n\n"
            "The package for Debian installs them.",
        .opts = no_options,
        .min_operands = 1,
        .max_operands = 1,
        .operands = SHELLS,
    };
    struct opt_result result = {0};
    int status = app_options(app, &spec, argc, argv, &result, err);
    if (status > 0)
        status = print(app, result.operands[0], err);
    mem_free(result.operands);
    return status;
}
