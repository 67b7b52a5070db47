/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sqlite3.h>
#include <cmocka.h>

#include "agent/commands/report/chart.h"
#include "agent/commands/report/report.h"
#include "agent/commands/report/words.h"
#include "agent/commands/show/terminal.h"
#include "agent/history/schema.h"

/* A history in memory. Times are given as slots of 15 minutes after BEGIN. */
static const int64_t SLOT = 900000;
static const int64_t BEGIN = INT64_C(1772496000000);

struct world {
    sqlite3 *db;
    struct config config;
    struct report report;
    int64_t cycles;
};

static void execute(struct world *world, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *sql = sqlite3_vmprintf(format, arguments);
    va_end(arguments);
    char *error = NULL;
    if (sqlite3_exec(world->db, sql, NULL, NULL, &error) != SQLITE_OK)
        fail_msg("%s: %s", sql, error);
    sqlite3_free(sql);
}

static int64_t at(double slot)
{
    return BEGIN + (int64_t)(slot * (double)SLOT);
}

/* A cycle of 10 s, with one run of table "t" that takes as long. */
static void add_cycle(struct world *world, double slot, const char *outcome, int rows)
{
    int64_t id = ++world->cycles, start = at(slot);
    execute(world,
            "INSERT INTO cycle (id, started_at, ended_at, duration_ms, outcome, rows)"
            " VALUES (%lld, %lld, %lld, 10000, %Q, %d)",
            (long long)id, (long long)start, (long long)start + 10000, outcome, rows);
    execute(world,
            "INSERT INTO run (cycle_id, table_name, started_at, ended_at, duration_ms, outcome, rows)"
            " VALUES (%lld, 't', %lld, %lld, 10000, %Q, %d)",
            (long long)id, (long long)start, (long long)start + 10000, outcome, rows);
}

static void add_incident(struct world *world, int id, const char *alert, double onset, double opened, double resolved)
{
    execute(world,
            "INSERT INTO incident (id, alert, tables, severity, state, onset_at, opened_at, critical_at, resolved_at)"
            " VALUES (%d, %Q, '[\"t\"]', 'critical', %Q, %lld, %lld, %lld, nullif(%lld, 0))",
            id, alert, resolved > 0 ? "resolved" : "open", (long long)at(onset), (long long)at(opened),
            (long long)at(opened), resolved > 0 ? (long long)at(resolved) : 0LL);
}

static void gather(struct world *world, int64_t id, double now)
{
    struct strbuf error = { 0 };
    assert_int_equal(report_gather_incident(&world->report, world->db, &world->config, id, at(now), &error),
                     REPORT_FOUND);
    strbuf_free(&error);
}

static void gather_period(struct world *world, double since, double until)
{
    struct strbuf error = { 0 };
    assert_int_equal(
        report_gather_period(&world->report, world->db, &world->config, at(since), at(until), at(until), &error),
        REPORT_FOUND);
    strbuf_free(&error);
}

static int begin(void **state)
{
    struct world *world = must_alloc(sizeof *world);
    struct strbuf error = { 0 };
    assert_int_equal(sqlite3_open(":memory:", &world->db), SQLITE_OK);
    assert_int_equal(schema_migrate(world->db, &error), SQLITE_OK);
    settings_default(&world->config.settings);
    strbuf_free(&error);
    *state = world;
    return 0;
}

static int end(void **state)
{
    struct world *world = *state;
    report_free(&world->report);
    sqlite3_close(world->db);
    free(world);
    return 0;
}

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

