/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flapping.h"

/* What flaps is told seldom, but trouble that lasts in it is told. */

/* People were told so much of the kind today that no more is told of what flaps. That z is down as well is told all the same, four hours later. */
static void what_joins_one_that_flaps_is_named_however_much_was_told(void **unused)
{
    (void)unused;
    struct driver *driver = flapping_driver();
    driver_cycles(driver, at(3, 15, 0), at(7, 0, 0), seconds(10), "a=fail z=1"); /* told at 6:45 */
    driver_cycles(driver, at(7, 0, 0), at(7, 30, 0), seconds(10), "a=fail z=fail");
    driver_cycle(driver, at(7, 30, 0), seconds(10), "a=fail z=1");
    for (size_t i = 0; i < TOLD_A_DAY; i++)
        driver->engine->announcer.told_ms[KIND_FAILURES][i] = at(7, 30, 0);
    driver_told(driver);
    driver_cycles(driver, at(7, 45, 0), at(12, 0, 0), seconds(10), "a=fail z=fail"); /* z joins at 8:00:10 */
    driver_restart(driver);
    driver_tick(driver, at(12, 0, 10) - 1);
    assert_quiet(driver);
    driver_tick(driver, at(12, 0, 10));
    assert_told(driver, "12:00:10 firing critical ConsecutiveFailures #4 a,z\n");
    driver_cycle(driver, at(12, 0, 11), seconds(10), "a=fail z=fail");
    driver_cycles(driver, at(12, 15, 0), at(20, 0, 0), seconds(10), "a=fail z=fail");
    assert_quiet(driver);
    driver_free(driver);
}

/* a flapped, and at 6:15 it is down for good: that is told at 7:45, six cycles after, and not once more. */
static void what_flapped_and_is_down_for_good_is_told(void **unused)
{
    (void)unused;
    struct driver *driver = flapping_driver();
    driver_cycles(driver, at(3, 15, 0), at(3, 45, 0), seconds(10), "a=1 z=1");
    turn(driver, at(3, 45, 0));
    driver_cycles(driver, at(4, 30, 0), at(5, 0, 0), seconds(10), "a=1 z=1");
    turn(driver, at(5, 0, 0));
    driver_cycles(driver, at(5, 45, 0), at(6, 15, 0), seconds(10), "a=1 z=1");
    driver_told(driver);
    driver_cycles(driver, at(6, 15, 0), at(7, 30, 0), seconds(10), "a=fail z=1");
    driver_restart(driver);
    driver_cycle(driver, at(7, 30, 0), seconds(10), "a=fail z=1");
    assert_quiet(driver);
    driver_tick(driver, at(7, 45, 5) - 1);
    assert_quiet(driver);
    driver_tick(driver, at(7, 45, 5));
    assert_told(driver, "07:45:05 firing critical ConsecutiveFailures #4 a\n");
    assert_non_null(strstr(driver->last_summary, "now without a break since 06:15"));
    driver_cycles(driver, at(7, 45, 10), at(20, 0, 0), seconds(10), "a=fail z=1");
    assert_quiet(driver);
    driver_free(driver);
}

/* The scheduler stopped four times today. The fifth time it stays down. */
static void a_scheduler_that_flapped_and_stays_down_is_told(void **unused)
{
    (void)unused;
    struct driver *driver = failing_driver();
    driver_cycles(driver, at(0, 15, 0), at(1, 0, 0), seconds(10), "a=1 z=1");
    for (int64_t i = 1; i < 5; i++) {
        driver_say(driver, EVENT_SCHEDULER_STOPPED, at(i, 1, 0));
        driver_start(driver, at(i, 3, 0));
        driver_cycles(driver, at(i, 3, 0), at(i + 1, 0, 0), seconds(10), "a=1 z=1");
    }
    driver_start(driver, at(5, 1, 0));
    driver_cycle(driver, at(5, 1, 0), seconds(10), "a=1 z=1");
    driver_told(driver);
    driver_tick(driver, at(30, 0, 0));
    const char *told = driver_told(driver);
    assert_non_null(strstr(told, " firing critical SchedulerDown #"));
    driver_free(driver);
}

