/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "payload_help.h"

static void generic_is_alertmanager_s_envelope(void **state)
{
    struct message message = message_of(ALERT_CONSECUTIVE_FAILURES, SEVERITY_CRITICAL, NOTIFY_FIRING, 2);

    render(*state, FORMAT_GENERIC, &message, 1, false);
    says(*state, "$.version", "4");
    says(*state, "$.status", "firing");
    says(*state, "$.truncatedAlerts", "0");
    says(*state, "$.alerts[0].status", "firing");
    says(*state, "$.alerts[0].labels.alertname", "IcebergOffloadConsecutiveFailures");
    says(*state, "$.alerts[0].labels.severity", "critical");
    says(*state, "$.alerts[0].labels.table", "bronze_trades_kraken");
    says(*state, "$.alerts[0].labels.incident", "3");
    says(*state, "$.alerts[0].labels.host", "host-1");
    says(*state, "$.alerts[0].labels.log", "/tmp/scheduler.log");
    says(*state, "$.commonLabels.alertname", "IcebergOffloadConsecutiveFailures");
    says(*state, "$.alerts[0].startsAt", "2026-02-25T06:13:19.000+00:00");
    says(*state, "$.alerts[0].endsAt", "0001-01-01T00:00:00Z");
    says(*state, "$.alerts[1]", "(none)");
    assert_int_equal(strlen(at(*state, "$.alerts[0].fingerprint")), 16);
}

static void generic_says_all_that_replay_says(void **state)
{
    struct message message = message_of(ALERT_CONSECUTIVE_FAILURES, SEVERITY_CRITICAL, NOTIFY_ESCALATED, 2);
    char lead[] = "Engineering Lead";

    message.escalate_to = lead;
    render(*state, FORMAT_GENERIC, &message, 1, false);
    says(*state, "$.alerts[0].annotations.time", "2026-02-25T06:15:20.000+00:00");
    says(*state, "$.alerts[0].annotations.status", "escalated");
    says(*state, "$.alerts[0].annotations.severity", "critical");
    says(*state, "$.alerts[0].annotations.alert", "IcebergOffloadConsecutiveFailures");
    says(*state, "$.alerts[0].annotations.table", "bronze_trades_kraken");
    says(*state, "$.alerts[0].annotations.tables", "bronze_trades_binance, bronze_trades_kraken");
    says(*state, "$.alerts[0].annotations.incident", "3");
    says(*state, "$.alerts[0].annotations.summary", "2 failures in a row");
    says(*state, "$.alerts[0].annotations.runbook", "iceberg-offload-failure.md");
    says(*state, "$.alerts[0].annotations.scenario", "scenario 2: ClickHouse connectivity failure");
    says(*state, "$.alerts[0].annotations.scenario_title", "ClickHouse connectivity failure");
    says(*state, "$.alerts[0].annotations.runbook_url", "(none)");
    says(*state, "$.alerts[0].annotations.prometheus_time", "2026-02-25T06:15:20.000+00:00");
    says(*state, "$.alerts[0].annotations.cause", "ClickHouse refuses connections");
    says(*state, "$.alerts[0].annotations.first_command", "docker logs clickhouse");
    says(*state, "$.alerts[0].annotations.evidence", "jdbc:clickhouse://***@ch:8123 refused");
    says(*state, "$.alerts[0].annotations.escalate_to", "Engineering Lead");
}

static void what_is_not_there_is_left_out(void **state)
{
    struct message message = message_of(ALERT_SCHEDULER_DOWN, SEVERITY_WARNING, NOTIFY_FIRING, 1);

    message.table = NULL;
    message.table_count = 0;
    message.cause = message.evidence = message.first_command = message.scenario = message.title = NULL;
    render(*state, FORMAT_GENERIC, &message, 1, false);
    says(*state, "$.alerts[0].annotations.prometheus_time", "(none)");
    says(*state, "$.alerts[0].labels.table", "(none)");
    assert_null(strstr(((struct bench *)*state)->body.at, "null"));
    render(*state, FORMAT_PAGERDUTY, &message, 1, false);
    says(*state, "$.payload.component", "scheduler");
    assert_null(strstr(((struct bench *)*state)->body.at, "null"));
    render(*state, FORMAT_SLACK, &message, 1, false);
    assert_null(strstr(((struct bench *)*state)->body.at, "null"));
}

