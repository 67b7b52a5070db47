/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.c"

#include "agent/core/recurrence.h"

/* What recurs at about the same time of day is told as that. */

static struct driver *failing_driver(void)
{
    struct driver *driver = driver_new();
    driver->settings.notify.reminder_ms = 0;
    driver->settings.notify.escalation_ms = hours(1000);
    driver_configure(driver);
    driver_start(driver, at(0, 0, 0));
    driver_cycle(driver, at(0, 0, 0), seconds(10), "a=1 z=1");
    return driver;
}

/* Two failures of a and a success, from at_ms on: a turn of 45 minutes. */
static void turn(struct driver *driver, int64_t at_ms)
{
    driver_cycles(driver, at_ms, at_ms + minutes(30), seconds(10), "a=fail z=1");
    driver_cycle(driver, at_ms + minutes(30), seconds(10), "a=1 z=1");
}

static void what_comes_each_night_is_told_as_such(void **unused)
{
    (void)unused;
    struct driver *driver = failing_driver();
    for (int64_t day = 0; day < 5; day++) {
        driver_cycles(driver, at(24 * day, day ? 0 : 15, 0), at(24 * day + 2, 15 * (day % 3), 0), seconds(10),
                      "a=1 z=1");
        turn(driver, at(24 * day + 2, 15 * (day % 3), 0));
        driver_cycles(driver, at(24 * day + 2, 15 * (day % 3) + 45, 0), at(24 * day + 24, 0, 0), seconds(10),
                      "a=1 z=1");
    }
    assert_non_null(strstr(driver->story.at,
                           "#3 opened no new data for a since 02:15, 2 runs failed; for the 3rd night at about "
                           "02:30\n"));
    assert_non_null(strstr(driver->story.at, "; for the 5th night at about 02:00\n"));
    assert_null(strstr(driver->story.at, "2nd day"));
    driver_free(driver);
}

static int64_t days_of(const struct recurrences *recurrences, bool *weekly)
{
    bool is_weekly;
    int64_t days = recurrences_days(recurrences, KIND_SLOW, -1, &is_weekly);
    if (weekly)
        *weekly = is_weekly;
    return days;
}

static void days_are_counted_by_the_time_of_day(void **unused)
{
    (void)unused;
    struct recurrences recurrences = { 0 };
    assert_int_equal(days_of(&recurrences, NULL), 0);
    recurrences_note(&recurrences, KIND_SLOW, -1, at(2, 0, 0));
    assert_int_equal(days_of(&recurrences, NULL), 1);
    recurrences_note(&recurrences, KIND_SLOW, -1, at(14, 0, 0)); /* another time of day */
    assert_int_equal(days_of(&recurrences, NULL), 1);
    recurrences_note(&recurrences, KIND_SLOW, -1, at(24 + 2, 0, 0) + minutes(75));
    assert_int_equal(days_of(&recurrences, NULL), 2);
    recurrences_note(&recurrences, KIND_SLOW, -1, at(48 + 2, 0, 0) + minutes(76)); /* too late for the first */
    assert_int_equal(days_of(&recurrences, NULL), 2);
    recurrences_note(&recurrences, KIND_SLOW, -1, at(48 + 3, 0, 0)); /* twice a day is one day */
    assert_int_equal(days_of(&recurrences, NULL), 3);
    assert_int_equal(recurrences_today(&recurrences, KIND_SLOW, -1, at(48 + 3, 0, 0)), 3);
    assert_int_equal(recurrences_today(&recurrences, KIND_SLOW, 0, at(48 + 3, 0, 0)), 0);
    free(recurrences.at);
}

