/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.c"
#include "random_streams.h"

#include <inttypes.h>
#include <stdlib.h>

/*
 * What is due is found by an index and not by asking all. Here it is held against the plain question to each, over random histories: a deadline that
 * became earlier without a mark, or an incident that is missing in a list, would be a page that comes late or never.
 */

#ifdef __SANITIZE_ADDRESS__
enum { HISTORIES = 6, HEAP_TURNS = 4000 };
#else
enum { HISTORIES = 60, HEAP_TURNS = 60000 };
#endif

/* --- the heap --------------------------------------------------------------------------------------------------- */

enum { HEAP_ITEMS = 70 };

static int64_t heap_due(const void *ctx, size_t item)
{
    const int64_t *due_ms = ctx;
    return due_ms[item];
}

static void assert_due_is_first(struct deadlines *deadlines, const int64_t *due_ms)
{
    int64_t first_ms = INT64_MAX;
    for (size_t i = 0; i < HEAP_ITEMS; i++)
        first_ms = due_ms[i] < first_ms ? due_ms[i] : first_ms;
    assert_int_equal(deadlines_first(deadlines, heap_due, due_ms), first_ms);
}

/* What the heap holds may be earlier than what is true, so the list may have more, and never less. */
static void assert_due_are_listed(struct deadlines *deadlines, const int64_t *due_ms, int64_t at_ms)
{
    size_t count, next = 0;
    uint32_t *list = deadlines_due(deadlines, at_ms, &count);
    for (size_t i = 1; i < count; i++)
        assert_true(list[i - 1] < list[i]);
    for (size_t i = 0; i < HEAP_ITEMS; i++) {
        while (next < count && list[next] < i)
            next++;
        if (due_ms[i] <= at_ms && due_ms[i] != INT64_MAX)
            assert_true(next < count && list[next] == i);
    }
    free(list);
}

static void the_first_is_the_first_of_all(void **unused)
{
    (void)unused;
    struct stream *random = must_alloc(sizeof *random);
    struct deadlines deadlines = { 0 };
    int64_t due_ms[HEAP_ITEMS];
    stream_seed(random, 1);
    for (size_t i = 0; i < HEAP_ITEMS; i++)
        due_ms[i] = INT64_MAX;
    for (int turn = 0; turn < HEAP_TURNS; turn++) {
        size_t item = (size_t)random_below(random, HEAP_ITEMS);
        int64_t before_ms = due_ms[item];
        due_ms[item] = chance(random, 20) ? INT64_MAX : random_below(random, 1000);
        if (due_ms[item] < before_ms || chance(random, 30)) /* later is allowed without a mark */
            deadlines_mark(&deadlines, item);
        if (chance(random, 1)) {
            for (size_t i = 0; i < HEAP_ITEMS; i++)
                due_ms[i] = random_below(random, 1000);
            deadlines_mark_all(&deadlines, HEAP_ITEMS);
        }
        if (chance(random, 60))
            assert_due_is_first(&deadlines, due_ms);
        if (deadlines.marked_count == 0)
            assert_due_are_listed(&deadlines, due_ms, random_below(random, 1000));
    }
    deadlines_free(&deadlines);
    free(random);
}

/* --- incidents --------------------------------------------------------------------------------------------------- */

static const struct incident_record *find_plainly(const struct incidents *incidents, int kind,
                                                  const struct table *table)
{
    for (size_t i = 0; i < incidents->count; i++) {
        const struct incident_record *record = incidents->records[i];
        const struct member *member = incident_member(record, table);
        if (record->incident.open && (int)record->kind == kind &&
            (table ? member && member->bad : record->well_ms == 0))
            return record;
    }
    return NULL;
}

static void assert_incidents_are_found(const struct engine *engine)
{
    const struct incidents *incidents = &engine->incidents;
    for (int kind = 0; kind < KINDS; kind++) {
        assert_ptr_equal(incidents_find(incidents, (enum incident_kind)kind, NULL),
                         find_plainly(incidents, kind, NULL));
        for (size_t i = 0; i < engine->tables.count; i++)
            assert_ptr_equal(incidents_find(incidents, (enum incident_kind)kind, &engine->tables.at[i]),
                             find_plainly(incidents, kind, &engine->tables.at[i]));
    }
}

