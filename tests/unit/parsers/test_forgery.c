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

/*
 * Foreign text that is written in the scheduler's format and knows its clock, inside a failed job's stderr and inside an exception's
 * text. Each log goes on truly behind it, and what the scheduler truly said must come out whole, whatever was forged.
 */
#define RULE "================================================================================"
#define AT "2026-03-03 10:15:02,743 - __main__ - INFO - "
#define NEXT "2026-03-03 10:15:02,745 - __main__ - INFO - "
#define SOON "2026-03-03 10:15:05,743 - __main__ - INFO - "
#define SLOT "2026-03-03 10:30:00,000 - __main__ - INFO - "
#define ERROR_AT "2026-03-03 10:15:02,743 - __main__ - ERROR - "

/* The cycle runs a, b, c and d. a is well, then b fails. */
#define BEFORE                                                                                                         \
    AT "OFFLOAD CYCLE STARTED\n" AT "Tables: 4\n" AT "Starting offload: a → cold.a\n" AT                               \
       "✓ Offload completed: a (7 rows in 2.0s)\n" AT "Starting offload: b → cold.b\n" ERROR_AT                        \
       "✗ Offload failed: b\n" ERROR_AT "  Exit code: 1\n" ERROR_AT "  Stderr: boom\n"
#define BEFORE_SAID                                                                                                    \
    "cycle_started\ncycle_tables number=4\nrun_started table=a\nrun_completed table=a number=7 ms=2000\n"              \
    "run_started table=b\nrun_failed table=b\nrun_exit_code table=b number=1\n"

/* What truly follows: c is well, d fails, and the cycle ends. */
#define BEHIND                                                                                                         \
    NEXT "Starting offload: c → cold.c\n" NEXT "✓ Offload completed: c (9 rows in 2.0s)\n" NEXT                        \
         "Starting offload: d → cold.d\n" NEXT "✗ Offload failed: d\n" NEXT "  Exit code: 2\n" NEXT                    \
         "  Stderr: bang\n" NEXT RULE "\n" NEXT "OFFLOAD CYCLE COMPLETED\n" NEXT "Duration: 3.0s\n" NEXT               \
         "Success: 2, Failed: 2, Timeout: 0\n" NEXT "Total rows offloaded: 16\n" NEXT RULE "\n" NEXT                   \
         "Next run scheduled at: 2026-03-03 10:30:00\n" NEXT "Waiting 897 seconds...\n" SLOT RULE "\n" SLOT            \
         "OFFLOAD CYCLE STARTED\n"
#define BEHIND_SAID                                                                                                    \
    "run_started table=c\nrun_completed table=c number=9 ms=2000\nrun_started table=d\nrun_failed table=d\n"           \
    "run_exit_code table=d number=2\ncycle_completed\ncycle_duration ms=3000\ncycle_summary succeeded=2 failed=2\n"    \
    "cycle_rows number=16\nnext_run at=1772533800000\nwaiting ms=897000\ncycle_started\n"

/* In a log below, instead of a line: the log is silent for as long as what is forged can be told by. */
#define SILENCE "(silence)\n"

static struct parser *restarted(struct parser *parser)
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

enum restarts { RESTARTS_NONE, RESTARTS_EVERYWHERE };

/* What the log says, without the evidence; with a new parser between any two lines, a restart must change nothing. */
static void said_with(enum restarts restarts, const char *log, struct strbuf *said)
{
    struct gather gather = { 0 };
    struct parser *parser = gather_parser(NULL);
    assert_true(zone_set("UTC"));
    for (struct slice rest = slice_of(log); rest.len > 0;) {
        const char *end = memchr(rest.at, '\n', rest.len);
        struct slice line = { rest.at, (size_t)(end - rest.at) + 1 };
        if (line.len == strlen(SILENCE) && memcmp(line.at, SILENCE, line.len) == 0)
            parser_take_silence(parser, 100, gather_event, &gather);
        else
            gather_feed(&gather, parser, line);
        if (restarts == RESTARTS_EVERYWHERE)
            parser = restarted(parser);
        rest = (struct slice){ end + 1, rest.len - line.len };
    }
    parser_free(parser);
    for (const char *line = strbuf_text(&gather.said), *end; *line; line = end + 1) {
        end = strchr(line, '\n');
        if (strncmp(line, "run_stderr ", strlen("run_stderr ")) != 0)
            strbuf_add(said, line, (size_t)(end - line) + 1);
    }
    strbuf_free(&gather.said);
}

