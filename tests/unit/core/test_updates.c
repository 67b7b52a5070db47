/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.c"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Updates: what joins an incident that was told, and what relapses in one that another table keeps open. */

static struct driver *patient(const char *runs)
{
    struct driver *driver = driver_new();
    driver->settings.detect.lag_warning_ms = hours(999);
    driver->settings.detect.lag_critical_ms = hours(1000);
    driver->settings.notify.reminder_ms = 0;
    driver->settings.notify.escalation_ms = hours(1000);
    driver_configure(driver);
    driver_start(driver, at(0, 0, 0));
    driver_cycle(driver, at(0, 0, 0), seconds(12), runs);
    return driver;
}

static void refuse_all(struct driver *driver, int64_t at_ms, int64_t count)
{
    driver_begin(driver, at_ms);
    for (int64_t i = 0; i < count; i++) {
        const char *name = (char[]){ (char)('a' + i), '\0' };
        driver_run(driver, at_ms + seconds(i), name);
        driver_fail_saying(driver, at_ms + seconds(i + 1), name, 1, "Connection refused");
    }
    driver_end(driver, at_ms + seconds(count));
}

/* The first page names one table, and a few seconds later all are named, by what they have in common. */
static void twelve_tables_behind_one_component_are_named_at_the_cycles_end(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_start(driver, at(0, 0, 0));
    driver_cycle(driver, at(0, 0, 0), seconds(12), "a=1 b=1 c=1 d=1 e=1 f=1 g=1 h=1 i=1 j=1 k=1 l=1");
    refuse_all(driver, at(0, 15, 0), 12);
    assert_quiet(driver);
    refuse_all(driver, at(0, 30, 0), 12);
    assert_told(driver, "00:30:01 firing critical ConsecutiveFailures #1 a\n"
                        "00:30:12 firing critical ConsecutiveFailures #1 a,b,c,d,e,f,g,h,i,j,k,l\n");
    assert_non_null(
        strstr(driver->last_summary, "no new data for 12 of 12 tables since 00:00 (30 min), ClickHouse unreachable"));
    refuse_all(driver, at(0, 45, 0), 12);
    assert_quiet(driver);
    driver_free(driver);
}

static void each_cycle_that_adds_tables_tells_them_once(void **unused)
{
    (void)unused;
    struct driver *driver = patient("a=1 b=1 c=1 d=1");
    driver_cycle(driver, at(0, 15, 0), seconds(12), "a=fail b=fail c=1 d=1");
    driver_cycle(driver, at(0, 30, 0), seconds(12), "a=fail b=fail c=fail d=fail");
    assert_told(driver, "00:30:03 firing warning ConsecutiveFailures #1 a\n"
                        "00:30:12 firing warning ConsecutiveFailures #1 a,b\n");
    driver_restart(driver);
    driver_cycle(driver, at(0, 45, 0), seconds(12), "c=fail d=fail a=1 b=1");
    assert_told(driver, "00:45:12 firing warning ConsecutiveFailures #1 a,b,c,d\n");
    assert_non_null(strstr(driver->last_summary, "no new data for 2 of 4 tables since 00:00 (45 min)"));
    assert_non_null(strstr(driver->last_summary, "; 2 others well again"));
    driver_free(driver);
}

/* Who is named by the turn to critical needs no update. */
static void what_was_named_meanwhile_is_not_told_again(void **unused)
{
    (void)unused;
    struct driver *driver = patient("a=1 b=1 c=1");
    driver_cycle(driver, at(0, 15, 0), seconds(12), "a=fail b=fail c=1");
    driver_cycle(driver, at(0, 30, 0), seconds(12), "a=fail b=fail c=fail");
    driver_told(driver);
    driver_cycle(driver, at(0, 45, 0), seconds(12), "c=fail a=fail b=fail");
    assert_told(driver, "00:45:08 firing critical ConsecutiveFailures #1 a,b,c\n");
    driver_free(driver);
}

static void who_joined_and_left_within_a_cycle_is_not_told(void **unused)
{
    (void)unused;
    struct driver *driver = patient("a=1 b=1");
    driver_cycle(driver, at(0, 15, 0), seconds(12), "a=fail b=fail");
    driver_begin(driver, at(0, 30, 0));
    driver_fail(driver, at(0, 30, 1), "a");
    driver_fail(driver, at(0, 30, 2), "b");
    driver_ok(driver, at(0, 30, 3), "b", 1);
    driver_end(driver, at(0, 30, 4));
    assert_told(driver, "00:30:01 firing warning ConsecutiveFailures #1 a\n");
    driver_free(driver);
}

