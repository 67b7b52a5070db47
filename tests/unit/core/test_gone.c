/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.c"

#include <stdio.h>

/* Tables that are taken out of the configuration, replaced, or come back. */

static void started_with(struct driver *driver, int64_t at_ms, int64_t tables)
{
    driver_start(driver, at_ms);
    driver_feed(driver, (struct event){ .kind = EVENT_SCHEDULER_TABLES, .time_ms = at_ms, .number = tables });
}

static void restarted_with(struct driver *driver, int64_t at_ms, int64_t tables)
{
    driver_say(driver, EVENT_SCHEDULER_STOPPED, at_ms - seconds(20));
    started_with(driver, at_ms, tables);
}

/* A cycle of so many tables: "a=100 b=100 c=fail". */
static void cycle_of(struct driver *driver, int64_t at_ms, int64_t tables, const char *runs)
{
    driver_begin(driver, at_ms);
    driver_feed(driver, (struct event){ .kind = EVENT_CYCLE_TABLES, .time_ms = at_ms, .number = tables });
    for (const char *word = runs; *word;) {
        char table[DRIVER_TEXT], how[DRIVER_TEXT];
        int used = 0;
        assert_int_equal(sscanf(word, " %255[^=]=%255s%n", table, how, &used), 2);
        driver_run(driver, at_ms, table);
        if (strcmp(how, "fail") == 0)
            driver_fail(driver, at_ms + seconds(1), table);
        else
            driver_ok(driver, at_ms + seconds(1), table, 100);
        word += used;
    }
    driver_end(driver, at_ms + seconds(2));
}

static void cycles_of(struct driver *driver, int64_t from_ms, int64_t to_ms, int64_t tables, const char *runs)
{
    for (int64_t at_ms = from_ms; at_ms < to_ms; at_ms += minutes(15))
        cycle_of(driver, at_ms, tables, runs);
}

/* Three tables until 2:00; the next start is at 2:00:00. */
static struct driver *driver_of_three(void)
{
    struct driver *driver = driver_new();
    started_with(driver, at(0, 0, 0), 3);
    cycles_of(driver, at(0, 0, 0), at(2, 0, 0), 3, "a=100 b=100 c=100");
    assert_quiet(driver);
    return driver;
}

static void a_removed_table_is_one_warning_that_ends_by_itself(void **unused)
{
    (void)unused;
    struct driver *driver = driver_of_three();
    restarted_with(driver, at(2, 0, 0), 2);
    cycles_of(driver, at(2, 0, 0), at(2, 30, 0), 2, "a=100 b=100");
    assert_told(driver, "02:00:02 firing warning LagElevated #1 c\n");
    assert_string_equal(driver->last_summary,
                        "c taken out of the configuration 02:00, the scheduler was started with 2 tables");
    driver_restart(driver);
    cycles_of(driver, at(2, 30, 0), at(48, 0, 0), 2, "a=100 b=100");
    assert_told(driver, "02:30:02 resolved warning LagElevated #1 c\n");
    assert_non_null(strstr(driver->last_summary, "c no longer offloaded, ended after 30 min"));
    assert_int_equal(driver->incident_count, 1);
    driver_free(driver);
}

static void several_removed_tables_are_one_warning(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    started_with(driver, at(0, 0, 0), 8);
    cycles_of(driver, at(0, 0, 0), at(2, 0, 0), 8, "a=1 b=1 c=1 d=1 e=1 f=1 g=1 h=1");
    restarted_with(driver, at(2, 0, 0), 1);
    cycles_of(driver, at(2, 0, 0), at(30, 0, 0), 1, "a=1");
    assert_told(driver, "02:00:02 firing warning LagElevated #1 b,c,d,e,f,g,h\n"
                        "02:30:02 resolved warning LagElevated #1 b,c,d,e,f,g,h\n");
    assert_non_null(strstr(driver->last_summary, "7 tables no longer offloaded, ended after 30 min"));
    driver_free(driver);
}

static void what_was_failing_ends_with_its_removal(void **unused)
{
    (void)unused;
    struct driver *driver = driver_of_three();
    cycles_of(driver, at(2, 0, 0), at(2, 45, 0), 3, "a=100 b=100 c=fail");
    assert_told(driver, "02:15:01 firing critical ConsecutiveFailures #1 c\n");
    restarted_with(driver, at(2, 45, 0), 2);
    cycles_of(driver, at(2, 45, 0), at(30, 0, 0), 2, "a=100 b=100");
    assert_told(driver, "02:45:02 resolved critical ConsecutiveFailures #1 c\n");
    assert_non_null(strstr(driver->last_summary, "c no longer offloaded, ended after 1 h"));
    assert_int_equal(driver->incident_count, 1);
    driver_free(driver);
}

