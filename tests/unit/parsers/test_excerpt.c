/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/zone.h"
#include "tests/unit/gather.h"

#define RULE "================================================================================"
#define OWN "2026-03-03 10:15:02,743 - __main__ - INFO - "
#define OWN_ERROR "2026-03-03 10:15:02,743 - __main__ - ERROR - "
#define UTC_JOB "2026-03-02 23:15:02,070 - __main__ - INFO - "
#define EARLIER "2026-03-03 10:15:02,742 - __main__ - INFO - "
#define FAILED OWN_ERROR "✗ Offload failed: t\n" OWN_ERROR "  Exit code: 1\n"
#define FAILED_SAID "run_failed table=t\nrun_exit_code table=t number=1\n"
#define COMPLETION                                                                                                     \
    OWN RULE "\n" OWN "OFFLOAD CYCLE COMPLETED\n" OWN "Duration: 4.7s\n" OWN "Success: 0, Failed: 1, Timeout: 0\n" OWN \
             "Total rows offloaded: 7\n" OWN RULE "\n" OWN "Next run scheduled at: 2026-03-03 10:30:00\n"
#define COMPLETION_SAID                                                                                                \
    "cycle_completed\ncycle_duration ms=4700\ncycle_summary failed=1\ncycle_rows number=7\n"                           \
    "next_run at=1772494200000\n"

static void assert_log_says(const char *log, const char *expected)
{
    assert_true(zone_set("Australia/Sydney"));
    struct parser *parser = gather_parser(NULL);
    struct gather gather = { 0 };
    gather_feed(&gather, parser, slice_of(log));
    assert_string_equal(strbuf_text(&gather.said), expected);
    strbuf_free(&gather.said);
    parser_free(parser);
}

static void a_failure_is_told_whole(void **state)
{
    (void)state;
    assert_log_says(FAILED OWN_ERROR "  Stderr: Connection refused\n  at Main\n" COMPLETION, FAILED_SAID
                    "run_stderr table=t text=Connection refused\nrun_stderr table=t text=  at Main\n" COMPLETION_SAID);
}

static void stderr_may_be_empty(void **state)
{
    (void)state;
    assert_log_says(FAILED OWN_ERROR "  Stderr: \n" COMPLETION, FAILED_SAID "run_stderr table=t\n" COMPLETION_SAID);
    assert_log_says(FAILED OWN_ERROR "  Stderr:\n" COMPLETION, FAILED_SAID "run_stderr table=t\n" COMPLETION_SAID);
    assert_log_says(FAILED OWN_ERROR "  Stderr: \n\nsecond\n" COMPLETION, FAILED_SAID
                    "run_stderr table=t\nrun_stderr table=t\nrun_stderr table=t text=second\n" COMPLETION_SAID);
}

static void evidence_bears_the_failures_time_and_its_own_place(void **state)
{
    (void)state;
    static const char LOG[] = FAILED OWN_ERROR "  Stderr: a\n" UTC_JOB "b\n";
    assert_true(zone_set("Australia/Sydney"));
    struct parser *parser = gather_parser(NULL);
    struct gather gather = { .with_place = true };
    struct strbuf expected = { 0 };
    gather_feed(&gather, parser, slice_of(LOG));
    strbuf_printf(&expected, "1772493302743@%td run_stderr table=t text=" UTC_JOB "b\n", strstr(LOG, UTC_JOB) - LOG);
    assert_non_null(strstr(gather.said.at, expected.at));
    /* The job's clock is not the log's. */
    assert_int_equal(parser_clock(parser), INT64_C(1772493302743));
    assert_int_equal(parser_counts(parser)->records, 3);
    assert_int_equal(parser_counts(parser)->misses, 0);
    strbuf_free(&expected);
    strbuf_free(&gather.said);
    parser_free(parser);
}

