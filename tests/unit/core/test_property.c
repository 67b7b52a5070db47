/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core_driver.c"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * What holds for every stream of events, plausible or garbage: thousands of random ones, each from its own seed (PROPERTY_SEED
 * and PROPERTY_STREAMS in the environment run others). A stream is fed straight; then with restarts between its
 * events; then with ticks at arbitrary instants. All three must say the same, to the letter.
 */
enum { STEPS_MOST = 600, PLAUSIBLE_STREAMS = 1200, GARBAGE_STREAMS = 1000, SMALL = 40 };
#ifdef __SANITIZE_ADDRESS__
enum { SLOWNESS = 5 };
#else
enum { SLOWNESS = 1 };
#endif

enum step_kind { STEP_FEED, STEP_CATCH_UP, STEP_GO_LIVE };

struct step {
    enum step_kind kind;
    struct event event;
};

struct stream {
    uint64_t state; /* of the random numbers */
    uint64_t seed;
    struct step steps[STEPS_MOST];
    size_t count;
    int64_t now_ms, newest_ms;
    bool set_back; /* the host's clock or the log's was set back: times may decrease */
};

/* --- random streams ------------------------------------------------------------------------------------------ */

/* xorshift64* (Vigna 2016, ACM TOMS 42). */
static uint64_t random_bits(struct stream *stream)
{
    uint64_t x = stream->state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    stream->state = x;
    return x * 2685821657736338717u;
}

static int64_t random_below(struct stream *stream, int64_t limit)
{
    return (int64_t)((random_bits(stream) >> 1) % (uint64_t)limit);
}

static bool chance(struct stream *stream, int64_t percent)
{
    return random_below(stream, 100) < percent;
}

static void stream_seed(struct stream *stream, uint64_t seed)
{
    stream->seed = seed;
    stream->state = seed * 0x9e3779b97f4a7c15u + 1;
    stream->count = 0;
    stream->now_ms = stream->newest_ms = at(0, 0, 0);
    stream->set_back = false;
    for (int i = 0; i < 4; i++)
        random_bits(stream);
}

static const char *const tables[] = { "bronze_a", "bronze_b", "odd table", "d" };
static const char *const texts[] = {
    "Connection refused",
    "java.lang.OutOfMemoryError",
    "back\\slash",
    "two\nlines",
    "",
    "No such file or directory: 'docker'",
    "a mystery",
};
enum { TABLES = 4, TEXTS = 7 };

static void push(struct stream *stream, struct event event)
{
    if (stream->count == STEPS_MOST)
        return;
    event.time_ms = event.time_ms ? event.time_ms : stream->now_ms;
    event.offset = (int64_t)stream->count * 100;
    if (event.line.len == 0 && event.kind < EVENT_WRITER_GONE)
        event.line = slice_of(event_name(event.kind));
    if (event.time_ms > stream->newest_ms)
        stream->newest_ms = event.time_ms;
    stream->set_back = stream->set_back || event.time_ms < stream->newest_ms - MINUTE_MS;
    stream->steps[stream->count++] = (struct step){ .event = event };
}

static void push_step(struct stream *stream, enum step_kind kind)
{
    if (stream->count < STEPS_MOST)
        stream->steps[stream->count++] = (struct step){ .kind = kind };
}

static void push_failure(struct stream *stream, struct slice table)
{
    push(stream, (struct event){ .kind = EVENT_RUN_FAILED, .table = table });
    push(stream, (struct event){ .kind = EVENT_RUN_EXIT_CODE, .table = table, .number = chance(stream, 20) ? 137 : 1 });
    for (int64_t lines = random_below(stream, 3); lines > 0; lines--)
        push(stream, (struct event){ .kind = EVENT_RUN_STDERR,
                                     .table = table,
                                     .text = slice_of(texts[random_below(stream, TEXTS)]) });
}

/* How this stretch of a stream goes: per cent. */
struct mood {
    int64_t fails, zeros, slow, dies;
};

/* False if the cycle died in it. */
static bool push_run(struct stream *stream, const struct mood *mood, int64_t index)
{
    struct slice table = slice_of(tables[index]);
    push(stream, (struct event){ .kind = EVENT_RUN_STARTED, .table = table });
    stream->now_ms += chance(stream, mood->slow) ? random_below(stream, 700000) : 3000 + random_below(stream, 8000);
    if (chance(stream, mood->dies)) {
        static const enum event_kind ends[] = {
            EVENT_CYCLE_EXCEPTION,
            EVENT_SCHEDULER_CRASHED,
            EVENT_WRITER_GONE,
            EVENT_SCHEDULER_STARTED,
        };
        push(stream, (struct event){ .kind = ends[random_below(stream, 4)],
                                     .text = slice_of(texts[random_below(stream, TEXTS)]) });
        return false;
    }
    if (chance(stream, mood->fails)) {
        if (chance(stream, 15))
            push(stream, (struct event){ .kind = EVENT_RUN_TIMEOUT, .table = table });
        else
            push_failure(stream, table);
    } else {
        int64_t rows = chance(stream, mood->zeros) ? 0 : chance(stream, 3) ? -1 : 1 + random_below(stream, 100000);
        push(stream, (struct event){ .kind = EVENT_RUN_COMPLETED, .table = table, .number = rows });
    }
    return true;
}

