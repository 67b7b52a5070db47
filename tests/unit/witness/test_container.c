/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/witness/container.h"
#include "base/budgets.h"

#define STAMP "2026-02-18T06:15:00.112345678Z"
static const char ID[] = "0123456789abcdef0123456789abcdef";

static void add_line(void *ctx, const struct container_line *line)
{
    struct strbuf *out = ctx;
    strbuf_printf(out, "%s%s ", line->is_error ? "e" : "o", line->is_part ? "+" : "");
    strbuf_add(out, line->text.at, line->text.len < 20 ? line->text.len : 20);
    strbuf_puts(out, "\n");
}

static void add_message(struct strbuf *bytes, char stream, const char *text, size_t len)
{
    char header[8] = { stream, 0, 0, 0, (char)(len >> 24), (char)(len >> 16), (char)(len >> 8), (char)len };
    strbuf_add(bytes, header, sizeof header);
    strbuf_add(bytes, text, len);
}

/* In pieces of any size the stream says the same. */
static void assert_stream(const struct strbuf *bytes, bool is_raw, const char *expected, bool is_broken)
{
    for (size_t piece = 1; piece < 40; piece += 6) {
        struct strbuf out = { 0 };
        struct container_stream stream = { .is_raw = is_raw, .line = add_line, .ctx = &out };
        for (size_t at = 0; at < bytes->len; at += piece)
            container_stream_take(&stream, bytes->at + at, at + piece < bytes->len ? piece : bytes->len - at);
        assert_string_equal(strbuf_text(&out), expected);
        assert_int_equal(stream.is_broken, is_broken);
        container_stream_free(&stream);
        strbuf_free(&out);
    }
}

static void streams_are_taken_apart(void **state)
{
    struct strbuf bytes = { 0 };
    (void)state;
    add_message(&bytes, 1, STAMP " out\n", strlen(STAMP " out\n"));
    add_message(&bytes, 2, STAMP " \n", strlen(STAMP " \n"));
    add_message(&bytes, 2, STAMP " unfinished", strlen(STAMP " unfinished"));
    assert_stream(&bytes, false, "o out\ne \ne unfinished\n", false);
    strbuf_clear(&bytes);
    strbuf_puts(&bytes, STAMP " of a terminal\r\n" STAMP " \r\n");
    assert_stream(&bytes, true, "o of a terminal\no \n", false);
    strbuf_clear(&bytes);
    strbuf_puts(&bytes, "HTTP is no stream");
    assert_stream(&bytes, false, "", true);
    strbuf_free(&bytes);
}

static void a_message_beyond_the_budget_is_cut(void **state)
{
    struct strbuf bytes = { 0 }, long_text = { 0 };
    (void)state;
    strbuf_puts(&long_text, STAMP " ");
    while (long_text.len < CONTAINER_MESSAGE_MAX_BYTES + 5000)
        strbuf_puts(&long_text, "x");
    add_message(&bytes, 1, long_text.at, CONTAINER_MESSAGE_MAX_BYTES);
    add_message(&bytes, 1, long_text.at, long_text.len);
    add_message(&bytes, 1, STAMP " next\n", strlen(STAMP " next\n"));
    assert_stream(&bytes, false, "o+ xxxxxxxxxxxxxxxxxxxx\no+ xxxxxxxxxxxxxxxxxxxx\no next\n", false);
    strbuf_free(&bytes);
    strbuf_free(&long_text);
}

static void spool_lines(struct container_spool *spool, int count)
{
    for (int i = 0; i < count; i++) {
        struct container_line line = { .stamp = { STAMP, strlen(STAMP) }, .text = { "same", 4 } };
        assert_true(container_spool_add(spool, &line));
    }
}

/* Three times the same message at the same nanosecond are three; the stream brings them again after a restart, with a fourth. */
static void the_file_says_where_the_stream_goes_on(void **state)
{
    char path[] = "/tmp/test-container-XXXXXX";
    struct strbuf error = { 0 }, since = { 0 };
    (void)state;
    close(mkstemp(path));
    struct container_spool *spool = container_spool_open(path, &error);
    assert_non_null(spool);
    container_spool_take_up(spool, ID, &since);
    assert_string_equal(strbuf_text(&since), "");
    spool_lines(spool, 3);
    container_spool_close(spool);
    FILE *file = fopen(path, "a");
    fputs("2026-02-18T06:15:00.112345678Z stdout F:0123456789ab cut by a ki", file);
    fclose(file);
    spool = container_spool_open(path, &error);
    assert_non_null(spool);
    assert_true(container_spool_is_of(spool, ID) && !container_spool_is_of(spool, "fedcba"));
    container_spool_take_up(spool, ID, &since);
    assert_string_equal(strbuf_text(&since), "1771395295"); /* five seconds before */
    spool_lines(spool, 4);
    container_spool_close(spool);
    char text[1024];
    file = fopen(path, "r");
    size_t len = fread(text, 1, sizeof text, file);
    fclose(file);
    static const char line[] = STAMP " stdout F:0123456789ab same\n";
    assert_int_equal(len, 4 * strlen(line));
    assert_memory_equal(text + 3 * strlen(line), line, strlen(line));
    unlink(path);
    strbuf_free(&since);
}

static void docker_says_how_the_container_is(void **state)
{
    static const char json[] =
        "{\"Id\":\"abc\",\"LogPath\":\"/x/abc-json.log\",\"RestartCount\":0,\"Config\":{\"Tty\":true},\"State\":"
        "{\"Status\":\"exited\",\"Running\":false,\"OOMKilled\":true,\"ExitCode\":137}}";
    struct container_facts facts;
    (void)state;
    assert_true(container_facts_read(slice_of(json), 0, &facts));
    assert_int_equal(facts.state, CONTAINER_STOPPED);
    assert_string_equal(facts.log_path, "/x/abc-json.log");
    assert_true(facts.has_terminal && facts.was_started);
    assert_string_equal(strbuf_text(&facts.words), "exited, exit code 137, OOM-killed");
    container_facts_free(&facts);
    assert_false(container_facts_read(slice_of("{}"), 0, &facts));
    assert_false(container_facts_read(slice_of("<html>"), 0, &facts));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_are_taken_apart),
        cmocka_unit_test(a_message_beyond_the_budget_is_cut),
        cmocka_unit_test(the_file_says_where_the_stream_goes_on),
        cmocka_unit_test(docker_says_how_the_container_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
