/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "agent/notify/alertmanager_alerts.h"

/* What an Alertmanager shall show after each message. */

static void take(struct shown *shown, int64_t incident, enum alert alert, enum severity severity,
                 enum notification_status status, int64_t at_ms)
{
    shown_take(shown, &(struct message){
                          .incident_id = incident,
                          .opened_ms = 1000 * incident,
                          .time_ms = at_ms,
                          .alert = alert,
                          .severity = severity,
                          .status = status,
                          .resolved_ms = status == NOTIFY_RESOLVED ? at_ms : 0,
                      });
}

static void assert_alert(const struct shown *shown, size_t at, int64_t incident, enum alert alert, int64_t ended_ms)
{
    assert_true(at < shown->count);
    assert_int_equal(shown->alerts[at]->incident_id, incident);
    assert_int_equal(shown->alerts[at]->alert, alert);
    assert_int_equal(shown->alerts[at]->status == NOTIFY_RESOLVED, ended_ms != 0);
    assert_int_equal(shown->alerts[at]->resolved_ms, ended_ms);
}

static void a_reminder_is_the_same_alert(void **unused)
{
    struct shown shown = { 0 };
    (void)unused;
    take(&shown, 1, ALERT_WATERMARK_STALE, SEVERITY_CRITICAL, NOTIFY_FIRING, 10);
    take(&shown, 1, ALERT_WATERMARK_STALE, SEVERITY_CRITICAL, NOTIFY_REMINDER, 20);
    assert_int_equal(shown.count, 1);
    assert_int_equal(shown.alerts[0]->time_ms, 20);
    shown_free(&shown);
}

static void another_name_ends_the_first_and_the_end_ends_all(void **unused)
{
    struct shown shown = { 0 };
    (void)unused;
    take(&shown, 1, ALERT_CYCLE_SLOW, SEVERITY_WARNING, NOTIFY_FIRING, 10);
    take(&shown, 1, ALERT_CYCLE_TOO_SLOW, SEVERITY_CRITICAL, NOTIFY_FIRING, 20);
    take(&shown, 1, ALERT_SCHEDULER_DOWN, SEVERITY_CRITICAL, NOTIFY_FIRING, 30);
    assert_int_equal(shown.count, 3);
    assert_alert(&shown, 0, 1, ALERT_CYCLE_SLOW, 20);
    assert_alert(&shown, 1, 1, ALERT_CYCLE_TOO_SLOW, 30);
    assert_alert(&shown, 2, 1, ALERT_SCHEDULER_DOWN, 0);
    take(&shown, 1, ALERT_SCHEDULER_DOWN, SEVERITY_CRITICAL, NOTIFY_RESOLVED, 40);
    assert_alert(&shown, 0, 1, ALERT_CYCLE_SLOW, 20);
    assert_alert(&shown, 2, 1, ALERT_SCHEDULER_DOWN, 40);
    shown_free(&shown);
}

static void another_severity_is_another_alert(void **unused)
{
    struct shown shown = { 0 };
    (void)unused;
    take(&shown, 1, ALERT_SCHEDULER_DOWN, SEVERITY_WARNING, NOTIFY_FIRING, 10);
    take(&shown, 1, ALERT_SCHEDULER_DOWN, SEVERITY_CRITICAL, NOTIFY_RESOLVED,
         20); /* worsened and ended under a silence */
    assert_alert(&shown, 0, 1, ALERT_SCHEDULER_DOWN, 20);
    assert_int_equal(shown.alerts[0]->severity, SEVERITY_WARNING);
    shown_free(&shown);
}

/* A scheduler that is down, and one that was restarted again and again, have one name. */
static void incidents_never_end_one_another(void **unused)
{
    struct shown shown = { 0 };
    (void)unused;
    take(&shown, 1, ALERT_SCHEDULER_DOWN, SEVERITY_WARNING, NOTIFY_FIRING, 10);
    take(&shown, 2, ALERT_SCHEDULER_DOWN, SEVERITY_WARNING, NOTIFY_FIRING, 20);
    take(&shown, 2, ALERT_SCHEDULER_DOWN, SEVERITY_WARNING, NOTIFY_RESOLVED, 30);
    assert_alert(&shown, 0, 1, ALERT_SCHEDULER_DOWN, 0);
    assert_alert(&shown, 1, 2, ALERT_SCHEDULER_DOWN, 30);
    shown_free(&shown);
}

static void an_end_is_forgotten_after_a_quarter_of_an_hour(void **unused)
{
    struct shown shown = { 0 };
    (void)unused;
    take(&shown, 1, ALERT_SCHEDULER_DOWN, SEVERITY_WARNING, NOTIFY_FIRING, 10);
    take(&shown, 1, ALERT_SCHEDULER_DOWN, SEVERITY_WARNING, NOTIFY_RESOLVED, 20);
    take(&shown, 2, ALERT_WATERMARK_STALE, SEVERITY_WARNING, NOTIFY_FIRING, 30);
    shown_forget(&shown, 20 + SHOWN_ENDED_MS);
    assert_int_equal(shown.count, 2);
    shown_forget(&shown, 21 + SHOWN_ENDED_MS);
    assert_int_equal(shown.count, 1);
    assert_alert(&shown, 0, 2, ALERT_WATERMARK_STALE, 0);
    shown_free(&shown);
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
