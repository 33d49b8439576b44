#include "clock.h"
#include "loop.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#define MINUTE 60000 /* ms */

/* What happened, in order: each callback adds its letter. */
static char trace[64];

static void note(void *arg)
{
    strcat(trace, arg);
}

static char *letter(char c)
{
    static char letters[26][2];
    letters[c - 'a'][0] = c;
    return letters[c - 'a'];
}

static int setup(void **state)
{
    trace[0] = '\0';
    *state = loop_new();
    return 0;
}

static int teardown(void **state)
{
    loop_free(*state);
    return 0;
}

static void test_timers_fire_in_order_and_never_early(void **state)
{
    struct loop *loop = *state;
    struct loop_timer timers[4] = {0};
    int64_t start = clock_mono_ms();
    loop_timer_start(loop, &timers[0], 20, note, letter('c'));
    loop_timer_start(loop, &timers[1], 5, note, letter('a'));
    loop_timer_start(loop, &timers[2], 5, note, letter('b'));
    loop_timer_start(loop, &timers[3], 10, note, letter('x'));
    loop_timer_stop(loop, &timers[3]);
    loop_timer_stop(loop, &timers[3]);
    while (loop_turn(loop, -1))
        ;
    assert_string_equal(trace, "abc");
    assert_true(clock_mono_ms() - start >= 20);
}

/* A test's own clock: all three kinds stand still until the test moves them. */
static int64_t own_now_ms(void *arg, enum clock_kind kind)
{
    return ((const int64_t *)arg)[kind];
}

static void test_a_clock_that_jumps(void **state)
{
    struct loop *loop = *state;
    int64_t now[] = {[CLOCK_MONO] = 5, [CLOCK_BOOT] = 6, [CLOCK_WALL] = 7};
    const struct clock clock = {own_now_ms, now};
    struct loop_timer timers[2] = {0};
    int64_t start = clock_mono_ms();
    assert_ptr_equal(loop_clock(loop), &clock_system);
    loop_set_clock(loop, &clock);
    assert_int_equal(loop_now_ms(loop), 5);
    assert_int_equal(clock_now_ms(loop_clock(loop), CLOCK_WALL), 7);
    loop_timer_start(loop, &timers[0], 15 * MINUTE, note, letter('a'));
    loop_timer_start(loop, &timers[1], 16 * MINUTE, note, letter('b'));
    assert_true(loop_turn(loop, 1));
    assert_string_equal(trace, "");
    now[CLOCK_MONO] += 15 * MINUTE + 1;
    assert_true(loop_turn(loop, -1));
    assert_string_equal(trace, "a");
    now[CLOCK_MONO] += MINUTE;
    assert_true(loop_turn(loop, -1));
    assert_string_equal(trace, "ab");
    assert_true(clock_mono_ms() - start < MINUTE);
}

struct passing {
    int64_t now_ms[3]; /* by kind; only the first moves */
    struct clock clock;
};

static void pass(void *arg, int64_t ms)
{
    struct passing *passing = arg;
    passing->now_ms[CLOCK_MONO] += ms;
}

static void passing_create(struct passing *passing, struct loop *loop)
{
    *passing = (struct passing){.now_ms = {[CLOCK_MONO] = 5}};
    passing->clock = (struct clock){own_now_ms, passing->now_ms};
    loop_set_clock(loop, &passing->clock);
    loop_set_pass(loop, pass, passing);
}

/* Hours pass at once, timer by timer; where something is ready, none does. */
static void test_time_that_passes_while_nothing_happens(void **state)
{
    struct passing passing;
    struct loop_timer timers[2] = {0};
    passing_create(&passing, *state);
    int64_t start = clock_mono_ms();
    loop_timer_start(*state, &timers[0], 60 * MINUTE, note, letter('b'));
    loop_timer_start(*state, &timers[1], MINUTE, note, letter('a'));
    assert_true(loop_turn(*state, -1));
    assert_string_equal(trace, "a");
    assert_int_equal(passing.now_ms[CLOCK_MONO], 5 + MINUTE + 1);
    loop_turn(*state, 0);
    assert_int_equal(passing.now_ms[CLOCK_MONO], 5 + MINUTE + 1);
    while (loop_turn(*state, -1))
        ;
    assert_string_equal(trace, "ab");
    assert_int_equal(passing.now_ms[CLOCK_MONO], 5 + 60 * MINUTE + 1);
    assert_true(clock_mono_ms() - start < MINUTE);
}

/* Only a signal could end it: `pass` is told. */
static void test_nothing_can_happen_any_more(void **state)
{
    struct passing passing;
    struct loop_fd watch = {0};
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    passing_create(&passing, *state);
    loop_fd_start(*state, &watch, fds[0], POLLIN, NULL, NULL);
    assert_true(loop_turn(*state, -1));
    assert_int_equal(passing.now_ms[CLOCK_MONO], 5 - 1);
    loop_fd_stop(*state, &watch);
    close(fds[0]);
    close(fds[1]);
}