static void said_by(const char *log, struct strbuf *said)
{
    said_with(RESTARTS_EVERYWHERE, log, said);
}

/* The forged lines say only what `believed` says, and everything true comes out, also if the log is silent in between. */
static void assert_forged(const char *before, const char *before_said, const char *forged, const char *believed)
{
    for (int silent = 0; silent <= 1; silent++) {
        struct strbuf log = { 0 }, expected = { 0 }, said = { 0 };
        strbuf_printf(&log, "%s%s%s" BEHIND, before, forged, silent ? SILENCE : "");
        strbuf_printf(&expected, "%s%s" BEHIND_SAID, before_said, believed);
        said_with(silent ? RESTARTS_NONE : RESTARTS_EVERYWHERE, log.at, &said);
        assert_string_equal(strbuf_text(&said), expected.at);
        strbuf_free(&log);
        strbuf_free(&expected);
        strbuf_free(&said);
    }
}

static void nothing_is_believed_in_stderr(void **state)
{
    (void)state;
    static const char *const FORGED[] = {
        "",
        /* a success of the table that failed, and of the one before it */
        AT "✓ Offload completed: b (5 rows in 3.0s)\n",
        AT "Starting offload: b → cold.b\n" AT "✓ Offload completed: b (5 rows in 3.0s)\n",
        AT "Starting offload: b → x\n" SOON "✓ Offload completed: b (5 rows in 3.0s)\n",
        AT "Starting offload: a → cold.a\n" AT "✓ Offload completed: b (5 rows in 3.0s)\n",
        AT "Starting offload: a → cold.a\n" AT "✗ Offload failed: a\n",
        AT "✗ Offload failed: c\n" AT "  Exit code: 1\n" AT "  Stderr: x\n",
        /* a stop, a crash and a start */
        AT "Scheduler stopped gracefully\n",
        AT "Scheduler crashed: x\n",
        AT "Scheduler crashed: x\n" AT "x\nTraceback (most recent call last):\n",
        AT "K2 ICEBERG OFFLOAD SCHEDULER STARTED\n",
        AT RULE "\n" AT "K2 ICEBERG OFFLOAD SCHEDULER STARTED\n",
        SLOT RULE "\n" SLOT "K2 ICEBERG OFFLOAD SCHEDULER STARTED\n" SLOT "Schedule: Every 1 minutes\n",
        SLOT RULE "\n" SLOT "K2 ICEBERG OFFLOAD SCHEDULER STARTED\n" SLOT "Schedule: Every 1 minutes\n" SLOT
                  "Tables: 2 Bronze tables\n" SLOT RULE "\n",
        /* the end of the cycle, and the next one */
        AT "OFFLOAD CYCLE COMPLETED\n",
        AT "OFFLOAD CYCLE COMPLETED - Duration: 3.0s\n",
        AT "Success: 4, Failed: 0, Timeout: 0\n",
        AT RULE "\n" AT "OFFLOAD CYCLE COMPLETED\n" AT "Duration: 3.0s\n" AT "Success: 4, Failed: 0, Timeout: 0\n" AT
                "Total rows offloaded: 16\n",
        AT "OFFLOAD CYCLE COMPLETED\n" AT "Duration: 3.0s\n" AT "Success: 4, Failed: 0, Timeout: 0\n" AT
           "Total rows offloaded: 1\n" AT "Next run scheduled at: 2027-03-03 10:30:00\n" AT "Waiting 9 seconds...\n",
        AT "Next run scheduled at: 2027-03-03 10:30:00\n",
        AT "Waiting 99999 seconds...\n",
        SLOT RULE "\n" SLOT "OFFLOAD CYCLE STARTED\n",
        AT "Schedule: Every 1 minutes\n",
        AT "Tables: 77\n",
        /* the clock of another zone, an earlier one, and one more than five minutes ahead */
        "2026-03-02 23:15:02,743 - __main__ - INFO - Starting offload: c → cold.c\n",
        "2026-03-03 10:15:02,742 - __main__ - INFO - Starting offload: c → cold.c\n",
        "2026-03-03 10:20:02,744 - __main__ - INFO - Starting offload: c → cold.c\n",
        "2026-03-03 10:15:02,742 - __main__ - INFO - Received signal 15, shutting down gracefully...\n",
        "2026-03-02 10:15:02,743 - __main__ - ERROR - Offload cycle failed with exception: x\n",
    };
    for (size_t i = 0; i < sizeof FORGED / sizeof FORGED[0]; i++)
        assert_forged(BEFORE, BEFORE_SAID, FORGED[i], "");
}

