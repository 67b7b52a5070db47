/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/commands/show/escape.h"

static void assert_escaped(enum escape_form form, const char *text, const char *expected)
{
    struct strbuf out = { 0 };
    escape_puts(&out, text, form);
    assert_string_equal(strbuf_text(&out), expected);
    strbuf_free(&out);
}

static void test_plain_text_stays(void **state)
{
    (void)state;
    assert_escaped(ESCAPE_TEXT, "✓ 1,234 rows → cold.t", "✓ 1,234 rows → cold.t");
    assert_escaped(ESCAPE_TEXT, NULL, "");
}

static void test_control_characters_become_visible(void **state)
{
    (void)state;
    assert_escaped(ESCAPE_TEXT, "\x1b[31m\a\x7f", "\\x1b[31m\\x07\\x7f");
    assert_escaped(ESCAPE_TEXT,
                   "\xc2\x9b"
                   "31m",
                   "\\x9b31m"); /* U+009B: the eight-bit escape */
    assert_escaped(ESCAPE_TEXT, "a\nb\tc", "a b c");
    assert_escaped(ESCAPE_TEXT, "a\rb", "a\\x0db");
}

static void test_marks_that_reverse_or_hide_become_visible(void **state)
{
    (void)state;
    assert_escaped(ESCAPE_TEXT,
                   "\xe2\x80\xae"
                   "x\xe2\x81\xa6\xe2\x80\x8b\xef\xbb\xbf",
                   "\\u202ex\\u2066\\u200b\\ufeff");
    assert_escaped(ESCAPE_TEXT, "\xf3\xa0\x81\x81", "\\ue0041");
}

static void test_what_is_no_utf8_becomes_visible(void **state)
{
    (void)state;
    assert_escaped(ESCAPE_TEXT,
                   "\xff"
                   "a\xc3",
                   "\\xffa\\xc3");
    assert_escaped(ESCAPE_TEXT, "\xc0\xaf", "\\xc0\\xaf");          /* an overlong slash */
    assert_escaped(ESCAPE_TEXT, "\xed\xa0\x80", "\\xed\\xa0\\x80"); /* half a surrogate pair */
    assert_escaped(ESCAPE_TEXT, "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
}

static void test_ascii_terminals(void **state)
{
    (void)state;
    assert_escaped(ESCAPE_ASCII, "✗ a → b – é", "x a -> b - \\xe9");
}

static void test_html(void **state)
{
    (void)state;
    assert_escaped(ESCAPE_HTML, "<b a='1' c=\"2\">&amp;", "&lt;b a=&#39;1&#39; c=&quot;2&quot;&gt;&amp;amp;");
    assert_escaped(ESCAPE_HTML, "\x1b<", "\\x1b&lt;");
}

static void test_markdown(void **state)
{
    (void)state;
    assert_escaped(ESCAPE_MARKDOWN, "a|b `c` *d* [e](f) <g> \\", "a\\|b \\`c\\` \\*d\\* \\[e\\](f) &lt;g\\> \\\\");
    assert_escaped(ESCAPE_MARKDOWN, "http://a 10:15", "http\\://a 10:15");
    assert_escaped(ESCAPE_MARKDOWN, "\x1b", "\\\\x1b");
}

/* A paragraph, an item or a cell may begin with it. */
static void test_markdown_begins_no_block(void **state)
{
    (void)state;
    assert_escaped(ESCAPE_MARKDOWN, "- x", "\\- x");
    assert_escaped(ESCAPE_MARKDOWN, "    + x", "\\+ x");
    assert_escaped(ESCAPE_MARKDOWN, "\n---", "\\---");
    assert_escaped(ESCAPE_MARKDOWN, "==", "\\==");
    assert_escaped(ESCAPE_MARKDOWN, "12. x", "12\\. x");
    assert_escaped(ESCAPE_MARKDOWN, "1)", "1\\)");
    assert_escaped(ESCAPE_MARKDOWN, "-5 s, 12.4 s", "-5 s, 12.4 s");
    assert_escaped(ESCAPE_MARKDOWN, "12.4 s", "12.4 s");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_text_stays),
        cmocka_unit_test(test_control_characters_become_visible),
        cmocka_unit_test(test_marks_that_reverse_or_hide_become_visible),
        cmocka_unit_test(test_what_is_no_utf8_becomes_visible),
        cmocka_unit_test(test_ascii_terminals),
        cmocka_unit_test(test_html),
        cmocka_unit_test(test_markdown),
        cmocka_unit_test(test_markdown_begins_no_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
