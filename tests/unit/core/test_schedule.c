/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.c"

/* What is judged before the interval is known, and by it. */

static int64_t learnt_ms(const struct driver *driver)
{
    return schedule_is_known(&driver->engine->schedule) ? schedule_interval(&driver->engine->schedule) : 0;
}

static void says_cycle(struct driver *driver, int64_t start_ms, const char *runs)
{
    driver_cycle(driver, start_ms, seconds(10), runs);
}

/* A cycle as a log without promises tells it. */
static void bare_cycle(struct driver *driver, int64_t start_ms, bool with_b)
{
    driver_begin(driver, start_ms);
    driver_run(driver, start_ms, "a");
    driver_ok(driver, start_ms + seconds(5), "a", 100);
    if (with_b) {
        driver_run(driver, start_ms + seconds(5), "b");
        driver_ok(driver, start_ms + seconds(9), "b", 100);
    }
    driver_say(driver, EVENT_CYCLE_COMPLETED, start_ms + seconds(10));
}

static void without_banner_and_promises_health_is_quiet(void **unused)
{
    (void)unused;
    static const int64_t jitters_s[] = { 0, 1, -1, 3, 0, -2, 2 };
    for (int64_t interval_min = 5; interval_min <= 60; interval_min += 5) {
        struct driver *driver = driver_new();
        for (int64_t i = 0; i < 100; i++) {
            bare_cycle(driver, at(0, 3 + i * interval_min, 4 + jitters_s[i % 7]), true);
            if (i % 10 == 9)
                driver_restart(driver);
        }
        assert_quiet(driver);
        assert_int_equal(driver->incident_count, 0);
        assert_in_range(learnt_ms(driver), minutes(interval_min) - 4000, minutes(interval_min) + 4000);
        driver_free(driver);
    }
}

static void without_banner_and_promises_a_crontab_is_quiet(void **unused)
{
    (void)unused;
    static const int64_t tabs[][4] = { { 0, 10, 30, -1 }, { 0, 5, 10, 15 }, { 0, 20, 25, -1 }, { 7, 37, -1, -1 } };
    for (size_t t = 0; t < sizeof tabs / sizeof tabs[0]; t++) {
        struct driver *driver = driver_new();
        for (int64_t h = 0; h < 72; h++)
            for (size_t i = 0; i < 4 && tabs[t][i] >= 0; i++)
                bare_cycle(driver, at(h, tabs[t][i], 0), true);
        assert_quiet(driver);
        driver_free(driver);
    }
}

static void without_promises_a_death_is_told_once_the_interval_is_learnt(void **unused)
{
    (void)unused;
    for (int64_t interval_min = 5; interval_min <= 60; interval_min += 5) {
        struct driver *driver = driver_new();
        for (int64_t i = 0; i < 6; i++)
            bare_cycle(driver, at(0, i * interval_min, 0), true);
        int64_t due_ms = at(0, 6 * interval_min, 0);
        driver_restart(driver);
        driver_tick(driver, due_ms + seconds(60) - 1);
        assert_quiet(driver);
        driver_tick(driver, due_ms + seconds(120));
        assert_int_equal(driver->incident_count, 1);
        assert_int_equal(driver_incident(driver, 1)->alert, ALERT_SCHEDULER_DOWN);
        assert_int_equal(driver_incident(driver, 1)->severity, SEVERITY_CRITICAL);
        assert_int_equal(driver_incident(driver, 1)->opened_ms, due_ms + seconds(60));
        assert_non_null(strstr(driver->last_summary, "scheduler late since "));
        driver_free(driver);
    }
}

static void until_the_interval_is_known_nothing_is_late(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    for (int64_t i = 0; i < 5; i++)
        bare_cycle(driver, at(0, 15 * i, 0), i == 0);
    driver_tick(driver, at(24, 0, 0));
    assert_quiet(driver);
    driver_free(driver);
}

static void assert_said_blind(const struct driver *driver, bool is_said)
{
    struct archive archive;
    struct strbuf report = { 0 };
    archive_save_to(&archive, &report);
    engine_report(driver->engine, &archive);
    assert_int_equal(strstr(report.at, "neither lag nor lateness is judged") != NULL, is_said);
    strbuf_free(&report);
}

static void that_it_is_not_known_is_said(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    assert_said_blind(driver, true);
    for (int64_t i = 0; i < 6; i++) {
        assert_said_blind(driver, true);
        bare_cycle(driver, at(0, 15 * i, 0), true);
    }
    assert_said_blind(driver, false);
    driver_free(driver);
}

