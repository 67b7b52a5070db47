/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.c"
#include "named_streams.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * What holds for every stream of events, plausible or garbage: thousands of random ones, each from its own seed (PROPERTY_SEED
 * and PROPERTY_STREAMS in the environment run others). A stream is fed straight; then with restarts between its
 * events; then with ticks at arbitrary instants. All three must say the same, to the letter.
 */
enum { PLAUSIBLE_STREAMS = 1200, GARBAGE_STREAMS = 1000, UNSTEADY_STREAMS = 300, NAMED_STREAMS = 400, SMALL = 40 };
#ifdef __SANITIZE_ADDRESS__
enum { SLOWNESS = 5 };
#else
enum { SLOWNESS = 1 };
#endif

/* --- what must hold ------------------------------------------------------------------------------------------ */

struct watch {
    const struct stream *stream;
    struct driver *driver;
    int64_t sent_ms[ROUTINE_AN_HOUR]; /* a ring */
    int64_t count, newest_ms;
    enum severity severity[DRIVER_ROWS]; /* as it was last told */
    enum alert alert[DRIVER_ROWS];
    bool fired[DRIVER_ROWS], resolved[DRIVER_ROWS];
    int64_t sequences[DRIVER_ROWS];
};

#define must(stream, condition)                                                                                        \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            fail_msg("seed %" PRIu64 ": %s", (stream)->seed, #condition);                                              \
    } while (0)

/* A reminder, a warning, or more about a critical that was told already. */
static bool is_routine(const struct watch *watch, const struct notification *notification)
{
    int64_t id = notification->incident->id;
    if (notification->hearing == HEARD_AS_COMBINED)
        return true;
    if (notification->hearing != HEARD_BY_ALL || id > DRIVER_ROWS)
        return false;
    bool told = watch->severity[id - 1] == notification->severity && watch->alert[id - 1] == notification->alert;
    return notification->status == NOTIFY_REMINDER ||
           (notification->status == NOTIFY_FIRING && (notification->severity != SEVERITY_CRITICAL || told));
}

static void count_sent(struct watch *watch, const struct notification *notification)
{
    const struct stream *stream = watch->stream;
    int64_t now_ms = notification->time_ms;
    if (!is_routine(watch, notification))
        return;
    must(stream, stream->set_back || watch->count < ROUTINE_AN_HOUR ||
                     now_ms - watch->sent_ms[watch->count % ROUTINE_AN_HOUR] >= HOUR_MS);
    watch->sent_ms[watch->count++ % ROUTINE_AN_HOUR] = now_ms;
}

static void check_notification(void *ctx, const struct notification *notification)
{
    struct watch *watch = ctx;
    const struct stream *stream = watch->stream;
    int64_t now_ms = notification->time_ms, id = notification->incident->id;
    must(stream, now_ms == engine_clock(watch->driver->engine));
    must(stream, stream->set_back || now_ms >= watch->newest_ms);
    watch->newest_ms = now_ms;
    count_sent(watch, notification);
    must(stream, notification->summary && notification->summary[0]);
    must(stream, notification->severity != SEVERITY_NONE);
    if (id > DRIVER_ROWS)
        return;
    must(stream, notification->sequence == ++watch->sequences[id - 1]);
    if (notification->hearing == HEARD_AS_COMBINED)
        return;
    must(stream, !watch->resolved[id - 1]);
    must(stream, notification->status == NOTIFY_FIRING || watch->fired[id - 1]);
    /* What began and ended while it waited for room is told as firing and resolved at once. */
    must(stream, (notification->status == NOTIFY_RESOLVED) == !notification->incident->open ||
                     (notification->status == NOTIFY_FIRING && !watch->fired[id - 1]));
    watch->fired[id - 1] = true;
    watch->resolved[id - 1] = notification->status == NOTIFY_RESOLVED;
    watch->severity[id - 1] = notification->severity;
    watch->alert[id - 1] = notification->alert;
}

static bool is_bad_in(const struct incident_record *record, size_t table)
{
    for (size_t i = 0; i < record->member_count; i++)
        if (record->members[i].table == table && record->members[i].bad)
            return true;
    return false;
}

