/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.c"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Many tables: each is found and judged, and names that a line happened to hold neither fill the memory nor push out the true ones. */

static const char *name_of(const char *what, int number)
{
    static char name[32];
    snprintf(name, sizeof name, "%s%d", what, number);
    return name;
}

/* A cycle in which the tables from 0 to count - 1 succeed, but the one with the number `bad`. Their names begin with `what`. */
static void cycle_of(struct driver *driver, int64_t at_ms, const char *what, int count, int bad)
{
    driver_begin(driver, at_ms);
    for (int i = 0; i < count; i++) {
        driver_run(driver, at_ms, name_of(what, i));
        if (i == bad)
            driver_fail(driver, at_ms, name_of(what, i));
        else
            driver_ok(driver, at_ms, name_of(what, i), 100);
    }
    driver_end(driver, at_ms);
}

static const struct table *table(const struct driver *driver, const char *name)
{
    return tables_find(&driver->engine->tables, slice_of(name));
}

static void every_table_is_found_by_its_name(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    for (int count = 1; count <= 300; count++)
        driver_ok(driver, at(0, 0, 0), name_of("t", count), 1);
    driver_restart(driver);
    assert_int_equal(driver->engine->tables.count, 300);
    for (int i = 1; i <= 300; i++) {
        assert_non_null(table(driver, name_of("t", i)));
        assert_int_equal(table(driver, name_of("t", i))->index, i - 1);
    }
    assert_null(table(driver, "t301"));
    assert_null(table(driver, "t"));
    assert_null(table(driver, ""));
    driver_free(driver);
}

static void the_last_of_ten_thousand_is_paged(void **unused)
{
    (void)unused;
    enum { COUNT = 10000 };
    struct driver *driver = driver_new();
    driver_start(driver, at(0, 0, 0));
    /* Only so many new names are taken in one cycle; the others follow when those are proven. */
    for (int quarter = 0; quarter < 4; quarter++)
        cycle_of(driver, at(0, 15 * quarter, 0), "t", COUNT, -1);
    assert_int_equal(driver->engine->tables.count, COUNT);
    assert_int_equal(driver->engine->tables.unproven, 0);
    cycle_of(driver, at(1, 0, 0), "t", COUNT, COUNT - 1);
    cycle_of(driver, at(1, 15, 0), "t", COUNT, COUNT - 1);
    assert_told(driver, "01:15:00 firing critical ConsecutiveFailures #1 t9999\n");
    driver_free(driver);
}

static void invented_names_are_bounded_and_push_out_nobody(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_start(driver, at(0, 0, 0));
    for (int quarter = 0; quarter < 3; quarter++)
        cycle_of(driver, at(0, 15 * quarter, 0), "true", 20, -1);
    /* Each cycle names 3000 others, which are never seen again. */
    for (int quarter = 3; quarter < 12; quarter++) {
        int64_t at_ms = at(0, 15 * quarter, 0);
        char what[16];
        snprintf(what, sizeof what, "garbage%d.", quarter);
        driver_begin(driver, at_ms);
        for (int i = 0; i < 20; i++)
            driver_ok(driver, at_ms, name_of("true", i), 100);
        for (int i = 0; i < 3000; i++)
            driver_run(driver, at_ms, name_of(what, i));
        driver_end(driver, at_ms);
        assert_in_range(driver->engine->tables.unproven, 0, TABLES_UNPROVEN_MAX);
        if (quarter % 3 == 0)
            driver_restart(driver);
    }
    assert_in_range(driver->engine->tables.count, 0, TABLES_UNPROVEN_MAX + 21);
    for (int i = 0; i < 20; i++) {
        assert_non_null(table(driver, name_of("true", i)));
        assert_true(table(driver, name_of("true", i))->proven);
    }
    driver_free(driver);
}

