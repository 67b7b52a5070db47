/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.c"

#include <stdlib.h>

/* Summaries and durations in words. */

static void durations_are_told_in_their_own_unit(void **unused)
{
    (void)unused;
    static const struct {
        int64_t ms;
        const char *words;
    } cases[] = {
        { -5, "0.0 s" },
        { 0, "0.0 s" },
        { 1250, "1.2 s" },
        { 9940, "9.9 s" },
        { 10000, "10 s" },
        { 119999, "119 s" },
        { 120000, "2 min" },
        { 7199999, "119 min" },
        { 7200000, "2 h 00 min" },
        { 7500000, "2 h 05 min" },
        { 360000000, "100 h 00 min" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct strbuf out = { 0 };
        describe_duration(cases[i].ms, &out);
        assert_string_equal(strbuf_text(&out), cases[i].words);
        strbuf_free(&out);
    }
}

/* An incident of several of the driver's tables: "a b", in which "-b" is well. */
struct told {
    struct driver *driver;
    struct incident_record record;
    char what[sizeof "2 failures in a row"];
};

static void tell_of(struct told *told, const char *runs, const char *names, const char *cause)
{
    *told = (struct told){ .driver = driver_new() };
    driver_cycle(told->driver, at(0, 0, 0), seconds(1), runs);
    told->record.incident.opened_ms = at(0, 10, 0);
    told->record.incident.resolved_ms = at(0, 40, 0);
    told->record.incident.cause.words = cause;
    told->record.what = told->what;
    memcpy(told->what, "2 failures in a row", sizeof told->what);
    for (const char *name = names; *name; name++) {
        if (*name == ' ' || *name == '-')
            continue;
        incident_add_member(&told->record, tables_find(&told->driver->engine->tables, (struct slice){ name, 1 }));
        told->record.members[told->record.member_count - 1].bad = name == names || name[-1] != '-';
    }
}

static void forget(struct told *told)
{
    free((void *)(uintptr_t)told->record.incident.tables);
    free(told->record.members);
    driver_free(told->driver);
}

static void says(const struct told *told, enum notification_status status, const char *expected)
{
    struct strbuf out = { 0 };
    describe_incident(&told->record, &told->driver->engine->tables, status, at(1, 0, 0), &out);
    assert_string_equal(strbuf_text(&out), expected);
    strbuf_free(&out);
}

static void each_status_has_its_words(void **unused)
{
    (void)unused;
    struct told told;
    tell_of(&told, "a=1 b=1", "a", "why");
    says(&told, NOTIFY_FIRING, "a: 2 failures in a row - why");
    says(&told, NOTIFY_REMINDER, "a: still critical after 50 min; 2 failures in a row - why");
    says(&told, NOTIFY_ESCALATED, "a: not recovered after 50 min; 2 failures in a row - why");
    told.record.escalation_due = true;
    says(&told, NOTIFY_ESCALATED, "a: keeps coming back; 2 failures in a row - why");
    says(&told, NOTIFY_RESOLVED, "a: recovered after 30 min; it was: 2 failures in a row - why");
    forget(&told);
    tell_of(&told, "a=1", "", NULL);
    says(&told, NOTIFY_FIRING, "2 failures in a row");
    forget(&told);
}

static void only_four_tables_are_named(void **unused)
{
    (void)unused;
    static const struct {
        const char *names, *expected;
    } cases[] = {
        { "a b c d", "a, b, c, d: 2 failures in a row" },
        { "e d c b a", "a, b, c, d and 1 more: 2 failures in a row" },
        { "a b c d e f", "a, b, c, d and 2 more: 2 failures in a row" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct told told;
        tell_of(&told, "a=1 b=1 c=1 d=1 e=1 f=1 g=1", cases[i].names, NULL);
        says(&told, NOTIFY_FIRING, cases[i].expected);
        forget(&told);
    }
}

/* Several tables behind one cause: the cause is what has happened. */
static void several_tables_are_told_by_their_cause(void **unused)
{
    (void)unused;
    struct told told;
    tell_of(&told, "a=1 b=1 c=1 d=1 e=1 f=1", "a b c d e f", "why");
    says(&told, NOTIFY_FIRING, "why: 6 of 6 tables: 2 failures in a row");
    says(&told, NOTIFY_REMINDER, "why: 6 of 6 tables: still critical after 50 min; 2 failures in a row");
    says(&told, NOTIFY_RESOLVED, "a, b, c, d and 2 more: recovered after 30 min; it was: 2 failures in a row - why");
    told.driver->engine->tables.at[5].retired = true; /* a table more that fails than there are */
    says(&told, NOTIFY_FIRING, "why: 6 of 6 tables: 2 failures in a row");
    forget(&told);
    tell_of(&told, "a=1 b=1 c=1", "a c", "why");
    says(&told, NOTIFY_FIRING, "why: 2 of 3 tables (a, c): 2 failures in a row");
    told.driver->engine->tables.at[1].retired = true;
    says(&told, NOTIFY_FIRING, "why: 2 of 2 tables: 2 failures in a row");
    forget(&told);
}

static void what_is_well_again_is_told_apart(void **unused)
{
    (void)unused;
    struct told told;
    tell_of(&told, "a=1 b=1 c=1 d=1", "a -b c -d", "why");
    says(&told, NOTIFY_FIRING, "why: 2 of 4 tables (a, c): 2 failures in a row; well again: b, d");
    says(&told, NOTIFY_RESOLVED, "a, b, c, d: recovered after 30 min; it was: 2 failures in a row - why");
    forget(&told);
    tell_of(&told, "a=1 b=1", "a -b", "why");
    says(&told, NOTIFY_FIRING, "a: 2 failures in a row - why; well again: b");
    told.record.members[0].bad = false; /* one that flaps is held open although all is well */
    says(&told, NOTIFY_FIRING, "why: 2 of 2 tables: 2 failures in a row");
    forget(&told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_told_in_their_own_unit),
        cmocka_unit_test(each_status_has_its_words),
        cmocka_unit_test(only_four_tables_are_named),
        cmocka_unit_test(several_tables_are_told_by_their_cause),
        cmocka_unit_test(what_is_well_again_is_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