static void a_resolve_has_the_identity_of_its_trigger(void **state)
{
    struct message fired = message_of(ALERT_CONSECUTIVE_FAILURES, SEVERITY_CRITICAL, NOTIFY_FIRING, 2);
    struct message resolved = message_of(ALERT_CONSECUTIVE_FAILURES, SEVERITY_CRITICAL, NOTIFY_RESOLVED, 3);
    static const char *const identity[] = { "$.alerts[0].labels", "$.alerts[0].fingerprint", "$.groupKey" };

    for (size_t i = 0; i < sizeof identity / sizeof identity[0]; i++) {
        render(*state, FORMAT_GENERIC, &fired, 1, false);
        char *expected = strdup(at(*state, identity[i]));
        render(*state, FORMAT_GENERIC, &resolved, 1, false);
        says(*state, identity[i], expected);
        free(expected);
    }
    says(*state, "$.status", "resolved");
    says(*state, "$.alerts[0].status", "resolved");
    says(*state, "$.alerts[0].endsAt", "2026-02-25T06:16:20.000+00:00");
}

static void several_messages_make_one_body(void **state)
{
    struct message messages[3] = {
        message_of(ALERT_CONSECUTIVE_FAILURES, SEVERITY_CRITICAL, NOTIFY_FIRING, 1),
        message_of(ALERT_CONSECUTIVE_FAILURES, SEVERITY_CRITICAL, NOTIFY_RESOLVED, 2),
        message_of(ALERT_CYCLE_SLOW, SEVERITY_WARNING, NOTIFY_FIRING, 1),
    };

    messages[2].incident_id = 4;
    render(*state, FORMAT_GENERIC, messages, 3, false);
    says(*state, "$.status", "firing");
    says(*state, "$.alerts[1].status", "resolved");
    says(*state, "$.alerts[2].labels.incident", "4");
    says(*state, "$.commonLabels.host", "host-1");
    says(*state, "$.commonLabels.incident", "(none)");
    render(*state, FORMAT_GENERIC, messages, 2, false);
    says(*state, "$.status", "firing");
}

/* Whatever bytes a log holds, the body is JSON: at() fails if not. */
static void any_bytes_make_valid_json(void **state)
{
    struct message message = message_of(ALERT_LAG_CRITICAL, SEVERITY_CRITICAL, NOTIFY_FIRING, 2);
    char bytes[256];

    for (int i = 0; i < 255; i++)
        bytes[i] = (char)(i + 1);
    bytes[255] = '\0';
    message.summary = message.evidence = message.cause = message.table = bytes;
    for (int format = FORMAT_GENERIC; format < PAYLOAD_FORMATS; format++) {
        if (format == FORMAT_EMAIL)
            continue;
        render(*state, (enum payload_format)format, &message, 1, false);
        assert_string_not_equal(at(*state, "$"), "(none)");
        render(*state, (enum payload_format)format, &message, 1, true);
        assert_string_not_equal(at(*state, "$"), "(none)");
    }
}

static void no_text_of_the_log_leaves_by_a_webhook_without_evidence(void **state)
{
    struct bench *bench = *state;
    struct message message = message_of(ALERT_CONSECUTIVE_FAILURES, SEVERITY_CRITICAL, NOTIFY_FIRING, 2);
    char summary[] = "2 failures in a row - no such host k2.internal", cause[] = "no such host k2.internal";
    char evidence[] = "k2.internal refused";
    const struct message *const messages[] = { &message };

    message.summary = summary;
    message.cause = cause;
    message.evidence = evidence;
    for (int format = 0; format < PAYLOAD_FORMATS; format++) {
        struct webhook_config webhook = webhook_of((enum payload_format)format);
        webhook.evidence = false;
        strbuf_clear(&bench->body);
        payload_render(bench->masker, &webhook, &origin, messages, 1, PAYLOAD_FULL, NOW_MS, &bench->body);
        assert_null(strstr(bench->body.at, "k2.internal"));
    }
    message.title = NULL;
    const struct webhook_config webhook = { .format = FORMAT_PAGERDUTY, .evidence = false };
    strbuf_clear(&bench->body);
    payload_render(bench->masker, &webhook, &origin, messages, 1, PAYLOAD_FULL, NOW_MS, &bench->body);
    says(bench, "$.payload.summary", "host-1: 2 failures in a row - likely cause not sent here");
    char cut[] = "no new data, no such host k2.inter\xe2\x80\xa6; told"; /* the line had no room for more of it */
    message.summary = cut;
    strbuf_clear(&bench->body);
    payload_render(bench->masker, &webhook, &origin, messages, 1, PAYLOAD_FULL, NOW_MS, &bench->body);
    says(bench, "$.payload.summary", "host-1: no new data, likely cause not sent here; told");
    char long_cause[] = "no such host k2.internal (port 8123)",
         without[] = "no new data, no such host k2.internal; told";
    message.cause = long_cause; /* nor for its brackets */
    message.summary = without;
    strbuf_clear(&bench->body);
    payload_render(bench->masker, &webhook, &origin, messages, 1, PAYLOAD_FULL, NOW_MS, &bench->body);
    says(bench, "$.payload.summary", "host-1: no new data, likely cause not sent here; told");
    char several[] = "2 incidents\nfailures #1: no such host k2.internal\nlag #2: k2.internal";
    message.summary = several;
    strbuf_clear(&bench->body);
    payload_render(bench->masker, &webhook, &origin, messages, 1, PAYLOAD_FULL, NOW_MS, &bench->body);
    says(bench, "$.payload.summary", "host-1: 2 incidents (`agent incidents` lists them)");
}

