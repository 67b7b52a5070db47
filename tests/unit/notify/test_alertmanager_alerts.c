/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "agent/notify/alertmanager_alerts.h"

/* What an Alertmanager shall show after each message. */

static void take(struct alertmanager_alerts *alerts, int64_t incident, enum alert alert, enum severity severity,
                 enum notification_status status, int64_t at_ms)
{
    alertmanager_alerts_take(alerts, &(struct message){
                                         .incident_id = incident,
                                         .opened_ms = 1000 * incident,
                                         .time_ms = at_ms,
                                         .alert = alert,
                                         .severity = severity,
                                         .status = status,
                                         .resolved_ms = status == NOTIFY_RESOLVED ? at_ms : 0,
                                     });
}

static void assert_alert(const struct alertmanager_alerts *alerts, size_t at, int64_t incident, enum alert alert,
                         int64_t ended_ms)
{
    assert_true(at < alerts->count);
    assert_int_equal(alerts->alerts[at]->incident_id, incident);
    assert_int_equal(alerts->alerts[at]->alert, alert);
    assert_int_equal(alerts->alerts[at]->status == NOTIFY_RESOLVED, ended_ms != 0);
    assert_int_equal(alerts->alerts[at]->resolved_ms, ended_ms);
}

static void a_reminder_is_the_same_alert(void **unused)
{
    struct alertmanager_alerts alerts = { 0 };
    (void)unused;
    take(&alerts, 1, ALERT_WATERMARK_STALE, SEVERITY_CRITICAL, NOTIFY_FIRING, 10);
    take(&alerts, 1, ALERT_WATERMARK_STALE, SEVERITY_CRITICAL, NOTIFY_REMINDER, 20);
    assert_int_equal(alerts.count, 1);
    assert_int_equal(alerts.alerts[0]->time_ms, 20);
    alertmanager_alerts_free(&alerts);
}

static void another_name_ends_the_first_and_the_end_ends_all(void **unused)
{
    struct alertmanager_alerts alerts = { 0 };
    (void)unused;
    take(&alerts, 1, ALERT_CYCLE_SLOW, SEVERITY_WARNING, NOTIFY_FIRING, 10);
    take(&alerts, 1, ALERT_CYCLE_TOO_SLOW, SEVERITY_CRITICAL, NOTIFY_FIRING, 20);
    take(&alerts, 1, ALERT_SCHEDULER_DOWN, SEVERITY_CRITICAL, NOTIFY_FIRING, 30);
    assert_int_equal(alerts.count, 3);
    assert_alert(&alerts, 0, 1, ALERT_CYCLE_SLOW, 20);
    assert_alert(&alerts, 1, 1, ALERT_CYCLE_TOO_SLOW, 30);
    assert_alert(&alerts, 2, 1, ALERT_SCHEDULER_DOWN, 0);
    take(&alerts, 1, ALERT_SCHEDULER_DOWN, SEVERITY_CRITICAL, NOTIFY_RESOLVED, 40);
    assert_alert(&alerts, 0, 1, ALERT_CYCLE_SLOW, 20);
    assert_alert(&alerts, 2, 1, ALERT_SCHEDULER_DOWN, 40);
    alertmanager_alerts_free(&alerts);
}

static void another_severity_is_another_alert(void **unused)
{
    struct alertmanager_alerts alerts = { 0 };
    (void)unused;
    take(&alerts, 1, ALERT_SCHEDULER_DOWN, SEVERITY_WARNING, NOTIFY_FIRING, 10);
    take(&alerts, 1, ALERT_SCHEDULER_DOWN, SEVERITY_CRITICAL, NOTIFY_RESOLVED,
         20); /* worsened and ended under a silence */
    assert_alert(&alerts, 0, 1, ALERT_SCHEDULER_DOWN, 20);
    assert_int_equal(alerts.alerts[0]->severity, SEVERITY_WARNING);
    alertmanager_alerts_free(&alerts);
}

/* A scheduler that is down, and one that was restarted again and again, have one name. */
static void incidents_never_end_one_another(void **unused)
{
    struct alertmanager_alerts alerts = { 0 };
    (void)unused;
    take(&alerts, 1, ALERT_SCHEDULER_DOWN, SEVERITY_WARNING, NOTIFY_FIRING, 10);
    take(&alerts, 2, ALERT_SCHEDULER_DOWN, SEVERITY_WARNING, NOTIFY_FIRING, 20);
    take(&alerts, 2, ALERT_SCHEDULER_DOWN, SEVERITY_WARNING, NOTIFY_RESOLVED, 30);
    assert_alert(&alerts, 0, 1, ALERT_SCHEDULER_DOWN, 0);
    assert_alert(&alerts, 1, 2, ALERT_SCHEDULER_DOWN, 30);
    alertmanager_alerts_free(&alerts);
}

static void an_end_is_forgotten_after_a_quarter_of_an_hour(void **unused)
{
    struct alertmanager_alerts alerts = { 0 };
    (void)unused;
    take(&alerts, 1, ALERT_SCHEDULER_DOWN, SEVERITY_WARNING, NOTIFY_FIRING, 10);
    take(&alerts, 1, ALERT_SCHEDULER_DOWN, SEVERITY_WARNING, NOTIFY_RESOLVED, 20);
    take(&alerts, 2, ALERT_WATERMARK_STALE, SEVERITY_WARNING, NOTIFY_FIRING, 30);
    alertmanager_alerts_forget(&alerts, 20 + ALERTMANAGER_ENDED_MS);
    assert_int_equal(alerts.count, 2);
    alertmanager_alerts_forget(&alerts, 21 + ALERTMANAGER_ENDED_MS);
    assert_int_equal(alerts.count, 1);
    assert_alert(&alerts, 0, 2, ALERT_WATERMARK_STALE, 0);
    alertmanager_alerts_free(&alerts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reminder_is_the_same_alert),
        cmocka_unit_test(another_name_ends_the_first_and_the_end_ends_all),
        cmocka_unit_test(another_severity_is_another_alert),
        cmocka_unit_test(incidents_never_end_one_another),
        cmocka_unit_test(an_end_is_forgotten_after_a_quarter_of_an_hour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
