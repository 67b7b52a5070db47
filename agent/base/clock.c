/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/clock.h"

#include <time.h>

enum { JUMP_LEAST_MS = 1000 };

static int64_t clock_read_ns(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t clock_now_ms(void)
{
    return clock_read_ns(CLOCK_REALTIME) / 1000000;
}

int64_t clock_now_ns(void)
{
    return clock_read_ns(CLOCK_REALTIME);
}

int64_t clock_running_ms(void)
{
    return clock_read_ns(CLOCK_MONOTONIC) / 1000000;
}

int64_t clock_running_us(void)
{
    return clock_read_ns(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_since_boot_ms(void)
{
    return clock_read_ns(CLOCK_BOOTTIME) / 1000000;
}

int64_t clock_thread_cpu_ms(void)
{
    return clock_read_ns(CLOCK_THREAD_CPUTIME_ID) / 1000000;
}

bool clock_sleep_ms(int64_t duration_ms)
{
    struct timespec duration = { duration_ms / 1000, (long)(duration_ms % 1000 * 1000000) };
    return nanosleep(&duration, NULL) == 0;
}

void clock_watch_begin(struct clock_watch *watch)
{
    *watch = (struct clock_watch){ clock_now_ms(), clock_running_ms() };
}

int64_t clock_watch_jump_ms(struct clock_watch *watch)
{
    struct clock_watch before = *watch;
    clock_watch_begin(watch);
    /* CLOCK_MONOTONIC stands still while the host sleeps and is slewed, never stepped, so both kinds of jump show. */
    int64_t jump_ms = (watch->now_ms - before.now_ms) - (watch->running_ms - before.running_ms);
    return jump_ms >= JUMP_LEAST_MS || jump_ms <= -JUMP_LEAST_MS ? jump_ms : 0;
}
