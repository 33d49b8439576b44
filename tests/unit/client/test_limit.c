/* Eight processes under one limit, in time that is made up: what a service that counts would see.
 */
#include "folder.h"
#include "limit.h"
#include "own_clock.h"
#include "store_bucket.h"
#include "store_engine.h"

#define PROCESSES 8
#define TASKS_MAX 50
#define STEP_MS   5

/* The state: only the buckets, by the test's clock. */
static struct memory {
    const int64_t *now_ms;
    char *kept[STORE_BUCKETS_MAX];
    int writes;
    bool broken;
} memory;

static void *memory_create(const struct state_place *place, struct loop *loop)
{
    (void)place;
    (void)loop;
    return &memory;
}

static void memory_destroy(void *self)
{
    (void)self;
}

static int memory_open(void *self, struct err *err)
{
    (void)self;
    (void)err;
    return 0;
}

static void memory_start(void *self, struct store_call *call)
{
    (void)self;
    assert_int_equal(call->op, STORE_BUCKET_TAKE);
    if (memory.broken) {
        store_finish(call, err_set(&call->err, ERR_CONFIG, "read-only"));
        return;
    }
    call->bucket->now_ms = *memory.now_ms;
    store_bucket_plan(call->bucket, memory.kept);
    memory.writes++;
    store_finish(call, 0);
}

static const struct store_engine memory_engine = {
    .create = memory_create,
    .destroy = memory_destroy,
    .open = memory_open,
    .close = memory_destroy,
    .start = memory_start,
};

/* A service as the sandbox is: calls of the last minute, by seconds. */
struct service {
    int64_t per_minute;
    int64_t seconds[1200];
    int64_t refused, served;
};

static void service_call(struct service *service, int64_t now_ms)
{
    int64_t now = now_ms / 1000, calls = 0;
    for (int64_t second = now > 59 ? now - 59 : 0; second <= now; second++)
        calls += service->seconds[second];
    if (calls >= service->per_minute) {
        service->refused++;
        return;
    }
    service->seconds[now]++;
    service->served++;
}

struct world {
    int64_t now_ms;
    struct clock clock;
    struct loop_hook hook;
    struct loop *loop;
    struct store *store;
    struct log *log;
    struct connector connector;
    struct service service;
    unsigned random;
};

struct process {
    struct world *world;
    struct limits *limits;
    int64_t calls;
    struct task {
        struct process *process;
        struct limit_wait wait;
        struct loop_timer timer;
    } tasks[TASKS_MAX];
};

static int64_t time_passes(void *arg)
{
    *(int64_t *)arg += STEP_MS;
    return 0;
}

static void world_create(struct world *world, int64_t per_minute)
{
    *world = (struct world){.now_ms = 1000, .random = 1};
    memory = (struct memory){.now_ms = &world->now_ms};
    world->loop = loop_new();
    world->clock = (struct clock){own_now_ms, &world->now_ms};
    world->hook = (struct loop_hook){.before = time_passes, .arg = &world->now_ms};
    loop_set_clock(world->loop, &world->clock);
    loop_hook_add(world->loop, &world->hook);
    world->store = store_new_on(&memory_engine, NULL, world->loop);
    static char name[] = "contoso";
    world->connector = (struct connector){.name = name};
    world->connector.rate_limit.per_minute = world->service.per_minute = per_minute;
}

static void world_destroy(struct world *world)
{
    store_free(world->store);
    loop_free(world->loop);
    for (int i = 0; i < STORE_BUCKETS_MAX; i++)
        mem_free(memory.kept[i]);
}

static void task_next(void *arg);

static void task_arrives(void *arg)
{
    struct task *task = arg;
    struct world *world = task->process->world;
    service_call(&world->service, world->now_ms);
    loop_timer_start(world->loop, &task->timer, 5, task_next, task);
}

/* Its request takes from 5 to 305 ms to arrive. */
static void task_goes(void *arg)
{
    struct task *task = arg;
    struct world *world = task->process->world;
    if (task->wait.err.kind != ERR_NONE)
        return;
    task->process->calls++;
    world->random = world->random * 1103515245U + 12345U;
    loop_timer_start(world->loop, &task->timer, 5 + world->random / 65536 % 300, task_arrives,
                     task);
}

static void task_next(void *arg)
{
    struct task *task = arg;
    struct limit *limit = limits_find(task->process->limits, &task->process->world->connector);
    if (limit_take(limit))
        task_goes(task);
    else
        limit_wait_start(limit, &task->wait, 0, task_goes, task);
}

static void process_start(struct world *world, struct process *process, int tasks)
{
    *process = (struct process){.world = world};
    process->limits = limits_new(world->loop, world->store, NULL);
    for (int i = 0; i < tasks; i++) {
        process->tasks[i].process = process;
        task_next(&process->tasks[i]);
    }
}

