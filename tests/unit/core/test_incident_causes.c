/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.c"

/* Two causes are two incidents, and one cause is one, whatever is known of it when. */

static const char memory[] = "java.lang.OutOfMemoryError: Java heap space";
static const char corrupt[] = "duplicate key value violates unique constraint";
static const char refused[] = "Connection refused";
static const char nothing[] = "it did not work";

/* A cycle of 12 s in which each of the tables a, b, c ... fails with its text, or succeeds where that is NULL. */
static void cycle_saying(struct driver *driver, int64_t at_ms, size_t count, const char *const *texts)
{
    driver_begin(driver, at_ms);
    for (size_t i = 0; i < count; i++) {
        const char name[] = { (char)('a' + i), '\0' };
        int64_t end_ms = at_ms + seconds(12) * (int64_t)(i + 1) / (int64_t)count;
        driver_run(driver, at_ms + seconds(12) * (int64_t)i / (int64_t)count, name);
        if (texts[i])
            driver_fail_saying(driver, end_ms, name, 1, texts[i]);
        else
            driver_ok(driver, end_ms, name, 100);
    }
    driver_end(driver, at_ms + seconds(12));
}

#define CYCLE(driver, hour, minute, ...)                                                                               \
    cycle_saying(driver, at(hour, minute, 0), sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *),                \
                 (const char *[]){ __VA_ARGS__ })

/* Lag decides nothing: two failures in a row are a warning, three are critical. */
static struct driver *patient(void)
{
    struct driver *driver = driver_new();
    driver->settings.detect.lag_warning_ms = hours(999);
    driver->settings.detect.lag_critical_ms = hours(1000);
    driver->settings.notify.reminder_ms = 0;
    driver->settings.notify.escalation_ms = hours(1000);
    driver_configure(driver);
    driver_start(driver, at(0, 0, 0));
    CYCLE(driver, 0, 0, NULL, NULL, NULL);
    return driver;
}

static void two_causes_are_two_incidents_with_ends_of_their_own(void **unused)
{
    (void)unused;
    struct driver *driver = patient();
    CYCLE(driver, 0, 15, memory, corrupt, NULL);
    CYCLE(driver, 0, 30, memory, corrupt, NULL);
    assert_told(driver, "00:30:04 firing warning ConsecutiveFailures #1 a\n"
                        "00:30:08 firing warning ConsecutiveFailures #2 b\n");
    driver_restart(driver);
    CYCLE(driver, 0, 45, memory, corrupt, NULL);
    CYCLE(driver, 1, 0, NULL, corrupt, NULL);
    assert_told(driver, "00:45:04 firing critical ConsecutiveFailures #1 a\n"
                        "00:45:08 firing critical ConsecutiveFailures #2 b\n"
                        "01:00:04 resolved critical ConsecutiveFailures #1 a\n");
    CYCLE(driver, 1, 15, NULL, NULL, NULL);
    assert_told(driver, "01:15:08 resolved critical ConsecutiveFailures #2 b\n");
    assert_string_equal(driver_incident(driver, 1)->cause.scenario, "1/3");
    assert_string_equal(driver_incident(driver, 2)->cause.scenario, "1/4");
    driver_free(driver);
}

static void three_causes_are_three_and_their_tables_find_them(void **unused)
{
    (void)unused;
    struct driver *driver = patient();
    CYCLE(driver, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL);
    for (int64_t minute = 15; minute <= 30; minute += 15)
        CYCLE(driver, 0, minute, memory, corrupt, refused, refused, corrupt, memory);
    assert_told(driver, "00:30:02 firing warning ConsecutiveFailures #1 a\n"
                        "00:30:04 firing warning ConsecutiveFailures #2 b\n"
                        "00:30:06 firing warning ConsecutiveFailures #3 c\n"
                        "00:30:12 firing warning ConsecutiveFailures #1 a,f\n"
                        "00:30:12 firing warning ConsecutiveFailures #2 b,e\n"
                        "00:30:12 firing warning ConsecutiveFailures #3 c,d\n");
    driver_free(driver);
}

static void an_unknown_cause_joins_whose_onset_is_near(void **unused)
{
    (void)unused;
    struct driver *driver = patient();
    CYCLE(driver, 0, 15, memory, nothing, NULL);
    CYCLE(driver, 0, 30, memory, nothing, NULL);
    assert_told(driver, "00:30:04 firing warning ConsecutiveFailures #1 a\n"
                        "00:30:12 firing warning ConsecutiveFailures #1 a,b\n");
    driver_free(driver);
}

