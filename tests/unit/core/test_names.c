/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_alert_has_its_name_and_runbook),
        cmocka_unit_test(severities_and_statuses),
        cmocka_unit_test(outcomes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
