/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* The one place that reads the host's clocks and sleeps. */

/* The wall clock, as Unix time. Somebody may set it at any moment. */
int64_t clock_now_ms(void);
int64_t clock_now_ns(void);

/* CLOCK_MONOTONIC: nobody sets it, and it stands still while the host sleeps. The agent's own waits are measured on it. */
int64_t clock_running_ms(void);
int64_t clock_running_us(void);

/* The time since the host booted, with the time that it slept (CLOCK_BOOTTIME). */
int64_t clock_since_boot_ms(void);

/* The processor time that the calling thread has used. */
int64_t clock_thread_cpu_ms(void);

/* Returns false if a signal ended the sleep early. */
bool clock_sleep_ms(int64_t duration_ms);

/* Notices that the wall clock jumped: the host slept, or somebody set the clock. */
struct clock_watch {
    int64_t now_ms, running_ms; /* at the last look */
};

void clock_watch_begin(struct clock_watch *watch);

/* By how much the wall clock has moved further than the machine ran since the last look; 0 if that is less than a second. */
int64_t clock_watch_jump_ms(struct clock_watch *watch);

#endif