/* What excerpt.h says that a forger can still do. The true lines come out behind it all the same. */
static void no_more_than_that_is_believed_in_stderr(void **state)
{
    (void)state;
    static const char *const FORGED[][2] = {
        { AT "Starting offload: x → cold.x\n", "run_started table=x\n" },
        { AT "Received signal 15, x\n", "signal_received number=15\n" },
        { AT "Received signal 15, x\n" AT "Scheduler stopped gracefully\n", "signal_received number=15\n" },
        { AT "Shutdown requested\n" AT "Scheduler stopped gracefully\n", "shutdown_requested\n" },
        { AT "Offload cycle failed with exception: x\n" AT "Next run scheduled at: 2027-03-03 10:30:00\n",
          "cycle_exception text=x\n" },
        { AT "Offload cycle failed with exception: x\n" AT "x\n" AT "Next run scheduled at: 2026-03-03 10:31:00\n",
          "cycle_exception text=x\nnext_run at=1772533860000\n" },
        { AT "Offload cycle failed with exception: x\n" AT "x\n" AT "Starting offload: b → cold.b\n" AT
             "✓ Offload completed: b (5 rows in 3.0s)\n",
          "cycle_exception text=x\n" },
        /* Of the next table only that its run began: the true run contradicts the end. */
        { AT "Starting offload: c → cold.c\n" AT "✓ Offload completed: c (5 rows in 3.0s)\n", "run_started table=c\n" },
        { AT "Starting offload: c → cold.c\n" AT "✗ Offload timeout: c (>10 minutes)\n", "run_started table=c\n" },
        { AT "Starting offload: d → cold.d\n" SOON "✓ Offload completed: d (5 rows in 3.0s)\n",
          "run_started table=d\n" },
        { AT "Starting offload: d → cold.d\n" AT "✗ Offload failed: d\n", "run_started table=d\n" },
        { AT "Starting offload: d → cold.d\n" AT "✓ Offload completed: d (5 rows in 3.0s)\nand more text\n",
          "run_started table=d\n" },
        /* The end of a run that has not begun yet, and is not the next. */
        { AT "Starting offload: x → cold.x\n" AT "✓ Offload completed: x (5 rows in 3.0s)\n",
          "run_started table=x\nrun_completed table=x number=5 ms=3000\n" },
    };
    for (size_t i = 0; i < sizeof FORGED / sizeof FORGED[0]; i++)
        assert_forged(BEFORE, BEFORE_SAID, FORGED[i][0], FORGED[i][1]);
}

