/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/zone.h"
#include "tests/unit/gather.h"
#include "tests/unit/read_file.h"

static size_t count_lines_with(const char *text, const char *begin)
{
    size_t count = 0;
    for (const char *line = text; *line; line += strcspn(line, "\n") + (strchr(line, '\n') != NULL))
        count += strncmp(line, begin, strlen(begin)) == 0;
    return count;
}

/* The flow of fixtures/patterns/k2-prefect.log has 6 cycles, of which 2 fail: 45 runs are well, and a table fails 5 times for good. */
static void another_schedulers_log_is_understood(void **state)
{
    (void)state;
    assert_true(zone_set("UTC"));
    struct parser *parser = gather_parser("fixtures/patterns/k2-prefect.conf");
    struct gather gather = { 0 };
    struct strbuf log = { 0 };
    read_file(&log, "fixtures/patterns/k2-prefect.log");
    gather_feed(&gather, parser, strbuf_slice(&log));
    const char *said = strbuf_text(&gather.said);
    assert_int_equal(count_lines_with(said, "cycle_started"), 6);
    assert_int_equal(count_lines_with(said, "cycle_completed"), 6);
    assert_int_equal(count_lines_with(said, "run_completed"), 45);
    assert_int_equal(count_lines_with(said, "run_rows table="), 45);
    assert_int_equal(count_lines_with(said, "run_failed table=bronze_trades_kraken"), 5);
    assert_int_equal(count_lines_with(said, "run_retry table=ohlcv_1m"), 1);
    assert_int_equal(parser_counts(parser)->misses, 0);
    assert_int_equal(parser_counts(parser)->limit_hits, 0);
    strbuf_free(&log);
    strbuf_free(&gather.said);
    parser_free(parser);
}

static void feed_framed(struct gather *gather, struct parser *parser, int64_t frame_ms, const char *line)
{
    parser_set_moment(parser, frame_ms, 0);
    parser_feed(parser, line, strlen(line), 0, gather_event, gather);
}

/* What a worker prints without a time is an event where its frame tells the time, and not in the midst of a job's text. */
static void a_workers_start_is_known_in_a_frame(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *line, *says;
    } lines[] = {
        { 0, "06:15:00.100 | INFO    | Flow run 'newt' - Beginning flow run 'newt' for flow 'iceberg-offload-main'",
          "cycle_started\n" },
        { 1000, "06:15:01.100 | INFO    | Task run 't-1' - Starting offload: a → cold.a", "run_started table=a\n" },
        { 2000, "06:15:02.100 | ERROR   | Task run 't-1' -   Stderr: x", "run_stderr table=a text=x\n" },
        { 2001, "Worker 'W 1' started!", "run_stderr table=a text=Worker 'W 1' started!\n" },
        { 30000, "Discovered type 'process' for work pool 'iceberg-offload'.", "" },
        { 30001, "Worker 'W 2' started!", "worker_started\n" },
        { 32000, "06:15:32.100 | INFO    | Task run 't-1' -   Rows: 5", "" },
        { 40000, "Worker 'W 2' stopped!", "scheduler_stopped\n" },
    };
    assert_true(zone_set("UTC"));
    for (int framed = 0; framed < 2; framed++) {
        struct parser *parser = gather_parser("fixtures/patterns/k2-prefect.conf");
        for (size_t i = 0; i < sizeof lines / sizeof lines[0] && (framed || i < 4); i++) {
            struct gather gather = { 0 };
            int64_t at_ms = INT64_C(1771395300100) + lines[i].ms; /* 2026-02-18 06:15 */
            if (!framed && i == 0)
                parser_begin_at(parser, at_ms);
            feed_framed(&gather, parser, framed ? at_ms + 1 : 0, lines[i].line);
            assert_string_equal(strbuf_text(&gather.said), lines[i].says);
            strbuf_free(&gather.said);
        }
        struct gather gather = { 0 };
        feed_framed(&gather, parser, 0, "Worker 'W 3' started!");
        assert_int_equal(gather.counts[EVENT_WORKER_STARTED], 0);
        strbuf_free(&gather.said);
        parser_free(parser);
    }
}

/* The parser that a patterns file of this text gives, or NULL with its error after the file's name. */
static struct parser *open_text(const char *text, struct strbuf *error)
{
    char path[] = "/tmp/patterns-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    struct strbuf whole = { 0 };
    struct parser *parser = parser_open(path, &whole);
    if (!parser) {
        assert_memory_equal(whole.at, path, strlen(path));
        strbuf_puts(error, whole.at + strlen(path));
    }
    strbuf_free(&whole);
    unlink(path);
    return parser;
}

static void assert_refused(const char *text, const char *expected)
{
    struct strbuf error = { 0 };
    assert_null(open_text(text, &error));
    assert_string_equal(strbuf_text(&error), expected);
    strbuf_free(&error);
}

