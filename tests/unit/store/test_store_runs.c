/* The store's rows of jobs: runs, slots, installations. */
#include "store_fixture.h"
#include "store_lease.h"

#include <signal.h>
#include <sys/wait.h>

#define CLAIMERS 16
#define MINUTE   60000LL
#define SCOPE    "job:report:/etc/jeton.yaml"

static struct store_run new_run(const char *id, int64_t attempt, int64_t started_ms)
{
    struct store_run run = {.scope = SCOPE,
                            .job = "report",
                            .slot_ms = STORE_NONE,
                            .attempt = attempt,
                            .started_ms = started_ms,
                            .ended_ms = STORE_NONE,
                            .exit = -1};
    snprintf(run.run, sizeof run.run, "%s", id);
    process_identity_own(&run.supervisor);
    return run;
}

/* An attempt that has ended well. */
static void add_ended(struct store *store, const char *id, int64_t attempt, int64_t started_ms)
{
    struct err err;
    struct store_run run = new_run(id, attempt, started_ms);
    run.exit = 0;
    run.ended_ms = started_ms + 5;
    assert_int_equal(store_run_add(store, &run, &err), 0);
}

/* A run's claim of a slot. 1, 0: it was claimed before. */
static int claim(struct store *store, const char *scope, int64_t slot_ms)
{
    struct err err;
    char id[STORE_RUN_ID_SIZE];
    store_run_id(id);
    struct store_run run = new_run(id, 1, slot_ms);
    run.scope = scope;
    run.slot_ms = slot_ms;
    return store_run_claim(store, &run, NULL, &err);
}

/* The same for a boot. */
static int claim_boot(struct store *store, const char *scope, const char *boot_id)
{
    struct err err;
    char id[STORE_RUN_ID_SIZE];
    store_run_id(id);
    struct store_run run = new_run(id, 1, 1000);
    run.scope = scope;
    return store_run_claim(store, &run, boot_id, &err);
}

static bool is_claimed(int64_t slot_ms)
{
    struct err err;
    int64_t latest_ms = 0;
    struct store *store = store_fixture_open();
    int found = store_slot_latest(store, SCOPE, slot_ms, &latest_ms, &err);
    store_free(store);
    return found == 1 && latest_ms == slot_ms;
}

/* "newest/attempt … oldest/attempt" */
static char *ids(struct store *store, struct store_run_filter filter)
{
    struct err err;
    struct store_runs runs;
    struct buf out;
    buf_create(&out, 4096);
    assert_int_equal(store_run_list(store, &filter, &runs, &err), 0);
    for (size_t i = 0; i < runs.count; i++)
        buf_printf(&out, "%s%s/%d", i > 0 ? " " : "", runs.items[i].run,
                   (int)runs.items[i].attempt);
    store_runs_destroy(&runs);
    return buf_take(&out);
}

static void assert_ids(struct store *store, struct store_run_filter filter, const char *expected)
{
    char *found = ids(store, filter);
    assert_string_equal(found, expected);
    mem_free(found);
}