/* A promise needs no interval. */
static void a_broken_promise_is_news_in_a_log_that_begins_in_mid_life(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    bare_cycle(driver, at(0, 0, 0), true);
    driver_promise(driver, at(0, 0, 10), at(1, 0, 0));
    driver_tick(driver, at(1, 2, 0));
    assert_told(driver, "01:01:00 firing warning SchedulerDown #1\n01:02:00 firing critical SchedulerDown #1\n");
    driver_free(driver);
}

static void lag_is_told_by_the_learnt_interval(void **unused)
{
    (void)unused;
    for (int64_t interval_min = 5; interval_min <= 60; interval_min += 5) {
        int64_t warning_ms = interval_min > 15 ? minutes(interval_min + 5) : minutes(20);
        int64_t critical_ms = interval_min > 15 ? minutes(2 * interval_min) : minutes(30);
        struct driver *driver = driver_new();
        for (int64_t i = 0; i < 16; i++) /* the last success of b is in the sixth */
            bare_cycle(driver, at(0, i * interval_min, 0), i < 6);
        int64_t since_ms = at(0, 5 * interval_min, 9);
        assert_int_equal(driver_incident(driver, 1)->alert, ALERT_LAG_CRITICAL);
        assert_string_equal(driver_incident(driver, 1)->table, "b");
        /* A cycle in progress explains it, so it may be told at that one's end. */
        assert_in_range(driver_incident(driver, 1)->opened_ms, since_ms + warning_ms,
                        since_ms + warning_ms + seconds(10));
        assert_in_range(driver_incident(driver, 1)->critical_ms, since_ms + critical_ms,
                        since_ms + critical_ms + seconds(10));
        assert_int_equal(driver->incident_count, 1);
        driver_free(driver);
    }
}

/* The second failure is critical at once where the lag is certain to be, which nobody knows without the interval. */
static void failures_are_told_before_the_interval_is_known(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    for (int64_t i = 0; i < 3; i++) {
        driver_begin(driver, at(i, 0, 0));
        driver_run(driver, at(i, 0, 0), "a");
        driver_fail(driver, at(i, 0, 5), "a");
        driver_say(driver, EVENT_CYCLE_COMPLETED, at(i, 0, 10));
    }
    assert_told(driver, "01:00:05 firing warning ConsecutiveFailures #1 a\n"
                        "02:00:05 firing critical ConsecutiveFailures #1 a\n"
                        "02:00:05 escalated critical ConsecutiveFailures #1 a\n");
    driver_free(driver);
}

/* The scheduler itself says that it pauses: nothing lags while the promise holds. */
static void a_promised_pause_is_no_lag(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_start(driver, at(0, 0, 0));
    for (int64_t day = 0; day < 3; day++) {
        for (int64_t m = 6 * 60; m < 22 * 60; m += 15) {
            int64_t next_m = m + 15 < 22 * 60 ? m + 15 : 30 * 60;
            bare_cycle(driver, at(24 * day, m, 0), true);
            driver_promise(driver, at(24 * day, m, 10), at(24 * day, next_m, 0));
        }
    }
    assert_told(driver, "00:01:00 firing warning SchedulerDown #1\n00:02:00 firing critical SchedulerDown #1\n"
                        "00:36:00 escalated critical SchedulerDown #1\n04:02:00 reminder critical SchedulerDown #1\n"
                        "06:00:10 resolved critical SchedulerDown #1\n");
    driver_tick(driver, at(78, 1, 0)); /* the promise that ends the third night is broken */
    assert_told(driver, "78:01:00 firing warning SchedulerDown #2\n");
    driver_free(driver);
}

/* Thresholds that somebody has set hold, whatever is promised. */
static void lag_thresholds_that_are_set_hold_in_a_pause(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver->settings.detect.lag_warning_ms = minutes(10);
    driver_configure(driver);
    driver_start(driver, at(0, 0, 0));
    says_cycle(driver, at(0, 0, 0), "a=100");
    driver_tick(driver, at(0, 12, 0));
    assert_told(driver, "00:10:10 firing warning LagElevated #1 a\n");
    driver_free(driver);
}

