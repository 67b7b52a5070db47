/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/follow/fingerprint.h"
#include "agent/follow/tail.h"

/* A log of the test's own, and what a tail told of it: lines joined by "\n", each with its offset checked. */
struct fixture {
    char path[32];
    int writer;
    struct tail *tail;
    char *buffer;
    struct strbuf lines;
    int notes;
    struct source_position seen; /* in the last line's call */
    int64_t at;                  /* the last line's offset */
};

static void on_line(void *ctx, const char *line, size_t len, int64_t offset)
{
    struct fixture *fixture = ctx;
    fixture->seen = tail_position(fixture->tail);
    fixture->at = offset;
    strbuf_add(&fixture->lines, line, len);
    strbuf_puts(&fixture->lines, "\n");
}

static void on_note(void *ctx, enum follow_note note, const char *text)
{
    struct fixture *fixture = ctx;
    assert_int_equal(note, FOLLOW_LONG_LINE);
    assert_non_null(text);
    fixture->notes++;
}

static struct tail *open_tail(const char *path)
{
    struct strbuf why = { 0 };
    enum log_refusal refusal;
    struct tail *tail = tail_open(path, LOG_ANY_OWNER, &refusal, &why);
    strbuf_free(&why);
    return tail;
}

static int setup(void **state)
{
    struct fixture *fixture = must_alloc(sizeof *fixture);
    strcpy(fixture->path, "/tmp/tail-XXXXXX");
    fixture->writer = mkostemp(fixture->path, O_APPEND);
    fixture->tail = open_tail(fixture->path);
    fixture->buffer = must_alloc(TAIL_BUFFER_BYTES);
    *state = fixture;
    return fixture->tail ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    close(fixture->writer);
    unlink(fixture->path);
    tail_free(fixture->tail);
    strbuf_free(&fixture->lines);
    free(fixture->buffer);
    free(fixture);
    return 0;
}

static void append(struct fixture *fixture, const char *text, size_t len)
{
    assert_int_equal(write(fixture->writer, text, len), (ssize_t)len);
}

static void append_many(struct fixture *fixture, char byte, size_t count)
{
    char *text = must_alloc(count);
    memset(text, byte, count);
    append(fixture, text, count);
    free(text);
}

static enum tail_outcome read_up_to(struct fixture *fixture, size_t budget)
{
    struct follow_sink sink = { fixture, on_line, on_note };
    return tail_read(fixture->tail, fixture->buffer, &budget, &sink);
}

static enum tail_outcome read_all(struct fixture *fixture)
{
    return read_up_to(fixture, SIZE_MAX);
}

static void lines_and_a_partial_one(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(read_all(fixture), TAIL_END);
    append(fixture, "one\n\ntwo", 8);
    assert_int_equal(read_all(fixture), TAIL_END);
    assert_string_equal(strbuf_text(&fixture->lines), "one\n\n");
    assert_int_equal(tail_position(fixture->tail).offset, 5);
    assert_int_equal(tail_behind(fixture->tail), 3);
    append(fixture, "!\n", 2);
    assert_int_equal(read_all(fixture), TAIL_END);
    assert_string_equal(strbuf_text(&fixture->lines), "one\n\ntwo!\n");
    assert_int_equal(fixture->at, 5);
    assert_int_equal(tail_behind(fixture->tail), 0);
}

static void the_position_in_the_call_is_behind_the_line(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, "one\ntwo\n", 8);
    assert_int_equal(read_all(fixture), TAIL_END);
    assert_int_equal(fixture->at, 4);
    assert_int_equal(fixture->seen.offset, 8);
    assert_int_equal(fixture->seen.fingerprint_len, 8);
}

static void a_budget_ends_the_reading_and_nothing_is_lost(void **state)
{
    struct fixture *fixture = *state;
    append_many(fixture, '\n', 3 * TAIL_BLOCK_BYTES);
    assert_int_equal(read_up_to(fixture, 1), TAIL_MORE);
    assert_int_equal(fixture->lines.len, TAIL_BLOCK_BYTES);
    assert_int_equal(read_up_to(fixture, TAIL_BLOCK_BYTES + 1), TAIL_MORE);
    assert_int_equal(fixture->lines.len, 3 * TAIL_BLOCK_BYTES);
    assert_int_equal(read_up_to(fixture, 1), TAIL_END);
}

/* Lines of every length around the blocks' and the bound's, written in pieces that fit neither. */
static void any_cut_of_any_lines_gives_the_same_lines(void **state)
{
    struct fixture *fixture = *state;
    struct strbuf text = { 0 };
    unsigned seed = 20260212;

    for (int i = 0; i < 300; i++) {
        size_t len = (size_t)rand_r(&seed) % (i % 50 ? 3000 : 3 * TAIL_BLOCK_BYTES);
        for (size_t j = 0; j < len; j++)
            strbuf_add(&text, &"0123456789abcdef"[(j + (size_t)i) % 16], 1);
        strbuf_puts(&text, "\n");
    }
    for (size_t done = 0; done < text.len;) {
        size_t piece = (size_t)rand_r(&seed) % 40000 + 1;
        piece = piece < text.len - done ? piece : text.len - done;
        append(fixture, text.at + done, piece);
        done += piece;
        while (read_up_to(fixture, (size_t)rand_r(&seed) % 5000 + 1) == TAIL_MORE)
            continue;
    }
    assert_int_equal(fixture->lines.len, text.len);
    assert_memory_equal(fixture->lines.at, text.at, text.len);
    assert_int_equal(fixture->notes, 0);
    strbuf_free(&text);
}