/* The first one gives no cause, the second one does: it is the cause of both. */
static void a_cause_that_one_table_knows_is_that_of_all(void **unused)
{
    (void)unused;
    struct driver *driver = patient();
    CYCLE(driver, 0, 15, nothing, memory, NULL);
    CYCLE(driver, 0, 30, nothing, memory, NULL);
    assert_told(driver, "00:30:04 firing warning ConsecutiveFailures #1 a\n"
                        "00:30:12 firing warning ConsecutiveFailures #1 a,b\n");
    assert_string_equal(driver_incident(driver, 1)->cause.scenario, "1/3");
    assert_non_null(
        strstr(driver->last_summary, "no new data for 2 of 3 tables since 00:00 (30 min), Spark ran out of memory"));
    driver_free(driver);
}

static void of_several_near_ones_it_joins_that_of_its_own_cause(void **unused)
{
    (void)unused;
    struct driver *driver = patient();
    CYCLE(driver, 0, 15, memory, nothing, NULL);
    CYCLE(driver, 0, 30, memory, corrupt, corrupt);
    CYCLE(driver, 0, 45, memory, corrupt, corrupt);
    assert_string_equal(driver->incidents[0].tables, "a");
    assert_string_equal(driver->incidents[1].tables, "b,c");
    driver_free(driver);
}

/* Of two that are near, one with an unknown cause and one with its own, the latter is it, although the other is nearer. */
static void the_same_cause_counts_more_than_a_near_onset(void **unused)
{
    (void)unused;
    struct driver *driver = patient();
    struct engine *engine = driver->engine;
    static const char *const ids[] = { "a-trouble", NULL, "a-trouble" };
    for (size_t i = 0; i < 3; i++)
        incidents_raise(&engine->incidents, &(struct finding){ .kind = KIND_FAILURES,
                                                               .severity = SEVERITY_WARNING,
                                                               .table = &engine->tables.at[i],
                                                               .onset_ms = at(1, i == 0 ? 0 : 22, i == 1 ? 31 : 0),
                                                               .what = "x",
                                                               .cause = { .words = ids[i], .id = ids[i] } });
    assert_string_equal(driver->incidents[0].tables, "a,c");
    assert_string_equal(driver->incidents[1].tables, "b");
    driver_free(driver);
}

/* One odd failure that makes it critical does not give the incident its cause. */
static void the_cause_of_one_among_others_is_not_that_of_all(void **unused)
{
    (void)unused;
    struct driver *driver = patient();
    CYCLE(driver, 0, 15, refused, refused, refused);
    CYCLE(driver, 0, 30, corrupt, refused, refused);
    CYCLE(driver, 0, 45, refused, refused, refused);
    assert_int_equal(driver_incident(driver, 1)->severity, SEVERITY_CRITICAL);
    assert_string_equal(driver_incident(driver, 1)->cause.scenario, "1/2");
    assert_null(strstr(driver->journal.at, "watermark table"));
    driver_free(driver);
}

/* b came as unknown. Once its cause is known to be another, at the cycle's end, it gets an incident of its own. */
static void who_came_as_a_guess_leaves_when_its_cause_is_known(void **unused)
{
    (void)unused;
    struct driver *driver = patient();
    CYCLE(driver, 0, 15, memory, nothing, NULL);
    CYCLE(driver, 0, 30, memory, corrupt, NULL);
    assert_told(driver, "00:30:04 firing warning ConsecutiveFailures #1 a\n"
                        "00:30:12 firing warning ConsecutiveFailures #2 b\n");
    assert_string_equal(driver->incidents[0].tables, "a");
    assert_int_equal(driver_incident(driver, 2)->onset_ms, at(0, 0, 8)); /* its last success */
    assert_non_null(strstr(driver->story.at, "#1 note b leaves, because it has another cause: the watermark table"));
    CYCLE(driver, 0, 45, NULL, corrupt, NULL);
    assert_told(driver, "00:45:04 resolved warning ConsecutiveFailures #1 a\n"
                        "00:45:08 firing critical ConsecutiveFailures #2 b\n");
    driver_free(driver);
}

