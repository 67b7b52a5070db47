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
#include "agent/commands/show/table.h"
#include "agent/commands/show/terminal.h"

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
    assert_duration(-125000, "-2 min 05 s");
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

static void test_wrapping_keeps_to_the_width(void **state)
{
    struct terminal terminal = { .width = 30 };
    struct strbuf out = { 0 };
    (void)state;
    strbuf_puts(&out, "  label ");
    terminal_wrap(&terminal, &out, TONE_PLAIN, "seven words that need more than one line", 8, 8);
    assert_string_equal(strbuf_text(&out), "  label seven words that need\n        more than one line\n");
    strbuf_clear(&out);
    terminal_wrap(&terminal, &out, TONE_PLAIN, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 0, 0);
    assert_string_equal(strbuf_text(&out), "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\naaaaaa\n");
    strbuf_free(&out);
}

static const struct show_column columns[] = {
    { "Name", ALIGN_LEFT, 0 },
    { "Count", ALIGN_RIGHT, 0 },
    { "Note", ALIGN_LEFT, 1 },
};

static struct show_table *sample(void)
{
    struct show_table *table = show_table_new(columns, 3);
    show_table_cell(table, TONE_PLAIN, "a|b<c>");
    show_table_count(table, 1234);
    show_table_cell(table, TONE_GOOD, "fine");
    return table;
}

static void assert_grid(int width, const char *expected)
{
    struct terminal terminal = { .width = width };
    struct show_table *table = sample();
    struct strbuf out = { 0 };
    show_table_text(table, &terminal, 0, &out);
    assert_string_equal(strbuf_text(&out), expected);
    strbuf_free(&out);
    show_table_free(table);
}

static void test_grids_drop_columns_before_they_cut(void **state)
{
    (void)state;
    assert_grid(40, "Name    Count  Note\na|b<c>  1,234  fine\n");
    assert_grid(18, "Name    Count\na|b<c>  1,234\n");
}

static void test_grids_as_markup(void **state)
{
    struct show_table *table = sample();
    struct strbuf out = { 0 };
    (void)state;
    show_table_markdown(table, &out);
    assert_string_equal(strbuf_text(&out),
                        "| Name | Count | Note |\n|---|---:|---|\n| a\\|b&lt;c\\> | 1,234 | fine |\n");
    strbuf_clear(&out);
    show_table_html(table, &out);
    assert_non_null(
        strstr(strbuf_text(&out), "<td>a|b&lt;c&gt;</td><td class=\"right\">1,234</td><td class=\"good\">fine</td>"));
    strbuf_free(&out);
    show_table_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_an_offset_that_changes_is_said),
        cmocka_unit_test(test_wrapping_keeps_to_the_width),
        cmocka_unit_test(test_grids_drop_columns_before_they_cut),
        cmocka_unit_test(test_grids_as_markup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
