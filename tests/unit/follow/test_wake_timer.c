/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

#include "agent/follow/wake_timer.h"
#include "base/clock.h"
#include "follow.h"

/* select() without a timeout is what libinotifytools sleeps in; five seconds stand for "for ever" here. */
static bool select_was_interrupted(void)
{
    struct timeval for_ever = { 5, 0 };
    return select(0, NULL, NULL, NULL, &for_ever) < 0 && errno == EINTR;
}

static int setup(void **state)
{
    (void)state;
    struct strbuf error = { 0 };
    bool opened = wake_timer_open(&error);
    strbuf_free(&error);
    wake_timer_called();
    return opened ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    wake_timer_close();
    return 0;
}

static void a_deadline_interrupts_at_its_time(void **state)
{
    (void)state;
    int64_t begin = clock_running_ms();
    wake_timer_arm(clock_running_ms() + 50);
    assert_true(select_was_interrupted());
    assert_in_range(clock_running_ms() - begin, 49, 1000);
    wake_timer_disarm();
    assert_false(wake_timer_called());
}

static void a_deadline_in_the_past_interrupts_at_once(void **state)
{
    (void)state;
    static const int64_t PAST[] = { 1, 0, -1, INT64_MIN };
    for (size_t i = 0; i < sizeof PAST / sizeof PAST[0]; i++) {
        wake_timer_arm(PAST[i]);
        assert_true(select_was_interrupted());
        wake_timer_disarm();
    }
}

/* The first signal comes before select() is entered: without the repetition the sleep would not end. */
static void a_signal_before_the_sleep_is_made_good(void **state)
{
    (void)state;
    struct timespec pause = { 0, 3 * 1000 * 1000 };
    wake_timer_arm(1);
    nanosleep(&pause, NULL);
    nanosleep(&pause, NULL);
    int64_t begin = clock_running_ms();
    assert_true(select_was_interrupted());
    assert_in_range(clock_running_ms() - begin, 0, 500);
    wake_timer_disarm();
}

static void at_rest_nothing_interrupts(void **state)
{
    (void)state;
    struct timeval timeout = { 0, 60 * 1000 };
    wake_timer_arm(clock_running_ms() + 10);
    wake_timer_disarm();
    assert_int_equal(select(0, NULL, NULL, NULL, &timeout), 0);
    wake_timer_arm(INT64_MAX);
    timeout = (struct timeval){ 0, 60 * 1000 };
    assert_int_equal(select(0, NULL, NULL, NULL, &timeout), 0);
}

static void a_wake_before_the_wait_is_remembered_once(void **state)
{
    (void)state;
    follow_wake();
    follow_wake();
    assert_true(wake_timer_called());
    assert_false(wake_timer_called());
    wake_timer_disarm();
}

static void on_signal(int number)
{
    (void)number;
    follow_wake();
}

static void a_signal_handler_may_wake(void **state)
{
    (void)state;
    struct sigaction action = { .sa_handler = on_signal }, old;
    sigaction(SIGUSR1, &action, &old);
    wake_timer_arm(INT64_MAX);
    errno = ENOTTY;
    raise(SIGUSR1);
    assert_int_equal(errno, ENOTTY);
    assert_true(select_was_interrupted());
    assert_true(wake_timer_called());
    wake_timer_disarm();
    sigaction(SIGUSR1, &old, NULL);
}

enum { WAKES = 2000 };

struct caller {
    atomic_int answered;
};

/* Wakes again and again, at moments that drift over the waiting side's steps, each when the last one was answered. */
static void *call(void *ctx)
{
    struct caller *caller = ctx;
    for (int i = 0; i < WAKES; i++) {
        struct timespec pause = { 0, i % 100 * 500 };
        follow_wake();
        while (atomic_load(&caller->answered) <= i)
            nanosleep(&pause, NULL);
    }
    return NULL;
}

static void no_wake_from_another_thread_is_lost(void **state)
{
    (void)state;
    struct caller caller = { 0 };
    pthread_t thread;
    int64_t begin = clock_running_ms();
    assert_int_equal(pthread_create(&thread, NULL, call, &caller), 0);
    for (int i = 0; i < WAKES; i++) {
        wake_timer_arm(INT64_MAX);
        while (!wake_timer_called())
            assert_true(select_was_interrupted());
        wake_timer_disarm();
        atomic_fetch_add(&caller.answered, 1);
    }
    pthread_join(thread, NULL);
    assert_in_range(clock_running_ms() - begin, 0, WAKES * 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_deadline_interrupts_at_its_time, setup, teardown),
        cmocka_unit_test_setup_teardown(a_deadline_in_the_past_interrupts_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_signal_before_the_sleep_is_made_good, setup, teardown),
        cmocka_unit_test_setup_teardown(at_rest_nothing_interrupts, setup, teardown),
        cmocka_unit_test_setup_teardown(a_wake_before_the_wait_is_remembered_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_signal_handler_may_wake, setup, teardown),
        cmocka_unit_test_setup_teardown(no_wake_from_another_thread_is_lost, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
