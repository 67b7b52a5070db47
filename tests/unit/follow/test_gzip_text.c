/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "agent/follow/gzip_text.h"
#include "base/strbuf.h"

enum { TEXT_BYTES = 3 * 1000 * 1000 };

/* A file without a name, and the text that is packed into it. */
struct fixture {
    int fd;
    struct gzip_text *packed;
    char *text;
    char *buffer;
};

static int setup(void **state)
{
    char path[] = "/tmp/packed-XXXXXX";
    struct fixture *fixture = must_alloc(sizeof *fixture);
    uint32_t noise = 1;

    fixture->fd = mkstemp(path);
    unlink(path);
    fixture->text = must_alloc(TEXT_BYTES);
    fixture->buffer = must_alloc(TEXT_BYTES);
    for (size_t i = 0; i < TEXT_BYTES; i++) {
        noise = noise * 1664525 + 1013904223;
        fixture->text[i] = noise >> 28 ? "0123456789abcdef"[noise >> 28] : '\n';
    }
    *state = fixture;
    return fixture->fd < 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    gzip_text_free(fixture->packed);
    close(fixture->fd);
    free(fixture->text);
    free(fixture->buffer);
    free(fixture);
    return 0;
}

/* Adds text [from, to) as a stream of its own. */
static void pack(const struct fixture *fixture, size_t from, size_t to)
{
    lseek(fixture->fd, 0, SEEK_END);
    gzFile file = gzdopen(dup(fixture->fd), "wb1");
    assert_non_null(file);
    if (to > from)
        assert_int_equal(gzwrite(file, fixture->text + from, (unsigned)(to - from)), to - from);
    assert_int_equal(gzclose(file), Z_OK);
}

static off_t packed_size(const struct fixture *fixture)
{
    struct stat st;
    assert_int_equal(fstat(fixture->fd, &st), 0);
    return st.st_size;
}

static void check_read(struct fixture *fixture, size_t offset, size_t len, size_t wanted)
{
    assert_int_equal(gzip_text_read(fixture->packed, fixture->buffer, len, (int64_t)offset), wanted);
    assert_memory_equal(fixture->buffer, fixture->text + offset, wanted);
}

static void check_all(struct fixture *fixture)
{
    size_t step = 100 * 1000;
    assert_non_null(fixture->packed);
    for (size_t offset = 0; offset < TEXT_BYTES; offset += step)
        check_read(fixture, offset, step, step);
    check_read(fixture, TEXT_BYTES, step, 0);
    assert_null(gzip_text_damage(fixture->packed));
    assert_int_equal(gzip_text_behind(fixture->packed), 0);
}

static void the_text_from_its_beginning(void **state)
{
    struct fixture *fixture = *state;
    pack(fixture, 0, TEXT_BYTES);
    fixture->packed = gzip_text_open(fixture->fd);
    assert_int_equal(gzip_text_behind(fixture->packed), packed_size(fixture));
    check_all(fixture);
}

static void several_streams_are_one_text(void **state)
{
    struct fixture *fixture = *state;
    pack(fixture, 0, 1);
    pack(fixture, 1, 1);
    pack(fixture, 1, 150 * 1000);
    pack(fixture, 150 * 1000, TEXT_BYTES);
    fixture->packed = gzip_text_open(fixture->fd);
    check_all(fixture);
}

static void any_offset_at_any_time(void **state)
{
    static const size_t OFFSETS[] = { 2000 * 1000, 2000 * 1000 + 1,  10,        1500, 1023, 1024,
                                      0,           TEXT_BYTES - 500, 700 * 1000 };
    struct fixture *fixture = *state;
    pack(fixture, 0, TEXT_BYTES);
    fixture->packed = gzip_text_open(fixture->fd);
    for (size_t i = 0; i < sizeof OFFSETS / sizeof OFFSETS[0]; i++)
        check_read(fixture, OFFSETS[i], 500, 500);
    check_read(fixture, 2900 * 1000, 200 * 1000, 100 * 1000);
    check_read(fixture, TEXT_BYTES + 5, 100, 0);
}