/* Others are still in the incident: it goes on, and ends as one that recovered. */
static void an_incident_goes_on_without_the_removed_table(void **unused)
{
    (void)unused;
    struct driver *driver = driver_of_three();
    cycles_of(driver, at(2, 0, 0), at(2, 45, 0), 3, "a=100 b=fail c=fail");
    driver_told(driver);
    restarted_with(driver, at(2, 45, 0), 2);
    cycles_of(driver, at(2, 45, 0), at(3, 15, 0), 2, "a=100 b=fail");
    driver_restart(driver);
    cycles_of(driver, at(3, 15, 0), at(5, 0, 0), 2, "a=100 b=100");
    assert_non_null(strstr(driver->story.at, "#1 note c is no longer offloaded\n"));
    assert_non_null(strstr(driver_told(driver), "03:15:01 resolved critical ConsecutiveFailures #1 b,c\n"));
    assert_non_null(strstr(driver->last_summary, "2 tables flow again after "));
    driver_free(driver);
}

/* A first failure is nothing that people know of. */
static void what_failed_once_is_a_warning_as_well(void **unused)
{
    (void)unused;
    struct driver *driver = driver_of_three();
    cycle_of(driver, at(2, 0, 0), 3, "a=100 b=100 c=fail");
    restarted_with(driver, at(2, 10, 0), 2);
    cycle_of(driver, at(2, 10, 0), 2, "a=100 b=100");
    cycles_of(driver, at(2, 15, 0), at(30, 0, 0), 2, "a=100 b=100");
    assert_told(driver, "02:10:02 firing warning LagElevated #1 c\n02:40:02 resolved warning LagElevated #1 c\n");
    driver_free(driver);
}

static void no_table_is_removed_where_the_numbers_disagree(void **unused)
{
    (void)unused;
    static const struct {
        int64_t started, cycle;
        const char *runs;
    } ways[] = {
        { 3, 3, "a=100 b=100" }, /* left out */
        { 3, 2, "a=100 b=100" }, /* the cycle says it alone */
        { 2, 3, "a=100 b=100" }, /* the start says it alone */
        { 2, 2, "a=100" },       /* not all the others ran */
        { 0, 3, "a=100 b=100" }, /* the start was not seen, and the cycle says that they are three */
    };
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        struct driver *driver = driver_of_three();
        restarted_with(driver, at(2, 0, 0), ways[i].started);
        cycles_of(driver, at(2, 0, 0), at(2, 45, 0), ways[i].cycle, ways[i].runs);
        assert_non_null(strstr(driver_told(driver), "firing critical LagCritical #1 "));
        driver_free(driver);
    }
}

/* The same number of tables, but another one: as a rule a new name. */
static void a_replaced_table_is_one_warning_too(void **unused)
{
    (void)unused;
    struct driver *driver = driver_of_three();
    restarted_with(driver, at(2, 0, 0), 3);
    cycles_of(driver, at(2, 0, 0), at(30, 0, 0), 3, "a=100 b=100 d=100");
    assert_told(driver, "02:00:02 firing warning LagElevated #1 c\n02:30:02 resolved warning LagElevated #1 c\n");
    driver_free(driver);
}

/* The banner was rotated away behind the stop: the cycles alone say it. Lag judges, and ends before anybody is reminded. */
static void without_a_banner_lag_judges_until_cycles_agree(void **unused)
{
    (void)unused;
    struct driver *driver = driver_of_three();
    driver_say(driver, EVENT_SCHEDULER_STOPPED, at(1, 59, 30));
    cycles_of(driver, at(2, 0, 0), at(2, 30, 0), 2, "a=100 b=100");
    driver_tick(driver, at(2, 16, 0));
    assert_told(driver, "02:05:01 firing warning LagElevated #1 c\n02:15:02 firing critical LagCritical #1 c\n");
    driver_restart(driver);
    cycles_of(driver, at(2, 30, 0), at(30, 0, 0), 2, "a=100 b=100");
    assert_told(driver, "02:30:02 resolved critical LagCritical #1 c\n");
    assert_non_null(strstr(driver->last_summary, "c no longer offloaded, ended after "));
    driver_free(driver);
}