/* At the first failure already: nothing was said yet when the incident opened. */
static void where_one_failure_is_an_incident_causes_part_at_the_cycles_end(void **unused)
{
    (void)unused;
    struct driver *driver = patient();
    driver->settings.detect.failures_warning = 1;
    driver_configure(driver);
    CYCLE(driver, 0, 15, memory, corrupt, corrupt);
    assert_told(driver, "00:15:04 firing warning ConsecutiveFailures #1 a\n"
                        "00:15:12 firing warning ConsecutiveFailures #1 a\n" /* its cause is known now */
                        "00:15:12 firing warning ConsecutiveFailures #2 b,c\n");
    assert_string_equal(driver->incidents[0].tables, "a");
    driver_free(driver);
}

/* One odd failure is no second trouble, two in a row are. */
static void whose_cause_changes_leaves_after_two_failures(void **unused)
{
    (void)unused;
    struct driver *driver = patient();
    CYCLE(driver, 0, 15, refused, refused, NULL);
    CYCLE(driver, 0, 30, refused, refused, NULL);
    CYCLE(driver, 0, 45, refused, corrupt, NULL);
    CYCLE(driver, 1, 0, refused, refused, NULL);
    CYCLE(driver, 1, 15, refused, corrupt, NULL);
    driver_told(driver);
    assert_int_equal(driver->incident_count, 1);
    driver_restart(driver);
    CYCLE(driver, 1, 30, refused, corrupt, NULL);
    assert_told(driver, "01:30:12 firing critical ConsecutiveFailures #2 b\n");
    assert_int_equal(driver_incident(driver, 2)->onset_ms, at(0, 0, 8)); /* its last success */
    assert_string_equal(driver->incidents[0].tables, "a");
    driver_free(driver);
}

/* Two tables whose cause changes at the same time are one new incident. The one that opened the old one may be among them. */
static void those_who_leave_together_are_one_incident(void **unused)
{
    (void)unused;
    struct driver *driver = patient();
    for (int64_t i = 0; i < 4; i++)
        CYCLE(driver, 0, 15 + 15 * i, i < 2 ? refused : corrupt, i < 2 ? refused : corrupt, refused);
    assert_string_equal(driver->incidents[0].tables, "c");
    assert_string_equal(driver_incident(driver, 1)->table, "c");
    assert_string_equal(driver->incidents[1].tables, "a,b");
    assert_int_equal(driver->incident_count, 2);
    driver_restart(driver);
    CYCLE(driver, 1, 15, NULL, NULL, NULL);
    assert_int_equal(driver_open_count(driver), 0);
    driver_free(driver);
}

/* Where all say something else now, the trouble has changed: one incident goes on, and people are told its new cause. */
static void a_cause_that_changes_for_all_is_told_as_an_update(void **unused)
{
    (void)unused;
    struct driver *driver = patient();
    CYCLE(driver, 0, 15, refused, refused, NULL);
    CYCLE(driver, 0, 30, refused, refused, NULL);
    CYCLE(driver, 0, 45, refused, refused, NULL);
    driver_told(driver);
    CYCLE(driver, 1, 0, corrupt, corrupt, NULL);
    assert_told(driver, "01:00:12 firing critical ConsecutiveFailures #1 a,b\n");
    assert_string_equal(driver_incident(driver, 1)->cause.scenario, "1/4");
    CYCLE(driver, 1, 15, refused, refused, NULL); /* known to people already */
    assert_quiet(driver);
    assert_string_equal(driver_incident(driver, 1)->cause.scenario, "1/2");
    driver_free(driver);
}

/* A failure that gives another reason each time is not told each time, and a restart forgets nothing of that. */
static void no_more_than_four_causes_of_an_incident_are_told(void **unused)
{
    (void)unused;
    static const char *const texts[] = { "OutOfMemoryError",    "Connection refused", "duplicate key",
                                         "Container x timeout", "psycopg2",           "No such container" };
    struct driver *driver = patient();
    for (int64_t i = 0; i < 18; i++) {
        CYCLE(driver, 0, 15 + 15 * i, texts[i % 6], NULL, NULL);
        driver_restart(driver);
    }
    int64_t told = 0;
    for (const char *c = driver_told(driver); (c = strstr(c, "firing")); c++)
        told++;
    assert_in_range(told, 4, 5); /* a warning that turns critical, and the others */
    assert_int_equal(driver->incident_count, 1);
    driver_free(driver);
}

