/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "agent/notify/mail_text.h"

static void quoted(const char *text, const char *expected)
{
    struct strbuf out = { 0 };
    mail_put_quoted_printable(text, &out);
    assert_string_equal(strbuf_text(&out), expected);
    strbuf_free(&out);
}

static void quoted_printable_keeps_lines_short_and_ascii(void **state)
{
    (void)state;
    quoted("a = b\n", "a =3D b\r\n");
    quoted("blank \nat the end ", "blank=20\r\nat the end=20");
    quoted("\xc3\xa4\r\t.", "=C3=A4=0D=09.");
    struct strbuf text = { 0 }, out = { 0 };
    for (int i = 0; i < 100; i++)
        strbuf_puts(&text, "x\xc3\xa4");
    mail_put_quoted_printable(text.at, &out);
    for (const char *line = out.at; *line != '\0'; line += strcspn(line, "\n") + (strchr(line, '\n') != NULL))
        assert_in_range(strcspn(line, "\r\n"), 1, 76);
    strbuf_free(&text);
    strbuf_free(&out);
}

static void header(const char *text, const char *expected)
{
    struct strbuf out = { 0 };
    mail_put_header("Subject", text, &out);
    assert_string_equal(strbuf_text(&out), expected);
    strbuf_free(&out);
}

static void no_text_begins_a_header_of_its_own(void **state)
{
    (void)state;
    header("plain", "Subject: plain\r\n");
    header("a\r\nBcc: b", "Subject: a  Bcc: b\r\n");
    header("\xc3\xa4", "Subject: \r\n =?utf-8?B?w6Q=?=\r\n");
    header("=?utf-8?B?eA==?=", "Subject: \r\n =?utf-8?B?PT91dGYtOD9CP2VBPT0/PQ==?=\r\n");
    header("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb c",
           "Subject: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb c\r\n");
}

static void a_date_is_what_mail_has(void **state)
{
    struct strbuf out = { 0 };
    (void)state;
    mail_put_date(INT64_C(1772000000000), &out);
    assert_string_equal(out.at, "Wed, 25 Feb 2026 06:13:20 +0000");
    strbuf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quoted_printable_keeps_lines_short_and_ascii),
        cmocka_unit_test(no_text_begins_a_header_of_its_own),
        cmocka_unit_test(a_date_is_what_mail_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
