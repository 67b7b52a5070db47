/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "agent/shell/known.h"

static char url[] = "https://robot:p%40ssword@hooks.example/services/T0B1/XyZsecret99?key=abcdef12345&v=2";
static char *headers[] = { "X-Api: opensesame", "Authorization: Token q1w2e3r4t5" };

static void becomes(const struct webhook_config *webhook, const char *token, const char *text, const char *expected)
{
    struct strbuf out = { 0 };

    known_mask(webhook, token, text, &out);
    assert_string_equal(strbuf_text(&out), expected);
    strbuf_free(&out);
}

static void every_part_of_the_url_is_known(void **unused)
{
    const struct webhook_config webhook = { .url = url };

    (void)unused;
    becomes(&webhook, NULL, "cannot POST /services/T0B1/XyZsecret99", "cannot POST ***");
    becomes(&webhook, NULL, "no hook 'XyZsecret99'", "no hook '***'");
    becomes(&webhook, NULL, "bad query key=abcdef12345&v=2", "bad query ***");
    becomes(&webhook, NULL, "bad key abcdef12345", "bad key ***");
    becomes(&webhook, NULL, "robot with p@ssword or p%40ssword", "*** with *** or ***");
    becomes(&webhook, NULL, "v 2 is not served by hooks.example", "v 2 is not served by hooks.example");
}

static void headers_token_and_routing_key_are_known(void **unused)
{
    char file[] = "/tmp/test_known.XXXXXX";
    int fd = mkstemp(file);
    const struct webhook_config webhook = {
        .url = url, .headers = headers, .header_count = 2, .routing_key_file = file
    };

    (void)unused;
    assert_int_equal(write(fd, "R0UT1NGKEY\n", 11), 11);
    close(fd);
    becomes(&webhook, "t0ken-of-mine", "x-api: opensesame", "x-api: ***");
    becomes(&webhook, "t0ken-of-mine", "Token q1w2e3r4t5 is not valid, q1w2e3r4t5", "*** is not valid, ***");
    becomes(&webhook, "t0ken-of-mine", "Bearer t0ken-of-mine", "Bearer ***");
    becomes(&webhook, "t0ken-of-mine", "key R0UT1NGKEY unknown", "key *** unknown");
    becomes(&webhook, NULL, "t0ken-of-mine", "t0ken-of-mine");
    unlink(file);
}

static void nothing_short_is_taken_for_a_secret(void **unused)
{
    char plain[] = "http://alertmanager:9093/";
    const struct webhook_config webhook = { .url = plain };

    (void)unused;
    becomes(&webhook, NULL, "", "");
    becomes(&webhook, "", "a/b/c", "a/b/c");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_part_of_the_url_is_known),
        cmocka_unit_test(headers_token_and_routing_key_are_known),
        cmocka_unit_test(nothing_short_is_taken_for_a_secret),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