static void assert_incidents_are_counted(const struct engine *engine)
{
    const struct incidents *incidents = &engine->incidents;
    size_t open = 0, touched = 0;
    int64_t newest = 0;
    for (size_t i = 0; i < incidents->count; i++) {
        const struct incident_record *record = incidents->records[i];
        size_t bad = 0;
        for (size_t j = 0; j < record->member_count; j++)
            bad += record->members[j].bad;
        assert_int_equal(record->bad_count, bad);
        assert_ptr_equal(incidents->places[record->place], record);
        open += record->incident.open;
        touched += record->is_touched;
        newest = record->incident.open ? record->incident.id : newest;
    }
    assert_int_equal(incidents->open_count, open);
    assert_int_equal(incidents->touched_count, touched);
    assert_int_equal(engine_newest_open(engine), newest);
}

static void assert_failing_is_known(struct engine *engine)
{
    bool is_failing = false;
    for (size_t i = 0; i < engine->tables.count; i++)
        is_failing = is_failing || (engine->tables.at[i].last_failed && !engine->tables.at[i].retired);
    assert_int_equal(engine_is_failing(engine), is_failing);
}

/* --- two engines ------------------------------------------------------------------------------------------------- */

/* The one uses its index, and the other asks all at every step. */
struct twins {
    struct stream *random;
    struct driver *indexed, *plain;
    int64_t now_ms, interval_ms;
    int table_count;
    bool has_cycles; /* else the log tells of runs alone */
};

static void ask_all(struct engine *engine)
{
    for (size_t i = 0; i < TABLE_DEADLINES; i++)
        deadlines_mark_all(&engine->tables.deadlines[i], engine->tables.count);
    for (size_t i = 0; i < INCIDENT_DEADLINES; i++)
        deadlines_mark_all(&engine->incidents.deadlines[i], engine->incidents.place_count);
}

static void compare_twins(struct twins *twins)
{
    struct engine *indexed = twins->indexed->engine, *plain = twins->plain->engine;
    ask_all(plain);
    int64_t indexed_ms = engine_next_deadline(indexed), plain_ms = engine_next_deadline(plain);
    if (indexed_ms != plain_ms)
        fail_msg("seed %" PRIu64 ": next deadline %" PRId64 ", asking all %" PRId64, twins->random->seed, indexed_ms,
                 plain_ms);
    assert_string_equal(strbuf_text(&twins->indexed->told), strbuf_text(&twins->plain->told));
    assert_incidents_are_found(indexed);
    assert_incidents_are_counted(indexed);
    assert_failing_is_known(indexed);
}

/* Both go on to each deadline on the way, one by one. */
static void tick_twins(struct twins *twins, int64_t to_ms)
{
    for (int i = 0; i < 200; i++) {
        ask_all(twins->plain->engine);
        int64_t due_ms = engine_next_deadline(twins->plain->engine);
        if (due_ms > to_ms || due_ms < twins->now_ms)
            break;
        driver_tick(twins->indexed, due_ms);
        driver_tick(twins->plain, due_ms);
        compare_twins(twins);
    }
    twins->now_ms = to_ms > twins->now_ms ? to_ms : twins->now_ms;
}

static void feed_twins(struct twins *twins, struct event event)
{
    event.time_ms = twins->now_ms;
    event.line = slice_of(event_name(event.kind));
    if (chance(twins->random, 30))
        tick_twins(twins, twins->now_ms - 1);
    ask_all(twins->plain->engine);
    driver_feed(twins->indexed, event);
    driver_feed(twins->plain, event);
    compare_twins(twins);
}

/* --- random histories --------------------------------------------------------------------------------------------- */

/* How a table does for some cycles, in percent. */
struct habit {
    int64_t fails, zeros, left_out;
};

