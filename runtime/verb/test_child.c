#include "test_child.h"

#include "config_load.h"
#include "ltest_world.h"
#include "provider_list.h"
#include "vm.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

int test_child(struct app *app, const char *json, struct err *err)
{
    /* No program that a test starts gets it. */
    if (fcntl(TEST_CHILD_REPORT, F_SETFD, FD_CLOEXEC) != 0)
        return err_set(err, ERR_USAGE, "--child: descriptor %d, which gets the report: %s",
                       TEST_CHILD_REPORT, strerror(errno));
    struct problems problems;
    problems_create(&problems);
    struct config *config = config_load(NULL, provider_list, app->presets, &problems);
    problems_destroy(&problems);
    if (config == NULL)
        return err_set(err, ERR_CONFIG, "the empty configuration was refused");
    struct engine engine;
    engine_create(&engine, config, app->log, app->redact);
    struct ltest_world *world = ltest_world_new(&engine);
    const struct vm_test test = {.world = world,
                                 .random = ltest_world_random,
                                 .failed = ltest_world_failed,
                                 .program = app->self,
                                 .report_fd = TEST_CHILD_REPORT};
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
    engine_forget_store(&engine);
    ltest_world_free(world);
    engine_destroy(&engine);
    config_free(config);
    return status;
}
