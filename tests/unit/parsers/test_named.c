/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/budgets.h"
#include "base/zone.h"
#include "tests/unit/gather.h"

/* A log whose lines say by name whose they are: a pipeline whose cycles are flows, with parts and jobs. */
static const char PATTERNS[] = "[record]\n"
                               "pattern = (?<time>\\S+ \\S+) (?<message>.*)\n"
                               "[events]\n"
                               "cycle_started = flow (?<cycle>\\S+): begins$\n"
                               "cycle_completed = flow (?<cycle>\\S+): (?:ended$|(?<text>broke.*))\n"
                               "cycle_crashed = flow (?<cycle>\\S+): (?<text>killed.*)\n"
                               "layer_started = flow (?<layer>\\S+): begins as a part$\n"
                               "layer_retry = flow (?<layer>\\S+): once more$\n"
                               "run_started = job (?<run>\\S+): copies (?<table>\\S+)$\n"
                               "run_completed = job (?<run>\\S+): copied (?<table>\\S+)$\n"
                               "run_rows = job (?<run>\\S+): rows (?<rows>\\d+)$\n"
                               "run_duration = job (?<run>\\S+): took (?<seconds>[\\d.]+)$\n"
                               "attempt_failed = job (?<run>\\S+): failed (?<table>\\S+)$\n"
                               "attempt_timeout = job (?<run>\\S+): too slow (?<table>\\S+)$\n"
                               "run_exit_code = job (?<run>\\S+): exit (?<number>-?\\d+)$\n"
                               "run_stderr = job (?<run>\\S+): says (?<text>.*)$\n"
                               "run_retry = job (?<run>\\S+): again\n"
                               "run_failed = job (?<run>\\S+): gives up(?<text>.*)$\n"
                               "run_ended = job (?<run>\\S+): over(?<text> badly)?$\n"
                               "text_follows = flow (?<cycle>\\S+): traceback\n"
                               "ignore = something\n";

static struct parser *named_parser(void)
{
    char path[] = "/tmp/named-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_true(zone_set("UTC"));
    assert_int_equal(write(fd, PATTERNS, strlen(PATTERNS)), (ssize_t)strlen(PATTERNS));
    close(fd);
    struct parser *parser = gather_parser(path);
    unlink(path);
    return parser;
}

/* Lines at 06:15; a line that begins with '>' has no prefix, and seconds may stand before a '|'. */
static void say(struct strbuf *log, const char *lines)
{
    while (*lines) {
        size_t len = strcspn(lines, "\n");
        size_t stamp = strcspn(lines, "|");
        if (*lines == '>')
            strbuf_printf(log, "%.*s\n", (int)len - 1, lines + 1);
        else
            strbuf_printf(log, "2026-02-18 06:%.*s %.*s\n", (int)stamp, lines, (int)(len - stamp) - 1,
                          lines + stamp + 1);
        lines += len + (lines[len] == '\n');
    }
}

/* The parser is restarted before each line, or never. */
static void hear(const char *lines, bool restarts, struct gather *gather)
{
    struct parser *parser = named_parser();
    struct strbuf log = { 0 }, state = { 0 };
    say(&log, lines);
    for (size_t at = 0; at < log.len;) {
        const char *end = memchr(log.at + at, '\n', log.len - at);
        struct archive archive;
        if (restarts) {
            strbuf_clear(&state);
            archive_save_to(&archive, &state);
            parser_archive(parser, &archive);
            parser_free(parser);
            parser = named_parser();
            archive_load_from(&archive, strbuf_slice(&state));
            parser_archive(parser, &archive);
        }
        size_t len = (size_t)(end - (log.at + at));
        parser_feed(parser, log.at + at, len, (int64_t)at, gather_event, gather);
        at += len + 1;
    }
    assert_int_equal(parser_counts(parser)->misses, 0);
    parser_free(parser);
    strbuf_free(&log);
    strbuf_free(&state);
}

