/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starts that end before their first commit: the fourth does without the state that an earlier run stored. */
#include "history_help.h"

#include "base/budgets.h"
#include "fault_vfs.h"

/* Two cycles with their runs, an open incident and a page, a state and a position. */
static void leave_history(struct place *place)
{
    place_make(place);
    struct history *history = must_open(place);
    struct engine_sink sink = history_sink(history);
    struct incident incident = sample_incident(7);
    gather_cycles(history, 1, 2);
    sink.incident(sink.ctx, &incident);
    gather_message(history, 7, 1);
    history_put_state(history, STATE_PARSER, slice_of("parser\n"));
    history_put_state(history, STATE_ENGINE, slice_of("engine\n"));
    history_put_state(history, STATE_CYCLES, slice_of("windows\n"));
    history_put_sources(history, &(struct source_position){ .offset = 3 }, 1);
    must_commit(history);
    history_close(history);
}

/* Returns what the start said; "" is nothing. The caller frees it. */
static char *begin(struct history *history)
{
    struct strbuf notice = { 0 };
    history_begin_start(history, &notice);
    strbuf_puts(&notice, "");
    return notice.at;
}

static void assert_state(struct history *history, const char *key, const char *expected)
{
    struct strbuf value = { 0 };
    assert_int_equal(history_get_state(history, key, &value), expected != NULL);
    assert_string_equal(strbuf_text(&value), expected ? expected : "");
    strbuf_free(&value);
}

static void begin_and_die(const struct place *place)
{
    struct history *history = must_open(place);
    char *said = begin(history);
    assert_string_equal(said, "");
    assert_state(history, STATE_ENGINE, "engine\n");
    free(said);
    history_close(history);
}

static void the_start_after_three_that_died_does_without_the_state(void **unused)
{
    (void)unused;
    struct place place;
    leave_history(&place);
    for (int i = 0; i < STARTS_MAX; i++)
        begin_and_die(&place);
    struct history *history = must_open(&place);
    struct source_position position;
    char *said = begin(history);
    assert_non_null(strstr(said, "3 starts in a row"));
    assert_non_null(strstr(said, place.path));
    free(said);
    assert_state(history, STATE_PARSER, NULL);
    assert_state(history, STATE_CYCLES, NULL);
    assert_state(history, STATE_ENGINE, "last_cycle 2\nlast_run 5\nlast_incident 7\n");
    assert_int_equal(history_get_sources(history, &position, 1), 1);
    assert_int_equal(position.offset, 3);
    must_commit(history);
    assert_row(&place, "SELECT group_concat(key) FROM (SELECT key FROM state WHERE key LIKE 'aside.%' ORDER BY key)",
               "aside.agent.engine,aside.agent.parser,aside.engine.cycles");
    assert_row(&place, "SELECT state, resolved_at > 0, (SELECT kind FROM timeline WHERE incident_id = 7) FROM incident",
               "resolved|1|note");

    /* A fact that is told now does not take the note's id. */
    struct engine_sink sink = history_sink(history);
    struct timeline_entry fact = { 7, 1000, -1, "note", "one more" };
    sink.timeline(sink.ctx, &fact);
    must_commit(history);
    assert_row(&place, "SELECT count(*) FROM timeline", "2");
    history_close(history);
    place_remove(&place);
}

static void a_commit_ends_the_row_of_deaths(void **unused)
{
    (void)unused;
    struct place place;
    leave_history(&place);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < STARTS_MAX - 1; i++)
            begin_and_die(&place);
        struct history *history = must_open(&place);
        free(begin(history));
        must_commit(history);
        assert_row(&place, "SELECT value FROM state WHERE key = 'starts'", "0");
        history_close(history);
    }
    place_remove(&place);
}

/* Four starts in vain because of the disk: the state is not to blame. */
static void a_full_disk_is_not_the_states_fault(void **unused)
{
    (void)unused;
    struct place place;
    leave_history(&place);
    for (int i = 0; i < 2 * STARTS_MAX; i++) {
        struct history *history = must_open(&place);
        struct strbuf error = { 0 };
        char *said = begin(history);
        assert_string_equal(said, "");
        free(said);
        gather_cycles(history, 3, 1000);
        fault_arm(FAULT_FULL, FAULT_ONCE, 1);
        assert_int_equal(history_commit(history, &error), HISTORY_FULL);
        fault_disarm();
        strbuf_free(&error);
        history_close(history);
    }
    place_remove(&place);
}

static void a_count_from_anybody_is_understood(void **unused)
{
    (void)unused;
    static const char *const counts[] = { "''", "'-9223372036854775808'", "'x'", "x'00'", "9e999", "NULL" };
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct place place;
        char query[200];
        leave_history(&place);
        snprintf(query, sizeof query, "INSERT OR IGNORE INTO state VALUES ('starts', %s)", counts[i]);
        change(&place, query);
        struct history *history = must_open(&place);
        free(begin(history));
        must_commit(history);
        assert_row(&place, "SELECT value FROM state WHERE key = 'starts'", "0");
        history_close(history);
        place_remove(&place);
    }
}

int main(void)
{
    fault_register();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_start_after_three_that_died_does_without_the_state),
        cmocka_unit_test(a_commit_ends_the_row_of_deaths),
        cmocka_unit_test(a_full_disk_is_not_the_states_fault),
        cmocka_unit_test(a_count_from_anybody_is_understood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
