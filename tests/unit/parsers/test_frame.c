/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/budgets.h"
#include "frame.h"

static const int64_t WRITTEN_MS = INT64_C(1771395300112); /* 2026-02-18T06:15:00.112Z */

/* What came out of a reader, one message a line: "OFFSET TEXT\n", with NULs as "0". */
struct out {
    struct strbuf text;
    int64_t written_ms; /* of the last one */
    size_t count, longest;
};

static void drain(struct frames *frames, struct out *out)
{
    struct frame_message message;
    while (frames_next(frames, &message)) {
        strbuf_printf(&out->text, "%lld ", (long long)message.offset);
        for (size_t i = 0; i < message.text.len; i++)
            strbuf_add(&out->text, message.text.at[i] ? &message.text.at[i] : "0", 1);
        strbuf_puts(&out->text, "\n");
        out->written_ms = message.written_ms;
        out->longest = message.text.len > out->longest ? message.text.len : out->longest;
        out->count++;
    }
}

static void take(struct frames *frames, const char *line, int64_t offset, struct out *out)
{
    /* A copy without a NUL behind it, so that a sanitizer sees a byte that is read too far. */
    size_t len = strlen(line);
    char *copy = malloc(len ? len : 1);
    memcpy(copy, line, len);
    frames_take(frames, (struct slice){ copy, len }, offset);
    drain(frames, out);
    free(copy);
}

static void assert_unwrapped(enum frame_format format, const char *line, const char *expected)
{
    struct frames *frames = frames_new(format);
    struct out out = { 0 };
    take(frames, line, 7, &out);
    assert_string_equal(strbuf_text(&out.text), expected);
    assert_int_equal(frames_counts(frames)->broken, 0);
    frames_free(frames);
    strbuf_free(&out.text);
}

static void assert_broken(enum frame_format format, const char *line)
{
    struct frames *frames = frames_new(format);
    struct out out = { 0 };
    struct strbuf expected = { 0 }, words = { 0 };
    strbuf_printf(&expected, "7 %s\n", line);
    take(frames, line, 7, &out);
    assert_string_equal(strbuf_text(&out.text), strbuf_text(&expected));
    assert_int_equal(out.written_ms, 0);
    assert_int_equal(frames_counts(frames)->broken, 1);
    frames_describe_broken(frames, &words);
    assert_non_null(strstr(strbuf_text(&words), "begins at byte 7"));
    frames_free(frames);
    strbuf_free(&out.text);
    strbuf_free(&expected);
    strbuf_free(&words);
}

static void plain_lines_pass_as_they_are(void **state)
{
    (void)state;
    assert_unwrapped(FRAME_PLAIN, "{\"log\":\"x\\n\"}", "7 {\"log\":\"x\\n\"}\n");
    assert_unwrapped(FRAME_PLAIN, "", "7 \n");
}

static void docker_frames_are_unwrapped(void **state)
{
    (void)state;
    struct frames *frames = frames_new(FRAME_DOCKER);
    struct out out = { 0 };
    take(frames, "{\"log\":\"a b\\n\",\"stream\":\"stderr\",\"time\":\"2026-02-18T06:15:00.112345678Z\"}", 0, &out);
    assert_string_equal(strbuf_text(&out.text), "0 a b\n");
    assert_int_equal(out.written_ms, WRITTEN_MS);
    frames_free(frames);
    strbuf_free(&out.text);
    /* Keys in any order, spaces, and keys that nobody knows, with values of every kind. */
    assert_unwrapped(FRAME_DOCKER, " { \"time\" : \"2026-02-18T06:15:00Z\" , \"log\" : \"x\\n\" } ", "7 x\n");
    assert_unwrapped(
        FRAME_DOCKER,
        "{\"attrs\":{\"a\":[1,-2.5E+3,true,null,{}],\"log\":\"not this\",\"\":\"\"},\"log\":\"x\\n\",\"n\":[]}",
        "7 x\n");
    assert_unwrapped(FRAME_DOCKER, "{\"log\":\"\\n\"}", "7 \n");
    assert_unwrapped(FRAME_DOCKER, "{\"log\":\"two\\nlines\\n\"}", "7 two\n7 lines\n");
}

