/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "history_help.h"

static void prune_all(struct history *history, int64_t before_ms)
{
    int calls = 0;
    while (history_prune(history, before_ms))
        assert_true(++calls < 10000);
}

static void old_cycles_go_with_their_runs(void **unused)
{
    (void)unused;
    struct place place;
    place_make(&place);
    struct history *history = must_open(&place);
    gather_cycles(history, 1, 500);
    must_commit(history);
    assert_true(history_prune(history, 400000));
    assert_row(&place, "SELECT count(*) > 300 FROM cycle", "1");
    prune_all(history, 400000);
    assert_row(&place, "SELECT min(id), max(id), count(*) FROM cycle", "400|500|101");
    assert_row(&place, "SELECT min(cycle_id), count(*) FROM run", "400|202");
    assert_false(history_prune(history, 400000));
    history_close(history);
    place_remove(&place);
}

/* Incident id, with a story, a notification and a delivery whose status is given. */
static void gather_incident(struct history *history, int64_t id, bool open, const char *delivery)
{
    struct engine_sink sink = history_sink(history);
    struct incident incident = sample_incident(id);
    incident.open = open;
    incident.resolved_ms = open ? 0 : 1000 * id + 500;
    sink.incident(sink.ctx, &incident);
    struct timeline_entry fact = { id, 1000 * id, -1, "opened", "so it began" };
    sink.timeline(sink.ctx, &fact);
    int64_t entry = gather_message(history, id, 1);
    history_put_delivery(history, entry, delivery, 1, 0, 0, NULL);
    history_put_delivery(history, entry + 1, "delivered", 1, 0, 0, NULL);
}

static void open_and_unsent_incidents_stay(void **unused)
{
    (void)unused;
    struct place place;
    place_make(&place);
    struct history *history = must_open(&place);
    for (int64_t id = 1; id <= 40; id++)
        gather_incident(history, id, id == 5, id == 7 ? "pending" : id % 2 ? "delivered" : "refused");
    must_commit(history);
    prune_all(history, 30200);
    assert_row(&place, "SELECT group_concat(id) FROM incident", "5,7,30,31,32,33,34,35,36,37,38,39,40");
    static const char *const tables[] = { "timeline", "notification", "outbox" };
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        char query[200];
        snprintf(query, sizeof query,
                 "SELECT group_concat(incident_id) FROM (SELECT DISTINCT incident_id FROM %s ORDER BY 1)", tables[i]);
        assert_row(&place, query, "5,7,30,31,32,33,34,35,36,37,38,39,40");
    }
    history_close(history);
    place_remove(&place);
}

static void a_long_story_goes_piece_by_piece(void **unused)
{
    (void)unused;
    struct place place;
    place_make(&place);
    struct history *history = must_open(&place);
    gather_incident(history, 1, false, "delivered");
    struct engine_sink sink = history_sink(history);
    struct timeline_entry fact = { 1, 1000, -1, "evidence", "a line" };
    for (int i = 0; i < 5000; i++)
        sink.timeline(sink.ctx, &fact);
    must_commit(history);
    assert_true(history_prune(history, 10000));
    assert_row(&place, "SELECT (SELECT count(*) FROM incident), (SELECT count(*) > 2000 FROM timeline)", "1|1");
    prune_all(history, 10000);
    assert_row(&place, "SELECT (SELECT count(*) FROM incident), (SELECT count(*) FROM timeline)", "0|0");
    history_close(history);
    place_remove(&place);
}

static void ended_silences_go(void **unused)
{
    (void)unused;
    struct place place;
    place_make(&place);
    struct history *history = must_open(&place);
    change(&place, "INSERT INTO silence (starts_at, ends_at) VALUES (100, 200), (300, 9000)");
    prune_all(history, 1000);
    assert_row(&place, "SELECT group_concat(starts_at) FROM silence", "300");
    history_close(history);
    place_remove(&place);
}

enum { HOUR = 60 * 60 * 1000, DAY = 24 * HOUR };

/* Cycles on the hour for count hours from 2026-01-01 on. */
static const int64_t first_hour_ms = 1767225600000;
static void gather_hours(struct history *history, int64_t count)
{
    struct engine_sink sink = history_sink(history);
    for (int64_t id = 1; id <= count; id++) {
        struct cycle cycle = { .id = id, .started_ms = first_hour_ms + (id - 1) * HOUR };
        sink.cycle(sink.ctx, &cycle);
    }
    must_commit(history);
}

/* The host booted ten hours before. */
static int64_t start_at(struct history *history, int64_t now_ms, int64_t later_ms)
{
    return history_retention_start_ms(history, 10 * DAY, now_ms + later_ms, 10 * HOUR + later_ms);
}

static void nothing_is_removed_before_the_clock_was_steady_for_an_hour(void **unused)
{
    (void)unused;
    struct place place;
    place_make(&place);
    struct history *history = must_open(&place);
    gather_hours(history, 500);
    int64_t newest_ms = first_hour_ms + 499 * (int64_t)HOUR;
    assert_int_equal(start_at(history, newest_ms, 0), INT64_MIN);
    assert_int_equal(start_at(history, newest_ms, HOUR - 1), INT64_MIN);
    must_commit(history);
    history_close(history);
    history = must_open(&place); /* a restart does not begin to wait anew */
    assert_int_equal(start_at(history, newest_ms, HOUR), newest_ms - 10 * DAY);

    /* The clock is set, back and then right again: each time the hour begins anew. */
    assert_int_equal(start_at(history, newest_ms - DAY, HOUR), INT64_MIN);
    assert_int_equal(start_at(history, newest_ms - DAY, 2 * HOUR), newest_ms - DAY + 2 * HOUR - 10 * DAY);
    assert_int_equal(start_at(history, newest_ms, 3 * HOUR), INT64_MIN);
    assert_int_equal(start_at(history, newest_ms, 4 * HOUR), newest_ms - 10 * DAY);
    /* A step of some seconds is no news. */
    assert_int_equal(start_at(history, newest_ms + 30 * 1000, 4 * HOUR), newest_ms - 10 * DAY);
    history_close(history);
    place_remove(&place);
}

