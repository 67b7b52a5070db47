/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report_help.h"

static void test_a_missing_incident_is_found_missing(void **state)
{
    struct world *world = *state;
    struct strbuf error = { 0 };
    assert_int_equal(report_gather_incident(&world->report, world->db, &world->config, 0, at(0), &error),
                     REPORT_NOTHING);
    add_incident(world, 7, "IcebergOffloadSchedulerDown", 1, 1, 2);
    assert_int_equal(report_gather_incident(&world->report, world->db, &world->config, 8, at(3), &error),
                     REPORT_NOTHING);
    assert_int_equal(report_gather_incident(&world->report, world->db, &world->config, 0, at(3), &error), REPORT_FOUND);
    assert_int_equal(world->report.incident.id, 7);
    assert_int_equal(world->report.incident.alert, ALERT_SCHEDULER_DOWN);
    assert_string_equal(world->report.incident.tables, "t");
    strbuf_free(&error);
}

static void test_missed_slots_and_late_data(void **state)
{
    struct world *world = *state;
    add_cycle(world, 0, "success", 5);
    add_cycle(world, 1, "success", 5);
    add_cycle(world, 4.001, "success", 15);
    add_incident(world, 1, "IcebergOffloadSchedulerDown", 1.5, 1.5, 4.02);
    gather(world, 1, 10);
    assert_int_equal(world->report.totals.missed, 2);
    assert_int_equal(world->report.missed[0].slot_ms, at(2));
    assert_int_equal(world->report.missed[1].slot_ms, at(3));
    const struct report_table *table = &world->report.tables[0];
    assert_int_equal(table->gap_from_ms, at(1) + 10000);
    assert_int_equal(table->gap_to_ms, at(4.001) + 10000);
    assert_int_equal(table->gap_slots, 2);
    assert_int_equal(table->catch_up_rows, 15);
    assert_int_equal(table->runs, 1);
}

static void test_a_cycle_that_starts_a_second_early_keeps_its_slot(void **state)
{
    struct world *world = *state;
    for (int slot = 0; slot < 5; slot++)
        add_cycle(world, slot - 0.001, "success", 5);
    add_incident(world, 1, "IcebergOffloadSchedulerDown", 1.5, 1.5, 3.5);
    gather(world, 1, 4.2);
    assert_int_equal(world->report.totals.missed, 0);
    assert_int_equal(world->report.tables[0].gap_from_ms, 0);
}

static void test_the_cycles_tell_the_interval_of_another_day(void **state)
{
    struct world *world = *state;
    for (int hour = 0; hour < 30; hour++)
        if (hour != 20)
            add_cycle(world, hour * 4, "success", 5);
    for (int slot = 120; slot < 150; slot++)
        if (slot != 140)
            add_cycle(world, slot, "success", 5);
    gather_period(world, 0, 149.9);
    assert_int_equal(world->report.totals.missed, 2);
    assert_int_equal(world->report.missed[0].slot_ms, at(80));
    assert_int_equal(world->report.missed[1].slot_ms, at(140));
    report_free(&world->report);
    add_incident(world, 1, "IcebergOffloadSchedulerDown", 80.1, 80.1, 84.1);
    gather(world, 1, 149.9);
    assert_int_equal(world->report.interval_ms, 4 * SLOT);
    assert_int_equal(world->report.totals.missed, 1);
    report_free(&world->report);
    world->config.settings.schedule.interval_ms = SLOT;
    gather_period(world, 0, 149.9);
    assert_int_equal(world->report.totals.missed, 30 * 3 + 1 + 1);
}

static void test_cycles_that_overrun_miss_slots(void **state)
{
    struct world *world = *state;
    for (int cycle = 0; cycle < 30; cycle++)
        add_cycle(world, cycle * 2, "success", 5);
    execute(world, "UPDATE cycle SET duration_ms = 1000000, ended_at = started_at + 1000000");
    gather_period(world, 0, 58.1);
    assert_int_equal(world->report.totals.missed, 29);
}

static void test_years_of_missed_slots_are_counted_but_not_listed(void **state)
{
    struct world *world = *state;
    add_cycle(world, 0, "success", 5);
    add_cycle(world, 400000, "success", 5);
    gather_period(world, 0, 400001);
    assert_int_equal(world->report.totals.missed, 399999);
    assert_true(world->report.missed_count <= 200);
}

static void test_runs_without_rows_are_late_data_in_a_stall(void **state)
{
    struct world *world = *state;
    add_cycle(world, 0, "success", 5);
    for (int slot = 1; slot < 5; slot++)
        add_cycle(world, slot, "success", 0);
    add_cycle(world, 5, "success", 30);
    add_incident(world, 1, "IcebergOffloadWatermarkStale", 1.01, 2, 5.02);
    gather(world, 1, 9);
    assert_int_equal(world->report.tables[0].gap_slots, 4);
    assert_int_equal(world->report.tables[0].catch_up_rows, 30);
}

