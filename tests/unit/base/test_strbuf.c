/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/strbuf.h"

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

static void a_list_grows_and_keeps_its_elements(void **state)
{
    (void)state;
    int *numbers = NULL;
    size_t count = 0;
    while (count < 1000) {
        numbers = list_room(numbers, count, sizeof *numbers);
        numbers[count] = (int)count;
        count++;
    }
    for (size_t i = 0; i < count; i++)
        assert_int_equal(numbers[i], i);
    free(numbers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_buffer_is_an_empty_text),
        cmocka_unit_test(text_grows_and_stays_terminated),
        cmocka_unit_test(printf_fits_at_every_length_around_the_room),
        cmocka_unit_test(bytes_may_be_nul),
        cmocka_unit_test(memory_is_zeroed_and_grows),
        cmocka_unit_test(a_list_grows_and_keeps_its_elements),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
