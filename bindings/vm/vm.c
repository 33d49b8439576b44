#include "vm_private.h"

#include "fault.h"
#include "larg.h"
#include "lerr.h"
#include "mem.h"

#include <errno.h>
#include <lauxlib.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The state */

/* A finalizer that is called after all others: lua_close would free each object now. */
static int leave_objects(lua_State *L)
{
    longjmp(vm_of(L)->finalized, 1);
}

/* Before any other object with a finalizer: they are called from the last one to the first. */
static void make_last_finalizer(lua_State *L)
{
    lua_newuserdatauv(L, 0, 0);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, leave_objects);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    luaL_ref(L, LUA_REGISTRYINDEX);
}

struct vm *vm_new(const struct vm_options *options)
{
    struct vm *vm = mem_alloc(sizeof *vm);
    vm->options = *options;
    buf_create(&vm->traceback, VM_TRACEBACK_MAX);
    vm->pool.off = mem_is_watched();
    lua_State *L = lua_newstate(vm_alloc, vm);
    if (L == NULL)
        abort(); /* out of memory, as in the core */
    vm->L = L;
    run_create(&vm->run, L, vm_look);
    vm->options.ends_process = options->ends_process && !mem_is_watched();
    if (vm->options.ends_process)
        make_last_finalizer(L);
    vm->run.owns = vm_modules_own;
    vm->run.scheduler = task_scheduler_new(L, options->engine->loop, vm_memory_counts, vm);
    vm_limits_setup(vm);
    vm_interrupt_setup(vm);
    lerr_setup(L);
    vm_modules_setup(vm);
    vm_load_setup(L);
    vm_guard_setup(L);
    pthread_mutex_init(&vm->programs.mutex, NULL);
    vm_programs_setup(L);
    vm_output_setup(L);
    vm_coroutine_setup(L);
    vm->collect_every = fault_number(FAULT_COLLECT);
    return vm;
}

/* What a handler of a webhook has left is called at the end: it may compute for ever. */
static void watch_end(struct vm *vm)
{
    if (!vm_is_worker(vm))
        return;
    vm_own_time(vm, 0);
    vm_watch_tasks(vm, true);
}

void vm_free(struct vm *vm)
{
    if (vm == NULL)
        return;
    watch_end(vm);
    task_close_all(vm->run.scheduler);
    vm_output_stop(vm);
    lua_settop(vm->L, 0);
    vm_limits_stop(vm);
    vm_interrupt_stop(vm);
    run_hook_forget(&vm->run);
    if (!vm->options.ends_process)
        lua_close(vm->L);
    else if (setjmp(vm->finalized) == 0)
        lua_close(vm->L);
    if (!vm->options.ends_process)
        vm_pool_destroy(&vm->pool);
    vm_watchdog_free(vm->watchdog);
    run_hook_stop(&vm->run);
    if (!vm->options.engine->guard.up)
        pthread_sigmask(SIG_SETMASK, &vm->mask, NULL);
    task_scheduler_free(vm->run.scheduler);
    orphans_destroy(&vm->programs.orphans);
    pthread_mutex_destroy(&vm->programs.mutex);
    buf_destroy(&vm->traceback);
    mem_free(vm->script);
    mem_free(vm);
}

/* Outcomes */

const char *vm_traceback(const struct vm *vm)
{
    return vm->traceback.len > 0 ? vm->traceback.data : NULL;
}

/* The error's first line is err's message; what follows is kept for vm_traceback. */
static void set_message(struct vm *vm, const char *text, size_t len, struct err *err)
{
    size_t line = strcspn(text, "\n");
    size_t list = vm_hint_missing(text, err);
    if (list > 0) {
        if (list < len)
            buf_append(&vm->traceback, text + list, len - list);
        return;
    }
    err_set(err, ERR_SCRIPT, "%.*s", (int)(line < ERR_MSG_MAX ? line : ERR_MSG_MAX), text);
    if (line + 1 < len)
        buf_append(&vm->traceback, text + line + 1, len - line - 1);
}

static void add_traceback(lua_State *L, struct vm *vm, int index)
{
    if (lua_type(L, index) != LUA_TSTRING)
        return;
    if (vm->traceback.len > 0)
        buf_putc(&vm->traceback, '\n');
    buf_puts(&vm->traceback, larg_shown(L, index));
}

