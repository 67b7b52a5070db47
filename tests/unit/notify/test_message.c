/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/zone.h"
#include "message.h"
#include "notify.h"

/* 2026-03-02T23:30:03.169Z */
static const int64_t fired_ms = INT64_C(1772494203169);

static struct incident sample_incident(void)
{
    static const char *const tables[] = { "bronze_trades_binance", "bronze_trades_kraken" };
    return (struct incident){
        .id = 7,
        .alert = ALERT_CONSECUTIVE_FAILURES,
        .severity = SEVERITY_CRITICAL,
        .open = true,
        .table = "bronze_trades_binance",
        .tables = tables,
        .table_count = 2,
        .onset_ms = fired_ms - 900000,
        .opened_ms = fired_ms - 1000,
        .prometheus_ms = fired_ms + 1200000,
        .summary = "the incident's own",
        .cause = { .words = "ClickHouse refuses connections",
                   .scenario = "1/2",
                   .title = "ClickHouse connectivity failure",
                   .first_command = "docker ps" },
        .evidence = "a \xff line",
    };
}

static struct message *sample_message(const struct incident *incident, const char *summary)
{
    struct notification notification = {
        .time_ms = fired_ms,
        .status = NOTIFY_FIRING,
        .severity = SEVERITY_CRITICAL,
        .alert = ALERT_CONSECUTIVE_FAILURES,
        .sequence = 3,
        .summary = summary,
        .incident = incident,
    };
    return message_from(&notification);
}

static char *render_text(const struct message *message)
{
    struct strbuf out = { 0 };
    message_text(message, &out);
    return out.at;
}

static char *render_json(const struct message *message)
{
    struct strbuf out = { 0 };
    message_json(message, &out);
    return out.at;
}

static void a_message_outlives_the_incident(void **unused)
{
    (void)unused;
    struct incident incident = sample_incident();
    char summary[] = "2 failures";
    struct message *first = sample_message(&incident, summary);
    memset(summary, 'x', sizeof summary - 1);
    struct message *message = message_copy(first);
    message_free(first);

    assert_int_equal(message->incident_id, 7);
    assert_int_equal(message->sequence, 3);
    assert_string_equal(message->summary, "2 failures");
    assert_int_equal(message->table_count, 2);
    assert_string_equal(message->tables[1], "bronze_trades_kraken");
    assert_string_equal(message->cause, "ClickHouse refuses connections");
    assert_string_equal(message->evidence, "a \xef\xbf\xbd line");
    assert_null(message->escalate_to);
    assert_int_equal(message->onset_ms, fired_ms - 900000);
    message_free(message);
    message_free(NULL);
}

static void text_is_one_line_for_people(void **unused)
{
    (void)unused;
    struct incident incident = sample_incident();
    incident.table_count = 1;
    struct message *message = sample_message(&incident, "2 failures\nin a \x1b[31mrow");
    char *text = render_text(message);
    assert_string_equal(
        text,
        "2026-03-03T10:30:03.169+11:00 CRITICAL firing IcebergOffloadConsecutiveFailures #7"
        ": 2 failures; in a \\x1b[31mrow (runbook iceberg-offload-failure.md, scenario 2: ClickHouse connectivity "
        "failure)");
    free(text);
    message_free(message);
}

static void text_names_all_tables_and_whom_to_call(void **unused)
{
    (void)unused;
    struct incident incident = sample_incident();
    struct message *message = sample_message(&incident, "s");
    message->alert = ALERT_THROUGHPUT_LOW;
    free(message->runbook);
    message->runbook = NULL;
    message->escalate_to = strdup("Engineering Lead");
    char *text = render_text(message);
    assert_string_equal(text,
                        "2026-03-03T10:30:03.169+11:00 CRITICAL firing IcebergOffloadThroughputLow #7"
                        ": s (tables bronze_trades_binance, bronze_trades_kraken) (escalated to Engineering Lead)");
    free(text);
    message_free(message);
}

