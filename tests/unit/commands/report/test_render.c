/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report_help.h"

#include "agent/commands/report/chart.h"
#include "agent/commands/report/words.h"
#include "agent/commands/show/terminal.h"

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
    assert_non_null(strstr(strbuf_text(&out), "it does not watch the agent"));
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
    assert_lead(world, "it would not have fired");
    execute(world, "UPDATE incident SET prometheus_at = %lld", (long long)at(2));
    assert_lead(world, "paged 15 min before Prometheus would have");
    execute(world, "UPDATE incident SET prometheus_at = %lld", (long long)at(1) - 120000);
    assert_lead(world, "paged 2 min after Prometheus would have");
    execute(world, "UPDATE incident SET prometheus_at = %lld", (long long)at(1));
    assert_lead(world, "paged at the moment when Prometheus would have");
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

/* A history may come from anybody: one that nobody's clock or counter wrote gives an answer, in every format and at once. */
static void test_absurd_numbers_are_cut(void **state)
{
    struct world *world = *state;
    const struct terminal terminal = { .width = 60, .utf8 = true };
    static const int64_t absurd[] = { INT64_MAX, INT64_MIN, 0, INT64_C(1) << 62 };
    for (int id = 1; id <= 4; id++) {
        long long one = (long long)absurd[id - 1], other = (long long)absurd[id % 4];
        add_incident(world, id, "IcebergOffloadConsecutiveFailures", 1, 2, 3);
        execute(world,
                "UPDATE incident SET onset_at = %lld, opened_at = %lld, resolved_at = %lld, critical_at = %lld,"
                " verified_at = %lld, escalated_at = %lld, prometheus_at = %lld WHERE id = %d",
                one, other, one, other, one, other, one, id);
        execute(world,
                "INSERT INTO cycle (id, started_at, ended_at, duration_ms, outcome, rows)"
                " VALUES (%d, %lld, %lld, %lld, 'success', %lld)",
                id, one, other, one, one);
        execute(world,
                "INSERT INTO run (cycle_id, table_name, started_at, ended_at, duration_ms, outcome, rows)"
                " VALUES (%d, 't', %lld, %lld, %lld, 'success', %lld)",
                id, one, other, one, one);
        execute(world, "INSERT INTO silence (starts_at, ends_at, ended_at) VALUES (%lld, %lld, NULL)", one, other);
    }
    for (int id = 0; id <= 4; id++) {
        struct strbuf out = { 0 };
        if (id)
            gather(world, id, 10);
        else
            gather_period(world, 0, 10);
        report_text(&world->report, &terminal, &out);
        report_markdown(&world->report, &out);
        report_html(&world->report, &out);
        report_json(&world->report, &out);
        assert_true(out.len > 0);
        report_free(&world->report);
        strbuf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_trouble_of_the_agent_itself_is_not_an_outage, begin, end),
        cmocka_unit_test_setup_teardown(test_lead_in_words, begin, end),
        cmocka_unit_test_setup_teardown(test_the_chart_has_one_column_for_each_slot_or_fewer, begin, end),
        cmocka_unit_test_setup_teardown(test_every_format_shows_an_empty_history, begin, end),
        cmocka_unit_test_setup_teardown(test_absurd_numbers_are_cut, begin, end),
    };
    setenv("TZ", "UTC", 1);
    tzset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
