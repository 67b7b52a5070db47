/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/budgets.h"
#include "base/zone.h"
#include "tests/unit/gather.h"
#include "tests/unit/read_file.h"

static const char *const LOGS[] = {
    "fixtures/logs/clickhouse-refused-nested-stderr.log",
    "fixtures/logs/cycle-exception-burst.log",
    "fixtures/logs/graceful-stop-and-restart.log",
    "fixtures/logs/healthy-day.log",
    "fixtures/logs/healthy-half-day-metrics-module.log",
    "fixtures/logs/killed-in-cycle.log",
    "fixtures/logs/one-table-timeout.log",
    "fixtures/logs/rows-never-reported.log",
    "fixtures/logs/silent-zero-rows.log",
};

enum { LOG_COUNT = sizeof LOGS / sizeof LOGS[0] };

/* What a plain search finds in each log; none of these texts stands in an excerpt of theirs. */
static const struct {
    enum event_kind kind;
    const char *text;
} SIGNS[] = {
    { EVENT_SCHEDULER_STARTED, " - __main__ - INFO - K2 ICEBERG OFFLOAD SCHEDULER STARTED\n" },
    { EVENT_SCHEDULE, " - __main__ - INFO - Schedule: Every 15 minutes\n" },
    { EVENT_SCHEDULER_TABLES, " - __main__ - INFO - Tables: 2 Bronze tables\n" },
    { EVENT_CYCLE_STARTED, " - __main__ - INFO - OFFLOAD CYCLE STARTED\n" },
    { EVENT_CYCLE_TABLES, " - __main__ - INFO - Tables: 2\n" },
    { EVENT_RUN_STARTED, " - __main__ - INFO - Starting offload: " },
    { EVENT_RUN_COMPLETED, " - __main__ - INFO - ✓ Offload completed: " },
    { EVENT_RUN_FAILED, " - __main__ - ERROR - ✗ Offload failed: " },
    { EVENT_RUN_EXIT_CODE, " - __main__ - ERROR -   Exit code: " },
    { EVENT_RUN_TIMEOUT, " - __main__ - ERROR - ✗ Offload timeout: " },
    { EVENT_CYCLE_COMPLETED, " - __main__ - INFO - OFFLOAD CYCLE COMPLETED\n" },
    { EVENT_CYCLE_DURATION, " - __main__ - INFO - Duration: " },
    { EVENT_CYCLE_SUMMARY, " - __main__ - INFO - Success: " },
    { EVENT_CYCLE_ROWS, " - __main__ - INFO - Total rows offloaded: " },
    { EVENT_NEXT_RUN, " - __main__ - INFO - Next run scheduled at: " },
    { EVENT_WAITING, " - __main__ - INFO - Waiting " },
    { EVENT_CYCLE_EXCEPTION, " - __main__ - ERROR - Offload cycle failed with exception: " },
    { EVENT_SIGNAL_RECEIVED, " - __main__ - INFO - Received signal " },
    { EVENT_SCHEDULER_STOPPED, " - __main__ - INFO - Scheduler stopped gracefully\n" },
    /* The first line of an excerpt and six nested ones, the last of them cut. */
    { EVENT_RUN_STDERR, " - __main__ - ERROR -   Stderr: " },
    { EVENT_RUN_STDERR, " - __main__ - INFO - Generic Offload Job\n" },
    { EVENT_RUN_STDERR, " - __main__ - INFO - Source: " },
    { EVENT_RUN_STDERR, " - __main__ - INFO - Target: " },
    { EVENT_RUN_STDERR, " - __main__ - INFO - Layer: " },
    { EVENT_RUN_STDERR, " - __main__ - ERROR - Failed to read from ClickHouse: " },
};

static int64_t occurrences(const char *log, const char *text)
{
    int64_t count = 0;
    for (const char *at = log; (at = strstr(at, text)) != NULL; at++)
        count++;
    return count;
}