static void an_attempt_comes_back_as_it_was(void **state)
{
    (void)state;
    struct err err;
    struct store_runs runs;
    struct store *store = store_fixture_open();
    struct store_run run = new_run("abcdefghij", 2, 1000);
    run.slot_ms = 960;
    assert_int_equal(store_run_add(store, &run, &err), 0);

    const struct store_run_filter by_id = {.run = "abcdefghij", .output = true};
    assert_int_equal(store_run_list(store, &by_id, &runs, &err), 0);
    assert_int_equal(runs.count, 1);
    assert_int_equal(runs.items[0].exit, -1);
    assert_null(runs.items[0].cause);
    assert_null(runs.items[0].output);
    assert_true(runs.items[0].ended_ms == STORE_NONE);
    assert_true(store_run_is_running(&runs.items[0]));
    store_runs_destroy(&runs);

    run.exit = 6;
    run.ended_ms = 1234;
    run.cause = "http";
    run.message = "no such group";
    run.requests = 7;
    run.exchanges = 1;
    run.peak_kib = 4321;
    run.output_bytes = 9;
    run.output = "a\0b\n";
    run.output_len = 4;
    assert_int_equal(store_run_end(store, &run, &err), 0);
    store_free(store);

    store = store_fixture_open();
    assert_int_equal(store_run_list(store, &by_id, &runs, &err), 0);
    assert_int_equal(runs.count, 1);
    const struct store_run *found = &runs.items[0];
    assert_string_equal(found->scope, SCOPE);
    assert_string_equal(found->job, "report");
    assert_int_equal(found->slot_ms, 960);
    assert_int_equal(found->attempt, 2);
    assert_int_equal(found->started_ms, 1000);
    assert_int_equal(found->ended_ms, 1234);
    assert_int_equal(found->exit, 6);
    assert_string_equal(found->cause, "http");
    assert_string_equal(found->message, "no such group");
    assert_int_equal(found->requests, 7);
    assert_int_equal(found->exchanges, 1);
    assert_int_equal(found->peak_kib, 4321);
    assert_int_equal(found->supervisor.pid, getpid());
    assert_int_equal(found->output_bytes, 9);
    assert_int_equal(found->output_len, 4);
    assert_memory_equal(found->output, "a\0b\n", 4);
    assert_false(store_run_is_running(found));
    store_runs_destroy(&runs);
    store_free(store);
}

static void only_the_end_of_a_long_output_is_kept(void **state)
{
    (void)state;
    struct err err;
    struct store_runs runs;
    struct store *store = store_fixture_open();
    struct store_run run = new_run("abcdefghij", 1, 1000);
    run.exit = 0;
    run.output_len = STORE_OUTPUT_MAX + 3;
    char *output = mem_alloc(run.output_len);
    memset(output, 'x', run.output_len);
    output[run.output_len - 1] = 'z';
    run.output = output;
    assert_int_equal(store_run_add(store, &run, &err), 0);
    mem_free(output);
    const struct store_run_filter all = {.output = true};
    assert_int_equal(store_run_list(store, &all, &runs, &err), 0);
    assert_int_equal(runs.items[0].output_len, STORE_OUTPUT_MAX);
    assert_int_equal(runs.items[0].output[STORE_OUTPUT_MAX - 1], 'z');
    store_runs_destroy(&runs);
    store_free(store);
}

static void lists_are_filtered_and_newest_first(void **state)
{
    (void)state;
    struct err err;
    struct store *store = store_fixture_open();
    add_ended(store, "first", 1, 3000); /* the clock stepped back after it */
    add_ended(store, "second", 1, 1000);
    add_ended(store, "second", 2, 1500);
    struct store_run skipped = new_run("skipped", 1, 1600);
    skipped.exit = 7;
    skipped.cause = STORE_CAUSE_LOCKED;
    assert_int_equal(store_run_add(store, &skipped, &err), 0);
    struct store_run other = new_run("other", 1, 1700);
    other.scope = "job:other:/f";
    other.job = "other";
    assert_int_equal(store_run_add(store, &other, &err), 0);

    assert_ids(store, (struct store_run_filter){0}, "other/1 skipped/1 second/2 second/1 first/1");
    assert_ids(store, (struct store_run_filter){.limit = 2}, "other/1 skipped/1");
    assert_ids(store, (struct store_run_filter){.scope = SCOPE, .runs = 1}, "skipped/1");
    assert_ids(store, (struct store_run_filter){.scope = SCOPE, .ran = true, .runs = 1},
               "second/2 second/1");
    assert_ids(store, (struct store_run_filter){.scope = SCOPE, .ran = true, .limit = 1},
               "second/2");
    assert_ids(store, (struct store_run_filter){.job = "other"}, "other/1");
    assert_ids(store, (struct store_run_filter){.run = "second"}, "second/2 second/1");
    assert_ids(store, (struct store_run_filter){.open = true}, "other/1");
    assert_ids(store, (struct store_run_filter){.before_row = skipped.row, .limit = 1}, "second/2");
    assert_ids(store, (struct store_run_filter){.job = "none"}, "");
    store_free(store);
}