/* The 500 characters are cut wherever they end, also within a forged line. */
static void a_text_of_500_characters_may_be_cut_anywhere(void **state)
{
    (void)state;
    static const char FORGED[] = AT "Starting offload: b → cold.b\n" AT "✓ Offload completed: b (5 rows in 3.0s)\n" AT
                                    "Scheduler stopped gracefully\n" AT "OFFLOAD CYCLE COMPLETED\n" AT RULE "\n" AT
                                    "Success: 4, Failed: 0, Timeout: 0\n" AT "Scheduler crashed: x\n";
    for (size_t len = 0; len < sizeof FORGED - 1 && len < 490; len++) {
        struct strbuf forged = { 0 };
        strbuf_add(&forged, FORGED, len);
        if (len > 0)
            strbuf_puts(&forged, "\n");
        assert_forged(BEFORE, BEFORE_SAID, strbuf_text(&forged), "");
        strbuf_free(&forged);
    }
}

/*
 * An exception's text has no bound. A forged exception at the end of stderr must not have the true lines taken for its text, wherever
 * the 500 characters end: behind it, or within the first true line, which is a run's or the rule before the cycle's end.
 */
static void a_forged_exception_hides_nothing(void **state)
{
    (void)state;
    static const char *const FORGED[][2] = {
        { AT "Offload cycle failed with exception: x", "cycle_exception text=x\n" },
        { AT "Offload cycle failed with exception: x\n" AT "x", "cycle_exception text=x\n" },
    };
    static const char LAST[] = NEXT RULE "\n" NEXT "OFFLOAD CYCLE COMPLETED\n" NEXT "Duration: 3.0s\n" NEXT RULE "\n";
    static const char LAST_SAID[] = "cycle_completed\ncycle_duration ms=3000\n";
    for (size_t i = 0; i < sizeof FORGED / sizeof FORGED[0]; i++) {
        for (size_t room = 0; room < 200; room++) {
            struct strbuf forged = { 0 }, behind = { 0 }, behind_said = { 0 };
            size_t filler = 500 - strlen("boom") - 1 - strlen(FORGED[i][0]) - 1 - room;
            strbuf_printf(&forged, "%0*d\n%s\n", (int)filler, 0, FORGED[i][0]);
            assert_forged(BEFORE, BEFORE_SAID, forged.at, FORGED[i][1]);
            /* The same as the last table of its cycle. */
            strbuf_printf(&behind, BEFORE "%s%s", forged.at, LAST);
            strbuf_printf(&behind_said, BEFORE_SAID "%s%s", FORGED[i][1], LAST_SAID);
            assert_forged(behind.at, behind_said.at, "", "");
            strbuf_free(&forged);
            strbuf_free(&behind);
            strbuf_free(&behind_said);
        }
    }
}

/* Each of several tables that fail in a row claims to be well. */
static void failures_in_a_row_stay_failures(void **state)
{
    (void)state;
#define FAILS(TABLE)                                                                                                   \
    AT "Starting offload: " TABLE " → cold." TABLE "\n" ERROR_AT "✗ Offload failed: " TABLE "\n" ERROR_AT              \
       "  Exit code: 1\n" ERROR_AT "  Stderr: x\n" AT "Starting offload: " TABLE " → x\n" AT                           \
       "✓ Offload completed: " TABLE " (5 rows in 3.0s)\n"
#define FAILS_SAID(TABLE)                                                                                              \
    "run_started table=" TABLE "\nrun_failed table=" TABLE "\nrun_exit_code table=" TABLE " number=1\n"
    assert_forged(AT "OFFLOAD CYCLE STARTED\n" FAILS("a") FAILS("b") FAILS("e"),
                  "cycle_started\n" FAILS_SAID("a") FAILS_SAID("b") FAILS_SAID("e"), "", "");
    /* A timeout in between has no stderr. */
    assert_forged(AT "OFFLOAD CYCLE STARTED\n" FAILS("a") AT "Starting offload: b → cold.b\n" AT
                                                             "✗ Offload timeout: b (>10 minutes)\n" FAILS("e"),
                  "cycle_started\n" FAILS_SAID("a") "run_started table=b\nrun_timeout table=b\n" FAILS_SAID("e"), "",
                  "");
}