static void each_log_says_what_a_search_finds(void **state)
{
    (void)state;
    assert_true(zone_set("Australia/Sydney"));
    for (size_t i = 0; i < LOG_COUNT; i++) {
        struct parser *parser = gather_parser(NULL);
        struct gather gather = { 0 };
        struct strbuf log = { 0 };
        int64_t expected[EVENT_KINDS] = { 0 };
        read_file(&log, LOGS[i]);
        gather_feed(&gather, parser, strbuf_slice(&log));
        for (size_t s = 0; s < sizeof SIGNS / sizeof SIGNS[0]; s++)
            expected[SIGNS[s].kind] += occurrences(log.at, SIGNS[s].text);
        for (int kind = 0; kind < EVENT_KINDS; kind++)
            assert_int_equal(gather.counts[kind], expected[kind]);
        assert_int_equal(parser_counts(parser)->lines, occurrences(log.at, "\n"));
        assert_int_equal(parser_counts(parser)->misses, 0);
        assert_int_equal(parser_counts(parser)->limit_hits, 0);
        strbuf_free(&log);
        strbuf_free(&gather.said);
        parser_free(parser);
    }
}

static void the_sample_logs_hold_what_they_are_named_for(void **state)
{
    (void)state;
    struct parser *parser = gather_parser(NULL);
    struct gather gather = { 0 };
    struct strbuf log = { 0 };
    for (size_t i = 0; i < LOG_COUNT; i++)
        read_file(&log, LOGS[i]);
    gather_feed(&gather, parser, strbuf_slice(&log));
    assert_int_equal(gather.counts[EVENT_SCHEDULER_STARTED], 10);
    assert_int_equal(gather.counts[EVENT_CYCLE_STARTED], 386);
    assert_int_equal(gather.counts[EVENT_CYCLE_COMPLETED], 282);
    assert_int_equal(gather.counts[EVENT_RUN_COMPLETED], 546);
    assert_int_equal(gather.counts[EVENT_RUN_FAILED] + gather.counts[EVENT_RUN_TIMEOUT], 18);
    assert_int_equal(gather.counts[EVENT_CYCLE_EXCEPTION], 103);
    strbuf_free(&log);
    strbuf_free(&gather.said);
    parser_free(parser);
}

/* Whatever was said so far, a new parser goes on from it. */
static struct parser *parser_restart(struct parser *parser)
{
    struct strbuf saved = { 0 };
    struct archive archive;
    struct parser *next = gather_parser(NULL);
    archive_save_to(&archive, &saved);
    parser_archive(parser, &archive);
    archive_load_from(&archive, strbuf_slice(&saved));
    parser_archive(next, &archive);
    assert_int_equal(parser_clock(next), parser_clock(parser));
    strbuf_free(&saved);
    parser_free(parser);
    return next;
}

static void assert_restart_changes_nothing(struct slice log)
{
    struct parser *straight = gather_parser(NULL);
    struct parser *restarted = gather_parser(NULL);
    struct gather expected = { .with_place = true };
    struct gather said = { .with_place = true };
    gather_feed(&expected, straight, log);
    for (size_t offset = 0; offset < log.len;) {
        const char *end = memchr(log.at + offset, '\n', log.len - offset);
        size_t len = end ? (size_t)(end - log.at) - offset : log.len - offset;
        parser_feed(restarted, log.at + offset, len, (int64_t)offset, gather_event, &said);
        restarted = parser_restart(restarted);
        offset += len + 1;
    }
    assert_string_equal(strbuf_text(&said.said), strbuf_text(&expected.said));
    strbuf_free(&said.said);
    strbuf_free(&expected.said);
    parser_free(straight);
    parser_free(restarted);
}

static void a_restart_between_any_two_lines_changes_nothing(void **state)
{
    (void)state;
    assert_true(zone_set("Australia/Sydney"));
    for (size_t i = 0; i < LOG_COUNT; i++) {
        struct strbuf log = { 0 };
        read_file(&log, LOGS[i]);
        /* A day of health says no more than its first hours. */
        size_t len = log.len < 60000 ? log.len : 60000;
        assert_restart_changes_nothing((struct slice){ log.at, len });
        strbuf_free(&log);
    }
}