/* A name that was dropped is no table any more; one that comes in its place has nothing of it. */
static void a_dropped_place_is_used_again(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_start(driver, at(0, 0, 0));
    driver_begin(driver, at(0, 0, 0));
    for (int i = 0; i < TABLES_UNPROVEN_MAX; i++)
        driver_fail(driver, at(0, 0, 1), name_of("garbage", i));
    driver_end(driver, at(0, 0, 2));
    for (int quarter = 1; quarter <= 2; quarter++)
        cycle_of(driver, at(0, 0, 20 * quarter), "true", 1, -1); /* in a burst: before the garbage lags */
    assert_null(table(driver, "garbage7"));
    assert_true(driver->engine->tables.dropped > 0);
    driver_restart(driver);
    int64_t dropped = (int64_t)driver->engine->tables.dropped;
    assert_int_equal(dropped, TABLES_UNPROVEN_MAX - 1); /* one is the newest run's */
    driver_begin(driver, at(0, 0, 50));
    driver_fail(driver, at(0, 0, 51), "new");
    assert_int_equal(driver->engine->tables.dropped, dropped - 1);
    assert_int_equal(table(driver, "new")->index, 0);
    driver_end(driver, at(0, 0, 52));
    driver_told(driver);
    driver_begin(driver, at(0, 2, 0)); /* of the two failures in a row one would be garbage's */
    driver_ok(driver, at(0, 2, 1), "new", 1);
    driver_end(driver, at(0, 2, 2));
    assert_quiet(driver);
    driver_free(driver);
}

/* Names and members of an incident stay valid: its tables are not dropped. */
static void what_an_incident_names_stays(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_start(driver, at(0, 0, 0));
    for (int quarter = 0; quarter < 2; quarter++) {
        driver_begin(driver, at(0, 15 * quarter, 0));
        driver_fail(driver, at(0, 15 * quarter, 1), "never well");
        driver_end(driver, at(0, 15 * quarter, 2));
    }
    assert_int_equal(driver_open_count(driver), 1);
    for (int quarter = 2; quarter < 8; quarter++) {
        char what[16];
        snprintf(what, sizeof what, "garbage%d.", quarter);
        driver_begin(driver, at(0, 15 * quarter, 0));
        for (int i = 0; i < TABLES_UNPROVEN_MAX; i++)
            driver_run(driver, at(0, 15 * quarter, 0), name_of(what, i));
        driver_end(driver, at(0, 15 * quarter, 1));
    }
    assert_non_null(table(driver, "never well"));
    assert_string_equal(driver_incident(driver, 1)->table, "never well");
    driver_free(driver);
}

/* What is not seen is said, and a summary that knows of it is judged. */
static void what_is_refused_is_said(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    struct archive archive;
    struct strbuf report = { 0 };
    driver_begin(driver, at(0, 0, 0));
    for (int i = 0; i < TABLES_UNPROVEN_MAX + 50; i++)
        driver_run(driver, at(0, 0, 1), name_of("t", i));
    assert_int_equal(driver->engine->tables.count, TABLES_UNPROVEN_MAX);
    assert_int_equal(engine_refused_tables(driver->engine), 50);
    archive_save_to(&archive, &report);
    engine_report(driver->engine, &archive);
    assert_non_null(strstr(strbuf_text(&report), "50 lines of runs were left out"));
    strbuf_free(&report);
    driver_free(driver);
}

/* All tables in one incident: each is in it once, and the names are sorted. */
static void thousands_of_tables_share_an_incident(void **unused)
{
    (void)unused;
    enum { COUNT = 3000 };
    struct driver *driver = driver_new();
    driver_start(driver, at(0, 0, 0));
    for (int quarter = 0; quarter < 2; quarter++)
        cycle_of(driver, at(0, 15 * quarter, 0), "t", COUNT, -1);
    for (int quarter = 2; quarter < 4; quarter++) {
        driver_begin(driver, at(0, 15 * quarter, 0));
        for (int i = COUNT - 1; i >= 0; i--)
            driver_fail(driver, at(0, 15 * quarter, 1), name_of("t", i));
        driver_end(driver, at(0, 15 * quarter, 2));
    }
    driver_restart(driver);
    struct incident_record *record = driver->engine->incidents.records[0];
    assert_int_equal(record->member_count, COUNT);
    for (size_t i = 1; i < COUNT; i++) {
        assert_true(strcmp(record->incident.tables[i - 1], record->incident.tables[i]) < 0);
        assert_true(record->members[i - 1].table < record->members[i].table);
    }
    cycle_of(driver, at(1, 0, 0), "t", COUNT, -1);
    assert_int_equal(driver_open_count(driver), 0);
    driver_free(driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_table_is_found_by_its_name),
        cmocka_unit_test(the_last_of_ten_thousand_is_paged),
        cmocka_unit_test(invented_names_are_bounded_and_push_out_nobody),
        cmocka_unit_test(a_dropped_place_is_used_again),
        cmocka_unit_test(what_an_incident_names_stays),
        cmocka_unit_test(what_is_refused_is_said),
        cmocka_unit_test(thousands_of_tables_share_an_incident),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