/* Marks all that are; how many. */
static size_t mark_interrupted(struct store *store, const char *scope)
{
    struct err err;
    struct store_runs runs;
    const struct store_run_filter open = {.scope = scope, .open = true};
    assert_int_equal(store_run_list(store, &open, &runs, &err), 0);
    store_runs_dead(&runs);
    size_t count = runs.count;
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(runs.items[i].run, "killed");
        runs.items[i].cause = STORE_CAUSE_INTERRUPTED;
        assert_int_equal(runs.items[i].exit, -1);
        assert_int_equal(store_run_end(store, &runs.items[i], &err), 0);
    }
    store_runs_destroy(&runs);
    return count;
}

static void an_open_row_is_marked_interrupted_once(void **state)
{
    (void)state;
    struct err err;
    struct store_runs runs;
    struct store *store = store_fixture_open();
    add_ended(store, "good", 1, 1000);
    struct store_run run = new_run("killed", 1, 2000);
    run.supervisor.start += 1; /* the number belongs to another process now */
    assert_int_equal(store_run_add(store, &run, &err), 0);

    const struct store_run_filter open = {.open = true};
    assert_int_equal(store_run_list(store, &open, &runs, &err), 0);
    assert_false(store_run_is_running(&runs.items[0]));
    store_runs_destroy(&runs);
    assert_int_equal(mark_interrupted(store, "job:other:/f"), 0);
    assert_int_equal(mark_interrupted(store, SCOPE), 1);
    struct store_run waiting = new_run("waiting", 1, 3000);
    assert_int_equal(store_run_add(store, &waiting, &err), 0);
    assert_int_equal(mark_interrupted(store, SCOPE), 0);
    assert_ids(store, open, "waiting/1");
    store_free(store);
}

/* Of those that waited for a lock, the last to start is the newest. */
static void rows_are_in_the_order_of_starts(void **state)
{
    (void)state;
    struct err err;
    struct store *store = store_fixture_open();
    struct store_run first = new_run("first", 1, 1000);
    struct store_run second = new_run("second", 1, 1000);
    assert_int_equal(store_run_add(store, &first, &err), 0);
    assert_int_equal(store_run_add(store, &second, &err), 0);
    second.started_ms = 2000;
    assert_int_equal(store_run_start(store, &second, &err), 0);
    first.started_ms = 3000;
    assert_int_equal(store_run_start(store, &first, &err), 0);
    assert_ids(store, (struct store_run_filter){0}, "first/1 second/1");
    struct store_runs runs;
    assert_int_equal(store_run_list(store, &(struct store_run_filter){.limit = 1}, &runs, &err), 0);
    assert_int_equal(runs.items[0].started_ms, 3000);
    store_runs_destroy(&runs);
    first.exit = 0;
    assert_int_equal(store_run_end(store, &first, &err), 0);
    assert_ids(store, (struct store_run_filter){.open = true}, "second/1");
    store_free(store);
}

/* As on a full disk: it is the end of the statement that writes. */
static void a_claim_and_its_run_come_together(void **state)
{
    (void)state;
    struct err err;
    struct store *store = store_fixture_open();
    struct store_run run = new_run("first", 1, 1000);
    run.slot_ms = 8 * MINUTE;
    assert_int_equal(store_run_claim(store, &run, NULL, &err), 1);
    struct store_run again = new_run("again", 1, 1000);
    again.slot_ms = 8 * MINUTE;
    assert_int_equal(store_run_claim(store, &again, NULL, &err), 0);
    struct store_run broken = new_run("first", 1, 1000); /* the id is taken */
    broken.slot_ms = 9 * MINUTE;
    assert_int_equal(store_run_claim(store, &broken, NULL, &err), -1);
    assert_false(is_claimed(9 * MINUTE));
    struct store_run boot = new_run("boot", 1, 1000);
    assert_int_equal(store_run_claim(store, &boot, "boot-1", &err), 1);
    struct store_run other = new_run("other", 1, 1000);
    assert_int_equal(store_run_claim(store, &other, "boot-1", &err), 0);
    assert_ids(store, (struct store_run_filter){0}, "boot/1 first/1");
    store_free(store);
}

