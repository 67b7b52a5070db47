/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/serve/lag_line.h"

/* Four pieces of 100 ms from 1000 ms on. */
enum { FROM = 1000, WIDTH = 100, PIECES = 4 };

static void assert_peaks(const int64_t *ends, size_t count, int64_t as_of_ms, const int64_t *expected)
{
    struct lag_line line;
    int64_t peaks[PIECES];
    lag_line_begin(&line, FROM, WIDTH, peaks, PIECES);
    for (size_t i = 0; i < count; i++)
        lag_line_success(&line, ends[i]);
    lag_line_end(&line, as_of_ms);
    for (size_t i = 0; i < PIECES; i++)
        assert_int_equal(peaks[i], expected[i]);
}

static void test_without_a_success_nothing_is_known(void **state)
{
    (void)state;
    assert_peaks(NULL, 0, 1400, (int64_t[]){ -1, -1, -1, -1 });
}

static void test_the_lag_grows_until_the_next_success(void **state)
{
    (void)state;
    /* Before the first success nothing is known; the lag is highest at the end of a piece, or just before a success. */
    assert_peaks((int64_t[]){ 1050, 1220 }, 2, 1400, (int64_t[]){ 50, 150, 170, 180 });
    assert_peaks((int64_t[]){ 900 }, 1, 1400, (int64_t[]){ 200, 300, 400, 500 });
    assert_peaks((int64_t[]){ 900, 1010, 1020, 1030 }, 4, 1400, (int64_t[]){ 110, 170, 270, 370 });
    assert_peaks((int64_t[]){ 1399 }, 1, 1400, (int64_t[]){ -1, -1, -1, 1 });
}

static void test_what_is_not_over_is_known_until_then(void **state)
{
    (void)state;
    assert_peaks((int64_t[]){ 1050 }, 1, 1150, (int64_t[]){ 50, 100, -1, -1 });
    assert_peaks((int64_t[]){ 1050 }, 1, 1050, (int64_t[]){ 0, -1, -1, -1 });
    assert_peaks((int64_t[]){ 500, 1600 }, 2, 1700, (int64_t[]){ 600, 700, 800, 900 });
    assert_peaks((int64_t[]){ 1600 }, 1, 1700, (int64_t[]){ -1, -1, -1, -1 });
}

static void test_a_clock_that_went_back_is_no_success(void **state)
{
    (void)state;
    assert_peaks((int64_t[]){ 1150, 1050, 0, -5 }, 4, 1400, (int64_t[]){ -1, 50, 150, 250 });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_a_success_nothing_is_known),
        cmocka_unit_test(test_the_lag_grows_until_the_next_success),
        cmocka_unit_test(test_what_is_not_over_is_known_until_then),
        cmocka_unit_test(test_a_clock_that_went_back_is_no_success),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
