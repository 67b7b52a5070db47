/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which line of a failed job's output tells somebody why it failed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "telling.h"

static void test_lines_weigh_what_they_tell(void **state)
{
    static const struct {
        const char *line;
        enum telling_weight weight;
    } cases[] = {
        { "", TELLING_NOTHING },
        { "==========", TELLING_NOTHING },
        { "  ---- **** ", TELLING_NOTHING },
        { "2026-03-02 23:15:00,070 - __main__ - INFO - ==========", TELLING_NOTHING },
        { "2026-03-02 23:15:00,080 - __main__ - INFO - Generic Offload Job", TELLING_NOTHING },
        { "2026-03-03 10:30:03,169 - __main__ - ERROR - ✗ Offload failed: bronze_trades_binance", TELLING_NOTHING },
        { "✗ Offload failed: trades", TELLING_NOTHING },
        { "Job failed with exit code 1", TELLING_NOTHING },
        { "2026-03-03 10:30:03,169 - __main__ - ERROR -   Stderr: 2026-03-02 23:30:00,330 - __main__ - INFO - ===",
          TELLING_NOTHING },
        { "Traceback (most recent call last):", TELLING_NOTHING },
        { "\tat java.base/java.net.Socket.connect(Socket.java:668)", TELLING_NOTHING },
        { "  File \"/opt/offload/scheduler.py\", line 231, in run", TELLING_NOTHING },
        { "\t... 37 more", TELLING_NOTHING },
        { "26/03/03 10:15:02 INFO SparkContext: Running Spark version 3.5.0", TELLING_NOTHING },
        { "2026-03-03 10:30:03,169 - __main__ - ERROR -   Exit code: 1", TELLING_LITTLE },
        { "26/03/03 10:15:02 WARN NativeCodeLoader: Unable to load native-hadoop library", TELLING_LITTLE },
        { "permission denied", TELLING_TEXT },
        { "The table failed a check of its schema", TELLING_TEXT },
        { "2026-03-02 23:15:02,070 - __main__ - ERROR - Failed to read from ClickHouse: ", TELLING_MUCH },
        { "26/03/03 10:15:02 ERROR Executor: Exception in task 0.0", TELLING_MUCH },
        { "Caused by: java.net.ConnectException: Connection refused", TELLING_MUCH },
        { "java.sql.SQLException: Connection refused", TELLING_MUCH },
        { "ValueError: no such column", TELLING_MUCH },
        { "Code: 210. DB::NetException: Connection refused (localhost:9000)", TELLING_MUCH },
        { "[Errno 2] No such file or directory: 'docker'", TELLING_MUCH },
        { "  Stderr: java.net.ConnectException: Connection refused", TELLING_MUCH },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (telling_weigh(slice_of(cases[i].line)) != cases[i].weight)
            print_error("%s\n", cases[i].line);
        assert_int_equal(telling_weigh(slice_of(cases[i].line)), cases[i].weight);
    }
}

static void expect_telling(const char *text, const char *line)
{
    struct slice told = telling_line(text);
    assert_int_equal(told.len, strlen(line));
    assert_memory_equal(told.at, line, told.len);
}

static void test_the_last_line_that_tells_most_is_taken(void **state)
{
    (void)state;
    expect_telling("", "");
    expect_telling("=====\n2026-03-02 23:15:00,080 - __main__ - INFO - Generic Offload Job\n=====", "");
    expect_telling("Generic words\nother words\n", "other words");
    expect_telling("java.sql.SQLException: no\n\tat a.B.c(D.java:1)\nCaused by: java.net.ConnectException: refused\n"
                   "\tat a.B.c(D.java:1)\n\t... 37 more\n✗ Offload failed: trades\nsome words behind it",
                   "Caused by: java.net.ConnectException: refused");
    expect_telling("  WARNING: odd\nExit code: 1", "Exit code: 1");
    expect_telling("=====\r\n  ValueError: no such column\r\n", "ValueError: no such column");
}

static void test_what_tells_nothing_is_counted(void **state)
{
    struct strbuf out = { 0 };
    (void)state;
    assert_int_equal(telling_fold("=====\nreason\n\tat a.B.c(D.java:1)\n\tat a.B.d(D.java:2)\nlast\n=====\n", &out), 4);
    assert_string_equal(strbuf_text(&out), "… 1 line\nreason\n… 2 lines\nlast\n… 1 line");
    strbuf_clear(&out);
    assert_int_equal(telling_fold("reason", &out), 0);
    assert_string_equal(strbuf_text(&out), "reason");
    strbuf_clear(&out);
    assert_int_equal(telling_fold("", &out), 0);
    assert_string_equal(strbuf_text(&out), "");
    strbuf_free(&out);
}

static void test_no_control_character_gets_out(void **state)
{
    static const char line[] = "a\x1b[31mred\x07\tb\x7f c\xc2\x9b"
                               "d \xc2\xa0 ✗ \xc2";
    struct strbuf out = { 0 };
    (void)state;
    telling_put_plain(slice_of(line), &out);
    assert_string_equal(strbuf_text(&out), "a [31mred  b  c d \xc2\xa0 ✗ \xc2");
    strbuf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_weigh_what_they_tell),
        cmocka_unit_test(test_the_last_line_that_tells_most_is_taken),
        cmocka_unit_test(test_what_tells_nothing_is_counted),
        cmocka_unit_test(test_no_control_character_gets_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
