/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/core/cause.h"
#include "core_driver.c"
#include "random_streams.h"

#include <stdio.h>
#include <stdlib.h>

/*
 * A thousand random storms of several hours, each with healthy hours behind it (STORMS and STORM_SEED in the environment run others). Two
 * things must hold. No critical and no end of what was told is told later than a second after it came about. And no healthy hour passes
 * in which something is held back and unsaid: in the end every incident was told, and routine messages were six an hour at most.
 * Besides, the tables of an incident are named when the cycle ends, and no table stays in one for whose other tables it has another cause.
 */
#ifdef __SANITIZE_ADDRESS__
enum { STORMS = 200 };
#else
enum { STORMS = 1000 };
#endif
enum { AT_ONCE_MS = 1000, TABLES_IN_STORM = 8 };

struct told {
    int64_t firing_ms, critical_ms, resolved_ms; /* the first of each; 0: never */
    enum severity severity;                      /* as it was last told */
    enum alert alert;
};

struct storm {
    struct stream dice;
    struct driver *driver;
    int64_t now_ms, interval_ms, table_count;
    struct told told[DRIVER_ROWS];
    int64_t routine_ms[ROUTINE_AN_HOUR]; /* a ring */
    int64_t routine_count;
    int64_t said[TABLES_IN_STORM]; /* which text a table's failures have */
    int64_t cycle_ms;              /* when the newest cycle began */
    int64_t
        strays[TABLES_IN_STORM]; /* how many failures in a row had another cause than the others in their incident */
    int64_t updates;
};

#define must(storm, condition)                                                                                         \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            fail_msg("seed %" PRIu64 ": %s", (storm)->dice.seed, #condition);                                          \
    } while (0)

static void count_routine(struct storm *storm, const struct notification *notification, const struct told *told)
{
    bool known = told->severity == notification->severity && told->alert == notification->alert;
    bool urgent = notification->status == NOTIFY_RESOLVED || notification->status == NOTIFY_ESCALATED ||
                  (notification->status == NOTIFY_FIRING && notification->severity == SEVERITY_CRITICAL && !known);
    if (notification->hearing == HEARD_IN_COMBINED || (urgent && notification->hearing != HEARD_AS_COMBINED))
        return;
    int64_t *oldest_ms = &storm->routine_ms[storm->routine_count++ % ROUTINE_AN_HOUR];
    must(storm, storm->routine_count <= ROUTINE_AN_HOUR || notification->time_ms - *oldest_ms >= HOUR_MS);
    *oldest_ms = notification->time_ms;
}

static void on_told(void *ctx, const struct notification *notification)
{
    struct storm *storm = ctx;
    int64_t id = notification->incident->id;
    must(storm, id <= DRIVER_ROWS);
    struct told *told = &storm->told[id - 1];
    count_routine(storm, notification, told);
    if (notification->hearing == HEARD_AS_COMBINED)
        return;
    if (notification->status == NOTIFY_FIRING && !told->firing_ms)
        told->firing_ms = notification->time_ms;
    if (notification->status == NOTIFY_FIRING && notification->severity == SEVERITY_CRITICAL && !told->critical_ms)
        told->critical_ms = notification->time_ms;
    if (notification->status == NOTIFY_RESOLVED)
        told->resolved_ms = notification->time_ms;
    storm->updates += notification->status == NOTIFY_FIRING && told->severity == notification->severity &&
                      told->alert == notification->alert;
    told->severity = notification->severity;
    told->alert = notification->alert;
}

/* As the daemon does: it sleeps from deadline to deadline. */
static void sleep_until(struct storm *storm, int64_t until_ms)
{
    struct engine *engine = storm->driver->engine;
    for (int64_t due_ms; (due_ms = engine_next_deadline(engine)) <= until_ms && due_ms > engine_clock(engine);)
        engine_tick(engine, due_ms);
    engine_tick(engine, until_ms);
    storm->now_ms = until_ms;
}

static void say(struct storm *storm, enum event_kind kind)
{
    driver_feed(storm->driver, (struct event){ .kind = kind, .time_ms = storm->now_ms, .text = slice_of("x") });
}