/* An aborted cycle has an end as well. */
static void a_crash_ends_the_cycle(void **unused)
{
    (void)unused;
    struct driver *driver = patient("a=1 b=1");
    driver_cycle(driver, at(0, 15, 0), seconds(12), "a=fail b=fail");
    driver_begin(driver, at(0, 30, 0));
    driver_fail(driver, at(0, 30, 1), "a");
    driver_fail(driver, at(0, 30, 2), "b");
    driver_say(driver, EVENT_SCHEDULER_CRASHED, at(0, 30, 3));
    assert_non_null(strstr(driver_told(driver), "00:30:03 firing warning ConsecutiveFailures #1 a,b\n"));
    driver_free(driver);
}

/* A cycle that hangs does not hold the names back for more than an hour, and a restart does not either. */
static void a_cycle_without_end_does_not_hold_names_back(void **unused)
{
    (void)unused;
    struct driver *driver = patient("a=1 b=1");
    driver->settings.detect.cycle_slow_ms = driver->settings.schedule.hang_grace_ms = hours(99);
    driver_configure(driver);
    driver_cycle(driver, at(0, 15, 0), seconds(12), "a=fail b=fail");
    driver_begin(driver, at(0, 30, 0));
    driver_fail(driver, at(0, 30, 1), "a");
    driver_fail(driver, at(0, 30, 2), "b");
    driver_restart(driver);
    driver_tick(driver, at(1, 30, 2) - 1);
    assert_told(driver, "00:30:01 firing warning ConsecutiveFailures #1 a\n");
    driver_tick(driver, at(1, 30, 2));
    assert_told(driver, "01:30:02 firing warning ConsecutiveFailures #1 a,b\n");
    driver_free(driver);
}

/* Without cycles it is told when nothing has come for as long as a burst may last, a minute. */
static void without_cycles_names_are_told_a_minute_later(void **unused)
{
    (void)unused;
    struct driver *driver = patient("a=1 b=1 c=1");
    driver->settings.schedule.late_warning_ms = driver->settings.schedule.late_critical_ms = hours(999);
    driver_configure(driver);
    for (int64_t i = 1; i <= 2; i++) {
        driver_fail(driver, at(0, 15 * i, 0), "a");
        driver_fail(driver, at(0, 15 * i, 10), "b");
        driver_fail(driver, at(0, 15 * i, 20), "c");
    }
    driver_tick(driver, at(0, 31, 10) - 1);
    assert_told(driver, "00:30:00 firing warning ConsecutiveFailures #1 a\n");
    driver_tick(driver, at(0, 31, 10));
    assert_told(driver, "00:31:10 firing warning ConsecutiveFailures #1 a,b,c\n");
    driver_tick(driver, at(0, 40, 0));
    assert_quiet(driver);
    driver_free(driver);
}

/* Silenced, it goes into the history, and people are told all at once when the silence ends. */
static void under_a_silence_it_is_noted(void **unused)
{
    (void)unused;
    struct driver *driver = patient("a=1 b=1");
    driver_cycle(driver, at(0, 15, 0), seconds(12), "a=fail b=1");
    driver_cycle(driver, at(0, 30, 0), seconds(12), "a=fail b=fail");
    driver_told(driver);
    driver_silence(driver, at(0, 50, 0));
    driver_cycle(driver, at(0, 45, 0), seconds(12), "b=fail a=1");
    assert_told(driver, "00:45:12 firing warning ConsecutiveFailures #1 a,b (silenced)\n");
    driver_restart(driver);
    driver_silence(driver, at(0, 50, 0));
    driver_tick(driver, at(0, 59, 0));
    assert_told(driver, "00:50:00 firing warning ConsecutiveFailures #1 a,b\n");
    driver_free(driver);
}

/* --- relapses ------------------------------------------------------------------------------------------------ */

/* b fails from 0:15 on, a until 0:45 and again from at_ms on, twice. */
static struct driver *relapsing(int64_t at_ms)
{
    struct driver *driver = patient("a=1 b=1");
    driver_cycles(driver, at(0, 15, 0), at(0, 45, 0), seconds(12), "a=fail b=fail");
    driver_cycles(driver, at(0, 45, 0), at_ms, seconds(12), "a=1 b=fail");
    driver_told(driver);
    driver_cycle(driver, at_ms, seconds(12), "a=fail b=fail");
    driver_restart(driver);
    driver_cycle(driver, at_ms + minutes(15), seconds(12), "a=fail b=fail");
    return driver;
}

/* It was well from 0:45:06 on. 4 h later it is new: at 4:45:06, its first failure. */
static void a_relapse_after_four_hours_is_a_new_incident(void **unused)
{
    (void)unused;
    struct driver *driver = relapsing(at(4, 45, 0));
    assert_told(driver, "05:00:06 firing warning ConsecutiveFailures #2 a\n");
    driver_cycle(driver, at(5, 15, 0), seconds(12), "a=1 b=1");
    assert_told(driver, "05:15:06 resolved warning ConsecutiveFailures #2 a\n"
                        "05:15:12 resolved critical ConsecutiveFailures #1 a,b\n");
    driver_free(driver);
}