/* A reply that is on its way: the clock stands still until it has come. */
static void test_time_waits_for_a_reply(void **state)
{
    struct passing passing;
    struct loop_timer timer = {0};
    passing_create(&passing, *state);
    loop_timer_start(*state, &timer, MINUTE, note, letter('a'));
    loop_awaits(*state, LOOP_REPLY, 1);
    loop_turn(*state, 20);
    assert_int_equal(passing.now_ms[CLOCK_MONO], 5);
    loop_awaits(*state, LOOP_REPLY, -1);
    loop_turn(*state, 20);
    assert_string_equal(trace, "a");
}

/* Somebody else's lock: time passes as it does. */
static void test_time_goes_on_while_a_lock_is_held(void **state)
{
    struct passing passing;
    struct loop_timer timer = {0};
    passing_create(&passing, *state);
    int64_t start = clock_mono_ms();
    loop_awaits(*state, LOOP_LOCK, 1);
    loop_timer_start(*state, &timer, 30, note, letter('a'));
    while (trace[0] == '\0')
        loop_turn(*state, -1);
    assert_true(clock_mono_ms() - start >= 30);
    loop_timer_start(*state, &timer, 60 * MINUTE, note, letter('b')); /* but not for ever */
    while (trace[1] == '\0')
        loop_turn(*state, -1);
    loop_awaits(*state, LOOP_LOCK, -1);
    assert_true(clock_mono_ms() - start < MINUTE);
}

struct alarm {
    struct loop_timer timer;
    const struct alarm **last; /* that fired before */
};

static void check_order(void *arg)
{
    struct alarm *alarm = arg;
    const struct alarm *last = *alarm->last;
    if (last != NULL)
        assert_true(
            last->timer.due_ms < alarm->timer.due_ms ||
            (last->timer.due_ms == alarm->timer.due_ms && last->timer.order < alarm->timer.order));
    *alarm->last = alarm;
    note(letter('t'));
}

static void test_many_timers_keep_their_order(void **state)
{
    enum { COUNT = 60 };
    struct alarm alarms[COUNT] = {0};
    const struct alarm *last = NULL;
    for (int i = 0; i < COUNT; i++) {
        alarms[i].last = &last;
        loop_timer_start(*state, &alarms[i].timer, (i * 37) % (COUNT / 2), check_order, &alarms[i]);
    }
    for (int i = 0; i < COUNT; i += 3)
        loop_timer_stop(*state, &alarms[i].timer);
    while (loop_turn(*state, -1))
        ;
    assert_int_equal(strlen(trace), COUNT - COUNT / 3);
}

struct again {
    struct loop *loop;
    struct loop_timer timer;
    int count;
};

static void start_again(void *arg)
{
    struct again *again = arg;
    again->count++;
    loop_timer_start(again->loop, &again->timer, 0, start_again, again);
}

static void test_timer_that_starts_itself_waits_for_the_next_turn(void **state)
{
    struct again again = {.loop = *state};
    start_again(&again);
    loop_turn(*state, -1);
    assert_int_equal(again.count, 2);
    loop_turn(*state, -1);
    assert_int_equal(again.count, 3);
    loop_timer_stop(*state, &again.timer);
}

static void test_nothing_to_wait_for(void **state)
{
    bool done = false;
    assert_false(loop_turn(*state, -1));
    assert_false(loop_run_until(*state, &done));
    done = true;
    assert_true(loop_run_until(*state, &done));
}

static void nested_turn(void *arg)
{
    note(letter('n'));
    loop_turn(arg, 0);
    note(letter('m'));
}

static void test_a_callback_may_run_turns(void **state)
{
    struct loop_timer outer = {0}, inner = {0};
    loop_timer_start(*state, &outer, 0, nested_turn, *state);
    loop_timer_start(*state, &inner, 0, note, letter('a'));
    assert_true(loop_turn(*state, -1));
    assert_string_equal(trace, "nam");
    assert_false(loop_turn(*state, -1));
}

struct pair {
    struct loop *loop;
    struct loop_fd first, second;
    int ends[2];
    int calls;
    short revents;
};

static void read_one(void *arg, short revents)
{
    struct pair *pair = arg;
    char c;
    pair->calls++;
    pair->revents = revents;
    if ((revents & POLLIN) != 0)
        assert_int_equal(read(pair->ends[0], &c, 1), 1);
}

static void stop_both(void *arg, short revents)
{
    struct pair *pair = arg;
    (void)revents;
    pair->calls++;
    loop_fd_stop(pair->loop, &pair->first);
    loop_fd_stop(pair->loop, &pair->second);
}

