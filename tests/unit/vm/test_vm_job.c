/* What a run is for a script of a job. */
#include "config_load.h"
#include "provider_list.h"
#include "vm.h"

#include "folder.h"
#include "modules.h"
#include "redact.h"

#define SCRIPT                                                                                     \
    "local jeton, state = require 'jeton', require 'jeton.state'\n"                                \
    "assert(jeton.job.name == 'report')\n"                                                         \
    "local before = state.get 'who'\n"                                                             \
    "state.set('who', ...)\n"                                                                      \
    "return before == (select(2, ...)) and #state.keys() == 1\n"

/* Runs the job of a configuration; its script finds `before` in its state and leaves `after`. */
static void run_job(const char *path, const char *after, const char *before)
{
    struct err err = {0};
    struct problems problems;
    problems_create(&problems);
    struct config *config = config_load(path, provider_list, NULL, &problems);
    assert_non_null(config);
    const struct job *job = config_job(config, "report", &err);
    assert_non_null(job);

    struct redact *redact = redact_new();
    struct log *log = log_new(STDERR_FILENO, LOG_ERROR, LOG_TEXT, false, redact);
    struct engine engine;
    engine_create(&engine, config, log, redact);
    const char *const args[] = {after, before, NULL};
    const struct vm_options options = {
        .engine = &engine, .modules = modules, .job = job, .args = args};
    struct vm *vm = vm_new(&options);
    int status = -1;
    int result = vm_run_file(vm, job->script, &status, &err);
    if (result != 0 || status != 0)
        fail_msg("%s: status %d: %s", path, status, err.msg);

    vm_free(vm);
    engine_destroy(&engine);
    log_free(log);
    redact_free(redact);
    config_free(config);
    problems_destroy(&problems);
}

/* Of two configurations with one state folder, which may name their jobs alike. */
static void test_a_job_finds_its_own_state(void **state)
{
    (void)state;
    folder_put("script.lua", 0600, SCRIPT);
    folder_put("one.yaml", 0600,
               "version: 1\nstate: st\njobs: { report: { script: script.lua } }\n");
    folder_put("two.yaml", 0600,
               "version: 1\nstate: st\njobs: { report: { script: script.lua } }\n");
    run_job("one.yaml", "first", NULL);
    run_job("two.yaml", "second", NULL);
    run_job("one.yaml", "first again", "first");
    run_job("two.yaml", "second again", "second");
    assert_int_equal(symlink("one.yaml", "link.yaml"), 0);
    run_job("link.yaml", "still the first", "first again");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_job_finds_its_own_state, folder_set_up,
                                        folder_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