static void run_table(struct twins *twins, const struct habit *habit, int table)
{
    struct stream *random = twins->random;
    char name[16];
    snprintf(name, sizeof name, "t%d", table);
    twins->now_ms += 1 + random_below(random, seconds(3));
    feed_twins(twins, (struct event){ .kind = EVENT_RUN_STARTED, .table = slice_of(name) });
    twins->now_ms += random_below(random, seconds(2));
    if (!chance(random, habit->fails)) {
        int64_t rows = chance(random, habit->zeros) ? 0 : 1 + random_below(random, 5000);
        feed_twins(twins, (struct event){ .kind = EVENT_RUN_COMPLETED, .table = slice_of(name), .number = rows });
        return;
    }
    feed_twins(twins, (struct event){ .kind = EVENT_RUN_FAILED, .table = slice_of(name) });
    if (chance(random, 70))
        feed_twins(twins, (struct event){ .kind = EVENT_RUN_STDERR,
                                          .table = slice_of(name),
                                          .text = slice_of(texts[random_below(random, TEXTS)]) });
}

static void play_cycle(struct twins *twins, const struct habit *habits)
{
    struct stream *random = twins->random;
    int64_t begun_ms = twins->now_ms;
    bool is_lone = !twins->has_cycles || chance(random, 5), is_cut = chance(random, 4);
    if (!is_lone)
        feed_twins(twins, (struct event){ .kind = EVENT_CYCLE_STARTED });
    for (int i = 0; i < twins->table_count; i++) {
        if (!chance(random, habits[i].left_out))
            run_table(twins, &habits[i], i);
        if (is_cut && chance(random, 10))
            break;
    }
    if (is_cut && !is_lone)
        feed_twins(twins, (struct event){ .kind = EVENT_CYCLE_EXCEPTION, .text = slice_of("a mystery") });
    else if (!is_lone)
        feed_twins(twins, (struct event){ .kind = EVENT_CYCLE_COMPLETED });
    int64_t next_ms = begun_ms + twins->interval_ms;
    if (chance(random, 80))
        feed_twins(twins, (struct event){ .kind = EVENT_NEXT_RUN, .at_ms = next_ms });
    tick_twins(twins, next_ms > twins->now_ms ? next_ms : twins->now_ms + seconds(1));
}

static void silence_twins(struct twins *twins)
{
    if (chance(twins->random, 50)) {
        engine_silence(twins->indexed->engine, NULL);
        engine_silence(twins->plain->engine, NULL);
        return;
    }
    int64_t until_ms = twins->now_ms + random_below(twins->random, hours(30));
    driver_silence(twins->indexed, until_ms);
    driver_silence(twins->plain, until_ms);
}

static void configure_twins(struct twins *twins)
{
    struct settings *settings = &twins->indexed->settings;
    settings->detect.lag_warning_ms = chance(twins->random, 50) ? 0 : minutes(20 + random_below(twins->random, 60));
    settings->detect.lag_critical_ms = settings->detect.lag_warning_ms * 2;
    settings->notify.reminder_ms = minutes(30) + random_below(twins->random, hours(4));
    settings->notify.escalation_ms = random_below(twins->random, hours(4));
    twins->plain->settings = *settings;
    driver_configure(twins->indexed);
    driver_configure(twins->plain);
}

static void acknowledge_twins(struct twins *twins)
{
    const struct acknowledgement said = { .id = 1 + random_below(twins->random, 1000),
                                          .incident_id = engine_newest_open(twins->indexed->engine),
                                          .at_ms = twins->now_ms };
    engine_acknowledge(twins->indexed->engine, &said);
    engine_acknowledge(twins->plain->engine, &said);
}

