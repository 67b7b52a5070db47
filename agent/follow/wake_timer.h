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
bool waker_open(struct strbuf *error);
void waker_close(void);

/* From now on select() is interrupted at until_ms (of clock_running_ms; INT64_MAX: never) and by follow_wake, until waker_rest. */
void waker_arm(int64_t until_ms);
void waker_rest(void);

/* Whether follow_wake was called since the last time this was true. */
bool waker_called(void);

#endif