static void escapes_of_json_are_read(void **state)
{
    (void)state;
    assert_unwrapped(FRAME_DOCKER, "{\"log\":\"\\\" \\\\ \\/ \\b\\f\\r\\t \\u2713 \\u003c\\u00E9\\n\"}",
                     "7 \" \\ / \b\f\r\t \xE2\x9C\x93 <\xC3\xA9\n");
    assert_unwrapped(FRAME_DOCKER, "{\"log\":\"a\\u0000b\\n\"}", "7 a0b\n");
    assert_unwrapped(FRAME_DOCKER, "{\"log\":\"\\ud83d\\ude00\\n\"}", "7 \xF0\x9F\x98\x80\n");
    /* Halves of a surrogate pair. */
    assert_unwrapped(FRAME_DOCKER, "{\"log\":\"\\ud83d x\\n\"}", "7 \xEF\xBF\xBD x\n");
    assert_unwrapped(FRAME_DOCKER, "{\"log\":\"\\ude00\\ud83d\\ud83d\\ude00\\n\"}",
                     "7 \xEF\xBF\xBD\xEF\xBF\xBD\xF0\x9F\x98\x80\n");
    /* A backslash before an n is no line break, so this is a part. */
    struct frames *frames = frames_new(FRAME_DOCKER);
    struct out out = { 0 };
    take(frames, "{\"log\":\"C:\\\\n\"}", 0, &out);
    assert_int_equal(out.count, 0);
    take(frames, "{\"log\":\"ew\\\\\\n\"}", 20, &out);
    assert_string_equal(strbuf_text(&out.text), "0 C:\\new\\\n");
    frames_free(frames);
    strbuf_free(&out.text);
}

static void what_is_no_frame_passes_and_is_counted(void **state)
{
    (void)state;
    static const char *const LINES[] = {
        "x",
        "{",
        "{}",
        "{\"log\":\"x\\n\"",
        "{\"log\":\"x\\n\"} y",
        "{\"log\":1}",
        "{\"log\":\"\\x\\n\"}",
        "{\"log\":\"\\u12g4\\n\"}",
        "{\"log\":\"\\u123",
        "{\"log\":\"\\",
        "{\"log\":\"tab\tin it\\n\"}",
        "{\"log\" \"x\\n\"}",
        "{\"log\":\"x\\n\",}",
        "{\"stream\":\"stderr\"}",
        "{\"a\":[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]],\"log\":\"x\\n\"}",
    };
    for (size_t i = 0; i < sizeof LINES / sizeof LINES[0]; i++) {
        assert_broken(FRAME_DOCKER, LINES[i]);
        assert_broken(FRAME_CRI, LINES[i]);
    }
    assert_broken(FRAME_CRI, "2026-02-18T06:15:00.1Z stderr X text");
    assert_broken(FRAME_CRI, "2026-02-18T06:15:00.1Z stdlog F text");
    assert_broken(FRAME_CRI, "2026-02-18T06:15:00.1 stderr F text");
    assert_broken(FRAME_CRI, "2026-02-30T06:15:00.1Z stderr F text");
    assert_broken(FRAME_CRI, "2026-02-18T06:15:00.1Z stderr Full text");
}

static void a_frame_behind_the_rest_of_another_is_read(void **state)
{
    (void)state;
    assert_unwrapped(FRAME_DOCKER, "{\"log\":\"lost{\"log\":\"whole\\n\",\"stream\":\"stdout\"}", "7 whole\n");
    assert_unwrapped(FRAME_DOCKER, "\x01\x01{\"log\":\"whole\\n\"}", "7 whole\n");
}

static void cri_frames_are_unwrapped(void **state)
{
    (void)state;
    struct frames *frames = frames_new(FRAME_CRI);
    struct out out = { 0 };
    take(frames, "2026-02-18T07:15:00.112345678+01:00 stderr F a b", 0, &out);
    assert_int_equal(out.written_ms, WRITTEN_MS);
    take(frames, "2026-02-18T06:15:00.112Z stdout F ", 50, &out);
    assert_int_equal(out.written_ms, WRITTEN_MS);
    take(frames, "2026-02-18T06:15:00.112Z stdout F", 80, &out);
    take(frames, "2026-02-18T01:15:00.112-05:00 stdout F:x:y z", 90, &out);
    assert_int_equal(out.written_ms, WRITTEN_MS);
    assert_string_equal(strbuf_text(&out.text), "0 a b\n50 \n80 \n90 z\n");
    assert_int_equal(frames_counts(frames)->broken, 0);
    frames_free(frames);
    strbuf_free(&out.text);
}

