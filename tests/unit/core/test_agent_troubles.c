/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.c"

/* The agent's own troubles: a log that it will not read, webhooks that take nothing. */

static void driver_report(struct driver *driver, enum event_kind kind, int64_t at_ms, const char *text)
{
    struct event event = { .kind = kind, .time_ms = at_ms, .offset = -1, .text = slice_of(text) };
    engine_feed(driver->engine, &event);
}

static void a_refused_log_is_a_warning_until_it_can_be_read(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_report(driver, EVENT_LOG_REFUSED, at(0, 1, 0), "the log is a symbolic link");
    assert_told(driver, "00:01:00 firing warning LogUnreadable #1\n");
    assert_string_equal(driver->last_summary, "agent blind since 00:01, the log is a symbolic link");
    driver_report(driver, EVENT_LOG_READABLE, at(0, 5, 0), "");
    assert_told(driver, "00:05:00 resolved warning LogUnreadable #1\n");
    assert_string_equal(driver->last_summary, "agent sees the log again after 4 min");
    driver_free(driver);
}

static void a_refusal_that_is_repeated_is_told_once(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_report(driver, EVENT_LOG_REFUSED, at(0, 1, 0), "the log is a symbolic link");
    driver_report(driver, EVENT_LOG_REFUSED, at(0, 2, 0), "the log is a device");
    assert_told(driver, "00:01:00 firing warning LogUnreadable #1\n");
    driver_free(driver);
}

static void stuck_webhooks_are_a_warning_of_their_own(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_report(driver, EVENT_LOG_REFUSED, at(0, 1, 0), "the log is a FIFO");
    driver_report(driver, EVENT_WEBHOOK_STUCK, at(0, 12, 0), "slack takes nothing since 10 min");
    assert_told(driver, "00:01:00 firing warning LogUnreadable #1\n00:12:00 firing warning NotificationsStuck #2\n");
    driver_report(driver, EVENT_WEBHOOK_WELL, at(0, 20, 0), "");
    assert_told(driver, "00:20:00 resolved warning NotificationsStuck #2\n");
    driver_free(driver);
}

static void what_is_well_needs_no_word(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_report(driver, EVENT_LOG_READABLE, at(0, 1, 0), "");
    driver_report(driver, EVENT_WEBHOOK_WELL, at(0, 2, 0), "");
    assert_quiet(driver);
    driver_free(driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refused_log_is_a_warning_until_it_can_be_read),
        cmocka_unit_test(a_refusal_that_is_repeated_is_told_once),
        cmocka_unit_test(stuck_webhooks_are_a_warning_of_their_own),
        cmocka_unit_test(what_is_well_needs_no_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
