/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

/* The host's clocks, and whether the wall clock jumped against them: a suspended host, or a clock that was set. */
struct hostclock {
    int64_t wall_ms, running_ms; /* at the last look; running does not count sleep */
};

int64_t hostclock_now_ms(void);
int64_t hostclock_running_ms(void); /* never set, and still while the host sleeps: for the agent's own deadlines */
void hostclock_init(struct hostclock *clock);

/* How much further the wall clock moved since the last look than the machine ran, if a second or more; else 0. */
int64_t hostclock_jump_ms(struct hostclock *clock);

#endif
