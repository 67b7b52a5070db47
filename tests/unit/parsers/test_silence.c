/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/zone.h"
#include "tests/unit/gather.h"

/* What a parser makes of a log that is silent for a while behind foreign text, with a restart right before the silence. */

#define AT "2026-03-03 10:15:02,743 - __main__ - INFO - "
#define LATER "2026-03-03 10:15:03,243 - __main__ - INFO - "
#define FAILS(TIME)                                                                                                    \
    TIME "Starting offload: a → cold.a\n" TIME "✗ Offload failed: a\n" TIME "  Exit code: 1\n" TIME "  Stderr: boom\n"
#define FAILS_SAID                                                                                                     \
    "run_started table=a\nrun_failed table=a\nrun_exit_code table=a number=1\nrun_stderr table=a text=boom\n"
#define GOOD(TIME) TIME "Starting offload: a → cold.a\n" TIME "✓ Offload completed: a (5 rows in 3.0s)\n"
#define GOOD_SAID "run_started table=a\nrun_completed table=a number=5 ms=3000\n"
#define BEGINS(TIME) TIME "OFFLOAD CYCLE STARTED\n"
#define BEGINS_SAID "cycle_started\n"
#define ENDS(TIME) TIME "OFFLOAD CYCLE COMPLETED\n" TIME "Duration: 3.0s\n" TIME "Success: 0, Failed: 1, Timeout: 0\n"
#define ENDS_SAID "cycle_completed\ncycle_duration ms=3000\ncycle_summary failed=1\n"

static struct parser *saved_and_loaded(struct parser *parser)
{
    struct strbuf state = { 0 };
    struct archive archive;
    archive_save_to(&archive, &state);
    parser_archive(parser, &archive);
    parser_free(parser);
    parser = gather_parser(NULL);
    archive_load_from(&archive, strbuf_slice(&state));
    parser_archive(parser, &archive);
    strbuf_free(&state);
    return parser;
}

static void assert_said(const char *before, int64_t silent_ms, const char *behind, const char *expected)
{
    struct gather gather = { 0 };
    assert_true(zone_set("UTC"));
    struct parser *parser = gather_parser(NULL);
    gather_feed(&gather, parser, slice_of(before));
    parser = saved_and_loaded(parser);
    parser_take_silence(parser, silent_ms, gather_event, &gather);
    parser = saved_and_loaded(parser);
    gather_feed(&gather, parser, slice_of(behind));
    assert_string_equal(strbuf_text(&gather.said), expected);
    strbuf_free(&gather.said);
    parser_free(parser);
}

static void an_excerpt_is_over_after_a_tenth_of_a_second(void **state)
{
    (void)state;
    static const char *const NEXT[][2] = {
        { FAILS(LATER), FAILS_SAID },
        { GOOD(LATER), GOOD_SAID },
        { GOOD(AT), GOOD_SAID },
        { BEGINS(LATER) FAILS(LATER), BEGINS_SAID FAILS_SAID },
        { ENDS(LATER), ENDS_SAID },
        { LATER "Scheduler stopped gracefully\n", "scheduler_stopped\n" },
        { LATER "✗ Offload timeout: a (>10 minutes)\n", "run_timeout table=a\n" },
        { "2026-03-03 10:45:00,000 - __main__ - INFO - Starting offload: a → cold.a\n", "run_started table=a\n" },
    };
    for (size_t i = 0; i < sizeof NEXT / sizeof NEXT[0]; i++) {
        struct strbuf expected = { 0 };
        strbuf_printf(&expected, BEGINS_SAID FAILS_SAID "%s", NEXT[i][1]);
        assert_said(BEGINS(AT) FAILS(AT), 100, NEXT[i][0], expected.at);
        strbuf_free(&expected);
    }
}

/* What the excerpt can hold is doubted as if there had been no silence. */
static void a_shorter_silence_says_nothing(void **state)
{
    (void)state;
    struct gather gather = { 0 };
    assert_true(zone_set("UTC"));
    struct parser *parser = gather_parser(NULL);
    gather_feed(&gather, parser, slice_of(BEGINS(AT) FAILS(AT)));
    assert_int_equal(parser_silence_ms(parser), 100);
    parser_take_silence(parser, 99, gather_event, &gather);
    assert_int_equal(parser_silence_ms(parser), 100);
    gather_feed(&gather, parser, slice_of(GOOD(LATER)));
    assert_int_equal(gather.counts[EVENT_RUN_COMPLETED], 0);
    strbuf_free(&gather.said);
    parser_free(parser);
}

