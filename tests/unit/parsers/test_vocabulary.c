/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/budgets.h"
#include "base/zone.h"
#include "parsers/vocabulary.h"
#include "tests/unit/gather.h"

static struct vocabulary *builtin_new(void)
{
    struct strbuf error = { 0 };
    struct vocabulary *vocabulary = vocabulary_new();
    assert_true(vocabulary_add_builtin(vocabulary, &error));
    return vocabulary;
}

static enum vocabulary_answer ask(struct vocabulary *vocabulary, struct slice message, struct event *event)
{
    struct record record = { .form = RECORD_FULL, .own = true, .message = message };
    return vocabulary_match(vocabulary, &record, event);
}

static void each_example_means_what_its_line_in_the_table_says(void **state)
{
    (void)state;
    struct vocabulary *vocabulary = builtin_new();
    size_t count;
    const struct vocabulary_entry *entries = vocabulary_builtin(&count);
    for (size_t i = 0; i < count; i++) {
        struct event event;
        enum vocabulary_answer answer = ask(vocabulary, slice_of(entries[i].example), &event);
        if (entries[i].kind == EVENT_IGNORED) {
            assert_int_equal(answer, VOCABULARY_IGNORED);
        } else {
            assert_int_equal(answer, VOCABULARY_EVENT);
            assert_int_equal(event.kind, entries[i].kind);
        }
    }
    vocabulary_free(vocabulary);
}

static void every_event_of_the_log_has_a_pattern(void **state)
{
    (void)state;
    size_t count;
    const struct vocabulary_entry *entries = vocabulary_builtin(&count);
    for (int kind = 0; kind <= EVENT_SCHEDULER_TABLES;
         kind++) { /* those behind it need names, which this log has not */
        bool found = false;
        for (size_t i = 0; i < count; i++)
            found = found || entries[i].kind == kind;
        assert_true(found);
    }
}

/* What one message becomes on its way through a whole parser. */
static void assert_says(const char *message, const char *expected)
{
    assert_true(zone_set("UTC"));
    struct parser *parser = gather_parser(NULL);
    struct gather gather = { 0 };
    struct strbuf line = { 0 };
    strbuf_printf(&line, "2026-02-12 19:35:03,224 - __main__ - INFO - %s", message);
    gather_feed(&gather, parser, strbuf_slice(&line));
    assert_string_equal(strbuf_text(&gather.said), expected);
    assert_int_equal(parser_counts(parser)->records, 1);
    if (*expected)
        assert_int_equal(parser_counts(parser)->misses, 0);
    strbuf_free(&line);
    strbuf_free(&gather.said);
    parser_free(parser);
}

