/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "agent/notify/backoff.h"

static void the_ceiling_doubles_from_a_second_to_five_minutes(void **unused)
{
    static const int64_t expected_ms[] = {
        1000, 2000, 4000, 8000, 16000, 32000, 64000, 128000, 256000, 300000, 300000
    };

    (void)unused;
    for (size_t i = 0; i < sizeof expected_ms / sizeof expected_ms[0]; i++)
        assert_int_equal(backoff_ceiling_ms((int64_t)i + 1), expected_ms[i]);
    assert_int_equal(backoff_ceiling_ms(0), 1000);
    assert_int_equal(backoff_ceiling_ms(INT64_MAX), 300000);
}

static void jitter_spans_the_whole_range_and_no_more(void **unused)
{
    (void)unused;
    assert_int_equal(backoff_jitter_ms(1000, 0), 1);
    assert_int_equal(backoff_jitter_ms(1000, 999), 1000);
    assert_int_equal(backoff_jitter_ms(1000, 1000), 1);
    for (uint64_t random = 0; random < 5000; random++) {
        int64_t wait_ms = backoff_jitter_ms(4000, random * UINT64_C(0x9e3779b97f4a7c15));
        assert_in_range(wait_ms, 1, 4000);
    }
}

static void waits_differ_from_one_another(void **unused)
{
    int64_t first_ms = backoff_wait_ms(9, 0);
    int different = 0;

    (void)unused;
    for (int i = 0; i < 20; i++) {
        int64_t wait_ms = backoff_wait_ms(9, 0);
        assert_in_range(wait_ms, 1, 256000);
        different += wait_ms != first_ms;
    }
    assert_true(different > 0);
}

static void what_the_receiver_asks_for_wins_up_to_an_hour(void **unused)
{
    (void)unused;
    assert_int_equal(backoff_wait_ms(1, 7), 7000 + 1);
    assert_int_equal(backoff_wait_ms(20, 1), 1000 + 1);
    assert_int_equal(backoff_wait_ms(1, 3600), 3600000 + 1);
    assert_int_equal(backoff_wait_ms(1, 86400), 3600000 + 1);
    assert_int_equal(backoff_wait_ms(1, INT64_MAX), 3600000 + 1);
    assert_in_range(backoff_wait_ms(1, -5), 1, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ceiling_doubles_from_a_second_to_five_minutes),
        cmocka_unit_test(jitter_spans_the_whole_range_and_no_more),
        cmocka_unit_test(waits_differ_from_one_another),
        cmocka_unit_test(what_the_receiver_asks_for_wins_up_to_an_hour),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
