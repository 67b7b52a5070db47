/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include <math.h>

#include "agent/core/calendar.h"
#include "agent/core/statistics.h"
#include "agent/core/window.h"

enum { MINUTE = 60 * 1000, HOUR = 60 * MINUTE };
static const int64_t DAY = 24 * (int64_t)HOUR;

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void assert_near(double value, double expected, double tolerance)
{
    if (fabs(value - expected) > tolerance)
        fail_msg("%.9g is not %.9g within %g", value, expected, tolerance);
}

static void the_median_is_the_middle_or_the_mean_of_the_middle_two(void **unused)
{
    (void)unused;
    assert_near(median_of((double[]){ 7 }, 1), 7, 0);
    assert_near(median_of((double[]){ 9, 1, 5 }, 3), 5, 0);
    assert_near(median_of((double[]){ 9, 1, 5, 2 }, 4), 3.5, 0);
    assert_near(median_of((double[]){ 0 }, 0), 0, 0);
}

static void the_robust_z_is_the_hand_computed_one(void **unused)
{
    (void)unused;
    /* ln: 2.302585 2.397895 2.484907 2.564949 2.639057; median 2.484907; deviations sorted 0 .080043 .087011 .154151 .182322,
     * so MAD .087011, scaled .129003; ln 24 = 3.178054: (3.178054 - 2.484907) / .129003 = 5.37311. */
    const int64_t samples[] = { 12, 10, 14, 11, 13 };
    assert_near(robust_z_log(samples, 5, 24, 0.05), 5.37311, 1e-4);
    assert_near(robust_z_log(samples, 5, 12, 0.05), 0, 1e-12);
    assert_near(robust_z_log(samples, 5, 6, 0.05), -5.37311, 1e-4);
}

static void a_too_regular_past_counts_as_the_floor(void **unused)
{
    (void)unused;
    const int64_t same[] = { 10, 10, 10, 10 };
    assert_near(robust_z_log(same, 4, 20, 0.05), log(2) / 0.05, 1e-9);
    assert_near(robust_z_log(same, 4, 20, 0.25), log(2) / 0.25, 1e-9);
}

static void values_below_one_count_as_one(void **unused)
{
    (void)unused;
    const int64_t samples[] = { 0, -5, 1 };
    assert_near(robust_z_log(samples, 3, 0, 0.05), 0, 0);
    assert_near(robust_z_log(samples, 0, 100, 0.05), 0, 0);
}

static void mann_kendall_gives_the_published_score_with_a_tie(void **unused)
{
    (void)unused;
    /* J. Little, "A Mann-Kendall Example (By Hand)", College of the Holy Cross: S = 54, one pair of ties, Z = 2.9058. In tenths. */
    const int64_t series[] = { 129, 148, 132, 157, 138, 156, 129, 110, 173, 159, 190, 183, 201, 217 };
    assert_near(mann_kendall_z(series, COUNT(series)), 2.9058, 5e-5);
}

static void mann_kendall_corrects_for_every_group_of_ties(void **unused)
{
    (void)unused;
    /* By hand: of 15 pairs 3 + 1 are tied (groups of 3 and 2), 11 rise. Variance
     * (6 5 17 - 3 2 11 - 2 1 9) / 18 = (510 - 66 - 18) / 18 = 23.6667; z = (11 - 1) / 4.86484 = 2.05556. */
    const int64_t series[] = { 1, 1, 1, 2, 3, 3 };
    assert_near(mann_kendall_z(series, COUNT(series)), 2.05556, 1e-4);
}

static void mann_kendall_is_symmetric_and_silent_without_a_trend(void **unused)
{
    (void)unused;
    const int64_t up[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }, down[] = { 10, 9, 8, 7, 6, 5, 4, 3, 2, 1 };
    /* S = 45, variance 10 9 25 / 18 = 125: z = 44 / 11.18034. */
    assert_near(mann_kendall_z(up, 10), 3.93548, 1e-4);
    assert_near(mann_kendall_z(down, 10), -3.93548, 1e-4);
    assert_near(mann_kendall_z((int64_t[]){ 5, 5, 5, 5 }, 4), 0, 0);
    assert_near(mann_kendall_z((int64_t[]){ 1, 2, 2, 1 }, 4), 0, 0);
    assert_near(mann_kendall_z(up, 1), 0, 0);
    assert_near(mann_kendall_z(up, 0), 0, 0);
}

static void theil_sen_is_the_median_slope_and_ignores_an_outlier(void **unused)
{
    (void)unused;
    /* Doubling every minute: ln 2 a minute; the outlier spoils 4 of the 10 pairs. */
    const int64_t times[] = { 0, MINUTE, 2 * MINUTE, 3 * MINUTE, 4 * MINUTE };
    const int64_t values[] = { 1000, 2000, 4000, 8000, 16000 }, spoilt[] = { 1000, 2000, 4000, 8000, 1 };
    assert_near(theil_sen_log(times, values, 5) * (double)MINUTE, log(2), 1e-12);
    /* Slopes: six of ln 2, four negative ones: sorted, the middle two are both ln 2. */
    assert_near(theil_sen_log(times, spoilt, 5) * (double)MINUTE, log(2), 1e-12);
}

static void theil_sen_does_without_pairs_of_one_instant(void **unused)
{
    (void)unused;
    const int64_t times[] = { 0, 0, MINUTE };
    const int64_t values[] = { 10, 10, 20 };
    assert_near(theil_sen_log(times, values, 3) * (double)MINUTE, log(2), 1e-12);
    assert_near(theil_sen_log(times, values, 2), 0, 0);
    assert_near(theil_sen_log(times, values, 1), 0, 0);
}