static void messages_become_events_with_their_fields(void **state)
{
    (void)state;
    assert_says("K2 ICEBERG OFFLOAD SCHEDULER STARTED", "scheduler_started\n");
    assert_says("Schedule: Every 15 minutes", "schedule ms=900000\n");
    assert_says("Tables: 2 Bronze tables", "scheduler_tables number=2\n");
    assert_says("Tables: 1 Bronze table", "scheduler_tables number=1\n");
    assert_says("Schedule: Every 1 minute", "schedule ms=60000\n");
    assert_says("Schedule: Every 0.5 minutes", "schedule ms=30000\n");
    assert_says("Schedule: Every 30 seconds", "schedule ms=30000\n");
    assert_says("OFFLOAD CYCLE STARTED", "cycle_started\n");
    assert_says("Tables: 2", "cycle_tables number=2\n");
    assert_says("Starting offload: bronze_trades_binance → cold.bronze_trades_binance",
                "run_started table=bronze_trades_binance\n");
    assert_says("✓ Offload completed: bronze_trades_binance (1,159,163 rows in 8.0s)",
                "run_completed table=bronze_trades_binance number=1159163 ms=8000\n");
    assert_says("✓ Offload completed: t-1.x (0 rows in 6.25s)", "run_completed table=t-1.x ms=6250\n");
    assert_says("✓ Offload completed: t (5 rows in 1,206s)", "run_completed table=t number=5 ms=1206000\n");
    assert_says("✗ Offload failed: bronze_trades_kraken", "run_failed table=bronze_trades_kraken\n");
    assert_says("✗ Offload timeout: bronze_trades_kraken (>10 minutes)", "run_timeout table=bronze_trades_kraken\n");
    assert_says("OFFLOAD CYCLE COMPLETED", "cycle_completed\n");
    assert_says("Duration: 605.9s", "cycle_duration ms=605900\n");
    assert_says("Success: 12, Failed: 3, Timeout: 1", "cycle_summary succeeded=12 failed=3 timed_out=1\n");
    assert_says("Total rows offloaded: 160,006", "cycle_rows number=160006\n");
    assert_says("Next run scheduled at: 2026-02-12 19:45:00", "next_run at=1770925500000\n");
    assert_says("Waiting 597 seconds...", "waiting ms=597000\n");
    assert_says("Waiting 0 seconds...", "waiting\n");
    assert_says("Waiting -1 seconds...", "waiting ms=-1000\n");
    assert_says("Offload cycle failed with exception: [Errno 2] No such file or directory: 'docker'",
                "cycle_exception text=[Errno 2] No such file or directory: 'docker'\n");
    assert_says("Offload cycle failed with exception: ", "cycle_exception\n");
    assert_says("Received signal 15, shutting down gracefully...", "signal_received number=15\n");
    assert_says("Keyboard interrupt received, shutting down...", "signal_received\n");
    assert_says("Shutdown requested, stopping cycle", "shutdown_requested\n");
    assert_says("Scheduler stopped gracefully", "scheduler_stopped\n");
    assert_says("Scheduler crashed: [Errno 24] Too many open files",
                "scheduler_crashed text=[Errno 24] Too many open files\n");
}

static void completed_and_duration_may_share_a_line(void **state)
{
    (void)state;
    static const char TWO[] = "cycle_completed\ncycle_duration ms=12400\n";
    assert_says("OFFLOAD CYCLE COMPLETED - Duration: 12.4s", TWO);
    assert_says("OFFLOAD CYCLE COMPLETED Duration: 12.4s", TWO);
    assert_says("OFFLOAD CYCLE COMPLETED (Duration: 12.4 seconds)", TWO);
    assert_says("OFFLOAD CYCLE COMPLETED, Duration: 12.4 s", TWO);
}

static void lines_without_meaning_are_known(void **state)
{
    (void)state;
    static const char *const MESSAGES[] = {
        "================================================================================",
        "Log file: /tmp/iceberg-offload-scheduler.log",
        "Running initial offload cycle...",
        "Time: 2026-02-12T19:44:59.582502",
        "Prometheus metrics enabled on port 8000",
        "Prometheus metrics disabled",
        "Failed to start metrics server: [Errno 98] Address already in use",
    };
    struct parser *parser = gather_parser(NULL);
    struct gather gather = { 0 };
    struct strbuf line = { 0 };
    for (size_t i = 0; i < sizeof MESSAGES / sizeof MESSAGES[0]; i++) {
        strbuf_clear(&line);
        strbuf_printf(&line, "2026-02-12 19:35:03,224 - __main__ - INFO - %s", MESSAGES[i]);
        gather_feed(&gather, parser, strbuf_slice(&line));
    }
    assert_int_equal(parser_counts(parser)->records, sizeof MESSAGES / sizeof MESSAGES[0]);
    assert_int_equal(parser_counts(parser)->misses, 0);
    assert_int_equal(parser_counts(parser)->events, 0);
    strbuf_free(&line);
    strbuf_free(&gather.said);
    parser_free(parser);
}

