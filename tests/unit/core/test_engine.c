/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.c"

/* The engine's clock and deadlines, and what it saves and reports. */

static void a_tick_never_turns_the_clock_back(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    assert_int_equal(engine_clock(driver->engine), 0);
    driver_tick(driver, at(1, 0, 0));
    driver_tick(driver, at(0, 30, 0));
    assert_int_equal(engine_clock(driver->engine), at(1, 0, 0));
    driver_free(driver);
}

/* A minute is a line that is late, and its row tells when it was written; more is a clock that was set. */
static void a_line_more_than_a_minute_behind_turns_it_back(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_tick(driver, at(1, 0, 0));
    driver_begin(driver, at(0, 59, 0));
    assert_int_equal(engine_clock(driver->engine), at(1, 0, 0));
    assert_int_equal(driver->cycles[0].started_ms, at(0, 59, 0));
    driver_begin(driver, at(0, 59, 0) - 1);
    assert_int_equal(engine_clock(driver->engine), at(0, 59, 0) - 1);
    driver_say(driver, EVENT_WRITER_BACK, at(0, 0, 0)); /* the host's events come from its own clock */
    assert_int_equal(engine_clock(driver->engine), at(0, 59, 0) - 1);
    driver_free(driver);
}

static void a_new_engine_has_no_deadline(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    assert_int_equal(engine_next_deadline(driver->engine), INT64_MAX);
    driver_tick(driver, at(1000, 0, 0));
    assert_quiet(driver);
    driver_free(driver);
}

/* Each deadline is asked for, met at its own instant, and gives way to the next. */
static void the_next_deadline_is_when_something_happens(void **unused)
{
    (void)unused;
    static const int64_t expected[][3] = {
        { 0, 16, 0 }, { 0, 17, 0 }, { 0, 51, 0 }, { 4, 17, 0 }, { 8, 17, 0 },
    };
    struct driver *driver = driver_new();
    driver_cycle(driver, at(0, 0, 0), seconds(10), "a=100");
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        int64_t due = engine_next_deadline(driver->engine);
        assert_int_equal(due, at(expected[i][0], expected[i][1], expected[i][2]));
        driver_tick(driver, due - 1);
        assert_quiet(driver);
        driver_tick(driver, due);
        assert_string_not_equal(driver_told(driver), "");
        assert_int_equal(driver->last.time_ms, due);
    }
    driver_free(driver);
}

/* After eight silent hours one event comes: all that fell due before it is told first, each at its own time. */
static void deadlines_before_an_event_run_in_order(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_cycle(driver, at(0, 0, 0), seconds(10), "a=100");
    driver_say(driver, EVENT_SCHEDULER_STARTED, at(4, 17, 0) + 1);
    assert_told(driver, "00:16:00 firing warning SchedulerDown #1\n00:17:00 firing critical SchedulerDown #1\n"
                        "00:51:00 escalated critical SchedulerDown #1\n04:17:00 reminder critical SchedulerDown #1\n");
    driver_free(driver);
}

static void an_event_at_the_very_instant_still_counts(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_cycle(driver, at(0, 0, 0), seconds(10), "a=100");
    driver_say(driver, EVENT_CYCLE_STARTED, at(0, 16, 0));
    assert_quiet(driver);
    driver_free(driver);
}

static void slots_lie_where_the_promise_says(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_tick(driver, at(0, 0, 59));
    assert_int_equal(schedule_next_slot(&driver->engine->schedule), 0); /* nothing says how often a cycle begins */
    driver_start(driver, at(0, 1, 0));
    assert_int_equal(schedule_next_slot(&driver->engine->schedule), at(0, 15, 0));
    driver_tick(driver, at(0, 14, 57) + 999);
    assert_int_equal(schedule_next_slot(&driver->engine->schedule), at(0, 15, 0));
    driver_tick(driver, at(0, 14, 58));
    assert_int_equal(schedule_next_slot(&driver->engine->schedule), at(0, 30, 0));
    driver_promise(driver, at(0, 15, 0), at(0, 20, 0));
    assert_int_equal(schedule_next_slot(&driver->engine->schedule), at(0, 20, 0));
    driver_tick(driver, at(0, 21, 0));
    assert_int_equal(schedule_next_slot(&driver->engine->schedule), at(0, 35, 0));
    driver_free(driver);
}