/* Two go, one comes: the number is smaller. */
static void an_added_table_does_not_hide_two_removed_ones(void **unused)
{
    (void)unused;
    struct driver *driver = driver_of_three();
    restarted_with(driver, at(2, 0, 0), 2);
    cycles_of(driver, at(2, 0, 0), at(30, 0, 0), 2, "a=100 d=100");
    assert_told(driver, "02:00:02 firing warning LagElevated #1 b,c\n02:30:02 resolved warning LagElevated #1 b,c\n");
    driver_free(driver);
}

/* A table that no cycle runs although nobody started the scheduler anew is lag, for a day. */
static void a_table_that_is_left_out_in_the_same_life_is_no_replaced_one(void **unused)
{
    (void)unused;
    struct driver *driver = driver_of_three();
    cycles_of(driver, at(2, 0, 0), at(6, 0, 0), 3, "a=100 b=100 d=100");
    assert_int_equal(driver_incident(driver, 1)->severity, SEVERITY_CRITICAL);
    assert_true(driver_incident(driver, 1)->open);
    driver_free(driver);
}

static void a_table_that_comes_back_is_as_new(void **unused)
{
    (void)unused;
    struct driver *driver = driver_of_three();
    cycles_of(driver, at(2, 0, 0), at(2, 45, 0), 3, "a=100 b=100 c=fail");
    restarted_with(driver, at(2, 45, 0), 2);
    cycles_of(driver, at(2, 45, 0), at(30, 0, 0), 2, "a=100 b=100");
    driver_told(driver);
    assert_false(driver->engine->tables.at[2].last_failed);
    driver_restart(driver);
    restarted_with(driver, at(30, 0, 0), 3);
    cycle_of(driver, at(30, 0, 0), 3, "a=100 b=100 c=fail");
    driver_tick(driver, at(30, 14, 0));
    assert_quiet(driver); /* one failure, and no lag */
    assert_true(driver->engine->tables.at[2].last_failed);
    cycles_of(driver, at(30, 15, 0), at(31, 0, 0), 3, "a=100 b=100 c=100");
    assert_quiet(driver);
    cycles_of(driver, at(31, 0, 0), at(31, 45, 0), 3, "a=100 b=100");
    assert_told(driver, "31:05:01 firing warning LagElevated #2 c\n31:15:02 firing critical LagCritical #2 c\n");
    driver_free(driver);
}

/* Its first run was broken off, and then it is left out: it lags since it came back. */
static void the_time_away_is_no_lag(void **unused)
{
    (void)unused;
    struct driver *driver = driver_of_three();
    restarted_with(driver, at(2, 0, 0), 2);
    cycles_of(driver, at(2, 0, 0), at(30, 0, 0), 2, "a=100 b=100");
    restarted_with(driver, at(30, 0, 0), 3);
    driver_begin(driver, at(30, 0, 0));
    driver_run(driver, at(30, 0, 1), "c");
    driver_told(driver);
    cycle_of(driver, at(30, 1, 0), 3, "a=100 b=100");
    driver_restart(driver);
    driver_tick(driver, at(30, 2, 0));
    assert_quiet(driver);
    cycle_of(driver, at(30, 15, 0), 3, "a=100 b=100");
    driver_tick(driver, at(30, 21, 0));
    assert_told(driver, "30:20:01 firing warning LagElevated #2 c\n");
    driver_free(driver);
}

/* Nor is it an absence that the table is known for, however often it goes. */
static void the_time_away_is_no_habit(void **unused)
{
    (void)unused;
    struct driver *driver = driver_of_three();
    for (int64_t h = 2; h < 8; h += 2) {
        restarted_with(driver, at(h, 0, 0), 2);
        cycles_of(driver, at(h, 0, 0), at(h + 1, 0, 0), 2, "a=100 b=100");
        restarted_with(driver, at(h + 1, 0, 0), 3);
        cycles_of(driver, at(h + 1, 0, 0), at(h + 2, 0, 0), 3, "a=100 b=100 c=100");
    }
    driver_told(driver);
    cycle_of(driver, at(8, 0, 0), 3, "a=100 b=100");
    driver_tick(driver, at(8, 6, 0));
    assert_non_null(strstr(driver_told(driver), "08:05:01 firing warning LagElevated "));
    driver_free(driver);
}