static void what_was_cut_off_is_given_as_far_as_it_is_good(void **state)
{
    struct fixture *fixture = *state;
    pack(fixture, 0, TEXT_BYTES);
    assert_int_equal(ftruncate(fixture->fd, packed_size(fixture) / 2), 0);
    fixture->packed = gzip_text_open(fixture->fd);
    ssize_t got = gzip_text_read(fixture->packed, fixture->buffer, TEXT_BYTES, 0);
    assert_in_range(got, TEXT_BYTES / 3, TEXT_BYTES - 1);
    assert_memory_equal(fixture->buffer, fixture->text, (size_t)got);
    assert_string_equal(gzip_text_damage(fixture->packed), "it is cut off");
    check_read(fixture, (size_t)got - 10, 100, 10);
}

static void what_is_damaged_ends_there(void **state)
{
    struct fixture *fixture = *state;
    char zeros[64] = { 0 };
    pack(fixture, 0, TEXT_BYTES);
    assert_int_equal(pwrite(fixture->fd, zeros, sizeof zeros, packed_size(fixture) / 2), sizeof zeros);
    fixture->packed = gzip_text_open(fixture->fd);
    ssize_t got = gzip_text_read(fixture->packed, fixture->buffer, TEXT_BYTES, 0);
    assert_in_range(got, TEXT_BYTES / 3, TEXT_BYTES);
    assert_memory_equal(fixture->buffer, fixture->text, TEXT_BYTES / 3);
    assert_non_null(gzip_text_damage(fixture->packed));
}

/* Only the checksum behind the text is wrong: no more than the last step is missing. */
static void what_stands_before_the_damage_is_given(void **state)
{
    struct fixture *fixture = *state;
    pack(fixture, 0, TEXT_BYTES);
    assert_int_equal(pwrite(fixture->fd, "xxxx", 4, packed_size(fixture) - 8), 4);
    fixture->packed = gzip_text_open(fixture->fd);
    ssize_t got = gzip_text_read(fixture->packed, fixture->buffer, TEXT_BYTES, 0);
    assert_in_range(got, TEXT_BYTES - 256, TEXT_BYTES);
    assert_memory_equal(fixture->buffer, fixture->text, (size_t)got);
    assert_string_equal(gzip_text_damage(fixture->packed), "it is damaged");
}

static void padding_behind_the_last_stream_is_no_damage(void **state)
{
    struct fixture *fixture = *state;
    char zeros[512] = { 0 };
    pack(fixture, 0, TEXT_BYTES);
    assert_int_equal(pwrite(fixture->fd, zeros, sizeof zeros, packed_size(fixture)), sizeof zeros);
    fixture->packed = gzip_text_open(fixture->fd);
    check_all(fixture);
}

enum { MB = 1 << 20 };

/* Makes the packed text as large as so many megabytes. Every period-th byte is noise, so that a longer period packs better. */
static void pack_megabytes(struct fixture *fixture, int count, size_t period)
{
    char *block = fixture->buffer;
    memset(block, 'x', MB);
    for (size_t i = 0; i < MB; i += period)
        block[i] = fixture->text[i];
    gzFile file = gzdopen(dup(fixture->fd), "wb6");
    assert_int_equal(gzwrite(file, block, MB), MB);
    assert_int_equal(gzclose(file), Z_OK);
    off_t size = packed_size(fixture);
    char *stream = must_alloc((size_t)size);
    assert_int_equal(pread(fixture->fd, stream, (size_t)size, 0), size);
    for (int i = 1; i < count; i++)
        assert_int_equal(pwrite(fixture->fd, stream, (size_t)size, i * size), size);
    free(stream);
    fixture->packed = gzip_text_open(fixture->fd);
    assert_non_null(fixture->packed);
}

static int64_t read_to_the_end(struct fixture *fixture)
{
    int64_t offset = 0;
    ssize_t got;
    while ((got = gzip_text_read(fixture->packed, fixture->buffer, MB, offset)) > 0)
        offset += got;
    assert_int_equal(got, 0);
    return offset;
}

