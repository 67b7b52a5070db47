/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "agent/witness/source.h"

static void assert_query(const char *table, const char *wanted)
{
    struct strbuf query = { 0 };
    source_query("SELECT max(t) FROM k2.{source} -- {source}", table, &query);
    assert_string_equal(strbuf_text(&query), wanted);
    strbuf_free(&query);
}

static void a_name_cannot_leave_its_place(void **unused)
{
    (void)unused;
    assert_query("bronze_trades", "SELECT max(t) FROM k2.bronze_trades -- bronze_trades");
    assert_query("Bronze Trades", "SELECT max(t) FROM k2.`Bronze Trades` -- `Bronze Trades`");
    assert_query("a`; DROP TABLE b\\", "SELECT max(t) FROM k2.`a\\`; DROP TABLE b\\\\` -- `a\\`; DROP TABLE b\\\\`");
    assert_query("9", "SELECT max(t) FROM k2.`9` -- `9`");
}

static void an_answer_is_one_number(void **unused)
{
    (void)unused;
    int64_t newest_ms = -1;
    assert_true(source_read_answer(slice_of("1767225600000\n"), &newest_ms));
    assert_int_equal(newest_ms, 1767225600000);
    assert_true(source_read_answer(slice_of("0\n"), &newest_ms));
    assert_int_equal(newest_ms, 0);
    assert_false(source_read_answer(slice_of(""), &newest_ms));
    assert_false(source_read_answer(slice_of("\\N\n"), &newest_ms));
    assert_false(source_read_answer(slice_of("nan\n"), &newest_ms));
    assert_false(source_read_answer(slice_of("-5\n"), &newest_ms));
    assert_false(source_read_answer(slice_of("1\n2\n"), &newest_ms));
    assert_false(source_read_answer(slice_of("1767225600000.5"), &newest_ms));
    assert_false(source_read_answer(slice_of("9999999999999999999"), &newest_ms));
    assert_false(source_read_answer(slice_of("999999999999999999999999999999"), &newest_ms));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_cannot_leave_its_place),
        cmocka_unit_test(an_answer_is_one_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