static void test_trouble_of_the_agent_itself_is_not_an_outage(void **state)
{
    struct world *world = *state;
    struct strbuf out = { 0 }, error = { 0 };
    add_cycle(world, 0, "success", 5);
    add_incident(world, 1, "IcebergOffloadLogUnreadable", 1, 1, 9);
    add_incident(world, 2, "IcebergOffloadNotificationsStuck", 1, 1, 9);
    execute(world, "UPDATE incident SET critical_at = NULL, severity = 'warning'");
    execute(world,
            "INSERT INTO notification (incident_id, sequence, at, status, severity, alert, tables)"
            " VALUES (1, 1, %lld, 'firing', 'warning', 'x', '[]')",
            (long long)at(1));
    gather(world, 1, 20);
    report_markdown(&world->report, &out);
    report_html(&world->report, &out);
    report_json(&world->report, &out);
    assert_non_null(strstr(strbuf_text(&out), "none: it is the agent's own trouble, not the pipeline's"));
    assert_non_null(strstr(strbuf_text(&out), "none: Prometheus does not watch the agent"));
    assert_non_null(strstr(strbuf_text(&out), "Who would have noticed a dead scheduler"));
    static const char *const no_words[] = { "post-mortem", "the runbook", "good cycles", "would not have fired",
                                            "Outage" };
    for (size_t i = 0; i < sizeof no_words / sizeof no_words[0]; i++)
        assert_null(strstr(strbuf_text(&out), no_words[i]));
    report_free(&world->report);
    gather_period(world, 0, 20);
    assert_int_equal(world->report.totals.warning, 2);
    assert_int_equal(world->report.totals.resolved, 0); /* the agent's own trouble is not a recovery of the pipeline */
    assert_int_equal(world->report.totals.unseen, 0);
    strbuf_free(&out);
    strbuf_free(&error);
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

static void assert_lead(struct world *world, const char *expected)
{
    struct strbuf words = { 0 };
    report_free(&world->report);
    gather(world, 1, 20);
    lead_words(&world->report.incident, &words);
    assert_string_equal(strbuf_text(&words), expected);
    strbuf_free(&words);
}

static void test_lead_in_words(void **state)
{
    struct world *world = *state;
    add_incident(world, 1, "IcebergOffloadSchedulerDown", 1, 1, 5);
    assert_lead(world, "nobody was paged");
    execute(world,
            "INSERT INTO notification (incident_id, sequence, at, status, severity, alert, tables, silenced)"
            " VALUES (1, 1, %lld, 'firing', 'critical', 'x', '[]', 1)",
            (long long)at(1));
    assert_lead(world, "nobody was paged: a silence was in force");
    execute(world, "UPDATE notification SET silenced = 0");
    assert_lead(world, "paged; Prometheus would not have fired");
    execute(world, "UPDATE incident SET prometheus_at = %lld", (long long)at(2));
    assert_lead(world, "paged 15 min before Prometheus would have");
    execute(world, "UPDATE incident SET prometheus_at = %lld", (long long)at(1) - 120000);
    assert_lead(world, "Prometheus would have fired 2 min earlier");
    execute(world, "UPDATE incident SET prometheus_at = %lld", (long long)at(1));
    assert_lead(world, "paged at the moment when Prometheus would have");
}

static void test_recurrence_knows_an_alert_by_its_runbook(void **state)
{
    struct world *world = *state;
    add_incident(world, 1, "IcebergOffloadLagElevated", 1, 1, 2);
    add_incident(world, 2, "IcebergOffloadLagCritical", 5, 5, 6);
    add_incident(world, 3, "IcebergOffloadCycleSlow", 7, 7, 8);
    execute(world, "UPDATE incident SET runbook = 'iceberg-offload-lag.md' WHERE id < 3");
    gather(world, 2, 20);
    assert_int_equal(world->report.earlier.count, 1);
    assert_int_equal(world->report.earlier.at[0].id, 1);
    assert_int_equal(world->report.earlier_in_day, 1);
}

static void test_the_chart_has_one_column_for_each_slot_or_fewer(void **state)
{
    struct world *world = *state;
    for (int slot = 0; slot < 40; slot++)
        add_cycle(world, slot, slot == 20 ? "failed" : "success", slot);
    gather_period(world, 0, 40);
    struct chart wide = chart_make(&world->report, 100), narrow = chart_make(&world->report, 10);
    assert_int_equal(wide.count, 41);
    assert_int_equal(wide.columns[20].state, CYCLE_BAD);
    assert_int_equal(wide.columns[39].rows, 39);
    assert_true(narrow.count <= 10);
    int64_t rows = 0;
    for (size_t i = 0; i < narrow.count; i++)
        rows += narrow.columns[i].rows;
    assert_int_equal(rows, 39 * 40 / 2);
    assert_true(chart_height(&wide, 300000) < chart_height(&wide, 600000));
    chart_free(&wide);
    chart_free(&narrow);
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

/* The history has one incident, and no cycle. */
static void test_every_format_shows_an_empty_history(void **state)
{
    struct world *world = *state;
    struct terminal terminal = { .width = 60, .utf8 = true };
    struct strbuf out = { 0 }, error = { 0 };
    execute(world, "INSERT INTO incident (id, alert, tables, severity, state, opened_at)"
                   " VALUES (1, 'Unheard', 'no json', 'x', 'open', 0)");
    gather(world, 1, 0);
    report_text(&world->report, &terminal, &out);
    report_markdown(&world->report, &out);
    report_html(&world->report, &out);
    report_json(&world->report, &out);
    assert_non_null(strstr(strbuf_text(&out), "Unheard"));
    strbuf_free(&out);
    strbuf_free(&error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_missing_incident_is_found_missing, begin, end),
        cmocka_unit_test_setup_teardown(test_missed_slots_and_late_data, begin, end),
        cmocka_unit_test_setup_teardown(test_a_cycle_that_starts_a_second_early_keeps_its_slot, begin, end),
        cmocka_unit_test_setup_teardown(test_the_cycles_tell_the_interval_of_another_day, begin, end),
        cmocka_unit_test_setup_teardown(test_cycles_that_overrun_miss_slots, begin, end),
        cmocka_unit_test_setup_teardown(test_trouble_of_the_agent_itself_is_not_an_outage, begin, end),
        cmocka_unit_test_setup_teardown(test_years_of_missed_slots_are_counted_but_not_listed, begin, end),
        cmocka_unit_test_setup_teardown(test_runs_without_rows_are_late_data_in_a_stall, begin, end),
        cmocka_unit_test_setup_teardown(test_data_is_late_until_now_while_it_is_open, begin, end),
        cmocka_unit_test_setup_teardown(test_overlapping_outages_count_once, begin, end),
        cmocka_unit_test_setup_teardown(test_lead_in_words, begin, end),
        cmocka_unit_test_setup_teardown(test_recurrence_knows_an_alert_by_its_runbook, begin, end),
        cmocka_unit_test_setup_teardown(test_the_chart_has_one_column_for_each_slot_or_fewer, begin, end),
        cmocka_unit_test_setup_teardown(test_good_cycles_before_the_incident_tell_what_is_usual, begin, end),
        cmocka_unit_test_setup_teardown(test_too_few_cycles_give_no_baseline_and_equal_ones_a_narrow_band, begin, end),
        cmocka_unit_test_setup_teardown(test_every_format_shows_an_empty_history, begin, end),
    };
    setenv("TZ", "UTC", 1);
    tzset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