/* A cadence that changes, with a banner and without, both ways: nothing is wrong, and what then goes wrong is told by the new one. */
static void a_cadence_may_change(void **unused)
{
    (void)unused;
    static const int64_t cadences_min[] = { 5, 10, 15, 30, 60 };
    for (size_t from = 0; from < 5; from++)
        for (size_t to = 0; to < 5; to++)
            for (int how = 0; how < 3; how++) { /* a banner, none, and a log without any banner */
                struct driver *driver = driver_new();
                int64_t old_ms = minutes(cadences_min[from]), new_ms = minutes(cadences_min[to]), now_ms = at(0, 0, 0);
                if (how < 2)
                    driver_start(driver, now_ms);
                if (how < 2)
                    driver_feed(driver,
                                (struct event){ .kind = EVENT_SCHEDULE, .time_ms = now_ms, .duration_ms = old_ms });
                for (int i = 0; i < 8; i++, now_ms += old_ms) {
                    bare_cycle(driver, now_ms, true);
                    driver_promise(driver, now_ms + seconds(10), now_ms + old_ms);
                }
                now_ms -= old_ms - minutes(1);
                if (how == 0) {
                    driver_say(driver, EVENT_SCHEDULER_STOPPED, now_ms - seconds(5));
                    driver_say(driver, EVENT_SCHEDULER_STARTED, now_ms);
                    driver_feed(driver,
                                (struct event){ .kind = EVENT_SCHEDULE, .time_ms = now_ms, .duration_ms = new_ms });
                }
                for (int i = 0; i < 12; i++) {
                    bare_cycle(driver, now_ms, true);
                    int64_t next_ms = i ? now_ms + new_ms : (now_ms / new_ms + 1) * new_ms;
                    driver_promise(driver, now_ms + seconds(10), next_ms);
                    now_ms = next_ms;
                }
                assert_quiet(driver);
                assert_int_equal(driver->incident_count, 0);
                assert_int_equal(learnt_ms(driver), new_ms);
                driver_free(driver);
            }
}

/* Without any promise a longer cadence looks like missed runs at first. That is told, and learnt within four cycles. */
static void a_cadence_that_slows_without_a_word_is_learnt(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    int64_t now_ms = at(0, 0, 0);
    for (int i = 0; i < 20; i++, now_ms += minutes(15))
        bare_cycle(driver, now_ms, true);
    for (int i = 0; i < 4; i++, now_ms += minutes(60))
        bare_cycle(driver, now_ms, true);
    assert_in_range(driver->incident_count, 1, 3);
    driver_told(driver);
    for (int i = 0; i < 20; i++, now_ms += minutes(60))
        bare_cycle(driver, now_ms, true);
    assert_quiet(driver);
    assert_int_equal(learnt_ms(driver), minutes(60));
    driver_free(driver);
}

/* Old states hold the interval of a Schedule line. */
static void an_older_state_keeps_its_interval(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    struct archive archive;
    archive_load_from(&archive, slice_of("clock 1772409600000\noffsets.from 0\noffsets 0\ninterval 1800000\n"));
    engine_archive_live(driver->engine, &archive);
    assert_int_equal(learnt_ms(driver), minutes(30));
    archive_load_from(&archive, slice_of("clock 1772409600000\noffsets.from 0\noffsets 0\ninterval 0\n"));
    engine_archive_live(driver->engine, &archive);
    assert_int_equal(learnt_ms(driver), 0);
    driver_free(driver);
}

static void runs_without_cycles_tell_it_as_well(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    for (int64_t i = 0; i < 6; i++)
        for (int64_t t = 0; t < 3; t++) {
            driver_run(driver, at(0, 30 * i, 10 * t), t == 0 ? "a" : t == 1 ? "b" : "c");
            driver_ok(driver, at(0, 30 * i, 10 * t + 5), t == 0 ? "a" : t == 1 ? "b" : "c", 100);
        }
    assert_int_equal(learnt_ms(driver), minutes(30));
    driver_tick(driver, at(0, 5 * 30 + 36, 0));
    assert_told(driver, "03:05:05 firing warning LagElevated #1 a\n");
    driver_free(driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_banner_and_promises_health_is_quiet),
        cmocka_unit_test(without_banner_and_promises_a_crontab_is_quiet),
        cmocka_unit_test(without_promises_a_death_is_told_once_the_interval_is_learnt),
        cmocka_unit_test(until_the_interval_is_known_nothing_is_late),
        cmocka_unit_test(that_it_is_not_known_is_said),
        cmocka_unit_test(a_broken_promise_is_news_in_a_log_that_begins_in_mid_life),
        cmocka_unit_test(lag_is_told_by_the_learnt_interval),
        cmocka_unit_test(failures_are_told_before_the_interval_is_known),
        cmocka_unit_test(a_promised_pause_is_no_lag),
        cmocka_unit_test(lag_thresholds_that_are_set_hold_in_a_pause),
        cmocka_unit_test(a_cadence_may_change),
        cmocka_unit_test(a_cadence_that_slows_without_a_word_is_learnt),
        cmocka_unit_test(an_older_state_keeps_its_interval),
        cmocka_unit_test(runs_without_cycles_tell_it_as_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
