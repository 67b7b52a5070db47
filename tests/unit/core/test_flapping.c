/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flapping.h"

/* What begins again and again: it is told once as flapping, held open, and told again when it has been well for some cycles. */

static void the_fourth_time_is_told_as_flapping_and_held(void **unused)
{
    (void)unused;
    struct driver *driver = flapping_driver();
    assert_told(driver, "02:45:05 firing critical ConsecutiveFailures #4 a\n"
                        "02:45:05 escalated critical ConsecutiveFailures #4 a\n");
    assert_non_null(strstr(driver_incident(driver, 4)->summary, "a fails on and off since "));
    assert_non_null(strstr(driver_incident(driver, 4)->summary, "; 4th time in 24 h"));
    assert_non_null(
        strstr(driver->story.at, "#4 note it flaps: it is held open until it has been well for 4 cycles\n"));
    for (int64_t i = 0; i < 10; i++)
        turn(driver, at(3, 15 + 45 * i, 0));
    assert_quiet(driver);
    assert_int_equal(driver->incident_count, 4);
    assert_true(driver_incident(driver, 4)->open);
    driver_free(driver);
}

/* The success at 3:00 is in the first good cycle. */
static void it_ends_after_four_good_cycles(void **unused)
{
    (void)unused;
    struct driver *driver = flapping_driver();
    driver_told(driver);
    driver_restart(driver);
    driver_cycles(driver, at(3, 15, 0), at(3, 45, 0), seconds(10), "a=1 z=1");
    assert_quiet(driver);
    driver_cycle(driver, at(3, 45, 0), seconds(10), "a=1 z=1");
    assert_told(driver, "03:45:10 resolved critical ConsecutiveFailures #4 a\n");
    assert_null(strstr(driver->last_summary, "on and off"));
    driver_free(driver);
}

/* Critical at 2:45:05. A day later it is well again for a moment, and two cycles later it is not. */
static void of_what_flaps_people_are_reminded_a_day_later_if_it_is_not_well(void **unused)
{
    (void)unused;
    struct driver *driver = flapping_driver();
    driver->settings.notify.reminder_ms = minutes(20);
    driver_configure(driver);
    driver_told(driver);
    for (int64_t i = 0; i < 30; i++)
        turn(driver, at(3, 15 + 45 * i, 0));
    driver_cycle(driver, at(25, 45, 0), seconds(10), "a=1 z=1");
    turn(driver, at(26, 0, 0));
    driver_cycle(driver, at(26, 45, 0), seconds(10), "a=1 z=1");
    assert_quiet(driver);
    turn(driver, at(27, 0, 0));
    assert_told(driver, "27:15:05 reminder critical ConsecutiveFailures #4 a\n");
    driver_free(driver);
}

static void a_relapse_within_them_starts_the_count_anew(void **unused)
{
    (void)unused;
    struct driver *driver = flapping_driver();
    driver_cycles(driver, at(3, 15, 0), at(3, 45, 0), seconds(10), "a=1 z=1");
    turn(driver, at(3, 45, 0));
    driver_told(driver);
    driver_cycles(driver, at(4, 30, 0), at(5, 0, 0), seconds(10), "a=1 z=1");
    assert_quiet(driver);
    driver_cycle(driver, at(5, 0, 0), seconds(10), "a=1 z=1");
    assert_told(driver, "05:00:10 resolved critical ConsecutiveFailures #4 a\n");
    driver_free(driver);
}

/* The first of the four is a day old then. */
static void four_times_in_more_than_a_day_is_no_flapping(void **unused)
{
    (void)unused;
    struct driver *driver = failing_driver();
    turn(driver, at(0, 15, 0));
    driver_cycles(driver, at(1, 0, 0), at(22, 0, 0), seconds(10), "a=1 z=1");
    turn(driver, at(22, 0, 0));
    turn(driver, at(22, 45, 0));
    driver_cycles(driver, at(23, 30, 0), at(24, 15, 0), seconds(10), "a=1 z=1");
    turn(driver, at(24, 15, 0));
    assert_false(driver_incident(driver, 4)->open);
    driver_free(driver);
}