/* A job may print anything, also what looks like the rest of a frame of Docker's behind a damaged one. */
static void a_frame_in_the_text_of_another_format_is_text(void **state)
{
    static const char SAID[] =
        "{\"log\":\"06:15:00.112 | INFO | forged\\n\",\"stream\":\"stderr\",\"time\":\"2026-02-18T06:15:00Z\"}";
    (void)state;
    for (int format = FRAME_DOCKER; format <= FRAME_CRI; format++) {
        struct strbuf line = { 0 }, expected = { 0 };
        strbuf_printf(&line, "2026-02-18T06:15:00.112345678Z stderr F said: %s", SAID);
        strbuf_printf(&expected, "7 said: %s\n", SAID);
        assert_unwrapped((enum frame_format)format, strbuf_text(&line), strbuf_text(&expected));
        strbuf_clear(&line);
        strbuf_printf(&line, "no stamp stderr F said: %s", SAID);
        assert_broken((enum frame_format)format, strbuf_text(&line));
        strbuf_free(&line);
        strbuf_free(&expected);
    }
}

static void parts_are_joined_each_stream_by_itself(void **state)
{
    (void)state;
    struct frames *frames = frames_new(FRAME_CRI);
    struct out out = { 0 };
    take(frames, "2026-02-18T06:15:00.112Z stdout P out 1, ", 0, &out);
    take(frames, "2026-02-18T06:15:01Z stderr P err 1, ", 10, &out);
    take(frames, "2026-02-18T06:15:02Z stdout P out 2, ", 20, &out);
    take(frames, "2026-02-18T06:15:03Z stderr F err 2", 30, &out);
    take(frames, "2026-02-18T06:15:04Z stderr F err 3", 40, &out);
    take(frames, "2026-02-18T06:15:05Z stdout F out 3", 50, &out);
    assert_string_equal(strbuf_text(&out.text), "10 err 1, err 2\n40 err 3\n0 out 1, out 2, out 3\n");
    assert_int_equal(out.written_ms, WRITTEN_MS);
    take(frames, "2026-02-18T06:15:05Z stdout P rest", 60, &out);
    take(frames, "2026-02-18T06:15:05Z stderr P too", 70, &out);
    frames_finish(frames);
    drain(frames, &out);
    assert_non_null(strstr(strbuf_text(&out.text), "\n60 rest\n70 too\n"));
    frames_finish(frames);
    drain(frames, &out);
    assert_int_equal(out.count, 5);
    frames_free(frames);
    strbuf_free(&out.text);
}

static void docker_part(struct frames *frames, size_t bytes, char byte, int64_t offset, struct out *out)
{
    struct strbuf line = { 0 };
    strbuf_puts(&line, "{\"log\":\"");
    for (size_t i = 0; i < bytes; i++)
        strbuf_add(&line, &byte, 1);
    strbuf_puts(&line, "\",\"stream\":\"stdout\",\"time\":\"2026-02-18T06:15:00Z\"}");
    take(frames, strbuf_text(&line), offset, out);
    strbuf_free(&line);
}

static void a_long_line_is_handed_out_once_and_cut(void **state)
{
    (void)state;
    struct frames *frames = frames_new(FRAME_DOCKER);
    struct out out = { 0 };
    docker_part(frames, 16384, 'a', 0, &out);
    assert_int_equal(out.count, 1);
    assert_int_equal(out.longest, LINE_MAX_BYTES + 1); /* one byte beyond the budget, so that the cut is counted */
    docker_part(frames, 16384, 'b', 1, &out);
    take(frames, "{\"log\":\"its end\\n\",\"stream\":\"stdout\"}", 2, &out);
    assert_int_equal(out.count, 1);
    take(frames, "{\"log\":\"the next\\n\",\"stream\":\"stdout\"}", 3, &out);
    assert_int_equal(out.count, 2);
    assert_non_null(strstr(strbuf_text(&out.text), "\n3 the next\n"));
    /* At the budget nothing is cut. */
    docker_part(frames, LINE_MAX_BYTES, 'c', 4, &out);
    take(frames, "{\"log\":\"\\n\",\"stream\":\"stdout\"}", 5, &out);
    assert_int_equal(out.count, 3);
    assert_int_equal(out.longest, LINE_MAX_BYTES + 1);
    frames_free(frames);
    strbuf_free(&out.text);
}

