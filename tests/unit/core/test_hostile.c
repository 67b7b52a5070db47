/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.c"
#include "random_streams.h"

#include <stdlib.h>

#include "base/budgets.h"

/*
 * Whatever a log says and whatever stands in a saved state, the engine lives on, tells of true failures behind it, and keeps no more than its
 * budgets allow. Run under the undefined-behaviour sanitizer, this also shows that no sum overflows.
 */

static const int64_t absurd[] = {
    INT64_MAX, INT64_MIN, INT64_C(1000000000000000000), -INT64_C(1000000000000000000), -1, 0,
};
enum { ABSURD = sizeof absurd / sizeof absurd[0] };

/* True failures, which come behind something hostile: critical is told. */
static void assert_alive(struct driver *driver, const char *after)
{
    int64_t ahead_ms = engine_clock(driver->engine) - at(200, 0, 0);
    driver_told(driver);
    engine_go_live(driver->engine);
    if (driver->engine->asleep_from_ms && ahead_ms > 0) /* as the daemon does when the log is ahead of the clock */
        driver_resumed(driver, at(200, 0, 0), -ahead_ms);
    driver_start(driver, at(200, 0, 0));
    driver_cycles(driver, at(200, 0, 0), at(204, 0, 0), seconds(10), "real=1");
    driver_told(driver);
    driver_cycles(driver, at(204, 0, 0), at(205, 0, 0), seconds(10), "real=fail");
    if (!strstr(driver_told(driver), " firing critical ConsecutiveFailures"))
        fail_msg("what fails is told no more, after this: %s", after);
}

static struct event random_event(struct stream *dice)
{
    static char bytes[5000];
    struct event event = {
        .kind = (enum event_kind)random_below(dice, EVENT_KINDS),
        .time_ms = chance(dice, 10) ? absurd[random_below(dice, ABSURD)] : at(random_below(dice, 90), 0, 0),
        .offset = chance(dice, 10) ? absurd[random_below(dice, ABSURD)] : 0,
        .number = chance(dice, 30) ? absurd[random_below(dice, ABSURD)] : random_below(dice, 1000),
        .duration_ms = chance(dice, 30) ? absurd[random_below(dice, ABSURD)] : random_below(dice, 100000),
        .at_ms = chance(dice, 30) ? absurd[random_below(dice, ABSURD)] : at(random_below(dice, 90), 0, 0),
        .succeeded = -1,
    };
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i % 7 ? "\0\n\\ .\xff\xe2"[i % 7] : (int)random_below(dice, 256));
    int64_t shorter = chance(dice, 90) ? 12 : (int64_t)sizeof bytes;
    event.table = (struct slice){ bytes + random_below(dice, 4), (size_t)random_below(dice, shorter - 8) };
    event.text = (struct slice){ bytes, (size_t)random_below(dice, (int64_t)sizeof bytes) };
    event.line = event.text;
    return event;
}

/* Events with any bytes as names and any numbers: an engine that is restarted in between is in the same state. */
static void any_event_is_borne(void **unused)
{
    (void)unused;
    struct stream *dice = must_alloc(sizeof *dice);
    struct strbuf state = { 0 }, restarted_state = { 0 };
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct driver *driver = driver_new(), *restarted = driver_new();
        stream_seed(dice, seed);
        for (int i = 0; i < 150; i++) {
            struct event event = random_event(dice);
            driver_feed(driver, event);
            driver_feed(restarted, event);
            if (i % 5 == 4)
                driver_restart(restarted);
            if (i % 25 != 24)
                continue;
            driver_state(driver, &state);
            driver_state(restarted, &restarted_state);
            if (strcmp(strbuf_text(&state), strbuf_text(&restarted_state)) != 0)
                fail_msg("seed %d, event %d: another state after a restart", (int)seed, i);
        }
        assert_alive(driver, "random events");
        driver_free(driver);
        driver_free(restarted);
    }
    strbuf_free(&state);
    strbuf_free(&restarted_state);
    free(dice);
}

/* The state with the number behind `line` replaced. */
static void spoil(const char *state, const char *line, int64_t number, struct strbuf *out)
{
    size_t name_len = strcspn(line, " ") + 1;
    strbuf_clear(out);
    strbuf_add(out, state, (size_t)(line - state) + name_len);
    strbuf_printf(out, "%" PRId64, number);
    strbuf_puts(out, line + name_len + strcspn(line + name_len, " \n"));
}