static void each_table_and_kind_flaps_by_itself(void **unused)
{
    (void)unused;
    struct driver *driver = flapping_driver();
    driver_told(driver);
    driver_cycles(driver, at(3, 15, 0), at(4, 45, 0), seconds(10), "a=1 z=1");
    driver_told(driver);
    driver_cycles(driver, at(4, 45, 0), at(5, 15, 0), seconds(10), "a=1 z=fail");
    driver_cycle(driver, at(5, 15, 0), seconds(10), "a=1 z=1");
    assert_told(driver, "05:00:10 firing critical ConsecutiveFailures #5 z\n"
                        "05:15:10 resolved critical ConsecutiveFailures #5 z\n");
    driver_free(driver);
}

/* While a flaps on, z fails in turns of its own: it joins, and that is told once. */
static void tables_that_flap_share_an_incident(void **unused)
{
    (void)unused;
    struct driver *driver = flapping_driver();
    for (int64_t i = 0; i < 4; i++) {
        driver_cycles(driver, at(4 + 2 * i, 0, 0), at(4 + 2 * i, 30, 0), seconds(10), "a=1 z=fail");
        driver_cycle(driver, at(4 + 2 * i, 30, 0), seconds(10), "a=fail z=1");
        driver_cycles(driver, at(4 + 2 * i, 45, 0), at(5 + 2 * i, 0, 0), seconds(10), "a=fail z=1");
        driver_cycles(driver, at(5 + 2 * i, 0, 0), at(6 + 2 * i, 0, 0), seconds(10), "a=1 z=1");
        if (i == 2)
            driver_told(driver);
    }
    const char *told = driver_told(driver);
    assert_null(strstr(told, "#8"));
    driver_free(driver);
}

static void without_tables_it_flaps_as_well(void **unused)
{
    (void)unused;
    struct driver *driver = failing_driver();
    for (int64_t i = 1; i < 5; i++) {
        driver_say(driver, EVENT_SCHEDULER_STOPPED, at(i, 1, 0));
        driver_start(driver, at(i, 3, 0));
        driver_cycle(driver, at(i, 3, 0), seconds(10), "a=1 z=1");
        driver_cycles(driver, at(i, 15, 0), at(i + 1, 0, 0), seconds(10), "a=1 z=1");
    }
    assert_true(strstr(driver->story.at, "#4 note it is well again, and held open because it flaps\n") != NULL);
    /* The first began at 0:17 and the second at 2:02: seven cycles, of which one is bad. */
    driver_cycles(driver, at(5, 0, 0), at(6, 0, 0), seconds(10), "a=1 z=1");
    assert_int_equal(driver_incident(driver, 4)->resolved_ms, at(5, 15, 10));
    driver_free(driver);
}

/* While it is held although all is well, it explains nothing and calls nobody. */
static void what_is_held_does_not_explain_lag(void **unused)
{
    (void)unused;
    struct driver *driver = failing_driver();
    for (int64_t i = 1; i < 5; i++) {
        driver_say(driver, EVENT_SCHEDULER_STOPPED, at(i, 1, 0));
        driver_start(driver, at(i, 3, 0));
        driver_cycles(driver, at(i, 3, 0), at(i + (i < 4), 0, 0), seconds(10), "a=1 z=1");
    }
    driver_cycle(driver, at(4, 3, 0), seconds(10), "a=1 z=1");
    driver_told(driver);
    driver_cycle(driver, at(4, 15, 0), seconds(10), "a=1");
    driver_tick(driver, at(4, 29, 0));
    assert_non_null(strstr(driver_told(driver), "firing warning LagElevated #5 z\n"));
    driver_free(driver);
}

