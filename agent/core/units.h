/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_UNITS_H
#define CORE_UNITS_H

/* Durations in milliseconds. */
enum {
    SECOND_MS = 1000,
    MINUTE_MS = 60 * SECOND_MS,
    HOUR_MS = 60 * MINUTE_MS,
    DAY_MS = 24 * HOUR_MS,
};

#endif