static void push_cycle(struct stream *stream, const struct mood *mood, int64_t table_count)
{
    push(stream, (struct event){ .kind = EVENT_CYCLE_STARTED });
    push(stream, (struct event){ .kind = EVENT_CYCLE_TABLES, .number = table_count });
    for (int64_t i = 0; i < table_count; i++)
        if (!push_run(stream, mood, i))
            return;
    push(stream, (struct event){ .kind = EVENT_CYCLE_COMPLETED });
    int64_t next_ms = (stream->now_ms / minutes(15) + 1) * minutes(15);
    push(stream, (struct event){ .kind = EVENT_NEXT_RUN, .at_ms = next_ms });
    push(stream, (struct event){ .kind = EVENT_WAITING, .duration_ms = next_ms - stream->now_ms });
    stream->now_ms = next_ms + random_below(stream, 3000) - 1000;
}

static void push_interlude(struct stream *stream)
{
    switch (random_below(stream, 11)) {
    case 0: stream->now_ms += random_below(stream, hours(3)); break;
    case 1:
        push(stream, (struct event){ .kind = EVENT_SCHEDULER_STOPPED });
        stream->now_ms += random_below(stream, hours(1));
        push(stream, (struct event){ .kind = EVENT_SCHEDULER_STARTED });
        break;
    case 2:
        push(stream, (struct event){ .kind = EVENT_SCHEDULER_CRASHED });
        push(stream, (struct event){ .kind = EVENT_WRITER_GONE });
        stream->now_ms += random_below(stream, seconds(120));
        push(stream, (struct event){ .kind = EVENT_SCHEDULER_STARTED });
        push(stream, (struct event){ .kind = EVENT_WRITER_BACK });
        break;
    case 3: {
        int64_t slept_ms = 1000 + random_below(stream, hours(9));
        stream->now_ms += slept_ms;
        push(stream, (struct event){ .kind = EVENT_HOST_RESUMED, .duration_ms = slept_ms });
        break;
    }
    case 4: push(stream, (struct event){ .kind = EVENT_PROBE_DOWN, .text = slice_of("clickhouse") }); break;
    case 8:
        push(stream, (struct event){ .kind = chance(stream, 50) ? EVENT_LOG_REFUSED : EVENT_LOG_READABLE,
                                     .text = slice_of("the log is a symbolic link") });
        break;
    case 9:
        push(stream, (struct event){ .kind = chance(stream, 50) ? EVENT_WEBHOOK_STUCK : EVENT_WEBHOOK_WELL,
                                     .text = slice_of("oncall takes nothing") });
        break;
    case 5:
        push(stream, (struct event){ .kind = EVENT_SCHEDULE, .duration_ms = minutes(5 + 5 * random_below(stream, 5)) });
        break;
    case 6: push_step(stream, chance(stream, 50) ? STEP_CATCH_UP : STEP_GO_LIVE); break;
    case 7:
        if (chance(stream, 20)) {
            int64_t back_ms = 1000 + random_below(stream, hours(3));
            stream->now_ms -= back_ms;
            stream->set_back = true; /* by less than a minute as well */
            push(stream, (struct event){ .kind = EVENT_HOST_RESUMED, .duration_ms = -back_ms });
        }
        break;
    default: stream->now_ms += random_below(stream, minutes(40)); break;
    }
}

static void make_plausible(struct stream *stream, size_t length)
{
    static const struct mood moods[] = {
        { 2, 2, 1, 0 }, { 0, 0, 0, 0 }, { 80, 0, 2, 1 }, { 10, 95, 2, 0 }, { 10, 10, 60, 2 }, { 30, 30, 10, 10 },
    };
    int64_t table_count = 1 + random_below(stream, TABLES);
    push(stream, (struct event){ .kind = EVENT_SCHEDULER_STARTED });
    while (stream->count < length) {
        const struct mood *mood = &moods[random_below(stream, 6)];
        for (int64_t cycles = 1 + random_below(stream, 12); cycles > 0 && stream->count < length; cycles--)
            push_cycle(stream, mood, chance(stream, 90) ? table_count : 1);
        if (chance(stream, 60))
            push_interlude(stream);
    }
}

