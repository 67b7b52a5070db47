/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.c"

/* A log that is missing, deleted or not understood: when it is an incident, and when that is over. */

static void report(struct driver *driver, enum event_kind kind, int64_t at_ms, int64_t number, const char *text)
{
    driver_feed(driver, (struct event){
                            .kind = kind, .time_ms = at_ms, .offset = -1, .number = number, .text = slice_of(text) });
}

static const char *blind(const struct driver *driver, enum blind_reason reason)
{
    return engine_blind_words(driver->engine, reason);
}

static void a_missing_log_is_a_warning_after_one_interval_and_critical_after_three(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    report(driver, EVENT_LOG_MISSING, at(0, 0, 0), 0, "the log is missing: there is no file /a.log");
    assert_string_equal(blind(driver, BLIND_MISSING), "the log is missing: there is no file /a.log");
    driver_tick(driver, at(0, 14, 59));
    assert_quiet(driver);
    driver_restart(driver);
    report(driver, EVENT_LOG_MISSING, at(0, 14, 59), 0, "the log is missing: there is no file /a.log");
    driver_tick(driver, at(0, 15, 0));
    assert_told(driver, "00:15:00 firing warning LogUnreadable #1\n");
    assert_string_equal(driver->last_summary,
                        "agent blind since 00:00 (15 min), the log is missing: there is no file /a.log");
    driver_restart(driver);
    driver_tick(driver, at(0, 44, 59));
    assert_quiet(driver);
    driver_tick(driver, at(0, 45, 0));
    assert_told(driver, "00:45:00 firing critical LogUnreadable #1\n");
    report(driver, EVENT_LOG_READABLE, at(0, 50, 0), 0, "");
    assert_told(driver, "00:50:00 resolved critical LogUnreadable #1\n");
    assert_null(blind(driver, BLIND_MISSING));
    driver_free(driver);
}

static void a_log_that_comes_within_the_interval_is_no_news(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    report(driver, EVENT_LOG_MISSING, at(0, 0, 0), 0, "missing");
    report(driver, EVENT_LOG_READABLE, at(0, 14, 0), 0, "");
    report(driver, EVENT_LOG_MISSING, at(0, 14, 30), 0, "missing");
    driver_tick(driver, at(0, 29, 29));
    assert_quiet(driver);
    driver_free(driver);
}

static void the_interval_is_the_schedules(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_say(driver, EVENT_SCHEDULER_STARTED, at(0, 0, 0));
    driver_feed(driver, (struct event){ .kind = EVENT_SCHEDULE, .time_ms = at(0, 0, 0), .duration_ms = minutes(60) });
    driver_cycle(driver, at(0, 0, 0), seconds(10), "a=1");
    report(driver, EVENT_LOG_MISSING, at(0, 5, 0), 0, "missing");
    driver_tick(driver, at(1, 0, 30));
    assert_quiet(driver);
    driver_tick(driver, at(1, 5, 0));
    assert_non_null(strstr(driver_told(driver), "01:05:00 firing warning LogUnreadable"));
    driver_free(driver);
}

static void a_slept_night_makes_no_log_missing(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    report(driver, EVENT_LOG_MISSING, at(0, 0, 0), 0, "missing");
    driver_resumed(driver, at(8, 0, 0), hours(8) - minutes(1));
    driver_tick(driver, at(8, 13, 59));
    assert_quiet(driver);
    driver_tick(driver, at(8, 14, 0));
    assert_told(driver, "08:14:00 firing warning LogUnreadable #1\n");
    driver_free(driver);
}

/* Somebody may delete the log and then restart its writer. */
static void a_deleted_log_is_a_warning_after_a_minute(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    report(driver, EVENT_LOG_DELETED, at(0, 0, 0), 0, "the log was deleted");
    driver_tick(driver, at(0, 0, 59));
    assert_quiet(driver);
    report(driver, EVENT_LOG_READABLE, at(0, 0, 59), 0, "");
    report(driver, EVENT_LOG_DELETED, at(0, 2, 0), 0, "the log was deleted");
    driver_tick(driver, at(0, 3, 0));
    assert_told(driver, "00:03:00 firing warning LogUnreadable #1\n");
    driver_tick(driver, at(3, 0, 0));
    assert_quiet(driver);
    report(driver, EVENT_LOG_READABLE, at(3, 0, 0), 0, "");
    assert_told(driver, "03:00:00 resolved warning LogUnreadable #1\n");
    driver_free(driver);
}

/* The writer of a deleted log died: then there is no log at all, which is counted anew. */
static void one_state_of_the_file_follows_another(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    report(driver, EVENT_LOG_DELETED, at(0, 0, 0), 0, "deleted");
    driver_tick(driver, at(0, 5, 0));
    report(driver, EVENT_LOG_MISSING, at(0, 5, 0), 0, "missing");
    driver_told(driver);
    assert_null(blind(driver, BLIND_DELETED));
    assert_non_null(blind(driver, BLIND_MISSING));
    report(driver, EVENT_LOG_REFUSED, at(0, 10, 0), 0, "refused");
    assert_null(blind(driver, BLIND_MISSING));
    assert_told(driver, "00:10:00 firing warning LogUnreadable #2\n");
    driver_free(driver);
}

