/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "history_help.h"

static void rows_arrive_as_told(void **unused)
{
    (void)unused;
    struct place place;
    place_make(&place);
    struct history *history = must_open(&place);
    struct engine_sink sink = history_sink(history);
    assert_false(history_dirty(history));
    assert_null(sink.notify);

    struct cycle cycle = sample_cycle(1);
    struct run run = sample_run(1, "bronze_a");
    sink.cycle(sink.ctx, &cycle);
    sink.run(sink.ctx, &run);
    assert_true(history_dirty(history));
    assert_int_not_equal(history_pending_bytes(history), 0);
    must_commit(history);
    assert_int_equal(history_pending_bytes(history), 0);
    assert_row(&place, "SELECT * FROM cycle", "1|1000|NULL|NULL|running|2|0|0|0|0");
    assert_row(&place, "SELECT * FROM run",
               "1|1|bronze_a|1001|NULL|NULL|running|NULL|NULL|NULL|log|NULL|NULL|NULL|NULL|NULL");

    cycle = (struct cycle){ 1, 1000, 9000, 8000, CYCLE_PARTIAL, 2, 1, 1, 0, 77 };
    run.ended_ms = 5000;
    run.duration_ms = 3999;
    run.outcome = RUN_FAILED;
    run.rows = 0;
    run.exit_code = 137;
    run.error = "out of \xff memory\nand so on";
    sink.cycle(sink.ctx, &cycle);
    sink.run(sink.ctx, &run);
    must_commit(history);
    assert_row(&place, "SELECT * FROM cycle", "1|1000|9000|8000|partial|2|1|1|0|77");
    assert_row(
        &place, "SELECT * FROM run",
        "1|1|bronze_a|1001|5000|3999|failed|0|137|out of \xef\xbf\xbd memory\nand so on|log|NULL|NULL|NULL|NULL|NULL");
    history_close(history);
    place_remove(&place);
}

/* More ids at once than the batch remembers: rows are told again in an order that pushes them out. */
static void the_last_word_of_a_row_wins(void **unused)
{
    (void)unused;
    struct place place;
    place_make(&place);
    struct history *history = must_open(&place);
    struct engine_sink sink = history_sink(history);
    for (int round = 1; round <= 3; round++) {
        for (int64_t id = 1; id <= 300; id++) {
            struct run run = sample_run(id, "bronze_a");
            run.rows = id * round;
            run.error = round == 2 ? "transient" : NULL;
            sink.run(sink.ctx, &run);
            sink.run(sink.ctx, &run);
        }
    }
    must_commit(history);
    assert_row(&place, "SELECT count(*), sum(rows), count(error) FROM run", "300|135450|0");
    history_close(history);
    place_remove(&place);
}

static void a_row_told_again_costs_no_memory(void **unused)
{
    (void)unused;
    struct place place;
    place_make(&place);
    struct history *history = must_open(&place);
    struct engine_sink sink = history_sink(history);
    struct incident incident = sample_incident(1);
    struct run run = sample_run(1, "bronze_a");
    sink.incident(sink.ctx, &incident);
    sink.run(sink.ctx, &run);
    size_t bytes = history_pending_bytes(history);
    for (int i = 0; i < 1000; i++) {
        incident.escalated_ms = i;
        run.rows = i;
        sink.incident(sink.ctx, &incident);
        sink.run(sink.ctx, &run);
    }
    assert_int_equal(history_pending_bytes(history), bytes);
    must_commit(history);
    assert_row(&place, "SELECT incident.escalated_at, run.rows FROM incident, run", "999|999");
    history_close(history);
    place_remove(&place);
}

static void an_incident_keeps_what_a_person_wrote(void **unused)
{
    (void)unused;
    struct place place;
    place_make(&place);
    struct history *history = must_open(&place);
    struct engine_sink sink = history_sink(history);
    struct incident incident = sample_incident(1);
    struct timeline_entry opened = { 1, 1000, 4711, "opened", "it began" }, note = { 1, 1001, -1, "note", "no place" };
    sink.incident(sink.ctx, &incident);
    sink.timeline(sink.ctx, &opened);
    sink.timeline(sink.ctx, &note);
    must_commit(history);
    assert_row(&place,
               "SELECT alert, table_name, tables, severity, state, onset_at, opened_at, critical_at, cause, scenario,"
               " runbook, summary FROM incident",
               "IcebergOffloadLagElevated|bronze \"a\"|[\"bronze "
               "\\\"a\\\"\",\"bronze_b\"]|warning|open|500|1000|NULL|NULL|2/1|"
               "iceberg-offload-lag.md|late");
    assert_row(&place, "SELECT group_concat(id || kind || text || ifnull(log_offset, '-')) FROM timeline",
               "1openedit began4711,2noteno place-");

    change(&place, "UPDATE incident SET cause = 'a cable', deviations = 'none'");
    incident.alert = ALERT_LAG_CRITICAL;
    incident.severity = SEVERITY_CRITICAL;
    incident.open = false;
    incident.critical_ms = 2000;
    incident.resolved_ms = 3000;
    incident.table_count = 1;
    incident.cause.words = "a likely one";
    incident.summary = NULL;
    sink.incident(sink.ctx, &incident);
    must_commit(history);
    assert_row(
        &place,
        "SELECT alert, tables, severity, state, critical_at, resolved_at, cause, deviations, likely_cause,"
        " summary FROM incident",
        "IcebergOffloadLagCritical|[\"bronze \\\"a\\\"\"]|critical|resolved|2000|3000|a cable|none|a likely one|NULL");
    history_close(history);
    place_remove(&place);
}

