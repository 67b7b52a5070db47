/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NOTIFY_BACKOFF_H
#define NOTIFY_BACKOFF_H

#include <stdint.h>

/* How long to wait, at most, after so many failed attempts: 1 s, doubling, to 5 min. */
int64_t backoff_ceiling_ms(int64_t attempts);

/* Full jitter: anywhere from 1 ms to the ceiling, so that agents that failed together do not come back together. */
int64_t backoff_jitter_ms(int64_t ceiling_ms, uint64_t random);

/* The wait after so many attempts; what the receiver asked for (0 or less: nothing) is honoured up to an hour, and never undercut. */
int64_t backoff_wait_ms(int64_t attempts, int64_t retry_after_s);

#endif