static void load(struct driver *driver, const struct strbuf *state)
{
    struct archive archive;
    engine_free(driver->engine);
    driver->engine = engine_for(driver);
    archive_load_from(&archive, strbuf_slice(state));
    engine_archive_live(driver->engine, &archive);
    engine_archive_windows(driver->engine, &archive);
}

static void any_number_in_a_saved_state_is_borne(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    struct strbuf state = { 0 }, spoilt = { 0 };
    int64_t spoilt_count = 0;
    driver_start(driver, at(0, 0, 0));
    driver_cycles(driver, at(0, 0, 0), at(8, 0, 0), seconds(10), "a=100 b=0");
    driver_cycles(driver, at(8, 0, 0), at(9, 0, 0), seconds(400), "a=fail b=0");
    driver_cycles(driver, at(8, 0, 0), at(9, 0, 0), seconds(10), "a=1 b=0"); /* set back */
    driver_cycles(driver, at(9, 0, 0), at(10, 0, 0), seconds(10), "a=fail b=0");
    driver_begin(driver, at(10, 0, 0));
    driver_run(driver, at(10, 0, 0), "a");
    driver_state(driver, &state);
    for (const char *line = strbuf_text(&state); *line; line += strcspn(line, "\n") + 1) {
        const char *value = line + strcspn(line, " ") + 1;
        if (*value == '=' || strncmp(value, "-\n", 2) == 0)
            continue; /* a text */
        for (size_t n = 0; n < ABSURD; n++, spoilt_count++) {
            spoil(strbuf_text(&state), line, absurd[n], &spoilt);
            load(driver, &spoilt);
            assert_alive(driver, (char[]){ line[0], line[1], line[2], line[3], line[4], line[5], '\0' });
        }
    }
    assert_true(spoilt_count > 100 * ABSURD);
    strbuf_free(&state);
    strbuf_free(&spoilt);
    driver_free(driver);
}

/* --- budgets ------------------------------------------------------------------------------------------------- */

static size_t state_len(struct driver *driver)
{
    struct strbuf state = { 0 };
    driver_state(driver, &state);
    size_t len = state.len;
    strbuf_free(&state);
    return len;
}

static char *filled(char byte, size_t len)
{
    char *text = must_alloc(len + 1);
    memset(text, byte, len);
    return text;
}

/* How much the saved state grows by a cycle that ends in an exception with such a text; per table. */
static size_t growth(struct driver *driver, int64_t at_ms, const char *text, size_t table_count)
{
    size_t before = state_len(driver);
    driver_begin(driver, at_ms);
    driver_exception(driver, at_ms + 1, text);
    return (state_len(driver) - before) / table_count;
}

static void texts_add_at_most_4_kb_a_table_to_the_state_and_go_with_the_next_success(void **unused)
{
    (void)unused;
    static const char bytes[] = { 'x', '\n', '\\', '\xff' };
    for (size_t i = 0; i < sizeof bytes; i++) {
        struct driver *driver = driver_new();
        char *text = filled(bytes[i], 1 << 20);
        driver_start(driver, at(0, 0, 0));
        for (int64_t hour = 0; hour < 2; hour++)
            driver_cycle(driver, at(hour, 0, 0), seconds(8), "a=1 b=1 c=1 d=1 e=1 f=1 g=1 h=1");
        size_t before = state_len(driver);
        assert_in_range(growth(driver, at(2, 0, 0), text, 8), 500, 4096);
        assert_in_range(growth(driver, at(2, 15, 0), text, 8), 0, 4096);
        driver_cycles(driver, at(2, 30, 0), at(4, 0, 0), seconds(8), "a=1 b=1 c=1 d=1 e=1 f=1 g=1 h=1");
        assert_in_range(state_len(driver), 0,
                        before + 2500); /* an end that waits to be verified, and times of failures */
        free(text);
        driver_free(driver);
    }
}