/* Falling, then level for 96 values. */
static void theil_sen_takes_the_newest_96(void **unused)
{
    (void)unused;
    int64_t times[200], values[200];
    for (int i = 0; i < 200; i++) {
        times[i] = i * (int64_t)MINUTE;
        values[i] = i < 104 ? 1000000 - 1000 * i : 1000;
    }
    assert_near(theil_sen_log(times, values, 200), 0, 0);
    assert_true(theil_sen_log(times, values, 110) < 0);
}

static void a_window_keeps_the_newest(void **unused)
{
    (void)unused;
    struct window window;
    window_init(&window, 3);
    assert_int_equal(window_newest(&window, INT64_MIN, 10), 0);
    assert_near(window_median(&window, 0), 0, 0);
    for (int64_t i = 1; i <= 20; i++) {
        window_push(&window, i * 1000, i);
        assert_int_equal(window_newest(&window, INT64_MIN, SIZE_MAX), i < 3 ? i : 3);
        assert_near(window_median(&window, window_newest(&window, INT64_MIN, 1)), (double)i, 0);
        assert_in_range(window.count, 1, 6);
    }
    assert_near(window_median(&window, 3), 19, 0);
    assert_near(window_median(&window, 2), 19.5, 0);
    assert_int_equal(window_newest(&window, 19000, SIZE_MAX), 2);
    assert_int_equal(window_newest(&window, 19001, SIZE_MAX), 1);
    assert_int_equal(window_newest(&window, 20001, SIZE_MAX), 0);
    window_free(&window);
}

/* Odd and even counts, values that repeat, and halves between them: as the median itself says. */
static void whether_the_median_reaches_a_value_is_counted(void **unused)
{
    (void)unused;
    struct window window;
    window_init(&window, 9);
    assert_false(window_median_reaches(&window, 0, 0));
    for (int64_t i = 0; i < 200; i++) {
        window_push(&window, i, i * i % 7);
        size_t most = window_newest(&window, INT64_MIN, SIZE_MAX);
        for (size_t newest = 1; newest <= most; newest++) {
            for (double value = -0.5; value < 8; value += 0.5)
                assert_int_equal(window_median_reaches(&window, newest, value),
                                 window_median(&window, newest) >= value);
        }
    }
    window_free(&window);
}

static void save_window(struct window *window, struct strbuf *text)
{
    struct archive archive;
    archive_save_to(&archive, text);
    window_archive(window, &archive, "w");
}

static void a_saved_window_is_the_same_window(void **unused)
{
    (void)unused;
    for (int64_t pushed = 0; pushed <= 12; pushed++) {
        struct window window, loaded;
        struct strbuf text = { 0 };
        struct archive archive;
        window_init(&window, 4);
        window_init(&loaded, 4);
        for (int64_t i = 0; i < pushed; i++)
            window_push(&window, i, 10 * i);
        save_window(&window, &text);
        archive_load_from(&archive, strbuf_slice(&text));
        window_archive(&loaded, &archive, "w");
        for (int64_t i = pushed; i < pushed + 9; i++) {
            size_t newest = window_newest(&window, INT64_MIN, SIZE_MAX);
            assert_int_equal(window_newest(&loaded, INT64_MIN, SIZE_MAX), newest);
            assert_near(window_median(&loaded, newest), window_median(&window, newest), 0);
            window_push(&window, i, 10 * i);
            window_push(&loaded, i, 10 * i);
        }
        strbuf_free(&text);
        window_free(&window);
        window_free(&loaded);
    }
}

static void the_calendar_knows_hours_and_weekends_on_both_sides_of_1970(void **unused)
{
    (void)unused;
    assert_int_equal(hour_of_day(0), 0);
    assert_int_equal(hour_of_day(DAY - 1), 23);
    assert_int_equal(hour_of_day(3 * DAY + 5 * HOUR), 5);
    assert_int_equal(hour_of_day(-HOUR), 23);
    assert_int_equal(hour_of_day(-DAY), 0);
    /* 1970 began on a Thursday. */
    for (int64_t day = 0; day < 7; day++)
        assert_int_equal(day_is_weekend(day), day == 2 || day == 3);
    assert_true(day_is_weekend(700 + 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_median_is_the_middle_or_the_mean_of_the_middle_two),
        cmocka_unit_test(the_robust_z_is_the_hand_computed_one),
        cmocka_unit_test(a_too_regular_past_counts_as_the_floor),
        cmocka_unit_test(values_below_one_count_as_one),
        cmocka_unit_test(mann_kendall_gives_the_published_score_with_a_tie),
        cmocka_unit_test(mann_kendall_corrects_for_every_group_of_ties),
        cmocka_unit_test(mann_kendall_is_symmetric_and_silent_without_a_trend),
        cmocka_unit_test(theil_sen_is_the_median_slope_and_ignores_an_outlier),
        cmocka_unit_test(theil_sen_does_without_pairs_of_one_instant),
        cmocka_unit_test(theil_sen_takes_the_newest_96),
        cmocka_unit_test(a_window_keeps_the_newest),
        cmocka_unit_test(whether_the_median_reaches_a_value_is_counted),
        cmocka_unit_test(a_saved_window_is_the_same_window),
        cmocka_unit_test(the_calendar_knows_hours_and_weekends_on_both_sides_of_1970),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
