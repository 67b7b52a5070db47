/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.c"

/* Incidents: shared by tables, worsened, resolved, verified. Through the failures of tables, and directly. */

static struct driver *driver_with(const char *runs)
{
    struct driver *driver = driver_new();
    driver->settings.detect.lag_warning_ms = hours(99); /* so that only the count of failures decides */
    driver->settings.detect.lag_critical_ms = hours(100);
    driver_configure(driver);
    driver_start(driver, at(0, 0, 0));
    driver_cycle(driver, at(0, 0, 0), seconds(12), runs);
    return driver;
}

static void tables_that_fail_together_share_one_incident(void **unused)
{
    (void)unused;
    struct driver *driver = driver_with("c=1 a=1 b=1");
    driver_cycles(driver, at(0, 15, 0), at(1, 0, 0), seconds(12), "c=fail a=fail b=fail");
    assert_told(driver, "00:30:04 firing warning ConsecutiveFailures #1 c\n"
                        "00:30:12 firing warning ConsecutiveFailures #1 a,b,c\n"
                        "00:45:04 firing critical ConsecutiveFailures #1 a,b,c\n");
    assert_string_equal(driver_incident(driver, 1)->table, "c");
    assert_non_null(strstr(driver->story.at, "#1 joined a joins\n"));
    driver_cycle(driver, at(1, 0, 0), seconds(12), "c=1 a=1 b=fail");
    assert_quiet(driver);
    driver_cycle(driver, at(1, 15, 0), seconds(12), "c=1 a=1 b=1");
    assert_told(driver, "01:15:12 resolved critical ConsecutiveFailures #1 a,b,c\n");
    assert_int_equal(driver->incident_count, 1);
    driver_free(driver);
}

/* The second table's first failure lies this much after the first one's. 1.5 intervals are 22:30. */
static void onsets_apart(int64_t apart_ms, int64_t incidents)
{
    struct driver *driver = driver_with("a=1 b=1");
    struct engine *engine = driver->engine;
    incidents_raise(&engine->incidents, &(struct finding){ .kind = KIND_FAILURES,
                                                           .severity = SEVERITY_WARNING,
                                                           .table = &engine->tables.at[0],
                                                           .onset_ms = at(1, 0, 0),
                                                           .what = "x" });
    incidents_raise(&engine->incidents, &(struct finding){ .kind = KIND_FAILURES,
                                                           .severity = SEVERITY_WARNING,
                                                           .table = &engine->tables.at[1],
                                                           .onset_ms = at(1, 0, 0) + apart_ms,
                                                           .what = "y" });
    assert_int_equal(driver->incident_count, incidents);
    driver_free(driver);
}

static void a_table_joins_within_one_and_a_half_intervals(void **unused)
{
    (void)unused;
    int64_t near = minutes(22) + seconds(30);
    onsets_apart(near, 1);
    onsets_apart(near + 1, 2);
    onsets_apart(-near, 1);
    onsets_apart(-near - 1, 2);
}

static void another_kind_is_not_joined(void **unused)
{
    (void)unused;
    struct driver *driver = driver_with("a=1 b=1");
    struct engine *engine = driver->engine;
    for (int kind = KIND_FAILURES; kind <= KIND_LAG; kind++)
        incidents_raise(&engine->incidents, &(struct finding){ .kind = (enum incident_kind)kind,
                                                               .severity = SEVERITY_WARNING,
                                                               .table = &engine->tables.at[0],
                                                               .onset_ms = at(1, 0, 0),
                                                               .what = "x" });
    assert_int_equal(driver->incident_count, 2);
    driver_free(driver);
}

/* a recovers and fails again while b, in the same incident, still does. */
static void a_table_that_relapses_returns_to_its_open_incident(void **unused)
{
    (void)unused;
    struct driver *driver = driver_with("a=1 b=1");
    driver_cycles(driver, at(0, 15, 0), at(1, 0, 0), seconds(10), "a=fail b=fail");
    driver_cycle(driver, at(1, 0, 0), seconds(10), "a=1 b=fail");
    driver_told(driver);
    driver_cycles(driver, at(1, 15, 0), at(1, 45, 0), seconds(10), "a=fail b=fail");
    driver_tick(driver, at(1, 45, 1));
    assert_int_equal(driver->incident_count, 1);
    driver_cycle(driver, at(1, 45, 2), seconds(10), "a=fail b=1");
    assert_true(driver_incident(driver, 1)->open);
    driver_cycle(driver, at(2, 0, 0), seconds(10), "a=1 b=1");
    assert_false(driver_incident(driver, 1)->open);
    driver_free(driver);
}

static void nothing_makes_an_incident_milder(void **unused)
{
    (void)unused;
    struct driver *driver = driver_with("a=1");
    struct finding finding = { .kind = KIND_LAG,
                               .severity = SEVERITY_CRITICAL,
                               .table = &driver->engine->tables.at[0],
                               .onset_ms = at(1, 0, 0),
                               .what = "x" };
    incidents_raise(&driver->engine->incidents, &finding);
    finding.severity = SEVERITY_WARNING;
    finding.what = "y";
    incidents_raise(&driver->engine->incidents, &finding);
    assert_int_equal(driver_incident(driver, 1)->severity, SEVERITY_CRITICAL);
    assert_int_equal(driver_incident(driver, 1)->alert, ALERT_LAG_CRITICAL);
    driver_free(driver);
}

