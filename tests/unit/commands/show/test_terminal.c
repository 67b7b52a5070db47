/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "agent/commands/show/terminal.h"

static void test_wrapping_keeps_to_the_width(void **state)
{
    struct terminal terminal = { .width = 30 };
    struct strbuf out = { 0 };
    (void)state;
    strbuf_puts(&out, "  label ");
    terminal_wrap(&terminal, &out, TONE_PLAIN, "seven words that need more than one line", 8, 8);
    assert_string_equal(strbuf_text(&out), "  label seven words that need\n        more than one line\n");
    strbuf_clear(&out);
    terminal_wrap(&terminal, &out, TONE_PLAIN, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 0, 0);
    assert_string_equal(strbuf_text(&out), "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\naaaaaa\n");
    strbuf_clear(&out);
    terminal_wrap(&terminal, &out, TONE_PLAIN, "a iceberg-offload-watermark-recovery.md", 0, 0);
    assert_string_equal(strbuf_text(&out), "a\niceberg-offload-watermark-\nrecovery.md\n");
    strbuf_free(&out);
}

static void test_a_wide_character_takes_two_columns(void **state)
{
    (void)state;
    if (!setlocale(LC_CTYPE, "C.UTF-8"))
        skip_because("there is no locale C.UTF-8");
    assert_int_equal(terminal_columns("日本"), 4);
    assert_int_equal(terminal_columns("e\u0301\xff"), 2); /* an accent takes none, a byte that is no character one */
    assert_int_equal(terminal_fitting("日本語", 4), 6);
    assert_int_equal(terminal_fitting("日本語", 5), 6);
    assert_int_equal(terminal_fitting("日本語", 1), 3);
    assert_int_equal(terminal_fitting("abc", 3), 3);
    assert_int_equal(terminal_fitting("abc", 2), 2);
    assert_int_equal(terminal_fitting("", 2), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrapping_keeps_to_the_width),
        cmocka_unit_test(test_a_wide_character_takes_two_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