static void process_end(struct process *process)
{
    for (int i = 0; i < TASKS_MAX; i++) {
        limit_wait_stop(&process->tasks[i].wait);
        loop_timer_stop(process->world->loop, &process->tasks[i].timer);
    }
    limits_free(process->limits);
}

static void run_until(struct world *world, int64_t ms)
{
    while (world->now_ms < ms)
        loop_turn(world->loop, 0);
}

/* least: what each gets, at least, in percent of an equal share */
static void they_share_all_of_it(int64_t per_minute, const int tasks[PROCESSES], int64_t least)
{
    static struct process processes[PROCESSES];
    static struct world world;
    const int64_t minutes = 10;
    world_create(&world, per_minute);
    for (int i = 0; i < PROCESSES; i++)
        process_start(&world, &processes[i], tasks[i]);
    run_until(&world, minutes * 60000);
    assert_int_equal(world.service.refused, 0);
    assert_true(world.service.served >= per_minute * minutes * 97 / 100);
    int64_t mean = world.service.served / PROCESSES;
    for (int i = 0; i < PROCESSES; i++) {
        assert_true(processes[i].calls >= mean * least / 100);
        process_end(&processes[i]);
    }
    world_destroy(&world);
}

static void eight_processes_share_a_limit(void **state)
{
    (void)state;
    static const int alike[PROCESSES] = {20, 20, 20, 20, 20, 20, 20, 20};
    they_share_all_of_it(6000, alike, 95);
}

static void who_has_few_tasks_is_not_starved(void **state)
{
    (void)state;
    static const int unlike[PROCESSES] = {50, 3, 3, 3, 3, 3, 3, 3};
    they_share_all_of_it(100, unlike, 60);
}

static void the_others_go_on_where_one_is_killed(void **state)
{
    (void)state;
    static struct process killed, left;
    static struct world world;
    world_create(&world, 600);
    process_start(&world, &killed, 20);
    process_start(&world, &left, 20);
    run_until(&world, 61000);
    memory.broken = true; /* it gives nothing back */
    process_end(&killed);
    memory.broken = false;
    int64_t calls = left.calls;
    run_until(&world, 61000 + 3 * 61250);
    assert_true(left.calls - calls >= 3 * 600 * 97 / 100 - 20);
    assert_int_equal(world.service.refused, 0);
    process_end(&left);
    world_destroy(&world);
}

static void one_alone_writes_once_a_batch(void **state)
{
    (void)state;
    static struct process process;
    static struct world world;
    world_create(&world, 100000);
    process_start(&world, &process, 50);
    run_until(&world, 21000);
    assert_true(process.calls > 4000);
    assert_true(memory.writes < 130);
    process_end(&process);
    world_destroy(&world);
}

/* Of a job with one call what it did not use is there for the next one. */
static void a_job_costs_what_it_uses(void **state)
{
    (void)state;
    static struct process process;
    static struct world world;
    world_create(&world, 10);
    for (int i = 0; i < 10; i++) {
        process_start(&world, &process, 1);
        assert_int_equal(process.calls, 1);
        process_end(&process);
    }
    process_start(&world, &process, 1);
    assert_int_equal(process.calls, 0);
    process_end(&process);
    world_destroy(&world);
}

static void without_a_state_it_counts_alone(void **state)
{
    (void)state;
    static struct process process;
    static struct world world;
    world_create(&world, 60);
    memory.broken = true;
    process_start(&world, &process, 5);
    run_until(&world, 30000);
    assert_int_equal(process.calls, 60);
    run_until(&world, 121000);
    assert_int_equal(process.calls, 120);
    process_end(&process);
    world_destroy(&world);
}

static void a_deadline_ends_a_wait_before_it_begins(void **state)
{
    (void)state;
    static struct process process, other;
    static struct world world;
    world_create(&world, 5);
    process_start(&world, &process, 5);
    other = (struct process){.world = &world};
    other.limits = limits_new(world.loop, world.store, NULL);
    struct limit_wait wait = {0};
    limit_wait_start(limits_find(other.limits, &world.connector), &wait, world.now_ms + 10000,
                     task_goes, &(struct task){.process = &other, .wait.err.kind = ERR_BUSY});
    assert_int_equal(wait.err.kind, ERR_THROTTLED);
    assert_true(wait.err.retryable);
    assert_non_null(strstr(wait.err.msg, "connector 'contoso' has used its 5 calls a minute"));
    process_end(&other);
    process_end(&process);
    world_destroy(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eight_processes_share_a_limit),
        cmocka_unit_test(who_has_few_tasks_is_not_starved),
        cmocka_unit_test(the_others_go_on_where_one_is_killed),
        cmocka_unit_test(one_alone_writes_once_a_batch),
        cmocka_unit_test(a_job_costs_what_it_uses),
        cmocka_unit_test(without_a_state_it_counts_alone),
        cmocka_unit_test(a_deadline_ends_a_wait_before_it_begins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