/* A table's failures say the same for a while. */
static void fail_table(struct storm *storm, int64_t table, const char *name)
{
    static const char *const said[] = { "OutOfMemoryError", "duplicate key", "Connection refused", "what?", NULL };
    if (chance(&storm->dice, 15))
        storm->said[table] = random_below(&storm->dice, 5);
    if (said[storm->said[table]])
        driver_fail_saying(storm->driver, storm->now_ms, name, 1, said[storm->said[table]]);
    else
        driver_fail(storm->driver, storm->now_ms, name);
}

/* False if the cycle broke off. */
static bool run_table(struct storm *storm, int64_t table, const struct mood *mood)
{
    const char *name = (char[]){ (char)('a' + table), '\0' };
    struct stream *dice = &storm->dice;
    driver_run(storm->driver, storm->now_ms, name);
    sleep_until(storm, storm->now_ms + (chance(dice, mood->slow) ? random_below(dice, minutes(12)) : 3000));
    if (chance(dice, mood->dies)) {
        static const enum event_kind ends[] = { EVENT_CYCLE_EXCEPTION, EVENT_SCHEDULER_CRASHED, EVENT_WRITER_GONE };
        say(storm, ends[random_below(dice, 3)]);
        return false;
    }
    if (chance(dice, mood->fails)) {
        fail_table(storm, table, name);
        return true;
    }
    storm->strays[table] = 0;
    driver_ok(storm->driver, storm->now_ms, name, chance(dice, mood->zeros) ? 0 : 1000 + random_below(dice, 100));
    return true;
}

/* Tables that are not well and have the incident's cause. */
static int64_t count_confirming(const struct engine *engine, const struct incident_record *record)
{
    int64_t count = 0;
    for (size_t i = 0; i < record->member_count; i++) {
        struct cause cause = table_cause(&engine->tables.at[record->members[i].table]);
        count += record->members[i].bad && cause_is_known(&cause) && !cause_differs(&cause, &record->incident.cause);
    }
    return count;
}

/* When a cycle is over, who is in an incident was named, if there is room, and nobody is in one whose other tables say otherwise for long. */
static void check_members(struct storm *storm, const struct incident_record *record)
{
    const struct engine *engine = storm->driver->engine;
    bool is_told = record->telling.told.firing && !record->times_today && !record->telling.held_ms;
    for (size_t i = 0; i < record->member_count; i++) {
        const struct member *member = &record->members[i];
        if (!member->bad)
            continue;
        must(storm, !is_told || member->told);
        int64_t first_ms, counted_ms;
        struct cause cause = table_cause(&engine->tables.at[member->table]);
        failures_in_a_row(&engine->tables.at[member->table], &first_ms, &counted_ms);
        if (record->kind != KIND_FAILURES || counted_ms < storm->cycle_ms)
            continue;
        bool strays = cause_differs(&cause, &record->incident.cause) && count_confirming(engine, record);
        storm->strays[member->table] = strays ? storm->strays[member->table] + 1 : 0;
        must(storm, storm->strays[member->table] < 2);
    }
}

static void check_cycle(struct storm *storm)
{
    const struct incidents *incidents = &storm->driver->engine->incidents;
    for (size_t i = 0; i < incidents->count; i++)
        if (incidents->records[i]->incident.open)
            check_members(storm, incidents->records[i]);
}

static void cycle(struct storm *storm, const struct mood *mood)
{
    int64_t begun_ms = storm->now_ms;
    storm->cycle_ms = begun_ms;
    bool whole = true;
    driver_begin(storm->driver, storm->now_ms);
    for (int64_t table = 0; whole && table < storm->table_count; table++)
        whole = run_table(storm, table, mood);
    int64_t next_ms = begun_ms + storm->interval_ms;
    if (next_ms <= storm->now_ms)
        next_ms = storm->now_ms + 1000;
    if (whole) {
        say(storm, EVENT_CYCLE_COMPLETED);
        check_cycle(storm);
        driver_feed(storm->driver,
                    (struct event){ .kind = EVENT_NEXT_RUN, .time_ms = storm->now_ms, .at_ms = next_ms });
    }
    sleep_until(storm, next_ms);
}

static void interlude(struct storm *storm)
{
    static const enum event_kind kinds[] = { EVENT_SCHEDULER_STOPPED, EVENT_SCHEDULER_STARTED, EVENT_LOG_REFUSED,
                                             EVENT_LOG_READABLE,      EVENT_WEBHOOK_STUCK,     EVENT_WEBHOOK_WELL };
    if (chance(&storm->dice, 30))
        say(storm, kinds[random_below(&storm->dice, 6)]);
    if (chance(&storm->dice, 15))
        sleep_until(storm, storm->now_ms + random_below(&storm->dice, hours(1)));
    if (chance(&storm->dice, 10))
        driver_restart(storm->driver);
}

