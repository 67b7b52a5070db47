/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/clock.h"

#include <time.h>

enum { JUMP_LEAST_MS = 1000 };

static int64_t read_ms(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t hostclock_now_ms(void)
{
    return read_ms(CLOCK_REALTIME);
}

int64_t hostclock_running_ms(void)
{
    return read_ms(CLOCK_MONOTONIC);
}

void hostclock_init(struct hostclock *clock)
{
    clock->wall_ms = read_ms(CLOCK_REALTIME);
    clock->running_ms = read_ms(CLOCK_MONOTONIC);
}

int64_t hostclock_jump_ms(struct hostclock *clock)
{
    struct hostclock before = *clock;
    hostclock_init(clock);
    /* CLOCK_MONOTONIC stands still while the host sleeps and is slewed, never stepped: both kinds of jump show. */
    int64_t jump_ms = (clock->wall_ms - before.wall_ms) - (clock->running_ms - before.running_ms);
    return jump_ms >= JUMP_LEAST_MS || jump_ms <= -JUMP_LEAST_MS ? jump_ms : 0;
}
