/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.c"

/* Slow cycles that are habits, or the new level: what is told of them, and what is told in spite of them. */

enum { USUAL = 40, CYCLES_A_DAY = 96 };

/* The seconds of a cycle that begins so many minutes after Monday's midnight. */
typedef int64_t life(int64_t minute);

static void live(struct driver *driver, int64_t from_day, int64_t to_day, life *pattern)
{
    for (int64_t i = from_day * CYCLES_A_DAY; i < to_day * CYCLES_A_DAY; i++)
        driver_cycle(driver, at(0, 15 * i, 0), seconds(pattern(15 * i)), "a=100 b=100");
}

static struct driver *driver_living(int64_t days, life *pattern)
{
    struct driver *driver = driver_new();
    driver_start(driver, at(0, 0, 0));
    live(driver, 0, days, pattern);
    return driver;
}

static int count(const char *told, const char *word)
{
    int times = 0;
    for (; (told = strstr(told, word)); told++)
        times++;
    return times;
}

/* How often it is told in the first two weeks, and in the next two. */
static void told_twice_at_most(life *pattern, int least)
{
    struct driver *driver = driver_living(14, pattern);
    int times = count(driver_told(driver), "firing");
    assert_in_range(times, least, 2);
    live(driver, 14, 28, pattern);
    assert_int_equal(count(driver_told(driver), "firing"), 0);
    driver_free(driver);
}

static int64_t usual(int64_t minute)
{
    return USUAL + minute / 15 % 3;
}

static int64_t day_of(int64_t minute)
{
    return minute / (24 * 60);
}

static int64_t hour_of(int64_t minute)
{
    return minute / 60 % 24;
}

static int64_t nightly_batch(int64_t minute)
{
    return hour_of(minute) == 23 ? 4 * USUAL : usual(minute);
}

/* It begins four hours later each day, and at the same time only after six days. */
static int64_t wandering_batch(int64_t minute)
{
    return hour_of(minute) == 1 + day_of(minute) % 6 * 4 ? 4 * USUAL : usual(minute);
}

static int64_t batch_each_second_day(int64_t minute)
{
    return day_of(minute) % 2 ? nightly_batch(minute) : usual(minute);
}

static int64_t weekend_batch(int64_t minute)
{
    return day_of(minute) % 7 >= 5 ? nightly_batch(minute) : usual(minute);
}

static int64_t weekly_batch(int64_t minute)
{
    return day_of(minute) % 7 == 6 ? nightly_batch(minute) : usual(minute);
}

static int64_t each_sixth_is_a_full_load(int64_t minute)
{
    return minute / 15 % 6 == 0 || minute / 15 % 13 == 0 ? 4 * USUAL : usual(minute);
}

static void a_batch_is_told_twice_at_most(void **unused)
{
    (void)unused;
    told_twice_at_most(nightly_batch, 1);
    told_twice_at_most(wandering_batch, 1);
    told_twice_at_most(batch_each_second_day, 1);
    told_twice_at_most(weekend_batch, 1);
    told_twice_at_most(weekly_batch, 1);
    told_twice_at_most(each_sixth_is_a_full_load, 0);
}

static int64_t shift_on_day_7(int64_t minute)
{
    return day_of(minute) >= 7 ? 4 * usual(minute) : usual(minute);
}

/* The incident of a new level ends by itself; then a cycle beyond 300 s is an incident of its own. */
static void a_new_level_becomes_normal_within_thirty_hours(void **unused)
{
    (void)unused;
    struct driver *driver = driver_living(7, shift_on_day_7);
    assert_quiet(driver);
    live(driver, 7, 9, shift_on_day_7);
    driver_told(driver);
    assert_int_equal(driver->incident_count, 1);
    assert_in_range(driver_incident(driver, 1)->opened_ms, at(7 * 24, 0, 0), at(7 * 24, 20, 0));
    assert_in_range(driver_incident(driver, 1)->resolved_ms, at(7 * 24 + 12, 0, 0), at(8 * 24 + 6, 0, 0));
    driver_cycle(driver, at(9 * 24, 0, 0), seconds(480), "a=100 b=100");
    assert_told(driver, "216:05:00 firing warning CycleSlow #2\n");
    driver_free(driver);
}