/* Each of these, within an excerpt, must stay evidence. */
static void forged_records_stay_evidence(void **state)
{
    (void)state;
    static const char *const FORGED[] = {
        UTC_JOB RULE,
        UTC_JOB "OFFLOAD CYCLE COMPLETED",
        UTC_JOB "Starting offload: x → cold.x",
        UTC_JOB "Shutdown requested, stopping cycle",
        UTC_JOB "K2 ICEBERG OFFLOAD SCHEDULER STARTED",
        EARLIER "OFFLOAD CYCLE COMPLETED",
        EARLIER RULE,
        EARLIER "Starting offload: x → cold.x",
        EARLIER "Received signal 15, shutting down gracefully...",
        EARLIER "K2 ICEBERG OFFLOAD SCHEDULER STARTED",
        OWN "OFFLOAD CYCLE COMPLETED",
        OWN "✓ Offload completed: t (5 rows in 1.0s)",
        OWN "Success: 2, Failed: 0, Timeout: 0",
        OWN "  Stderr: again",
        OWN "===",
        ("2026-03-03 10:20:02,744 - __main__ - INFO - " RULE),
        "2026-03-03 10:30:00,000 - __main__ - INFO - Starting offload: x → cold.x",
        "2026-03-03 10:15:03 - Starting offload: x → cold.x",
        "2026-03-03 10:15:03 - K2 ICEBERG OFFLOAD SCHEDULER STARTED",
        "2026-03-03 10:15:02,743 - spark - INFO - Starting offload: x → cold.x",
        "OFFLOAD CYCLE COMPLETED",
    };
    for (size_t i = 0; i < sizeof FORGED / sizeof FORGED[0]; i++) {
        assert_true(zone_set("Australia/Sydney"));
        struct parser *parser = gather_parser(NULL);
        struct gather gather = { 0 };
        struct strbuf log = { 0 };
        strbuf_printf(&log, FAILED OWN_ERROR "  Stderr: first\n%s\nlast\n" COMPLETION, FORGED[i]);
        gather_feed(&gather, parser, strbuf_slice(&log));
        int64_t evidence = gather.counts[EVENT_RUN_STDERR];
        assert_in_range(evidence, 2, 3);
        assert_int_equal(gather.counts[EVENT_CYCLE_COMPLETED], 1);
        assert_int_equal(parser_counts(parser)->events, 2 + evidence + 5);
        assert_non_null(strstr(gather.said.at, "text=last\n" COMPLETION_SAID));
        strbuf_free(&log);
        strbuf_free(&gather.said);
        parser_free(parser);
    }
}

/* Each is believed at once, and the cycle goes on behind it. */
static void the_scheduler_goes_on_behind_it(void **state)
{
    (void)state;
#define PAUSE "2026-03-03 10:20:02,743 - __main__ - INFO - "
    static const char *const NEXT[][2] = {
        { OWN "Starting offload: u → cold.u", "run_started table=u\n" },
        { OWN "Shutdown requested, stopping cycle", "shutdown_requested\n" },
        { OWN "Received signal 15, shutting down gracefully...", "signal_received number=15\n" },
        { OWN "Keyboard interrupt received, shutting down...", "signal_received\n" },
        { PAUSE "Starting offload: u → cold.u", "run_started table=u\n" },
        { OWN_ERROR "Offload cycle failed with exception: push failed", "cycle_exception text=push failed\n" },
    };
    for (size_t i = 0; i < sizeof NEXT / sizeof NEXT[0]; i++) {
        struct strbuf log = { 0 };
        struct strbuf expected = { 0 };
        strbuf_printf(&log, FAILED OWN_ERROR "  Stderr: x\n%s\n" COMPLETION, NEXT[i][0]);
        strbuf_printf(&expected, FAILED_SAID "run_stderr table=t text=x\n%s" COMPLETION_SAID, NEXT[i][1]);
        assert_log_says(log.at, expected.at);
        strbuf_free(&log);
        strbuf_free(&expected);
    }
}

#define LATER "2026-03-03 10:25:00,000 - __main__ - INFO - "
#define BANNER                                                                                                         \
    LATER "K2 ICEBERG OFFLOAD SCHEDULER STARTED\n" LATER "Schedule: Every 15 minutes\n" LATER                          \
          "Tables: 2 Bronze tables\n" LATER RULE "\n" LATER "Running initial offload cycle...\n" LATER RULE "\n" LATER \
          "OFFLOAD CYCLE STARTED\n"
#define BANNER_SAID "scheduler_started\nschedule ms=900000\nscheduler_tables number=2\ncycle_started\n"

static void a_death_after_the_excerpt_is_followed_by_the_banner(void **state)
{
    (void)state;
    assert_log_says(FAILED OWN_ERROR "  Stderr: x\n" LATER RULE "\n" BANNER,
                    FAILED_SAID "run_stderr table=t text=x\n" BANNER_SAID);
}