static void a_restart_in_the_autumn_hour_changes_nothing(void **state)
{
    (void)state;
    assert_true(zone_set("Europe/Berlin"));
    assert_restart_changes_nothing(slice_of("2026-10-25 02:45:00,000 - __main__ - INFO - OFFLOAD CYCLE STARTED\n"
                                            "2026-10-25 02:55:00,000 - __main__ - INFO - OFFLOAD CYCLE COMPLETED\n"
                                            "2026-10-25 02:00:00,000 - __main__ - INFO - OFFLOAD CYCLE STARTED\n"
                                            "2026-10-25 02:10:00,000 - __main__ - INFO - OFFLOAD CYCLE COMPLETED\n"));
}

static void a_restart_from_nothing_or_rubbish_begins_anew(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {
        "",
        "doubt 9\nform 9\nremaining -5\nsaid 99\n",
        "doubt 1\n",
        "doubt 1\nform 1\nremaining 99999999\nremaining_bytes 99999999\nfailed_ms 0\nparts_follow 1\n",
        "doubt 0\nended_count -7\nended 1 2 3\nheld =no lines\n",
        "state 2\nform 1\nremaining 500\nfailed_ms 0\n",
    };
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++) {
        struct parser *parser = gather_parser(NULL);
        struct gather gather = { 0 };
        struct archive archive;
        struct strbuf log = { 0 };
        archive_load_from(&archive, slice_of(TEXTS[i]));
        parser_archive(parser, &archive);
        strbuf_printf(&log, "%0500d\n2026-03-03 10:15:00,000 - __main__ - INFO - OFFLOAD CYCLE STARTED\n", 0);
        gather_feed(&gather, parser, strbuf_slice(&log));
        assert_string_equal(strbuf_text(&gather.said), "cycle_started\n");
        strbuf_free(&log);
        strbuf_free(&gather.said);
        parser_free(parser);
    }
}

static void the_autumn_change_goes_forward(void **state)
{
    (void)state;
    assert_true(zone_set("Europe/Berlin"));
    struct parser *parser = gather_parser(NULL);
    struct gather gather = { 0 };
    gather_feed(&gather, parser,
                slice_of("2026-10-25 02:45:10,000 - __main__ - INFO - Next run scheduled at: 2026-10-25 02:50:00\n"));
    assert_string_equal(strbuf_text(&gather.said), "next_run at=1792889400000\n");
    assert_int_equal(gather.last_time_ms, INT64_C(1792889110000));
    strbuf_clear(&gather.said);
    gather_feed(&gather, parser,
                slice_of("2026-10-25 02:00:10,000 - __main__ - INFO - Next run scheduled at: 2026-10-25 02:50:00\n"));
    assert_string_equal(strbuf_text(&gather.said), "next_run at=1792893000000\n");
    assert_int_equal(gather.last_time_ms, INT64_C(1792890010000));
    strbuf_free(&gather.said);
    parser_free(parser);
}

static void line_ends_and_strange_bytes_do_no_harm(void **state)
{
    (void)state;
    assert_true(zone_set("UTC"));
    static const char LOG[] = "2026-02-12 19:35:03,224 - __main__ - INFO - OFFLOAD CYCLE STARTED\r\n"
                              "2026-02-12 19:35:03,224 - __main__ - INFO - OFFLOAD\0CYCLE STARTED\n"
                              "2026-02-12 19:35:03,224 - __main__ - INFO - \xFF\xFE\n"
                              "\0\0\0\0\n\r\n\r\r\n\xE2\x9C\n"
                              "2026-02-12 19:35:03,225 - __main__ - INFO - Offload cycle failed with exception: a\0\xFF"
                              "b\n"
                              "2026-02-12 19:35:03,225 - __main__ - INFO - a\0\xFF"
                              "b\n"
                              "2026-02-12 19:45:03,226 - __main__ - INFO - OFFLOAD CYCLE STARTED\r\n"
                              "2026-02-12 19:45:03,226 - __main__ - INFO - ✗ Offload failed: t\r\n"
                              "2026-02-12 19:45:03,226 - __main__ - INFO -   Stderr: \xE2\r\n"
                              "torn \xE2\x9C\0\r\n";
    struct parser *parser = gather_parser(NULL);
    struct gather gather = { 0 };
    gather_feed(&gather, parser, (struct slice){ LOG, sizeof LOG - 1 });
    static const char SAID[] = "cycle_started\ncycle_exception text=a\0\xFF"
                               "b\ncycle_started\nrun_failed table=t\n"
                               "run_stderr table=t text=\xE2\nrun_stderr table=t text=torn \xE2\x9C\0\n";
    assert_int_equal(gather.said.len, sizeof SAID - 1);
    assert_memory_equal(gather.said.at, SAID, sizeof SAID - 1);
    assert_int_equal(parser_counts(parser)->misses, 2);
    strbuf_free(&gather.said);
    parser_free(parser);
}

