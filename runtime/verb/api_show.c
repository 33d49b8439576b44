#include "api_show.h"

#include "api_pretty.h"
#include "vm.h"

#include <string.h>
#include <unistd.h>

#define PRETTY_MAX ((size_t)64 * 1024 * 1024)

/* A person gets a prompt on a line of its own. */
static int show_to_person(struct app *app, const char *body, size_t len, struct err *err)
{
    struct buf masked, shown;
    buf_create(&masked, len * sizeof REDACT_MASK + sizeof REDACT_MASK);
    buf_create(&shown, PRETTY_MAX);
    redact_text(app->redact, body, len, &masked); /* before colours stand in it */
    bool laid_out = api_pretty(masked.data, masked.len, app->color, &shown);
    int result = laid_out ? app_print_colored(app, shown.data, shown.len, err)
                          : app_print(app, body, len, err);
    if (result == 0 && !laid_out && body[len - 1] != '\n')
        result = app_print(app, "\n", 1, err);
    buf_destroy(&masked);
    buf_destroy(&shown);
    return result;
}

int api_show_body(struct app *app, const char *body, size_t len, struct err *err)
{
    if (len == 0)
        return 0;
    /* A program gets the bytes as they came. */
    return isatty(STDOUT_FILENO) == 1 ? show_to_person(app, body, len, err)
                                      : app_print(app, body, len, err);
}

int api_show_check(const char *code, struct err *err)
{
    if (vm_check_code(code, err) == 0)
        return 0;
    err->kind = ERR_USAGE;
    return err_wrap(err, "--lua");
}

int api_show_lua(struct app *app, struct engine *engine, const struct connector *connector,
                 const char *code, const char *body, size_t len, struct err *err)
{
    const struct vm_options options = {.engine = engine,
                                       .modules = app->modules,
                                       .connector = connector->name,
                                       .ends_programs = true,
                                       .log_json = app->log_format == LOG_JSON};
    const struct vm_text texts[] = {{code, strlen(code)}, {body, len}};
    struct vm *vm = vm_new(&options);
    int status = -1;
    if (vm_run_texts(vm, "repl.filter", "run", texts, 2, &status, err) != 0)
        status = vm_traceback(vm) != NULL ? app_report(app, err, vm_traceback(vm)) : -1;
    vm_free(vm);
    return status;
}