static void state_and_sources_survive_a_restart(void **unused)
{
    (void)unused;
    struct place place;
    place_make(&place);
    struct history *history = must_open(&place);
    struct strbuf value = { 0 };
    struct source_position positions[3] = {
        { UINT64_MAX, 1, 10, UINT64_MAX - 1, 256, 7, SOURCE_OWNER_UNKNOWN },
        { 2, INT64_MAX, 20, 0, 0, 0, UINT32_MAX },
        { 3, 3, 30, 3, 30, 0, 1000 },
    };
    assert_false(history_get_state(history, "engine.live", &value));
    assert_int_equal(history_get_sources(history, positions, 0), 0);
    history_put_state(history, "engine.live", slice_of("clock 1\n"));
    history_put_state(history, "parser", slice_of(""));
    history_put_state(history, "engine.live", slice_of("clock 2\n"));
    history_put_sources(history, positions, 3);
    must_commit(history);
    history_put_state(history, "engine.live", slice_of("clock 2\n"));
    history_put_sources(history, positions, 3);
    assert_false(history_dirty(history));
    history_put_sources(history, positions, 2);
    assert_true(history_dirty(history));
    must_commit(history);
    history_close(history);

    history = must_open(&place);
    struct source_position found[3];
    assert_true(history_get_state(history, "engine.live", &value));
    assert_string_equal(strbuf_text(&value), "clock 2\n");
    assert_true(history_get_state(history, "parser", &value));
    assert_string_equal(strbuf_text(&value), "");
    assert_int_equal(history_get_sources(history, found, 1), 1);
    assert_int_equal(history_get_sources(history, found, 3), 2);
    assert_memory_equal(found, positions, 2 * sizeof *found);
    assert_false(history_dirty(history));
    history_close(history);
    strbuf_free(&value);
    place_remove(&place);
}

static void what_was_not_committed_is_gone(void **unused)
{
    (void)unused;
    struct place place;
    place_make(&place);
    struct history *history = must_open(&place);
    struct engine_sink sink = history_sink(history);
    struct cycle cycle = sample_cycle(1);
    sink.cycle(sink.ctx, &cycle);
    must_commit(history);
    cycle = sample_cycle(2);
    sink.cycle(sink.ctx, &cycle);
    gather_message(history, 1, 1);
    history_put_state(history, "engine.live", slice_of("x"));
    history_close(history);
    history = must_open(&place);
    assert_row(&place,
               "SELECT (SELECT count(*) FROM cycle), (SELECT count(*) FROM notification),"
               " (SELECT count(*) FROM outbox), (SELECT count(*) FROM state)",
               "1|0|0|0");
    history_close(history);
    place_remove(&place);
}

/* Retention removes the newest rows too: their ids must not come back. */
static void ids_are_never_given_twice(void **unused)
{
    (void)unused;
    struct place place;
    place_make(&place);
    struct history *history = must_open(&place);
    assert_int_equal(gather_message(history, 1, 1), 1);
    assert_int_equal(gather_message(history, 1, 2), 3);
    must_commit(history);
    assert_row(&place, "SELECT group_concat(id || webhook || notification_id) FROM outbox",
               "1pager1,2chat1,3pager2,4chat2");
    change(&place, "DELETE FROM outbox");
    change(&place, "DELETE FROM notification");
    history_close(history);
    history = must_open(&place);
    assert_int_equal(gather_message(history, 1, 3), 5);
    must_commit(history);
    assert_row(&place, "SELECT max(id) FROM notification", "3");
    history_close(history);
    place_remove(&place);
}

static void assert_outbox(struct history *history, const char *webhook, int64_t after, const char *expected)
{
    struct outbox_entry entries[8];
    size_t count = history_get_outbox(history, webhook, after, entries, 8);
    struct strbuf found = { 0 };
    for (size_t i = 0; i < count; i++)
        strbuf_printf(&found, "%s%lld:#%lld/%lld x%lld @%lld", i ? ", " : "", (long long)entries[i].id,
                      (long long)entries[i].message->incident_id, (long long)entries[i].message->sequence,
                      (long long)entries[i].attempts, (long long)entries[i].next_attempt_ms);
    assert_string_equal(strbuf_text(&found), expected);
    strbuf_free(&found);
    free_entries(entries, count);
}