static void an_end_and_the_next_attempt_come_together(void **state)
{
    (void)state;
    struct err err;
    struct store *store = store_fixture_open();
    struct store_run first = new_run("run", 1, 1000), next = new_run("run", 1, 2000);
    assert_int_equal(store_run_add(store, &first, &err), 0);
    first.exit = 1;
    assert_int_equal(store_run_end_and_add(store, &first, &next, &err), -1); /* it is there */
    assert_ids(store, (struct store_run_filter){.open = true}, "run/1");
    next.attempt = 2;
    assert_int_equal(store_run_end_and_add(store, &first, &next, &err), 0);
    assert_ids(store, (struct store_run_filter){.open = true}, "run/2");
    assert_ids(store, (struct store_run_filter){.ended = true}, "run/1");
    assert_true(next.row > first.row);
    store_free(store);
}

static size_t count_untold(struct store *store)
{
    struct err err;
    struct store_runs runs;
    const struct store_run_filter untold = {.scope = SCOPE, .ended = true, .untold = true};
    assert_int_equal(store_run_list(store, &untold, &runs, &err), 0);
    store_runs_dead(&runs);
    size_t count = runs.count;
    store_runs_destroy(&runs);
    return count;
}

/* Whatever its process number says, which may be of another container. */
static void who_holds_its_sign_is_alive(void **state)
{
    (void)state;
    struct err err;
    struct store_runs runs;
    struct store *store = store_fixture_open();
    struct store_lease signs[2];
    const char *const ids[] = {"aaaaaaaaa0", "9999999999"};
    for (size_t i = 0; i < 2; i++) {
        struct store_run run = new_run(ids[i], 1, 1000);
        run.supervisor.start += 1;
        assert_int_equal(store_run_add(store, &run, &err), 0);
        assert_int_equal(store_lease_try(&signs[i], store, STORE_LEASE_RUN, ids[i], &err), 1);
    }
    store_lease_release(&signs[0]);
    assert_int_equal(store_run_list(store, &(struct store_run_filter){.open = true}, &runs, &err),
                     0);
    assert_true(store_run_is_running(&runs.items[0]));
    assert_false(store_run_is_running(&runs.items[1]));
    store_runs_dead(&runs);
    assert_int_equal(runs.count, 1);
    assert_string_equal(runs.items[0].run, ids[0]);
    store_runs_destroy(&runs);
    store_lease_release(&signs[1]);
    store_free(store);
}

static void an_end_is_untold_until_it_is_told(void **state)
{
    (void)state;
    struct err err;
    struct store *store = store_fixture_open();
    struct store_run run = new_run("run", 1, 1000);
    run.supervisor.start += 1; /* dead */
    assert_int_equal(store_run_add(store, &run, &err), 0);
    assert_int_equal(count_untold(store), 0);
    run.exit = 1;
    run.untold = true;
    assert_int_equal(store_run_end(store, &run, &err), 0);
    struct store_run other = new_run("other", 1, 1000); /* its supervisor is about to tell */
    other.exit = 1;
    other.untold = true;
    assert_int_equal(store_run_add(store, &other, &err), 0);
    assert_int_equal(count_untold(store), 1);
    assert_int_equal(store_run_told(store, &run, &err), 0);
    assert_int_equal(count_untold(store), 0);
    store_free(store);
}

/* At the end of a run whose row is gone: nothing but retention. */
static int prune(struct store *store, const char *scope, int64_t keep, int64_t since_ms)
{
    struct err err;
    const struct store_run gone = {.scope = scope};
    return store_run_end_and_prune(store, &gone, keep, since_ms, &err);
}

static void what_is_old_goes_and_the_newest_stays(void **state)
{
    (void)state;
    struct err err;
    struct store *store = store_fixture_open();
    add_ended(store, "a", 1, 1000);
    add_ended(store, "b", 1, 2000);
    add_ended(store, "b", 2, 9000);
    add_ended(store, "c", 1, 3000);
    add_ended(store, "d", 1, 4000);
    struct store_run open = new_run("open", 1, 500);
    assert_int_equal(store_run_add(store, &open, &err), 0);

    assert_int_equal(prune(store, "job:other:/f", 0, INT64_MAX), 0);
    assert_int_equal(prune(store, SCOPE, 3, 0), 0);
    assert_ids(store, (struct store_run_filter){0}, "open/1 d/1 c/1 b/2 b/1");
    assert_int_equal(prune(store, SCOPE, 1000, 2500), 0); /* as a whole */
    assert_ids(store, (struct store_run_filter){0}, "open/1 d/1 c/1");
    assert_int_equal(prune(store, SCOPE, 0, INT64_MAX), 0);
    assert_ids(store, (struct store_run_filter){0}, "open/1 d/1");
    open.exit = 0;
    assert_int_equal(store_run_end_and_prune(store, &open, 1, 0, &err), 0);
    assert_ids(store, (struct store_run_filter){0}, "open/1");
    store_free(store);
}