static void test_descriptor_is_level_triggered(void **state)
{
    struct pair pair = {.loop = *state};
    assert_int_equal(pipe(pair.ends), 0);
    loop_fd_start(*state, &pair.first, pair.ends[0], POLLIN, read_one, &pair);
    assert_true(loop_turn(*state, 0));
    assert_int_equal(pair.calls, 0);
    assert_int_equal(write(pair.ends[1], "xy", 2), 2);
    loop_turn(*state, -1);
    loop_turn(*state, -1);
    assert_int_equal(pair.calls, 2);
    loop_turn(*state, 0);
    assert_int_equal(pair.calls, 2);
    close(pair.ends[1]);
    loop_turn(*state, -1);
    assert_int_equal(pair.calls, 3);
    assert_true((pair.revents & POLLHUP) != 0);
    loop_fd_stop(*state, &pair.first);
    assert_false(loop_turn(*state, -1));
    close(pair.ends[0]);
}

static void test_descriptor_stopped_by_another_is_not_called(void **state)
{
    struct pair pair = {.loop = *state};
    assert_int_equal(pipe(pair.ends), 0);
    assert_int_equal(write(pair.ends[1], "x", 1), 1);
    loop_fd_start(*state, &pair.first, pair.ends[0], POLLIN, stop_both, &pair);
    loop_fd_start(*state, &pair.second, pair.ends[0], POLLIN, stop_both, &pair);
    loop_turn(*state, -1);
    assert_int_equal(pair.calls, 1);
    assert_false(loop_turn(*state, -1));
    close(pair.ends[0]);
    close(pair.ends[1]);
}

static void on_signal(int number)
{
    (void)number;
}

static void test_signal_ends_the_wait(void **state)
{
    struct loop_timer far = {0};
    struct sigaction action = {.sa_handler = on_signal}, before;
    sigaction(SIGALRM, &action, &before);
    loop_timer_start(*state, &far, 60000, note, letter('x'));
    struct itimerval soon = {.it_value = {.tv_usec = 20000}};
    setitimer(ITIMER_REAL, &soon, NULL);
    int64_t start = clock_mono_ms();
    assert_true(loop_turn(*state, -1));
    assert_true(clock_mono_ms() - start < 5000);
    assert_string_equal(trace, "");
    loop_timer_stop(*state, &far);
    sigaction(SIGALRM, &before, NULL);
}

struct counted {
    struct loop *loop;
    struct loop_hook hook;
    int64_t wait;
    int before, after;
};

static int64_t count_before(void *arg)
{
    struct counted *counted = arg;
    counted->before++;
    return counted->wait;
}

static void remove_after(void *arg)
{
    struct counted *counted = arg;
    if (++counted->after == 2)
        loop_hook_remove(counted->loop, &counted->hook);
}

static void test_hooks(void **state)
{
    struct counted one = {.loop = *state, .wait = 1}, two = {.loop = *state, .wait = -1};
    one.hook = (struct loop_hook){.before = count_before, .after = remove_after, .arg = &one};
    two.hook = (struct loop_hook){.before = count_before, .arg = &two};
    loop_hook_add(*state, &one.hook);
    loop_hook_add(*state, &one.hook);
    loop_hook_add(*state, &two.hook);
    assert_true(loop_turn(*state, -1));
    assert_true(loop_turn(*state, -1));
    assert_int_equal(one.before, 2);
    assert_int_equal(one.after, 2);
    assert_int_equal(two.before, 2);
    assert_false(loop_turn(*state, -1)); /* two has nothing going on */
    loop_hook_remove(*state, &two.hook);
}

static int poll_calls;

static int own_poll(void *arg, struct pollfd *fds, size_t nfds, int timeout_ms)
{
    assert_ptr_equal(arg, &poll_calls);
    poll_calls++;
    return poll(fds, nfds, timeout_ms);
}

static void test_own_poll(void **state)
{
    struct loop_timer timer = {0};
    poll_calls = 0;
    loop_set_poll(*state, own_poll, &poll_calls);
    loop_timer_start(*state, &timer, 2, note, letter('a'));
    while (loop_turn(*state, -1))
        ;
    assert_string_equal(trace, "a");
    assert_true(poll_calls > 0);
    int calls = poll_calls;
    loop_set_poll(*state, NULL, NULL);
    loop_timer_start(*state, &timer, 0, note, letter('b'));
    assert_true(loop_turn(*state, -1));
    assert_int_equal(poll_calls, calls);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_timers_fire_in_order_and_never_early, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_clock_that_jumps, setup, teardown),
        cmocka_unit_test_setup_teardown(test_time_that_passes_while_nothing_happens, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_nothing_can_happen_any_more, setup, teardown),
        cmocka_unit_test_setup_teardown(test_time_waits_for_a_reply, setup, teardown),
        cmocka_unit_test_setup_teardown(test_time_goes_on_while_a_lock_is_held, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_timers_keep_their_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_timer_that_starts_itself_waits_for_the_next_turn,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_to_wait_for, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_callback_may_run_turns, setup, teardown),
        cmocka_unit_test_setup_teardown(test_descriptor_is_level_triggered, setup, teardown),
        cmocka_unit_test_setup_teardown(test_descriptor_stopped_by_another_is_not_called, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_signal_ends_the_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hooks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_own_poll, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