static void where_no_cycle_completes_it_ends_after_a_day(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver->settings.notify.reminder_ms = 0;
    driver->settings.schedule.interval_ms = minutes(15);
    driver->settings.schedule.late_warning_ms = hours(1000);
    driver_configure(driver);
    for (int64_t hour = 0; hour < 6; hour++) {
        driver_fail(driver, at(hour, 0, 0), "a");
        driver_fail(driver, at(hour, 15, 0), "a");
        driver_ok(driver, at(hour, 30, 0), "a", 100);
    }
    driver_ok(driver, at(29, 30, 0) - 1, "a", 100);
    driver_told(driver);
    driver_tick(driver, at(29, 30, 0));
    assert_string_equal(driver_told(driver) + strlen("29:30:00 "), "resolved critical ConsecutiveFailures #7 a\n");
    assert_int_equal(driver_incident(driver, 7)->resolved_ms, at(29, 30, 0));
    driver_free(driver);
}

static void a_kind_escalates_once_a_day(void **unused)
{
    (void)unused;
    struct driver *driver = failing_driver();
    driver->settings.notify.escalation_ms = minutes(30);
    driver->settings.detect.flapping_opens = 1000;
    driver_configure(driver);
    for (int64_t hour = 1; hour < 12; hour++) {
        turn(driver, at(hour, 0, 0));
        driver_cycle(driver, at(hour, 45, 0), seconds(10), "a=1 z=1");
    }
    int64_t escalated = 0;
    for (const char *c = driver_told(driver); (c = strstr(c, "escalated critical ConsecutiveFailures")); c++)
        escalated++;
    assert_int_equal(escalated, 1);
    /* One that is still open when the day is over escalates then. The fourth turn's second failure was at 4:15:05. */
    driver_cycles(driver, at(12, 0, 0), at(28, 30, 0), seconds(10), "a=fail z=1");
    assert_non_null(strstr(driver_told(driver), "28:15:05 escalated critical ConsecutiveFailures #13 a\n"));
    driver_free(driver);
}

/* a, b and c have had one incident each today. What begins a second time flaps, what begins for the first time does not. */
static void where_a_kind_opens_for_the_fourth_time_a_second_time_flaps(void **unused)
{
    (void)unused;
    static const char *const runs[] = { "a=fail b=1 c=1 z=1", "a=1 b=fail c=1 z=1", "a=1 b=1 c=fail z=1",
                                        "a=1 b=1 c=1 z=fail", "a=fail b=1 c=1 z=1" };
    struct driver *driver = failing_driver();
    driver_cycles(driver, at(0, 15, 0), at(1, 0, 0), seconds(10), "a=1 b=1 c=1 z=1");
    for (int64_t i = 0; i < 5; i++) {
        driver_cycles(driver, at(2 * i + 1, 0, 0), at(2 * i + 1, 30, 0), seconds(10), runs[i]);
        driver_cycles(driver, at(2 * i + 1, 30, 0), at(2 * i + 3, 0, 0), seconds(10), "a=1 b=1 c=1 z=1");
    }
    assert_null(strstr(driver_incident(driver, 4)->summary, "on and off"));
    assert_int_equal(driver_incident(driver, 4)->resolved_ms, at(7, 30, 10));
    assert_non_null(strstr(driver->story.at, "; 2nd time in 24 h; told when well for 4 cycles"));
    /* Its last turn was eight hours ago: nothing is bridged that is longer than two. */
    assert_int_equal(driver_incident(driver, 5)->resolved_ms, at(10, 15, 10));
    driver_free(driver);
}

/* Its beginnings lie an hour and a half apart, of which four cycles are good. It is held for five, and so does not end at each turn. */
static void what_flaps_slowly_is_held_for_as_long_as_its_turns_last(void **unused)
{
    (void)unused;
    struct driver *driver = failing_driver();
    for (int64_t i = 0; i < 12; i++) {
        turn(driver, at(0, 15 + 90 * i, 0));
        driver_cycles(driver, at(0, 60 + 90 * i, 0), at(0, 105 + 90 * i, 0), seconds(10), "a=1 z=1");
    }
    assert_int_equal(driver->incident_count, 4);
    assert_true(driver_incident(driver, 4)->open);
    assert_non_null(strstr(driver->story.at, "; 4th time in 24 h; told when well for 5 cycles"));
    driver_cycle(driver, at(18, 15, 0), seconds(10), "a=1 z=1");
    assert_int_equal(driver_incident(driver, 4)->resolved_ms, at(18, 15, 10));
    driver_free(driver);
}