#define EXCEPTION_BEFORE AT "OFFLOAD CYCLE STARTED\n"
#define EXCEPTION_NEXT                                                                                                 \
    NEXT "Next run scheduled at: 2026-03-03 10:30:00\n" NEXT "Waiting 897 seconds...\n" SLOT RULE "\n" SLOT            \
         "OFFLOAD CYCLE STARTED\n" SLOT "Scheduler stopped gracefully\n"
#define EXCEPTION_NEXT_SAID "next_run at=1772533800000\nwaiting ms=897000\ncycle_started\nscheduler_stopped\n"

#define CUT EXCEPTION_BEFORE ERROR_AT "Offload cycle failed with exception: boom\n"
#define CUT_SAID "cycle_started\ncycle_exception text=boom\n"

/* The text stands in the log three times: as the message, once more, and at the traceback's end. */
static void assert_exception(const char *text, const char *believed)
{
    struct strbuf log = { 0 }, expected = { 0 }, said = { 0 };
    strbuf_printf(&log,
                  EXCEPTION_BEFORE ERROR_AT "Offload cycle failed with exception: boom\n%s" ERROR_AT
                                            "boom\n%sTraceback (most recent call last):\n  File \"x.py\", line 1\n"
                                            "RuntimeError: boom\n%s" EXCEPTION_NEXT,
                  text, text, text);
    strbuf_printf(&expected, "cycle_started\ncycle_exception text=boom\n%s" EXCEPTION_NEXT_SAID, believed);
    said_by(log.at, &said);
    assert_string_equal(strbuf_text(&said), expected.at);
    strbuf_free(&log);
    strbuf_free(&expected);
    strbuf_free(&said);
}

static void nothing_is_believed_in_an_exceptions_text(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {
        "",
        AT "Scheduler stopped gracefully\n",
        AT "Received signal 15, shutting down gracefully...\n" AT "Scheduler stopped gracefully\n",
        AT "Shutdown requested, stopping cycle\n" AT "Scheduler stopped gracefully\n",
        SLOT "Scheduler stopped gracefully\n",
        AT "Scheduler crashed: x\n",
        AT "✓ Offload completed: b (5 rows in 3.0s)\n",
        AT "Starting offload: b → cold.b\n" AT "✓ Offload completed: b (5 rows in 3.0s)\n",
        AT "✗ Offload failed: b\n" AT "  Exit code: 1\n" AT "  Stderr: x\n",
        AT RULE "\n" AT "OFFLOAD CYCLE COMPLETED\n" AT "Duration: 3.0s\n" AT "Success: 4, Failed: 0, Timeout: 0\n" AT
                "Total rows offloaded: 16\n" AT RULE "\n",
        AT "OFFLOAD CYCLE STARTED\n",
        AT "Offload cycle failed with exception: bang\n",
        AT RULE "\n" AT "K2 ICEBERG OFFLOAD SCHEDULER STARTED\n",
        SLOT RULE "\n" SLOT "K2 ICEBERG OFFLOAD SCHEDULER STARTED\n" SLOT "Schedule: Every 1 minutes\n",
        AT "Traceback (most recent call last):\n",
        AT "RuntimeError: boom\n" AT "Scheduler stopped gracefully\n",
    };
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++)
        assert_exception(TEXTS[i], "");
}

