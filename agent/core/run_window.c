/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "run_window.h"

#include <stdlib.h>
#include <string.h>

#include "saved.h"
#include "statistics.h"

enum { RUNS_HELD = RUNS_KEPT + RUNS_KEPT / 6 };

void run_window_free(struct run_window *window)
{
    free(window->is_wide ? (void *)window->runs.wide : (void *)window->runs.narrow);
    *window = (struct run_window){ 0 };
}

static bool fits(const struct run_window *window, int64_t at_ms, int64_t value)
{
    return (uint64_t)(at_ms - window->base_ms) <= UINT32_MAX && (uint64_t)value <= UINT32_MAX;
}

static void grow_to(struct run_window *window, size_t allocated)
{
    if (window->is_wide)
        window->runs.wide = must_grow(window->runs.wide, allocated, sizeof *window->runs.wide);
    else
        window->runs.narrow = must_grow(window->runs.narrow, allocated, sizeof *window->runs.narrow);
    window->allocated = (uint16_t)allocated;
}

static void widen(struct run_window *window)
{
    struct run_wide *wide = must_grow(NULL, window->allocated, sizeof *wide);
    for (size_t i = 0; i < window->count; i++)
        wide[i] = (struct run_wide){ run_window_at_ms(window, i), run_window_value(window, i) };
    free(window->runs.narrow);
    window->runs.wide = wide;
    window->is_wide = true;
}

/* The times are counted from the oldest one that is left. */
static void count_from_oldest(struct run_window *window)
{
    uint32_t passed_ms = window->count > 0 ? window->runs.narrow[0].since_ms : 0;
    for (size_t i = 0; i < window->count; i++)
        if (window->runs.narrow[i].since_ms < passed_ms)
            return; /* a damaged state may have them in any order */
    for (size_t i = 0; i < window->count; i++)
        window->runs.narrow[i].since_ms -= passed_ms;
    window->base_ms += passed_ms;
}

static void place_run(struct run_window *window, size_t i, int64_t at_ms, int64_t value)
{
    if (!window->is_wide && i == 0 && window->count <= 1)
        window->base_ms = at_ms;
    if (!window->is_wide && !fits(window, at_ms, value))
        count_from_oldest(window);
    if (!window->is_wide && !fits(window, at_ms, value))
        widen(window);
    if (window->is_wide)
        window->runs.wide[i] = (struct run_wide){ at_ms, value };
    else
        window->runs.narrow[i] = (struct run_narrow){ (uint32_t)(at_ms - window->base_ms), (uint32_t)value };
}

void run_window_push(struct run_window *window, int64_t at_ms, int64_t value)
{
    if (window->count == RUNS_HELD) {
        size_t kept = RUNS_KEPT - 1, first = window->count - kept;
        if (window->is_wide)
            memmove(window->runs.wide, window->runs.wide + first, kept * sizeof *window->runs.wide);
        else
            memmove(window->runs.narrow, window->runs.narrow + first, kept * sizeof *window->runs.narrow);
        window->count = (uint16_t)kept;
    } else if (window->count == window->allocated) {
        grow_to(window, window->count < RUNS_HELD / 2 ? 2 * (size_t)window->count + 1 : RUNS_HELD);
    }
    if (window->count > 0 && !window->is_wide && fits(window, at_ms, value))
        window->runs.narrow[window->count] =
            (struct run_narrow){ (uint32_t)(at_ms - window->base_ms), (uint32_t)value };
    else
        place_run(window, window->count, at_ms, value);
    window->count++;
}

void run_window_replace_newest(struct run_window *window, int64_t value)
{
    size_t newest = window->count - 1U;
    place_run(window, newest, run_window_at_ms(window, newest), value);
}

double run_window_median(const struct run_window *window)
{
    size_t count = run_window_newest(window), first = window->count - count;
    double values[RUNS_KEPT];
    for (size_t i = 0; i < count; i++)
        values[i] = (double)run_window_value(window, first + i);
    return count > 0 ? median_of(values, count) : 0;
}

static void fill(struct run_window *window, const int64_t *at_ms, const int64_t *values, size_t count)
{
    run_window_free(window);
    if (count > 0)
        grow_to(window, count);
    for (size_t i = 0; i < count; i++)
        run_window_push(window, at_ms[i], values[i]);
}

/* Runs beyond RUNS_KEPT are not saved: the next time that the oldest are moved out, they go. */
void run_window_archive(struct run_window *window, struct archive *archive, const char *name)
{
    int64_t at_ms[RUNS_KEPT], values[RUNS_KEPT];
    size_t count = run_window_newest(window), times_count = count, first = window->count - count;
    struct strbuf times = { 0 };
    for (size_t i = 0; i < count; i++) {
        at_ms[i] = run_window_at_ms(window, first + i);
        values[i] = run_window_value(window, first + i);
    }
    strbuf_puts(&times, name);
    strbuf_puts(&times, ".at");
    saved_i64s(archive, strbuf_text(&times), at_ms, &times_count, RUNS_KEPT);
    saved_i64s(archive, name, values, &count, RUNS_KEPT);
    if (archive_loading(archive))
        fill(window, at_ms, values, count < times_count ? count : times_count);
    strbuf_free(&times);
}