static void a_very_long_line_is_only_long(void **state)
{
    (void)state;
    assert_true(zone_set("UTC"));
    static const char *const BEGINNINGS[] = {
        "2026-02-12 19:35:03,224 - __main__ - INFO - ✗ Offload failed: ",
        "2026-02-12 19:35:03,224 - __main__ - INFO - Total rows offloaded: ",
        "2026-02-12 19:35:03,224 - __main__ - INFO - Duration: ",
        "2026-02-12 19:35:03,224 - __main__ - INFO - Success: ",
        "2026-02-12 19:35:03,224 - ",
        "",
    };
    for (size_t i = 0; i < sizeof BEGINNINGS / sizeof BEGINNINGS[0]; i++) {
        struct parser *parser = gather_parser(NULL);
        struct gather gather = { 0 };
        struct strbuf line = { 0 };
        strbuf_printf(&line, "%s%0*d", BEGINNINGS[i], 1 << 20, 0);
        gather_feed(&gather, parser, strbuf_slice(&line));
        assert_int_equal(parser_counts(parser)->events, 0);
        assert_int_equal(parser_counts(parser)->limit_hits, 0);
        strbuf_free(&line);
        parser_free(parser);
    }
}

/* Of a line of LINE_MAX_BYTES everything is read. Of a longer one only the beginning is, and that is counted. */
static void a_line_has_its_bound(void **state)
{
    (void)state;
    static const char BEGINNING[] = "2026-02-12 19:35:03,224 - __main__ - INFO - Waiting ";
    assert_true(zone_set("UTC"));
    for (size_t len = LINE_MAX_BYTES; len <= LINE_MAX_BYTES + 1; len++) {
        struct parser *parser = gather_parser("fixtures/patterns/waiting.conf");
        struct gather gather = { 0 };
        struct strbuf line = { 0 };
        strbuf_puts(&line, BEGINNING);
        while (line.len < len - 1)
            strbuf_puts(&line, " ");
        strbuf_puts(&line, "7");
        gather_feed(&gather, parser, strbuf_slice(&line));
        assert_string_equal(strbuf_text(&gather.said), len <= LINE_MAX_BYTES ? "waiting ms=7000\n" : "");
        assert_int_equal(parser_counts(parser)->cut_lines, len <= LINE_MAX_BYTES ? 0 : 1);
        assert_int_equal(parser_counts(parser)->lines, 1);
        strbuf_free(&line);
        strbuf_free(&gather.said);
        parser_free(parser);
    }
}

/* Both copies of an exception's text are cut, at different places of the line, and are still recognised as the same. */
static void a_long_exception_is_told_once(void **state)
{
    (void)state;
    assert_true(zone_set("UTC"));
    struct parser *parser = gather_parser(NULL);
    struct gather gather = { 0 };
    struct strbuf log = { 0 };
    strbuf_printf(&log, "2026-02-12 19:35:03,224 - __main__ - ERROR - Offload cycle failed with exception: %0*d\n",
                  1 << 20, 7);
    strbuf_printf(&log, "2026-02-12 19:35:03,224 - __main__ - ERROR - %0*d\n", 1 << 20, 7);
    gather_feed(&gather, parser, strbuf_slice(&log));
    assert_int_equal(gather.said.len, strlen("cycle_exception text=\n") + TEXT_MAX_BYTES);
    assert_int_equal(parser_counts(parser)->misses, 0);
    assert_int_equal(parser_counts(parser)->cut_lines, 2);
    strbuf_free(&log);
    strbuf_free(&gather.said);
    parser_free(parser);
}