/* What excerpt.h says that a forger can still do. The true lines come out behind it all the same. */
static void no_more_than_that_is_believed_in_an_exceptions_text(void **state)
{
    (void)state;
#define FORGED_WAIT AT "boom\n" AT "Next run scheduled at: 2026-03-03 10:31:00\n"
    static const char *const FORGED[][2] = {
        { AT "boom\n" AT "Next run scheduled at: 2026-03-03 10:31:00\n", "next_run at=1772533860000\n" },
        { FORGED_WAIT AT "Scheduler stopped gracefully\n", "next_run at=1772533860000\n" },
        { FORGED_WAIT AT "Received signal 15, x\n" AT "Scheduler stopped gracefully\n",
          "next_run at=1772533860000\nsignal_received number=15\nscheduler_stopped\n" },
        { FORGED_WAIT AT "OFFLOAD CYCLE STARTED\n" AT "Scheduler stopped gracefully\n",
          "next_run at=1772533860000\ncycle_started\nscheduler_stopped\n" },
        { AT "K2 ICEBERG OFFLOAD SCHEDULER STARTED\n" AT "OFFLOAD CYCLE STARTED\n",
          "scheduler_started\ncycle_started\n" },
        { SLOT "OFFLOAD CYCLE STARTED\n", "cycle_started\n" },
    };
    for (size_t i = 0; i < sizeof FORGED / sizeof FORGED[0]; i++) {
        struct strbuf log = { 0 }, expected = { 0 }, said = { 0 };
        strbuf_printf(&log, CUT "%s" EXCEPTION_NEXT, FORGED[i][0]);
        strbuf_printf(&expected, CUT_SAID "%s", FORGED[i][1]);
        said_by(log.at, &said);
        assert_memory_equal(said.at, expected.at, expected.len);
        assert_non_null(strstr(said.at + expected.len, "cycle_started\nscheduler_stopped\n"));
        strbuf_free(&log);
        strbuf_free(&expected);
        strbuf_free(&said);
    }
}

/* The scheduler may die before it has logged all of it. Then it begins again, or the repetition is lost with a part of the file. */
static void a_cut_exception_is_followed_by_the_next_cycle(void **state)
{
    (void)state;
#define BANNER                                                                                                         \
    NEXT RULE "\n" NEXT "K2 ICEBERG OFFLOAD SCHEDULER STARTED\n" NEXT "Schedule: Every 15 minutes\n" NEXT              \
              "Tables: 2 Bronze tables\n" NEXT RULE "\n" NEXT "Running initial offload cycle...\n" NEXT RULE "\n" NEXT \
              "OFFLOAD CYCLE STARTED\n"
    struct strbuf said = { 0 };
    said_by(CUT BANNER, &said);
    assert_string_equal(said.at,
                        CUT_SAID "scheduler_started\nschedule ms=900000\nscheduler_tables number=2\ncycle_started\n");
    strbuf_clear(&said);
    said_by(CUT SLOT RULE "\n" SLOT "OFFLOAD CYCLE STARTED\n" SLOT "Tables: 2\n", &said);
    assert_string_equal(said.at, CUT_SAID "cycle_started\ncycle_tables number=2\n");
    strbuf_free(&said);
}

static void what_follows_an_exception_is_understood(void **state)
{
    (void)state;
#define WAITS CUT ERROR_AT "boom\n" NEXT "Next run scheduled at: 2026-03-03 10:30:00\n" NEXT "Waiting 897 seconds...\n"
#define WAITS_SAID CUT_SAID "next_run at=1772533800000\nwaiting ms=897000\n"
    struct strbuf said = { 0 };
    said_by(WAITS "2026-03-03 10:22:00,000 - __main__ - INFO - Received signal 15, shutting down gracefully...\n"
                  "2026-03-03 10:22:00,000 - __main__ - INFO - Scheduler stopped gracefully\n",
            &said);
    assert_string_equal(said.at, WAITS_SAID "signal_received number=15\nscheduler_stopped\n");
    strbuf_clear(&said);
    said_by(WAITS "2026-03-03 10:22:00,000 - __main__ - INFO - K2 ICEBERG OFFLOAD SCHEDULER STARTED\n", &said);
    assert_string_equal(said.at, WAITS_SAID "scheduler_started\n");
    strbuf_clear(&said);
    /* The host's clock was set back while the scheduler waited. */
    said_by(WAITS "2026-03-03 09:30:00,000 - __main__ - INFO - OFFLOAD CYCLE STARTED\n", &said);
    assert_string_equal(said.at, WAITS_SAID "cycle_started\n");
    strbuf_free(&said);
}