static void the_outbox_knows_gathered_and_committed(void **unused)
{
    (void)unused;
    struct place place;
    place_make(&place);
    struct history *history = must_open(&place);
    for (int i = 1; i <= 3; i++)
        gather_message(history, 9, i);
    assert_outbox(history, "pager", 0, "1:#9/1 x0 @0, 3:#9/2 x0 @0, 5:#9/3 x0 @0");
    history_put_delivery(history, 1, "delivered", 1, 0, 3000, NULL);
    history_put_delivery(history, 3, "pending", 2, 4000, 0, "503");
    assert_outbox(history, "pager", 0, "3:#9/2 x2 @4000, 5:#9/3 x0 @0");
    must_commit(history);
    assert_row(&place, "SELECT status, attempts, next_attempt_at, delivered_at, last_error FROM outbox WHERE id = 1",
               "delivered|1|NULL|3000|NULL");
    assert_row(&place, "SELECT status, attempts, next_attempt_at, delivered_at, last_error FROM outbox WHERE id = 3",
               "pending|2|4000|NULL|503");

    gather_message(history, 9, 4);
    history_put_delivery(history, 3, "pending", 3, 9000, 0, "504");
    history_put_delivery(history, 3, "pending", 4, 9500, 0, "505");
    history_put_delivery(history, 5, "refused", 1, 0, 0, "400");
    assert_outbox(history, "pager", 0, "3:#9/2 x4 @9500, 7:#9/4 x0 @0");
    assert_outbox(history, "pager", 3, "7:#9/4 x0 @0");
    assert_outbox(history, "chat", 4, "6:#9/3 x0 @0, 8:#9/4 x0 @0");
    assert_outbox(history, "nobody", 0, "");
    must_commit(history);
    history_close(history);
    history = must_open(&place);
    assert_outbox(history, "pager", 0, "3:#9/2 x4 @9500, 7:#9/4 x0 @0");
    history_close(history);
    place_remove(&place);
}

static void a_message_comes_back_whole(void **unused)
{
    (void)unused;
    struct place place;
    place_make(&place);
    struct history *history = must_open(&place);
    struct message *message = sample_message(3, 2);
    message->escalate_to = strdup("Engineering Lead");
    message->prometheus_ms = 12345;
    int64_t id = history_put_message(history, message, true);
    history_put_outbox(history, id, 3, "pager", 2000);
    must_commit(history);
    assert_row(&place, "SELECT silenced, tables FROM notification", "1|[\"bronze \\\"a\\\"\",\"bronze_b\"]");
    struct outbox_entry entry;
    assert_int_equal(history_get_outbox(history, "pager", 0, &entry, 1), 1);
    const struct message *found = entry.message;
    assert_int_equal(entry.created_ms, 2000);
    assert_int_equal(found->time_ms, 2000);
    assert_int_equal(found->status, NOTIFY_FIRING);
    assert_int_equal(found->severity, SEVERITY_WARNING);
    assert_int_equal(found->alert, ALERT_LAG_ELEVATED);
    assert_int_equal(found->onset_ms, 500);
    assert_int_equal(found->opened_ms, 3000);
    assert_int_equal(found->resolved_ms, 0);
    assert_int_equal(found->prometheus_ms, 12345);
    assert_string_equal(found->table, "bronze \"a\"");
    assert_int_equal(found->table_count, 2);
    assert_string_equal(found->tables[0], "bronze \"a\"");
    assert_string_equal(found->tables[1], "bronze_b");
    assert_string_equal(found->summary, "it is late");
    assert_string_equal(found->scenario, "2/1");
    assert_null(found->cause);
    assert_string_equal(found->escalate_to, "Engineering Lead");
    free_entries(&entry, 1);
    message_free(message);
    history_close(history);
    place_remove(&place);
}

static void silences_hold_from_start_to_end(void **unused)
{
    (void)unused;
    struct place place;
    place_make(&place);
    struct history *history = must_open(&place);
    assert_int_equal(silence_end(history, 150), 0);
    change(&place, "INSERT INTO silence (starts_at, ends_at, ended_at) VALUES (100, 200, NULL), (300, 400, 350), (310, "
                   "390, NULL)");
    assert_int_equal(silence_end(history, 99), 0);
    assert_int_equal(silence_end(history, 100), 200);
    assert_int_equal(silence_end(history, 199), 200);
    assert_int_equal(silence_end(history, 200), 0);
    assert_int_equal(silence_end(history, 349), 390); /* the last of them, of which one was ended early */
    assert_int_equal(silence_end(history, 350), 390);
    assert_int_equal(silence_end(history, 390), 0);
    history_close(history);
    place_remove(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_arrive_as_told),
        cmocka_unit_test(the_last_word_of_a_row_wins),
        cmocka_unit_test(a_row_told_again_costs_no_memory),
        cmocka_unit_test(an_incident_keeps_what_a_person_wrote),
        cmocka_unit_test(state_and_sources_survive_a_restart),
        cmocka_unit_test(what_was_not_committed_is_gone),
        cmocka_unit_test(ids_are_never_given_twice),
        cmocka_unit_test(the_outbox_knows_gathered_and_committed),
        cmocka_unit_test(a_message_comes_back_whole),
        cmocka_unit_test(silences_hold_from_start_to_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
