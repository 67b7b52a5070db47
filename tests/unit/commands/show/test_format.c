/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "agent/commands/show/format.h"

static void assert_duration(int64_t ms, const char *expected)
{
    struct strbuf out = { 0 };
    format_duration(&out, ms);
    assert_string_equal(strbuf_text(&out), expected);
    strbuf_free(&out);
}

static void test_durations(void **state)
{
    (void)state;
    assert_duration(0, "0 s");
    assert_duration(13200, "13.2 s");
    assert_duration(45000, "45 s");
    assert_duration(59949, "59.9 s");
    assert_duration(59950, "1 min");
    assert_duration(125000, "2 min 05 s");
    assert_duration(599400, "9 min 59 s");
    assert_duration(599500, "10 min");
    assert_duration(31 * 60000, "31 min");
    assert_duration(3600000 - 30000, "1 h");
    assert_duration(125 * 60000, "2 h 05 min");
    assert_duration(76 * 3600000LL, "3 d 4 h");
    assert_duration(-125000, "0 s");
}

static void test_counts(void **state)
{
    static const struct {
        int64_t count;
        const char *text;
    } cases[] = { { 0, "0" },   { 999, "999" },   { 1000, "1,000" },  { 1234567, "1,234,567" },
                  { -1, "-1" }, { -100, "-100" }, { -1234, "-1,234" } };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct strbuf out = { 0 };
        format_count(&out, cases[i].count);
        assert_string_equal(strbuf_text(&out), cases[i].text);
        strbuf_free(&out);
    }
}

/* Sydney leaves summer time at 2026-04-05 03:00, UTC+11 to UTC+10. */
static void test_an_offset_that_changes_is_said(void **state)
{
    struct strbuf out = { 0 };
    (void)state;
    setenv("TZ", "Australia/Sydney", 1);
    tzset();
    int64_t before = INT64_C(1775314800000), after = before + 4 * 3600000;
    assert_int_equal(format_offset(before), 660);
    format_time(&out, before, 660);
    strbuf_puts(&out, "; ");
    format_time(&out, after, 660);
    assert_string_equal(strbuf_text(&out), "2026-04-05 02:00:00; 2026-04-05 05:00:00 UTC+10:00");
    strbuf_free(&out);
}

/* A value that no history of the agent has, but one of somebody else may have, is written without an overflow. */
static void test_extremes(void **state)
{
    static const int64_t extremes[] = { INT64_MIN, INT64_MIN + 1, -1, INT64_MAX - 1, INT64_MAX };
    (void)state;
    assert_duration(INT64_MAX, "365250000 d");
    assert_duration(INT64_MIN, "0 s");
    for (size_t i = 0; i < sizeof extremes / sizeof extremes[0]; i++) {
        struct strbuf out = { 0 };
        format_count(&out, extremes[i]);
        format_time(&out, extremes[i], 0);
        format_minute(&out, extremes[i]);
        format_clock(&out, extremes[i], 0);
        format_date(&out, extremes[i]);
        format_offset_words(&out, format_offset(extremes[i]));
        assert_true(out.len > 40);
        format_day(extremes[i]);
        strbuf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_an_offset_that_changes_is_said),
        cmocka_unit_test(test_extremes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
