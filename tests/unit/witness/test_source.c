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

static void assert_error(long status, const char *body, const char *wanted)
{
    struct strbuf said = { 0 };
    source_describe_error(status, slice_of(body), &said);
    assert_string_equal(strbuf_text(&said), wanted);
    strbuf_free(&said);
}

/* The first as version 18.16 says it, the second as today's. */
static void an_error_says_what_is_to_be_done(void **unused)
{
    (void)unused;
    assert_error(404,
                 "Code: 60, e.displayText() = DB::Exception: Table k2.none doesn't exist., e.what() = DB::Exception\n",
                 "ClickHouse answers HTTP 404, there is no such table (code 60): Table k2.none doesn't exist.");
    assert_error(
        404,
        "Code: 60. DB::Exception: Unknown table expression identifier 'k2.none' in scope SELECT 1. (UNKNOWN_TABLE) "
        "(version 25.3.2.39 (official build))\n",
        "ClickHouse answers HTTP 404, there is no such table (code 60): Unknown table expression identifier 'k2.none' "
        "in scope "
        "SELECT 1. (UNKNOWN_TABLE)");
    assert_error(
        403, "Code: 516. DB::Exception: agent: Authentication failed: password is incorrect. (AUTHENTICATION_FAILED)",
        "ClickHouse answers HTTP 403, it does not take the user and the password (code 516): agent: Authentication "
        "failed: "
        "password is incorrect. (AUTHENTICATION_FAILED)");
    assert_error(500, "Code: 4711. DB::Exception: New\r\nand more", "ClickHouse answers HTTP 500 (code 4711): New");
    assert_error(502, "<html>Bad gateway\n</html>", "ClickHouse answers HTTP 502: <html>Bad gateway");
    assert_error(503, "", "ClickHouse answers HTTP 503");
}

static void an_error_of_any_length_is_one_bounded_line(void **unused)
{
    (void)unused;
    struct strbuf body = { 0 }, said = { 0 };
    strbuf_puts(&body, "Code: 99999999999999999999999. DB::Exception: x");
    for (int i = 0; i < 10000; i++)
        strbuf_puts(&body, "é");
    source_describe_error(500, strbuf_slice(&body), &said);
    assert_true(said.len < 250);
    assert_int_equal(strbuf_text(&said)[said.len - 1] & 0xff, 0xa9);
    strbuf_free(&said);
    strbuf_free(&body);
    assert_int_equal(source_error_code((struct slice){ 0 }), 0);
    assert_int_equal(source_error_code(slice_of("Code: ")), 0);
    assert_int_equal(source_error_code(slice_of("17")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_cannot_leave_its_place),
        cmocka_unit_test(an_answer_is_one_number),
        cmocka_unit_test(an_error_says_what_is_to_be_done),
        cmocka_unit_test(an_error_of_any_length_is_one_bounded_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