/* Also while the incident of the level is open; that one ends, since it is another one that goes on. */
static void a_crossing_is_told_while_the_level_is_open(void **unused)
{
    (void)unused;
    struct driver *driver = driver_living(7, shift_on_day_7);
    driver_cycles(driver, at(7 * 24, 0, 0), at(7 * 24 + 1, 0, 0), seconds(160), "a=100 b=100");
    driver_told(driver);
    driver_cycle(driver, at(7 * 24 + 1, 0, 0), seconds(280), "a=100 b=100");
    assert_quiet(driver);
    driver_cycle(driver, at(7 * 24 + 1, 15, 0), seconds(480), "a=100 b=100");
    assert_told(driver, "169:17:40 escalated warning CycleSlow #1\n169:20:00 resolved warning CycleSlow #1\n169:20:00 "
                        "firing warning CycleSlow #2\n");
    driver_free(driver);
}

/* A cycle a little below 300 s does not end what crossed it; eight of them do, and one that is well below. */
static void what_hovers_at_the_threshold_is_told_once(void **unused)
{
    (void)unused;
    struct driver *driver = driver_living(1, usual);
    driver->settings.detect.slow_floor_ms = hours(1); /* so that only the threshold counts */
    driver_configure(driver);
    for (int64_t i = 0; i < 20; i++)
        driver_cycle(driver, at(24, 15 * i, 0), seconds(i % 2 ? 290 : 310), "a=100 b=100");
    assert_int_equal(count(driver_told(driver), "firing"), 1);
    driver_cycles(driver, at(29, 0, 0), at(30, 30, 0), seconds(290), "a=100 b=100");
    assert_quiet(driver);
    driver_cycles(driver, at(30, 30, 0), at(31, 0, 0), seconds(290), "a=100 b=100");
    assert_told(driver, "30:34:50 resolved warning CycleSlow #1\n");
    driver_cycle(driver, at(31, 0, 0), seconds(310), "a=100 b=100");
    assert_told(driver, "31:05:00 firing warning CycleSlow #2\n");
    driver_cycle(driver, at(31, 15, 0), seconds(239), "a=100 b=100");
    assert_told(driver, "31:18:59 resolved warning CycleSlow #2\n");
    driver_free(driver);
}

/* 30 s at night and 120 s by day, from hour to hour; tripled nights from day 10 on are as long as noon. */
static int64_t swing(int64_t minute)
{
    static const int64_t seconds_of[24] = { 30,  30,  30,  30,  30,  30, 40, 60, 80, 100, 120, 120,
                                            120, 120, 120, 120, 100, 80, 60, 40, 30, 30,  30,  30 };
    return seconds_of[hour_of(minute)] + minute / 15 % 3;
}

static int64_t swing_with_slow_night(int64_t minute)
{
    return minute >= 10 * 24 * 60 && hour_of(minute) >= 2 && hour_of(minute) < 5 ? 3 * swing(minute) : swing(minute);
}

static void a_slow_night_is_not_hidden_by_slow_days(void **unused)
{
    (void)unused;
    struct driver *driver = driver_living(10, swing_with_slow_night);
    driver_told(driver);
    live(driver, 10, 11, swing_with_slow_night);
    assert_string_equal(driver_told(driver),
                        "242:31:33 firing warning CycleSlow #1\n"
                        "243:31:33 escalated warning CycleSlow #1\n245:00:32 resolved warning CycleSlow #1\n");
    driver_free(driver);
}

