/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.c"

/* What a witness says about a run: certain stalls, honest zeros, rows. */

static void witness(struct driver *driver, int64_t at_ms, int64_t rows, int64_t ahead_ms)
{
    driver_feed(driver, (struct event){ .kind = EVENT_TABLE_WITNESSED,
                                        .time_ms = at_ms,
                                        .offset = -1,
                                        .table = slice_of("a"),
                                        .number = rows,
                                        .duration_ms = ahead_ms,
                                        .text = slice_of("a test") });
}

/* A cycle at that minute of the first hour, and the answer about it two seconds later. The log says 0 rows, as it does on the platform. */
static void witnessed_cycle(struct driver *driver, int64_t minute, int64_t rows, int64_t ahead_ms)
{
    driver_cycle(driver, at(0, minute, 0), seconds(10), "a=0");
    witness(driver, at(0, minute, 12), rows, ahead_ms);
}

static struct driver *driver_of_a_log_without_rows(void)
{
    struct driver *driver = driver_new();
    driver_start(driver, at(-48, 0, 0));
    driver_cycles(driver, at(-48, 0, 0), at(0, 0, 0), seconds(10), "a=0");
    assert_quiet(driver);
    return driver;
}

static void a_certain_stall_is_a_warning_at_once_and_critical_at_the_next_run(void **unused)
{
    (void)unused;
    struct driver *driver = driver_of_a_log_without_rows();
    witnessed_cycle(driver, 0, 500, 0);
    assert_quiet(driver);
    witnessed_cycle(driver, 15, 0, minutes(15));
    assert_told(driver, "00:15:12 firing warning WatermarkStale #1 a\n");
    witnessed_cycle(driver, 30, 0, minutes(30));
    assert_told(driver, "00:30:12 firing critical WatermarkStale #1 a\n");
    driver_restart(driver);
    witnessed_cycle(driver, 45, 800, 0);
    assert_told(driver, "00:45:12 resolved critical WatermarkStale #1 a\n");
    driver_free(driver);
}

/* The streak is saved: the second run is critical after a restart too. */
static void a_streak_survives_a_restart(void **unused)
{
    (void)unused;
    struct driver *driver = driver_of_a_log_without_rows();
    witnessed_cycle(driver, 0, 0, minutes(15));
    assert_told(driver, "00:00:12 firing warning WatermarkStale #1 a\n");
    driver_restart(driver);
    witnessed_cycle(driver, 15, 0, minutes(30));
    assert_told(driver, "00:15:12 firing critical WatermarkStale #1 a\n");
    driver_free(driver);
}

static void nothing_new_at_the_source_is_an_honest_zero(void **unused)
{
    (void)unused;
    struct driver *driver = driver_of_a_log_without_rows();
    for (int64_t minute = 0; minute < 60; minute += 15)
        witnessed_cycle(driver, minute, 0, minutes(7) + seconds(30)); /* half an interval is allowed */
    assert_quiet(driver);
    driver_free(driver);
}

static void what_is_not_known_accuses_nobody(void **unused)
{
    (void)unused;
    struct driver *driver = driver_of_a_log_without_rows();
    witnessed_cycle(driver, 0, ROWS_NOT_KNOWN, minutes(60)); /* the table could not be asked */
    witnessed_cycle(driver, 15, 0, -1);                      /* the source could not */
    witnessed_cycle(driver, 30, ROWS_WITHOUT_NUMBER, minutes(60));
    assert_quiet(driver);
    driver_free(driver);
}

/* An answer that says nothing does not end what is certain. */
static void a_stall_goes_on_while_nothing_is_known(void **unused)
{
    (void)unused;
    struct driver *driver = driver_of_a_log_without_rows();
    witnessed_cycle(driver, 0, 0, minutes(15));
    assert_told(driver, "00:00:12 firing warning WatermarkStale #1 a\n");
    witnessed_cycle(driver, 15, ROWS_NOT_KNOWN, -1);
    witnessed_cycle(driver, 30, 0, -1);
    assert_quiet(driver);
    witnessed_cycle(driver, 45, 0, minutes(60));
    assert_told(driver, "00:45:12 firing critical WatermarkStale #1 a\n");
    driver_free(driver);
}