/* It was well for its four cycles, was told so, and flaps on: then it is held for longer, up to six hours, and after that up to a day. */
static void what_flaps_on_after_its_end_must_be_well_for_longer(void **unused)
{
    (void)unused;
    struct driver *driver = flapping_driver();
    driver_cycles(driver, at(3, 15, 0), at(8, 30, 0), seconds(10), "a=1 z=1");
    assert_int_equal(driver_incident(driver, 4)->resolved_ms, at(3, 45, 10));
    turn(driver, at(8, 30, 0));
    driver_restart(driver);
    assert_non_null(strstr(driver->last_summary, "5th time in 24 h; told when well for 23 cycles"));
    driver_cycles(driver, at(9, 15, 0), at(14, 30, 0), seconds(10), "a=1 z=1");
    assert_true(driver_incident(driver, 5)->open);
    driver_cycle(driver, at(14, 30, 0), seconds(10), "a=1 z=1");
    assert_int_equal(driver_incident(driver, 5)->resolved_ms, at(14, 30, 10));
    driver_cycle(driver, at(14, 45, 0), seconds(10), "a=1 z=1");
    turn(driver, at(15, 0, 0));
    assert_non_null(strstr(driver->last_summary, "told when well for 25 cycles"));
    driver_free(driver);
}

/* The ends of incidents that flapped count for a day. */
static void a_day_later_four_cycles_are_enough_again(void **unused)
{
    (void)unused;
    struct driver *driver = flapping_driver();
    driver_cycles(driver, at(3, 15, 0), at(28, 0, 0), seconds(10), "a=1 z=1");
    for (int64_t i = 0; i < 4; i++)
        turn(driver, at(28, 45 * i, 0));
    assert_non_null(strstr(driver->story.at, "#8 opened a fails on and off since 06:00; 4th time in 24 h; "
                                             "told when well for 4 cycles"));
    driver_free(driver);
}

/* While a flaps, z does so too, and joins it. That is told four hours after people were last told of it. */
static void what_joins_one_that_flaps_is_named_every_four_hours(void **unused)
{
    (void)unused;
    struct driver *driver = flapping_driver();
    driver_told(driver);
    driver_cycles(driver, at(3, 15, 0), at(3, 45, 0), seconds(10), "a=fail z=fail");
    driver_cycle(driver, at(3, 45, 0), seconds(10), "a=fail z=1");
    assert_told(driver, "03:30:10 firing critical ConsecutiveFailures #5 z\n"
                        "03:45:10 resolved critical ConsecutiveFailures #5 z\n");
    driver_cycles(driver, at(4, 0, 0), at(6, 45, 0), seconds(10), "a=fail z=fail");
    driver_restart(driver);
    driver_tick(driver, at(6, 45, 5) - 1);
    assert_quiet(driver);
    driver_tick(driver, at(6, 45, 5));
    assert_told(driver, "06:45:05 firing critical ConsecutiveFailures #4 a,z\n");
    driver_cycle(driver, at(6, 45, 10), seconds(10), "a=fail z=fail");
    driver_cycles(driver, at(7, 0, 0), at(20, 0, 0), seconds(10), "a=fail z=fail");
    assert_quiet(driver);
    driver_free(driver);
}

/* z was well for more than four hours within it: that it fails again is told, twelve hours after the last update, at 6:45. */
static void a_late_relapse_in_one_that_flaps_is_told(void **unused)
{
    (void)unused;
    struct driver *driver = flapping_driver();
    driver_cycles(driver, at(3, 15, 0), at(3, 45, 0), seconds(10), "a=fail z=fail");
    driver_cycle(driver, at(3, 45, 0), seconds(10), "a=fail z=1");
    driver_cycles(driver, at(4, 0, 0), at(9, 0, 0), seconds(10), "a=fail z=fail");
    driver_cycles(driver, at(9, 0, 0), at(15, 15, 0), seconds(10), "a=fail z=1");
    driver_told(driver);
    driver_cycles(driver, at(15, 15, 0), at(18, 45, 0), seconds(10), "a=fail z=fail");
    assert_quiet(driver);
    driver_cycles(driver, at(18, 45, 0), at(19, 0, 0), seconds(10), "a=fail z=fail");
    assert_told(driver, "18:45:05 firing critical ConsecutiveFailures #4 a,z\n");
    driver_cycle(driver, at(19, 0, 0), seconds(10), "a=fail z=1");
    driver_cycles(driver, at(19, 15, 0), at(23, 0, 0), seconds(10), "a=fail z=fail"); /* soon: no news */
    assert_quiet(driver);
    driver_free(driver);
}

