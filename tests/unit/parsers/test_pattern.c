/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/budgets.h"
#include "parsers/pattern.h"

static struct pattern *pattern_of(const char *regex)
{
    struct strbuf error = { 0 };
    struct pattern *pattern = pattern_new(regex, NULL, 0, &error);
    assert_string_equal(strbuf_text(&error), "");
    assert_non_null(pattern);
    return pattern;
}

/* The short cuts, first bytes, prefix and a text that is no regular expression, must never hide a match, nor make one. */
static void short_cuts_hide_no_match(void **state)
{
    (void)state;
    static const char *const PAIRS[][2] = {
        { "abc", "abcd" },
        { "(?i)abc", "ABC" },
        { "a?bc", "bc" },
        { "ab*c", "ac" },
        { "é?x", "éx" },
        { "é?x", "\xC3x" },
        { "a{0}b", "b" },
        { "a|b", "b" },
        { "abc|xyz", "xyz" },
        { "(?:a|b)c", "bc" },
        { "[xyz]a", "za" },
        { "[^a]b", "\xC3"
                   "b" },
        { ".x", "\xFFx" },
        { "✓|✗", "✗" },
        { "\\d+", "7" },
        { "(?=x)x", "x" },
        { "\\Qa.b\\E", "a.b" },
        { "(?x) a b", "ab" },
        { "(?i)x|é", "é" },
        { "x?", "y" },
        { "^abc", "abc" },
        { "a+", "aa" },
        { "\\x41", "A" },
        { "(?:é){2}", "éé" },
        { "abc$", "abc" },
        { "ab$|c", "c" },
    };
    for (size_t i = 0; i < sizeof PAIRS / sizeof PAIRS[0]; i++) {
        struct pattern *pattern = pattern_of(PAIRS[i][0]);
        assert_true(pattern_may_begin_with(pattern, (unsigned char)PAIRS[i][1][0]));
        assert_int_equal(pattern_match(pattern, slice_of(PAIRS[i][1])), PATTERN_YES);
        pattern_free(pattern);
    }
    struct pattern *pattern = pattern_of("Starting");
    assert_false(pattern_may_begin_with(pattern, 'T'));
    assert_int_equal(pattern_match(pattern, slice_of("Start")), PATTERN_NO);
    assert_int_equal(pattern_match(pattern, slice_of(" Starting")), PATTERN_NO);
    pattern_free(pattern);
    pattern = pattern_of("whole$");
    assert_int_equal(pattern_match(pattern, slice_of("wholes")), PATTERN_NO);
    assert_int_equal(pattern_match(pattern, slice_of("whole\n")), PATTERN_NO);
    pattern_free(pattern);
}

/* An expression that begins with "(*NO_JIT)" is run by PCRE2's interpreter. */
static void jit_and_interpreter_agree(void **state)
{
    (void)state;
    static const struct {
        const char *regex, *repeated;
        int times;
        enum pattern_answer expected;
    } CASES[] = {
        { "begin (\\w+)", "begin now", 1, PATTERN_YES },
        { "begin (\\w+)", "now", 1, PATTERN_NO },
        { "(?:\\w|-)+c!", "ab-", 100, PATTERN_YES },
        { "(?:a+)+b", "a", 10, PATTERN_NO },
        { "(?:a+)+b", "a", 18, PATTERN_LIMIT },
        { "(a|aa)+b", "a", 100, PATTERN_LIMIT },
        { "(?:a?a?a?a?)*b", "a", 500, PATTERN_LIMIT },
        { "(?:a|b)*c", "a", LINE_MAX_BYTES, PATTERN_LIMIT },
        { "(?:a{0,99}){0,99}b", "a", LINE_MAX_BYTES, PATTERN_LIMIT },
    };
    static const char *const OPTIONS[] = { "", "(*NO_JIT)", "(*NO_START_OPT)", "(*NO_AUTO_POSSESS)",
                                           "(*NO_JIT)(*NO_START_OPT)" };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct strbuf text = { 0 };
        for (int n = 0; n < CASES[i].times; n++)
            strbuf_puts(&text, CASES[i].repeated);
        strbuf_puts(&text, "c!bc");
        for (size_t o = 0; o < sizeof OPTIONS / sizeof OPTIONS[0]; o++) {
            struct strbuf regex = { 0 };
            strbuf_printf(&regex, "%s%s", OPTIONS[o], CASES[i].regex);
            struct pattern *pattern = pattern_of(regex.at);
            assert_int_equal(pattern_match(pattern, strbuf_slice(&text)), CASES[i].expected);
            pattern_free(pattern);
            strbuf_free(&regex);
        }
        strbuf_free(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_cuts_hide_no_match),
        cmocka_unit_test(jit_and_interpreter_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