static void assert_heard(const char *lines, const char *expected)
{
    for (int restarts = 0; restarts < 2; restarts++) {
        struct gather gather = { 0 };
        hear(lines, restarts, &gather);
        assert_string_equal(strbuf_text(&gather.said), expected);
        strbuf_free(&gather.said);
    }
}

static void lines_that_name_no_table_belong_to_their_run(void **unused)
{
    (void)unused;
    assert_heard("15:00|flow otter: begins\n15:01|job j1: copies a\n15:01|job j2: copies b\n"
                 "15:09|job j1: copied a\n15:09|job j2: copied b\n15:09|job j1: took 8.5\n15:09|job j2: rows 7\n"
                 "15:09|job j1: rows 5\n15:10|job j1: over\n15:10|job j2: over\n15:11|flow otter: ended\n",
                 "cycle_started\nrun_started table=a\nrun_started table=b\nrun_completed table=a number=-1\n"
                 "run_completed table=b number=-1\nrun_duration table=a ms=8500\nrun_rows table=b number=7\n"
                 "run_rows table=a number=5\nrun_ended table=a\nrun_ended table=b\ncycle_completed\n");
}

static void two_runs_of_one_name_are_told_apart_by_their_tables(void **unused)
{
    (void)unused;
    assert_heard(
        "15:01|job j1: copies a\n15:02|job j1: copies b\n15:08|job j1: copied a\n15:08|job j1: rows 5\n"
        "15:08|job j1: over\n15:09|job j1: copied b\n15:09|job j1: rows 7\n15:09|job j1: over\n",
        "run_started table=a\nrun_started table=b\nrun_completed table=a number=-1\nrun_rows table=a number=5\n"
        "run_ended table=a\nrun_completed table=b number=-1\nrun_rows table=b number=7\nrun_ended table=b\n");
}

static void what_nobody_named_says_nothing(void **unused)
{
    (void)unused;
    assert_heard("15:01|job j9: rows 5\n15:01|job j9: over\n15:01|flow other: ended\n15:01|flow other: killed by 9\n"
                 "15:02|flow other: once more\n",
                 "");
}

static void a_run_whose_attempts_were_too_slow_timed_out(void **unused)
{
    (void)unused;
    assert_heard("15:01|job j1: copies a\n25:01|job j1: too slow a\n25:01|job j1: again\n25:31|job j1: copies a\n"
                 "35:31|job j1: too slow a\n35:31|job j1: gives up\n35:31|job j1: over badly\n",
                 "run_started table=a\nattempt_timeout table=a\nrun_retry table=a\nrun_started table=a\n"
                 "attempt_timeout table=a\nrun_timeout table=a\nrun_ended table=a text= badly\n");
}

static void a_layers_end_is_no_cycles_end(void **unused)
{
    (void)unused;
    assert_heard("15:00|flow otter: begins\n15:00|flow lynx: begins as a part\n15:09|flow lynx: broke down\n"
                 "15:09|flow otter: broke down\n",
                 "cycle_started\nlayer_started\nlayer_completed text=broke down\ncycle_completed text=broke down\n");
    /* Also where it bears the same name. */
    assert_heard("15:00|flow otter: begins\n15:00|flow otter: begins as a part\n15:09|flow otter: ended\n"
                 "15:10|flow otter: ended\n15:11|flow otter: ended\n",
                 "cycle_started\nlayer_started\nlayer_completed\ncycle_completed\n");
    /* A cycle that is begun again, and a layer. */
    assert_heard("15:00|flow otter: begins\n15:00|flow lynx: begins as a part\n15:09|flow lynx: once more\n"
                 "20:09|flow lynx: begins as a part\n20:10|flow lynx: ended\n20:11|flow otter: once more\n"
                 "20:12|flow otter: begins\n20:13|flow otter: ended\n",
                 "cycle_started\nlayer_started\nlayer_retry\nlayer_started\nlayer_completed\ncycle_started\n"
                 "cycle_completed\n");
}

static const char FAILS[] = "15:00.000|flow otter: begins\n15:01.000|job j1: copies a\n15:05.100|job j1: failed a\n"
                            "15:05.100|job j1: exit 1\n15:05.101|job j1: says first\n";