/* A cycle of the tables a to f, of which one (-1: none) fails saying this. */
static void cycle_of_six(struct driver *driver, int64_t at_ms, int64_t bad, const char *said)
{
    driver_begin(driver, at_ms);
    for (int64_t i = 0; i < 6; i++) {
        const char name[] = { (char)('a' + i), '\0' };
        driver_run(driver, at_ms + seconds(i), name);
        if (i == bad)
            driver_fail_saying(driver, at_ms + seconds(i), name, 1, said);
        else
            driver_ok(driver, at_ms + seconds(i), name, 100);
    }
    driver_end(driver, at_ms + seconds(6));
}

/* Each table fails twice because memory runs out, an hour after the one before. The fourth time that is one trouble, which flaps. */
static void one_cause_that_goes_from_table_to_table_flaps(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_start(driver, at(0, 0, 0));
    for (int64_t slot = 0; slot < 4; slot++)
        cycle_of_six(driver, at(0, 15 * slot, 0), -1, NULL);
    for (int64_t i = 0; i < 6; i++)
        for (int64_t slot = 0; slot < 4; slot++)
            cycle_of_six(driver, at(1 + i, 15 * slot, 0), slot < 2 ? i : -1,
                         i == 5 ? "duplicate key value violates unique constraint" : "OutOfMemoryError");
    assert_non_null(
        strstr(driver->story.at, "#4 note it flaps: it is held open until it has been well for 4 cycles\n"));
    assert_non_null(strstr(driver_incident(driver, 4)->summary, "2 tables flow again"));
    assert_non_null(strstr(driver->story.at, "Spark ran out of memory; 4th time in 24 h"));
    assert_int_equal(driver->incident_count, 5); /* another cause is another incident, and does not flap */
    assert_string_equal(driver_incident(driver, 5)->table, "f");
    assert_int_equal(driver_incident(driver, 5)->resolved_ms, at(6, 30, 5));
    driver_free(driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fourth_time_is_told_as_flapping_and_held),
        cmocka_unit_test(it_ends_after_four_good_cycles),
        cmocka_unit_test(of_what_flaps_people_are_reminded_a_day_later_if_it_is_not_well),
        cmocka_unit_test(a_relapse_within_them_starts_the_count_anew),
        cmocka_unit_test(four_times_in_more_than_a_day_is_no_flapping),
        cmocka_unit_test(each_table_and_kind_flaps_by_itself),
        cmocka_unit_test(tables_that_flap_share_an_incident),
        cmocka_unit_test(without_tables_it_flaps_as_well),
        cmocka_unit_test(what_is_held_does_not_explain_lag),
        cmocka_unit_test(where_no_cycle_completes_it_ends_after_a_day),
        cmocka_unit_test(a_kind_escalates_once_a_day),
        cmocka_unit_test(where_a_kind_opens_for_the_fourth_time_a_second_time_flaps),
        cmocka_unit_test(what_flaps_slowly_is_held_for_as_long_as_its_turns_last),
        cmocka_unit_test(what_flaps_on_after_its_end_must_be_well_for_longer),
        cmocka_unit_test(a_day_later_four_cycles_are_enough_again),
        cmocka_unit_test(what_joins_one_that_flaps_is_named_every_four_hours),
        cmocka_unit_test(a_late_relapse_in_one_that_flaps_is_told),
        cmocka_unit_test(one_cause_that_goes_from_table_to_table_flaps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