/* What was told within a day is not told again, unless it has become two thirds longer. */
static void the_same_length_is_told_once_a_day(void **unused)
{
    (void)unused;
    struct driver *driver = driver_living(3, usual);
    int told[3];
    for (int i = 0; i < 3; i++) {
        driver_cycles(driver, at(72 + 6 * i, 0, 0), at(73 + 6 * i, 0, 0), seconds(i < 2 ? 100 + 10 * i : 190),
                      "a=100 b=100");
        driver_cycles(driver, at(73 + 6 * i, 0, 0), at(78 + 6 * i, 0, 0), seconds(40), "a=100 b=100");
        told[i] = count(driver_told(driver), "firing");
    }
    assert_int_equal(told[0], 1);
    assert_int_equal(told[1], 0);
    assert_int_equal(told[2], 1);
    driver_free(driver);
}

/* Days rise each morning to what nearly crosses 300 s within hours: a swing, once three of them are known. */
static int64_t steep_mornings(int64_t minute)
{
    int64_t since = minute % (24 * 60) - 6 * 60;
    return since < 0 || since >= 8 * 60 ? usual(minute) : USUAL + since / 2;
}

static void mornings_that_rise_are_no_drift(void **unused)
{
    (void)unused;
    struct driver *driver = driver_living(4, steep_mornings);
    driver_told(driver);
    live(driver, 4, 10, steep_mornings);
    assert_quiet(driver);
    driver_free(driver);
}

static void only_what_crossed_the_threshold_explains_lag(void **unused)
{
    (void)unused;
    struct driver *driver = driver_living(3, usual);
    driver_cycles(driver, at(72, 0, 0), at(72, 30, 0), seconds(160), "a=100 b=100");
    assert_non_null(strstr(driver_told(driver), "CycleSlow #1"));
    assert_false(slow_explains_lag(&driver->engine->context));
    driver_cycle(driver, at(72, 30, 0), seconds(301), "a=100 b=100");
    assert_true(slow_explains_lag(&driver->engine->context));
    driver_restart(driver);
    assert_true(slow_explains_lag(&driver->engine->context));
    driver_cycle(driver, at(72, 45, 0), seconds(40), "a=100 b=100");
    assert_false(slow_explains_lag(&driver->engine->context));
    driver_free(driver);
}

/* The state of an older agent has a week of good cycles and no half hours. */
static void an_older_state_is_taken_over(void **unused)
{
    (void)unused;
    struct driver *driver = driver_living(5, usual);
    struct strbuf old = { 0 };
    driver_save(driver);
    strbuf_puts(&old, "good.at");
    for (int64_t i = 0; i < 5 * CYCLES_A_DAY; i++)
        strbuf_printf(&old, " %lld", (long long)(at(0, 15 * i, 40)));
    strbuf_puts(&old, "\ngood");
    for (int64_t i = 0; i < 5 * CYCLES_A_DAY; i++)
        strbuf_puts(&old, " 40000");
    strbuf_puts(&old, "\n");
    struct engine *engine = engine_new(&driver->settings, &driver->engine->outlet.sink);
    struct archive archive;
    archive_load_from(&archive, strbuf_slice(&driver->live));
    engine_archive_live(engine, &archive);
    archive_load_from(&archive, strbuf_slice(&old));
    engine_archive_windows(engine, &archive);
    engine_free(driver->engine);
    driver->engine = engine;
    assert_in_range(slow_known_cycles(&engine->context), CYCLES_A_DAY, 2 * CYCLES_A_DAY);
    driver_told(driver);
    driver_cycles(driver, at(120, 0, 0), at(120, 30, 0), seconds(160), "a=100 b=100");
    assert_told(driver, "120:17:40 firing warning CycleSlow #1\n");
    strbuf_free(&old);
    driver_free(driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_is_told_twice_at_most),
        cmocka_unit_test(a_new_level_becomes_normal_within_thirty_hours),
        cmocka_unit_test(a_crossing_is_told_while_the_level_is_open),
        cmocka_unit_test(what_hovers_at_the_threshold_is_told_once),
        cmocka_unit_test(a_slow_night_is_not_hidden_by_slow_days),
        cmocka_unit_test(the_same_length_is_told_once_a_day),
        cmocka_unit_test(mornings_that_rise_are_no_drift),
        cmocka_unit_test(only_what_crossed_the_threshold_explains_lag),
        cmocka_unit_test(an_older_state_is_taken_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
