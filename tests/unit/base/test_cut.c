/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "base/cut.h"

static void chars_become(const char *text, size_t max_chars, const char *expected)
{
    struct strbuf out = { 0 };

    cut_chars(text, max_chars, &out);
    assert_string_equal(strbuf_text(&out), expected);
    strbuf_free(&out);
}

static void characters_are_counted_not_bytes(void **unused)
{
    (void)unused;
    chars_become("", 3, "");
    chars_become("abc", 3, "abc");
    chars_become("abcd", 3, "ab…");
    chars_become("äöü", 3, "äöü");
    chars_become("äöüß", 3, "äö…");
    chars_become("✗✗✗✗", 2, "✗…");
    chars_become("ab", 1, "…");
    chars_become("ab", 0, "");
}

static void copies_become(const char *text, size_t room, const char *expected)
{
    char buf[32];

    memset(buf, 'x', sizeof buf);
    cut_copy(text, buf, room);
    assert_string_equal(buf, expected);
    assert_int_equal(buf[room], 'x');
}

static void a_copy_ends_between_two_characters(void **unused)
{
    (void)unused;
    copies_become("1234567", 8, "1234567");
    copies_become("12345678", 8, "1234…");
    copies_become("123ä5678", 8, "123…");
    copies_become("12ä56789", 8, "12ä…");
    copies_become("1✗✗✗", 8, "1✗…");
    copies_become("\xf0\x9f\x94\xb4\xf0\x9f\x94\xb4", 8, "\xf0\x9f\x94\xb4…");
}

static void brackets_at_the_end_are_left_out(void **unused)
{
    (void)unused;
    static const struct {
        const char *text;
        size_t len;
    } cases[] = {
        { "", 0 },          { "a (b)", 1 }, { "a (b) c", 7 }, { "a(b)", 4 },      { "(b)", 3 },
        { "a (b) (c)", 5 }, { "a b)", 4 },  { " (b)", 4 },    { "a (b (c))", 1 }, { "a (b) c(d)", 10 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(cut_len_without_brackets(cases[i].text), cases[i].len);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(characters_are_counted_not_bytes),
        cmocka_unit_test(a_copy_ends_between_two_characters),
        cmocka_unit_test(brackets_at_the_end_are_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