static void a_table_that_nobody_knows_is_ignored(void **unused)
{
    (void)unused;
    struct driver *driver = driver_of_a_log_without_rows();
    driver_feed(driver, (struct event){ .kind = EVENT_TABLE_WITNESSED,
                                        .time_ms = at(0, 1, 0),
                                        .offset = -1,
                                        .table = slice_of("b"),
                                        .duration_ms = hours(5) });
    assert_quiet(driver);
    driver_free(driver);
}

/* The log tells of rows that never came into the table: that is one stall, and no rows of the log end it while the witness answers. */
static void rows_of_the_log_do_not_end_what_a_witness_is_certain_of(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_start(driver, at(-48, 0, 0));
    driver_cycles(driver, at(-48, 0, 0), at(0, 0, 0), seconds(10), "a=100");
    for (int64_t minute = 0; minute < 60; minute += 15) {
        driver_cycle(driver, at(0, minute, 0), seconds(10), "a=100");
        driver_restart(driver);
        witness(driver, at(0, minute, 12), 0, minutes(15 + minute));
    }
    assert_told(driver, "00:00:12 firing warning WatermarkStale #1 a\n"
                        "00:15:12 firing critical WatermarkStale #1 a\n");
    driver_cycles(driver, at(1, 0, 0), at(2, 0, 0), seconds(10), "a=100");
    assert_told(driver, "01:30:12 escalated critical WatermarkStale #1 a\n"
                        "01:45:10 resolved critical WatermarkStale #1 a\n");
    driver_cycle(driver, at(2, 0, 0), seconds(10), "a=100");
    witness(driver, at(2, 0, 12), 0, minutes(15));
    assert_told(driver, "02:00:12 firing warning WatermarkStale #2 a\n");
    driver_free(driver);
}

/* A week of rows that only the witness counted, at any hour: then none for half an hour, and no source to ask. */
static void a_witness_alone_teaches_what_is_usual(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_start(driver, at(-24 * 8, 0, 0));
    for (int64_t minute = -8 * 24 * 60; minute < 0; minute += 15)
        witnessed_cycle(driver, minute, 500, -1);
    assert_quiet(driver);
    struct strbuf report = { 0 };
    struct archive archive;
    archive_save_to(&archive, &report);
    engine_report(driver->engine, &archive);
    assert_null(strstr(strbuf_text(&report), "rows")); /* it is not blind for stalls */
    strbuf_free(&report);
    witnessed_cycle(driver, 0, 0, -1);
    assert_quiet(driver);
    witnessed_cycle(driver, 15, 0, -1);
    assert_told(driver, "00:15:12 firing warning WatermarkStale #1 a\n");
    witnessed_cycle(driver, 30, 0, -1);
    assert_told(driver, "00:30:12 firing critical WatermarkStale #1 a\n");
    witnessed_cycle(driver, 45, 1500, -1);
    assert_told(driver, "00:45:12 resolved critical WatermarkStale #1 a\n");
    driver_free(driver);
}

/* By the log's rows alone two zeros would be news; the source says that there was nothing to move. */
static void an_honest_zero_is_not_judged_by_chance(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_start(driver, at(-24 * 8, 0, 0));
    for (int64_t minute = -8 * 24 * 60; minute < 0; minute += 15) {
        driver_cycle(driver, at(0, minute, 0), seconds(10), "a=500");
        witness(driver, at(0, minute, 12), 500, 0);
    }
    for (int64_t minute = 0; minute < 180; minute += 15)
        witnessed_cycle(driver, minute, 0, minutes(3));
    assert_quiet(driver);
    driver_free(driver);
}