/* Whoever reads that all is well again has nothing to do. */
static void an_end_gives_no_advice(void **state)
{
    struct message message = message_of(ALERT_CONSECUTIVE_FAILURES, SEVERITY_CRITICAL, NOTIFY_RESOLVED, 3);

    for (int format = FORMAT_GENERIC; format < PAYLOAD_FORMATS; format++) {
        render(*state, (enum payload_format)format, &message, 1, false);
        assert_null(strstr(strbuf_text(&((struct bench *)*state)->body), "docker logs clickhouse"));
        assert_null(strstr(strbuf_text(&((struct bench *)*state)->body), "ClickHouse refuses connections"));
    }
    render(*state, FORMAT_SLACK, &message, 1, false);
    says(*state, "$.text", "RESOLVED host-1: 2 failures in a row");
}

static void pagerduty_triggers_and_resolves_one_key(void **state)
{
    struct message fired = message_of(ALERT_CONSECUTIVE_FAILURES, SEVERITY_WARNING, NOTIFY_FIRING, 1);
    struct message resolved = message_of(ALERT_CONSECUTIVE_FAILURES, SEVERITY_CRITICAL, NOTIFY_RESOLVED, 3);

    render(*state, FORMAT_PAGERDUTY, &fired, 1, false);
    says(*state, "$.routing_key", "(none)"); /* the sender's to add */
    says(*state, "$.event_action", "trigger");
    says(*state, "$.dedup_key", "host-1/tmp/scheduler.log#3@1772000000000");
    says(*state, "$.payload.severity", "warning");
    says(*state, "$.payload.source", "host-1");
    says(*state, "$.payload.class", "IcebergOffloadConsecutiveFailures");
    says(*state, "$.payload.summary", "host-1: 2 failures in a row");
    says(*state, "$.payload.custom_details.runbook", "iceberg-offload-failure.md");
    says(*state, "$.payload.custom_details.evidence", "jdbc:clickhouse://***@ch:8123 refused");
    says(*state, "$.links", "(none)");
    render(*state, FORMAT_PAGERDUTY, &resolved, 1, false);
    says(*state, "$.event_action", "resolve");
    says(*state, "$.dedup_key", "host-1/tmp/scheduler.log#3@1772000000000");
    says(*state, "$.payload.severity", "critical");
}

static void pagerduty_s_limits_hold(void **state)
{
    struct message message = message_of(ALERT_LAG_CRITICAL, SEVERITY_CRITICAL, NOTIFY_FIRING, 2);
    struct strbuf text = { 0 }, key = { 0 };

    for (int i = 0; i < 400000; i++)
        strbuf_puts(&text, "✗");
    message.summary = message.evidence = message.cause = message.first_command = text.at;
    render(*state, FORMAT_PAGERDUTY, &message, 1, false);
    assert_int_equal(number(*state, "SELECT length(json_extract(?1, '$.payload.summary'))"), 1024);
    assert_in_range(((struct bench *)*state)->body.len, 1, 512 * 1024);
    render(*state, FORMAT_PAGERDUTY, &message, 1, true);
    assert_int_equal(number(*state, "SELECT length(json_extract(?1, '$.payload.summary'))"), 256);
    says(*state, "$.payload.custom_details", "(none)");

    const struct payload_origin far = { "host", text.at, "1", NULL };
    payload_dedup_key(&far, &message, &key);
    assert_in_range(key.len, 16, 255);
    strbuf_free(&text);
    strbuf_free(&key);
}