static bool is_memory_error(lua_State *L, const struct vm *vm, int index)
{
    static const char message[] = "not enough memory"; /* Lua's own */
    size_t len;
    const char *text = lua_type(L, index) == LUA_TSTRING ? lua_tolstring(L, index, &len) : NULL;
    return text != NULL && vm->memory_refused && len >= sizeof message - 1 &&
           strcmp(text + len - (sizeof message - 1), message) == 0;
}

/* Stack: error traceback|nil. Fills err and vm->traceback. */
static void describe(lua_State *L, struct vm *vm, struct err *err)
{
    int error = lua_gettop(L) - 1;
    if (is_memory_error(L, vm, error)) {
        vm_memory_err(vm, err);
    } else if (lerr_get(L, error, err)) {
        lua_pushliteral(L, "traceback"); /* of the task that raised it */
        lua_rawget(L, error);
        add_traceback(L, vm, -1);
        lua_pop(L, 1);
    } else {
        lerr_text(L, error);
        const char *text = larg_shown(L, -1);
        set_message(vm, text, strlen(text), err);
        vm_hint(L, err);
        lua_pop(L, 1);
    }
    add_traceback(L, vm, error + 1);
}

/* Arguments: task vm err. Called protected, since __tostring may be the script's. */
static int describe_failure(lua_State *L)
{
    struct task *task = lua_touserdata(L, 1);
    task_push_failure(L, task, 1);
    describe(L, lua_touserdata(L, 2), lua_touserdata(L, 3));
    return 0;
}

/* Arguments: task vm err status. What the main script returned. */
static int describe_results(lua_State *L)
{
    struct task *task = lua_touserdata(L, 1);
    struct err *err = lua_touserdata(L, 3);
    int *status = lua_touserdata(L, 4);
    int n = task_outcome(L, task, 1);
    if (n == 0)
        return 0;
    lua_settop(L, 4 + (n > 2 ? 2 : n));
    struct buf *text = ((struct vm *)lua_touserdata(L, 2))->options.text;
    if (text != NULL && lua_type(L, 5) == LUA_TSTRING &&
        buf_append(text, lua_tostring(L, 5), lua_rawlen(L, 5)) != 0)
        err_set(err, ERR_SCRIPT, "the text has more than %zu bytes", text->limit);
    if (lua_isboolean(L, 5) && !lua_toboolean(L, 5))
        *status = 1;
    if (lua_toboolean(L, 5) || n < 2 || lua_isnil(L, 6))
        return 0; /* true, or no error after false or nil */
    lua_pushnil(L);
    describe(L, lua_touserdata(L, 2), err);
    return 0;
}

/* Calls fn(task, vm, err, status). The task's userdata is at index. */
static void call_described(struct vm *vm, lua_CFunction fn, int index, int *status, struct err *err)
{
    lua_State *L = vm->L;
    index = lua_absindex(L, index);
    lua_pushcfunction(L, fn);
    lua_pushvalue(L, index);
    lua_pushlightuserdata(L, vm);
    lua_pushlightuserdata(L, err);
    lua_pushlightuserdata(L, status);
    if (lua_pcall(L, 4, 0, 0) != LUA_OK) {
        err_set(err, ERR_SCRIPT, "the script failed with an error that cannot be shown as text");
        lua_pop(L, 1);
    }
}

/* The outcome of the main task, else the first failure that nobody joined. */
static int outcome(struct vm *vm, int *status, struct err *err)
{
    struct task *main_task = vm->main_task;
    bool failed = task_failed(main_task);
    if (failed && task_out_of_memory(main_task)) {
        vm_memory_err(vm, err);
        return -1;
    }
    if (failed)
        call_described(vm, describe_failure, 1, status, err);
    if (vm->deadline_passed && err->kind != ERR_DEADLINE)
        vm_deadline_err(vm, err);
    if (err->kind != ERR_NONE)
        return -1;

    call_described(vm, describe_results, 1, status, err);
    struct task *first = task_first_failure(vm->run.scheduler);
    if (err->kind == ERR_NONE && *status == 0 && first != NULL) {
        call_described(vm, describe_failure, -1, status, err);
        if (task_out_of_memory(first))
            vm_memory_err(vm, err);
    }
    return err->kind == ERR_NONE ? 0 : -1;
}

/* Running */

static void main_ended(void *arg)
{
    struct vm *vm = arg;
    if (!task_failed(vm->main_task)) {
        if (vm->options.events !=
            NULL) /* what its script started as it was loaded may run for ever */
            task_stop(vm->run.scheduler);
        return;
    }
    struct err err;
    err_set(&err, ERR_CANCELLED, "the script failed");
    task_cancel_all(vm->run.scheduler, &err);
}

