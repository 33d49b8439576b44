/* What bindings ask of their run. */
#include "vm_private.h"

struct vm *vm_of(lua_State *L)
{
    return (struct vm *)run_of(L);
}

lua_State *vm_lua(const struct vm *vm)
{
    return vm->L;
}

struct engine *vm_engine(struct vm *vm)
{
    return vm->options.engine;
}

const struct vm_options *vm_options_of(struct vm *vm)
{
    return &vm->options;
}

const char *vm_script(const struct vm *vm)
{
    return vm->script;
}

void vm_set_dry_run(struct vm *vm, bool yes)
{
    vm->options.dry_run = yes;
}

void vm_held_back(struct vm *vm)
{
    vm->held_back++;
}

size_t vm_memory_limit(const struct vm *vm)
{
    return vm->memory_limit;
}

int64_t vm_deadline(const struct vm *vm)
{
    return vm->deadline_wall;
}

bool vm_is_slow(const struct vm *vm)
{
    return vm->run.hook_on != 0 || vm->memory_refused;
}

void vm_lacked_memory(struct vm *vm)
{
    vm->memory_refused = true;
}

void vm_on_success(struct vm *vm, int (*commit)(lua_State *L, struct err *err))
{
    vm->commit = commit;
}

const struct connector *vm_connector(struct vm *vm, const char *name, const char *provider,
                                     struct err *err)
{
    const struct config *config = vm->options.engine->config;
    if (name == NULL)
        name = vm->options.connector;
    if (name == NULL)
        return config_only_connector(config, provider, vm->options.connector_key, err);
    return config_connector(config, name, err);
}