static const char FAILED[] = "cycle_started\nrun_started table=a\nattempt_failed table=a\n"
                             "run_exit_code table=a number=1\nrun_stderr table=a text=first\n";

static void assert_heard_after_failure(const char *lines, const char *expected)
{
    struct strbuf said = { 0 }, all = { 0 };
    strbuf_printf(&said, "%s%s", FAILS, lines);
    strbuf_printf(&all, "%s%s", FAILED, expected);
    assert_heard(strbuf_text(&said), strbuf_text(&all));
    strbuf_free(&said);
    strbuf_free(&all);
}

static void a_jobs_text_is_as_long_as_it_likes(void **unused)
{
    (void)unused;
    struct strbuf lines = { 0 }, expected = { 0 };
    for (int i = 0; i < 100; i++) {
        strbuf_printf(&lines, ">\tat com.clickhouse.Frame.run(Frame.java:%d)\n", i);
        strbuf_printf(&expected, "run_stderr table=a text=\tat com.clickhouse.Frame.run(Frame.java:%d)\n", i);
    }
    strbuf_puts(&lines, "15:05.140|job j1: again\n>no more\n15:35.000|job j1: copies a\n>nor here\n");
    strbuf_puts(&expected, "run_retry table=a\nrun_started table=a\n");
    assert_heard_after_failure(strbuf_text(&lines), strbuf_text(&expected));
    strbuf_free(&lines);
    strbuf_free(&expected);
}

/* A pipeline need not wait before it tries again. */
static void a_retry_may_begin_at_once(void **unused)
{
    (void)unused;
    assert_heard_after_failure(
        "15:05.101|job j1: again\n15:05.102|job j1: copies a\n15:05.103|job j1: copied a\n15:05.103|job j1: rows 5\n",
        "run_retry table=a\nrun_started table=a\nrun_completed table=a number=-1\nrun_rows table=a number=5\n");
}

static void lines_of_other_runs_may_stand_in_a_text(void **unused)
{
    (void)unused;
    static const char OTHERS[] =
        "15:00.000|flow otter: begins\n15:01.000|job j1: copies a\n15:01.000|job j2: copies b\n"
        "15:05.100|job j1: failed a\n15:05.101|job j1: says first\n>second\n"
        "15:05.099|job j2: copied b\n15:05.102|job j2: rows 7\n>third\n15:05.110|job j2: over\n"
        "15:05.140|job j1: gives up\n>a traceback\n15:05.150|job j1: over badly\n";
    assert_heard(OTHERS,
                 "cycle_started\nrun_started table=a\nrun_started table=b\nattempt_failed table=a\n"
                 "run_stderr table=a text=first\nrun_stderr table=a text=second\nrun_completed table=b number=-1\n"
                 "run_rows table=b number=7\nrun_stderr table=a text=third\nrun_ended table=b\n"
                 "run_failed table=a\nrun_ended table=a text= badly\n");
}

/* Each is a line of the text, although it looks like a record. */
static void no_event_is_taken_out_of_a_jobs_text(void **unused)
{
    (void)unused;
    static const char *const forged[] = {
        "05:05.000|job j1: copied a",  /* an hour's quarter before */
        "15:05.000|flow otter: ended", /* before the failure, and a cycle does not end while a run of it is open */
        "15:05.101|flow otter: ended", /* likewise at its very instant */
        "15:05.101|flow otter: broke", /* likewise */
        "15:05.101|job j1: copied a",  /* a run does not succeed where it fails */
        "15:05.101|job j1: rows 100",  /* likewise */
        "15:05.101|job j1: over",      /* likewise */
        "15:05.102|job j7: copied a",  /* a name that is new begins */
        "15:05.102|job j7: copies b",  /* one run after the other, where no other one is open */
        "15:05.102|flow lynx: begins as a part", /* likewise the layers */
    };
    for (size_t i = 0; i < sizeof forged / sizeof forged[0]; i++) {
        struct strbuf lines = { 0 }, expected = { 0 };
        strbuf_printf(&lines, "%s\n15:05.140|job j1: again\n15:35.140|job j1: copies a\n", forged[i]);
        strbuf_printf(&expected,
                      "run_stderr table=a text=2026-02-18 06:%.9s %s\nrun_retry table=a\nrun_started table=a\n",
                      forged[i], forged[i] + 10);
        assert_heard_after_failure(strbuf_text(&lines), strbuf_text(&expected));
        strbuf_free(&lines);
        strbuf_free(&expected);
    }
}

