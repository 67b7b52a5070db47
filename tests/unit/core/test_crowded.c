/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.c"

/* How often people are told: what goes out at once, what waits for room in the hour, and what is told together. */

enum { TABLES = 20 };

/* One that knows many tables, and nothing else. */
static struct driver *crowd(void)
{
    struct driver *driver = driver_new();
    driver->settings.notify.escalation_ms = hours(1000);
    driver->settings.notify.reminder_ms = 0;
    driver->settings.detect.lag_warning_ms = hours(1000);
    driver->settings.detect.lag_critical_ms = hours(1000);
    driver->settings.schedule.late_warning_ms = hours(1000);
    driver_configure(driver);
    driver_begin(driver, at(0, 0, 0));
    for (int i = 0; i < TABLES; i++)
        driver_ok(driver, at(0, 0, 0), (char[]){ (char)('a' + i), '\0' }, 1);
    driver_end(driver, at(0, 0, 1));
    driver->engine->announcer.escalated_ms[KIND_FAILURES] = at(0, 0, 0); /* no more of that today */
    return driver;
}

/* An incident of its own for the table with this index: the onsets lie far apart. */
static void raise(struct driver *driver, size_t table, enum severity severity)
{
    incidents_raise(&driver->engine->incidents, &(struct finding){ .kind = KIND_FAILURES,
                                                                   .severity = severity,
                                                                   .table = &driver->engine->tables.at[table],
                                                                   .onset_ms = at((int64_t)table, 0, 0),
                                                                   .what = "x" });
    engine_configure(driver->engine, &driver->settings); /* deadlines are looked for anew */
}

static void clear(struct driver *driver, size_t table)
{
    incidents_clear(&driver->engine->incidents, KIND_FAILURES, &driver->engine->tables.at[table]);
    engine_configure(driver->engine, &driver->settings);
}

/* Warnings of the tables with these indexes, from 0:01:00 on, a second apart. */
static void warn(struct driver *driver, size_t from, size_t to)
{
    for (size_t table = from; table < to; table++) {
        driver_tick(driver, at(0, 1, (int64_t)table));
        raise(driver, table, SEVERITY_WARNING);
    }
}

static const char six_warnings[] =
    "00:01:00 firing warning ConsecutiveFailures #1 a\n00:01:01 firing warning ConsecutiveFailures #2 b\n"
    "00:01:02 firing warning ConsecutiveFailures #3 c\n00:01:03 firing warning ConsecutiveFailures #4 d\n"
    "00:01:04 firing warning ConsecutiveFailures #5 e\n00:01:05 firing warning ConsecutiveFailures #6 f\n";

static void six_warnings_are_told_and_the_others_together(void **unused)
{
    (void)unused;
    struct driver *driver = crowd();
    warn(driver, 0, 8);
    assert_told(driver, six_warnings);
    assert_non_null(strstr(driver->story.at, "#7 note held back"));
    assert_null(strstr(driver->story.at, "#6 note held back"));
    driver_tick(driver, at(1, 1, 0) - 1);
    assert_quiet(driver);
    driver_tick(driver, at(1, 1, 0));
    assert_told(driver, "01:01:00 firing warning ConsecutiveFailures #7 g (with others)\n"
                        "01:01:00 firing warning ConsecutiveFailures #8 h (with others)\n"
                        "01:01:00 firing warning ConsecutiveFailures #7 g (for all)\n");
    assert_non_null(strstr(driver->last_summary, "2 incidents: g: x since 06:00"));
    assert_non_null(strstr(driver->last_summary, "\nwarning #7: g: x since 06:00\nwarning #8: h: x since 07:00"));
    assert_non_null(strstr(driver->story.at, "#8 notified firing warning, together with others"));
    driver_tick(driver, at(9, 0, 0));
    assert_quiet(driver);
    driver_free(driver);
}

static void a_single_one_that_waited_is_told_as_itself(void **unused)
{
    (void)unused;
    struct driver *driver = crowd();
    warn(driver, 0, 7);
    driver_told(driver);
    driver_tick(driver, at(2, 0, 0));
    assert_told(driver, "01:01:00 firing warning ConsecutiveFailures #7 g\n");
    driver_free(driver);
}

static void criticals_and_ends_wait_for_no_room_and_take_none(void **unused)
{
    (void)unused;
    struct driver *driver = crowd();
    for (size_t table = 8; table < 16; table++)
        raise(driver, table, SEVERITY_CRITICAL);
    for (size_t table = 8; table < 16; table++)
        clear(driver, table);
    driver_told(driver);
    assert_int_equal(driver->notifications, 16);
    warn(driver, 0, 7);
    assert_told(
        driver,
        "00:01:00 firing warning ConsecutiveFailures #9 a\n00:01:01 firing warning ConsecutiveFailures #10 b\n"
        "00:01:02 firing warning ConsecutiveFailures #11 c\n00:01:03 firing warning ConsecutiveFailures #12 d\n"
        "00:01:04 firing warning ConsecutiveFailures #13 e\n00:01:05 firing warning ConsecutiveFailures #14 f\n");
    raise(driver, 0, SEVERITY_CRITICAL); /* was told as a warning */
    raise(driver, 6, SEVERITY_CRITICAL); /* waited as a warning */
    raise(driver, 17, SEVERITY_CRITICAL);
    clear(driver, 1);
    assert_told(
        driver,
        "00:01:06 firing critical ConsecutiveFailures #9 a\n00:01:06 firing critical ConsecutiveFailures #15 g\n"
        "00:01:06 firing critical ConsecutiveFailures #16 r\n00:01:06 resolved warning ConsecutiveFailures #10 b\n");
    driver_tick(driver, at(9, 0, 0));
    assert_quiet(driver);
    driver_free(driver);
}