static void keys_differ_where_incidents_do(void **state)
{
    struct message message = message_of(ALERT_LAG_CRITICAL, SEVERITY_CRITICAL, NOTIFY_FIRING, 2);
    const struct payload_origin other_host = { "host-2", "/tmp/scheduler.log", "1", NULL };
    const struct payload_origin umlaut = { "host-1", "/tmp/größe\n.log", "1", NULL };
    struct strbuf keys[5] = { { 0 } };

    (void)state;
    payload_dedup_key(&origin, &message, &keys[0]);
    payload_dedup_key(&other_host, &message, &keys[1]);
    payload_dedup_key(&umlaut, &message, &keys[2]);
    message.incident_id++;
    payload_dedup_key(&origin, &message, &keys[3]);
    message.incident_id--;
    message.opened_ms++;
    payload_dedup_key(&origin, &message, &keys[4]);
    for (size_t i = 0; i < 5; i++)
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(keys[i].at, keys[j].at);
    assert_non_null(strstr(keys[2].at, "iceberg-offload-"));
    for (size_t i = 0; i < 5; i++)
        strbuf_free(&keys[i]);
}

static void alertmanager_gets_alerts_that_outlive_a_weekend(void **state)
{
    struct message message = message_of(ALERT_LAG_ELEVATED, SEVERITY_WARNING, NOTIFY_FIRING, 1);

    render(*state, FORMAT_ALERTMANAGER, &message, 1, false);
    says(*state, "$[0].labels.alertname", "IcebergOffloadLagElevated");
    says(*state, "$[0].labels.incident", "3");
    says(*state, "$[0].startsAt", "2026-02-25T06:13:19.000+00:00");
    says(*state, "$[0].endsAt", "2026-02-28T06:18:20.000+00:00");
    says(*state, "$[0].annotations.summary", "2 failures in a row");
    says(*state, "$[1]", "(none)");
}

static void alertmanager_gets_an_alert_for_each_message(void **state)
{
    struct message messages[2] = {
        message_of(ALERT_CYCLE_SLOW, SEVERITY_WARNING, NOTIFY_RESOLVED, 1),
        message_of(ALERT_CYCLE_TOO_SLOW, SEVERITY_CRITICAL, NOTIFY_FIRING, 2),
    };

    render(*state, FORMAT_ALERTMANAGER, messages, 2, false);
    says(*state, "$[0].labels.alertname", "IcebergOffloadCycleSlow");
    says(*state, "$[0].endsAt", "2026-02-25T06:14:20.000+00:00");
    says(*state, "$[1].labels.alertname", "IcebergOffloadCycleTooSlow");
    says(*state, "$[1].endsAt", "2026-02-28T06:18:20.000+00:00");
    messages[0].resolved_ms = OPENED_MS - 5000; /* the clock was set back: no end before the beginning */
    render(*state, FORMAT_ALERTMANAGER, messages, 2, false);
    says(*state, "$[0].endsAt", "2026-02-25T06:13:19.000+00:00");
    render(*state, FORMAT_GENERIC, messages, 1, false);
    says(*state, "$.alerts[0].endsAt", "2026-02-25T06:13:19.000+00:00");
}

static void a_test_is_no_real_alert_and_ends_by_itself(void **state)
{
    struct message message = message_of(ALERT_SCHEDULER_DOWN, SEVERITY_CRITICAL, NOTIFY_FIRING, 1);

    message.incident_id = 0;
    render(*state, FORMAT_ALERTMANAGER, &message, 1, false);
    says(*state, "$[0].labels.alertname", "IcebergOffloadTest");
    says(*state, "$[0].endsAt", "2026-02-25T06:23:20.000+00:00");
    says(*state, "$[0].annotations.runbook", "(none)");
    render(*state, FORMAT_PAGERDUTY, &message, 1, false);
    says(*state, "$.payload.class", "IcebergOffloadTest");
    says(*state, "$.dedup_key", "host-1/tmp/scheduler.log#0@1772000000000");
    render(*state, FORMAT_GENERIC, &message, 1, false);
    says(*state, "$.alerts[0].labels.alertname", "IcebergOffloadTest");
    render(*state, FORMAT_SLACK, &message, 1, false);
    says(*state, "$.blocks[0].text.text", "host-1: 2 failures in a row");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RENDERING(generic_is_alertmanager_s_envelope),
        RENDERING(generic_says_all_that_replay_says),
        RENDERING(what_is_not_there_is_left_out),
        RENDERING(a_resolve_has_the_identity_of_its_trigger),
        RENDERING(several_messages_make_one_body),
        RENDERING(any_bytes_make_valid_json),
        RENDERING(an_end_gives_no_advice),
        RENDERING(no_text_of_the_log_leaves_by_a_webhook_without_evidence),
        RENDERING(pagerduty_triggers_and_resolves_one_key),
        RENDERING(pagerduty_s_limits_hold),
        RENDERING(keys_differ_where_incidents_do),
        RENDERING(alertmanager_gets_alerts_that_outlive_a_weekend),
        RENDERING(alertmanager_gets_an_alert_for_each_message),
        RENDERING(a_test_is_no_real_alert_and_ends_by_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