static void what_only_resembles_a_message_is_none(void **state)
{
    (void)state;
    static const char *const MESSAGES[] = {
        "",
        "x",
        " OFFLOAD CYCLE STARTED",
        "OFFLOAD CYCLE STARTED ",
        "OFFLOAD CYCLE COMPLETEDLY",
        "offload cycle started",
        "Tables: many",
        "Starting offload:  → cold",
        "✓ Offload completed: t (rows in 8.0s)",
        "✓ Offload completed: t (x rows in 8.0s)",
        "✓ Offload completed: t (99999999999999999999 rows in 8.0s)",
        "✓ Offload completed: t (, rows in 8.0s)",
        "✗ Offload failed: ",
        "Duration: s",
        "Duration: 1.2.3s",
        "Duration: -5s",
        "Success: 2, Failed: 0",
        "Success: 9999999, Failed: 0, Timeout: 0",
        "Next run scheduled at: soon",
        "Next run scheduled at: 2026-02-30 19:45:00",
        "Waiting long seconds...",
        "Received signal SIGTERM",
        "Recorded offload success: t (5 rows in 1.0s)",
    };
    for (size_t i = 0; i < sizeof MESSAGES / sizeof MESSAGES[0]; i++)
        assert_says(MESSAGES[i], "");
}

static void any_table_name_is_taken(void **state)
{
    (void)state;
    static const char *const NAMES[] = {
        "bronze_größe", "Bronze Trades",     "a (b) c", "Ωmega.trades-1", "取引", "t u v w x",
        " leading",     "trailing ",         "a  b",    "\"quoted\"",     "50%",  "(1 rows in",
        "a:b;c,d/e",    "x (>10 minutes) y", "💥",
    };
    char message[200];
    char expected[200];
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        snprintf(message, sizeof message, "Starting offload: %s → cold.%s", NAMES[i], NAMES[i]);
        snprintf(expected, sizeof expected, "run_started table=%s\n", NAMES[i]);
        assert_says(message, expected);
        snprintf(message, sizeof message, "✓ Offload completed: %s (159,163 rows in 8.0s)", NAMES[i]);
        snprintf(expected, sizeof expected, "run_completed table=%s number=159163 ms=8000\n", NAMES[i]);
        assert_says(message, expected);
        snprintf(message, sizeof message, "✗ Offload failed: %s", NAMES[i]);
        snprintf(expected, sizeof expected, "run_failed table=%s\n", NAMES[i]);
        assert_says(message, expected);
        snprintf(message, sizeof message, "✗ Offload timeout: %s (>10 minutes)", NAMES[i]);
        snprintf(expected, sizeof expected, "run_timeout table=%s\n", NAMES[i]);
        assert_says(message, expected);
    }
}

static void a_table_name_is_clean_text(void **state)
{
    (void)state;
    assert_says("✗ Offload failed: a\tb", "run_failed table=a\uFFFDb\n");
    assert_says("✗ Offload failed: a\x1b[2J", "run_failed table=a\uFFFD[2J\n");
    assert_says("✗ Offload failed: \x7f\xC2\x9B", "run_failed table=\uFFFD\uFFFD\n");
    assert_says("✗ Offload failed: gr\xF6\xDF"
                "e",
                "run_failed table=gr\uFFFD\uFFFDe\n");
}

/* The longest name has TABLE_NAME_MAX_BYTES bytes; a longer one is not understood, and counts as a miss. */
static void a_table_name_has_its_bound(void **state)
{
    (void)state;
    char message[TABLE_NAME_MAX_BYTES + 100];
    char expected[TABLE_NAME_MAX_BYTES + 100];
    snprintf(message, sizeof message, "✗ Offload failed: %0*d", TABLE_NAME_MAX_BYTES, 0);
    snprintf(expected, sizeof expected, "run_failed table=%0*d\n", TABLE_NAME_MAX_BYTES, 0);
    assert_says(message, expected);
    snprintf(message, sizeof message, "✗ Offload failed: %0*d", TABLE_NAME_MAX_BYTES + 1, 0);
    assert_says(message, "");
    /* A byte that is not UTF-8 becomes three. */
    snprintf(message, sizeof message, "✗ Offload failed: \xFF%0*d", TABLE_NAME_MAX_BYTES - 3, 0);
    snprintf(expected, sizeof expected, "run_failed table=\uFFFD%0*d\n", TABLE_NAME_MAX_BYTES - 3, 0);
    assert_says(message, expected);
    snprintf(message, sizeof message, "✗ Offload failed: \xFF%0*d", TABLE_NAME_MAX_BYTES - 2, 0);
    assert_says(message, "");
    snprintf(message, sizeof message, "Starting offload: %0*d → x", TABLE_NAME_MAX_BYTES, 0);
    snprintf(expected, sizeof expected, "run_started table=%0*d\n", TABLE_NAME_MAX_BYTES, 0);
    assert_says(message, expected);
    snprintf(message, sizeof message, "Starting offload: %0*d → x", TABLE_NAME_MAX_BYTES + 1, 0);
    assert_says(message, "");
}