/* The output must have been written before changes of the state are kept. */
static int succeed(struct vm *vm, int *status, struct err *err)
{
    if (vm_output_arrived(vm, status, err) != 0)
        return -1;
    return *status == 0 && vm->commit != NULL ? vm->commit(vm->L, err) : 0;
}

/* Before the state is closed, which waits for programs of io.popen. */
static void end_programs(struct vm *vm)
{
    if (vm->options.ends_programs && (vm->signo != 0 || vm->deadline_passed))
        vm_programs_end(&vm->programs);
    pthread_mutex_lock(&vm->programs.mutex);
    size_t count = vm->programs.orphans.ntold; /* by the watchdog, too */
    pthread_mutex_unlock(&vm->programs.mutex);
    if (count > 0)
        log_msg(vm->options.engine->log, LOG_WARN,
                "ended %zu process%s that the script left running", count, count == 1 ? "" : "es");
}

/* The script may have printed that it sent something. */
static void say_held_back(const struct vm *vm)
{
    size_t count = vm->held_back;
    if (!vm->options.dry_run || vm->signo != 0 || vm->output_errno != 0)
        return;
    if (count == 0)
        log_msg(vm->options.engine->log, LOG_INFO, "dry run: no request was held back");
    else
        log_msg(vm->options.engine->log, LOG_INFO, "dry run: %zu request%s printed, not sent",
                count, count == 1 ? " was" : "s were");
}

/* Starts the function that is on L, below its nargs arguments. */
static int begin(struct vm *vm, int nargs, struct err *err)
{
    vm->watchdog = vm_watchdog_new(vm, err);
    if (vm->watchdog == NULL)
        return -1;
    vm->main_task = task_new(vm->L, nargs);
    vm->main_watch = (struct task_watch){.ended = main_ended, .arg = vm};
    task_mark_joined(vm->main_task);
    task_watch_add(vm->main_task, &vm->main_watch);
    vm_limits_start(vm);
    return 0;
}

int vm_finish(struct vm *vm, int *status, struct err *err)
{
    vm_interrupt_poll(vm);
    vm_limits_look(vm);
    watch_end(vm);

    int result = 0;
    *status = 0;
    err_clear(err);
    if (vm->signo != 0)
        *status = vm_interrupt_status(vm);
    else if (vm->exiting)
        *status = vm->exit_status;
    else
        result = outcome(vm, status, err);
    task_close_all(vm->run.scheduler);
    end_programs(vm);
    if (result == 0 && *status == 0)
        result = succeed(vm, status, err);
    if (result != 0) /* its message will be shown: know what to mask */
        engine_know_secrets(vm->options.engine);
    say_held_back(vm);
    return result;
}

static int run(struct vm *vm, int nargs, int *status, struct err *err)
{
    if (begin(vm, nargs, err) != 0)
        return -1;
    task_run_all(vm->run.scheduler);
    return vm_finish(vm, status, err);
}

/* Lets require find modules in the script's folder, or in the working directory. */
static int set_path(struct vm *vm, struct err *err)
{
    char folder[PATH_MAX];
    if (vm->script == NULL) {
        if (getcwd(folder, sizeof folder) == NULL)
            return err_set(err, ERR_CONFIG, "cannot find the working directory: %s",
                           strerror(errno));
    } else {
        const char *slash = strrchr(vm->script, '/');
        size_t len = slash > vm->script ? (size_t)(slash - vm->script) : 1;
        snprintf(folder, sizeof folder, "%.*s", (int)len, vm->script);
    }
    return vm_modules_path(vm->L, folder, err);
}

/* Pushes the arguments of the options; their number. */
static int push_args(struct vm *vm, struct err *err)
{
    const char *const *args = vm->options.args;
    int nargs = 0;
    for (; args != NULL && args[nargs] != NULL; nargs++) {
        if (!lua_checkstack(vm->L, 2))
            return err_set(err, ERR_USAGE, "too many arguments for a script");
        lua_pushstring(vm->L, args[nargs]);
    }
    return nargs;
}

int vm_run_file(struct vm *vm, const char *path, int *status, struct err *err)
{
    lua_State *L = vm->L;
    if (vm->broken.kind != ERR_NONE) {
        *err = vm->broken;
        return -1;
    }
    vm->is_script = true;
    int loaded = vm_load(L, vm, path, &vm->script, err);
    if (vm->signo != 0) {
        *status = vm_interrupt_status(vm);
        return 0;
    }
    if (loaded != 0 || set_path(vm, err) != 0)
        return -1;
    int nargs = push_args(vm, err);
    return nargs >= 0 ? run(vm, nargs, status, err) : -1;
}