static void any_record_moves_the_clock_but_only_the_schedulers_speak(void **state)
{
    (void)state;
    assert_true(zone_set("UTC"));
    struct parser *parser = gather_parser(NULL);
    struct gather gather = { 0 };
    assert_int_equal(parser_clock(parser), 0);
    gather_feed(&gather, parser,
                slice_of("2026-02-12 19:35:03,224 - metrics - INFO - OFFLOAD CYCLE STARTED\n"
                         "2026-02-12 19:35:04,224 - metrics - INFO - Recorded offload success: t (5 rows in 1.0s)\n"
                         "no record\n"));
    assert_int_equal(parser_clock(parser), INT64_C(1770924904224));
    assert_int_equal(parser_counts(parser)->records, 2);
    assert_int_equal(parser_counts(parser)->events, 0);
    assert_int_equal(parser_counts(parser)->misses, 0);
    strbuf_free(&gather.said);
    parser_free(parser);
}

static bool refuse_and_count(void *ctx, int64_t time_ms, struct slice line, int64_t offset)
{
    (void)time_ms, (void)line, (void)offset;
    ++*(int *)ctx;
    return false;
}

/* The judge is asked about a record unless it lies near the last one that was taken. */
static void a_record_near_the_last_one_needs_no_judge(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        int asked;
    } RECORDS[] = {
        { "2026-03-03 10:15:02,999 - __main__ - INFO - x", 0 }, { "2026-03-03 10:15:01,000 - __main__ - INFO - x", 1 },
        { "2026-03-03 10:15:03,000 - __main__ - INFO - x", 1 }, { "2026-03-02 10:15:02,500 - __main__ - INFO - x", 1 },
        { "2026-03-03 10:15:01,001 - __main__ - INFO - x", 0 }, { "no record", 0 },
    };
    assert_true(zone_set("UTC"));
    for (size_t i = 0; i < sizeof RECORDS / sizeof *RECORDS; i++) {
        struct gather gather = { 0 };
        struct parser *parser = gather_parser(NULL);
        int asked = 0;
        gather_feed(&gather, parser, slice_of("2026-03-03 10:15:02,000 - __main__ - INFO - x"));
        parser_set_judge(parser, refuse_and_count, &asked);
        parser_trust_near(parser, 1000);
        gather_feed(&gather, parser, slice_of(RECORDS[i].line));
        assert_int_equal(asked, RECORDS[i].asked);
        parser_trust_near(parser, 0);
        gather_feed(&gather, parser, slice_of("2026-03-03 10:15:02,000 - __main__ - INFO - x"));
        assert_int_equal(asked, RECORDS[i].asked + 1);
        strbuf_free(&gather.said);
        parser_free(parser);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_log_says_what_a_search_finds),
        cmocka_unit_test(the_sample_logs_hold_what_they_are_named_for),
        cmocka_unit_test(a_restart_between_any_two_lines_changes_nothing),
        cmocka_unit_test(a_restart_in_the_autumn_hour_changes_nothing),
        cmocka_unit_test(a_restart_from_nothing_or_rubbish_begins_anew),
        cmocka_unit_test(the_autumn_change_goes_forward),
        cmocka_unit_test(line_ends_and_strange_bytes_do_no_harm),
        cmocka_unit_test(a_very_long_line_is_only_long),
        cmocka_unit_test(a_line_has_its_bound),
        cmocka_unit_test(a_long_exception_is_told_once),
        cmocka_unit_test(any_record_moves_the_clock_but_only_the_schedulers_speak),
        cmocka_unit_test(a_record_near_the_last_one_needs_no_judge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