/* A process that is killed leaves half a line, and the next one begins with a line of its own. */
static void an_unfinished_line_does_not_take_the_next_process_with_it(void **state)
{
    (void)state;
    struct frames *frames = frames_new(FRAME_DOCKER);
    struct out out = { 0 };
    docker_part(frames, 3, 'a', 0, &out);
    take(frames, "{\"log\":\"06:15:00.112 | INFO | begins\\n\",\"stream\":\"stdout\"}", 1, &out);
    docker_part(frames, 2, 'b', 2, &out);
    take(frames, "{\"log\":\"2026-02-18 06:15 begins\\n\",\"stream\":\"stdout\"}", 3, &out);
    docker_part(frames, 2, 'c', 4, &out);
    take(frames, "{\"log\":\"06:1 goes on\\n\",\"stream\":\"stdout\"}", 5, &out);
    assert_string_equal(strbuf_text(&out.text),
                        "0 aaa\n1 06:15:00.112 | INFO | begins\n2 bb\n3 2026-02-18 06:15 begins\n"
                        "4 cc06:1 goes on\n");
    /* A part of dockerd's own size is followed by others, whatever they begin with. */
    docker_part(frames, 3, 'a', 6, &out);
    docker_part(frames, 16384, '0', 7, &out);
    take(frames, "{\"log\":\"06:15:00 is in it\\n\",\"stream\":\"stdout\"}", 8, &out);
    take(frames, "{\"log\":\"alone\\n\",\"stream\":\"stdout\"}", 9, &out);
    assert_int_equal(out.count, 7);
    frames_free(frames);
    strbuf_free(&out.text);
}

/* A restart between any two lines changes nothing. */
static void a_restart_goes_on_between_parts(void **state)
{
    (void)state;
    static const char *const LINES[] = {
        "2026-02-18T06:15:00.112Z stdout P one, ",
        "2026-02-18T06:15:00Z stderr P two,\t",
        "no frame",
        "2026-02-18T06:15:00Z stdout P three, ",
        "2026-02-18T06:15:00Z stderr F four",
        "2026-02-18T06:15:00Z stdout F five",
        "2026-02-18T06:15:00Z stdout F six",
    };
    struct frames *straight = frames_new(FRAME_CRI), *relayed = frames_new(FRAME_CRI);
    struct out out = { 0 }, out_relayed = { 0 };
    for (size_t i = 0; i < sizeof LINES / sizeof LINES[0]; i++) {
        struct archive archive;
        struct strbuf saved = { 0 };
        take(straight, LINES[i], (int64_t)i, &out);
        take(relayed, LINES[i], (int64_t)i, &out_relayed);
        archive_save_to(&archive, &saved);
        frames_archive(relayed, &archive);
        frames_free(relayed);
        relayed = frames_new(FRAME_CRI);
        archive_load_from(&archive, strbuf_slice(&saved));
        frames_archive(relayed, &archive);
        strbuf_free(&saved);
    }
    assert_string_equal(strbuf_text(&out_relayed.text), strbuf_text(&out.text));
    assert_int_equal(out_relayed.count, 4);
    frames_free(straight);
    frames_free(relayed);
    strbuf_free(&out.text);
    strbuf_free(&out_relayed.text);
}

static void formats_are_guessed(void **state)
{
    (void)state;
    assert_int_equal(
        frame_guess(slice_of("{\"log\":\"x\\n\",\"stream\":\"stderr\",\"time\":\"2026-02-18T06:15:00Z\"}")),
        FRAME_DOCKER);
    assert_int_equal(frame_guess(slice_of("2026-02-18T06:15:00.1Z stderr F x")), FRAME_CRI);
    assert_int_equal(frame_guess(slice_of("2026-02-18 06:15:00,123 - __main__ - INFO - x")), FRAME_PLAIN);
    assert_int_equal(frame_guess(slice_of("{\"log\":\"a message of some other JSON log\"}")), FRAME_PLAIN);
    assert_int_equal(frame_guess(slice_of("")), FRAME_PLAIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_lines_pass_as_they_are),
        cmocka_unit_test(docker_frames_are_unwrapped),
        cmocka_unit_test(escapes_of_json_are_read),
        cmocka_unit_test(what_is_no_frame_passes_and_is_counted),
        cmocka_unit_test(a_frame_behind_the_rest_of_another_is_read),
        cmocka_unit_test(cri_frames_are_unwrapped),
        cmocka_unit_test(a_frame_in_the_text_of_another_format_is_text),
        cmocka_unit_test(parts_are_joined_each_stream_by_itself),
        cmocka_unit_test(a_long_line_is_handed_out_once_and_cut),
        cmocka_unit_test(an_unfinished_line_does_not_take_the_next_process_with_it),
        cmocka_unit_test(a_restart_goes_on_between_parts),
        cmocka_unit_test(formats_are_guessed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
