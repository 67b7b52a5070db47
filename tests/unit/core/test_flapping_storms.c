/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.c"
#include "random_streams.h"

#include <inttypes.h>
#include <stdlib.h>

/*
 * Tables that fail and succeed in turns of their own, for days, without an end: how often are people told? FLAPPING_STORMS in the
 * environment plays more of each setting. Before there was a rule, one table that failed twice and succeeded once made 189 notifications in
 * two days; 12 tables with four causes still made up to 191 a day and kind when each table was damped by itself.
 */
enum { DAYS = 3, STORMS = 12, TOLD_KEPT = 1024 };
#ifdef __SANITIZE_ADDRESS__
enum { SLOWNESS = 4 };
#else
enum { SLOWNESS = 1 };
#endif

struct setting {
    int64_t cadence, table_count, cause_count;
    int64_t most; /* notifications of one kind within any 24 h */
};

/* How a table fails: so many times in a row, then it succeeds so many times; at most, or always. */
struct habit {
    int64_t fails, succeeds, left, said;
    bool is_random, is_failing;
};

struct storm {
    struct stream dice;
    struct driver *driver;
    const struct setting *setting;
    struct habit habits[12];
    int64_t told_ms[KINDS][TOLD_KEPT];
    int64_t told_count[KINDS];
    int64_t most;
};

static enum incident_kind kind_of(const struct storm *storm, int64_t id)
{
    const struct incidents *incidents = &storm->driver->engine->incidents;
    size_t index = 0;
    while (incidents->records[index]->incident.id != id)
        index++;
    return incidents->records[index]->kind;
}

/* How many lie within the 24 h that end with this one. */
static void count(int64_t *times_ms, int64_t *count, int64_t now_ms, int64_t *most)
{
    int64_t day = 0;
    assert_true(*count < TOLD_KEPT);
    times_ms[(*count)++] = now_ms;
    while (day < *count && now_ms - times_ms[*count - 1 - day] < hours(24))
        day++;
    *most = day > *most ? day : *most;
}

static void on_told(void *ctx, const struct notification *notification)
{
    struct storm *storm = ctx;
    enum incident_kind kind = kind_of(storm, notification->incident->id);
    if (notification->hearing == HEARD_IN_COMBINED)
        return;
    count(storm->told_ms[kind], &storm->told_count[kind], notification->time_ms, &storm->most);
}

static bool next_fails(struct storm *storm, struct habit *habit)
{
    if (habit->left == 0) {
        habit->is_failing = !habit->is_failing;
        habit->left = habit->is_failing ? habit->fails : habit->succeeds;
        habit->left = habit->is_random ? 1 + random_below(&storm->dice, habit->left) : habit->left;
        habit->said = random_below(&storm->dice, storm->setting->cause_count);
    }
    habit->left--;
    return habit->is_failing;
}

static void cycle(struct storm *storm, int64_t at_ms)
{
    static const char *const said[] = { "OutOfMemoryError", "duplicate key", "Connection refused", "what?" };
    struct driver *driver = storm->driver;
    driver_begin(driver, at_ms);
    for (int64_t i = 0; i < storm->setting->table_count; i++) {
        const char name[] = { (char)('a' + i), '\0' };
        bool fails = at_ms >= at(2, 0, 0) && next_fails(storm, &storm->habits[i]);
        driver_run(driver, at_ms + seconds(i), name);
        if (fails)
            driver_fail_saying(driver, at_ms + seconds(i + 1), name, 1, said[storm->habits[i].said]);
        else
            driver_ok(driver, at_ms + seconds(i + 1), name, 100);
    }
    driver_end(driver, at_ms + seconds(storm->setting->table_count));
}

static void begin(struct storm *storm, const struct setting *setting)
{
    *storm = (struct storm){ .driver = driver_new(), .setting = setting };
    storm->driver->settings.schedule.interval_ms = minutes(setting->cadence);
    driver_configure(storm->driver);
    storm->driver->check = on_told;
    storm->driver->check_ctx = storm;
}

