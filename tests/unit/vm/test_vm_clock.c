/* A run by a clock that a test moves: what waits for an hour goes on at once. */
#include "config_load.h"
#include "own_clock.h"
#include "provider_list.h"
#include "vm.h"

#include "folder.h"
#include "modules.h"
#include "redact.h"

#define MINUTE_MS INT64_C(60000)

/* Each turn of the loop takes a minute, and no time. */
static int64_t a_minute_passes(void *arg)
{
    *(int64_t *)arg += MINUTE_MS;
    return 0;
}

static int run_script(const char *text, int64_t timeout_ms, int *status, struct err *err)
{
    folder_put("script.lua", 0600, text);
    struct problems problems;
    problems_create(&problems);
    struct config *config = config_load(NULL, provider_list, NULL, &problems);
    struct redact *redact = redact_new();
    struct log *log = log_new(STDERR_FILENO, LOG_ERROR, LOG_TEXT, false, redact);
    struct engine engine;
    engine_create(&engine, config, log, redact);
    int64_t now_ms = 1;
    const struct clock clock = {own_now_ms, &now_ms};
    struct loop_hook hook = {.before = a_minute_passes, .arg = &now_ms};
    loop_set_clock(engine.loop, &clock);
    loop_hook_add(engine.loop, &hook);

    const struct vm_options options = {
        .engine = &engine, .modules = modules, .timeout_ms = timeout_ms};
    struct vm *vm = vm_new(&options);
    int64_t began_ms = clock_mono_ms();
    int result = vm_run_file(vm, "script.lua", status, err);
    assert_true(clock_mono_ms() - began_ms < MINUTE_MS);

    vm_free(vm);
    engine_destroy(&engine);
    log_free(log);
    redact_free(redact);
    config_free(config);
    problems_destroy(&problems);
    return result;
}

static void test_a_task_sleeps_for_an_hour(void **state)
{
    (void)state;
    struct err err = {0};
    int status = -1;
    int result = run_script("local task = require 'jeton.task'\n"
                            "local began = task.now()\n"
                            "local nap = task.spawn(task.sleep, 1800)\n"
                            "task.sleep(3600)\n"
                            "assert(nap:status() == 'done')\n"
                            "assert(task.now() - began >= 3600)\n",
                            0, &status, &err);
    assert_string_equal(err.msg, "");
    assert_int_equal(result, 0);
    assert_int_equal(status, 0);
}

static void test_a_deadline_passes(void **state)
{
    (void)state;
    struct err err = {0};
    int status = -1;
    int result = run_script("require('jeton.task').sleep(3600)", 20 * MINUTE_MS, &status, &err);
    assert_int_equal(result, -1);
    assert_int_equal(err.kind, ERR_DEADLINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_task_sleeps_for_an_hour, folder_set_up,
                                        folder_tear_down),
        cmocka_unit_test_setup_teardown(test_a_deadline_passes, folder_set_up, folder_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