/* It began and ended while six others filled the hour: no message is lost. */
static void what_ended_while_it_waited_is_told_with_its_end(void **unused)
{
    (void)unused;
    struct driver *driver = crowd();
    warn(driver, 0, 9);
    driver_told(driver);
    driver_tick(driver, at(0, 20, 0));
    clear(driver, 6);
    clear(driver, 7);
    driver_restart(driver);
    for (int64_t minute = 15; minute < 50; minute += 5) /* enough good cycles to verify a recovery that was told */
        driver_cycle(driver, at(0, minute + 10, 0), seconds(10), "t=1");
    assert_quiet(driver);
    driver_tick(driver, at(1, 1, 0));
    assert_told(driver, "01:01:00 firing warning ConsecutiveFailures #7 g (with others)\n"
                        "01:01:00 resolved warning ConsecutiveFailures #7 g (with others)\n"
                        "01:01:00 firing warning ConsecutiveFailures #8 h (with others)\n"
                        "01:01:00 resolved warning ConsecutiveFailures #8 h (with others)\n"
                        "01:01:00 firing warning ConsecutiveFailures #9 i (with others)\n"
                        "01:01:00 firing warning ConsecutiveFailures #9 i (for all)\n");
    assert_non_null(strstr(driver->last_summary, "\nresolved #7: g flows again after 0.0 s\nresolved #8: "));
    driver_free(driver);
}

static void what_ended_under_a_silence_is_not_told_although_it_had_waited(void **unused)
{
    (void)unused;
    struct driver *driver = crowd();
    warn(driver, 0, 7);
    driver_told(driver);
    driver_silence(driver, at(3, 0, 0));
    driver_tick(driver, at(0, 20, 0));
    clear(driver, 6);
    driver_tick(driver, at(9, 0, 0));
    assert_quiet(driver);
    driver_free(driver);
}

/* After an outage of the agent itself, say. */
static void many_that_are_due_at_once_are_told_at_once_in_one_message(void **unused)
{
    (void)unused;
    struct driver *driver = crowd();
    engine_catch_up(driver->engine);
    warn(driver, 0, 7);
    raise(driver, 8, SEVERITY_CRITICAL);
    assert_quiet(driver);
    engine_go_live(driver->engine);
    const char *told = driver_told(driver);
    assert_non_null(strstr(told, "00:01:06 firing critical ConsecutiveFailures #8 i\n"));
    assert_non_null(strstr(told, "00:01:06 firing warning ConsecutiveFailures #7 g (with others)\n"));
    assert_non_null(strstr(told, "00:01:06 firing warning ConsecutiveFailures #1 a (for all)\n"));
    warn(driver, 10, 15); /* one place is taken */
    const char *more = driver_told(driver);
    assert_null(strstr(more, "with others"));
    assert_non_null(strstr(more, "#13 o\n"));
    driver_free(driver);
}

static void a_combined_message_names_no_more_than_twenty(void **unused)
{
    (void)unused;
    struct driver *driver = crowd();
    engine_catch_up(driver->engine);
    for (size_t table = 0; table < TABLES; table++) {
        raise(driver, table, SEVERITY_WARNING);
        incidents_raise(&driver->engine->incidents, &(struct finding){ .kind = KIND_THROUGHPUT,
                                                                       .severity = SEVERITY_WARNING,
                                                                       .table = &driver->engine->tables.at[table],
                                                                       .onset_ms = at((int64_t)table, 0, 0),
                                                                       .what = "y" });
    }
    engine_go_live(driver->engine);
    assert_int_equal(driver->last.hearing, HEARD_AS_COMBINED);
    assert_int_equal(driver->notifications, 41);
    driver_free(driver);
}

static void reminders_wait_for_room_too(void **unused)
{
    (void)unused;
    struct driver *driver = crowd();
    driver->settings.notify.reminder_ms = minutes(10);
    driver_configure(driver);
    raise(driver, 8, SEVERITY_CRITICAL);
    driver_tick(driver, at(0, 9, 0));
    for (size_t table = 0; table < 6; table++)
        raise(driver, table, SEVERITY_WARNING);
    driver_told(driver);
    driver_tick(driver, at(1, 9, 0) - 1);
    assert_quiet(driver);
    driver_tick(driver, at(1, 9, 0));
    assert_told(driver, "01:09:00 reminder critical ConsecutiveFailures #1 i\n");
    driver_free(driver);
}

static void a_short_schedule_has_a_short_hour(void **unused)
{
    (void)unused;
    struct driver *driver = crowd();
    driver->settings.schedule.interval_ms = 500;
    driver_configure(driver);
    warn(driver, 0, 8);
    driver_tick(driver, at(0, 2, 0));
    assert_null(strstr(driver_told(driver), "with others"));
    assert_int_equal(driver->notifications, 8);
    driver_free(driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(six_warnings_are_told_and_the_others_together),
        cmocka_unit_test(a_single_one_that_waited_is_told_as_itself),
        cmocka_unit_test(criticals_and_ends_wait_for_no_room_and_take_none),
        cmocka_unit_test(what_ended_while_it_waited_is_told_with_its_end),
        cmocka_unit_test(what_ended_under_a_silence_is_not_told_although_it_had_waited),
        cmocka_unit_test(many_that_are_due_at_once_are_told_at_once_in_one_message),
        cmocka_unit_test(a_combined_message_names_no_more_than_twenty),
        cmocka_unit_test(reminders_wait_for_room_too),
        cmocka_unit_test(a_short_schedule_has_a_short_hour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