static void the_events_of_a_block_keep_their_time_and_their_place(void **state)
{
    (void)state;
    static const char LOG[] = FAILED OWN_ERROR "  Stderr: x\n" LATER RULE "\n" BANNER;
    assert_true(zone_set("Australia/Sydney"));
    struct parser *parser = gather_parser(NULL);
    struct gather gather = { .with_place = true };
    struct strbuf expected = { 0 };
    gather_feed(&gather, parser, slice_of(LOG));
    strbuf_printf(&expected, "1772493900000@%td scheduler_started\n1772493900000@%td schedule ms=900000\n",
                  strstr(LOG, LATER "K2") - LOG, strstr(LOG, LATER "Schedule") - LOG);
    assert_non_null(strstr(gather.said.at, expected.at));
    assert_int_equal(parser_clock(parser), INT64_C(1772493900000));
    strbuf_free(&expected);
    strbuf_free(&gather.said);
    parser_free(parser);
}

/*
 * An excerpt of exactly `length` characters made of `unit`, then a record that only the 500 characters can tell from
 * the excerpt: it becomes an event if and only if it does not fit.
 */
static void assert_boundary(const char *unit, size_t length, size_t first_line, bool event_expected)
{
    static const char RECORD[] = OWN "OFFLOAD CYCLE COMPLETED";
    struct strbuf log = { 0 };
    assert_true(zone_set("Australia/Sydney"));
    struct parser *parser = gather_parser(NULL);
    struct gather gather = { 0 };
    strbuf_puts(&log, FAILED OWN_ERROR "  Stderr: ");
    for (size_t i = 0; i < length; i++)
        strbuf_puts(&log, i == first_line ? "\n" : unit);
    strbuf_printf(&log, "\n%s\n", RECORD);
    gather_feed(&gather, parser, strbuf_slice(&log));
    assert_int_equal(gather.counts[EVENT_CYCLE_COMPLETED], event_expected ? 1 : 0);
    strbuf_free(&log);
    strbuf_free(&gather.said);
    parser_free(parser);
}

static void five_hundred_characters_are_the_limit(void **state)
{
    (void)state;
    static const char *const UNITS[] = { "x", "é", "→", "💥" };
    size_t record = strlen(OWN "OFFLOAD CYCLE COMPLETED") + 1; /* with the line break before it */
    for (size_t i = 0; i < sizeof UNITS / sizeof UNITS[0]; i++) {
        for (size_t first = 0; first <= 600; first += 200) {
            assert_boundary(UNITS[i], 500 - record, first, false);
            assert_boundary(UNITS[i], 500 - record + 1, first, true);
            assert_boundary(UNITS[i], 500, first, true);
        }
    }
    assert_boundary("x", 600, 1000, true);
}

static void ill_formed_utf8_does_not_end_it_early(void **state)
{
    (void)state;
    /* 400 lone continuation bytes are at least no character: the record still fits. */
    assert_boundary("\x80", 400, 1000, false);
    assert_boundary("\xFF", 400, 1000, false);
    assert_boundary("\xFF", 500, 1000, true);
}

static void a_line_that_does_not_fit_is_judged_like_any_other(void **state)
{
    (void)state;
    struct strbuf log = { 0 };
    struct strbuf expected = { 0 };
    strbuf_puts(&log, FAILED OWN_ERROR "  Stderr: ");
    strbuf_puts(&expected, FAILED_SAID "run_stderr table=t text=");
    for (int i = 0; i < 500; i++) {
        strbuf_puts(&log, "x");
        strbuf_puts(&expected, "x");
    }
    strbuf_puts(&log, "\nno record\n" OWN "Duration: 4.7s\n");
    strbuf_puts(&expected, "\ncycle_duration ms=4700\n");
    assert_log_says(log.at, expected.at);
    strbuf_free(&log);
    strbuf_free(&expected);
}

static void the_metrics_loggers_note_is_neither_event_nor_evidence(void **state)
{
    (void)state;
    assert_log_says(
        FAILED OWN_ERROR
        "  Stderr: x\n"
        "2026-03-03 10:15:02,744 - metrics - ERROR - Recorded offload failure: t (process_error) after 2.7s\n" OWN
        "Starting offload: u → cold.u\n",
        FAILED_SAID "run_stderr table=t text=x\nrun_started table=u\n");
}

static void parts_of_a_failure_without_it_are_dropped(void **state)
{
    (void)state;
    /* A log that begins behind the failure: no table, but still an excerpt. */
    assert_log_says(OWN_ERROR "  Exit code: 1\n" OWN_ERROR "  Stderr: x\n" OWN "Duration: 9.0s\n" COMPLETION,
                    COMPLETION_SAID);
    /* Another event in between: the parts are nobody's. */
    assert_log_says(OWN_ERROR "✗ Offload failed: t\n" OWN "Starting offload: u → cold.u\n" OWN_ERROR "  Exit code: 1\n",
                    "run_failed table=t\nrun_started table=u\n");
}