/* Takes the lines with this name out of a saved state, as an older agent did not write them. */
static void drop_saved(struct strbuf *state, const char *name)
{
    struct strbuf kept = { 0 };
    for (const char *line = strbuf_text(state); *line;) {
        size_t len = strcspn(line, "\n") + 1;
        if (strncmp(line, name, strlen(name)) != 0)
            strbuf_add(&kept, line, len);
        line += len;
    }
    strbuf_free(state);
    *state = kept;
}

/* a flapped and is down for good while an older agent is replaced, at 3:45. That is told four hours after the last message. */
static void what_an_older_agent_saved_as_flapping_is_told_if_it_lasts(void **unused)
{
    (void)unused;
    struct driver *driver = flapping_driver();
    struct archive archive;
    driver_cycles(driver, at(3, 15, 0), at(3, 45, 0), seconds(10), "a=fail z=1");
    driver_told(driver);
    driver_tick(driver, at(3, 45, 0));
    driver_save(driver);
    drop_saved(&driver->live, "bad ");
    struct engine *engine = engine_new(&driver->settings, &driver->engine->outlet.sink);
    archive_load_from(&archive, strbuf_slice(&driver->live));
    engine_archive_live(engine, &archive);
    engine_free(driver->engine);
    driver->engine = engine;
    driver_restart(driver);
    driver_cycles(driver, at(3, 45, 0), at(6, 45, 0), seconds(10), "a=fail z=1");
    assert_quiet(driver);
    driver_cycles(driver, at(6, 45, 0), at(7, 45, 0), seconds(10), "a=fail z=1");
    assert_told(driver, "06:45:05 firing critical ConsecutiveFailures #4 a\n");
    assert_non_null(strstr(driver->last_summary, "now without a break since 03:45"));
    driver_free(driver);
}

static void cycle_of_two(struct driver *driver, int64_t at_ms, bool is_bad)
{
    static const char *const names[] = { "a", "z" }, *const said[] = { "OutOfMemoryError", "duplicate key value" };
    driver_begin(driver, at_ms);
    for (size_t i = 0; i < 2; i++) {
        driver_run(driver, at_ms, names[i]);
        if (is_bad)
            driver_fail_saying(driver, at_ms + seconds(1), names[i], 1, said[i]);
        else
            driver_ok(driver, at_ms + seconds(1), names[i], 100);
    }
    driver_end(driver, at_ms + seconds(2));
}

/* Two incidents flap, each for its own cause, and both last when a silence ends. Where there is room for one message it names both. */
static void two_that_last_are_both_named_in_one_message(void **unused)
{
    (void)unused;
    struct driver *driver = failing_driver();
    struct announcer *announcer = &driver->engine->announcer;
    for (int64_t slot = 1; slot < 28; slot++) {
        if (slot == 20)
            driver_silence(driver, at(7, 0, 0));
        cycle_of_two(driver, at(0, 15 * slot, 0), slot > 12 || slot % 3);
    }
    for (announcer->sent_count = 0; announcer->sent_count < ROUTINE_AN_HOUR - 1;)
        announcer->sent_ms[announcer->sent_count++] = driver->engine->moment.now_ms;
    driver_told(driver);
    driver_tick(driver, at(7, 0, 0));
    assert_told(driver, "07:00:00 firing critical ConsecutiveFailures #4 z (with others)\n"
                        "07:00:00 firing critical ConsecutiveFailures #5 a (with others)\n"
                        "07:00:00 firing critical ConsecutiveFailures #4 z (for all)\n");
    assert_non_null(strstr(driver->last_summary, "2 incidents: z fails on and off"));
    assert_non_null(strstr(driver->last_summary, "\ncritical #5: a fails on and off"));
    driver_free(driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_joins_one_that_flaps_is_named_however_much_was_told),
        cmocka_unit_test(what_flapped_and_is_down_for_good_is_told),
        cmocka_unit_test(a_scheduler_that_flapped_and_stays_down_is_told),
        cmocka_unit_test(what_an_older_agent_saved_as_flapping_is_told_if_it_lasts),
        cmocka_unit_test(two_that_last_are_both_named_in_one_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