static bool anything_unsaid(const struct engine *engine)
{
    for (size_t i = 0; i < engine->incidents.count; i++)
        if (announce_is_unsaid((void *)(uintptr_t)&engine->announcer, engine->incidents.records[i]))
            return true;
    return false;
}

static void check_told(struct storm *storm)
{
    for (int64_t i = 0; i < storm->driver->incident_count; i++) {
        const struct incident *incident = &storm->driver->incidents[i].facts;
        const struct told *told = &storm->told[i];
        must(storm, told->firing_ms >= incident->opened_ms && told->firing_ms > 0);
        must(storm, !incident->critical_ms || told->critical_ms - incident->critical_ms <= AT_ONCE_MS);
        must(storm, !incident->critical_ms || told->critical_ms >= incident->critical_ms);
        must(storm, incident->open || told->resolved_ms > 0);
        must(storm, incident->open || told->firing_ms > incident->resolved_ms ||
                        told->resolved_ms - incident->resolved_ms <= AT_ONCE_MS);
    }
}

static void weather(struct storm *storm)
{
    static const struct mood moods[] = {
        { 2, 2, 1, 0, 0 },   { 80, 0, 2, 1, 0 },   { 50, 50, 5, 2, 0 },
        { 10, 95, 2, 0, 0 }, { 10, 10, 60, 2, 0 }, { 30, 10, 10, 30, 0 },
    };
    static const struct mood calm = { 0 };
    for (int i = 0; i < 24; i++)
        cycle(storm, &calm);
    int64_t until_ms = storm->now_ms + hours(2) + random_below(&storm->dice, hours(4));
    while (storm->now_ms < until_ms && storm->driver->incident_count < DRIVER_ROWS - 20) {
        const struct mood *mood = &moods[random_below(&storm->dice, 6)];
        for (int64_t cycles = 1 + random_below(&storm->dice, 6); cycles > 0; cycles--)
            cycle(storm, mood);
        interlude(storm);
    }
    say(storm, EVENT_LOG_READABLE);
    say(storm, EVENT_WEBHOOK_WELL);
    int64_t over_ms = storm->now_ms;
    while (storm->now_ms < over_ms + hours(6)) {
        cycle(storm, &calm);
        must(storm, storm->now_ms < over_ms + HOUR_MS || !anything_unsaid(storm->driver->engine));
    }
}

static int64_t from_environment(const char *name, int64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoll(text, NULL, 10) : otherwise;
}

static void storms_delay_no_critical_and_no_end_and_leave_nothing_unsaid(void **unused)
{
    (void)unused;
    struct storm *storm = must_alloc(sizeof *storm);
    int64_t count = from_environment("STORMS", STORMS), seed = from_environment("STORM_SEED", 1);
    int64_t criticals = 0, combined = 0, updates = 0;
    for (int64_t i = 0; i < count; i++) {
        *storm = (struct storm){ .now_ms = at(0, 0, 0) };
        stream_seed(&storm->dice, (uint64_t)(seed + i));
        storm->interval_ms = minutes(5 + 5 * random_below(&storm->dice, 3));
        storm->table_count = 1 + random_below(&storm->dice, TABLES_IN_STORM);
        storm->driver = driver_new();
        storm->driver->settings.schedule.interval_ms = storm->interval_ms;
        driver_configure(storm->driver);
        storm->driver->check = on_told;
        storm->driver->check_ctx = storm;
        weather(storm);
        check_told(storm);
        for (int64_t id = 0; id < storm->driver->incident_count; id++)
            criticals += storm->told[id].critical_ms != 0;
        updates += storm->updates;
        combined += strstr(strbuf_text(&storm->driver->told), "(for all)") != NULL;
        driver_free(storm->driver);
    }
    /* Storms in which nothing is critical, nothing is held back and nothing joins would prove nothing. */
    assert_true(criticals > 2 * count);
    assert_true(updates > count);
    assert_true(count < 100 || combined > count / 50);
    free(storm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(storms_delay_no_critical_and_no_end_and_leave_nothing_unsaid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