/* Known later and better: no second incident, one update. The same trouble in other words is not even that. */
static void a_cause_that_is_known_later_is_an_update(void **unused)
{
    (void)unused;
    struct driver *driver = patient();
    CYCLE(driver, 0, 15, nothing, NULL, NULL);
    CYCLE(driver, 0, 30, nothing, NULL, NULL);
    driver_told(driver);
    CYCLE(driver, 0, 45, "OutOfMemoryError", NULL, NULL);
    assert_told(driver, "00:45:04 firing critical ConsecutiveFailures #1 a\n"
                        "00:45:12 firing critical ConsecutiveFailures #1 a\n");
    assert_non_null(strstr(driver->last_summary, "no new data for a since 00:00 (45 min), "));
    assert_non_null(strstr(driver->last_summary, "Spark ran out of memory"));
    driver_begin(driver, at(1, 0, 0));
    driver_run(driver, at(1, 0, 0), "a");
    driver_fail_saying(driver, at(1, 0, 4), "a", 137, "");
    driver_end(driver, at(1, 0, 5));
    assert_quiet(driver);
    driver_free(driver);
}

/* The text comes line by line, and its first lines may point elsewhere: they part nothing. */
static void lines_are_judged_when_all_are_there(void **unused)
{
    (void)unused;
    struct driver *driver = patient();
    CYCLE(driver, 0, 15, memory, memory, NULL);
    driver_begin(driver, at(0, 30, 0));
    for (int i = 0; i < 2; i++) {
        const char *name = i ? "b" : "a";
        driver_run(driver, at(0, 30, i), name);
        driver_fail_saying(driver, at(0, 30, i), name, 1, "Connection refused");
        driver_feed(driver, (struct event){ .kind = EVENT_RUN_STDERR,
                                            .time_ms = at(0, 30, i),
                                            .table = slice_of(name),
                                            .text = slice_of(memory),
                                            .line = slice_of(memory) });
        assert_string_equal(driver_incident(driver, 1)->cause.scenario, "1/3");
    }
    driver_end(driver, at(0, 30, 5));
    assert_int_equal(driver->incident_count, 1);
    driver_free(driver);
}

/* Where no cycles are told, the next run's outcome shows that all was said. */
static void without_cycles_causes_part_as_well(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver->settings.detect.lag_warning_ms = hours(999);
    driver->settings.detect.lag_critical_ms = hours(1000);
    driver_configure(driver);
    for (int64_t i = 0; i < 3; i++) {
        driver_fail_saying(driver, at(0, 15 * i, 0), "a", 1, memory);
        driver_fail_saying(driver, at(0, 15 * i, 10), "b", 1, i == 0 ? nothing : corrupt);
    }
    assert_int_equal(driver->incident_count, 2);
    assert_string_equal(driver->incidents[1].tables, "b");
    driver_free(driver);
}

/* The same cause hours later is not the same incident. */
static void the_same_cause_at_another_time_is_another_incident(void **unused)
{
    (void)unused;
    struct driver *driver = patient();
    for (int64_t i = 0; i < 20; i++)
        CYCLE(driver, 0, 15 + 15 * i, memory, i < 12 ? NULL : memory, NULL);
    assert_string_equal(driver->incidents[0].tables, "a");
    assert_string_equal(driver->incidents[1].tables, "b");
    driver_free(driver);
}

/* A table that relapses for another reason does not return to the incident that others keep open. */
static void a_relapse_with_another_cause_is_new(void **unused)
{
    (void)unused;
    struct driver *driver = patient();
    CYCLE(driver, 0, 15, refused, refused, NULL);
    CYCLE(driver, 0, 30, refused, refused, NULL);
    CYCLE(driver, 0, 45, NULL, refused, NULL);
    driver_told(driver);
    CYCLE(driver, 1, 0, corrupt, refused, NULL);
    CYCLE(driver, 1, 15, corrupt, refused, NULL);
    assert_told(driver, "01:15:04 firing warning ConsecutiveFailures #2 a\n");
    CYCLE(driver, 1, 30, NULL, NULL, NULL);
    assert_told(driver, "01:30:04 resolved warning ConsecutiveFailures #2 a\n"
                        "01:30:08 resolved critical ConsecutiveFailures #1 a,b\n");
    driver_free(driver);
}