/* A table that was well for long and fails anew is in a new incident, and still listed in the old one. It is bad in one only. */
static bool overlap(const struct incident_record *a, const struct incident_record *b)
{
    if (a->member_count == 0 || b->member_count == 0)
        return true;
    for (size_t i = 0; i < a->member_count; i++)
        if (a->members[i].bad && is_bad_in(b, a->members[i].table))
            return true;
    return false;
}

static void check_incidents(const struct stream *stream, const struct engine *engine)
{
    const struct incidents *incidents = &engine->incidents;
    for (size_t i = 0; i < incidents->count; i++) {
        const struct incident_record *one = incidents->records[i];
        must(stream, i == 0 || incidents->records[i - 1]->incident.id < one->incident.id);
        must(stream, one->incident.severity == SEVERITY_WARNING || one->incident.critical_ms != 0);
        if (!stream->set_back) {
            must(stream, one->incident.open || one->incident.resolved_ms >= one->incident.opened_ms);
            must(stream, one->incident.critical_ms == 0 || one->incident.critical_ms >= one->incident.opened_ms);
        }
        for (size_t j = i + 1; j < incidents->count; j++) {
            const struct incident_record *other = incidents->records[j];
            must(stream,
                 !one->incident.open || !other->incident.open || one->kind != other->kind || !overlap(one, other));
        }
    }
}

/* --- the three ways ------------------------------------------------------------------------------------------ */

enum way { STRAIGHT, RESTARTING, RESTARTING_ALWAYS, TICKING };

/* Ticks at instants before the next event change nothing; a host that slept saw none of the instants in between. */
static void tick_before(struct stream *dice, struct driver *driver, const struct event *event)
{
    int64_t from_ms = engine_clock(driver->engine);
    int64_t to_ms = event->kind == EVENT_HOST_RESUMED ? event->time_ms - event->duration_ms : event->time_ms;
    for (int64_t ticks = random_below(dice, 4); ticks > 0 && from_ms < to_ms && from_ms > 0; ticks--) {
        from_ms += random_below(dice, to_ms - from_ms);
        driver_tick(driver, from_ms);
        if (chance(dice, 30))
            engine_next_deadline(driver->engine);
    }
}

static void take_step(struct driver *driver, const struct step *step)
{
    switch (step->kind) {
    case STEP_CATCH_UP: engine_catch_up(driver->engine); break;
    case STEP_GO_LIVE: engine_go_live(driver->engine); break;
    case STEP_FEED: engine_feed(driver->engine, &step->event); break;
    }
}

static struct driver *play(const struct stream *stream, enum way way)
{
    static struct watch watch;
    struct driver *driver = driver_new();
    struct stream *dice = must_alloc(sizeof *dice);
    stream_seed(dice, stream->seed + 77);
    watch = (struct watch){ .stream = stream, .driver = driver };
    driver->check = check_notification;
    driver->check_ctx = &watch;
    for (size_t i = 0; i < stream->count; i++) {
        const struct step *step = &stream->steps[i];
        if (way == TICKING && step->kind == STEP_FEED)
            tick_before(dice, driver, &step->event);
        take_step(driver, step);
        if (way == STRAIGHT)
            check_incidents(stream, driver->engine);
        if (way == RESTARTING_ALWAYS || (way == RESTARTING && chance(dice, 2)))
            driver_restart(driver);
    }
    driver_tick(driver, engine_clock(driver->engine) + hours(30));
    free(dice);
    return driver;
}

static void say_difference(const struct stream *stream, const char *one, const char *other, const char *what)
{
    size_t at_line = 0;
    for (size_t i = 0; one[i] && one[i] == other[i]; i++)
        at_line = one[i] == '\n' ? i + 1 : at_line;
    fail_msg("seed %" PRIu64 ", %s:\n  straight: %.*s\n  other:    %.*s", stream->seed, what,
             (int)strcspn(one + at_line, "\n"), one + at_line, (int)strcspn(other + at_line, "\n"), other + at_line);
}

static void compare(const struct stream *stream, const struct driver *straight, enum way way, const char *what)
{
    struct driver *other = play(stream, way);
    if (strcmp(strbuf_text(&straight->journal), strbuf_text(&other->journal)) != 0)
        say_difference(stream, strbuf_text(&straight->journal), strbuf_text(&other->journal), what);
    driver_free(other);
}