static void a_call_unpacks_no_more_than_its_budget(void **state)
{
    struct fixture *fixture = *state;
    int64_t budget = 4 * MB;
    int calls = 1;
    pack_megabytes(fixture, 11, 100);
    assert_int_equal(gzip_text_read(fixture->packed, fixture->buffer, 5, budget - 1), 5);
    gzip_text_free(fixture->packed);
    fixture->packed = gzip_text_open(fixture->fd);
    assert_int_equal(gzip_text_read(fixture->packed, fixture->buffer, 5, budget), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(gzip_text_read(fixture->packed, fixture->buffer, 5, budget), 5);
    gzip_text_free(fixture->packed);
    fixture->packed = gzip_text_open(fixture->fd);
    for (; gzip_text_read(fixture->packed, fixture->buffer, 5, 10 * MB) != 5; calls++)
        assert_int_equal(errno, EAGAIN);
    assert_int_equal(calls, 3);
}

static void a_small_file_that_unpacks_to_much_is_read_up_to_its_budget(void **state)
{
    struct fixture *fixture = *state;
    int64_t budget = 64 * MB;
    pack_megabytes(fixture, 64, MB);
    assert_int_equal(read_to_the_end(fixture), budget);
    assert_null(gzip_text_damage(fixture->packed));
}

static void beyond_that_the_ratio_to_its_size_decides(void **state)
{
    struct fixture *fixture = *state;
    int64_t budget = 64 * MB;
    pack_megabytes(fixture, 80, MB);
    assert_in_range(read_to_the_end(fixture), budget, budget + MB / 2);
    assert_non_null(strstr(gzip_text_damage(fixture->packed), "far more than its size"));
    assert_int_equal(gzip_text_behind(fixture->packed), 0);
}

static void a_large_text_is_read_up_to_its_budget(void **state)
{
    struct fixture *fixture = *state;
    int64_t budget = 256 * MB;
    pack_megabytes(fixture, 256, 100);
    assert_int_equal(read_to_the_end(fixture), budget);
    assert_null(gzip_text_damage(fixture->packed));
}

static void and_not_beyond_it(void **state)
{
    struct fixture *fixture = *state;
    int64_t budget = 256 * MB;
    pack_megabytes(fixture, 257, 100);
    assert_in_range(read_to_the_end(fixture), budget, budget + MB / 2);
    assert_non_null(strstr(gzip_text_damage(fixture->packed), "too large"));
}

static void what_is_no_gzip_file_is_not_opened(void **state)
{
    struct fixture *fixture = *state;
    assert_null(gzip_text_open(fixture->fd));
    assert_int_equal(write(fixture->fd, fixture->text, 5000), 5000);
    assert_null(gzip_text_open(fixture->fd));
    assert_int_equal(ftruncate(fixture->fd, 0), 0);
    pack(fixture, 0, 0);
    assert_null(gzip_text_open(fixture->fd));
}

static void a_read_error_is_an_error(void **state)
{
    struct fixture *fixture = *state;
    pack(fixture, 0, TEXT_BYTES);
    fixture->packed = gzip_text_open(fixture->fd);
    int kept = dup(fixture->fd);
    close(fixture->fd);
    assert_int_equal(gzip_text_read(fixture->packed, fixture->buffer, 5000, 0), -1);
    assert_int_equal(errno, EBADF);
    assert_int_equal(dup2(kept, fixture->fd), fixture->fd);
    close(kept);
    check_all(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_text_from_its_beginning, setup, teardown),
        cmocka_unit_test_setup_teardown(several_streams_are_one_text, setup, teardown),
        cmocka_unit_test_setup_teardown(any_offset_at_any_time, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_cut_off_is_given_as_far_as_it_is_good, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_damaged_ends_there, setup, teardown),
        cmocka_unit_test_setup_teardown(what_stands_before_the_damage_is_given, setup, teardown),
        cmocka_unit_test_setup_teardown(padding_behind_the_last_stream_is_no_damage, setup, teardown),
        cmocka_unit_test_setup_teardown(a_call_unpacks_no_more_than_its_budget, setup, teardown),
        cmocka_unit_test_setup_teardown(a_small_file_that_unpacks_to_much_is_read_up_to_its_budget, setup, teardown),
        cmocka_unit_test_setup_teardown(beyond_that_the_ratio_to_its_size_decides, setup, teardown),
        cmocka_unit_test_setup_teardown(a_large_text_is_read_up_to_its_budget, setup, teardown),
        cmocka_unit_test_setup_teardown(and_not_beyond_it, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_gzip_file_is_not_opened, setup, teardown),
        cmocka_unit_test_setup_teardown(a_read_error_is_an_error, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
