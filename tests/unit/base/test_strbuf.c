/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/strbuf.h"
#include "base/utf8.h"

static void an_empty_buffer_is_an_empty_text(void **state)
{
    (void)state;
    struct strbuf buf = { 0 };
    assert_string_equal(strbuf_text(&buf), "");
    assert_int_equal(strbuf_slice(&buf).len, 0);
    strbuf_clear(&buf);
    strbuf_free(&buf);
    strbuf_add(&buf, NULL, 0);
    assert_string_equal(buf.at, "");
    strbuf_free(&buf);
    assert_null(buf.at);
}

static void text_grows_and_stays_terminated(void **state)
{
    (void)state;
    struct strbuf buf = { 0 };
    for (int i = 0; i < 1000; i++) {
        strbuf_printf(&buf, "%d,", i);
        assert_int_equal(buf.at[buf.len], '\0');
        assert_true(buf.room > buf.len);
    }
    assert_int_equal(buf.len, 10 * 2 + 90 * 3 + 900 * 4);
    assert_memory_equal(buf.at + buf.len - 8, "998,999,", 8);
    strbuf_clear(&buf);
    strbuf_puts(&buf, "again");
    assert_string_equal(strbuf_text(&buf), "again");
    strbuf_free(&buf);
}

static void printf_fits_at_every_length_around_the_room(void **state)
{
    (void)state;
    for (int len = 60; len < 70; len++) {
        struct strbuf buf = { 0 };
        strbuf_printf(&buf, "%*d", len, 7);
        assert_int_equal(buf.len, len);
        assert_int_equal(buf.at[len - 1], '7');
        assert_int_equal(buf.at[len], '\0');
        strbuf_free(&buf);
    }
}

static void bytes_may_be_nul(void **state)
{
    (void)state;
    struct strbuf buf = { 0 };
    strbuf_add(&buf, "a\0b", 3);
    assert_int_equal(strbuf_slice(&buf).len, 3);
    assert_memory_equal(buf.at, "a\0b", 4);
    char *copy = must_copy(buf.at, buf.len);
    assert_memory_equal(copy, "a\0b", 4);
    free(copy);
    strbuf_free(&buf);
}

static void memory_is_zeroed_and_grows(void **state)
{
    (void)state;
    int *numbers = must_alloc(4 * sizeof *numbers);
    assert_int_equal(numbers[3], 0);
    numbers[3] = 42;
    numbers = must_grow(numbers, 1000, sizeof *numbers);
    assert_int_equal(numbers[3], 42);
    free(numbers);
    free(must_alloc(0));
}

static size_t points(const char *text)
{
    return utf8_count(slice_of(text));
}

static void code_points_are_counted_and_never_too_many(void **state)
{
    (void)state;
    assert_int_equal(points(""), 0);
    assert_int_equal(points("abc"), 3);
    assert_int_equal(points("→ ✓ é 💥"), 7);
    /* A lone continuation byte, and a sequence that is cut. */
    assert_int_equal(points("\x80\x80"), 0);
    assert_int_equal(points("\xE2\x9C"), 1);
}

static void assert_clean(const char *text, const char *expected)
{
    struct strbuf buf = { 0 };
    utf8_add_clean(&buf, slice_of(text));
    assert_string_equal(strbuf_text(&buf), expected);
    strbuf_free(&buf);
}

static void ill_formed_utf8_is_replaced(void **state)
{
    (void)state;
#define REPLACED "\xEF\xBF\xBD"
    assert_clean("plain → ✓ é 💥", "plain → ✓ é 💥");
    assert_clean("a\xFF"
                 "b",
                 "a" REPLACED "b");
    assert_clean("\xC0\xAF", REPLACED REPLACED);
    assert_clean("\xE2\x9C", REPLACED REPLACED);
    assert_clean("\xED\xA0\x80", REPLACED REPLACED REPLACED);
    assert_clean("\xE0\x80\x80", REPLACED REPLACED REPLACED);
    assert_clean("\xF4\x90\x80\x80", REPLACED REPLACED REPLACED REPLACED);
    assert_clean("\xF4\x8F\xBF\xBF", "\xF4\x8F\xBF\xBF");
    assert_clean("\xF5\x80", REPLACED REPLACED);
    assert_clean("end\xF0", "end" REPLACED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_buffer_is_an_empty_text),
        cmocka_unit_test(text_grows_and_stays_terminated),
        cmocka_unit_test(printf_fits_at_every_length_around_the_room),
        cmocka_unit_test(bytes_may_be_nul),
        cmocka_unit_test(memory_is_zeroed_and_grows),
        cmocka_unit_test(code_points_are_counted_and_never_too_many),
        cmocka_unit_test(ill_formed_utf8_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