static void play(struct storm *storm)
{
    driver_start(storm->driver, at(0, 0, 0));
    for (int64_t at_ms = at(0, 0, 0); at_ms < at(24 * DAYS, 0, 0); at_ms += minutes(storm->setting->cadence))
        cycle(storm, at_ms);
    driver_free(storm->driver);
}

static void play_random(struct storm *storm, const struct setting *setting, uint64_t seed)
{
    begin(storm, setting);
    stream_seed(&storm->dice, seed);
    for (int64_t i = 0; i < setting->table_count; i++)
        storm->habits[i] = (struct habit){ .fails = 1 + random_below(&storm->dice, 5),
                                           .succeeds = 1 + random_below(&storm->dice, 20),
                                           .is_random = chance(&storm->dice, 50) };
    play(storm);
}

/* All tables have one habit, and begin it together or one after the other. */
static int64_t play_regular(struct storm *storm, const struct setting *setting, struct habit habit, bool together)
{
    begin(storm, setting);
    stream_seed(&storm->dice, 1);
    for (int64_t i = 0; i < setting->table_count; i++) {
        storm->habits[i] = habit;
        storm->habits[i].left = together ? 0 : i * (habit.fails + habit.succeeds) / setting->table_count;
    }
    play(storm);
    return storm->most;
}

static void storms_of_flapping_are_told_a_few_times_a_day(void **unused)
{
    (void)unused;
    /* The most that 60 storms of each setting showed. */
    static const struct setting settings[] = {
        { 5, 1, 1, 14 },  { 5, 3, 1, 13 },  { 5, 12, 4, 24 },  { 10, 1, 4, 22 }, { 10, 12, 1, 21 }, { 15, 1, 1, 12 },
        { 15, 3, 1, 12 }, { 15, 3, 4, 14 }, { 15, 12, 4, 22 }, { 30, 3, 1, 12 }, { 60, 1, 4, 9 },   { 60, 12, 1, 16 },
    };
    struct storm *storm = must_alloc(sizeof *storm);
    const char *text = getenv("FLAPPING_STORMS");
    uint64_t storms = text ? strtoull(text, NULL, 10) : STORMS / SLOWNESS;
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        int64_t most = 0;
        for (uint64_t seed = 100; seed < 100 + storms; seed++) {
            play_random(storm, &settings[i], seed);
            most = storm->most > most ? storm->most : most;
        }
        if (text)
            print_message("cadence %" PRId64 ", %" PRId64 " tables, %" PRId64 " causes: %" PRId64 "\n",
                          settings[i].cadence, settings[i].table_count, settings[i].cause_count, most);
        assert_in_range(most, 1, text ? 1000 : settings[i].most);
    }
    free(storm);
}

/* Tables that fail and succeed for as long again and again, for one cause. Twelve that do so one after the other are the exception. */
static void regular_flapping_is_told_twelve_times_a_day(void **unused)
{
    (void)unused;
    static const int64_t cadences[] = { 5, 15, 30 }, counts[] = { 1, 3, 12 };
    struct storm *storm = must_alloc(sizeof *storm);
    for (size_t c = 0; c < sizeof cadences / sizeof cadences[0]; c++) {
        for (size_t n = 0; n < sizeof counts / sizeof counts[0]; n++) {
            struct setting setting = { .cadence = cadences[c], .table_count = counts[n], .cause_count = 1 };
            for (int64_t fails = 2; fails <= 6; fails += 2 * SLOWNESS)
                for (int64_t succeeds = 1; succeeds <= 50; succeeds = succeeds * 5 / 2 + 1) {
                    struct habit habit = { .fails = fails, .succeeds = succeeds };
                    assert_in_range(play_regular(storm, &setting, habit, true), 1, 12);
                    assert_in_range(play_regular(storm, &setting, habit, false), 1, counts[n] == 12 ? 17 : 12);
                }
        }
    }
    free(storm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(storms_of_flapping_are_told_a_few_times_a_day),
        cmocka_unit_test(regular_flapping_is_told_twelve_times_a_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