/* Behind a short failure: an exception, and in the next cycle the same table runs and fails again with a short stderr. */
static void the_next_cycle_runs_the_same_tables(void **state)
{
    (void)state;
    struct strbuf said = { 0 };
    said_by(BEFORE ERROR_AT "Offload cycle failed with exception: x\n" ERROR_AT "x\n" AT
                            "Next run scheduled at: 2026-03-03 10:30:00\n" AT "Waiting 0 seconds...\n" AT
                            "OFFLOAD CYCLE STARTED\n" AT RULE "\n" AT "Starting offload: a → cold.a\n" ERROR_AT
                            "✗ Offload failed: a\n" ERROR_AT "  Stderr: x\n" AT "Starting offload: b → cold.b\n",
            &said);
    assert_string_equal(said.at, BEFORE_SAID "cycle_exception text=x\nnext_run at=1772533800000\nwaiting\n"
                                             "cycle_started\nrun_started table=a\nrun_failed table=a\n"
                                             "run_started table=b\n");
    strbuf_free(&said);
}

/* The traceback shows that the scheduler itself wrote it, since stderr is cut at 500 characters. */
static void a_crash_behind_a_failure_is_believed_with_its_traceback(void **state)
{
    (void)state;
    struct strbuf said = { 0 };
    char traceback[500];
    memset(traceback, 'x', sizeof traceback);
    traceback[sizeof traceback - 1] = '\0';
    struct strbuf log = { 0 };
    strbuf_printf(&log, BEFORE AT "Scheduler crashed: password=1\nTraceback (most recent call last):\n%s\n" BEHIND,
                  traceback);
    said_by(log.at, &said);
    assert_string_equal(said.at, BEFORE_SAID "scheduler_crashed\n" BEHIND_SAID);
    strbuf_free(&log);
    strbuf_free(&said);
}

/* A character has at most four bytes: more than 2000 bytes are never an excerpt, however few characters they seem to be. */
static void an_excerpt_has_its_bound_in_bytes(void **state)
{
    (void)state;
    static const char END[] = AT "OFFLOAD CYCLE STARTED\n";
    for (size_t more = 0; more <= 1; more++) {
        struct strbuf log = { 0 }, said = { 0 };
        strbuf_puts(&log, BEFORE);
        while (log.len < sizeof BEFORE - 1 + STDERR_MAX_BYTES - strlen("boom") - 1 - (sizeof END - 1) + more)
            strbuf_puts(&log, "\x80");
        strbuf_printf(&log, "\n%s", END);
        said_by(log.at, &said);
        assert_string_equal(said.at, more ? BEFORE_SAID "cycle_started\n" : BEFORE_SAID);
        strbuf_free(&log);
        strbuf_free(&said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_believed_in_stderr),
        cmocka_unit_test(no_more_than_that_is_believed_in_stderr),
        cmocka_unit_test(a_text_of_500_characters_may_be_cut_anywhere),
        cmocka_unit_test(a_forged_exception_hides_nothing),
        cmocka_unit_test(failures_in_a_row_stay_failures),
        cmocka_unit_test(nothing_is_believed_in_an_exceptions_text),
        cmocka_unit_test(no_more_than_that_is_believed_in_an_exceptions_text),
        cmocka_unit_test(a_cut_exception_is_followed_by_the_next_cycle),
        cmocka_unit_test(what_follows_an_exception_is_understood),
        cmocka_unit_test(the_next_cycle_runs_the_same_tables),
        cmocka_unit_test(a_crash_behind_a_failure_is_believed_with_its_traceback),
        cmocka_unit_test(an_excerpt_has_its_bound_in_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