static void the_bound_of_a_line(void **state)
{
    struct fixture *fixture = *state;
    static const size_t LENGTHS[] = { LINE_READ_MAX_BYTES - 1, LINE_READ_MAX_BYTES, LINE_READ_MAX_BYTES + 1,
                                      LINE_READ_MAX_BYTES + TAIL_BLOCK_BYTES, 3 * LINE_READ_MAX_BYTES + 7 };
    for (size_t i = 0; i < sizeof LENGTHS / sizeof LENGTHS[0]; i++) {
        bool is_long = LENGTHS[i] > LINE_READ_MAX_BYTES;
        int notes_before = fixture->notes;
        append_many(fixture, 'x', LENGTHS[i]);
        append(fixture, "\nnext\n", 6);
        strbuf_clear(&fixture->lines);
        while (read_up_to(fixture, 1000) == TAIL_MORE)
            continue;
        assert_int_equal(fixture->lines.len, (is_long ? LINE_READ_MAX_BYTES : LENGTHS[i]) + strlen("\nnext\n"));
        assert_string_equal(fixture->lines.at + fixture->lines.len - strlen("x\nnext\n"), "x\nnext\n");
        assert_int_equal(fixture->notes - notes_before, is_long);
        assert_int_equal(tail_behind(fixture->tail), 0);
    }
}

static void an_overlong_line_is_not_left_before_its_end(void **state)
{
    struct fixture *fixture = *state;
    append_many(fixture, 'x', 2 * LINE_READ_MAX_BYTES);
    assert_int_equal(read_all(fixture), TAIL_END);
    assert_int_equal(fixture->notes, 1);
    assert_int_equal(fixture->lines.len, 0);
    assert_int_equal(tail_position(fixture->tail).offset, 0);
    append_many(fixture, 'x', LINE_READ_MAX_BYTES);
    assert_int_equal(read_all(fixture), TAIL_END);
    append(fixture, "\n", 1);
    assert_int_equal(read_all(fixture), TAIL_END);
    assert_int_equal(fixture->lines.len, LINE_READ_MAX_BYTES + 1);
    assert_int_equal(fixture->notes, 1);
}

static void finishing_hands_out_what_has_no_end(void **state)
{
    struct fixture *fixture = *state;
    struct follow_sink sink = { fixture, on_line, on_note };
    append(fixture, "one\ntwo", 7);
    assert_int_equal(read_all(fixture), TAIL_END);
    tail_finish(fixture->tail, fixture->buffer, &sink);
    assert_string_equal(strbuf_text(&fixture->lines), "one\ntwo\n");
    tail_finish(fixture->tail, fixture->buffer, &sink);
    assert_string_equal(strbuf_text(&fixture->lines), "one\ntwo\n");
    assert_int_equal(tail_position(fixture->tail).offset, 7);
}

static void truncation_to_less(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, "one\ntwo\n", 8);
    assert_int_equal(read_all(fixture), TAIL_END);
    assert_int_equal(ftruncate(fixture->writer, 0), 0);
    assert_int_equal(read_all(fixture), TAIL_TRUNCATED);
    tail_restart(fixture->tail);
    assert_int_equal(read_all(fixture), TAIL_END);
    append(fixture, "three\n", 6);
    assert_int_equal(read_all(fixture), TAIL_END);
    assert_string_equal(strbuf_text(&fixture->lines), "one\ntwo\nthree\n");
}

/* The one different byte may be anywhere in what was read, up to the fingerprint's length. */
static void truncation_and_growth_to_more(void **state)
{
    struct fixture *fixture = *state;
    append_many(fixture, '\n', FINGERPRINT_BYTES);
    append_many(fixture, '\n', 10);
    assert_int_equal(read_all(fixture), TAIL_END);
    static const off_t PLACES[] = { 0, 500, FINGERPRINT_BYTES - 1 };
    int fd = open(fixture->path, O_WRONLY);
    for (size_t i = 0; i < sizeof PLACES / sizeof PLACES[0]; i++) {
        assert_int_equal(pwrite(fd, "x", 1, PLACES[i]), 1);
        assert_int_equal(read_all(fixture), TAIL_TRUNCATED);
        assert_int_equal(pwrite(fd, "\n", 1, PLACES[i]), 1);
        assert_int_equal(read_all(fixture), TAIL_END);
    }
    close(fd);
}

static void a_truncated_partial_line_is_forgotten(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, "one\npartial", 11);
    assert_int_equal(read_all(fixture), TAIL_END);
    assert_int_equal(ftruncate(fixture->writer, 4), 0);
    append(fixture, "2\n", 2);
    assert_int_equal(read_all(fixture), TAIL_END);
    assert_string_equal(strbuf_text(&fixture->lines), "one\n2\n");
}