static void fifty_lines_without_meaning_are_enough_at_the_first(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    report(driver, EVENT_LINES_UNKNOWN, at(0, 0, 0), 1, "1 line");
    report(driver, EVENT_LINES_UNKNOWN, at(0, 0, 1), 49, "49 lines");
    assert_quiet(driver);
    assert_null(blind(driver, BLIND_NOT_UNDERSTOOD));
    report(driver, EVENT_LINES_UNKNOWN, at(0, 0, 2), 50, "50 lines came, and none is understood");
    assert_told(driver, "00:00:02 firing warning LogUnreadable #1\n");
    assert_string_equal(blind(driver, BLIND_NOT_UNDERSTOOD), "50 lines came, and none is understood");
    report(driver, EVENT_LINES_KNOWN, at(0, 1, 0), 0, "");
    assert_told(driver, "00:01:00 resolved warning LogUnreadable #1\n");
    driver_free(driver);
}

static void a_single_line_without_meaning_is_one_after_an_interval(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    report(driver, EVENT_LINES_UNKNOWN, at(0, 0, 0), 1, "1 line");
    driver_restart(driver);
    driver_tick(driver, at(0, 14, 59));
    assert_quiet(driver);
    driver_tick(driver, at(0, 15, 0));
    assert_told(driver, "00:15:00 firing warning LogUnreadable #1\n");
    driver_free(driver);
}

/* Another program may write into the log of a scheduler that is only silent. */
static void a_log_that_was_understood_is_given_more_time(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new_healthy();
    report(driver, EVENT_LINES_UNKNOWN, at(0, 1, 0), 9, "9 lines");
    driver_cycle(driver, at(0, 15, 0), seconds(10), "a=1");
    report(driver, EVENT_LINES_KNOWN, at(0, 15, 10), 0, "");
    report(driver, EVENT_LINES_UNKNOWN, at(0, 16, 0), 500, "500 lines");
    driver_tick(driver, at(0, 30, 30));
    assert_quiet(driver);
    driver_tick(driver, at(0, 31, 59));
    assert_null(strstr(driver_told(driver), "LogUnreadable"));
    driver_tick(driver, at(0, 32, 0));
    assert_told(driver, "00:32:00 firing critical SchedulerDown #1\n00:32:00 firing warning LogUnreadable #2\n");
    driver_free(driver);
}

static void a_few_foreign_lines_behind_a_dead_scheduler_are_no_news(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new_down(0, 0);
    report(driver, EVENT_LINES_UNKNOWN, at(0, 20, 0), 9, "9 lines");
    driver_tick(driver, at(9, 0, 0));
    assert_null(strstr(driver_told(driver), "LogUnreadable"));
    driver_free(driver);
}

/* It ends when the last reason does. */
static void several_reasons_are_one_incident(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    report(driver, EVENT_LINES_UNKNOWN, at(0, 0, 0), 50, "50 lines");
    report(driver, EVENT_LOG_DELETED, at(0, 0, 0), 0, "deleted");
    driver_tick(driver, at(0, 1, 0));
    assert_told(driver, "00:00:00 firing warning LogUnreadable #1\n");
    report(driver, EVENT_LINES_KNOWN, at(0, 2, 0), 0, "");
    assert_quiet(driver);
    driver_restart(driver);
    report(driver, EVENT_LOG_READABLE, at(0, 3, 0), 0, "");
    assert_told(driver, "00:03:00 resolved warning LogUnreadable #1\n");
    driver_free(driver);
}

static void whether_anything_was_ever_understood_is_known(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    report(driver, EVENT_LINES_UNKNOWN, at(0, 0, 0), 50, "50 lines");
    assert_false(engine_has_heard(driver->engine));
    driver_say(driver, EVENT_CYCLE_STARTED, at(0, 0, 1));
    driver_restart(driver);
    assert_true(engine_has_heard(driver->engine));
    driver_free(driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_missing_log_is_a_warning_after_one_interval_and_critical_after_three),
        cmocka_unit_test(a_log_that_comes_within_the_interval_is_no_news),
        cmocka_unit_test(the_interval_is_the_schedules),
        cmocka_unit_test(a_slept_night_makes_no_log_missing),
        cmocka_unit_test(a_deleted_log_is_a_warning_after_a_minute),
        cmocka_unit_test(one_state_of_the_file_follows_another),
        cmocka_unit_test(fifty_lines_without_meaning_are_enough_at_the_first),
        cmocka_unit_test(a_single_line_without_meaning_is_one_after_an_interval),
        cmocka_unit_test(a_log_that_was_understood_is_given_more_time),
        cmocka_unit_test(a_few_foreign_lines_behind_a_dead_scheduler_are_no_news),
        cmocka_unit_test(several_reasons_are_one_incident),
        cmocka_unit_test(whether_anything_was_ever_understood_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
