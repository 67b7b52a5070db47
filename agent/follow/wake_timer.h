/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FOLLOW_WAKE_TIMER_H
#define FOLLOW_WAKE_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"

/*
 * Interrupts a blocking select() of the thread that called wake_timer_open, at a given time or when follow_wake (follow.h) is
 * called. There is one wake timer in a process.
 */
bool wake_timer_open(struct strbuf *error);
void wake_timer_close(void);

/* Until wake_timer_disarm, select() is interrupted at until_ms (of clock_running_ms; INT64_MAX: never) and by follow_wake. */
void wake_timer_arm(int64_t until_ms);
void wake_timer_disarm(void);

/* Whether follow_wake was called since the last time that this returned true. */
bool wake_timer_called(void);

#endif
