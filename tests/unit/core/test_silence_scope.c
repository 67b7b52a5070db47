/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.c"

#include "silence.h"

/* What a scope covers, and that no scope hides what it does not name. */

enum { NOW_MS = 1000 };

static char *glob(const char *text)
{
    return (char *)(uintptr_t)text;
}

static struct silence silence_of(char **alert, char **table, enum severity most, int64_t ends_ms)
{
    return (struct silence){ .ends_ms = ends_ms,
                             .scope = { { alert, *alert != NULL }, { table, *table != NULL }, most } };
}

static int64_t until(const struct silence *silences, size_t count, enum alert alert, enum severity severity,
                     const char *const *tables, size_t table_count)
{
    return silences_until(&(struct silences){ .at = silences, .count = count },
                          &(struct silence_subject){ alert, severity, tables, table_count }, NOW_MS);
}

static void each_part_of_a_scope_narrows_it(void **unused)
{
    (void)unused;
    static const char *const tables[] = { "bronze_a", "silver_b" };
    static const struct {
        const char *alert, *table;
        enum severity most, severity;
        size_t table_count;
        bool is_held;
    } cases[] = {
        { NULL, NULL, SEVERITY_CRITICAL, SEVERITY_CRITICAL, 2, true },
        { NULL, NULL, SEVERITY_WARNING, SEVERITY_CRITICAL, 2, false },
        { NULL, NULL, SEVERITY_WARNING, SEVERITY_WARNING, 0, true },
        { "IcebergOffloadLag*", NULL, SEVERITY_CRITICAL, SEVERITY_WARNING, 1, true },
        { "Lag*", NULL, SEVERITY_CRITICAL, SEVERITY_WARNING, 1, true },
        { "Cycle*", NULL, SEVERITY_CRITICAL, SEVERITY_WARNING, 1, false },
        { NULL, "bronze_*", SEVERITY_CRITICAL, SEVERITY_CRITICAL, 1, true },
        { NULL, "bronze_*", SEVERITY_CRITICAL, SEVERITY_CRITICAL, 2, false }, /* silver_b is not covered */
        { NULL, "*", SEVERITY_CRITICAL, SEVERITY_CRITICAL, 2, true },
        { NULL, "*", SEVERITY_CRITICAL, SEVERITY_CRITICAL, 0, false }, /* it concerns no table */
        { "Lag*", "silver_?", SEVERITY_WARNING, SEVERITY_WARNING, 1, false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *alert = glob(cases[i].alert), *table = glob(cases[i].table);
        struct silence silence = silence_of(&alert, &table, cases[i].most, 5000);
        int64_t held_ms = until(&silence, 1, ALERT_LAG_ELEVATED, cases[i].severity, tables, cases[i].table_count);
        if (held_ms != (cases[i].is_held ? 5000 : 0))
            fail_msg("case %zu: held until %d", i, (int)held_ms);
    }
}

static void several_silences_may_cover_the_tables_together(void **unused)
{
    (void)unused;
    static const char *const tables[] = { "a", "b" };
    char *none = NULL, *a = glob("a"), *b = glob("b");
    struct silence both[] = { silence_of(&none, &a, SEVERITY_CRITICAL, 5000),
                              silence_of(&none, &b, SEVERITY_CRITICAL, 3000),
                              silence_of(&none, &a, SEVERITY_CRITICAL, 2000) };
    /* As long as both tables are covered. */
    assert_int_equal(until(both, 3, ALERT_LAG_ELEVATED, SEVERITY_WARNING, tables, 2), 3000);
    assert_int_equal(until(both, 1, ALERT_LAG_ELEVATED, SEVERITY_WARNING, tables, 2), 0);
    assert_int_equal(until(both, 3, ALERT_LAG_ELEVATED, SEVERITY_WARNING, tables, 1), 5000);
    both[1].starts_ms = NOW_MS + 1;
    assert_int_equal(until(both, 3, ALERT_LAG_ELEVATED, SEVERITY_WARNING, tables, 2), 0);
}

static int64_t no_offset(int64_t wall_ms)
{
    (void)wall_ms;
    return 0;
}

static void a_window_and_a_silence_are_heeded_alike(void **unused)
{
    (void)unused;
    char *none = NULL;
    struct silence silence = silence_of(&none, &none, SEVERITY_WARNING, at(0, 30, 0));
    struct silence_window window = { .from_min = 15, .to_min = 45, .scope.most = SEVERITY_CRITICAL };
    const struct silences both = { &silence, 1, &window, 1, no_offset };
    const struct silence_subject warning = { ALERT_SCHEDULER_DOWN, SEVERITY_WARNING, NULL, 0 },
                                 critical = { ALERT_SCHEDULER_DOWN, SEVERITY_CRITICAL, NULL, 0 };
    assert_int_equal(silences_until(&both, &warning, at(0, 10, 0)), at(0, 30, 0));
    assert_int_equal(silences_until(&both, &critical, at(0, 10, 0)), 0);
    assert_int_equal(silences_until(&both, &warning, at(0, 20, 0)), at(0, 45, 0));
    assert_int_equal(silences_until(&both, &critical, at(0, 20, 0)), at(0, 45, 0));
    assert_int_equal(silences_until(&both, &warning, at(0, 45, 0)), 0);
}

/* --- for any silences ---------------------------------------------------------------------------------------- */

enum { GLOBS = 6, MOST_SILENCES = 4 };
static const char *const table_globs[GLOBS] = { NULL, "a", "b", "?", "*", "[bc]" };
static const char *const alert_globs[GLOBS] = { NULL, NULL, "Lag*", "*Elevated", "Cycle*", "*" };

static void nothing_is_hidden_that_no_silence_names(void **unused)
{
    (void)unused;
    static const char *const tables[] = { "a", "b", "c" };
    uint64_t random = 3;
    size_t held = 0;
    for (int i = 0; i < 20000; i++) {
        char *alerts[MOST_SILENCES], *globs[MOST_SILENCES];
        struct silence silences[MOST_SILENCES];
        size_t table_count = (size_t)(random >> 13) % 4;
        enum severity severity = random >> 9 & 1 ? SEVERITY_WARNING : SEVERITY_CRITICAL;
        for (size_t j = 0; j < MOST_SILENCES; j++) {
            random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            alerts[j] = glob(alert_globs[(random >> 20) % GLOBS]);
            globs[j] = glob(table_globs[(random >> 30) % GLOBS]);
            silences[j] = silence_of(&alerts[j], &globs[j], random >> 40 & 1 ? SEVERITY_WARNING : SEVERITY_CRITICAL,
                                     (int64_t)(random >> 41) % 3000);
            silences[j].starts_ms = (int64_t)(random >> 50) % 1500;
        }
        int64_t all_ms = until(silences, MOST_SILENCES, ALERT_LAG_ELEVATED, severity, tables, table_count);
        /* Each table alone is covered, and one more silence never lets more through. */
        for (size_t j = 0; j < table_count && all_ms; j++)
            assert_true(until(silences, MOST_SILENCES, ALERT_LAG_ELEVATED, severity, &tables[j], 1) >= all_ms);
        assert_true(until(silences, MOST_SILENCES - 1, ALERT_LAG_ELEVATED, severity, tables, table_count) <= all_ms);
        assert_true(all_ms == 0 || all_ms > NOW_MS);
        if (severity == SEVERITY_CRITICAL)
            for (size_t j = 0; j < MOST_SILENCES; j++)
                if (silences[j].scope.most == SEVERITY_WARNING)
                    silences[j].ends_ms = 0; /* it is none for a critical */
        assert_int_equal(until(silences, MOST_SILENCES, ALERT_LAG_ELEVATED, severity, tables, table_count), all_ms);
        held += all_ms != 0;
    }
    assert_true(held > 1000 && held < 19000);
}

/* --- in the engine ------------------------------------------------------------------------------------------- */

static struct driver *driver_with_two_tables(void)
{
    struct driver *driver = driver_new();
    driver_start(driver, at(0, 0, 0));
    driver_cycles(driver, at(0, 0, 0), at(1, 0, 0), seconds(10), "a=100 b=100");
    return driver;
}

static void a_table_is_silenced_and_another_one_is_told(void **unused)
{
    (void)unused;
    char *none = NULL, *a = glob("a");
    struct driver *driver = driver_with_two_tables();
    driver->silence = silence_of(&none, &a, SEVERITY_CRITICAL, at(24, 0, 0));
    driver->silences = (struct silences){ .at = &driver->silence, .count = 1 };
    engine_silence(driver->engine, &driver->silences);
    driver_cycles(driver, at(1, 0, 0), at(1, 45, 0), seconds(10), "a=fail b=100");
    assert_told(driver, "01:15:05 firing critical ConsecutiveFailures #1 a (silenced)\n");
    /* The other table joins it: then all is told. */
    driver_cycles(driver, at(1, 45, 0), at(2, 15, 0), seconds(10), "a=fail b=fail");
    assert_non_null(strstr(driver_told(driver), "firing critical ConsecutiveFailures #"));
    assert_null(strstr(strbuf_text(&driver->told_before), "b (silenced)"));
    driver_free(driver);
}

static void warnings_are_silenced_and_a_turn_to_critical_is_told(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new_healthy();
    driver_silence(driver, at(24, 0, 0));
    driver->silence.scope.most = SEVERITY_WARNING;
    driver_tick(driver, at(0, 17, 0));
    assert_told(driver, "00:16:00 firing warning SchedulerDown #1 (silenced)\n"
                        "00:17:00 firing critical SchedulerDown #1\n");
    driver_free(driver);
}

static void a_window_holds_back_until_its_end(void **unused)
{
    (void)unused;
    static char name[] = "night";
    static const struct silence_window window = { name, 0, 15, 60, .scope.most = SEVERITY_CRITICAL };
    static const struct silences silences = { NULL, 0, &window, 1, no_offset };
    struct driver *driver = driver_new_healthy();
    engine_silence(driver->engine, &silences);
    driver_tick(driver, at(0, 59, 59));
    assert_told(driver, "00:16:00 firing warning SchedulerDown #1 (silenced)\n"
                        "00:17:00 firing critical SchedulerDown #1 (silenced)\n");
    driver_tick(driver, at(1, 0, 0));
    assert_told(driver, "01:00:00 firing critical SchedulerDown #1\n");
    driver_free(driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_part_of_a_scope_narrows_it),
        cmocka_unit_test(several_silences_may_cover_the_tables_together),
        cmocka_unit_test(a_window_and_a_silence_are_heeded_alike),
        cmocka_unit_test(nothing_is_hidden_that_no_silence_names),
        cmocka_unit_test(a_table_is_silenced_and_another_one_is_told),
        cmocka_unit_test(warnings_are_silenced_and_a_turn_to_critical_is_told),
        cmocka_unit_test(a_window_holds_back_until_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