/* The text is said again in the exception of each layer above. */
static void no_event_is_taken_out_of_a_traceback(void **unused)
{
    (void)unused;
    assert_heard_after_failure("15:05.140|job j1: gives up\n>Traceback\n15:05.101|job j1: copied a\n>the end\n"
                               "15:05.150|job j1: over badly\n15:05.200|flow otter: traceback\n>Traceback\n"
                               "15:05.101|flow otter: ended\n15:05.101|job j1: copied a\n15:05.300|flow otter: broke\n",
                               "run_failed table=a\nrun_ended table=a text= badly\ncycle_completed text=broke\n");
}

/* Nor out of one that nobody knows who wrote, when it was found foreign before. */
static void a_foreign_line_is_known_again(void **unused)
{
    (void)unused;
    assert_heard_after_failure("15:05.999|job j7: copies b\n15:05.140|job j1: gives up\n15:05.150|job j1: over badly\n"
                               "15:05.300|flow otter: broke\n15:06.000|flow next: begins\n15:06.010|something else\n"
                               ">Traceback\n15:05.999|job j7: copies b\n>the end\n15:06.500|job j2: copies a\n",
                               "run_stderr table=a text=2026-02-18 06:15:05.999 job j7: copies b\nrun_failed table=a\n"
                               "run_ended table=a text= badly\ncycle_completed text=broke\ncycle_started\n"
                               "run_started table=a\n");
}

/* A log of which no line is understood does not look like one long text. */
static void lines_that_nobody_wrote_are_not_understood(void **unused)
{
    (void)unused;
    struct parser *parser = named_parser();
    struct gather gather = { 0 };
    gather_feed(&gather, parser, slice_of("no prefix\nno prefix\nno prefix\n"));
    assert_int_equal(parser_unknown_lines(parser, NULL), 3);
    strbuf_free(&gather.said);
    parser_free(parser);
}

/* Another run of the same name, while the first one's text may still go on. */
static void a_text_is_its_runs_and_not_its_names(void **unused)
{
    (void)unused;
    assert_heard("15:00.000|flow otter: begins\n15:01.000|job j1: copies a\n15:01.000|job j1: copies b\n"
                 "15:05.100|job j1: failed a\n15:05.101|job j1: says first\n15:05.500|job j1: copied b\n"
                 "15:05.501|job j1: rows 7\n15:05.510|job j1: over\n15:35.000|job j1: copies a\n",
                 "cycle_started\nrun_started table=a\nrun_started table=b\nattempt_failed table=a\n"
                 "run_stderr table=a text=first\nrun_completed table=b number=-1\nrun_rows table=b number=7\n"
                 "run_ended table=b\nrun_started table=a\n");
}