/* A slot is claimed by one of many, and stays claimed. */
static void one_process_claims_a_slot(void **state)
{
    (void)state;
    int start[2];
    pid_t children[CLAIMERS];
    store_free(store_fixture_open());
    assert_int_equal(pipe(start), 0);
    for (size_t i = 0; i < CLAIMERS; i++) {
        children[i] = fork();
        if (children[i] != 0)
            continue;
        char byte;
        close(start[1]);
        struct store *store = store_fixture_open();
        ssize_t waited = read(start[0], &byte, 1); /* all at once */
        int claimed = store != NULL && waited == 0 ? claim(store, SCOPE, 8 * MINUTE) : -1;
        store_free(store);
        _exit(claimed < 0 ? 2 : claimed);
    }
    close(start[0]);
    close(start[1]);
    int claims = 0;
    for (size_t i = 0; i < CLAIMERS; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
        claims += WEXITSTATUS(status);
    }
    assert_int_equal(claims, 1);
    struct store *store = store_fixture_open();
    assert_true(is_claimed(8 * MINUTE));
    assert_false(is_claimed(9 * MINUTE));
    assert_int_equal(claim(store, SCOPE, 8 * MINUTE), 0);
    assert_int_equal(claim(store, "job:other:/f", 8 * MINUTE), 1);
    store_free(store);
}

/* A clock that was a day ahead for a while neither silences a job nor lets a slot run twice. */
static void claims_are_a_set(void **state)
{
    (void)state;
    struct err err;
    int64_t slot = 0, day = 1440 * MINUTE;
    struct store *store = store_fixture_open();
    assert_int_equal(store_slot_latest(store, SCOPE, INT64_MAX, &slot, &err), 0);
    assert_int_equal(claim(store, SCOPE, 100 * MINUTE), 1);
    assert_int_equal(claim(store, SCOPE, 100 * MINUTE + day), 1);
    assert_int_equal(claim(store, SCOPE, 101 * MINUTE), 1);
    assert_int_equal(claim(store, SCOPE, 100 * MINUTE), 0);
    assert_int_equal(store_slot_latest(store, SCOPE, 200 * MINUTE, &slot, &err), 1);
    assert_int_equal(slot, 101 * MINUTE);
    assert_int_equal(store_slot_latest(store, SCOPE, 99 * MINUTE, &slot, &err), 0);
    store_free(store);
}

static void old_claims_are_forgotten_but_not_all(void **state)
{
    (void)state;
    struct store *store = store_fixture_open();
    int64_t late = 10 * STORE_SLOTS_KEPT_MS;
    for (int64_t i = 1; i <= STORE_SLOTS_KEPT + 5; i++)
        assert_int_equal(claim(store, SCOPE, i), 1);
    assert_true(is_claimed(1)); /* young still */
    assert_int_equal(claim(store, SCOPE, late), 1);
    assert_false(is_claimed(6));
    assert_true(is_claimed(7));
    assert_true(is_claimed(late));
    store_free(store);
}

static void a_boot_is_claimed_once(void **state)
{
    (void)state;
    struct err err;
    int64_t installed;
    struct store *store = store_fixture_open();
    assert_int_equal(store_job_installed(store, SCOPE, 77, &installed, &err), 0);
    assert_int_equal(claim_boot(store, SCOPE, "boot-1"), 1);
    assert_int_equal(claim_boot(store, SCOPE, "boot-1"), 0);
    assert_int_equal(claim_boot(store, "job:other:/f", "boot-1"), 1);
    assert_int_equal(claim_boot(store, SCOPE, "boot-2"), 1);
    assert_int_equal(store_job_installed(store, SCOPE, 99, &installed, &err), 0);
    assert_int_equal(installed, 77);
    store_free(store);
}

