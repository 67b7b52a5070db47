/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.c"

#include <stdlib.h>

#include "agent/core/line.h"

/* The first line of a notification, and durations. */

static void durations_are_told_in_their_own_unit(void **unused)
{
    (void)unused;
    static const struct {
        int64_t ms;
        const char *words;
    } cases[] = {
        { -5, "0.0 s" },           { 0, "0.0 s" },
        { 1250, "1.2 s" },         { 9940, "9.9 s" },
        { 9960, "10 s" },          { 119499, "119 s" },
        { 119500, "2 min" },       { 3569999, "59 min" },
        { 3570000, "1 h" },        { 4560000, "1 h 16 min" },
        { 7500000, "2 h 05 min" }, { 86369999, "23 h 59 min" },
        { 86370000, "1 d" },       { 360000000, "4 d 4 h" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct strbuf out = { 0 };
        duration_words(cases[i].ms, &out);
        assert_string_equal(strbuf_text(&out), cases[i].words);
        strbuf_free(&out);
    }
}

/* An incident of several of the driver's tables: "a b", in which "-b" is well. */
struct told {
    struct driver *driver;
    struct incident_record record;
};

static void tell_of(struct told *told, const char *runs, const char *names, const char *cause)
{
    *told = (struct told){ .driver = driver_new() };
    driver_cycle(told->driver, at(0, 0, 0), seconds(1), runs);
    driver_tick(told->driver, at(1, 0, 0));
    driver_told(told->driver);
    told->record.of = &told->driver->engine->incidents;
    told->record.incident.onset_ms = at(0, 5, 0);
    told->record.incident.opened_ms = at(0, 10, 0);
    told->record.incident.cause.words = cause;
    for (const char *name = names; *name; name++) {
        if (*name == ' ' || *name == '-')
            continue;
        incident_add_member(&told->record, tables_find(&told->driver->engine->tables, (struct slice){ name, 1 }));
        incident_set_bad(&told->record, &told->record.members[told->record.member_count - 1],
                         name == names || name[-1] != '-');
    }
}

static void forget(struct told *told)
{
    free((void *)(uintptr_t)told->record.incident.tables);
    free(told->record.members);
    driver_free(told->driver);
}

static void says_in(const struct told *told, enum notification_status status, enum line_use use, const char *expected)
{
    struct strbuf out = { 0 };
    struct incident_record record = told->record;
    record.incident.resolved_ms = status == NOTIFY_RESOLVED ? at(0, 40, 0) : 0;
    describe_incident(&told->driver->engine->incidents, &record, status, use, &out);
    assert_string_equal(strbuf_text(&out), expected);
    strbuf_free(&out);
}

static void says(const struct told *told, enum notification_status status, const char *expected)
{
    says_in(told, status, LINE_SENT, expected);
}

static void each_status_has_its_words(void **unused)
{
    (void)unused;
    struct told told;
    tell_of(&told, "a=1 b=1", "a", "why");
    says(&told, NOTIFY_FIRING, "no new data for a since 00:05 (55 min), why");
    says(&told, NOTIFY_REMINDER, "still no new data for a since 00:05 (55 min), why");
    says(&told, NOTIFY_ESCALATED, "no new data for a since 00:05 (55 min), why; Engineering Lead told");
    told.record.incident.cause.escalate_to = "Data Team";
    told.record.escalation_due = true;
    says(&told, NOTIFY_ESCALATED,
         "no new data for a since 00:05 (55 min), why; comes back again and again, Data Team told");
    says(&told, NOTIFY_RESOLVED, "a flows again after 35 min");
    told.record.is_gone = true;
    says(&told, NOTIFY_RESOLVED, "a no longer offloaded, ended after 35 min");
    forget(&told);
}

/* What runs on is not kept: whoever reads it later adds it as of then. */
static void a_kept_line_is_told_as_of_any_time(void **unused)
{
    (void)unused;
    struct told told;
    struct strbuf out = { 0 };
    tell_of(&told, "a=1 b=1", "a", "why");
    says_in(&told, NOTIFY_FIRING, LINE_KEPT, "no new data for a since 00:05, why");
    first_line_as_of("no new data for a since 00:05, why", at(0, 5, 0), at(26, 35, 0), clock_words_utc, &out);
    assert_string_equal(strbuf_text(&out), "no new data for a since Mon 00:05 (1 d 3 h), why");
    strbuf_clear(&out);
    first_line_as_of("no new data for since 1 since 3 Mar 00:05", at(0, 5, 0), at(0, 35, 0), clock_words_utc, &out);
    assert_string_equal(strbuf_text(&out), "no new data for since 1 since 00:05 (30 min)");
    strbuf_clear(&out);
    first_line_as_of("scheduler crashed 00:05", at(0, 5, 0), at(0, 35, 0), clock_words_utc, &out);
    assert_string_equal(strbuf_text(&out), "scheduler crashed 00:05");
    strbuf_free(&out);
    forget(&told);
}

static void several_tables_are_counted(void **unused)
{
    (void)unused;
    struct told told;
    tell_of(&told, "a=1 b=1 c=1 d=1 e=1 f=1", "a b c d e f", "why");
    says(&told, NOTIFY_FIRING, "no new data for 6 of 6 tables since 00:05 (55 min), why");
    says(&told, NOTIFY_RESOLVED, "6 tables flow again after 35 min");
    forget(&told);
    tell_of(&told, "a=1 b=1 c=1", "a c", "why");
    says(&told, NOTIFY_FIRING, "no new data for 2 of 3 tables since 00:05 (55 min), why");
    told.driver->engine->tables.at[1].retired = true;
    says(&told, NOTIFY_FIRING, "no new data for 2 tables since 00:05 (55 min), why");
    forget(&told);
}

static void what_is_well_again_is_told_apart(void **unused)
{
    (void)unused;
    struct told told;
    tell_of(&told, "a=1 b=1 c=1 d=1", "a -b c -d", "why");
    says(&told, NOTIFY_FIRING, "no new data for 2 of 4 tables since 00:05 (55 min), why; 2 others well again");
    says(&told, NOTIFY_RESOLVED, "4 tables flow again after 35 min");
    forget(&told);
    tell_of(&told, "a=1 b=1", "a -b", "why");
    says(&told, NOTIFY_FIRING, "no new data for a since 00:05 (55 min), why; b well again");
    /* One that flaps is held open although all is well. */
    incident_set_bad(&told.record, &told.record.members[0], false);
    told.record.times_today = 4;
    told.record.calm_cycles = 5;
    told.record.well_ms = at(0, 50, 0);
    says(&told, NOTIFY_FIRING,
         "2 tables fail on and off since 00:05 (55 min), well at the moment, why; 4th time in 24 h");
    forget(&told);
}

static void what_comes_back_each_night_is_told_so(void **unused)
{
    (void)unused;
    struct told told;
    tell_of(&told, "a=1 b=1", "a", NULL);
    told.record.days = 5;
    says(&told, NOTIFY_FIRING, "no new data for a since 00:05 (55 min); for the 5th night at about 00:00");
    told.record.incident.onset_ms = at(0, 16, 0);
    told.record.is_weekly = true;
    says(&told, NOTIFY_FIRING, "no new data for a since 00:16 (44 min); for the 5th week at about 00:30");
    forget(&told);
}

/* --- a line fits --------------------------------------------------------------------------------------------- */

#define LONG_NAME "bronze_trades_of_the_second_exchange_in_the_third_region_binance"

static void writes(const struct line *line, size_t max_chars, const char *expected)
{
    struct strbuf out = { 0 };
    line_write(line, max_chars, &out);
    assert_string_equal(strbuf_text(&out), expected);
    strbuf_free(&out);
}

static void what_matters_least_is_left_out_first(void **unused)
{
    (void)unused;
    struct line line = {
        .head = "no new data for {tables} {since}",
        .detail = "2 runs failed",
        .cause = "ClickHouse unreachable (connection refused)",
        .asides = { "b is well again", "4th time in 24 h" },
        .note = "Engineering Lead told",
        .table = LONG_NAME,
        .count = 1,
        .onset = "10:00",
        .then = "",
        .lasted = "35 min",
        .shows_lasted = true,
    };
    static const struct {
        size_t max_chars;
        const char *expected;
    } cases[] = {
        { 400,
          "no new data for bronze_trades_of_the…hird_region_binance since 10:00 (35 min), 2 runs failed, ClickHouse "
          "unreachable (connection refused); b is well again; 4th time in 24 h; Engineering Lead told" },
        { 170, "no new data for bronze_trades_of_the…hird_region_binance since 10:00 (35 min), 2 runs failed, "
               "ClickHouse unreachable (connection refused); Engineering Lead told" },
        { 130, "no new data for bronze_trades_of_the…hird_region_binance since 10:00 (35 min), ClickHouse "
               "unreachable; Engineering Lead told" },
        { 120, "no new data for bronze_trades_of_the…hird_region_binance since 10:00, ClickHouse unreachable; "
               "Engineering Lead told" },
        { 110, "no new data for bronze_trades…gion_binance since 10:00 (35 min), ClickHouse unreachable; "
               "Engineering Lead told" },
        { 100, "no new data for bronze_trade…ion_binance since 10:00, ClickHouse unreachable; Engineering Lead told" },
        { 84, "no new data for bronze_trade…ion_binance since 10:00 (35 min); Engineering Lead told" },
        { 74, "no new data for bronze_…inance since 10:00 (35 min); Engineering Lead told" },
        { 59, "no new data for bron…ance since 10:…; Engineering Lead told" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        writes(&line, cases[i].max_chars, cases[i].expected);
    line.short_note = "escalated";
    writes(&line, 140,
           "no new data for bronze_trades_of_the…hird_region_binance since 10:00 (35 min), ClickHouse unreachable "
           "(connection refused); escalated");
    writes(&line, 110,
           "no new data for bronze_trades_of_the…hird_region_binance since 10:00, ClickHouse unreachable; escalated");
}

/* That it comes back is said shortly before it is not said at all, and more telling than a duration. */
static void what_comes_back_is_said_shortly_where_there_is_little_room(void **unused)
{
    (void)unused;
    struct line line = {
        .head = "no new data for {tables} {since}",
        .cause = "ClickHouse unreachable",
        .asides = { "for the 5th night at about 02:00", "b well again" },
        .short_aside = "5th night",
        .table = "bronze_trades_binance",
        .count = 1,
        .onset = "01:45",
        .then = "",
        .lasted = "30 min",
        .shows_lasted = true,
    };
    writes(&line, 120,
           "no new data for bronze_trades_binance since 01:45 (30 min), ClickHouse unreachable; for the 5th night at "
           "about 02:00");
    writes(&line, 95, "no new data for bronze_trades_binance since 01:45 (30 min), ClickHouse unreachable; 5th night");
    writes(&line, 85, "no new data for bronze_trades_binance since 01:45, ClickHouse unreachable; 5th night");
    writes(&line, 80, "no new data for bronze_trades_binance since 01:45, ClickHouse unreachable");
}

static void foreign_text_stays_one_line_of_whole_characters(void **unused)
{
    (void)unused;
    struct line line = {
        .head = "{tables} {still}stalled {since}",
        .cause = "{since}\tand\nmore",
        .table = "größen_der_börse_äöüß_äöüß_äöüß_äöüß_äöüß_äöüß",
        .count = 1,
        .is_still = true,
        .onset = "10:00",
        .then = "",
        .lasted = "1.0 s",
    };
    writes(&line, 110, "größen_der_börse_äöü…äöüß_äöüß_äöüß_äöüß still stalled since 10:00, {since} and more");
    writes(&line, 40, "größen_…ß_äöüß still stalled since 10:00");
}

static void a_head_without_places_gets_them(void **unused)
{
    (void)unused;
    struct line line = { .head = "gone", .table = "a", .count = 1, .onset = "10:00", .then = "", .lasted = "9 s" };
    writes(&line, 110, "a: gone since 10:00");
    line.count = 3;
    line.known = 12;
    writes(&line, 110, "3 of 12 tables: gone since 10:00");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_told_in_their_own_unit),
        cmocka_unit_test(each_status_has_its_words),
        cmocka_unit_test(a_kept_line_is_told_as_of_any_time),
        cmocka_unit_test(several_tables_are_counted),
        cmocka_unit_test(what_is_well_again_is_told_apart),
        cmocka_unit_test(what_comes_back_each_night_is_told_so),
        cmocka_unit_test(what_matters_least_is_left_out_first),
        cmocka_unit_test(what_comes_back_is_said_shortly_where_there_is_little_room),
        cmocka_unit_test(foreign_text_stays_one_line_of_whole_characters),
        cmocka_unit_test(a_head_without_places_gets_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
