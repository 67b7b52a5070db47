/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "scrub.h"

static struct scrub *scrub;

static int open_scrub(void **unused)
{
    (void)unused;
    scrub = scrub_open();
    return 0;
}

static int close_scrub(void **unused)
{
    (void)unused;
    scrub_close(scrub);
    return 0;
}

static void assert_slice(struct slice got, const char *expected)
{
    char *text = must_copy(got.at, got.len);

    assert_string_equal(text, expected);
    free(text);
}

/* text_at: where the text begins in the line. */
static struct event event_of(enum event_kind kind, const char *line, size_t text_at)
{
    return (struct event){ .kind = kind, .line = slice_of(line), .text = slice_of(line + text_at) };
}

static void stderr_becomes(const char *line, const char *expected)
{
    struct event event = event_of(EVENT_RUN_STDERR, line, 0);
    scrub_event(scrub, &event);

    assert_slice(event.text, expected);
    assert_slice(event.line, expected);
}

static void other_event(void)
{
    struct event event = { .kind = EVENT_RUN_STARTED, .line = slice_of("Starting offload: t") };

    scrub_event(scrub, &event);
}

static void text_and_line_lose_what_is_secret(void **unused)
{
    (void)unused;
    const char line[] = "10:15:02 - ERROR -   Stderr: password=hunter2 refused";
    struct event event = event_of(EVENT_RUN_STDERR, line, strlen("10:15:02 - ERROR -   Stderr: "));
    scrub_event(scrub, &event);

    assert_slice(event.text, "password=*** refused");
    assert_slice(event.line, "10:15:02 - ERROR -   Stderr: password=*** refused");
    stderr_becomes("java.net.ConnectException: Connection refused", "java.net.ConnectException: Connection refused");
}

static void what_stands_behind_the_text_stays(void **unused)
{
    (void)unused;
    const char line[] = "job said token=abc, code 7";
    struct event event = event_of(EVENT_CYCLE_EXCEPTION, line, strlen("job said "));
    event.text.len = strlen("token=abc");
    scrub_event(scrub, &event);

    assert_slice(event.line, "job said token=***, code 7");
}

static void a_line_whose_text_lies_elsewhere_is_searched_itself(void **unused)
{
    (void)unused;
    struct event event = event_of(EVENT_RUN_FAILED, "failed: password=hunter2", 0);
    event.text = (struct slice){ NULL, 0 };
    scrub_event(scrub, &event);

    assert_slice(event.text, "");
    assert_slice(event.line, "failed: password=***");
}

/* A pattern of one's own may have a text where the built-in ones have none. */
static void a_text_in_any_kind_of_event_is_searched(void **unused)
{
    (void)unused;
    struct event event = event_of(EVENT_SHUTDOWN_REQUESTED, "bye token=abc", strlen("bye "));
    scrub_event(scrub, &event);

    assert_slice(event.text, "token=***");
    assert_slice(event.line, "bye token=***");
}

static void the_schedulers_own_words_are_left_alone(void **unused)
{
    (void)unused;
    static const char line[] = "Starting offload: t";
    struct event event = { .kind = EVENT_RUN_STARTED, .line = slice_of(line) };
    scrub_event(scrub, &event);

    assert_ptr_equal(event.line.at, line);
}

static void a_private_key_is_hidden_over_all_its_lines(void **unused)
{
    (void)unused;
    stderr_becomes("loading -----BEGIN RSA PRIVATE KEY-----", "loading ***");
    stderr_becomes("MIIEowIBAAKCAQEA", "***");
    stderr_becomes("x-----END RSA PRIVATE KEY----- done", "*** done");
    stderr_becomes("Connection refused", "Connection refused");
    stderr_becomes("a -----BEGIN PRIVATE KEY-----M-----END PRIVATE KEY----- b", "a *** b");
    stderr_becomes("open", "open");
    stderr_becomes("-----BEGIN PRIVATE KEY-----M-----END PRIVATE KEY----------BEGIN EC PRIVATE KEY-----", "******");
    stderr_becomes("still", "***");
}

/* An event without a text is no key that has begun. */
static void a_failure_without_words_hides_nothing_after_it(void **unused)
{
    (void)unused;
    struct event event = { .kind = EVENT_RUN_FAILED, .line = slice_of("Task run failed") };

    scrub_event(scrub, &event);
    stderr_becomes("ClickHouse: Connection refused", "ClickHouse: Connection refused");
}

static void an_excerpt_that_ends_within_a_key_ends_the_key(void **unused)
{
    (void)unused;
    stderr_becomes("-----BEGIN PRIVATE KEY-----", "***");
    other_event();
    stderr_becomes("next failure", "next failure");
    stderr_becomes("-----BEGIN CERTIFICATE-----", "-----BEGIN CERTIFICATE-----");
    stderr_becomes("no secret", "no secret");
}

static void a_restart_goes_on_within_the_key(void **unused)
{
    struct archive archive;
    struct strbuf text = { 0 };

    (void)unused;
    stderr_becomes("-----BEGIN PRIVATE KEY-----", "***");
    archive_save_to(&archive, &text);
    scrub_archive(scrub, &archive);
    scrub_close(scrub);
    scrub = scrub_open();
    archive_load_from(&archive, strbuf_slice(&text));
    scrub_archive(scrub, &archive);
    stderr_becomes("MIIEowIBAAKCAQEA", "***");
    strbuf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(text_and_line_lose_what_is_secret, open_scrub, close_scrub),
        cmocka_unit_test_setup_teardown(what_stands_behind_the_text_stays, open_scrub, close_scrub),
        cmocka_unit_test_setup_teardown(a_line_whose_text_lies_elsewhere_is_searched_itself, open_scrub, close_scrub),
        cmocka_unit_test_setup_teardown(a_text_in_any_kind_of_event_is_searched, open_scrub, close_scrub),
        cmocka_unit_test_setup_teardown(the_schedulers_own_words_are_left_alone, open_scrub, close_scrub),
        cmocka_unit_test_setup_teardown(a_private_key_is_hidden_over_all_its_lines, open_scrub, close_scrub),
        cmocka_unit_test_setup_teardown(a_failure_without_words_hides_nothing_after_it, open_scrub, close_scrub),
        cmocka_unit_test_setup_teardown(an_excerpt_that_ends_within_a_key_ends_the_key, open_scrub, close_scrub),
        cmocka_unit_test_setup_teardown(a_restart_goes_on_within_the_key, open_scrub, close_scrub),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
