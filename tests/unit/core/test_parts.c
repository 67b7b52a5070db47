/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.c"
#include "random_streams.h"

#include <inttypes.h>
#include <stdlib.h>

/*
 * The state is saved by part, and only parts that were marked as changed. After each event of random streams all of the state is compared with
 * what was saved so: a difference is a mark that is missing, and a loss with the next restart.
 */
#ifdef __SANITIZE_ADDRESS__
enum { PARTS_STREAMS = 4 };
#else
enum { PARTS_STREAMS = 25 };
#endif

static void take_part_step(struct engine *engine, const struct step *step)
{
    switch (step->kind) {
    case STEP_CATCH_UP: engine_catch_up(engine); break;
    case STEP_GO_LIVE: engine_go_live(engine); break;
    case STEP_FEED: engine_feed(engine, &step->event); break;
    }
}

static void assert_all_is_saved(const struct driver *driver, uint64_t seed, size_t step)
{
    struct strbuf words = { 0 };
    if (saved_parts_differ(&driver->saved, driver->engine, &words))
        fail_msg("seed %" PRIu64 ", step %zu: %s", seed, step, strbuf_text(&words));
    strbuf_free(&words);
}

static void play_and_compare(void (*make)(struct stream *stream, size_t length), uint64_t first_seed, uint64_t streams)
{
    struct stream *stream = must_alloc(sizeof *stream);
    for (uint64_t seed = first_seed; seed < first_seed + streams; seed++) {
        stream_seed(stream, seed);
        make(stream, STEPS_MOST - 20);
        struct driver *driver = driver_new();
        for (size_t i = 0; i < stream->count; i++) {
            take_part_step(driver->engine, &stream->steps[i]);
            saved_parts_save(&driver->saved, driver->engine);
            assert_all_is_saved(driver, seed, i);
            if (i % 10 == 9)
                driver_restart(driver);
        }
        driver_tick(driver, engine_clock(driver->engine) + hours(30));
        saved_parts_save(&driver->saved, driver->engine);
        assert_all_is_saved(driver, seed, stream->count);
        driver_free(driver);
    }
    free(stream);
}

static void what_is_marked_is_all_that_changed(void **unused)
{
    (void)unused;
    play_and_compare(make_plausible, 5000, PARTS_STREAMS);
    play_and_compare(make_unsteady, 6000, PARTS_STREAMS);
    play_and_compare(make_garbage, 7000, PARTS_STREAMS);
}

/* Tables that are dropped to make room leave no part behind, and neither do incidents that are over. */
static void what_is_gone_has_no_part(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    char name[32];
    int64_t minute = 0;
    for (int cycle = 0; cycle < 6; cycle++, minute += 2) {
        driver_begin(driver, at(0, minute, 0));
        for (int i = 0; i < 1000 && cycle < 4; i++) {
            snprintf(name, sizeof name, "once_%d_%d", cycle, i);
            driver_run(driver, at(0, minute, 1), name);
            driver_ok(driver, at(0, minute, 2), name, 1);
        }
        driver_run(driver, at(0, minute, 3), "a");
        driver_ok(driver, at(0, minute, 4), "a", 5);
        driver_end(driver, at(0, minute, 5));
        saved_parts_save(&driver->saved, driver->engine);
    }
    assert_true(driver->engine->tables.dropped > 0);
    assert_all_is_saved(driver, 0, 0);
    size_t places = driver->engine->tables.count;
    driver_restart(driver);
    assert_int_equal(driver->engine->tables.count, places);
    assert_all_is_saved(driver, 0, 1);
    driver_free(driver);
}

/* A part that is damaged or missing takes nothing else with it. */
static void a_part_that_is_missing_leaves_the_others(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_cycles(driver, at(0, 0, 0), at(3, 0, 0), seconds(10), "a=100 b=100 c=100");
    saved_parts_save(&driver->saved, driver->engine);
    drop_saved_part(&driver->saved, ENGINE_TABLE, 1);
    engine_free(driver->engine);
    driver->engine = engine_for(driver);
    saved_parts_load(&driver->saved, driver->engine);
    assert_int_equal(driver->engine->tables.count, 3);
    assert_string_equal(driver->engine->tables.at[1].name, "");
    assert_string_equal(driver->engine->tables.at[2].name, "c");
    assert_true(driver->engine->tables.at[2].rows.count > 0);
    driver_free(driver);
}

/* Whose tables are all lost has nothing that could end it, so it ends at once; one that still has a table lives on. */
static void an_incident_without_its_tables_ends(void **unused)
{
    (void)unused;
    for (int64_t lost = 1; lost <= 2; lost++) {
        struct driver *driver = driver_new();
        driver_cycles(driver, at(0, 0, 0), at(3, 0, 0), seconds(10), "a=100 b=100 c=100");
        driver_cycles(driver, at(3, 0, 0), at(4, 0, 0), seconds(10), "a=100 b=fail c=fail");
        assert_true(driver_incident(driver, 1)->open);
        assert_int_equal(driver_incident(driver, 1)->table_count, 2);
        saved_parts_save(&driver->saved, driver->engine);
        drop_saved_part(&driver->saved, ENGINE_TABLE, 1);
        if (lost == 2)
            drop_saved_part(&driver->saved, ENGINE_TABLE, 2);
        engine_free(driver->engine);
        driver->engine = engine_for(driver);
        saved_parts_load(&driver->saved, driver->engine);
        engine_catch_up(driver->engine);
        driver_told(driver);
        engine_go_live(driver->engine);
        if (lost == 1)
            assert_quiet(driver);
        else
            assert_told(driver, "03:45:10 resolved critical ConsecutiveFailures #1\n");
        assert_int_equal(driver->engine->incidents.open_count, lost == 1);
        assert_int_equal(engine_newest_open(driver->engine), lost == 1);
        driver_free(driver);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_marked_is_all_that_changed),
        cmocka_unit_test(what_is_gone_has_no_part),
        cmocka_unit_test(a_part_that_is_missing_leaves_the_others),
        cmocka_unit_test(an_incident_without_its_tables_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