static int run_prelude(struct vm *vm, struct err *err)
{
    const char *code = vm->options.test->prelude;
    if (luaL_loadbufferx(vm->L, code, strlen(code), "=jeton", "t") != LUA_OK ||
        lua_pcall(vm->L, 0, 0, 0) != LUA_OK) {
        err_set(err, ERR_SCRIPT, "%s", lua_tostring(vm->L, -1));
        lua_pop(vm->L, 1);
        return -1;
    }
    return 0;
}

int vm_begin_file(struct vm *vm, const char *path, struct err *err)
{
    vm->is_script = true;
    if (vm->broken.kind != ERR_NONE) {
        *err = vm->broken;
        return -1;
    }
    if (run_prelude(vm, err) != 0 || vm_load(vm->L, vm, path, &vm->script, err) != 0 ||
        set_path(vm, err) != 0)
        return -1;
    int nargs = push_args(vm, err);
    return nargs >= 0 ? begin(vm, nargs, err) : -1;
}

bool vm_has_ended(const struct vm *vm)
{
    return task_all_ended(vm->run.scheduler);
}

bool vm_has_exited(const struct vm *vm)
{
    return vm->exiting;
}

int vm_push_script(lua_State *L, const char *path, struct err *err)
{
    struct vm *vm = vm_of(L);
    char *before = vm->script;
    int result = vm_load(L, vm, path, &vm->script, err);
    mem_free(before);
    vm->is_script = true;
    if (result == 0 && set_path(vm, err) != 0) {
        lua_pop(L, 1);
        result = -1;
    }
    return result;
}

/* Pushes a piece of our own Lua. */
static int load_code(struct vm *vm, const char *code, struct err *err)
{
    if (vm->broken.kind != ERR_NONE) {
        *err = vm->broken;
        return -1;
    }
    if (luaL_loadbufferx(vm->L, code, strlen(code), "=jeton", "t") == LUA_OK)
        return 0;
    err_set(err, ERR_SCRIPT, "%s", lua_tostring(vm->L, -1));
    lua_pop(vm->L, 1);
    return -1;
}

/* Pushes what calls a function of an embedded module, and the names of both. */
static int push_call(struct vm *vm, const char *module, const char *name, struct err *err)
{
    static const char code[] = "local module, name = ...\n"
                               "return require(module)[name](select(3, ...))\n";
    if (load_code(vm, code, err) != 0)
        return -1;
    lua_pushstring(vm->L, module);
    lua_pushstring(vm->L, name);
    return 0;
}

int vm_run_module(struct vm *vm, const char *module, const char *name, const char *json,
                  int *status, struct err *err)
{
    if (push_call(vm, module, name, err) != 0)
        return -1;
    lua_pushstring(vm->L, json);
    return run(vm, 3, status, err);
}

int vm_run_texts(struct vm *vm, const char *module, const char *name, const struct vm_text *texts,
                 size_t ntexts, int *status, struct err *err)
{
    vm->is_script = true;
    if (push_call(vm, module, name, err) != 0 || set_path(vm, err) != 0)
        return -1;
    for (size_t i = 0; i < ntexts; i++)
        lua_pushlstring(vm->L, texts[i].data, texts[i].len);
    int nargs = push_args(vm, err);
    return nargs >= 0 ? run(vm, 2 + (int)ntexts + nargs, status, err) : -1;
}

/* Pushes what handles events, and its arguments. */
static int push_events(struct vm *vm, const char *path, struct err *err)
{
    static const char code[] = "local handlers, script = ...\n"
                               "return require('hook.worker').run(handlers, script)\n";
    if (load_code(vm, code, err) != 0)
        return -1;
    vm->is_script = path != NULL;
    if (path == NULL)
        lua_pushnil(vm->L);
    else if (vm_load(vm->L, vm, path, &vm->script, err) != 0 || set_path(vm, err) != 0)
        return -1;
    lua_pushstring(vm->L, path);
    return 0;
}

int vm_run_events(struct vm *vm, const char *path, int *status, struct err *err)
{
    return push_events(vm, path, err) == 0 ? run(vm, 2, status, err) : -1;
}

int vm_begin_events(struct vm *vm, const char *path, struct err *err)
{
    if (run_prelude(vm, err) != 0 || push_events(vm, path, err) != 0)
        return -1;
    return begin(vm, 2, err);
}