static void play_interlude(struct twins *twins)
{
    struct stream *random = twins->random;
    switch (random_below(random, 16)) {
    case 0: tick_twins(twins, twins->now_ms + random_below(random, hours(30))); break;
    case 1:
        feed_twins(twins, (struct event){ .kind = EVENT_SCHEDULER_STOPPED });
        tick_twins(twins, twins->now_ms + random_below(random, hours(2)));
        feed_twins(twins, (struct event){ .kind = EVENT_SCHEDULER_STARTED });
        break;
    case 2: {
        int64_t slept_ms = 1000 + random_below(random, hours(5));
        twins->now_ms += slept_ms;
        feed_twins(twins, (struct event){ .kind = EVENT_HOST_RESUMED, .duration_ms = slept_ms });
        break;
    }
    case 3:
        twins->now_ms -= minutes(2) + random_below(random, hours(2));
        feed_twins(twins, (struct event){ .kind = EVENT_SCHEDULE, .duration_ms = twins->interval_ms });
        break;
    case 4:
    case 12:
    case 13: silence_twins(twins); break;
    case 5: configure_twins(twins); break;
    case 6: acknowledge_twins(twins); break;
    case 7:
    case 14:
    case 15:
        twins->interval_ms = minutes(5 + 5 * random_below(random, 4));
        feed_twins(twins, (struct event){ .kind = EVENT_SCHEDULE, .duration_ms = twins->interval_ms });
        break;
    case 8:
        driver_restart(twins->indexed);
        driver_restart(twins->plain);
        break;
    case 9:
        engine_catch_up(twins->indexed->engine);
        engine_catch_up(twins->plain->engine);
        break;
    case 10: feed_twins(twins, (struct event){ .kind = EVENT_PROBE_DOWN, .text = slice_of("clickhouse") }); break;
    default:
        feed_twins(twins, (struct event){ .kind = EVENT_SCHEDULER_STARTED });
        feed_twins(twins, (struct event){ .kind = EVENT_SCHEDULER_TABLES, .number = twins->table_count });
        break;
    }
    compare_twins(twins);
    engine_go_live(twins->indexed->engine);
    engine_go_live(twins->plain->engine);
    compare_twins(twins);
}

enum { TABLES_MOST = 30, CYCLES_PLAYED = 60 };

static void choose_habits(struct stream *random, struct habit *habits)
{
    static const struct habit usual[] = { { 0, 0, 0 },  { 1, 0, 0 },  { 20, 0, 0 },
                                          { 90, 0, 0 }, { 0, 90, 0 }, { 2, 5, 60 } };
    for (int i = 0; i < TABLES_MOST; i++)
        habits[i] = usual[chance(random, 60) ? 0 : random_below(random, 6)];
}

static void an_index_and_a_plain_scan_agree(void **unused)
{
    (void)unused;
    struct stream *random = must_alloc(sizeof *random);
    for (uint64_t seed = 100; seed < 100 + HISTORIES; seed++) {
        struct habit habits[TABLES_MOST];
        stream_seed(random, seed);
        struct twins twins = { random, driver_new(), driver_new(), at(0, 0, 0), minutes(15), 1, !chance(random, 20) };
        twins.table_count = 1 + (int)random_below(random, TABLES_MOST);
        if (twins.has_cycles) /* no lag is judged between the scheduler's start and its first cycle */
            feed_twins(&twins, (struct event){ .kind = EVENT_SCHEDULER_STARTED });
        feed_twins(&twins, (struct event){ .kind = EVENT_SCHEDULE, .duration_ms = twins.interval_ms });
        for (int cycle = 0; cycle < CYCLES_PLAYED; cycle++) {
            if (cycle % 10 == 0)
                choose_habits(random, habits);
            if (chance(random, 3))
                twins.table_count = 1 + (int)random_below(random, TABLES_MOST);
            play_cycle(&twins, habits);
            if (chance(random, 25))
                play_interlude(&twins);
        }
        tick_twins(&twins, twins.now_ms + hours(60));
        assert_string_equal(strbuf_text(&twins.indexed->journal), strbuf_text(&twins.plain->journal));
        driver_free(twins.indexed);
        driver_free(twins.plain);
    }
    free(random);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_is_the_first_of_all),
        cmocka_unit_test(an_index_and_a_plain_scan_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