/* Any event with any values, forwards, backwards and at one instant. */
static void make_garbage(struct stream *stream, size_t length)
{
    static const int64_t jumps_ms[] = {
        0, 0, 0, 1, 999, 5000, 60000, 90000, 299999, 600001, 900000, 5400000, 90000000, -1, -60000, -7200000,
    };
    bool stays = chance(stream, 50); /* its clock is never set back */
    while (stream->count < length) {
        int64_t jump_ms = jumps_ms[random_below(stream, 16)];
        stream->now_ms += jump_ms < -1 && stays ? 0 : jump_ms;
        struct event event = {
            .kind = (enum event_kind)random_below(stream, EVENT_KINDS),
            .number = random_below(stream, 200) - 50,
            .duration_ms = random_below(stream, hours(2)),
            .at_ms = stream->now_ms + random_below(stream, hours(2)) - minutes(30),
            .table = slice_of(tables[random_below(stream, TABLES)]),
            .text = slice_of(texts[random_below(stream, TEXTS)]),
        };
        if (event.kind == EVENT_SCHEDULE)
            event.duration_ms = minutes(1 + random_below(stream, 60));
        if (event.kind == EVENT_HOST_RESUMED) /* the shell's word, and true */
            stream->now_ms += event.duration_ms;
        if (chance(stream, 3))
            push_step(stream, chance(stream, 50) ? STEP_CATCH_UP : STEP_GO_LIVE);
        else
            push(stream, event);
    }
}

/* --- what must hold ------------------------------------------------------------------------------------------ */

struct watch {
    const struct stream *stream;
    struct driver *driver;
    int64_t sent_ms[NOTIFICATIONS_AN_HOUR]; /* a ring */
    int64_t count;
    bool fired[DRIVER_ROWS], resolved[DRIVER_ROWS];
    int64_t sequences[DRIVER_ROWS];
};

#define must(stream, condition)                                                                                        \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            fail_msg("seed %" PRIu64 ": %s", (stream)->seed, #condition);                                              \
    } while (0)

static void check_notification(void *ctx, const struct notification *notification)
{
    struct watch *watch = ctx;
    const struct stream *stream = watch->stream;
    int64_t now_ms = notification->time_ms, id = notification->incident->id;
    must(stream, now_ms == engine_clock(watch->driver->engine));
    if (!stream->set_back) {
        must(stream, watch->count == 0 || now_ms >= watch->sent_ms[(watch->count - 1) % NOTIFICATIONS_AN_HOUR]);
        must(stream, watch->count < NOTIFICATIONS_AN_HOUR ||
                         now_ms - watch->sent_ms[watch->count % NOTIFICATIONS_AN_HOUR] >= HOUR_MS);
    }
    watch->sent_ms[watch->count++ % NOTIFICATIONS_AN_HOUR] = now_ms;
    must(stream, notification->summary && notification->summary[0]);
    must(stream, notification->severity != SEVERITY_NONE);
    if (id > DRIVER_ROWS)
        return;
    must(stream, notification->sequence == ++watch->sequences[id - 1]);
    must(stream, !watch->resolved[id - 1]);
    must(stream, notification->status == NOTIFY_FIRING || watch->fired[id - 1]);
    must(stream, (notification->status == NOTIFY_RESOLVED) == !notification->incident->open);
    watch->fired[id - 1] = true;
    watch->resolved[id - 1] = notification->status == NOTIFY_RESOLVED;
}

static bool lists(const struct incident *incident, const char *table)
{
    for (size_t i = 0; i < incident->table_count; i++)
        if (strcmp(incident->tables[i], table) == 0)
            return true;
    return false;
}

static bool overlap(const struct incident *a, const struct incident *b)
{
    if (a->table_count == 0 || b->table_count == 0)
        return true;
    for (size_t i = 0; i < a->table_count; i++)
        if (lists(b, a->tables[i]))
            return true;
    return false;
}

static void check_pool(const struct stream *stream, const struct engine *engine)
{
    const struct pool *pool = &engine->pool;
    for (size_t i = 0; i < pool->count; i++) {
        const struct tracked *one = pool->incidents[i];
        must(stream, i == 0 || pool->incidents[i - 1]->facts.id < one->facts.id);
        must(stream, one->facts.severity == SEVERITY_WARNING || one->facts.critical_ms != 0);
        if (!stream->set_back) {
            must(stream, one->facts.open || one->facts.resolved_ms >= one->facts.opened_ms);
            must(stream, one->facts.critical_ms == 0 || one->facts.critical_ms >= one->facts.opened_ms);
        }
        for (size_t j = i + 1; j < pool->count; j++) {
            const struct tracked *other = pool->incidents[j];
            must(stream, !one->facts.open || !other->facts.open || one->family != other->family ||
                             !overlap(&one->facts, &other->facts));
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
            check_pool(stream, driver->engine);
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
}

static void garbage_is_told_alike(void **unused)
{
    (void)unused;
    every_stream(make_garbage, 500000, GARBAGE_STREAMS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plausible_streams_are_told_alike),
        cmocka_unit_test(garbage_is_told_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