static int64_t from_environment(const char *name, int64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoll(text, NULL, 10) : otherwise;
}

static void every_stream(void (*make)(struct stream *stream, size_t length), uint64_t seed, int64_t count)
{
    struct stream *stream = must_alloc(sizeof *stream);
    int64_t notifications = 0;
    count = from_environment("PROPERTY_STREAMS", count / SLOWNESS);
    seed = (uint64_t)from_environment("PROPERTY_SEED", (int64_t)seed);
    for (int64_t i = 0; i < count; i++) {
        bool is_small = i % 4 != 0;
        stream_seed(stream, seed + (uint64_t)i);
        make(stream, (size_t)(is_small ? 2 + random_below(stream, SMALL) : STEPS_MOST - 20));
        struct driver *straight = play(stream, STRAIGHT);
        compare(stream, straight, RESTARTING, "restarted now and then");
        compare(stream, straight, TICKING, "ticked in between");
        if (is_small && i % 8 == 1)
            compare(stream, straight, RESTARTING_ALWAYS, "restarted after each event");
        notifications += straight->notifications;
        driver_free(straight);
    }
    /* Streams that never say anything would prove nothing. */
    assert_true(count < 100 || notifications > 2 * count);
    free(stream);
}

static void plausible_streams_are_told_alike(void **unused)
{
    (void)unused;
    every_stream(make_plausible, 1000, PLAUSIBLE_STREAMS);
    /* Cycles that were cut off soon after one another once let more than six routine messages an hour through. */
    every_stream(make_plausible, 2001352, SLOWNESS);
}

static void garbage_is_told_alike(void **unused)
{
    (void)unused;
    every_stream(make_garbage, 500000, GARBAGE_STREAMS);
}

static void save(struct driver *driver, struct strbuf *state, bool with_windows)
{
    struct archive archive;
    strbuf_clear(state);
    archive_save_to(&archive, state);
    engine_archive_live(driver->engine, &archive);
    if (with_windows)
        engine_archive_windows(driver->engine, &archive);
}

/* An engine that is restarted after each event is in the same state as one that lives on, event for event. */
static void states_are_the_same_after_each_event(void **unused)
{
    (void)unused;
    struct stream *stream = must_alloc(sizeof *stream);
    struct strbuf state = { 0 }, restarted_state = { 0 };
    for (uint64_t seed = 0; seed < 60 / SLOWNESS; seed++) {
        stream_seed(stream, 90000 + seed);
        (seed % 3 == 2 ? make_named : make_unsteady)(stream, STEPS_MOST - 20);
        struct driver *driver = driver_new(), *restarted = driver_new();
        for (size_t i = 0; i < stream->count; i++) {
            take_step(driver, &stream->steps[i]);
            take_step(restarted, &stream->steps[i]);
            driver_restart(restarted);
            save(driver, &state, i % 50 == 49 || i + 1 == stream->count);
            save(restarted, &restarted_state, i % 50 == 49 || i + 1 == stream->count);
            if (strcmp(strbuf_text(&state), strbuf_text(&restarted_state)) != 0)
                say_difference(stream, strbuf_text(&state), strbuf_text(&restarted_state), "state after an event");
        }
        if (strcmp(strbuf_text(&driver->journal), strbuf_text(&restarted->journal)) != 0)
            say_difference(stream, strbuf_text(&driver->journal), strbuf_text(&restarted->journal), "what was told");
        driver_free(driver);
        driver_free(restarted);
    }
    strbuf_free(&state);
    strbuf_free(&restarted_state);
    free(stream);
}

static void runs_and_cycles_with_names_are_told_alike(void **unused)
{
    (void)unused;
    every_stream(make_named, 3000000, NAMED_STREAMS);
}

static void streams_of_an_unsteady_clock_are_told_alike(void **unused)
{
    (void)unused;
    every_stream(make_unsteady, 2000000, UNSTEADY_STREAMS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plausible_streams_are_told_alike),
        cmocka_unit_test(garbage_is_told_alike),
        cmocka_unit_test(runs_and_cycles_with_names_are_told_alike),
        cmocka_unit_test(streams_of_an_unsteady_clock_are_told_alike),
        cmocka_unit_test(states_are_the_same_after_each_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
