/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wake_timer.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "follow.h"

/* glibc before 2.38 lacks the name that timer_create(2) documents. */
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

/*
 * libinotifytools sleeps in select() on a descriptor that it does not give us, with a timeout in whole seconds. Only a signal can
 * end that sleep earlier, and a POSIX timer sends it. A signal that is sent once could be lost:
 *
 *   1. follow_wait finds nothing to do and is about to enter select();
 *   2. the timer fires, its handler runs and returns;
 *   3. select() is entered and sleeps on, because nothing is left that could interrupt it.
 *
 * So the timer fires every 10 ms until wake_timer_disarm. In the usual case the first signal interrupts select(), and there is no second.
 *
 * The timer counts on CLOCK_MONOTONIC, so that it is not moved when the clock is set. It signals only the thread that opened it, so
 * that other threads need not block the signal.
 */
static const struct timespec REPEAT = { 0, 10 * 1000 * 1000 };

/*
 * Mutable globals, because a signal handler gets no context and follow_wake may be called in one. timer is written only while made
 * is false.
 */
static timer_t timer;
static atomic_bool made;
static atomic_bool called;

static void on_timer(int number)
{
    (void)number; /* that a handler ran is enough to interrupt select() */
}

static int timer_signal(void)
{
    return SIGRTMIN;
}

bool wake_timer_open(struct strbuf *error)
{
    /* SA_RESTART lets every other system call go on, but select() is always interrupted by a handler (signal(7)). */
    struct sigaction action = { .sa_handler = on_timer, .sa_flags = SA_RESTART };
    struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = timer_signal() };
    event.sigev_notify_thread_id = gettid();

    sigemptyset(&action.sa_mask);
    if (sigaction(timer_signal(), &action, NULL) != 0 || timer_create(CLOCK_MONOTONIC, &event, &timer) != 0) {
        strbuf_printf(error, "no timer to wake up by: %s", strerror(errno));
        return false;
    }
    atomic_store(&made, true);
    return true;
}

void wake_timer_close(void)
{
    if (atomic_exchange(&made, false))
        timer_delete(timer);
}

static void set_timer(int flags, struct timespec first)
{
    struct itimerspec when = { .it_interval = REPEAT, .it_value = first };
    timer_settime(timer, flags, &when, NULL);
}

void wake_timer_arm(int64_t until_ms)
{
    if (until_ms == INT64_MAX)
        wake_timer_disarm();
    else if (until_ms <= 0)
        set_timer(0, (struct timespec){ 0, 1 }); /* all zeros would disarm it */
    else
        set_timer(TIMER_ABSTIME, (struct timespec){ until_ms / 1000, (long)(until_ms % 1000 * 1000000 + 1) });
}

void wake_timer_disarm(void)
{
    struct itimerspec off = { { 0, 0 }, { 0, 0 } };
    timer_settime(timer, 0, &off, NULL);
}

bool wake_timer_called(void)
{
    return atomic_exchange(&called, false);
}

/*
 * Sets the flag first and then the timer. follow_wait does it the other way round: it arms the timer, then looks at the flag. So either
 * follow_wait sees the flag, or the timer set here comes after its arming and is not overwritten by it.
 */
void follow_wake(void)
{
    int saved_errno = errno;
    atomic_store(&called, true);
    if (atomic_load(&made))
        set_timer(0, (struct timespec){ 0, 1 });
    errno = saved_errno;
}