static void a_text_at_its_budget_is_kept_and_one_beyond_is_cut(void **unused)
{
    (void)unused;
    for (size_t beyond = 0; beyond < 2; beyond++) {
        struct driver *driver = driver_new();
        char *text = filled('x', RUN_ERROR_MAX_BYTES + beyond), *line = filled('y', EVIDENCE_MAX_BYTES + beyond);
        driver_start(driver, at(0, 0, 0));
        driver_cycle(driver, at(0, 0, 0), seconds(8), "a=1");
        for (int64_t i = 1; i < 3; i++) {
            driver_begin(driver, at(0, 15 * i, 0));
            driver_run(driver, at(0, 15 * i, 0), "a");
            driver_feed(driver, (struct event){ .kind = EVENT_CYCLE_EXCEPTION,
                                                .time_ms = at(0, 15 * i, 1),
                                                .text = slice_of(text),
                                                .line = slice_of(line) });
        }
        assert_int_equal(strlen(driver->engine->model.run.error), RUN_ERROR_MAX_BYTES);
        assert_int_equal(strlen(driver->engine->incidents.records[0]->incident.evidence), EVIDENCE_MAX_BYTES);
        assert_int_equal(strlen(driver->engine->tables.at[0].error), FAILURE_TEXT_MAX_BYTES);
        free(text);
        free(line);
        driver_free(driver);
    }
}

static void a_cut_never_lies_within_a_character(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    struct strbuf text = { 0 };
    strbuf_puts(&text, "x");
    while (text.len < 2 * FAILURE_TEXT_MAX_BYTES)
        strbuf_puts(&text, "\xe2\x82\xac");
    driver_cycle(driver, at(0, 0, 0), seconds(8), "a=1");
    driver_begin(driver, at(0, 15, 0));
    driver_exception(driver, at(0, 15, 1), strbuf_text(&text));
    assert_int_equal(strlen(driver->engine->tables.at[0].error), 1 + (FAILURE_TEXT_MAX_BYTES - 1) / 3 * 3);
    strbuf_free(&text);
    driver_free(driver);
}

static void a_name_with_any_bytes_is_one_table(void **unused)
{
    (void)unused;
    static const struct slice names[] = { { "a\0b", 3 }, { "a\nb", 3 }, { "\0", 1 }, { "\xff\xfe", 2 }, { "", 0 } };
    struct driver *driver = driver_new();
    char *longest = filled('n', TABLE_NAME_MAX_BYTES + 1);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
            driver_feed(driver,
                        (struct event){ .kind = EVENT_RUN_COMPLETED, .time_ms = at(round, 0, 0), .table = names[i] });
        driver_ok(driver, at(round, 0, 0), longest, 1);
        longest[TABLE_NAME_MAX_BYTES] = 'm'; /* differs only where it is cut */
        driver_restart(driver);
    }
    /* An empty name, which the parser never tells, is none. */
    assert_int_equal(driver->engine->tables.count, sizeof names / sizeof names[0]);
    free(longest);
    driver_free(driver);
}

/* Two stamps of other ages, one before and one behind: deadlines of millennia are not run one by one. */
static void a_stamp_of_another_age_costs_no_time_and_the_true_ones_count(void **unused)
{
    (void)unused;
    struct driver *driver = driver_new();
    driver_start(driver, at(0, 0, 0));
    driver_cycle(driver, at(0, 0, 0), seconds(10), "a=1");
    driver_cycles(driver, at(0, 15, 0), at(1, 0, 0), seconds(10), "a=fail");
    int64_t before = driver->notifications;
    driver_say(driver, EVENT_SHUTDOWN_REQUESTED, INT64_MAX);
    driver_say(driver, EVENT_SHUTDOWN_REQUESTED, INT64_MIN);
    assert_in_range(driver->notifications - before, 0, 40);
    assert_alive(driver, "stamps of other ages");
    driver_free(driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_event_is_borne),
        cmocka_unit_test(any_number_in_a_saved_state_is_borne),
        cmocka_unit_test(texts_add_at_most_4_kb_a_table_to_the_state_and_go_with_the_next_success),
        cmocka_unit_test(a_text_at_its_budget_is_kept_and_one_beyond_is_cut),
        cmocka_unit_test(a_cut_never_lies_within_a_character),
        cmocka_unit_test(a_name_with_any_bytes_is_one_table),
        cmocka_unit_test(a_stamp_of_another_age_costs_no_time_and_the_true_ones_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
