/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "parsers/record.h"

static char LOGGER[] = "__main__";
static const struct record_format FORMAT = { .logger = LOGGER, .logger_len = sizeof LOGGER - 1 };

static enum record_form read_line(const char *line, struct record *record)
{
    struct timestamp_reader clock;
    timestamp_reader_init(&clock);
    record_read(&FORMAT, slice_of(line), &clock, record);
    return record->form;
}

static void assert_full(const char *line, const char *logger, const char *level, const char *message)
{
    struct record record;
    assert_int_equal(read_line(line, &record), RECORD_FULL);
    assert_int_equal(record.form, RECORD_FULL);
    assert_true(slice_equals(record.logger, logger));
    assert_true(slice_equals(record.level, level));
    assert_true(slice_equals(record.message, message));
}

static void assert_short(const char *line, const char *message)
{
    struct record record;
    assert_int_equal(read_line(line, &record), RECORD_SHORT);
    assert_int_equal(record.logger.len, 0);
    assert_int_equal(record.level.len, 0);
    assert_true(slice_equals(record.message, message));
}

static void the_full_form_is_split(void **state)
{
    (void)state;
    assert_full("2026-02-12 19:34:58,462 - __main__ - INFO - message", "__main__", "INFO", "message");
    assert_full("2026-02-12 19:34:58,462 - __main__ - ERROR -   Exit code: 1", "__main__", "ERROR", "  Exit code: 1");
    assert_full("2026-02-12 19:34:58,462 - metrics - WARNING - a - b - c", "metrics", "WARNING", "a - b - c");
    assert_full("2026-02-12 19:34:58,462 - a.b-c - CRITICAL - x", "a.b-c", "CRITICAL", "x");
    assert_full("2026-02-12 19:34:58,462 - __main__ - DEBUG - ", "__main__", "DEBUG", "");
    assert_full("2026-02-12 19:34:58 - __main__ - INFO - no fraction", "__main__", "INFO", "no fraction");
    assert_full("2026-02-12T19:34:58.462 - __main__ - INFO - ISO", "__main__", "INFO", "ISO");
}

static void the_short_form_is_accepted(void **state)
{
    (void)state;
    assert_short("2026-02-12 19:34:58 - message", "message");
    assert_short("2026-02-12 19:34:58 - OFFLOAD CYCLE STARTED", "OFFLOAD CYCLE STARTED");
    assert_short("2026-02-12 19:34:58,462 - a - b - no level", "a - b - no level");
    assert_short("2026-02-12 19:34:58,462 - __main__ - info - lower case", "__main__ - info - lower case");
    assert_short("2026-02-12 19:34:58 - ", "");
    assert_short("2026-02-12 19:34:58 - two words - INFO - x", "two words - INFO - x");
}

static void anything_else_continues_the_record_above(void **state)
{
    (void)state;
    static const char *const LINES[] = {
        "",
        " ",
        "Traceback (most recent call last):",
        "  File \"/opt/x.py\", line 1, in main",
        " 2026-02-12 19:34:58,462 - __main__ - INFO - indented",
        "2026-02-12 19:34:58,462",
        "2026-02-12 19:34:58,462 -",
        "2026-02-12 19:34:58,462: message",
        "2026-02-12 19:34:58,462 -- message",
        "2026-02-30 19:34:58,462 - __main__ - INFO - no such day",
    };
    for (size_t i = 0; i < sizeof LINES / sizeof LINES[0]; i++) {
        struct record record;
        assert_int_equal(read_line(LINES[i], &record), RECORD_NONE);
        assert_int_equal(record.form, RECORD_NONE);
    }
}

/* Every beginning of a line must be safe to read: each stands in memory of its own exact size. */
static void a_cut_line_is_read_no_further_than_it_goes(void **state)
{
    (void)state;
    static const char LINE[] = "2026-02-12 19:34:58,462 - __main__ - INFO - OFFLOAD CYCLE STARTED";
    for (size_t len = 0; len < sizeof LINE; len++) {
        char *cut = malloc(len ? len : 1);
        struct timestamp_reader clock;
        struct record record;
        timestamp_reader_init(&clock);
        memcpy(cut, LINE, len);
        record_read(&FORMAT, (struct slice){ cut, len }, &clock, &record);
        assert_int_equal(record.form, len < 26 ? RECORD_NONE : len < 44 ? RECORD_SHORT : RECORD_FULL);
        free(cut);
    }
}

static void a_logger_has_its_bound(void **state)
{
    (void)state;
    char line[400];
    struct record record;
    snprintf(line, sizeof line, "2026-02-12 19:34:58 - %0127d - INFO - x", 0);
    assert_int_equal(read_line(line, &record), RECORD_FULL);
    snprintf(line, sizeof line, "2026-02-12 19:34:58 - %0128d - INFO - x", 0);
    assert_int_equal(read_line(line, &record), RECORD_SHORT);
}

static void the_schedulers_records_are_those_of_its_logger(void **state)
{
    (void)state;
    static const char *const LINES[] = {
        "2026-02-12 19:34:58,462 - __main__ - INFO - x",
        "2026-02-12 19:34:58,462 - __main__ - ERROR - x",
        "2026-02-12 19:34:58 - x",
        "2026-02-12 19:34:58,462 - metrics - INFO - x",
        "2026-02-12 19:34:58,462 - __main_ - INFO - x",
        "2026-02-12 19:34:58,462 - __main__x - INFO - x",
        "no record",
    };
    for (size_t i = 0; i < sizeof LINES / sizeof LINES[0]; i++) {
        struct record record;
        read_line(LINES[i], &record);
        assert_int_equal(record.own, i < 3);
    }
}

static void the_rule_is_eighty_equals_signs(void **state)
{
    (void)state;
    char text[82];
    struct record record = { .message = { text, 0 } };
    memset(text, '=', sizeof text);
    for (; record.message.len <= sizeof text; record.message.len++)
        assert_int_equal(record_is_rule(&record), record.message.len == 80);
    record.message.len = 80;
    text[79] = '-';
    assert_false(record_is_rule(&record));
    memset(text, '-', sizeof text);
    assert_false(record_is_rule(&record));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_full_form_is_split),
        cmocka_unit_test(the_short_form_is_accepted),
        cmocka_unit_test(anything_else_continues_the_record_above),
        cmocka_unit_test(a_cut_line_is_read_no_further_than_it_goes),
        cmocka_unit_test(a_logger_has_its_bound),
        cmocka_unit_test(the_schedulers_records_are_those_of_its_logger),
        cmocka_unit_test(the_rule_is_eighty_equals_signs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
