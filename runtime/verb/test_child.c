#include "test_child.h"

#include "config_load.h"
#include "fd.h"
#include "ltest_world.h"
#include "vm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the tests print is masked, line by line: nothing is held back from somebody who looks for
 * the place where they hang. */
struct masked {
    int fd;
    const struct redact *redact;
    FILE *file;
};

static ssize_t write_masked(void *arg, const char *data, size_t len)
{
    const struct masked *masked = arg;
    struct buf text;
    buf_create(&text, (len + 1) * sizeof REDACT_MASK);
    redact_text(masked->redact, data, len, &text);
    int result = fd_write(masked->fd, text.data, text.len);
    buf_destroy(&text);
    return result == 0 ? (ssize_t)len : -1;
}

static void masked_create(struct masked *masked, int fd, const struct redact *redact)
{
    const cookie_io_functions_t functions = {.write = write_masked};
    *masked = (struct masked){.fd = fd, .redact = redact};
    masked->file = fopencookie(masked, "w", functions);
    if (masked->file == NULL)
        abort(); /* out of memory */
    setvbuf(masked->file, NULL, _IOLBF, BUFSIZ);
}

int test_child(struct app *app, const char *json, struct err *err)
{
    /* No program that a test starts gets it. */
    if (fcntl(TEST_CHILD_REPORT, F_SETFD, FD_CLOEXEC) != 0)
        return err_set(err, ERR_USAGE, "--child: descriptor %d, which gets the report: %s",
                       TEST_CHILD_REPORT, strerror(errno));
    struct config *config = app_empty_config(app, err);
    if (config == NULL)
        return -1;
    struct engine engine;
    engine_create(&engine, config, app->log, app->redact);
    struct ltest_world *world = ltest_world_new(&engine);
    struct masked out, error;
    masked_create(&out, STDOUT_FILENO, app->redact);
    masked_create(&error, STDERR_FILENO, app->redact);
    const struct vm_test test = {.world = world,
                                 .random = ltest_world_random,
                                 .failed = ltest_world_failed,
                                 .program = app->self,
                                 .report_fd = TEST_CHILD_REPORT,
                                 .out = out.file,
                                 .err = error.file};
    const struct vm_options options = {.engine = &engine,
                                       .modules = app->modules,
                                       .test = &test,
                                       .ends_programs = true,
                                       .log_json = app->log_format == LOG_JSON};
    struct vm *vm = vm_new(&options);
    int status = -1;
    if (vm_run_module(vm, "test.child", "run", json, &status, err) != 0)
        status = vm_traceback(vm) != NULL ? app_report(app, err, vm_traceback(vm)) : -1;
    ltest_world_close(world);
    vm_free(vm);
    (void)fclose(out.file);
    (void)fclose(error.file);
    engine_forget_store(&engine);
    ltest_world_free(world);
    engine_destroy(&engine);
    config_free(config);
    return status;
}
