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
 * libinotifytools sleeps in select() on a descriptor that it does not share, with a timeout in whole seconds. So what
 * must end the sleep earlier is a signal, sent by a POSIX timer. A single shot could be lost:
 *
 *   1. follow_wait finds nothing to do and is about to enter select();
 *   2. the timer fires, its handler runs and returns;
 *   3. select() is entered and sleeps for ever: nothing is left that could interrupt it.
 *
 * Therefore the timer repeats every 10 ms until wake_timer_disarm: what step 2 lost, the next shot finds in select().
 * In the usual case the first one does, and no second is sent.
 *
 * The timer counts on CLOCK_MONOTONIC: what is waited for moves with a clock that is set, so the time to it stays. It
 * signals only the thread that opened it: other threads need not block anything.
 */
static const struct timespec REPEAT = { 0, 10 * 1000 * 1000 };

/*
 * The process's only mutable globals for waking: a signal handler gets no context, so what follow_wake needs must be
 * reachable without one. timer is written before made is set and after it is cleared.
 */
static timer_t timer;
static atomic_bool made;
static atomic_bool called;

static void on_timer(int number)
{
    (void)number; /* its work is done: select() is interrupted */
}

static int timer_signal(void)
{
    return SIGRTMIN;
}

bool wake_timer_open(struct strbuf *error)
{
    /* select() is interrupted by any handler (signal(7)); SA_RESTART spares every other call of the process. */
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
        set_timer(TIMER_ABSTIME, (struct timespec){ until_ms / 1000, until_ms % 1000 * 1000000 + 1 });
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
 * The flag first, then the timer; waiting does it the other way round (arm, then look at the flag). So either the flag
 * is seen, or this shot comes after that arming and is not overwritten by it.
 */
void follow_wake(void)
{
    int saved_errno = errno;
    atomic_store(&called, true);
    if (atomic_load(&made))
        set_timer(0, (struct timespec){ 0, 1 });
    errno = saved_errno;
}