/* Each working day at 2:00 local time: the weekend is no end of it. Local time goes forward or back by an hour in between. */
static void working_days_are_counted_over_weekends_and_changes_of_local_time(void **unused)
{
    (void)unused;
    for (int64_t shift = -60; shift <= 60; shift += 60) {
        struct recurrences recurrences = { 0 };
        int64_t days = 0;
        bool weekly;
        for (int64_t day = 0; day < 12; day++) {
            if (day % 7 >= 5)
                continue;
            recurrences_note(&recurrences, KIND_SLOW, -1,
                             at(24 * day + 2, day % 3, 0) + (day < 6 ? 0 : minutes(shift)));
            days++;
            assert_int_equal(days_of(&recurrences, &weekly), days);
            assert_true(weekly == (days == 1));
        }
        assert_int_equal(days, 10);
        free(recurrences.at);
    }
}

static void the_same_day_of_the_week_is_told_as_such(void **unused)
{
    (void)unused;
    struct recurrences recurrences = { 0 };
    bool weekly;
    for (int64_t week = 0; week < 10; week++) {
        recurrences_note(&recurrences, KIND_SLOW, -1, at(24 * 7 * week + 2, 10 * (week % 2), 0));
        assert_int_equal(days_of(&recurrences, &weekly), week < 5 ? week + 1 : 5); /* four weeks ago at most */
        assert_true(weekly);
    }
    recurrences_note(&recurrences, KIND_SLOW, -1, at(24 * 64 + 2, 0, 0));
    days_of(&recurrences, &weekly);
    assert_false(weekly);
    free(recurrences.at);
}

/* Three beginnings a night, and the fifth night is still the fifth. */
static void nights_of_several_turns_are_counted(void **unused)
{
    (void)unused;
    struct recurrences recurrences = { 0 };
    for (int64_t day = 0; day < 5; day++)
        for (int64_t turn = 0; turn < 3; turn++)
            recurrences_note(&recurrences, KIND_SLOW, -1, at(24 * day + 2, 20 * turn, 0));
    assert_int_equal(days_of(&recurrences, NULL), 5);
    free(recurrences.at);
}

static void what_comes_each_week_is_told_as_such(void **unused)
{
    (void)unused;
    struct driver *driver = failing_driver();
    for (int64_t week = 0; week < 3; week++) {
        driver_cycles(driver, at(168 * week, week ? 0 : 15, 0), at(168 * week + 2, 0, 0), seconds(10), "a=1 z=1");
        turn(driver, at(168 * week + 2, 0, 0));
        driver_cycles(driver, at(168 * week + 2, 45, 0), at(168 * week + 168, 0, 0), seconds(10), "a=1 z=1");
    }
    assert_non_null(strstr(driver->story.at, "; for the 3rd week at about 02:00\n"));
    driver_free(driver);
}

static void the_recurrence_that_is_oldest_makes_room(void **unused)
{
    (void)unused;
    struct recurrences recurrences = { 0 };
    for (int64_t table = 0; table < RECURRENCES_KEPT; table++)
        recurrences_note(&recurrences, KIND_LAG, table, at(1, 0, table));
    recurrences_note(&recurrences, KIND_LAG, 0, at(2, 0, 0)); /* no longer the oldest */
    recurrences_note(&recurrences, KIND_LAG, 1000, at(2, 0, 1));
    assert_int_equal(recurrences.count, RECURRENCES_KEPT);
    assert_int_equal(recurrences_today(&recurrences, KIND_LAG, 0, at(2, 0, 1)), 2);
    assert_int_equal(recurrences_today(&recurrences, KIND_LAG, 1, at(2, 0, 1)), 0);
    assert_int_equal(recurrences_today(&recurrences, KIND_LAG, 2, at(2, 0, 1)), 1);
    assert_int_equal(recurrences_today(&recurrences, KIND_LAG, 1000, at(2, 0, 1)), 1);
    free(recurrences.at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_each_night_is_told_as_such),
        cmocka_unit_test(days_are_counted_by_the_time_of_day),
        cmocka_unit_test(working_days_are_counted_over_weekends_and_changes_of_local_time),
        cmocka_unit_test(the_same_day_of_the_week_is_told_as_such),
        cmocka_unit_test(nights_of_several_turns_are_counted),
        cmocka_unit_test(what_comes_each_week_is_told_as_such),
        cmocka_unit_test(the_recurrence_that_is_oldest_makes_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
