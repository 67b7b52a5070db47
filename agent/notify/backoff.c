/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backoff.h"

#include <sys/random.h>

static const int64_t FIRST_MS = 1000;
static const int64_t CEILING_MS = 5 * 60 * 1000;
static const int64_t RETRY_AFTER_MAX_S = 60 * 60;

int64_t backoff_ceiling_ms(int64_t attempts)
{
    int64_t ceiling_ms = FIRST_MS;

    for (int64_t i = 1; i < attempts && ceiling_ms < CEILING_MS; i++)
        ceiling_ms *= 2;
    return ceiling_ms < CEILING_MS ? ceiling_ms : CEILING_MS;
}

int64_t backoff_jitter_ms(int64_t ceiling_ms, uint64_t random)
{
    return 1 + (int64_t)(random % (uint64_t)ceiling_ms);
}

int64_t backoff_wait_ms(int64_t attempts, int64_t retry_after_s)
{
    int64_t ceiling_ms = backoff_ceiling_ms(attempts);
    uint64_t random;

    if (retry_after_s > 0) {
        /* The moment it counts from is cut to a whole millisecond: never earlier than asked for. */
        return (retry_after_s < RETRY_AFTER_MAX_S ? retry_after_s : RETRY_AFTER_MAX_S) * 1000 + 1;
    }
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random)
        return ceiling_ms; /* early in the boot: then without jitter */
    return backoff_jitter_ms(ceiling_ms, random);
}