/* On a schedule of 15 s a cycle starts no more than a second early. */
static void short_intervals_have_short_moments(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver->settings.schedule.interval_ms = seconds(15);
    driver_configure(driver);
    driver_tick(driver, at(0, 0, 14) - 1);
    assert_int_equal(schedule_next_slot(&driver->engine->schedule), at(0, 0, 15));
    driver_tick(driver, at(0, 0, 14));
    assert_int_equal(schedule_next_slot(&driver->engine->schedule), at(0, 0, 30));
    driver_free(driver);
}

static void the_burst_is_a_fifteenth_of_the_interval(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    assert_int_equal(schedule_burst(&driver->engine->schedule), minutes(1));
    driver->settings.schedule.interval_ms = minutes(30);
    driver_configure(driver);
    assert_int_equal(schedule_burst(&driver->engine->schedule), minutes(2));
    driver->settings.detect.burst_ms = 5;
    driver_configure(driver);
    assert_int_equal(schedule_burst(&driver->engine->schedule), 5);
    driver_free(driver);
}

static void new_thresholds_hold_from_now_on(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_begin(driver, at(0, 0, 0));
    driver_tick(driver, at(0, 4, 0));
    assert_quiet(driver);
    driver->settings.detect.cycle_slow_ms = seconds(60);
    driver_configure(driver);
    driver_tick(driver, at(0, 4, 0));
    assert_told(driver, "00:04:00 firing warning CycleSlow #1\n");
    driver_free(driver);
}

static void windows_change_only_with_a_cycle(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    assert_false(windows_are_touched(driver->engine));
    driver_begin(driver, at(0, 0, 0));
    driver_run(driver, at(0, 0, 0), "a");
    assert_true(windows_are_touched(driver->engine)); /* those of a new table */
    engine_saved(driver->engine);
    driver_ok(driver, at(0, 0, 5), "a", 1);
    assert_false(windows_are_touched(driver->engine));
    driver_end(driver, at(0, 0, 6));
    assert_true(windows_are_touched(driver->engine));
    engine_saved(driver->engine);
    assert_false(windows_are_touched(driver->engine));
    driver_free(driver);
}

static void a_saved_state_loads_as_the_same_text(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_start(driver, at(0, 0, 0));
    driver_cycles(driver, at(0, 0, 0), at(6, 0, 0), seconds(10), "a=100 b=0");
    driver_cycles(driver, at(6, 0, 0), at(7, 0, 0), seconds(400), "a=fail b=timeout");
    driver_begin(driver, at(7, 0, 0));
    driver_run(driver, at(7, 0, 0), "a");
    driver_fail_saying(driver, at(7, 0, 1), "a", 137, "line\\one\nline two");
    driver_save(driver);
    char *live = must_copy(driver->live.at, driver->live.len),
         *windows = must_copy(driver->windows.at, driver->windows.len);
    driver_restart(driver);
    driver->engine->windows_changed = true;
    driver_save(driver);
    assert_string_equal(driver->live.at, live);
    assert_string_equal(driver->windows.at, windows);
    free(live);
    free(windows);
    driver_free(driver);
}

/* What an engine loads may be of another version, cut, or garbage: it never crashes, whatever it makes of it. */
static void a_damaged_state_is_borne(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_start(driver, at(0, 0, 0));
    driver_cycles(driver, at(0, 0, 0), at(1, 0, 0), seconds(10), "a=fail b=0");
    driver_save(driver);
    size_t len = driver->live.len;
    for (size_t cut = 0; cut < len; cut += 13) {
        struct archive archive;
        struct engine *engine = engine_new(&driver->settings, &(struct engine_sink){ 0 });
        archive_load_from(&archive, (struct slice){ driver->live.at, cut });
        engine_archive_live(engine, &archive);
        archive_load_from(&archive,
                          (struct slice){ driver->windows.at, cut < driver->windows.len ? cut : driver->windows.len });
        engine_archive_windows(engine, &archive);
        engine_tick(engine, at(2, 0, 0));
        engine_feed(engine, &(struct event){ .kind = EVENT_CYCLE_STARTED, .time_ms = at(2, 0, 1) });
        engine_free(engine);
    }
    driver_free(driver);
}