static void test_data_is_late_until_now_while_it_is_open(void **state)
{
    struct world *world = *state;
    add_cycle(world, 0, "success", 5);
    for (int slot = 1; slot < 4; slot++)
        add_cycle(world, slot, "failed", 0);
    add_incident(world, 1, "IcebergOffloadConsecutiveFailures", 1.01, 2.01, 0);
    gather(world, 1, 3.5);
    assert_int_equal(world->report.tables[0].gap_from_ms, at(0) + 10000);
    assert_int_equal(world->report.tables[0].gap_to_ms, 0);
    assert_int_equal(world->report.tables[0].failed, 3);
    assert_int_equal(world->report.end_ms,
                     at(3) + 10000); /* the last cycle's end, because no agent runs and so nothing later is known */
}

static void test_overlapping_outages_count_once(void **state)
{
    struct world *world = *state;
    add_incident(world, 1, "IcebergOffloadSchedulerDown", 10, 10, 20);
    add_incident(world, 2, "IcebergOffloadConsecutiveFailures", 15, 16, 30);
    add_incident(world, 3, "IcebergOffloadConsecutiveFailures", 12, 13, 14);
    add_incident(world, 4, "IcebergOffloadSchedulerDown", 90, 91, 0);
    gather_period(world, 5, 100);
    assert_int_equal(world->report.totals.critical_ms, (20 + 10) * SLOT);
    assert_int_equal(world->report.totals.resolved, 3);
    assert_int_equal(world->report.incidents.count, 4);
}

static void test_recurrence_knows_an_alert_that_changed_its_name(void **state)
{
    struct world *world = *state;
    add_incident(world, 1, "IcebergOffloadLagElevated", 1, 1, 2);
    add_incident(world, 2, "IcebergOffloadLagCritical", 5, 5, 6);
    add_incident(world, 3, "IcebergOffloadCycleSlow", 7, 7, 8);
    execute(world, "UPDATE incident SET runbook = 'iceberg-offload-lag.md' WHERE id > 1"); /* no sign of the kind */
    gather(world, 2, 20);
    assert_int_equal(world->report.earlier.count, 1);
    assert_int_equal(world->report.earlier.at[0].id, 1);
    assert_int_equal(world->report.earlier_in_day, 1);
}

/* Only good cycles from before the incident tell what is usual: not its own, and none that failed or was slow. */
static void test_good_cycles_before_the_incident_tell_what_is_usual(void **state)
{
    struct world *world = *state;
    for (int slot = 0; slot < 40; slot++)
        add_cycle(world, slot, slot == 3 ? "failed" : "success", 5);
    execute(world,
            "UPDATE cycle SET duration_ms = CASE id WHEN 4 THEN 90000 WHEN 6 THEN 400000 ELSE 8000 + id * 100 END");
    execute(world, "UPDATE cycle SET duration_ms = 200000 WHERE started_at >= %lld", (long long)at(30));
    add_incident(world, 1, "IcebergOffloadSchedulerDown", 29.5, 29.5, 33);
    gather(world, 1, 40);
    const struct report_baseline *baseline = &world->report.baseline;
    assert_int_equal(baseline->cycles, 28);
    assert_in_range(baseline->median_ms, 9600, 9750);
    assert_in_range(baseline->low_ms, 7600, 8000);
    assert_in_range(baseline->high_ms, 11700, 12200);
}

static void test_too_few_cycles_give_no_baseline_and_equal_ones_a_narrow_band(void **state)
{
    struct world *world = *state;
    for (int slot = 0; slot < 19; slot++)
        add_cycle(world, slot, "success", 5);
    gather_period(world, 0, 19);
    assert_int_equal(world->report.baseline.cycles, 0);
    report_free(&world->report);
    add_cycle(world, 19, "success", 5);
    gather_period(world, 0, 20);
    assert_int_equal(world->report.baseline.cycles, 20);
    assert_int_equal(world->report.baseline.median_ms, 10000);
    assert_int_equal(world->report.baseline.low_ms, 9048); /* exp(-2 x 0.05) */
    assert_int_equal(world->report.baseline.high_ms, 11052);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_missing_incident_is_found_missing, begin, end),
        cmocka_unit_test_setup_teardown(test_missed_slots_and_late_data, begin, end),
        cmocka_unit_test_setup_teardown(test_a_cycle_that_starts_a_second_early_keeps_its_slot, begin, end),
        cmocka_unit_test_setup_teardown(test_the_cycles_tell_the_interval_of_another_day, begin, end),
        cmocka_unit_test_setup_teardown(test_cycles_that_overrun_miss_slots, begin, end),
        cmocka_unit_test_setup_teardown(test_years_of_missed_slots_are_counted_but_not_listed, begin, end),
        cmocka_unit_test_setup_teardown(test_runs_without_rows_are_late_data_in_a_stall, begin, end),
        cmocka_unit_test_setup_teardown(test_data_is_late_until_now_while_it_is_open, begin, end),
        cmocka_unit_test_setup_teardown(test_overlapping_outages_count_once, begin, end),
        cmocka_unit_test_setup_teardown(test_recurrence_knows_an_alert_that_changed_its_name, begin, end),
        cmocka_unit_test_setup_teardown(test_good_cycles_before_the_incident_tell_what_is_usual, begin, end),
        cmocka_unit_test_setup_teardown(test_too_few_cycles_give_no_baseline_and_equal_ones_a_narrow_band, begin, end),
    };
    setenv("TZ", "UTC", 1);
    tzset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
