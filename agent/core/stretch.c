/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stretch.h"

#include "statistics.h"
#include "units.h"

enum { LATE_RUNS = 3, DAYS_LEAST = 4, DAYS_OF_LOWEST = 10, PAST_DAYS = VOLUME_DAYS - 1 };

/* --- the newest runs ------------------------------------------------------------------------------------------ */

static inline __attribute__((always_inline)) int64_t gathered_ms(const struct run_window *rows, size_t run,
                                                                 int64_t interval_ms)
{
    int64_t gap_ms = run > 0 ? run_window_gap_ms(rows, run) : interval_ms;
    return gap_ms > LATE_RUNS * interval_ms ? interval_ms : gap_ms;
}

int64_t run_gathered_ms(const struct run_window *rows, size_t run, int64_t interval_ms)
{
    return gathered_ms(rows, run, interval_ms);
}

void stretch_begin(struct stretch *stretch, const struct run_window *rows, int64_t interval_ms)
{
    /* Not the lists, which are long: nobody reads beyond the count. */
    stretch->window = rows;
    stretch->interval_ms = interval_ms;
    stretch->runs = stretch->hour_count = 0;
    stretch->next = rows->count;
    stretch->rows = 0;
    stretch->since_ms = 0;
}

static bool stretch_add(struct stretch *stretch, int64_t hour, double covered)
{
    size_t count = stretch->hour_count;
    if (count > 0 && stretch->hours[count - 1] == hour) {
        stretch->covered[count - 1] += covered;
        return true;
    }
    if (count == HOURS)
        return false;
    stretch->hours[count] = hour;
    stretch->covered[count] = covered;
    stretch->hour_count++;
    return true;
}

bool stretch_reach(struct stretch *stretch, size_t runs, const struct moment *moment)
{
    const struct run_window *rows = stretch->window;
    while (stretch->runs < runs && stretch->next > 0) {
        size_t run = --stretch->next;
        int64_t moved = run_window_value(rows, run), at_ms = run_window_at_ms(rows, run);
        if (moved == 0)
            continue;
        int64_t wall_ms = moment_wall_ms(moment, at_ms);
        double covered = (double)gathered_ms(rows, run, stretch->interval_ms) / (double)HOUR_MS;
        if (wall_ms < 0 || !stretch_add(stretch, wall_ms / HOUR_MS, covered))
            return false;
        stretch->rows += (double)moved;
        stretch->since_ms = at_ms;
        stretch->runs++;
    }
    return stretch->runs == runs;
}

bool stretch_is_close(const struct stretch *stretch)
{
    int64_t reach_ms = ((int64_t)stretch->runs + LATE_RUNS) * stretch->interval_ms;
    return run_window_at_ms(stretch->window, stretch->window->count - 1U) - stretch->since_ms <= reach_ms;
}

/* Whether a set of days has DAYS_LEAST: each step takes the lowest of them away. Not every processor can count them. */
static bool are_enough(uint32_t days)
{
    for (int i = 1; i < DAYS_LEAST; i++)
        days &= days - 1;
    return days != 0;
}

/*
 * What the day with the median moved is at most what each hour moved on the day that was best for it. With few days that are alike all days are
 * the measure.
 */
bool stretch_may_be_low(const struct stretch *stretch, struct hour_volumes *volumes, double factor)
{
    double rows = 0;
    uint32_t known = UINT32_MAX, alike = UINT32_MAX;
    /* Days are alike by the newest and the oldest of the stretch. What is reckoned of a day between these does not hold. */
    if (stretch->hours[0] / HOURS - stretch->hours[stretch->hour_count - 1] / HOURS > 1)
        return true;
    for (size_t i = 0; i < stretch->hour_count; i++) {
        const struct hour_digest *digest = hour_volumes_digest(volumes, stretch->hours[i]);
        if (!digest)
            return true;
        rows += stretch->covered[i] * digest->most_alike;
        known &= digest->known;
        alike &= digest->alike;
    }
    if (!are_enough(known) || alike == 0)
        return false;
    return !are_enough(alike) || stretch->rows * factor < rows;
}

/* --- the days before ------------------------------------------------------------------------------------------ */

/* The days before which are of the week, or of the weekend, as those of the stretch's newest and oldest hour are. */
static uint32_t days_alike(const struct stretch *stretch)
{
    int64_t newest = stretch->hours[0] / HOURS, oldest = stretch->hours[stretch->hour_count - 1] / HOURS;
    return hour_volumes_days_alike(newest) & (oldest == newest ? UINT32_MAX : hour_volumes_days_alike(oldest));
}

/* The same days of the week come first: where these differ, they tell soonest that a stretch is no news. */
static const uint8_t ages[PAST_DAYS] = { 7,  14, 21, 1,  2,  3,  4,  5,  6,  8,  9,  10, 11, 12,
                                         13, 15, 16, 17, 18, 19, 20, 22, 23, 24, 25, 26, 27 };

bool past_take(struct past *past, const struct hour_volumes *volumes, const struct stretch *stretch,
               int64_t before_hour, enum past_whole whole)
{
    struct hour_place places[HOURS];
    uint32_t alike = days_alike(stretch);
    size_t lower = 0;
    for (size_t i = 0; i < stretch->hour_count; i++)
        places[i] = hour_volumes_place(stretch->hours[i]);
    past->all_count = past->alike_count = 0;
    for (size_t i = 0; i < PAST_DAYS; i++) {
        double rows = hour_volumes_moved(volumes, places, stretch->covered, stretch->hour_count, ages[i], before_hour);
        if (rows < 0)
            continue;
        past->all[past->all_count++] = rows;
        if (alike >> ages[i] & 1)
            past->alike[past->alike_count++] = rows;
        lower += rows <= stretch->rows;
        if (whole == PAST_IF_LOW && lower > VOLUME_DAYS / DAYS_OF_LOWEST)
            return false;
    }
    return true;
}

struct usual past_usual(struct past *past)
{
    double *all = past->all, *alike = past->alike;
    size_t all_count = past->all_count, alike_count = past->alike_count;
    if (all_count < DAYS_LEAST || alike_count == 0) /* the first weekend may be quiet */
        return (struct usual){ 0 };
    sort_values(all, all_count);
    if (alike_count < DAYS_LEAST)
        return (struct usual){ all_count, all[all_count / 2], all[0], all[0] };
    sort_values(alike, alike_count);
    return (struct usual){
        .days = alike_count,
        .median = alike[alike_count / 2],
        .lowest = alike[alike_count / DAYS_OF_LOWEST], /* with ten days known, one of them may be an accident */
        .lowest_of_all = all[all_count / DAYS_OF_LOWEST],
    };
}
