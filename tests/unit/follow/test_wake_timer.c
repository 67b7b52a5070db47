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

static int64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int setup(void **state)
{
    (void)state;
    struct strbuf error = { 0 };
    bool opened = waker_open(&error);
    strbuf_free(&error);
    waker_called();
    return opened ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    waker_close();
    return 0;
}

static void a_deadline_interrupts_at_its_time(void **state)
{
    (void)state;
    int64_t begin = monotonic_ms();
    waker_arm(clock_running_ms() + 50);
    assert_true(select_was_interrupted());
    assert_in_range(monotonic_ms() - begin, 49, 1000);
    waker_rest();
    assert_false(waker_called());
}

static void a_deadline_in_the_past_interrupts_at_once(void **state)
{
    (void)state;
    static const int64_t PAST[] = { 1, 0, -1, INT64_MIN };
    for (size_t i = 0; i < sizeof PAST / sizeof PAST[0]; i++) {
        waker_arm(PAST[i]);
        assert_true(select_was_interrupted());
        waker_rest();
    }
}

/* The first signal comes before select() is entered: without the repetition the sleep would not end. */
static void a_signal_before_the_sleep_is_made_good(void **state)
{
    (void)state;
    struct timespec pause = { 0, 3 * 1000 * 1000 };
    waker_arm(1);
    nanosleep(&pause, NULL);
    nanosleep(&pause, NULL);
    int64_t begin = monotonic_ms();
    assert_true(select_was_interrupted());
    assert_in_range(monotonic_ms() - begin, 0, 500);
    waker_rest();
}

static void at_rest_nothing_interrupts(void **state)
{
    (void)state;
    struct timeval timeout = { 0, 60 * 1000 };
    waker_arm(clock_running_ms() + 10);
    waker_rest();
    assert_int_equal(select(0, NULL, NULL, NULL, &timeout), 0);
    waker_arm(INT64_MAX);
    timeout = (struct timeval){ 0, 60 * 1000 };
    assert_int_equal(select(0, NULL, NULL, NULL, &timeout), 0);
}

static void a_wake_before_the_wait_is_remembered_once(void **state)
{
    (void)state;
    follow_wake();
    follow_wake();
    assert_true(waker_called());
    assert_false(waker_called());
    waker_rest();
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
    waker_arm(INT64_MAX);
    errno = ENOTTY;
    raise(SIGUSR1);
    assert_int_equal(errno, ENOTTY);
    assert_true(select_was_interrupted());
    assert_true(waker_called());
    waker_rest();
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
    int64_t begin = monotonic_ms();
    assert_int_equal(pthread_create(&thread, NULL, call, &caller), 0);
    for (int i = 0; i < WAKES; i++) {
        waker_arm(INT64_MAX);
        while (!waker_called())
            assert_true(select_was_interrupted());
        waker_rest();
        atomic_fetch_add(&caller.answered, 1);
    }
    pthread_join(thread, NULL);
    assert_in_range(monotonic_ms() - begin, 0, WAKES * 10);
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
