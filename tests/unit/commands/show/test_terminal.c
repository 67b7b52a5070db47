/* SPDX-License-Identifier: GPL-2.0-or-later */
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
    strbuf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrapping_keeps_to_the_width),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