static void ages_are_counted_from_the_newest_cycle(void **unused)
{
    (void)unused;
    struct place place;
    place_make(&place);
    struct history *history = must_open(&place);
    int64_t newest_ms = first_hour_ms + 499 * (int64_t)HOUR, ahead_ms = newest_ms + 100 * (int64_t)DAY;
    assert_int_equal(start_at(history, ahead_ms, 0), INT64_MIN);
    assert_int_equal(start_at(history, ahead_ms, 5 * HOUR), INT64_MIN); /* there is no cycle yet */
    gather_hours(history, 500);
    assert_int_equal(start_at(history, ahead_ms, 5 * HOUR), newest_ms - 10 * DAY);
    prune_all(history, start_at(history, ahead_ms, 5 * HOUR));
    assert_row(&place, "SELECT count(*) FROM cycle", "241");
    history_close(history);
    place_remove(&place);
}

static void a_clock_from_anybody_is_understood(void **unused)
{
    (void)unused;
    static const char *const clocks[] = { "''", "'-9223372036854775808 -9223372036854775808'",
                                          "'9223372036854775807 9223372036854775807'", "x'00ff'", "'1767225600000'" };
    for (size_t i = 0; i < sizeof clocks / sizeof *clocks; i++) {
        struct place place;
        char query[200];
        place_make(&place);
        history_close(must_open(&place));
        snprintf(query, sizeof query, "INSERT INTO state VALUES ('clock', %s)", clocks[i]);
        change(&place, query);
        struct history *history = must_open(&place);
        gather_hours(history, 2);
        assert_int_equal(start_at(history, first_hour_ms + HOUR, 0), INT64_MIN);
        assert_int_equal(start_at(history, first_hour_ms + HOUR, HOUR), first_hour_ms + HOUR - 10 * DAY);
        history_close(history);
        place_remove(&place);
    }
}

/* A year's worth goes through a window of retention: the file must not grow with the year. */
static void the_size_stays_flat(void **unused)
{
    (void)unused;
    enum { ROUNDS = 60, PER_ROUND = 500, KEPT = 3000 };
    struct place place;
    place_make(&place);
    struct history *history = must_open(&place);
    int64_t warm = 0, largest = 0, largest_wal = 0;
    for (int64_t round = 0; round < ROUNDS; round++) {
        gather_cycles(history, 1 + round * PER_ROUND, PER_ROUND);
        must_commit(history);
        prune_all(history, ((round + 1) * PER_ROUND - KEPT) * 1000);
        tend(history);
        int64_t bytes = file_bytes(&place, "");
        int64_t wal_bytes = file_bytes(&place, "-wal");
        if (round == ROUNDS / 4)
            warm = bytes;
        largest = bytes > largest ? bytes : largest;
        largest_wal = wal_bytes > largest_wal ? wal_bytes : largest_wal;
    }
    assert_row(&place, "SELECT count(*) FROM cycle", "3001");
    assert_in_range(largest, warm, warm + warm / 5);
    assert_in_range(largest_wal, 1, 8 << 20);

    /* What is free beyond a reserve goes back to the file system. */
    prune_all(history, INT64_MAX);
    assert_row(&place, "SELECT count(*) FROM run", "0");
    assert_row(&place, "SELECT freelist_count <= 256 FROM pragma_freelist_count", "1");
    history_close(history);
    assert_in_range(file_bytes(&place, ""), 1, 300 * 4096);
    place_remove(&place);
}

/* A reader that does not let go: told, and no harm done. */
static void a_held_wal_is_reported(void **unused)
{
    (void)unused;
    struct place place;
    place_make(&place);
    struct history *history = must_open(&place);
    gather_cycles(history, 1, 10);
    must_commit(history);
    assert_int_equal(tend(history), 0);

    sqlite3 *reader = NULL;
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_open(place.path, &reader), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(reader, "SELECT id FROM cycle", -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    for (int64_t i = 0; i < 200; i++) {
        gather_cycles(history, 100 + 500 * i, 50);
        must_commit(history);
    }
    assert_true(tend(history) > 2 << 20);
    sqlite3_finalize(statement);
    sqlite3_close(reader);
    assert_int_equal(tend(history), 0);
    history_close(history);
    place_remove(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(old_cycles_go_with_their_runs),
        cmocka_unit_test(open_and_unsent_incidents_stay),
        cmocka_unit_test(a_long_story_goes_piece_by_piece),
        cmocka_unit_test(ended_silences_go),
        cmocka_unit_test(nothing_is_removed_before_the_clock_was_steady_for_an_hour),
        cmocka_unit_test(ages_are_counted_from_the_newest_cycle),
        cmocka_unit_test(a_clock_from_anybody_is_understood),
        cmocka_unit_test(the_size_stays_flat),
        cmocka_unit_test(a_held_wal_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