static void a_relapse_before_that_is_told_as_an_update(void **unused)
{
    (void)unused;
    struct driver *driver = relapsing(at(4, 30, 0));
    assert_told(driver, "04:45:12 firing critical ConsecutiveFailures #1 a,b\n");
    assert_int_equal(driver->incident_count, 1);
    assert_non_null(strstr(driver->story.at, "#1 joined a relapses\n"));
    driver_cycle(driver, at(5, 0, 0), seconds(12), "a=1 b=1");
    assert_told(driver, "05:00:12 resolved critical ConsecutiveFailures #1 a,b\n");
    driver_free(driver);
}

/* Two that relapse together after long are one new incident. */
static void those_who_relapse_together_share_it(void **unused)
{
    (void)unused;
    struct driver *driver = patient("a=1 b=1 c=1");
    driver_cycles(driver, at(0, 15, 0), at(0, 45, 0), seconds(12), "a=fail b=fail c=fail");
    driver_cycles(driver, at(0, 45, 0), at(9, 0, 0), seconds(12), "a=1 b=1 c=fail");
    driver_told(driver);
    driver_cycles(driver, at(9, 0, 0), at(9, 30, 0), seconds(12), "a=fail b=fail c=fail");
    assert_told(driver, "09:15:04 firing warning ConsecutiveFailures #2 a\n"
                        "09:15:12 firing warning ConsecutiveFailures #2 a,b\n");
    driver_free(driver);
}

/* It holds for every kind. b lags from the start, a for a while, is well for hours, and lags anew. */
static void a_relapse_of_lag_is_new_as_well(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver->settings.notify.reminder_ms = 0;
    driver_configure(driver);
    driver_start(driver, at(0, 0, 0));
    driver_cycle(driver, at(0, 0, 0), seconds(10), "a=1 b=1 c=1");
    driver_cycles(driver, at(0, 15, 0), at(1, 0, 0), seconds(10), "c=1");
    driver_cycles(driver, at(1, 0, 0), at(6, 0, 0), seconds(10), "a=1 c=1");
    driver_told(driver);
    driver_cycles(driver, at(6, 0, 0), at(6, 30, 0), seconds(10), "c=1");
    driver_tick(driver, at(6, 29, 0));
    assert_int_equal(driver->incident_count, 2);
    assert_string_equal(driver->incidents[1].tables, "a");
    driver_free(driver);
}

/* An agent before this one saved neither who was told nor who was well: nobody is told anything twice. */
static void an_old_state_repeats_nothing(void **unused)
{
    (void)unused;
    static const char *const unknown[] = { "members.marks", "members.well", "update", "causes" };
    struct driver *driver = driver_new();
    driver_start(driver, at(0, 0, 0));
    driver_cycle(driver, at(0, 0, 0), seconds(12), "a=1 b=1");
    refuse_all(driver, at(0, 15, 0), 2);
    refuse_all(driver, at(0, 30, 0), 2);
    driver_told(driver);
    driver_save(driver);
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        char key[64];
        snprintf(key, sizeof key, "\n%s ", unknown[i]);
        char *line = strstr(driver->live.at, key);
        assert_non_null(line);
        line[1] = '?';
    }
    struct archive archive;
    archive_load_from(&archive, strbuf_slice(&driver->live));
    struct engine *engine = driver->engine;
    incidents_free(&engine->incidents);
    engine->incidents.records = NULL;
    engine->incidents.gone = NULL;
    engine->incidents.gone_count = 0;
    engine->incidents.count = engine->incidents.room = 0;
    engine->incidents.recurrences = (struct recurrences){ 0 };
    incidents_archive(&engine->incidents, &archive, &engine->tables);
    refuse_all(driver, at(0, 45, 0), 2);
    assert_quiet(driver);
    driver_free(driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(twelve_tables_behind_one_component_are_named_at_the_cycles_end),
        cmocka_unit_test(each_cycle_that_adds_tables_tells_them_once),
        cmocka_unit_test(what_was_named_meanwhile_is_not_told_again),
        cmocka_unit_test(who_joined_and_left_within_a_cycle_is_not_told),
        cmocka_unit_test(a_crash_ends_the_cycle),
        cmocka_unit_test(a_cycle_without_end_does_not_hold_names_back),
        cmocka_unit_test(without_cycles_names_are_told_a_minute_later),
        cmocka_unit_test(under_a_silence_it_is_noted),
        cmocka_unit_test(a_relapse_after_four_hours_is_a_new_incident),
        cmocka_unit_test(a_relapse_before_that_is_told_as_an_update),
        cmocka_unit_test(those_who_relapse_together_share_it),
        cmocka_unit_test(a_relapse_of_lag_is_new_as_well),
        cmocka_unit_test(an_old_state_repeats_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