static void a_known_cause_is_not_lost_when_it_worsens(void **unused)
{
    (void)unused;
    struct driver *driver = driver_with("a=1");
    struct finding finding = { .kind = KIND_LAG,
                               .severity = SEVERITY_WARNING,
                               .table = &driver->engine->tables.at[0],
                               .onset_ms = at(1, 0, 0),
                               .what = "x",
                               .cause = { .words = "known", .scenario = "1/2", .first_command = "do" } };
    incidents_raise(&driver->engine->incidents, &finding);
    finding.severity = SEVERITY_CRITICAL;
    finding.cause = (struct cause){ .scenario = "1", .first_command = "other" };
    incidents_raise(&driver->engine->incidents, &finding);
    assert_string_equal(driver_incident(driver, 1)->cause.words, "known");
    assert_string_equal(driver_incident(driver, 1)->cause.scenario, "1/2");
    assert_string_equal(driver_incident(driver, 1)->cause.first_command, "do");
    driver_free(driver);
}

static void the_trouble_is_known_after_a_restart(void **unused)
{
    (void)unused;
    struct driver *driver = driver_with("a=1");
    incidents_raise(&driver->engine->incidents, &(struct finding){
                                                    .kind = KIND_FAILURES,
                                                    .severity = SEVERITY_WARNING,
                                                    .table = &driver->engine->tables.at[0],
                                                    .what = "x",
                                                    .cause = { .words = "known", .id = "a-trouble" },
                                                });
    driver_restart(driver);
    assert_string_equal(driver->engine->incidents.records[0]->incident.cause.id, "a-trouble");
    driver_free(driver);
}

static void a_recovery_is_verified_by_three_good_cycles_that_began_after_it(void **unused)
{
    (void)unused;
    struct driver *driver = driver_with("a=1");
    driver_cycles(driver, at(0, 15, 0), at(0, 45, 0), seconds(10), "a=fail");
    driver_cycle(driver, at(0, 45, 0), seconds(10), "a=1"); /* began before: the recovery itself */
    driver_cycles(driver, at(1, 0, 0), at(1, 30, 0), seconds(10), "a=1");
    assert_int_equal(driver_incident(driver, 1)->verified_ms, 0);
    driver_cycle(driver, at(1, 30, 0), seconds(10), "a=1");
    assert_int_equal(driver_incident(driver, 1)->verified_ms, at(1, 30, 10));
    assert_non_null(strstr(driver->story.at, "#1 verified three good cycles\n"));
    driver_free(driver);
}

static void a_bad_or_slow_cycle_starts_the_verification_anew(void **unused)
{
    (void)unused;
    static const struct {
        const char *runs;
        int64_t duration_s;
    } bad[] = { { "a=1 b=fail", 10 }, { "a=1 b=1", 301 } };
    for (size_t i = 0; i < 2; i++) {
        struct driver *driver = driver_with("a=1");
        driver_cycles(driver, at(0, 15, 0), at(0, 45, 0), seconds(10), "a=fail");
        driver_cycles(driver, at(0, 45, 0), at(1, 30, 0), seconds(10), "a=1");
        driver_cycle(driver, at(1, 30, 0), seconds(bad[i].duration_s), bad[i].runs);
        driver_cycles(driver, at(1, 45, 0), at(2, 15, 0), seconds(10), "a=1 b=1");
        assert_int_equal(driver_incident(driver, 1)->verified_ms, 0);
        driver_cycle(driver, at(2, 15, 0), seconds(10), "a=1 b=1");
        assert_int_equal(driver_incident(driver, 1)->verified_ms, at(2, 15, 10));
        driver_free(driver);
    }
}

static void incidents_that_are_never_verified_are_not_gathered(void **unused)
{
    (void)unused;
    struct driver *driver = driver_with("a=1 z=1");
    driver->settings.detect.flapping_opens = 1000;
    driver_configure(driver);
    for (int64_t i = 0; i < 100; i++) {
        driver_cycles(driver, at(1 + i, 0, 0), at(1 + i, 30, 0), seconds(10), "a=fail z=1");
        driver_cycles(driver, at(1 + i, 30, 0), at(2 + i, 0, 0), seconds(10), "a=1 z=1");
    }
    assert_in_range(driver->incident_count, 100, 110);
    assert_in_range(driver->engine->incidents.count, 1, 40);
    driver_free(driver);
}

/* As a log does whose patterns tell of runs alone. */
static void where_no_cycle_completes_resolved_incidents_do_not_gather(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver->settings.detect.flapping_opens = 1000;
    driver_configure(driver);
    for (int64_t hour = 0; hour < 200; hour++) {
        driver_fail(driver, at(hour, 0, 0), "a");
        driver_fail(driver, at(hour, 15, 0), "a");
        driver_ok(driver, at(hour, 30, 0), "a", 100);
    }
    assert_true(driver->incident_count >= 100);
    assert_in_range(driver->engine->incidents.count, 1, 40);
    driver_free(driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_that_fail_together_share_one_incident),
        cmocka_unit_test(a_table_joins_within_one_and_a_half_intervals),
        cmocka_unit_test(another_kind_is_not_joined),
        cmocka_unit_test(a_table_that_relapses_returns_to_its_open_incident),
        cmocka_unit_test(nothing_makes_an_incident_milder),
        cmocka_unit_test(a_known_cause_is_not_lost_when_it_worsens),
        cmocka_unit_test(the_trouble_is_known_after_a_restart),
        cmocka_unit_test(a_recovery_is_verified_by_three_good_cycles_that_began_after_it),
        cmocka_unit_test(a_bad_or_slow_cycle_starts_the_verification_anew),
        cmocka_unit_test(incidents_that_are_never_verified_are_not_gathered),
        cmocka_unit_test(where_no_cycle_completes_resolved_incidents_do_not_gather),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
