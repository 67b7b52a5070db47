/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/say.h"
#include "base/text.h"
#include "base/utf8.h"

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

static void steps(const char *text, size_t bytes, uint32_t expected)
{
    uint32_t point = 0;
    assert_int_equal(utf8_step(slice_of(text)), bytes);
    assert_int_equal(utf8_decode(slice_of(text), &point), bytes);
    assert_int_equal(point, expected);
}

static void a_step_is_a_whole_character_or_nothing(void **unused)
{
    (void)unused;
    steps("", 0, 0);
    steps("az", 1, 'a');
    steps("\x7f", 1, 0x7f);
    steps("\xc2\x80", 2, 0x80);
    steps("\xdf\xbf.", 2, 0x7ff);
    steps("\xe0\xa0\x80", 3, 0x800);
    steps("\xef\xbf\xbf", 3, 0xffff);
    steps("\xf0\x90\x80\x80", 4, 0x10000);
    steps("\xf4\x8f\xbf\xbf", 4, 0x10ffff);
    steps("\x80", 0, 0);
    steps("\xc1\xbf", 0, 0); /* overlong */
    steps("\xe0\x9f\xbf", 0, 0);
    steps("\xf0\x8f\xbf\xbf", 0, 0);
    steps("\xed\xa0\x80", 0, 0);     /* a surrogate */
    steps("\xf4\x90\x80\x80", 0, 0); /* beyond U+10FFFF */
    steps("\xf8\x88\x80\x80\x80", 0, 0);
    steps("\xe2\x9c", 0, 0); /* cut */
    steps("\xe2\x9cz", 0, 0);
}

static void no_character_is_cut_in_two(void **unused)
{
    (void)unused;
    static const char text[] = "a\xc3\xa4\xe2\x9c\x93z";
    static const size_t floors[] = { 0, 1, 1, 3, 3, 3, 6, 7 };
    for (size_t i = 0; i < sizeof floors / sizeof floors[0]; i++)
        assert_int_equal(utf8_floor(text, i), floors[i]);
}

static void assert_valid(const char *text, const char *expected)
{
    struct strbuf out = { 0 };
    text_add_valid(&out, text, strlen(text));
    assert_string_equal(strbuf_text(&out), expected);
    strbuf_free(&out);
}

static void only_well_formed_utf8_passes(void **unused)
{
    (void)unused;
#define BAD "\xef\xbf\xbd"
    assert_valid("", "");
    assert_valid("\xe2\x9c\x93 \xc2\xa0 \xf0\x9f\x98\x80", "\xe2\x9c\x93 \xc2\xa0 \xf0\x9f\x98\x80");
    assert_valid("\xc0\xaf", BAD BAD); /* overlong */
    assert_valid("\xe0\x80\xaf", BAD BAD BAD);
    assert_valid("\xf0\x80\x80\xaf", BAD BAD BAD BAD);
    assert_valid("\xed\xa0\x80", BAD BAD BAD);         /* a surrogate */
    assert_valid("\xf4\x90\x80\x80", BAD BAD BAD BAD); /* beyond U+10FFFF */
    assert_valid("\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf");
    assert_valid("\xe2\x9c", BAD BAD); /* cut */
    assert_valid("\xe2\x9cx", BAD BAD "x");
    assert_valid("x\x80y", "x" BAD "y");
    assert_valid("\xf5\x80", BAD BAD);
    assert_valid("end\xf0", "end" BAD);
#undef BAD
}

static void control_characters_become_visible(void **unused)
{
    (void)unused;
    struct strbuf out = { 0 };
    static const char text[] = "a\tb\r\n\x1b[0m\x7f\0z \xc2\x9b \xe2\x86\x92 \xff";
    text_add_visible(&out, text, sizeof text - 1);
    assert_string_equal(out.at, "a\\tb\\r\\n\\x1b[0m\\x7f\\x00z \\u009b \xe2\x86\x92 \\xff");
    strbuf_free(&out);
}

/* What was said on stderr meanwhile. */
static void read_said(FILE *said, char *text, size_t room)
{
    fflush(stderr);
    rewind(said);
    text[fread(text, 1, room - 1, said)] = '\0';
}

static void saying_is_one_clean_line_each(void **unused)
{
    (void)unused;
    FILE *said = tmpfile();
    int old = dup(STDERR_FILENO);
    assert_non_null(said);
    assert_int_not_equal(dup2(fileno(said), STDERR_FILENO), -1);
    say_error("%s: %s", "what", "why\nforged");
    say_info("unheard");
    say_verbose(1);
    say_info("heard");
    say_verbose(0);
    say_warning("careful");
    char text[256];
    read_said(said, text, sizeof text);
    dup2(old, STDERR_FILENO);
    close(old);
    fclose(said);
    assert_string_equal(text, "agent: what: why\\nforged\nagent: heard\nagent: warning: careful\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(code_points_are_counted_and_never_too_many),
        cmocka_unit_test(a_step_is_a_whole_character_or_nothing),
        cmocka_unit_test(no_character_is_cut_in_two),
        cmocka_unit_test(only_well_formed_utf8_passes),
        cmocka_unit_test(control_characters_become_visible),
        cmocka_unit_test(saying_is_one_clean_line_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
