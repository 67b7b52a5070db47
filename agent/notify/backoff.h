/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NOTIFY_BACKOFF_H
#define NOTIFY_BACKOFF_H

#include <stdint.h>

/* The longest wait after so many failed attempts: 1 s after the first, doubled by each further one, at most 5 min. */
int64_t backoff_ceiling_ms(int64_t attempts);

/* A random wait from 1 ms to the ceiling, so that agents that failed at the same moment do not all come back at the same moment. */
int64_t backoff_jitter_ms(int64_t ceiling_ms, uint64_t random);

/*
 * How long to wait after so many failed attempts. retry_after_s is what the receiver asked for: it is waited out in full, but an hour
 * at most. 0 or less: the receiver asked for nothing.
 */
int64_t backoff_wait_ms(int64_t attempts, int64_t retry_after_s);

#endif