static void the_short_form_has_excerpts_too(void **state)
{
    (void)state;
#define SHORT "2026-03-03 10:15:02 - "
    assert_log_says(SHORT "✗ Offload failed: t\n" SHORT "  Exit code: 1\n" SHORT "  Stderr: x\n" UTC_JOB RULE "\n" SHORT
                          "OFFLOAD CYCLE STARTED\n" OWN "Starting offload: u → cold.u\n" SHORT
                          "Starting offload: v → cold.v\n",
                    FAILED_SAID "run_stderr table=t text=x\nrun_stderr table=t text=" UTC_JOB RULE "\n"
                                "run_stderr table=t text=" SHORT "OFFLOAD CYCLE STARTED\n"
                                "run_stderr table=t text=" OWN "Starting offload: u → cold.u\nrun_started table=v\n");
}

static void an_exception_is_told_once(void **state)
{
    (void)state;
#define NEXT_RUN "Next run scheduled at: 2026-03-03 10:30:00\n"
#define NEXT_RUN_SAID "next_run at=1772494200000\n"
#define TRACEBACK "Traceback (most recent call last):\n  File \"x.py\", line 1\nOSError: boom\n"
    assert_log_says(OWN_ERROR "Offload cycle failed with exception: boom\n" OWN_ERROR "boom\n" TRACEBACK OWN NEXT_RUN,
                    "cycle_exception text=boom\n" NEXT_RUN_SAID);
    /* The text may look like any message. */
    assert_log_says(OWN_ERROR "Offload cycle failed with exception: OFFLOAD CYCLE COMPLETED\n" OWN_ERROR
                              "OFFLOAD CYCLE COMPLETED\n" TRACEBACK OWN "OFFLOAD CYCLE COMPLETED\n" OWN NEXT_RUN,
                    "cycle_exception text=OFFLOAD CYCLE COMPLETED\n" NEXT_RUN_SAID);
    assert_log_says(OWN_ERROR "Offload cycle failed with exception: one\n\ttwo\n" OWN_ERROR
                              "one\n\ttwo\n" TRACEBACK OWN NEXT_RUN,
                    "cycle_exception text=one\n" NEXT_RUN_SAID);
}

static void the_autumn_hour_does_not_open_the_excerpt(void **state)
{
    (void)state;
    assert_true(zone_set("Europe/Berlin"));
    struct parser *parser = gather_parser(NULL);
    struct gather gather = { 0 };
    gather_feed(&gather, parser,
                slice_of("2026-10-25 02:30:00,000 - __main__ - ERROR - ✗ Offload failed: t\n"
                         "2026-10-25 02:30:00,000 - __main__ - ERROR -   Stderr: x\n"
                         "2026-10-25 02:25:00,000 - __main__ - INFO - Starting offload: forged → cold.x\n"
                         "2026-10-25 02:30:00,500 - __main__ - INFO - Starting offload: u → cold.u\n"));
    assert_non_null(strstr(gather.said.at, "\nrun_started table=u\n"));
    assert_null(strstr(gather.said.at, "run_started table=forged"));
    strbuf_free(&gather.said);
    parser_free(parser);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_is_told_whole),
        cmocka_unit_test(stderr_may_be_empty),
        cmocka_unit_test(evidence_bears_the_failures_time_and_its_own_place),
        cmocka_unit_test(forged_records_stay_evidence),
        cmocka_unit_test(the_scheduler_goes_on_behind_it),
        cmocka_unit_test(a_death_after_the_excerpt_is_followed_by_the_banner),
        cmocka_unit_test(the_events_of_a_block_keep_their_time_and_their_place),
        cmocka_unit_test(five_hundred_characters_are_the_limit),
        cmocka_unit_test(ill_formed_utf8_does_not_end_it_early),
        cmocka_unit_test(a_line_that_does_not_fit_is_judged_like_any_other),
        cmocka_unit_test(the_metrics_loggers_note_is_neither_event_nor_evidence),
        cmocka_unit_test(parts_of_a_failure_without_it_are_dropped),
        cmocka_unit_test(the_short_form_has_excerpts_too),
        cmocka_unit_test(an_exception_is_told_once),
        cmocka_unit_test(the_autumn_hour_does_not_open_the_excerpt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
