/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "agent/notify/mask_own_secrets.h"

static char url[] = "https://robot:p%40ssword@hooks.example/services/T0B1/XyZsecret99?key=abcdef12345&v=2";
static char *headers[] = { "X-Api: opensesame", "Authorization: Token q1w2e3r4t5" };

static void becomes(const struct webhook_config *webhook, const char *token, const char *routing_key, const char *text,
                    const char *expected)
{
    struct strbuf out = { 0 };

    mask_own_secrets(webhook, token, routing_key, text, &out);
    assert_string_equal(strbuf_text(&out), expected);
    strbuf_free(&out);
}

static void every_part_of_the_url_is_known(void **unused)
{
    const struct webhook_config webhook = { .url = url };

    (void)unused;
    becomes(&webhook, NULL, NULL, "cannot POST /services/T0B1/XyZsecret99", "cannot POST ***");
    becomes(&webhook, NULL, NULL, "no hook 'XyZsecret99'", "no hook '***'");
    becomes(&webhook, NULL, NULL, "bad query key=abcdef12345&v=2", "bad query ***");
    becomes(&webhook, NULL, NULL, "bad key abcdef12345", "bad key ***");
    becomes(&webhook, NULL, NULL, "robot with p@ssword or p%40ssword", "*** with *** or ***");
    becomes(&webhook, NULL, NULL, "v 2 is not served by hooks.example", "v 2 is not served by hooks.example");
}

static void headers_token_and_routing_key_are_known(void **unused)
{
    const struct webhook_config webhook = { .url = url, .headers = headers, .header_count = 2 };

    (void)unused;
    becomes(&webhook, "t0ken-of-mine", "R0UT1NGKEY", "x-api: opensesame", "x-api: ***");
    becomes(&webhook, "t0ken-of-mine", "R0UT1NGKEY", "Token q1w2e3r4t5 is not valid, q1w2e3r4t5",
            "*** is not valid, ***");
    becomes(&webhook, "t0ken-of-mine", "R0UT1NGKEY", "Bearer t0ken-of-mine", "Bearer ***");
    becomes(&webhook, "t0ken-of-mine", "R0UT1NGKEY", "key R0UT1NGKEY unknown", "key *** unknown");
    becomes(&webhook, NULL, NULL, "t0ken-of-mine", "t0ken-of-mine");
}

/* If the shorter secret were masked first, the rest of the longer one would stand in the log. */
static void a_secret_that_contains_another_is_masked_as_a_whole(void **unused)
{
    const struct webhook_config webhook = { .url = url, .headers = headers, .header_count = 2 };

    (void)unused;
    becomes(&webhook, "opensesame-and-q1w2e3r4t5-too", NULL, "token opensesame-and-q1w2e3r4t5-too is not valid",
            "token *** is not valid");
    becomes(&webhook, NULL, "opensesame99", "key opensesame99, x-api opensesame", "key ***, x-api ***");
}

static void nothing_short_is_taken_for_a_secret(void **unused)
{
    char plain[] = "http://alertmanager:9093/";
    const struct webhook_config webhook = { .url = plain };

    (void)unused;
    becomes(&webhook, NULL, NULL, "", "");
    becomes(&webhook, "", "", "a/b/c", "a/b/c");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_part_of_the_url_is_known),
        cmocka_unit_test(headers_token_and_routing_key_are_known),
        cmocka_unit_test(a_secret_that_contains_another_is_masked_as_a_whole),
        cmocka_unit_test(nothing_short_is_taken_for_a_secret),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
