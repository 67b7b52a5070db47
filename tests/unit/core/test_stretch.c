/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "agent/core/stretch.h"
#include "agent/core/units.h"

/*
 * What is reckoned once an hour must never hide a stretch that is low. Tables whose rows swing by day and week, with hours without rows, long
 * pauses, and clocks that are set back, are compared with the past as a whole, run by run.
 */

enum { RUNS = 6000 };
static const double FACTOR = 3;

static uint64_t next_number(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

struct habit {
    int64_t interval_ms;
    unsigned zero_of, pause_of,
        back_of; /* one run in so many has no rows; is followed by a long pause; by a set-back. 0: none */
    int64_t weekend_share;
};

static int64_t rows_of(const struct habit *habit, int64_t wall_ms, uint64_t *state)
{
    int64_t hour = wall_ms / HOUR_MS, rows = 1000 + 100 * (hour % HOURS) + (int64_t)(next_number(state) % 900);
    if (habit->zero_of && next_number(state) % habit->zero_of == 0)
        return 0;
    return day_is_weekend(hour / HOURS) ? rows / habit->weekend_share : rows;
}

static void assert_nothing_hidden(struct hour_volumes *volumes, const struct stretch *stretch)
{
    struct past past, part;
    assert_true(past_take(&past, volumes, stretch, INT64_MAX, PAST_WHOLE));
    struct usual usual = past_usual(&past);
    bool is_low = usual.days > 0 && stretch->rows * FACTOR < usual.median && stretch->rows < usual.lowest_of_all;
    if (is_low)
        assert_true(stretch_may_be_low(stretch, volumes, FACTOR));
    if (is_low)
        assert_true(past_take(&part, volumes, stretch, INT64_MAX, PAST_IF_LOW));
}

/* Returns how many stretches need not be looked at, because what was reckoned once an hour tells that they are not low. */
static size_t play(const struct habit *habit, uint64_t seed)
{
    struct hour_volumes *volumes = calloc(1, sizeof *volumes);
    struct moment moment;
    struct run_window rows = { 0 };
    size_t spared = 0;
    int low_runs = 0;
    int64_t divisor = 1;
    int64_t now_ms = 20000 * (int64_t)DAY_MS;
    assert_non_null(volumes);
    moment_init(&moment);
    for (int run = 0; run < RUNS; run++) {
        moment_advance(&moment, now_ms);
        if (low_runs-- <= 0) { /* now and then a few hours are low, by a factor on either side of what is judged */
            low_runs = (int)(next_number(&seed) % 60);
            divisor = low_runs < 40 ? 8 : 16 + (int64_t)(next_number(&seed) % 32);
        }
        int64_t moved = rows_of(habit, moment_now_wall_ms(&moment), &seed) * 8 / divisor;
        run_window_push(&rows, now_ms, moved);
        struct stretch stretch;
        stretch_begin(&stretch, &rows, habit->interval_ms);
        for (size_t hours = 1; moved > 0 && hours <= 3 && stretch_reach(&stretch, 4 * hours, &moment); hours++) {
            assert_nothing_hidden(volumes, &stretch);
            spared += !stretch_may_be_low(&stretch, volumes, FACTOR);
        }
        if (moved > 0)
            hour_volumes_add(volumes, moment_now_wall_ms(&moment),
                             run_gathered_ms(&rows, rows.count - 1, habit->interval_ms), moved);
        now_ms += habit->interval_ms;
        if (habit->pause_of && next_number(&seed) % habit->pause_of == 0)
            now_ms += (int64_t)(next_number(&seed) % 40) * (int64_t)DAY_MS;
        if (habit->back_of && next_number(&seed) % habit->back_of == 0)
            moment_set_back(&moment, moment_now_wall_ms(&moment) - (int64_t)(next_number(&seed) % 60) * HOUR_MS);
    }
    run_window_free(&rows);
    hour_volumes_free(volumes);
    return spared;
}

static void what_is_reckoned_once_an_hour_hides_no_low_stretch(void **state)
{
    (void)state;
    static const struct habit habits[] = {
        { 15 * MINUTE_MS, 0, 0, 0, 1 },      { 15 * MINUTE_MS, 3, 0, 0, 5 },   { 60 * MINUTE_MS, 0, 400, 0, 3 },
        { 30 * MINUTE_MS, 10, 900, 500, 2 }, { 60 * MINUTE_MS, 2, 0, 200, 1 }, { 6 * HOUR_MS, 0, 0, 0, 3 },
    };
    for (size_t i = 0; i < sizeof habits / sizeof habits[0]; i++)
        for (uint64_t seed = 1; seed <= 2; seed++)
            play(&habits[i], seed);
}

static void most_stretches_of_a_steady_table_are_spared(void **state)
{
    (void)state;
    size_t spared = play(&(struct habit){ 15 * MINUTE_MS, 0, 0, 0, 1 }, 7);
    assert_true(spared > (size_t)RUNS * 3 / 2);
}

/* A clock may show a time before 1970. Nothing is known of such an hour, and to ask for it changes nothing. */
static void nothing_is_known_of_an_hour_before_1970(void **state)
{
    (void)state;
    static const int64_t hours[] = { -1, -24, -25, -672, INT64_MIN / HOUR_MS, 0 };
    struct hour_volumes *volumes = calloc(1, sizeof *volumes), *before = calloc(1, sizeof *before);
    assert_non_null(volumes);
    assert_non_null(before);
    for (int64_t hour = 0; hour < 400; hour++)
        hour_volumes_add(volumes, hour * HOUR_MS, HOUR_MS, 1000);
    *before = *volumes;
    size_t bytes = (size_t)VOLUME_DAYS * HOURS * (size_t)volumes->width;
    void *rates = must_copy(volumes->rates, bytes);
    for (size_t i = 0; i < sizeof hours / sizeof hours[0]; i++) {
        assert_null(hour_volumes_digest(volumes, hours[i]));
        assert_true(hour_volumes_most_of_week(volumes, hours[i]) == 0);
    }
    assert_memory_equal(volumes, before, sizeof *volumes);
    assert_memory_equal(volumes->rates, rates, bytes);
    hour_volumes_free(volumes);
    free(before);
    free(rates);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_known_of_an_hour_before_1970),
        cmocka_unit_test(what_is_reckoned_once_an_hour_hides_no_low_stretch),
        cmocka_unit_test(most_stretches_of_a_steady_table_are_spared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
