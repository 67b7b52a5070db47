/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "agent/commands/show/table.h"

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

static void test_tables_drop_columns_before_they_cut(void **state)
{
    (void)state;
    assert_grid(40, "Name    Count  Note\na|b<c>  1,234  fine\n");
    assert_grid(18, "Name    Count\na|b<c>  1,234\n");
}

static void test_tables_as_markup(void **state)
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

static void test_wide_characters_are_cut_by_columns(void **state)
{
    static const struct show_column one[] = { { "Name", ALIGN_LEFT, 0 } };
    struct terminal terminal = { .width = 9, .utf8 = true };
    struct show_table *table = show_table_new(one, 1);
    struct strbuf out = { 0 };
    (void)state;
    if (!setlocale(LC_CTYPE, "C.UTF-8"))
        skip_because("there is no locale C.UTF-8");
    show_table_cell(table, TONE_PLAIN, "日本語日本語");
    show_table_text(table, &terminal, 0, &out);
    assert_string_equal(strbuf_text(&out), "Name\n日本語日…\n");
    strbuf_free(&out);
    show_table_free(table);
}

/* The whole text where it fits, else the shorter one before a column is left out, and the whole one again in the room that is left. */
static void test_a_shorter_text_keeps_a_column(void **state)
{
    static const struct {
        int width;
        const char *shown;
    } cases[] = {
        { 40, "Name  Count  Note\nt         1  alpha, beta\nu         2  gamma, delta\n" },
        { 24, "Name  Count  Note\nt         1  alpha, beta\nu         2  2 tables\n" },
        { 22, "Name  Count  Note\nt         1  2 tables\nu         2  2 tables\n" },
        { 15, "Name  Count\nt         1\nu         2\n" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct terminal terminal = { .width = cases[i].width };
        struct show_table *table = show_table_new(columns, 3);
        struct strbuf out = { 0 };
        show_table_cell(table, TONE_PLAIN, "t");
        show_table_count(table, 1);
        show_table_cell_or(table, TONE_PLAIN, "alpha, beta", "2 tables");
        show_table_cell(table, TONE_PLAIN, "u");
        show_table_count(table, 2);
        show_table_cell_or(table, TONE_PLAIN, "gamma, delta", "2 tables");
        show_table_text(table, &terminal, 0, &out);
        assert_string_equal(strbuf_text(&out), cases[i].shown);
        strbuf_free(&out);
        show_table_free(table);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables_drop_columns_before_they_cut),
        cmocka_unit_test(test_a_shorter_text_keeps_a_column),
        cmocka_unit_test(test_tables_as_markup),
        cmocka_unit_test(test_wide_characters_are_cut_by_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
