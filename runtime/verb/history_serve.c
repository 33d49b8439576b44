#include "history_serve.h"

#include "history_source.h"
#include "host.h"
#include "json_member.h"
#include "mem.h"
#include "verb_lua.h"

#define DEFAULT_ADDRESS "127.0.0.1:0"
#define OPTIONS_MAX     ((size_t)4096)

int history_serve(struct app *app, const struct config *config, const char *address,
                  const char *configuration, struct err *err)
{
    char *host = NULL;
    int64_t port = 0;
    if (!host_read_address(address[0] != '\0' ? address : DEFAULT_ADDRESS, &host, &port) ||
        !host_is_loopback(host)) {
        mem_free(host);
        return err_set(err, ERR_USAGE,
                       "--serve: '%s'; expected HOST:PORT of this machine, such as 127.0.0.1:8492 "
                       "(0: a free port); to look from elsewhere use `ssh -L`",
                       address);
    }
    struct buf json;
    buf_create(&json, OPTIONS_MAX);
    buf_printf(&json, "{\"port\":%lld", (long long)port);
    json_member_text(&json, "host", host);
    json_member_text(&json, "configuration", configuration);
    buf_putc(&json, '}');
    struct luaL_Reg *modules = history_source_modules(app->modules);
    struct app own = *app;
    own.modules = modules;
    int status = verb_lua(&own, config, "history.serve", "main", json.data, NULL, err);
    mem_free(modules);
    mem_free(host);
    buf_destroy(&json);
    return status;
}