/* The log's zeros are no zeros where a witness counted rows, so they accuse nobody when the witness falls silent. */
static void a_witness_that_falls_silent_leaves_the_table_blind(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_start(driver, at(-24 * 8, 0, 0));
    for (int64_t minute = -8 * 24 * 60; minute < 0; minute += 15)
        witnessed_cycle(driver, minute, 500, -1);
    driver_restart(driver);
    driver_cycles(driver, at(0, 0, 0), at(24, 0, 0), seconds(10), "a=0");
    assert_quiet(driver);
    struct strbuf report = { 0 };
    struct archive archive;
    archive_save_to(&archive, &report);
    engine_report(driver->engine, &archive);
    assert_non_null(strstr(strbuf_text(&report), "row counts are blind"));
    strbuf_free(&report);
    /* It is judged again as soon as the witness answers, or the log tells rows. */
    for (int64_t minute = 24 * 60; minute < 24 * 60 + 45; minute += 15)
        witnessed_cycle(driver, minute, 0, -1);
    assert_told(driver, "24:15:12 firing warning WatermarkStale #1 a\n"
                        "24:30:12 firing critical WatermarkStale #1 a\n");
    driver_cycle(driver, at(24, 45, 0), seconds(10), "a=900");
    assert_told(driver, "24:45:10 resolved critical WatermarkStale #1 a\n");
    driver_cycles(driver, at(25, 0, 0), at(26, 0, 0), seconds(10), "a=0");
    assert_told(driver, "25:45:10 firing warning WatermarkStale #2 a\n");
    driver_free(driver);
}

/* Three runs without rows, and then one that brings what has gathered: a stall that was mended and no quiet time. */
static void stall_at(struct driver *driver, int64_t minute)
{
    for (int64_t run = 0; run < 3; run++)
        witnessed_cycle(driver, minute + 15 * run, 0, -1);
    driver_restart(driver);
    witnessed_cycle(driver, minute + 45, 2000, -1);
}

/* Whether a stall was caught up with is judged by what the witness counts, since the log tells of no rows to compare with. */
static void a_stall_that_was_caught_up_with_makes_the_next_one_no_milder(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_start(driver, at(-24 * 8, 0, 0));
    for (int64_t minute = -8 * 24 * 60; minute < 0; minute += 15)
        witnessed_cycle(driver, minute, 500, -1);
    stall_at(driver, 0);
    assert_told(driver, "00:15:12 firing warning WatermarkStale #1 a\n"
                        "00:30:12 firing critical WatermarkStale #1 a\n"
                        "00:45:12 resolved critical WatermarkStale #1 a\n");
    for (int64_t minute = 60; minute < 24 * 60; minute += 15)
        witnessed_cycle(driver, minute, 500, -1);
    stall_at(driver, 24 * 60);
    assert_told(driver, "24:15:12 firing warning WatermarkStale #2 a\n"
                        "24:30:12 firing critical WatermarkStale #2 a\n"
                        "24:45:12 resolved critical WatermarkStale #2 a\n");
    driver_free(driver);
}

static void a_run_without_rows_is_counted_once(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_start(driver, at(-48, 0, 0));
    driver_cycles(driver, at(-48, 0, 0), at(0, 0, 0), seconds(10), "a=100");
    driver_cycle(driver, at(0, 0, 0), seconds(10), "a=0");
    driver_restart(driver);
    witness(driver, at(0, 0, 12), 0, -1); /* the first answer about the table */
    assert_int_equal(driver_saved_sum(driver, "stall.streak", 0), 1);
    driver_restart(driver);
    witnessed_cycle(driver, 15, 0, -1);
    assert_int_equal(driver_saved_sum(driver, "stall.streak", 0), 2);
    driver_free(driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_certain_stall_is_a_warning_at_once_and_critical_at_the_next_run),
        cmocka_unit_test(a_streak_survives_a_restart),
        cmocka_unit_test(nothing_new_at_the_source_is_an_honest_zero),
        cmocka_unit_test(what_is_not_known_accuses_nobody),
        cmocka_unit_test(a_stall_goes_on_while_nothing_is_known),
        cmocka_unit_test(a_table_that_nobody_knows_is_ignored),
        cmocka_unit_test(rows_of_the_log_do_not_end_what_a_witness_is_certain_of),
        cmocka_unit_test(a_witness_alone_teaches_what_is_usual),
        cmocka_unit_test(an_honest_zero_is_not_judged_by_chance),
        cmocka_unit_test(a_witness_that_falls_silent_leaves_the_table_blind),
        cmocka_unit_test(a_stall_that_was_caught_up_with_makes_the_next_one_no_milder),
        cmocka_unit_test(a_run_without_rows_is_counted_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
