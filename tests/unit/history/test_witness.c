/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/budgets.h"
#include "history_help.h"

static const char *const names[] = { "iceberg", "source" };
static const char look[] =
    "SELECT group_concat(name || ' ' || state || ' ' || words || ' ' || coalesce(said_at, '-') || ' ' ||"
    " coalesce(since_at, '-'), '; ') FROM (SELECT * FROM witness ORDER BY name)";

static void each_witness_has_one_row_with_its_last_word(void **unused)
{
    (void)unused;
    struct place place;
    place_make(&place);
    struct history *history = must_open(&place);
    history_expect_witnesses(history, names, 2);
    must_commit(history);
    assert_row(&place, look, "iceberg silent not asked yet - -; source silent not asked yet - -");

    history_put_witness(history, "iceberg", "well", "5 rows", 1000);
    must_commit(history);
    history_put_witness(history, "iceberg", "trouble", "ro\xff\nt", 2000);
    assert_true(history_dirty(history));
    must_commit(history);
    history_put_witness(history, "unit", "well", "active", 3000); /* needs no configuration */
    must_commit(history);
    assert_row(
        &place, look,
        "iceberg trouble ro\xef\xbf\xbd\nt 2000 2000; source silent not asked yet - -; unit well active 3000 3000");
    history_close(history);
    place_remove(&place);
}

static void an_answer_that_is_no_news_makes_no_commit_of_its_own(void **unused)
{
    (void)unused;
    struct place place;
    place_make(&place);
    struct history *history = must_open(&place);
    history_expect_witnesses(history, names, 1);
    history_put_witness(history, "iceberg", "well", "5 rows", 100000);
    must_commit(history);
    history_put_witness(history, "iceberg", "well", "5 rows", 10000000);
    assert_false(history_dirty(history));
    history_put_witness(history, "iceberg", "well", "6 rows", 100000 + 59999);
    assert_false(history_dirty(history));
    /* The next commit takes it along. */
    history_put_state(history, "key", slice_of("value"));
    must_commit(history);
    assert_row(&place, look, "iceberg well 6 rows 159999 100000");
    history_put_witness(history, "iceberg", "well", "7 rows", 159999 + 60000);
    assert_true(history_dirty(history));
    must_commit(history);
    /* A clock that was set back. */
    history_put_witness(history, "iceberg", "well", "8 rows", 5000);
    assert_true(history_dirty(history));
    must_commit(history);
    assert_row(&place, look, "iceberg well 8 rows 5000 100000");
    history_close(history);
    place_remove(&place);
}

static void a_restart_keeps_what_they_said_and_drops_those_that_are_gone(void **unused)
{
    (void)unused;
    struct place place;
    place_make(&place);
    struct history *history = must_open(&place);
    history_expect_witnesses(history, names, 2);
    history_put_witness(history, "iceberg", "well", "5 rows", 1000);
    history_put_witness(history, "source", "silent", "Connection refused", 1000);
    must_commit(history);
    history_close(history);

    history = must_open(&place);
    history_expect_witnesses(history, names, 1);
    history_put_witness(history, "iceberg", "well", "9 rows", 90000);
    must_commit(history);
    assert_row(&place, look, "iceberg well 9 rows 90000 1000");
    /* A reload. */
    history_expect_witnesses(history, names + 1, 1);
    must_commit(history);
    assert_row(&place, look, "source silent not asked yet - -");
    history_close(history);
    place_remove(&place);
}

static void their_number_and_their_words_are_bounded(void **unused)
{
    (void)unused;
    struct place place;
    place_make(&place);
    struct history *history = must_open(&place);
    char *words = must_alloc(WITNESS_WORDS_MAX + 2);
    memset(words, 'x', WITNESS_WORDS_MAX + 1);
    for (int i = 0; i <= WITNESSES_MAX; i++) {
        char name[32];
        snprintf(name, sizeof name, "probe%d", i);
        history_put_witness(history, name, "well", words, 1000);
    }
    must_commit(history);
    struct strbuf expected = { 0 };
    strbuf_printf(&expected, "%d|%d", WITNESSES_MAX, WITNESS_WORDS_MAX);
    assert_row(&place, "SELECT count(*), max(length(words)) FROM witness", strbuf_text(&expected));
    strbuf_free(&expected);
    free(words);
    history_close(history);
    place_remove(&place);
}

