/* jeton listen: receives webhooks. */
#include "verb.h"

#include "listen.h"
#include "listen_kaizala.h"
#include "listen_trigger.h"
#include "mem.h"

struct words {
    struct listen_options options;
    struct listen_trigger trigger;
    bool sync, unsubscribe;
};

static int run(struct app *app, struct words *words, const char *file, struct err *err)
{
    const char *hook = words->trigger.hook;
    if ((hook != NULL) + words->sync + words->unsubscribe + words->options.print > 1)
        return err_set(err, ERR_USAGE,
                       "--trigger, --sync, --unsubscribe and --print: only one of them");
    if (hook != NULL && file == NULL)
        return err_set(err, ERR_USAGE, "--trigger %s: expected a FILE with the body", hook);
    if (hook == NULL && file != NULL)
        return err_set(err, ERR_USAGE, "'%s': a file needs --trigger HOOK", file);
    if (hook == NULL && words->trigger.headers.count > 0)
        return err_set(err, ERR_USAGE, "--header: it is sent with --trigger HOOK FILE");
    if (words->sync || words->unsubscribe)
        return listen_kaizala_once(
            app, words->sync ? LISTEN_KAIZALA_SYNC : LISTEN_KAIZALA_UNSUBSCRIBE, err);
    if (hook == NULL)
        return listen_run(app, &words->options, err);
    words->trigger.file = file;
    words->trigger.address = words->options.address;
    return listen_trigger_run(app, &words->trigger, err);
}

int verb_listen(struct app *app, int argc, char **argv, struct err *err)
{
    struct words words = {0};
    struct opt_result result = {0};
    const struct opt opts[] = {
        {0, "listen", OPT_STRING, &words.options.address, "HOST:PORT",
         "where to listen, in place of the configuration's listen.address; port 0: a free port"},
        {0, "print", OPT_FLAG, &words.options.print, NULL,
         "print each event that is stored on standard output, secrets masked"},
        {0, "trigger", OPT_STRING, &words.trigger.hook, "HOOK",
         "sign the body in FILE with HOOK's secret, and post it to the listener that runs here"},
        {'H', "header", OPT_STRINGS, &words.trigger.headers, "NAME:VALUE",
         "with --trigger: one more header, such as X-GitHub-Event:push; may be repeated"},
        {0, "sync", OPT_FLAG, &words.sync, NULL,
         "only make and renew the subscriptions of the webhooks from Kaizala, and say what was "
         "done"},
        {0, "unsubscribe", OPT_FLAG, &words.unsubscribe, NULL,
         "only take these subscriptions back"},
        {0, NULL, OPT_FLAG, NULL, NULL, NULL},
    };
    const struct opt_spec spec = {
        .usage = "jeton listen [--listen HOST:PORT] [--print]\n"
                 "jeton listen --trigger HOOK [-H NAME:VALUE]… [--listen HOST:PORT] FILE\n"
                 "jeton listen --sync | --unsubscribe",
        .description =
            "Receives the webhooks of the configuration: checks who sent a request, stores what it "
            "brings, answers, and lets each hook's handler work on it in a process of its own. "
            "SIGHUP reads configuration, secrets, certificates and handlers again; SIGTERM and "
            "SIGINT "
            "end it when what is under way is done; a second signal kills all at once.",
        .opts = opts,
        .max_operands = 1,
        .operands = "FILE",
        .instead = "what arrived is shown by: jeton events",
    };
    int status = app_options(app, &spec, argc, argv, &result, err);
    if (status > 0)
        status = run(app, &words, result.count > 0 ? result.operands[0] : NULL, err);
    mem_free(result.operands);
    mem_free(words.trigger.headers.items);
    return status;
}