/* A cause may have another runbook than the alert. */
static void the_runbook_is_that_of_the_cause(void **unused)
{
    (void)unused;
    struct incident incident = sample_incident();
    incident.cause.runbook = "iceberg-offload-watermark-recovery.md";
    incident.cause.scenario = "4/2";
    incident.cause.title = NULL; /* as an older agent stored it */
    struct message *message = sample_message(&incident, "s");
    char *text = render_text(message);
    char *json = render_json(message);
    assert_non_null(strstr(text, "(runbook iceberg-offload-watermark-recovery.md, scenario 2)"));
    assert_non_null(strstr(json, "\"runbook\":\"iceberg-offload-watermark-recovery.md\""));
    free(text);
    free(json);
    message_free(message);
}

static void json_has_the_documented_keys_in_order(void **unused)
{
    (void)unused;
    struct incident incident = sample_incident();
    struct message *message = sample_message(&incident, "said \"so\"");
    char *json = render_json(message);
    assert_string_equal(json,
                        "{\"time\":\"2026-03-03T10:30:03.169+11:00\",\"status\":\"firing\",\"severity\":\"critical\","
                        "\"alert\":\"IcebergOffloadConsecutiveFailures\",\"table\":\"bronze_trades_binance\","
                        "\"tables\":[\"bronze_trades_binance\",\"bronze_trades_kraken\"],\"incident\":7,"
                        "\"summary\":\"said \\\"so\\\"\",\"runbook\":\"iceberg-offload-failure.md\","
                        "\"prometheus_time\":null}");
    free(json);
    message_free(message);
}

static void json_says_null_and_empty_where_there_is_nothing(void **unused)
{
    (void)unused;
    struct incident incident = sample_incident();
    incident.table = NULL;
    incident.table_count = 0;
    struct message *message = sample_message(&incident, "");
    message->alert = ALERT_SUCCESS_RATE_LOW;
    free(message->runbook);
    message->runbook = NULL;
    char *json = render_json(message);
    assert_non_null(strstr(json, "\"table\":null,\"tables\":[],"));
    assert_non_null(strstr(json, "\"summary\":\"\",\"runbook\":null,\"prometheus_time\":null}"));
    free(json);
    message_free(message);
}

/* The Prometheus alert counts only once its time has come. */
static void prometheus_time_appears_when_reached(void **unused)
{
    (void)unused;
    struct incident incident = sample_incident();
    struct message *message = sample_message(&incident, "s");
    message->prometheus_ms = message->time_ms;
    char *json = render_json(message);
    assert_non_null(strstr(json, "\"prometheus_time\":\"2026-03-03T10:30:03.169+11:00\"}"));
    free(json);
    message_free(message);
}

static void json_survives_any_bytes(void **unused)
{
    (void)unused;
    struct incident incident = sample_incident();
    struct message *message = sample_message(&incident, "s");
    free(message->summary);
    message->summary = strdup("a\xff\xc3\x28\x01\xe2\x82");
    char *json = render_json(message);
    assert_non_null(strstr(json, "\"summary\":\"a\xef\xbf\xbd\xef\xbf\xbd(\\u0001\xef\xbf\xbd\xef\xbf\xbd\""));
    free(json);
    message_free(message);
}

static int set_zone(void **unused)
{
    (void)unused;
    return zone_set("Australia/Sydney") ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_outlives_the_incident),
        cmocka_unit_test(text_is_one_line_for_people),
        cmocka_unit_test(text_names_all_tables_and_whom_to_call),
        cmocka_unit_test(the_runbook_is_that_of_the_cause),
        cmocka_unit_test(json_has_the_documented_keys_in_order),
        cmocka_unit_test(json_says_null_and_empty_where_there_is_nothing),
        cmocka_unit_test(prometheus_time_appears_when_reached),
        cmocka_unit_test(json_survives_any_bytes),
    };
    return cmocka_run_group_tests(tests, set_zone, NULL);
}
