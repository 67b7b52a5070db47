/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_WINDOW_H
#define CORE_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/archive.h"

/* The newest values of a series with their times, oldest first. */
struct window {
    int64_t *at_ms;
    int64_t *values;
    size_t count,
        room; /* room: how many are kept; some more are held, so that the oldest are moved out once in a while */
    size_t allocated;
};

void window_init(struct window *window, size_t room);
void window_free(struct window *window);
void window_push(struct window *window, int64_t at_ms, int64_t value);
/* How many of the newest values are not older than since_ms, at most `most`. */
size_t window_newest(const struct window *window, int64_t since_ms, size_t most);
double window_median(const struct window *window, size_t newest);
/* True if the median of the newest values is value or more; false if there are none. */
bool window_median_reaches(const struct window *window, size_t newest, double value);
void window_archive(struct window *window, struct archive *archive, const char *name);

#endif