/* Back within the half hour in which the warning stands. */
static void a_table_that_comes_back_at_once_recovers(void **unused)
{
    (void)unused;
    struct driver *driver = driver_of_three();
    restarted_with(driver, at(2, 0, 0), 2);
    cycle_of(driver, at(2, 0, 0), 2, "a=100 b=100");
    driver_told(driver);
    restarted_with(driver, at(2, 5, 0), 3);
    cycle_of(driver, at(2, 5, 0), 3, "a=100 b=100 c=100");
    assert_told(driver, "02:05:01 resolved warning LagElevated #1 c\n");
    assert_non_null(strstr(driver->last_summary, "c flows again after "));
    cycles_of(driver, at(2, 15, 0), at(30, 0, 0), 3, "a=100 b=100 c=100");
    assert_quiet(driver);
    driver_free(driver);
}

/* A stop in a cycle leaves tables out, which are neither gone nor late for that. */
static void a_cycle_that_was_told_to_stop_leaves_nothing_out(void **unused)
{
    (void)unused;
    struct driver *driver = driver_of_three();
    cycle_of(driver, at(2, 0, 0), 3, "a=100 b=100 c=fail");
    driver_begin(driver, at(2, 15, 0));
    driver_feed(driver, (struct event){ .kind = EVENT_CYCLE_TABLES, .time_ms = at(2, 15, 0), .number = 3 });
    driver_run(driver, at(2, 15, 0), "a");
    driver_say(driver, EVENT_SIGNAL_RECEIVED, at(2, 15, 1));
    driver_ok(driver, at(2, 15, 2), "a", 100);
    driver_say(driver, EVENT_SHUTDOWN_REQUESTED, at(2, 15, 2));
    driver_say(driver, EVENT_CYCLE_COMPLETED, at(2, 15, 2));
    assert_int_equal(driver->engine->tables.at[2].cycles_without, 0);
    driver_say(driver, EVENT_SCHEDULER_STOPPED, at(2, 15, 3));
    started_with(driver, at(2, 15, 30), 3);
    cycles_of(driver, at(2, 15, 30), at(5, 0, 0), 3, "a=100 b=100 c=100");
    assert_quiet(driver);
    driver_free(driver);
}

/* A name that only a forged line knows vanishes without a word. */
static void what_never_succeeded_goes_without_a_warning(void **unused)
{
    (void)unused;
    struct driver *driver = driver_of_three();
    driver_begin(driver, at(2, 0, 0));
    driver_feed(driver, (struct event){ .kind = EVENT_CYCLE_TABLES, .time_ms = at(2, 0, 0), .number = 3 });
    driver_run(driver, at(2, 0, 0), "forged");
    driver_run(driver, at(2, 0, 0), "a");
    driver_ok(driver, at(2, 0, 1), "a", 100);
    driver_end(driver, at(2, 0, 2));
    restarted_with(driver, at(2, 10, 0), 2);
    cycle_of(driver, at(2, 10, 0), 2, "b=100 c=100");
    assert_null(strstr(driver_told(driver), "forged"));
    assert_true(driver->engine->tables.at[3].retired);
    driver_free(driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_removed_table_is_one_warning_that_ends_by_itself),
        cmocka_unit_test(several_removed_tables_are_one_warning),
        cmocka_unit_test(what_was_failing_ends_with_its_removal),
        cmocka_unit_test(an_incident_goes_on_without_the_removed_table),
        cmocka_unit_test(what_failed_once_is_a_warning_as_well),
        cmocka_unit_test(no_table_is_removed_where_the_numbers_disagree),
        cmocka_unit_test(a_replaced_table_is_one_warning_too),
        cmocka_unit_test(without_a_banner_lag_judges_until_cycles_agree),
        cmocka_unit_test(an_added_table_does_not_hide_two_removed_ones),
        cmocka_unit_test(a_table_that_is_left_out_in_the_same_life_is_no_replaced_one),
        cmocka_unit_test(a_table_that_comes_back_is_as_new),
        cmocka_unit_test(the_time_away_is_no_lag),
        cmocka_unit_test(the_time_away_is_no_habit),
        cmocka_unit_test(a_table_that_comes_back_at_once_recovers),
        cmocka_unit_test(a_cycle_that_was_told_to_stop_leaves_nothing_out),
        cmocka_unit_test(what_never_succeeded_goes_without_a_warning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