static void a_new_database_gets_all_of_them(void **unused)
{
    (void)unused;
    struct place place;
    place_make(&place);
    struct history *history = must_open(&place);
    struct strbuf notice = { 0 };
    history_expect_witnesses(history, names, 1);
    history_put_witness(history, "iceberg", "well", "5 rows", 1000);
    must_commit(history);
    unlink(place.path);
    history_put_state(history, "key", slice_of("value"));
    assert_int_equal(history_commit(history, &notice), HISTORY_OK);
    assert_row(&place, look, "iceberg well 5 rows 1000 1000");
    strbuf_free(&notice);
    history_close(history);
    place_remove(&place);
}

/* --- what they answered about a run --------------------------------------------------------------------------- */

static const char look_at_run[] =
    "SELECT rows, rows_from, witness, witnessed_rows, watermark_at, ahead_ms, answered_at FROM run";

static void put_run(struct history *history, int64_t rows)
{
    struct engine_sink sink = history_sink(history);
    struct run run = sample_run(1, "bronze_a");
    run.rows = rows;
    sink.run(sink.ctx, &run);
}

static void put_answer(struct history *history, int64_t rows, enum rows_from from, int64_t watermark_ms,
                       int64_t ahead_ms)
{
    struct engine_sink sink = history_sink(history);
    sink.answer(sink.ctx, &(struct run_answer){ .run_id = 1,
                                                .table = "bronze_a",
                                                .witness = "its Iceberg metadata",
                                                .rows = rows,
                                                .rows_from = from,
                                                .watermark_ms = watermark_ms,
                                                .ahead_ms = ahead_ms,
                                                .at_ms = 7000 });
}

static void rows_of_a_witness_replace_the_logs(void **unused)
{
    (void)unused;
    struct place place;
    place_make(&place);
    struct history *history = must_open(&place);
    put_run(history, 0);
    put_answer(history, 500, ROWS_FROM_ICEBERG, 6000, 30);
    must_commit(history);
    assert_row(&place, look_at_run, "500|iceberg|its Iceberg metadata|500|6000|30|7000");
    /* The run is told again, because more is known of it. */
    put_run(history, 0);
    must_commit(history);
    assert_row(&place, look_at_run, "500|iceberg|its Iceberg metadata|500|6000|30|7000");
    /* A later answer without rows leaves them. */
    put_answer(history, ROWS_NOT_KNOWN, ROWS_FROM_LOG, 6500, 20);
    must_commit(history);
    assert_row(&place, look_at_run, "500|iceberg|its Iceberg metadata|NULL|6500|20|7000");
    history_close(history);
    place_remove(&place);
}

static void rows_of_the_log_stay_beside_those_of_a_witness(void **unused)
{
    (void)unused;
    struct place place;
    place_make(&place);
    struct history *history = must_open(&place);
    put_run(history, 80);
    must_commit(history);
    assert_row(&place, look_at_run, "80|log|NULL|NULL|NULL|NULL|NULL");
    put_answer(history, 0, ROWS_FROM_LOG, 0, -1);
    must_commit(history);
    assert_row(&place, look_at_run, "80|log|its Iceberg metadata|0|NULL|NULL|7000");
    put_answer(history, ROWS_WITHOUT_NUMBER, ROWS_FROM_LOG, 0, 0);
    must_commit(history);
    assert_row(&place, look_at_run, "80|log|its Iceberg metadata|-1|NULL|0|7000");
    put_answer(history, ROWS_NOT_KNOWN, ROWS_FROM_LOG, 6000, -1);
    put_run(history, 81);
    must_commit(history);
    assert_row(&place, look_at_run, "81|log|its Iceberg metadata|NULL|6000|NULL|7000");
    history_close(history);
    place_remove(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_witness_has_one_row_with_its_last_word),
        cmocka_unit_test(an_answer_that_is_no_news_makes_no_commit_of_its_own),
        cmocka_unit_test(a_restart_keeps_what_they_said_and_drops_those_that_are_gone),
        cmocka_unit_test(their_number_and_their_words_are_bounded),
        cmocka_unit_test(a_new_database_gets_all_of_them),
        cmocka_unit_test(rows_of_a_witness_replace_the_logs),
        cmocka_unit_test(rows_of_the_log_stay_beside_those_of_a_witness),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
