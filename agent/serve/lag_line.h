/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SERVE_LAG_LINE_H
#define SERVE_LAG_LINE_H

#include <stddef.h>
#include <stdint.h>

/*
 * How far behind a table was over a time: the lag grows from the end of a successful run until the next one ends. The time is cut into
 * pieces of equal length, and of each the highest lag is kept. Pure: fed with the ends of the successful runs in their order.
 */
struct lag_line {
    int64_t from_ms, width_ms;
    size_t count;
    int64_t *peaks_ms;       /* of each piece; -1: not known */
    int64_t last_success_ms; /* 0: none yet */
};

/* peaks_ms has room for count of them. */
void lag_line_begin(struct lag_line *line, int64_t from_ms, int64_t width_ms, int64_t *peaks_ms, size_t count);
/* A run succeeded and ended then, which may be before the line begins. */
void lag_line_success(struct lag_line *line, int64_t ended_ms);
/* No more is known: the lag goes on to as_of_ms. */
void lag_line_end(struct lag_line *line, int64_t as_of_ms);

#endif
