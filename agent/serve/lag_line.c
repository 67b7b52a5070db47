/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lag_line.h"

void lag_line_begin(struct lag_line *line, int64_t from_ms, int64_t width_ms, int64_t *peaks_ms, size_t count)
{
    *line = (struct lag_line){ .from_ms = from_ms, .width_ms = width_ms, .count = count, .peaks_ms = peaks_ms };
    for (size_t i = 0; i < count; i++)
        peaks_ms[i] = -1;
}

/* The lag grew from last_success_ms to to_ms. */
static void lag_grew(struct lag_line *line, int64_t to_ms)
{
    int64_t first = (line->last_success_ms - line->from_ms) / line->width_ms;
    if (line->last_success_ms == 0 || to_ms <= line->from_ms)
        return;
    for (size_t i = first > 0 ? (size_t)first : 0; i < line->count; i++) {
        int64_t begins_ms = line->from_ms + (int64_t)i * line->width_ms, ends_ms = begins_ms + line->width_ms;
        int64_t peak_ms = (ends_ms < to_ms ? ends_ms : to_ms) - line->last_success_ms;
        if (begins_ms >= to_ms)
            return;
        if (peak_ms > line->peaks_ms[i])
            line->peaks_ms[i] = peak_ms;
    }
}

void lag_line_success(struct lag_line *line, int64_t ended_ms)
{
    if (ended_ms <= line->last_success_ms)
        return;
    lag_grew(line, ended_ms);
    line->last_success_ms = ended_ms;
}

void lag_line_end(struct lag_line *line, int64_t as_of_ms)
{
    lag_grew(line, as_of_ms);
}
