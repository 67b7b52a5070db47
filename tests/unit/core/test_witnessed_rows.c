/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.c"

#include <inttypes.h>

/* Rows that a witness counts stand for the log's, which tells of 0: what is learnt from them, and when a stall is no longer known. */

static void answer(struct driver *driver, int64_t at_ms, int64_t rows, int64_t ahead_ms)
{
    driver_feed(driver, (struct event){ .kind = EVENT_TABLE_WITNESSED,
                                        .time_ms = at_ms,
                                        .offset = -1,
                                        .table = slice_of("a"),
                                        .number = rows,
                                        .rows_from = ROWS_FROM_ICEBERG,
                                        .at_ms = at_ms - minutes(1),
                                        .duration_ms = ahead_ms,
                                        .text = slice_of("a test") });
}

/* A cycle whose log says 0 rows, and the answer so many seconds after its beginning; the cycle takes ten. */
static void counted_cycle(struct driver *driver, int64_t at_ms, int64_t answer_s, int64_t rows)
{
    if (answer_s > 10) {
        driver_cycle(driver, at_ms, seconds(10), "a=0");
        answer(driver, at_ms + seconds(answer_s), rows, 0);
        return;
    }
    driver_begin(driver, at_ms);
    driver_run(driver, at_ms, "a");
    driver_ok(driver, at_ms + seconds(answer_s - 1), "a", 0);
    answer(driver, at_ms + seconds(answer_s), rows, 0);
    driver_end(driver, at_ms + seconds(10));
}

static struct driver *driver_with_counted_days(int64_t days, int64_t answer_s)
{
    struct driver *driver = driver_new();
    driver_start(driver, at(-24 * days, 0, 0));
    for (int64_t at_ms = at(-24 * days, 0, 0); at_ms < at(0, 0, 0); at_ms += minutes(15))
        counted_cycle(driver, at_ms, answer_s, 10000);
    assert_quiet(driver);
    return driver;
}

