/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/strbuf.h"
#include "cycle.h"
#include "incident.h"

static void every_alert_has_its_name_and_runbook(void **unused)
{
    (void)unused;
    static const struct {
        enum alert alert;
        const char *name, *runbook;
        int minutes;
    } expected[] = {
        { ALERT_CONSECUTIVE_FAILURES, "IcebergOffloadConsecutiveFailures", "iceberg-offload-failure.md", 30 },
        { ALERT_LAG_ELEVATED, "IcebergOffloadLagElevated", "iceberg-offload-lag.md", 30 },
        { ALERT_LAG_CRITICAL, "IcebergOffloadLagCritical", "iceberg-offload-lag.md", 30 },
        { ALERT_CYCLE_SLOW, "IcebergOffloadCycleSlow", "iceberg-offload-performance.md", 30 },
        { ALERT_CYCLE_TOO_SLOW, "IcebergOffloadCycleTooSlow", "iceberg-offload-performance.md", 30 },
        { ALERT_WATERMARK_STALE, "IcebergOffloadWatermarkStale", "iceberg-offload-watermark-recovery.md", 60 },
        { ALERT_SCHEDULER_DOWN, "IcebergOffloadSchedulerDown", "iceberg-scheduler-recovery.md", 5 },
        { ALERT_SUCCESS_RATE_LOW, "IcebergOffloadSuccessRateLow", NULL, 0 },
        { ALERT_THROUGHPUT_LOW, "IcebergOffloadThroughputLow", NULL, 0 },
        { ALERT_LOG_UNREADABLE, "IcebergOffloadLogUnreadable", NULL, 0 },
        { ALERT_NOTIFICATIONS_STUCK, "IcebergOffloadNotificationsStuck", NULL, 0 },
    };
    assert_int_equal(sizeof expected / sizeof *expected, ALERTS);
    for (size_t i = 0; i < ALERTS; i++) {
        assert_string_equal(alert_name(expected[i].alert), expected[i].name);
        if (expected[i].runbook)
            assert_string_equal(alert_runbook(expected[i].alert), expected[i].runbook);
        else
            assert_null(alert_runbook(expected[i].alert));
        assert_int_equal(alert_recovery_ms(expected[i].alert), expected[i].minutes * 60000);
    }
}

static void severities_and_statuses(void **unused)
{
    (void)unused;
    assert_string_equal(severity_name(SEVERITY_NONE), "none");
    assert_string_equal(severity_name(SEVERITY_WARNING), "warning");
    assert_string_equal(severity_name(SEVERITY_CRITICAL), "critical");
    assert_string_equal(notification_status_name(NOTIFY_FIRING), "firing");
    assert_string_equal(notification_status_name(NOTIFY_ESCALATED), "escalated");
    assert_string_equal(notification_status_name(NOTIFY_REMINDER), "reminder");
    assert_string_equal(notification_status_name(NOTIFY_RESOLVED), "resolved");
}

static void outcomes(void **unused)
{
    (void)unused;
    assert_string_equal(cycle_outcome_name(CYCLE_RUNNING), "running");
    assert_string_equal(cycle_outcome_name(CYCLE_SUCCESS), "success");
    assert_string_equal(cycle_outcome_name(CYCLE_PARTIAL), "partial");
    assert_string_equal(cycle_outcome_name(CYCLE_FAILED), "failed");
    assert_string_equal(cycle_outcome_name(CYCLE_ABORTED), "aborted");
    assert_string_equal(run_outcome_name(RUN_RUNNING), "running");
    assert_string_equal(run_outcome_name(RUN_SUCCESS), "success");
    assert_string_equal(run_outcome_name(RUN_FAILED), "failed");
    assert_string_equal(run_outcome_name(RUN_TIMEOUT), "timeout");
    assert_string_equal(run_outcome_name(RUN_ABORTED), "aborted");
}

static void a_place_in_a_runbook_is_told_by_file_number_and_title(void **unused)
{
    (void)unused;
    static const struct {
        const char *runbook, *scenario, *title, *words;
    } places[] = {
        { "a.md", "1/2", "It is down", "a.md, scenario 2: It is down" },
        { "a.md", "12/34", NULL, "a.md, scenario 34" },
        { "a.md", "5", NULL, "a.md" },
        { "a.md", "5", "a title of nothing", "a.md" },
        { "a.md", NULL, NULL, "a.md" },
        { "a.md", "1/", NULL, "a.md" },
        { "a.md", "x/2", NULL, "a.md" },
        { "a.md", "1/2<b>", NULL, "a.md" },
        { NULL, "1/2", "It is down", "" },
    };
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct strbuf words = { 0 };
        runbook_words(places[i].runbook, places[i].scenario, places[i].title, &words);
        assert_string_equal(strbuf_text(&words), places[i].words);
        strbuf_free(&words);
    }
}

static void a_runbooks_address_lies_below_the_base(void **unused)
{
    (void)unused;
    static const struct {
        const char *base, *runbook, *url;
    } links[] = {
        { "https://x/r/", "a-b_c.1.md", "https://x/r/a-b_c.1.md" },
        { "https://x/r", "sub/a.md", "https://x/r/sub/a.md" },
        { NULL, "a.md", NULL },
        { "", "a.md", NULL },
        { "https://x", NULL, NULL },
        { "https://x", "", NULL },
        { "https://x", "a b.md", NULL },
        { "https://x", "a\"onclick=\"", NULL },
        { "https://x", "\xc3\xa9.md", NULL },
    };
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
        struct strbuf url = { 0 };
        assert_int_equal(runbook_url(links[i].base, links[i].runbook, &url), links[i].url != NULL);
        assert_string_equal(strbuf_text(&url), links[i].url ? links[i].url : "");
        strbuf_free(&url);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_alert_has_its_name_and_runbook),
        cmocka_unit_test(a_place_in_a_runbook_is_told_by_file_number_and_title),
        cmocka_unit_test(a_runbooks_address_lies_below_the_base),
        cmocka_unit_test(severities_and_statuses),
        cmocka_unit_test(outcomes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
