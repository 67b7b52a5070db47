/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/commands/show/query.h"
#include "base/budgets.h"

static int open_database(void **state)
{
    sqlite3 *db = NULL;
    int code = sqlite3_open(":memory:", &db);
    *state = db;
    return code;
}

static int close_database(void **state)
{
    return sqlite3_close(*state);
}

static void ask_one(struct query *query, void **state, const char *sql, int64_t value)
{
    *query = (struct query){ .db = *state };
    query_ask(query, sql, &value, 1);
    assert_true(query_next(query));
}

static void assert_number(void **state, int64_t (*read)(const struct query *, int), int64_t value, int64_t expected)
{
    struct query query;
    ask_one(&query, state, "SELECT ?1", value);
    assert_int_equal(read(&query, 0), expected);
    query_end(&query);
}

static void test_numbers_stay_within_their_bounds(void **state)
{
    const int64_t most = HISTORY_NUMBER_MAX, least = HISTORY_NUMBER_MIN, many = HISTORY_COUNT_MAX;
    assert_number(state, query_int, most, most);
    assert_number(state, query_int, most + 1, most);
    assert_number(state, query_int, least, least);
    assert_number(state, query_int, least - 1, least);
    assert_number(state, query_int, INT64_MIN, least);
    assert_number(state, query_count, 0, 0);
    assert_number(state, query_count, -1, 0);
    assert_number(state, query_count, many, many);
    assert_number(state, query_count, many + 1, many);
    assert_number(state, query_time, most, most);
    assert_number(state, query_time, INT64_MAX, most);
    assert_number(state, query_time, -1, 0);
}

static void test_what_is_no_number_is_zero(void **state)
{
    struct query query;
    ask_one(&query, state, "SELECT 'x', NULL, x'00ff', 1e300, ?1", 0);
    assert_int_equal(query_int(&query, 0), 0);
    assert_int_equal(query_int(&query, 1), 0);
    assert_int_equal(query_time(&query, 2), 0);
    assert_int_equal(query_count(&query, 3), HISTORY_COUNT_MAX);
    query_end(&query);
}

static void assert_text_length(void **state, const char *sql, int64_t count, size_t expected)
{
    struct query query;
    ask_one(&query, state, sql, count);
    char *text = query_text(&query, 0);
    assert_int_equal(strlen(text), expected);
    free(text);
    query_end(&query);
}

static void test_a_long_text_is_cut_between_two_characters(void **state)
{
    const size_t most = HISTORY_TEXT_MAX_BYTES;
    static const char letters[] = "SELECT substr(replace(hex(zeroblob(?1)), '00', 'x'), 1, ?1)",
                      euros[] = "SELECT replace(hex(zeroblob(?1)), '00', '€')";
    assert_text_length(state, letters, (int64_t)most, most);
    assert_text_length(state, letters, (int64_t)most + 1, most);
    assert_text_length(state, euros, (int64_t)most / 3, most / 3 * 3);
    assert_text_length(state, euros, (int64_t)most / 3 + 1, most / 3 * 3);
}

static void test_a_word_is_never_missing(void **state)
{
    struct query query;
    ask_one(&query, state, "SELECT NULL, 'a', ?1", 0);
    char *missing = query_text_or_empty(&query, 0), *there = query_text_or_empty(&query, 1);
    assert_null(query_text(&query, 0));
    assert_string_equal(missing, "");
    assert_string_equal(there, "a");
    assert_string_equal(query_word(&query, 0), "");
    assert_string_equal(query_word(&query, 1), "a");
    free(missing);
    free(there);
    query_end(&query);
}

static void test_all_texts_of_a_query_have_a_bound(void **state)
{
    const int texts = HISTORY_SHOWN_MAX_BYTES / HISTORY_TEXT_MAX_BYTES;
    struct query query;
    ask_one(&query, state, "SELECT replace(hex(zeroblob(?1)), '00', 'x')", HISTORY_TEXT_MAX_BYTES);
    for (int i = 0; i < texts; i++)
        free(query_text(&query, 0));
    assert_false(query_failed(&query));
    char *beyond = query_text(&query, 0);
    assert_string_equal(beyond, "");
    assert_true(query_failed(&query));
    assert_false(query_next(&query));
    free(beyond);
    query_end(&query);
    strbuf_free(&query.error);
}

static void test_the_first_error_stays(void **state)
{
    struct query query = { .db = *state };
    query_ask(&query, "SELECT absent", NULL, 0);
    assert_true(query_failed(&query));
    assert_false(query_next(&query));
    assert_int_equal(query_value(&query, "SELECT 1", NULL, 0), 0);
    assert_string_equal(strbuf_text(&query.error), "history: no such column: absent");
    strbuf_free(&query.error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_stay_within_their_bounds),
        cmocka_unit_test(test_what_is_no_number_is_zero),
        cmocka_unit_test(test_a_long_text_is_cut_between_two_characters),
        cmocka_unit_test(test_a_word_is_never_missing),
        cmocka_unit_test(test_all_texts_of_a_query_have_a_bound),
        cmocka_unit_test(test_the_first_error_stays),
    };
    return cmocka_run_group_tests(tests, open_database, close_database);
}
