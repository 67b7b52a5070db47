/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_KNOWN_DURATIONS_H
#define CORE_KNOWN_DURATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/archive.h"

/*
 * The durations of the good cycles of two weeks, summed up by half hours of wall time (UTC), to tell what is known at this time of day.
 * They are a few bytes a half hour, so that saving them at each cycle's end costs 2 kB: a duration is kept as a step of a scale in which
 * each step is 8 % longer, from 1 s to 20 min.
 */
enum { SLOTS_A_DAY = 48, KNOWN_DAYS = 14, KNOWN_SLOTS = (KNOWN_DAYS + 1) * SLOTS_A_DAY };

/* Steps of the scale; 0 stands for none. */
struct duration_slot {
    uint8_t longest; /* of the half hour's cycles */
    uint8_t pair;    /* the most that two cycles in a row took each, of which the second ended here */
    uint8_t first;   /* the half hour's first cycle: one sample each, whatever the cadence */
};

struct known_durations {
    struct duration_slot slots[KNOWN_SLOTS]; /* a ring: the slot of a half hour is its number modulo the count */
    int64_t newest;                          /* the number of the newest half hour, counted from 1970 */
    int64_t previous_ms;                     /* the duration of the cycle before; 0: there was none */
};

/* At one time of day a slot's neighbours count too: 75 minutes earlier and later on the average. */
enum { SLOTS_AROUND = 2, SAMPLES_AT_HOUR = KNOWN_DAYS * (2 * SLOTS_AROUND + 1) };

void known_durations_add(struct known_durations *known, int64_t wall_ms, int64_t duration_ms);
/* How long ago the half hour of the oldest kept cycle began; 0 if there are none. */
int64_t known_durations_span_ms(const struct known_durations *known, int64_t wall_ms);
/* True if some cycle took so long that ended before the half hour of before_ms. */
bool known_durations_any(const struct known_durations *known, int64_t before_ms, double duration_ms);
/* On how many of the last 14 days a cycle at this time of day took as long. Today is none of them, here and below. */
int known_durations_days_at_hour(const struct known_durations *known, int64_t wall_ms, double duration_ms);
/*
 * On how many of the last 14 days, each from 12 hours before this time of day to 12 hours after it, a cycle took as long, and on how many
 * two cycles in a row took as long each.
 */
int known_durations_days(const struct known_durations *known, int64_t wall_ms, double duration_ms);
int known_durations_days_in_a_row(const struct known_durations *known, int64_t wall_ms, double duration_ms);
/*
 * Of the samples between these ages: how many there are (count), and how many took as long (returned). An age is rounded down to half
 * hours.
 */
size_t known_durations_count(const struct known_durations *known, int64_t wall_ms, int64_t oldest_ms, int64_t newest_ms,
                             double duration_ms, size_t *count);
/* The samples at this time of day; values has room for SAMPLES_AT_HOUR. */
size_t known_durations_at_hour(const struct known_durations *known, int64_t wall_ms, int64_t *values);
/* On how many days they lie, and how many of them took as long: what is cheap to ask first. */
int known_durations_hour_days(const struct known_durations *known, int64_t wall_ms, double duration_ms, size_t *count,
                              size_t *as_long);
void known_durations_archive(struct known_durations *known, struct archive *archive);

#endif
