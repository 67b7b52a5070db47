/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_HOURLY_H
#define CORE_HOURLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/archive.h"

/*
 * Values by hour of the day (UTC), because volume follows the hour: a market's quiet night is no anomaly. At most two samples are taken an
 * hour and day, so that the newest 28 span two weeks and their weekends at any cadence.
 */
enum { HOURS = 24, HOUR_SAMPLES = 28 };
struct hourly {
    int64_t values[HOURS][HOUR_SAMPLES]; /* rings */
    int64_t counts[HOURS];               /* ever pushed, per hour */
    int64_t newest_ms[HOURS];
};

/* The hour of an instant of wall time, UTC, 0 to 23; of an instant before 1970 too. */
size_t hour_of_day(int64_t wall_ms);

void hourly_push(struct hourly *hourly, size_t hour, int64_t at_ms, int64_t value);
/* The samples of an hour, in no order. */
const int64_t *hourly_samples(const struct hourly *hourly, size_t hour, size_t *count);
bool hourly_is_empty(const struct hourly *hourly);
void hourly_archive(struct hourly *hourly, struct archive *archive, const char *name);

#endif