static void errors_name_the_line(void **state)
{
    (void)state;
    assert_refused("[events]\n\ncycle_stared = x\n", ":3: cycle_stared: no such event");
    assert_refused("[events]\nwriter_gone = x\n", ":2: writer_gone: no such event");
    assert_refused("[events]\ncycle_started = (x\n",
                   ":2: cycle_started: bad regular expression at character 3: missing closing parenthesis");
    assert_refused("[events]\nrun_failed = failed\n", ":2: run_failed: run_failed needs a group named \"table\"");
    assert_refused("[events]\ncycle_started = (?<tabel>x)\n", ":2: cycle_started: unknown group \"tabel\"");
    assert_refused("[event]\ncycle_started = x\n", ":2: event: no such section: [record] or [events]");
    assert_refused("[record]\nprefix = x\n", ":2: prefix: no such key");
    assert_refused("[record]\nlogger = x\nlogger = y\n", ":3: logger: given twice");
    assert_refused("[record]\npattern = (?<time>x)(?<message>x)\npattern = (?<time>x)(?<message>x)\n",
                   ":3: pattern: given twice");
    assert_refused("[record]\npattern = (?<time>x)\n", ":2: pattern: the group \"message\" is needed");
    assert_refused("[events]\nthis is nothing\n", ":2: neither a section, a \"key = value\" nor a comment");
    assert_refused("[events]\ncycle_started = x\ncycle_started = x\n", ":3: cycle_started: the same pattern twice");
    assert_refused("# nothing\n", ":1: no events");
    assert_refused("[events]\nignore = x\n", ":2: no events");
}

static void the_first_error_is_told(void **state)
{
    (void)state;
    assert_refused("[events]\none = x\ntwo = x\nthree\n", ":2: one: no such event");
}

static void a_line_too_long_for_the_reader_is_refused_not_cut(void **state)
{
    (void)state;
    struct strbuf text = { 0 };
    struct strbuf error = { 0 };
    strbuf_printf(&text, "[events]\ncycle_started = %0300d\n", 0);
    assert_null(open_text(text.at, &error));
    assert_non_null(strstr(strbuf_text(&error), ":2: the line is longer than "));
    strbuf_free(&text);
    strbuf_free(&error);
}

static void a_missing_file_is_told(void **state)
{
    (void)state;
    struct strbuf error = { 0 };
    assert_null(parser_open("/nowhere/patterns.conf", &error));
    assert_string_equal(strbuf_text(&error), "/nowhere/patterns.conf: No such file or directory");
    strbuf_clear(&error);
    assert_null(parser_open("/", &error));
    assert_non_null(strstr(strbuf_text(&error), "/: "));
    strbuf_free(&error);
}

/* A NUL in a name would end it early wherever it is a C string: "a" would never be found again, and each line would be a new table. */
static void control_characters_in_a_custom_name_do_no_harm(void **state)
{
    (void)state;
    static const char LOG[] = "2026-03-03 06:07:12,000 - __main__ - INFO - job a\0b failed\n"
                              "2026-03-03 06:07:12,000 - __main__ - INFO -   Stderr: x\n"
                              "2026-03-03 06:07:12,000 - __main__ - INFO - job \0 failed\n"
                              "2026-03-03 06:07:12,000 - __main__ - INFO - job a\x1b]0;x failed\n";
    assert_true(zone_set("UTC"));
    struct strbuf error = { 0 };
    struct parser *parser =
        open_text("[events]\nrun_failed = job (?<table>.+) failed\nrun_stderr =   Stderr: (?<text>.*)\n", &error);
    struct gather gather = { 0 };
    gather_feed(&gather, parser, (struct slice){ LOG, sizeof LOG - 1 });
    assert_string_equal(strbuf_text(&gather.said),
                        "run_failed table=a\uFFFDb\nrun_failed table=\uFFFD\nrun_failed table=a\uFFFD]0;x\n");
    strbuf_free(&gather.said);
    parser_free(parser);
}

static void the_usual_prefix_stays_without_another(void **state)
{
    (void)state;
    struct strbuf error = { 0 };
    struct parser *parser = open_text("[events]\ncycle_started = go\n", &error);
    struct gather gather = { 0 };
    assert_non_null(parser);
    gather_feed(&gather, parser,
                slice_of("2026-03-03 06:07:12,000 - __main__ - INFO - go\n"
                         "2026-03-03 06:07:12,000 - other - INFO - go\n"
                         "2026-03-03 06:07:12,000 - __main__ - INFO - OFFLOAD CYCLE STARTED\n"));
    assert_string_equal(strbuf_text(&gather.said), "cycle_started\n");
    assert_int_equal(parser_counts(parser)->misses, 1);
    strbuf_free(&gather.said);
    parser_free(parser);
}

/* The group is in the pattern, but not in every way to match it. */
static void a_run_of_no_table_is_no_event(void **state)
{
    (void)state;
    struct strbuf error = { 0 };
    struct parser *parser = open_text("[events]\nrun_failed = job lost|job (?<table>.+) failed\n", &error);
    struct gather gather = { 0 };
    assert_non_null(parser);
    gather_feed(&gather, parser,
                slice_of("2026-03-03 06:07:12,000 - __main__ - INFO - job lost\n"
                         "2026-03-03 06:07:12,000 - __main__ - INFO - job a failed\n"));
    assert_string_equal(strbuf_text(&gather.said), "run_failed table=a\n");
    assert_int_equal(parser_counts(parser)->misses, 1);
    strbuf_free(&gather.said);
    parser_free(parser);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_schedulers_log_is_understood),
        cmocka_unit_test(a_workers_start_is_known_in_a_frame),
        cmocka_unit_test(errors_name_the_line),
        cmocka_unit_test(the_first_error_is_told),
        cmocka_unit_test(a_line_too_long_for_the_reader_is_refused_not_cut),
        cmocka_unit_test(a_missing_file_is_told),
        cmocka_unit_test(control_characters_in_a_custom_name_do_no_harm),
        cmocka_unit_test(the_usual_prefix_stays_without_another),
        cmocka_unit_test(a_run_of_no_table_is_no_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