static void a_lost_end(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < 300; i++)
        append(fixture, "line 1234\n", 10);
    assert_int_equal(read_all(fixture), TAIL_END);
    assert_int_equal(ftruncate(fixture->writer, 2005), 0);
    assert_int_equal(read_all(fixture), TAIL_CUT);
    assert_int_equal(tail_position(fixture->tail).offset, 2000);
    strbuf_clear(&fixture->lines);
    append(fixture, "!\n", 2);
    assert_int_equal(read_all(fixture), TAIL_END);
    assert_string_equal(strbuf_text(&fixture->lines), "line !\n");
}

static void resuming_goes_on_behind_the_last_line(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < 200; i++) {
        append(fixture, "0123456\n", 8);
        assert_int_equal(read_all(fixture), TAIL_END);
        struct source_position position = tail_position(fixture->tail);
        struct tail *other = open_tail(fixture->path);
        assert_true(tail_begins_as(other, &position));
        assert_true(tail_is(other, position.device, position.inode));
        tail_resume(other, &position);
        struct source_position again = tail_position(other);
        assert_memory_equal(&again, &position, sizeof again);
        tail_free(other);
    }
}

static void nonsense_in_a_position_is_another_file(void **state)
{
    struct fixture *fixture = *state;
    append(fixture, "one\n", 4);
    assert_int_equal(read_all(fixture), TAIL_END);
    struct source_position right = tail_position(fixture->tail), wrong = right;
    assert_true(tail_copies(fixture->tail, &right));
    wrong.fingerprint ^= 1;
    assert_false(tail_begins_as(fixture->tail, &wrong));
    wrong = right;
    wrong.fingerprint_len = INT64_MAX;
    assert_false(tail_begins_as(fixture->tail, &wrong));
    wrong.fingerprint_len = -1;
    assert_false(tail_begins_as(fixture->tail, &wrong));
    wrong = right;
    wrong.offset = -5;
    assert_false(tail_begins_as(fixture->tail, &wrong));
    wrong.offset = 5;
    assert_false(tail_copies(fixture->tail, &wrong));
    wrong = right;
    wrong.fingerprint_len = 0;
    assert_false(tail_copies(fixture->tail, &wrong));
}

static void check_refusal(const char *path, int64_t owner, enum log_refusal expected, const char *why_part)
{
    struct strbuf why = { 0 };
    enum log_refusal refusal;
    assert_null(tail_open(path, owner, &refusal, &why));
    assert_int_equal(refusal, expected);
    assert_non_null(strstr(strbuf_text(&why), why_part));
    strbuf_free(&why);
}

static void only_regular_files_of_the_owner_are_opened(void **state)
{
    struct fixture *fixture = *state;
    char other[40];
    snprintf(other, sizeof other, "%s.other", fixture->path);

    check_refusal(other, LOG_ANY_OWNER, LOG_ABSENT, "No such file");
    check_refusal("/tmp", LOG_ANY_OWNER, LOG_UNTRUSTED, "directory");
    check_refusal("/dev/null", LOG_ANY_OWNER, LOG_UNTRUSTED, "device");
    check_refusal(fixture->path, (int64_t)getuid() + 1, LOG_UNTRUSTED, "owned by user");
    assert_int_equal(symlink(fixture->path, other), 0);
    check_refusal(other, LOG_ANY_OWNER, LOG_UNTRUSTED, "symbolic link");
    unlink(other);
    assert_int_equal(mkfifo(other, 0600), 0);
    check_refusal(other, LOG_ANY_OWNER, LOG_UNTRUSTED, "FIFO");
    unlink(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lines_and_a_partial_one, setup, teardown),
        cmocka_unit_test_setup_teardown(the_position_in_the_call_is_behind_the_line, setup, teardown),
        cmocka_unit_test_setup_teardown(a_budget_ends_the_reading_and_nothing_is_lost, setup, teardown),
        cmocka_unit_test_setup_teardown(any_cut_of_any_lines_gives_the_same_lines, setup, teardown),
        cmocka_unit_test_setup_teardown(the_bound_of_a_line, setup, teardown),
        cmocka_unit_test_setup_teardown(an_overlong_line_is_not_left_before_its_end, setup, teardown),
        cmocka_unit_test_setup_teardown(finishing_hands_out_what_has_no_end, setup, teardown),
        cmocka_unit_test_setup_teardown(truncation_to_less, setup, teardown),
        cmocka_unit_test_setup_teardown(truncation_and_growth_to_more, setup, teardown),
        cmocka_unit_test_setup_teardown(a_truncated_partial_line_is_forgotten, setup, teardown),
        cmocka_unit_test_setup_teardown(a_lost_end, setup, teardown),
        cmocka_unit_test_setup_teardown(resuming_goes_on_behind_the_last_line, setup, teardown),
        cmocka_unit_test_setup_teardown(nonsense_in_a_position_is_another_file, setup, teardown),
        cmocka_unit_test_setup_teardown(only_regular_files_of_the_owner_are_opened, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
