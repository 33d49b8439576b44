#include "verb_lua.h"

#include "vm.h"

int verb_lua(struct app *app, const struct config *config, const char *module, const char *function,
             const char *json, struct buf *text, struct err *err)
{
    struct engine engine;
    int status = -1;
    engine_create(&engine, config, app->log, app->redact);
    const struct vm_options options = {.engine = &engine, .modules = app->modules, .text = text};
    struct vm *vm = vm_new(&options);
    if (vm_run_module(vm, module, function, json, &status, err) != 0)
        status = -1;
    vm_free(vm);
    engine_destroy(&engine);
    return status;
}
