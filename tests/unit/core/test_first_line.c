/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The first line of an incident as other faces than a page say it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "first_line.h"

enum { MINUTE = 60000 };
static const int64_t TEN = 10 * 60 * MINUTE; /* 10:00 of the first day of 1970, in UTC */

static void test_a_duration_is_never_negative(void **state)
{
    (void)state;
    assert_int_equal(incident_lasted_ms(TEN, 0, TEN + 5), 5);
    assert_int_equal(incident_lasted_ms(TEN, TEN + 3, TEN + 5), 3);
    assert_int_equal(incident_lasted_ms(TEN, TEN - 3, TEN + 5), 0);
    assert_int_equal(incident_lasted_ms(TEN, 0, TEN - 5), 0);
}

static void expect_whole(const char *line, const char *cause, const char *expected)
{
    struct strbuf out = { 0 };
    first_line_whole(line, cause, &out);
    assert_string_equal(strbuf_text(&out), expected);
    strbuf_free(&out);
}

static void test_a_cause_that_was_cut_is_made_whole(void **state)
{
    (void)state;
    expect_whole("no new data for t since 10:00, the log has no err…", "the log has no error",
                 "no new data for t since 10:00, the log has no error");
    expect_whole("cycle slow, 3 of 4, the disk is f…; t well again", "the disk is full, or slow",
                 "cycle slow, 3 of 4, the disk is full, or slow; t well again");
    expect_whole("no new data for t since 10:00, the log has no err…", "ClickHouse refuses",
                 "no new data for t since 10:00, the log has no err…");
    expect_whole("no new data for bronze…ken since 10:00", "x", "no new data for bronze…ken since 10:00");
    expect_whole("no new data for t since 10:00", NULL, "no new data for t since 10:00");
    expect_whole("", "x", "");
}

static void expect_named(const char *line, const char *cause, const char *expected)
{
    struct strbuf out = { 0 };
    first_line_named(line, cause, TEN, TEN + 35 * MINUTE, clock_words_utc, &out);
    assert_string_equal(strbuf_text(&out), expected);
    strbuf_free(&out);
}

static void test_the_worst_is_named_with_its_cause_in_front(void **state)
{
    (void)state;
    expect_named("no new data for 2 tables since 10:00, ClickHouse unre…", "ClickHouse unreachable",
                 "ClickHouse unreachable: 2 tables without new data for 35 min");
    expect_named("no new data for t since Mon 10:00, 2 runs failed", NULL,
                 "t without new data for 35 min, 2 runs failed");
    expect_named("scheduler dead since 10:00, not started again", "killed",
                 "scheduler dead since 10:00 (35 min), not started again");
    /* What tells nothing does not take the place of what is wrong. */
    expect_named("no new data for 2 tables since 10:00, the log does not say why",
                 "the log does not say why (it has a banner)",
                 "2 tables without new data for 35 min, the log does not say why");
    expect_named("no new data for whatever", "x", "no new data for whatever");
    expect_named("", NULL, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_duration_is_never_negative),
        cmocka_unit_test(test_a_cause_that_was_cut_is_made_whole),
        cmocka_unit_test(test_the_worst_is_named_with_its_cause_in_front),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