/* A table that fails by twos, each time for another of three reasons, and for two of them at once. Each has one incident that is held. */
static void what_flaps_for_several_causes_has_one_incident_for_each(void **unused)
{
    (void)unused;
    static const char *const texts[] = { memory, corrupt, refused };
    struct driver *driver = patient();
    for (int64_t i = 0; i < 40; i++) {
        CYCLE(driver, 0, 15 + 60 * i, texts[i % 3], NULL, NULL);
        CYCLE(driver, 0, 30 + 60 * i, texts[i % 3], NULL, NULL);
        CYCLE(driver, 0, 45 + 60 * i, texts[(i / 3) % 3], NULL, NULL);
        CYCLE(driver, 0, 60 + 60 * i, NULL, NULL, NULL);
        if (i % 7 == 0)
            driver_restart(driver);
    }
    assert_in_range(driver->incident_count, 4, 7);
    assert_in_range(driver_open_count(driver), 1, 3);
    for (int64_t i = 0; i < 26 * 4; i++)
        CYCLE(driver, 40, 15 + 15 * i, NULL, NULL, NULL);
    assert_int_equal(driver_open_count(driver), 0);
    driver_free(driver);
}

/* The only table of an incident that flaps leaves it: nothing is wrong in it from then on, and it ends like any other. */
static void what_the_last_table_leaves_ends(void **unused)
{
    (void)unused;
    struct driver *driver = patient();
    for (int64_t i = 0; i < 4; i++) {
        CYCLE(driver, 0, 15 + 45 * i, memory, NULL, NULL);
        CYCLE(driver, 0, 30 + 45 * i, memory, NULL, NULL);
        CYCLE(driver, 0, 45 + 45 * i, i < 3 ? NULL : corrupt, NULL, NULL);
    }
    CYCLE(driver, 3, 15, corrupt, NULL, NULL);
    assert_int_equal(driver->incident_count, 5);
    driver_restart(driver);
    for (int64_t i = 0; i < 8; i++)
        CYCLE(driver, 3, 30 + 15 * i, NULL, NULL, NULL);
    assert_int_equal(driver_open_count(driver), 0);
    assert_int_equal(driver_incident(driver, 4)->resolved_ms, driver_incident(driver, 5)->resolved_ms);
    driver_free(driver);
}

static void what_leaves_has_begun_once(void **unused)
{
    (void)unused;
    struct driver *driver = patient();
    driver->settings.detect.flapping_opens = 2;
    driver_configure(driver);
    CYCLE(driver, 0, 15, memory, nothing, NULL);
    CYCLE(driver, 0, 30, memory, corrupt, NULL);
    assert_int_equal(driver->incident_count, 2);
    assert_null(strstr(driver_incident(driver, 2)->summary, "on and off"));
    driver_free(driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_causes_are_two_incidents_with_ends_of_their_own),
        cmocka_unit_test(three_causes_are_three_and_their_tables_find_them),
        cmocka_unit_test(an_unknown_cause_joins_whose_onset_is_near),
        cmocka_unit_test(a_cause_that_one_table_knows_is_that_of_all),
        cmocka_unit_test(of_several_near_ones_it_joins_that_of_its_own_cause),
        cmocka_unit_test(the_same_cause_counts_more_than_a_near_onset),
        cmocka_unit_test(the_cause_of_one_among_others_is_not_that_of_all),
        cmocka_unit_test(who_came_as_a_guess_leaves_when_its_cause_is_known),
        cmocka_unit_test(where_one_failure_is_an_incident_causes_part_at_the_cycles_end),
        cmocka_unit_test(whose_cause_changes_leaves_after_two_failures),
        cmocka_unit_test(those_who_leave_together_are_one_incident),
        cmocka_unit_test(a_cause_that_changes_for_all_is_told_as_an_update),
        cmocka_unit_test(no_more_than_four_causes_of_an_incident_are_told),
        cmocka_unit_test(a_cause_that_is_known_later_is_an_update),
        cmocka_unit_test(lines_are_judged_when_all_are_there),
        cmocka_unit_test(without_cycles_causes_part_as_well),
        cmocka_unit_test(the_same_cause_at_another_time_is_another_incident),
        cmocka_unit_test(a_relapse_with_another_cause_is_new),
        cmocka_unit_test(what_flaps_for_several_causes_has_one_incident_for_each),
        cmocka_unit_test(what_the_last_table_leaves_ends),
        cmocka_unit_test(what_leaves_has_begun_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