/* The text of an exception is cut at TEXT_MAX_BYTES, and not within a character. */
static void a_text_has_its_bound(void **state)
{
    (void)state;
    static const char BEGINNING[] = "Offload cycle failed with exception: ";
    struct vocabulary *vocabulary = builtin_new();
    for (size_t len = TEXT_MAX_BYTES - 1; len <= TEXT_MAX_BYTES + 2; len++) {
        struct strbuf message = { 0 };
        struct event event;
        strbuf_puts(&message, BEGINNING);
        while (message.len < sizeof BEGINNING - 1 + len - 2)
            strbuf_puts(&message, "x");
        strbuf_puts(&message, "é");
        assert_int_equal(ask(vocabulary, strbuf_slice(&message), &event), VOCABULARY_EVENT);
        assert_int_equal(event.text.len, len <= TEXT_MAX_BYTES ? len : len - 2);
        strbuf_free(&message);
    }
    vocabulary_free(vocabulary);
}

static void a_limit_is_not_taken_for_no_match(void **state)
{
    (void)state;
    struct strbuf text = { 0 };
    struct strbuf error = { 0 };
    struct event event;
    for (int i = 0; i < 60; i++)
        strbuf_puts(&text, "a");
    strbuf_puts(&text, "cb");
    struct vocabulary *vocabulary = vocabulary_new();
    assert_true(vocabulary_add(vocabulary, EVENT_CYCLE_STARTED, "(?:a+)+b", &error));
    assert_int_equal(ask(vocabulary, strbuf_slice(&text), &event), VOCABULARY_LIMIT);
    /* Another pattern may still know the message. */
    assert_true(vocabulary_add(vocabulary, EVENT_CYCLE_COMPLETED, "a+c", &error));
    assert_int_equal(ask(vocabulary, strbuf_slice(&text), &event), VOCABULARY_EVENT);
    assert_int_equal(event.kind, EVENT_CYCLE_COMPLETED);
    vocabulary_free(vocabulary);
    strbuf_free(&text);
}

/* The next pattern would match, but is not tried once PATTERN_LIMITS_PER_LINE of them were given up. */
static void a_message_costs_only_so_many_limits(void **state)
{
    (void)state;
    struct strbuf error = { 0 }, text = { 0 };
    struct event event;
    for (int i = 0; i < 60; i++)
        strbuf_puts(&text, "a");
    strbuf_puts(&text, "cb");
    for (int limits = PATTERN_LIMITS_PER_LINE - 1; limits <= PATTERN_LIMITS_PER_LINE; limits++) {
        struct vocabulary *vocabulary = vocabulary_new();
        for (int i = 0; i < limits; i++) {
            struct strbuf regex = { 0 };
            strbuf_printf(&regex, "(?:a+)+b{%d}", i + 1);
            assert_true(vocabulary_add(vocabulary, EVENT_CYCLE_STARTED, regex.at, &error));
            strbuf_free(&regex);
        }
        assert_true(vocabulary_add(vocabulary, EVENT_CYCLE_COMPLETED, "a+c", &error));
        enum vocabulary_answer expected = limits < PATTERN_LIMITS_PER_LINE ? VOCABULARY_EVENT : VOCABULARY_LIMIT;
        assert_int_equal(ask(vocabulary, strbuf_slice(&text), &event), expected);
        vocabulary_free(vocabulary);
    }
    strbuf_free(&text);
}

