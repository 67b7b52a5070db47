/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A text of the saved state is what was stored, or it is said that it is not. */
#include "history_help.h"

#include "agent/history/history_private.h"
#include "base/archive.h"

static void store(const char *value, struct strbuf *out)
{
    struct strbuf text = { 0 };
    strbuf_puts(&text, value);
    history_stored_text(&text, out);
    strbuf_free(&text);
}

static void assert_reads(const char *stored, const char *expected)
{
    struct slice text;
    assert_true(history_read_text(slice_of(stored), &text));
    assert_true(slice_equals(text, expected));
}

static void what_was_stored_is_read(void **unused)
{
    (void)unused;
    struct strbuf stored = { 0 };
    const char *const values[] = { "", "0", "plain 1\n", "brief 1\n", "brief 1\na 7\nb =words\n", "no end" };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        store(values[i], &stored);
        assert_reads(strbuf_text(&stored), values[i]);
    }
    store("brief 1\na 7\n", &stored);
    assert_int_equal(stored.len % 64, 0);
    strbuf_free(&stored);
    assert_reads("clock 5\n\n\n", "clock 5\n"); /* as an older agent stored it */
}

static void every_bit_that_turns_is_noticed(void **unused)
{
    (void)unused;
    static const char value[] =
        "brief 1\ntable =bronze_trades_kraken\nfirst_seen 1795959076331\nlast_success 1796138179456\n";
    struct strbuf stored = { 0 };
    struct slice text;
    store(value, &stored);
    for (size_t bit = 0; bit < 8 * stored.len; bit++) {
        stored.at[bit / 8] = (char)(stored.at[bit / 8] ^ 1 << bit % 8);
        assert_true(!history_read_text(strbuf_slice(&stored), &text) || slice_equals(text, value));
        stored.at[bit / 8] = (char)(stored.at[bit / 8] ^ 1 << bit % 8);
    }
    strbuf_free(&stored);
}

static void a_text_that_is_cut_is_noticed(void **unused)
{
    (void)unused;
    static const char value[] = "brief 1\ntable =bronze_trades_kraken\nfirst_seen 1795959076331\n";
    struct strbuf stored = { 0 };
    struct slice text;
    store(value, &stored);
    for (size_t len = stored.len - 1; len > 32; len--) {
        stored.len = len;
        assert_true(!history_read_text(strbuf_slice(&stored), &text) || slice_equals(text, value));
    }
    strbuf_free(&stored);
}

static void leave_text(struct place *place, const char *key)
{
    place_make(place);
    struct history *history = must_open(place);
    struct incident incident = sample_incident(7);
    struct engine_sink sink = history_sink(history);
    gather_cycles(history, 1, 2);
    sink.incident(sink.ctx, &incident);
    history_put_state(history, STATE_ENGINE, slice_of("brief 1\nlast_cycle 2\n"));
    history_put_state(history, key, slice_of("brief 1\nclock 5\n"));
    must_commit(history);
    history_close(history);
}

/* The rows of cycles and incidents stay; what follows gets ids of its own. */
static void a_text_that_is_damaged_is_set_aside(void **unused)
{
    (void)unused;
    struct place place;
    struct strbuf notice = { 0 }, value = { 0 };
    leave_text(&place, STATE_PARSER);
    change(&place, "UPDATE state SET value = replace(value, 'clock 5', 'clock 4') WHERE key = 'agent.parser'");
    struct history *history = must_open(&place);
    history_begin_start(history, &notice);
    assert_non_null(strstr(strbuf_text(&notice), "the file was damaged, and agent.parser"));
    assert_false(history_get_state(history, STATE_PARSER, &value));
    assert_true(history_get_state(history, STATE_ENGINE, &value));
    assert_string_equal(strbuf_text(&value), "last_cycle 2\nlast_run 5\nlast_incident 7\n");
    must_commit(history);
    assert_row(&place, "SELECT (SELECT count(*) FROM cycle), (SELECT state FROM incident)", "2|resolved");
    history_close(history);

    /* It is said once. */
    strbuf_clear(&notice);
    history = must_open(&place);
    history_begin_start(history, &notice);
    assert_string_equal(strbuf_text(&notice), "");
    history_close(history);
    strbuf_free(&notice);
    strbuf_free(&value);
    place_remove(&place);
}

static void count_parts(void *ctx, enum engine_part part, int64_t number, struct slice text)
{
    (void)part, (void)text;
    *(int64_t *)ctx = *(int64_t *)ctx * 10 + number;
}

/* The damaged row is left out and goes; the others stay. */
static void assert_part_is_dropped(struct place *place, enum engine_part part, const char *table, const char *said)
{
    struct history *history = must_open(place);
    struct strbuf words = { 0 }, query = { 0 };
    int64_t numbers = 0;
    history_get_parts(history, part, count_parts, &numbers);
    assert_int_equal(numbers, 13);
    assert_true(history_take_damage(history, &words));
    assert_non_null(strstr(strbuf_text(&words), said));
    assert_false(history_take_damage(history, &words));
    strbuf_printf(&query, "SELECT count(*) FROM %s", table);
    assert_row(place, strbuf_text(&query), "2");
    history_close(history);
    strbuf_free(&words);
    strbuf_free(&query);
}

static void a_part_that_is_damaged_is_left_out_and_said(void **unused)
{
    (void)unused;
    struct place place;
    struct strbuf stored = { 0 }, statement = { 0 };
    leave_text(&place, STATE_PARSER);
    store("brief 1\nincident 7\n", &stored);
    static const char *const inserts[] = {
        "INSERT INTO table_state VALUES (1, ?), (2, ?), (3, ?)",
        "INSERT INTO table_windows VALUES (1, ?), (2, ?), (3, ?)",
        "INSERT INTO incident_state VALUES (1, ?), (7, ?), (3, ?)",
    };
    for (size_t i = 0; i < sizeof inserts / sizeof *inserts; i++) {
        strbuf_clear(&statement);
        for (const char *at = inserts[i]; *at; at++) {
            strbuf_add(&statement, *at == '?' ? "'" : at, 1);
            if (*at == '?')
                strbuf_printf(&statement, "%s'", strbuf_text(&stored));
        }
        change(&place, strbuf_text(&statement));
    }
    change(&place, "UPDATE table_state SET value = replace(value, 'incident 7', 'incident 6') WHERE place = 2");
    change(&place, "UPDATE table_windows SET value = replace(value, 'incident 7', 'incident 6') WHERE place = 2");
    change(&place,
           "UPDATE incident_state SET value = replace(value, 'incident 7', 'incident 6') WHERE incident_id = 7");
    assert_part_is_dropped(&place, ENGINE_TABLE, "table_state", "1 row of table_state cannot be used");
    assert_part_is_dropped(&place, ENGINE_WINDOWS, "table_windows", "1 row of table_windows cannot be used");
    assert_row(&place, "SELECT state FROM incident", "open");
    assert_part_is_dropped(&place, ENGINE_INCIDENT, "incident_state", "these incidents are closed");
    assert_row(&place, "SELECT state, resolved_at > 0, (SELECT kind FROM timeline WHERE incident_id = 7) FROM incident",
               "resolved|1|note");
    strbuf_free(&stored);
    strbuf_free(&statement);
    place_remove(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_stored_is_read),
        cmocka_unit_test(every_bit_that_turns_is_noticed),
        cmocka_unit_test(a_text_that_is_cut_is_noticed),
        cmocka_unit_test(a_text_that_is_damaged_is_set_aside),
        cmocka_unit_test(a_part_that_is_damaged_is_left_out_and_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