static int64_t reported(struct driver *driver, const char *name, struct strbuf *text)
{
    struct archive archive;
    int64_t value = -1;
    strbuf_clear(text);
    archive_save_to(&archive, text);
    engine_report(driver->engine, &archive);
    archive_load_from(&archive, strbuf_slice(text));
    archive_i64(&archive, name, &value);
    return value;
}

static void the_report_tells_thresholds_and_blind_spots(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    struct strbuf text = { 0 };
    driver_start(driver, at(0, 0, 0));
    driver_cycles(driver, at(0, 0, 0), at(4, 45, 0), seconds(10), "a=100 b=0");
    assert_int_equal(reported(driver, "next_run_ms", &text), at(4, 45, 0));
    assert_int_equal(reported(driver, "interval_ms", &text), minutes(15));
    assert_int_equal(reported(driver, "lag_warning_ms", &text), minutes(20));
    assert_int_equal(reported(driver, "lag_critical_ms", &text), minutes(30));
    assert_int_equal(reported(driver, "cycle_slow_ms", &text), seconds(300));
    assert_int_equal(reported(driver, "cycle_too_slow_ms", &text), seconds(600));
    assert_int_equal(reported(driver, "blind_count", &text), 2); /* 19 cycles, and b */
    assert_non_null(strstr(text.at, "blind.0 =b: row counts are blind"));
    assert_non_null(strstr(text.at, "blind.1 =cycle durations: 19 good cycles known, 20 wanted"));
    driver_cycle(driver, at(4, 45, 0), seconds(10), "a=100 b=0");
    assert_int_equal(reported(driver, "blind_count", &text), 1);
    strbuf_free(&text);
    driver_free(driver);
}

/* The state with one number of it replaced. */
static void spoil(const struct strbuf *state, const char *line, size_t value_at, const char *number, struct strbuf *out)
{
    const char *end = line + strcspn(line, "\n");
    strbuf_clear(out);
    strbuf_add(out, state->at, (size_t)(line - state->at) + value_at);
    strbuf_puts(out, number);
    strbuf_puts(out, end);
}

static void live_on(struct driver *driver, const struct strbuf *state)
{
    struct archive archive;
    driver->engine = engine_for(driver);
    archive_load_from(&archive, strbuf_slice(state));
    engine_archive_live(driver->engine, &archive);
    archive_load_from(&archive, strbuf_slice(&driver->windows));
    engine_archive_windows(driver->engine, &archive);
    driver_told(driver);
    driver_say(driver, EVENT_WRITER_GONE, at(2, 5, 0));
    driver_cycles(driver, at(2, 15, 0), at(5, 0, 0), seconds(10), "a=100 b=100");
    driver_cycles(driver, at(5, 0, 0), at(6, 0, 0), seconds(10), "a=fail b=100");
    if (!strstr(driver_told(driver), " firing critical ConsecutiveFailures"))
        fail_msg("what fails is told no more, after this was loaded:\n%s", state->at);
    driver_save(driver);
    engine_free(driver->engine);
}