/* Lines that came together with the failure may be forged: what follows decides, or a second of silence. */
static void held_lines_are_true_after_a_second(void **state)
{
    (void)state;
    struct gather gather = { 0 };
    assert_true(zone_set("UTC"));
    struct parser *parser = gather_parser(NULL);
    gather_feed(&gather, parser, slice_of(BEGINS(AT) FAILS(AT) ENDS(AT)));
    assert_int_equal(gather.counts[EVENT_CYCLE_COMPLETED], 0);
    parser_take_silence(parser, 100, gather_event, &gather);
    assert_int_equal(parser_silence_ms(parser), 1000);
    parser_take_silence(parser, 999, gather_event, &gather);
    assert_int_equal(gather.counts[EVENT_CYCLE_COMPLETED], 0);
    parser_take_silence(parser, 1000, gather_event, &gather);
    assert_string_equal(strbuf_text(&gather.said), BEGINS_SAID FAILS_SAID ENDS_SAID);
    assert_int_equal(parser_silence_ms(parser), INT64_MAX);
    strbuf_free(&gather.said);
    parser_free(parser);
    assert_said(BEGINS(AT) FAILS(AT) ENDS(AT), 1000, BEGINS(LATER) FAILS(LATER),
                BEGINS_SAID FAILS_SAID ENDS_SAID BEGINS_SAID FAILS_SAID);
    /* Another table's failure is held until its exit code comes. */
    assert_said(BEGINS(AT) FAILS(AT) AT "Starting offload: b → cold.b\n" AT "✗ Offload failed: b\n", 1000,
                AT "  Exit code: 2\n" AT "  Stderr: bang\n" LATER "Scheduler stopped gracefully\n",
                BEGINS_SAID FAILS_SAID "run_started table=b\nrun_failed table=b\nrun_exit_code table=b number=2\n"
                                       "run_stderr table=b text=bang\nrun_stderr table=b text=" LATER
                                       "Scheduler stopped gracefully\n");
}

static void a_silence_alone_does_not_make_forged_lines_true(void **state)
{
    (void)state;
    assert_said(BEGINS(AT) FAILS(AT) ENDS(AT), 100, LATER "Starting offload: b → cold.b\n",
                BEGINS_SAID FAILS_SAID "run_stderr table=a text=" AT
                                       "OFFLOAD CYCLE COMPLETED\nrun_stderr table=a text=" AT
                                       "Duration: 3.0s\nrun_stderr table=a text=" AT
                                       "Success: 0, Failed: 1, Timeout: 0\nrun_started table=b\n");
}

static void an_exceptions_text_is_over_after_a_second(void **state)
{
    (void)state;
#define EXCEPTION BEGINS(AT) AT "Offload cycle failed with exception: boom\n"
#define EXCEPTION_SAID BEGINS_SAID "cycle_exception text=boom\n"
    assert_said(EXCEPTION, 999, BEGINS(LATER), EXCEPTION_SAID);
    assert_said(EXCEPTION, 1000, BEGINS(LATER) FAILS(LATER), EXCEPTION_SAID BEGINS_SAID FAILS_SAID);
    assert_said(EXCEPTION AT "boom\nTraceback (most recent call last):\n  File \"x.py\", line 1\nOSError: boom\n", 1000,
                LATER "Scheduler stopped gracefully\n", EXCEPTION_SAID "scheduler_stopped\n");
}

static void without_foreign_text_silence_is_nothing(void **state)
{
    (void)state;
    struct parser *parser = gather_parser(NULL);
    struct gather gather = { 0 };
    assert_int_equal(parser_silence_ms(parser), INT64_MAX);
    gather_feed(&gather, parser, slice_of(BEGINS(AT) GOOD(AT)));
    assert_int_equal(parser_silence_ms(parser), INT64_MAX);
    parser_take_silence(parser, 1000000, gather_event, &gather);
    assert_string_equal(strbuf_text(&gather.said), BEGINS_SAID GOOD_SAID);
    strbuf_free(&gather.said);
    parser_free(parser);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_excerpt_is_over_after_a_tenth_of_a_second),
        cmocka_unit_test(a_shorter_silence_says_nothing),
        cmocka_unit_test(held_lines_are_true_after_a_second),
        cmocka_unit_test(a_silence_alone_does_not_make_forged_lines_true),
        cmocka_unit_test(an_exceptions_text_is_over_after_a_second),
        cmocka_unit_test(without_foreign_text_silence_is_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