static void a_job_is_installed_until_told_otherwise(void **state)
{
    (void)state;
    struct err err;
    int64_t installed = 0;
    struct store *store = store_fixture_open();
    assert_int_equal(store_job_installed(store, SCOPE, 1000, &installed, &err), 0);
    assert_int_equal(installed, 1000);
    assert_int_equal(store_job_installed(store, SCOPE, 2000, &installed, &err), 0);
    assert_int_equal(installed, 1000);
    assert_int_equal(store_jobs_set_installed(store, &(const char *){SCOPE}, 1, 3000, &err), 0);
    assert_int_equal(store_job_installed(store, SCOPE, 4000, &installed, &err), 0);
    assert_int_equal(installed, 3000);
    assert_int_equal(store_jobs_set_installed(store, &(const char *){SCOPE}, 1, STORE_NONE, &err),
                     0);
    assert_int_equal(store_job_installed(store, SCOPE, 5000, &installed, &err), 0);
    assert_int_equal(installed, 5000);
    const char *const scopes[] = {"job:other:/f", SCOPE, "job:third:/f"};
    int64_t all[3];
    assert_int_equal(store_jobs_installed(store, scopes, 3, 6000, all, &err), 0);
    assert_int_equal(all[0], 6000);
    assert_int_equal(all[1], 5000);
    assert_int_equal(all[2], 6000);
    assert_int_equal(store_job_installed(store, scopes[2], 7000, &installed, &err), 0);
    assert_int_equal(installed, 6000);
    assert_int_equal(store_jobs_set_installed(store, scopes, 2, 8000, &err), 0);
    assert_int_equal(store_jobs_installed(store, scopes, 3, 9000, all, &err), 0);
    assert_int_equal(all[0], 8000);
    assert_int_equal(all[1], 8000);
    assert_int_equal(all[2], 6000);
    assert_int_equal(store_jobs_set_installed(store, scopes, 3, STORE_NONE, &err), 0);
    assert_int_equal(store_jobs_installed(store, scopes, 3, 9000, all, &err), 0);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(all[i], 9000);
    store_free(store);
}

static void ids_are_random_and_well_formed(void **state)
{
    (void)state;
    char one[STORE_RUN_ID_SIZE], other[STORE_RUN_ID_SIZE];
    store_run_id(one);
    store_run_id(other);
    assert_string_not_equal(one, other);
    assert_int_equal(strlen(one), STORE_RUN_ID_SIZE - 1);
    assert_int_equal(strspn(one, "abcdefghijklmnopqrstuvwxyz0123456789"), strlen(one));
}

/* A database has other writers. */
static void foreign_ids(void **state)
{
    (void)state;
    struct store *store = store_fixture_open();
    add_ended(store, "\"},{\"x\":1", 1, 1);
    add_ended(store, "../../etc", 1, 2);
    add_ended(store, ";rm -rf ~\x1b", 1, 3);
    char *found = ids(store, (struct store_run_filter){.scope = SCOPE});
    assert_string_equal(found, "_rm__rf___/1 ______etc/1 _____x__1/1");
    mem_free(found);
    store_free(store);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, folder_set_up, folder_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_attempt_comes_back_as_it_was),
        TEST(foreign_ids),
        TEST(only_the_end_of_a_long_output_is_kept),
        TEST(lists_are_filtered_and_newest_first),
        TEST(an_open_row_is_marked_interrupted_once),
        TEST(rows_are_in_the_order_of_starts),
        TEST(a_claim_and_its_run_come_together),
        TEST(an_end_and_the_next_attempt_come_together),
        TEST(who_holds_its_sign_is_alive),
        TEST(an_end_is_untold_until_it_is_told),
        TEST(what_is_old_goes_and_the_newest_stays),
        TEST(one_process_claims_a_slot),
        TEST(claims_are_a_set),
        TEST(old_claims_are_forgotten_but_not_all),
        TEST(a_boot_is_claimed_once),
        TEST(a_job_is_installed_until_told_otherwise),
        TEST(ids_are_random_and_well_formed),
    };
    return STORE_FIXTURE_RUN(tests);
}
