/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_RUN_WINDOW_H
#define CORE_RUN_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/archive.h"

/*
 * The newest values of a table's runs with their times, oldest first: what struct window is, in half the memory, because there may be thousands of
 * tables. A time is kept as the milliseconds since an earlier one. Where times or values do not fit into 32 bits, all are kept in 64.
 */
enum { RUNS_KEPT = 96 };

struct run_window {
    union {
        struct run_narrow {
            uint32_t since_ms, value;
        } * narrow;
        struct run_wide {
            int64_t at_ms, value;
        } * wide;
    } runs; /* owned; NULL: there are none */
    int64_t base_ms;
    uint16_t count; /* up to a sixth more than RUNS_KEPT, so that the oldest are moved out once in a while */
    uint16_t allocated;
    bool is_wide;
};

static inline int64_t run_window_at_ms(const struct run_window *window, size_t i)
{
    return window->is_wide ? window->runs.wide[i].at_ms : window->base_ms + window->runs.narrow[i].since_ms;
}

static inline int64_t run_window_value(const struct run_window *window, size_t i)
{
    return window->is_wide ? window->runs.wide[i].value : window->runs.narrow[i].value;
}

/* How long after the run before it a run was; i is at least 1. */
static inline int64_t run_window_gap_ms(const struct run_window *window, size_t i)
{
    return window->is_wide ? window->runs.wide[i].at_ms - window->runs.wide[i - 1].at_ms
                           : (int64_t)window->runs.narrow[i].since_ms - (int64_t)window->runs.narrow[i - 1].since_ms;
}

/* An empty one is all zero. */
void run_window_free(struct run_window *window);
void run_window_push(struct run_window *window, int64_t at_ms, int64_t value);
/* The newest value is another one; there must be one. */
void run_window_replace_newest(struct run_window *window, int64_t value);
/* How many of them count: no more than RUNS_KEPT. */
static inline size_t run_window_newest(const struct run_window *window)
{
    return window->count < RUNS_KEPT ? window->count : RUNS_KEPT;
}
/* Of those that count; 0 if there are none. */
double run_window_median(const struct run_window *window);
void run_window_archive(struct run_window *window, struct archive *archive, const char *name);

#endif
