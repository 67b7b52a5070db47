/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.c"

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

static void says(const struct incident_record *record, enum notification_status status, const char *expected)
{
    struct strbuf out = { 0 };
    describe_incident(record, status, at(1, 0, 0), &out);
    assert_string_equal(strbuf_text(&out), expected);
    strbuf_free(&out);
}

static void each_status_has_its_words(void **unused)
{
    (void)unused;
    const char *names[] = { "a", "b" };
    struct incident_record record = {
        .incident = { .tables = names,
                      .table_count = 2,
                      .opened_ms = at(0, 10, 0),
                      .resolved_ms = at(0, 40, 0),
                      .cause.words = "why" },
        .what = (char[]){ "3 failures in a row" },
    };
    says(&record, NOTIFY_FIRING, "a, b: 3 failures in a row - why");
    says(&record, NOTIFY_REMINDER, "a, b: still critical after 50 min; 3 failures in a row - why");
    says(&record, NOTIFY_ESCALATED, "a, b: not recovered after 50 min; 3 failures in a row - why");
    record.escalation_due = true;
    says(&record, NOTIFY_ESCALATED, "a, b: keeps coming back; 3 failures in a row - why");
    says(&record, NOTIFY_RESOLVED, "a, b: recovered after 30 min; it was: 3 failures in a row - why");
    record.incident.cause.words = NULL;
    record.incident.table_count = 0;
    says(&record, NOTIFY_FIRING, "3 failures in a row");
}

static void only_four_tables_are_named(void **unused)
{
    (void)unused;
    const char *names[] = { "a", "b", "c", "d", "e", "f" };
    struct incident_record record = { .incident = { .tables = names, .table_count = 4 }, .what = (char[]){ "x" } };
    says(&record, NOTIFY_FIRING, "a, b, c, d: x");
    record.incident.table_count = 5;
    says(&record, NOTIFY_FIRING, "a, b, c, d and 1 more: x");
    record.incident.table_count = 6;
    says(&record, NOTIFY_FIRING, "a, b, c, d and 2 more: x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_told_in_their_own_unit),
        cmocka_unit_test(each_status_has_its_words),
        cmocka_unit_test(only_four_tables_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
