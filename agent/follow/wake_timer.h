/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FOLLOW_WAKE_TIMER_H
#define FOLLOW_WAKE_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"

/*
 * Ends a blocking select() of the thread that opened it: at a time, or when follow_wake (shell/follow.h) is
 * called from anywhere. One a process.
 */
bool wake_timer_open(struct strbuf *error);
void wake_timer_close(void);

/* From now on select() is interrupted at until_ms (as clock_running_ms tells it; INT64_MAX: never) and by follow_wake, until wake_timer_disarm. */
void wake_timer_arm(int64_t until_ms);
void wake_timer_disarm(void);

/* Whether follow_wake was called since the last time this was true. */
bool wake_timer_called(void);

#endif