/* One bad row of the history must not end the agent at every start, nor make it deaf to what fails from then on. */
static void a_state_that_was_damaged_is_borne(void **unused)
{
    (void)unused;
    static const char *const numbers[] = { "-3", "99", "4000000000000000000" };
    static const char *const indexes[] = { "tables ",     "incidents ",      "severity ",      "alert ",
                                           "family ",     "table.index ",    "members ",       "told.severity ",
                                           "told.alert ", "noted.severity ", "cycle.outcome ", "run.outcome ",
                                           "run.table ",  "slow.level " };
    struct driver *driver = driver_new();
    struct strbuf state = { 0 }, spoilt = { 0 };
    driver_start(driver, at(0, 0, 0));
    driver_cycle(driver, at(0, 0, 0), seconds(10), "a=100 b=100");
    driver_cycle(driver, at(0, 15, 0), seconds(10), "a=fail b=100");
    driver_cycle(driver, at(0, 30, 0), seconds(10), "a=fail b=100");
    driver_begin(driver, at(0, 45, 0));
    driver_run(driver, at(0, 45, 0), "a");
    driver_save(driver);
    strbuf_add(&state, driver->live.at, driver->live.len);
    engine_free(driver->engine);
    size_t spoilt_count = 0;
    for (const char *line = state.at; *line; line += strcspn(line, "\n") + 1) {
        for (size_t i = 0; i < sizeof indexes / sizeof indexes[0]; i++) {
            if (strncmp(line, indexes[i], strlen(indexes[i])) != 0)
                continue;
            for (size_t n = 0; n < sizeof numbers / sizeof numbers[0]; n++, spoilt_count++) {
                spoil(&state, line, strlen(indexes[i]), numbers[n], &spoilt);
                live_on(driver, &spoilt);
            }
        }
    }
    assert_true(spoilt_count >= sizeof numbers / sizeof numbers[0] * sizeof indexes / sizeof indexes[0]);
    driver->engine = engine_for(driver);
    strbuf_free(&state);
    strbuf_free(&spoilt);
    driver_free(driver);
}

/* A host whose clock begins at zero, and a log read in a zone east of it. */
static void times_before_1970_are_times_as_well(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    int64_t begin_h = -at(0, 0, 0) / HOUR_MS - 30;
    driver_start(driver, at(begin_h, 0, 0));
    driver_cycles(driver, at(begin_h, 0, 0), at(begin_h + 28, 0, 0), seconds(10), "a=100 b=0");
    assert_true(engine_clock(driver->engine) < 0);
    assert_int_equal(driver_saved_sum(driver, "stall.streak.by", 1), driver_saved_sum(driver, "stall.streak", 1));
    assert_int_equal(driver_saved_sum(driver, "stall.runs.by", 0), 28 * 4);
    driver_free(driver);
}

static void a_sink_may_be_empty(void **unused)
{
    (void)unused;
    struct settings settings;
    settings_default(&settings);
    struct engine *engine = engine_new(&settings, &(struct engine_sink){ 0 });
    engine_feed(engine, &(struct event){ .kind = EVENT_CYCLE_STARTED, .time_ms = at(0, 0, 0) });
    engine_tick(engine, at(9, 0, 0));
    engine_free(engine);
    engine_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tick_never_turns_the_clock_back),
        cmocka_unit_test(a_line_more_than_a_minute_behind_turns_it_back),
        cmocka_unit_test(a_state_that_was_damaged_is_borne),
        cmocka_unit_test(a_new_engine_has_no_deadline),
        cmocka_unit_test(the_next_deadline_is_when_something_happens),
        cmocka_unit_test(deadlines_before_an_event_run_in_order),
        cmocka_unit_test(an_event_at_the_very_instant_still_counts),
        cmocka_unit_test(slots_lie_where_the_promise_says),
        cmocka_unit_test(short_intervals_have_short_moments),
        cmocka_unit_test(the_burst_is_a_fifteenth_of_the_interval),
        cmocka_unit_test(new_thresholds_hold_from_now_on),
        cmocka_unit_test(windows_change_only_with_a_cycle),
        cmocka_unit_test(a_saved_state_loads_as_the_same_text),
        cmocka_unit_test(a_damaged_state_is_borne),
        cmocka_unit_test(the_report_tells_thresholds_and_blind_spots),
        cmocka_unit_test(times_before_1970_are_times_as_well),
        cmocka_unit_test(a_sink_may_be_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