static void assert_refused(int kind, const char *regex, const char *why)
{
    struct strbuf error = { 0 };
    struct vocabulary *vocabulary = vocabulary_new();
    assert_false(vocabulary_add(vocabulary, kind, regex, &error));
    assert_non_null(strstr(strbuf_text(&error), why));
    strbuf_free(&error);
    vocabulary_free(vocabulary);
}

static void a_pattern_that_cannot_be_used_says_why(void **state)
{
    (void)state;
    assert_refused(EVENT_CYCLE_STARTED, "(", "missing closing parenthesis");
    assert_refused(EVENT_CYCLE_STARTED, "(?<tabel>x)", "unknown group \"tabel\"");
    assert_refused(EVENT_CYCLE_STARTED, "(?J)(?<table>x)(?<table>y)", "group \"table\" twice");
    assert_refused(EVENT_RUN_FAILED, "failed", "needs a group named \"table\"");
    assert_refused(EVENT_NEXT_RUN, "next", "needs a group named \"at\"");
    assert_refused(EVENT_WAITING, "wait", "needs a group named \"seconds\"");
    assert_refused(EVENT_CYCLE_STARTED, "(*UTF)x", "UTF");
    assert_refused(EVENT_CYCLE_STARTED, "(*LIMIT_MATCH=1)x", "limits of its own");
    assert_refused(EVENT_CYCLE_STARTED, "(*LIMIT_DEPTH=1)x", "limits of its own");
    assert_refused(EVENT_CYCLE_STARTED, "(*LIMIT_HEAP=1)x", "limits of its own");
    assert_refused(EVENT_CYCLE_STARTED, "(*NO_JIT)(*LIMIT_MATCH=999999999)x", "limits of its own");
}

/* Messages that recur are remembered. Each must go on to mean what it means, and its table must be a part of the line at hand. */
static void what_is_said_again_means_the_same_again(void **state)
{
    (void)state;
    struct vocabulary *vocabulary = builtin_new();
    for (int round = 0; round < 3; round++) {
        for (int table = 0; table < 600; table++) {
            char message[96], name[32];
            struct event event;
            snprintf(name, sizeof name, "table_%d", table);
            snprintf(message, sizeof message, "Starting offload: %s → cold.%s", name, name);
            assert_int_equal(ask(vocabulary, slice_of(message), &event), VOCABULARY_EVENT);
            assert_int_equal(event.kind, EVENT_RUN_STARTED);
            assert_true(slice_equals(event.table, name));
            assert_ptr_equal(event.table.at, message + strlen("Starting offload: "));
            snprintf(message, sizeof message, "Success: %d, Failed: 1, Timeout: 0", table);
            assert_int_equal(ask(vocabulary, slice_of(message), &event), VOCABULARY_EVENT);
            assert_int_equal(event.succeeded, table);
            assert_int_equal(event.failed, 1);
        }
        struct event event;
        assert_int_equal(ask(vocabulary, slice_of("Starting offload: a\tb → cold.a"), &event), VOCABULARY_EVENT);
        assert_true(slice_equals(event.table, "a\xEF\xBF\xBD"
                                              "b"));
    }
    vocabulary_free(vocabulary);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_example_means_what_its_line_in_the_table_says),
        cmocka_unit_test(every_event_of_the_log_has_a_pattern),
        cmocka_unit_test(messages_become_events_with_their_fields),
        cmocka_unit_test(what_is_said_again_means_the_same_again),
        cmocka_unit_test(completed_and_duration_may_share_a_line),
        cmocka_unit_test(lines_without_meaning_are_known),
        cmocka_unit_test(what_only_resembles_a_message_is_none),
        cmocka_unit_test(any_table_name_is_taken),
        cmocka_unit_test(a_table_name_is_clean_text),
        cmocka_unit_test(a_table_name_has_its_bound),
        cmocka_unit_test(a_text_has_its_bound),
        cmocka_unit_test(a_message_costs_only_so_many_limits),
        cmocka_unit_test(a_limit_is_not_taken_for_no_match),
        cmocka_unit_test(a_pattern_that_cannot_be_used_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