/* The same figures as where the log itself tells of the rows (test_throughput.c), whether the answer comes before or after the cycle's end. */
static void throughput_is_judged_by_the_rows_of_a_witness(void **unused)
{
    (void)unused;
    static const struct {
        int64_t answer_s;
        const char *raised, *ended;
    } cases[] = {
        { 8, "00:45:10 firing warning ThroughputLow #1 a\n", "01:30:10 resolved warning ThroughputLow #1 a\n" },
        { 12, "00:45:12 firing warning ThroughputLow #1 a\n", "01:30:12 resolved warning ThroughputLow #1 a\n" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct driver *driver = driver_with_counted_days(7, cases[i].answer_s);
        for (int64_t minute = 0; minute < 45; minute += 15)
            counted_cycle(driver, at(0, minute, 0), cases[i].answer_s, 1785);
        assert_quiet(driver);
        driver_restart(driver);
        counted_cycle(driver, at(0, 45, 0), cases[i].answer_s, 1785);
        assert_told(driver, cases[i].raised);
        assert_non_null(
            strstr(driver->story.at, "4 runs with rows moved 7140; the same hours of 5 days: median 40000"));
        assert_non_null(strstr(driver->story.at, "1785 in the last run"));
        for (int64_t minute = 60; minute < 90; minute += 15)
            counted_cycle(driver, at(0, minute, 0), cases[i].answer_s, 8000);
        assert_quiet(driver);
        counted_cycle(driver, at(1, 30, 0), cases[i].answer_s, 8429);
        assert_told(driver, cases[i].ended);
        driver_free(driver);
    }
}

/* A restart between the run, its answer and the cycle's end changes nothing that comes out. */
static void a_restart_at_any_moment_changes_nothing(void **unused)
{
    (void)unused;
    for (int64_t answer_s = 8; answer_s <= 12; answer_s += 4) {
        struct driver *whole = driver_with_counted_days(5, answer_s), *broken = driver_with_counted_days(5, answer_s);
        for (int64_t minute = 0; minute < 120; minute += 15) {
            counted_cycle(whole, at(0, minute, 0), answer_s, 1000 + minute);
            driver_begin(broken, at(0, minute, 0));
            driver_run(broken, at(0, minute, 0), "a");
            driver_restart(broken);
            int64_t ok_s = answer_s > 10 ? 10 : answer_s - 1;
            driver_ok(broken, at(0, minute, ok_s), "a", 0);
            driver_restart(broken);
            if (answer_s < 10)
                answer(broken, at(0, minute, answer_s), 1000 + minute, 0);
            driver_restart(broken);
            driver_end(broken, at(0, minute, 10));
            driver_restart(broken);
            if (answer_s > 10)
                answer(broken, at(0, minute, answer_s), 1000 + minute, 0);
            driver_restart(broken);
        }
        assert_string_equal(strbuf_text(&whole->journal), strbuf_text(&broken->journal));
        struct strbuf one = { 0 }, other = { 0 };
        driver_state(whole, &one);
        driver_state(broken, &other);
        assert_string_equal(strbuf_text(&one), strbuf_text(&other));
        strbuf_free(&one);
        strbuf_free(&other);
        driver_free(whole);
        driver_free(broken);
    }
}

static void assert_journal_has(const struct driver *driver, const char *line)
{
    if (!strstr(strbuf_text(&driver->journal), line))
        fail_msg("without \"%s\":\n%s", line, strbuf_text(&driver->journal));
}

static void what_was_answered_goes_to_the_history(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    struct strbuf line = { 0 };
    driver_start(driver, at(0, 0, 0));
    driver_cycle(driver, at(0, 0, 0), seconds(10), "a=0");
    answer(driver, at(0, 0, 12), 500, 0);
    strbuf_printf(&line, "answer 1 500 iceberg %" PRId64 " a test\n", at(0, -1, 12));
    assert_journal_has(driver, strbuf_text(&line));
    assert_int_equal(driver->cycles[0].rows, 500);
    /* The log's own number stays, and what was counted stands beside it. */
    driver_cycle(driver, at(0, 15, 0), seconds(10), "a=70");
    answer(driver, at(0, 15, 12), 60, 0);
    assert_journal_has(driver, "answer 2 60 log ");
    assert_int_equal(driver->cycles[1].rows, 70);
    /* Nobody knows which run an answer is about when the newest one failed. */
    driver_cycle(driver, at(0, 30, 0), seconds(10), "a=fail");
    size_t before = driver->journal.len;
    answer(driver, at(0, 30, 12), 10, 0);
    assert_int_equal(driver->journal.len, before);
    strbuf_free(&line);
    driver_free(driver);
}

static void a_watermark_of_the_far_future_says_nothing(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_start(driver, at(0, 0, 0));
    driver_cycle(driver, at(0, 0, 0), seconds(10), "a=0");
    driver_feed(driver, (struct event){ .kind = EVENT_TABLE_WITNESSED,
                                        .time_ms = at(0, 0, 12),
                                        .offset = -1,
                                        .table = slice_of("a"),
                                        .number = ROWS_WITHOUT_NUMBER,
                                        .at_ms = EVENT_TIME_MAX_MS,
                                        .duration_ms = -1 });
    assert_journal_has(driver, "answer 1 -2 log 0 ");
    driver_free(driver);
}

/* A closed market: a source that has nothing new for three days. */
static void three_days_without_anything_new_page_nobody(void **unused)
{
    (void)unused;
    struct driver *driver = driver_with_counted_days(7, 12);
    for (int64_t minute = 0; minute < 72 * 60; minute += 15)
        counted_cycle(driver, at(0, minute, 0), 12, 0);
    assert_quiet(driver);
    assert_int_equal(driver->incident_count, 0);
    driver_free(driver);
}

/* Both witnesses are taken out of the configuration, and the log says 0 rows as ever. */
static void a_stall_that_nobody_confirms_for_a_day_ends(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver->settings.notify.escalation_ms = hours(100);
    driver->settings.notify.reminder_ms = 0;
    driver_configure(driver);
    driver_start(driver, at(-48, 0, 0));
    driver_cycles(driver, at(-48, 0, 0), at(0, 0, 0), seconds(10), "a=0");
    driver_cycle(driver, at(0, 0, 0), seconds(10), "a=0");
    answer(driver, at(0, 0, 12), 0, minutes(15));
    assert_told(driver, "00:00:12 firing warning WatermarkStale #1 a\n");
    driver_cycles(driver, at(0, 15, 0), at(24, 15, 0), seconds(10), "a=0");
    assert_quiet(driver);
    driver_restart(driver);
    driver_cycle(driver, at(24, 15, 0), seconds(10), "a=0");
    assert_told(driver, "24:15:10 resolved warning WatermarkStale #1 a\n");
    assert_non_null(strstr(driver->story.at, "#1 note no witness has said anything about its rows for a day"));
    driver_free(driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(throughput_is_judged_by_the_rows_of_a_witness),
        cmocka_unit_test(a_restart_at_any_moment_changes_nothing),
        cmocka_unit_test(what_was_answered_goes_to_the_history),
        cmocka_unit_test(a_watermark_of_the_far_future_says_nothing),
        cmocka_unit_test(three_days_without_anything_new_page_nobody),
        cmocka_unit_test(a_stall_that_nobody_confirms_for_a_day_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