/* Its process was killed before it spoke again. */
/* The text is written at 15:09.2. A line of it that shows a later time, in this zone or in the log's own, is none of the pipeline's. */
static void a_jobs_text_cannot_guess_the_time_of_its_failure(void **unused)
{
    (void)unused;
    static const char LOG[] =
        "15:00|flow otter: begins\n15:01|job j1: copies a\n15:09|job j1: failed a\n15:09|job j1: says x\n";
    static const char *const FORGED[] = { "15:10|job j2: copies a\n15:10|job j2: copied a\n15:10|job j2: rows 9\n",
                                          "15:10|flow newt: begins\n", "20:00|job j1: over\n", "28:50|job j1: over\n",
                                          "15:10|flow otter: ended\n" };
    for (size_t i = 0; i < sizeof FORGED / sizeof FORGED[0]; i++) {
        struct parser *parser = named_parser();
        struct gather gather = { 0 };
        struct strbuf log = { 0 };
        say(&log, LOG);
        say(&log, FORGED[i]);
        say(&log, "15:09|job j1: gives up\n");
        parser_set_moment(parser, INT64_C(1771395309200), 0);
        for (size_t at = 0; at < log.len;) {
            size_t len = strcspn(log.at + at, "\n");
            parser_feed(parser, log.at + at, len, (int64_t)at, gather_event, &gather);
            at += len + 1;
        }
        const char *said = strbuf_text(&gather.said);
        assert_non_null(strstr(said, "cycle_started\nrun_started table=a\nattempt_failed table=a\n"));
        assert_null(strstr(said + strlen("cycle_started\nrun_started table=a\n"), "_started"));
        assert_null(strstr(said, "completed"));
        assert_null(strstr(said, "run_ended"));
        assert_non_null(strstr(said, "run_failed table=a\n"));
        parser_free(parser);
        strbuf_free(&log);
        strbuf_free(&gather.said);
    }
}

static void what_comes_a_minute_later_is_no_line_of_a_text(void **unused)
{
    (void)unused;
    assert_heard_after_failure(">second\n15:06.300|flow otter: killed by 9\n30:00.000|flow lynx: begins\n>no text\n"
                               "30:01.000|job j2: copies a\n30:02.000|job j2: copied a\n",
                               "run_stderr table=a text=second\ncycle_crashed text=killed by 9\ncycle_started\n"
                               "run_started table=a\nrun_completed table=a number=-1\n");
}

/* More names, and more texts, than are remembered. */
static void names_have_a_budget(void **unused)
{
    (void)unused;
    struct parser *parser = named_parser();
    struct gather gather = { 0 };
    struct strbuf log = { 0 };
    for (int i = 0; i < 2 * RUNS_NAMED_MAX; i++)
        strbuf_printf(&log,
                      "2026-02-18 06:15:00.000 flow f%d: begins\n2026-02-18 06:15:00.000 job j%d: copies t%d\n"
                      "2026-02-18 06:15:00.000 job j%d: failed t%d\n2026-02-18 06:15:00.000 job j%d: says x\n",
                      i, i, i, i, i, i);
    strbuf_puts(&log, "2026-02-18 06:16:01.000 job j0: rows 5\n2026-02-18 06:16:01.000 job j511: again\n");
    gather_feed(&gather, parser, strbuf_slice(&log));
    assert_int_equal(gather.counts[EVENT_RUN_ROWS], 0);
    assert_int_equal(gather.counts[EVENT_RUN_RETRY], 1);
    assert_int_equal(gather.counts[EVENT_RUN_STDERR], 2 * RUNS_NAMED_MAX);
    strbuf_free(&log);
    strbuf_free(&gather.said);
    parser_free(parser);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_that_name_no_table_belong_to_their_run),
        cmocka_unit_test(two_runs_of_one_name_are_told_apart_by_their_tables),
        cmocka_unit_test(what_nobody_named_says_nothing),
        cmocka_unit_test(a_run_whose_attempts_were_too_slow_timed_out),
        cmocka_unit_test(a_layers_end_is_no_cycles_end),
        cmocka_unit_test(a_jobs_text_is_as_long_as_it_likes),
        cmocka_unit_test(a_retry_may_begin_at_once),
        cmocka_unit_test(lines_of_other_runs_may_stand_in_a_text),
        cmocka_unit_test(no_event_is_taken_out_of_a_jobs_text),
        cmocka_unit_test(no_event_is_taken_out_of_a_traceback),
        cmocka_unit_test(a_foreign_line_is_known_again),
        cmocka_unit_test(lines_that_nobody_wrote_are_not_understood),
        cmocka_unit_test(a_text_is_its_runs_and_not_its_names),
        cmocka_unit_test(a_jobs_text_cannot_guess_the_time_of_its_failure),
        cmocka_unit_test(what_comes_a_minute_later_is_no_line_of_a_text),
        cmocka_unit_test(names_have_a_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
