/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "../unit/builtin_causes.h"
#include "watch.h"

/*
 * Any bytes as settings, events and clocks, eight bytes a step: what, how long after the last one, which table, numbers. What
 * must hold, whatever is fed: at most one open incident complains about a thing, ends come after beginnings, people are told
 * little and in order, no deadline is overlooked, and an engine that is restarted between steps says what one says that lives on.
 */
enum { STEP_BYTES = 8, SET_BACK_MOST_MS = 2 * HOUR_MS, EVENTS_MOST = 60, RESTARTS_MOST = 1 };
enum { TABLES = 4 };

static const char *const tables[TABLES] = { "a", "b", "c", "d" };
enum { NAMES = 8 };
static const char *const names[NAMES] = { "otter", "lynx", "newt", "load-1", "load-2", "load-3", "load-4", "load-5" };
static const char *const texts[] = { "", "Connection refused", "OutOfMemoryError", "x\ny\\" };

/* --- lives --------------------------------------------------------------------------------------------------- */

/* With memory for no more tables than an input can bring: making room for all that are allowed takes most of the time. */
static struct engine *engine_small(const struct settings *settings, struct watch *watch)
{
    struct engine_sink sink = {
        .ctx = watch,
        .cycle = hear_cycle,
        .run = hear_run,
        .incident = hear_incident,
        .timeline = hear_story,
        .notify_ctx = watch,
        .notify = hear,
    };
    struct engine *engine = engine_new(settings, &sink);
    engine->tables.at = must_alloc(TABLES * sizeof *engine->tables.at);
    engine->tables.touched = must_alloc(TABLES * sizeof *engine->tables.touched);
    engine_set_causes(engine, builtin_causes());
    return engine;
}

static void save(struct engine *engine, struct strbuf *state)
{
    struct archive archive;
    strbuf_clear(state);
    archive_save_to(&archive, state);
    engine_archive_live(engine, &archive);
    engine_archive_windows(engine, &archive);
}

static void silence_until(struct watch *watch, int64_t until_ms)
{
    static struct silence silence;
    static const struct silences silences = { .at = &silence, .count = 1 };
    silence = (struct silence){ .starts_ms = INT64_MIN, .ends_ms = until_ms, .scope.most = SEVERITY_CRITICAL };
    engine_silence(watch->engine, &silences);
}

/* A new life that knows what the old one saved, and nothing else. */
static void restart(struct watch *watch)
{
    static struct strbuf state;
    struct settings settings = watch->engine->settings;
    struct archive archive;
    save(watch->engine, &state);
    engine_free(watch->engine);
    watch->engine = engine_small(&settings, watch);
    archive_load_from(&archive, strbuf_slice(&state));
    engine_archive_live(watch->engine, &archive);
    engine_archive_windows(watch->engine, &archive);
    silence_until(watch, watch->silenced_until_ms);
}

/* --- what goes in -------------------------------------------------------------------------------------------- */

enum step_kind {
    STEP_EVENT,
    STEP_TICK,
    STEP_CATCH_UP,
    STEP_GO_LIVE,
    STEP_SILENCE,
    STEP_DEADLINE,
    STEP_RESTART,
    STEP_CYCLES
};

static enum step_kind step_kind(const uint8_t *step)
{
    static const enum step_kind kinds[32] = {
        [10] = STEP_CYCLES, STEP_CYCLES,  STEP_TICK,     STEP_CATCH_UP,
        STEP_GO_LIVE,       STEP_SILENCE, STEP_DEADLINE, STEP_RESTART,
    };
    return kinds[step[3] / 8];
}

/* Most steps take seconds, some hours, a few days or go back. */
static int64_t pause_of(const uint8_t *step)
{
    int64_t number = step[1] | (int64_t)step[2] << 8;
    switch (step[3] % 8) {
    case 0: return number * SECOND_MS;
    case 1: return number * 100;
    case 2: return -(number * 1000 % SET_BACK_MOST_MS);
    case 3: return step[1] == 0xff ? step[2] % 8 * DAY_MS : number;
    default: return number % 1000;
    }
}

/* Rows and durations as a log may claim them, the absurd included. */
static int64_t claimed(uint8_t byte, int64_t unit)
{
    return byte == 0xff ? INT64_C(999999999999) * unit : byte == 0xfe ? 0 : byte * unit;
}

static int64_t later(int64_t one_ms, int64_t other_ms)
{
    return one_ms > other_ms ? one_ms : other_ms;
}

struct input {
    struct watch *watch;
    int64_t now_ms;
    size_t events;
    int restarts_left;
};

static void feed(struct input *input, const struct event *event)
{
    if (input->events++ >= EVENTS_MOST)
        return;
    engine_feed(input->watch->engine, event);
    check_incidents(input->watch);
}

static void feed_event(struct input *input, const uint8_t *step)
{
    struct event event = {
        .kind = (enum event_kind)(step[0] % EVENT_KINDS),
        .offset = step[0] % EVENT_KINDS < EVENT_WRITER_GONE ? (int64_t)input->events * 100 : -1,
        .number = claimed(step[5], 1) - 20,
        .duration_ms = claimed(step[6], 7 * SECOND_MS),
        .table = slice_of(tables[step[4] % TABLES]),
        .text = slice_of(texts[step[4] / 4 % 4]),
        .line = slice_of(texts[step[4] / 16 % 4]),
    };
    if (event_is_from_log(event.kind) && step[1] & 1)
        event.run = slice_of(names[step[1] / 2 % NAMES]);
    if (event_is_from_log(event.kind) && step[1] & 0x10)
        event.cycle = slice_of(names[step[1] / 32 % NAMES]);
    if (event.kind == EVENT_HOST_RESUMED) {
        event.duration_ms = step[5] % 4 ? event.duration_ms : -(event.duration_ms % SET_BACK_MOST_MS);
        input->now_ms += event.duration_ms;
        input->watch->set_back = input->watch->set_back || event.duration_ms < 0;
    }
    if (event.kind == EVENT_SCHEDULE)
        event.duration_ms += SECOND_MS;
    input->watch->crowded = input->watch->crowded || (event.kind == EVENT_SCHEDULE && event.duration_ms < MINUTE_MS);
    event.time_ms = input->now_ms;
    event.at_ms = input->now_ms + claimed(step[7], 10 * SECOND_MS);
    feed(input, &event);
}

static void feed_at(struct input *input, enum event_kind kind, const char *table, int64_t number)
{
    feed(input, &(struct event){ .kind = kind,
                                 .time_ms = input->now_ms,
                                 .offset = (int64_t)input->events * 100,
                                 .table = slice_of(table),
                                 .number = number,
                                 .text = slice_of(texts[1]),
                                 .line = slice_of(event_name(kind)) });
}

/* Whole cycles, so that what is learnt from twenty of them is reached: rows, lengths and failures from the step. */
static void feed_cycles(struct input *input, const uint8_t *step)
{
    int64_t interval_ms = schedule_interval(&input->watch->engine->schedule);
    interval_ms = interval_ms < DAY_MS ? interval_ms : DAY_MS;
    for (int cycle = 0; cycle <= step[0] % 32; cycle++) {
        int64_t begin_ms = input->now_ms, table_ms = step[2] * (step[2] & 1 ? SECOND_MS : 100) + cycle * step[6];
        feed_at(input, EVENT_CYCLE_STARTED, "", 0);
        for (int table = 0; table <= step[4] % TABLES; table++) {
            bool fails = step[5] >> table & 1 && (step[5] & 0x10 || cycle % 3 == 0);
            feed_at(input, EVENT_RUN_STARTED, tables[table], 0);
            input->now_ms += table_ms;
            feed_at(input, fails ? EVENT_RUN_FAILED : EVENT_RUN_COMPLETED, tables[table],
                    step[7] * (cycle % 5 ? 1000 : step[1]));
        }
        feed_at(input, EVENT_CYCLE_COMPLETED, "", 0);
        input->now_ms = later(begin_ms + interval_ms, input->now_ms);
        feed(input, &(struct event){ .kind = EVENT_NEXT_RUN,
                                     .time_ms = engine_clock(input->watch->engine),
                                     .offset = 0,
                                     .at_ms = input->now_ms });
    }
}

/* As the daemon does when it has slept until then: no deadline may ask for that instant again. */
static void run_deadline(struct input *input)
{
    struct engine *engine = input->watch->engine;
    int64_t due_ms = engine_next_deadline(engine);
    if (due_ms > input->now_ms + DAY_MS)
        return;
    engine_tick(engine, due_ms);
    input->now_ms = later(due_ms, input->now_ms);
    must(engine_next_deadline(engine) > due_ms);
}

static void take_step(struct input *input, const uint8_t *step)
{
    struct watch *watch = input->watch;
    if (input->events >= EVENTS_MOST)
        return;
    int64_t pause_ms = pause_of(step);
    watch->set_back = watch->set_back || pause_ms < 0;
    input->now_ms += pause_ms;
    switch (step_kind(step)) {
    case STEP_EVENT: feed_event(input, step); break;
    case STEP_CYCLES: feed_cycles(input, step); break;
    case STEP_TICK: engine_tick(watch->engine, input->now_ms); break;
    case STEP_CATCH_UP: engine_catch_up(watch->engine); break;
    case STEP_GO_LIVE: engine_go_live(watch->engine); break;
    case STEP_DEADLINE: run_deadline(input); break;
    case STEP_SILENCE:
        watch->silenced_until_ms = input->now_ms + step[4] * MINUTE_MS;
        silence_until(watch, watch->silenced_until_ms);
        break;
    case STEP_RESTART:
        if (input->restarts_left > 0) {
            input->restarts_left--;
            restart(watch);
        }
        break;
    }
    check_incidents(watch);
    check_deadlines(watch);
}

static void settings_take(struct settings *settings, struct watch *watch, const uint8_t *head)
{
    settings_default(settings);
    if (head[0] & 1)
        settings->schedule.interval_ms = SECOND_MS + head[1] * 10 * SECOND_MS;
    watch->crowded = head[0] & 1 && settings->schedule.interval_ms < MINUTE_MS;
    if (head[0] & 2)
        settings->notify.reminder_ms = head[2] * MINUTE_MS;
    settings->notify.resolved = !(head[0] & 4);
    if (head[0] & 8)
        settings->detect.min_samples = 1 + head[3] % 32;
    if (head[0] & 16)
        settings->notify.escalation_ms = head[4] * SECOND_MS;
}

static void live_through(struct watch *watch, const uint8_t *data, size_t size, int restarts)
{
    struct settings settings;
    settings_take(&settings, watch, data);
    struct input input = { .watch = watch, .now_ms = INT64_C(1772409600000), .restarts_left = restarts };
    watch->engine = engine_small(&settings, watch);
    for (data += STEP_BYTES, size -= STEP_BYTES; size >= STEP_BYTES; data += STEP_BYTES, size -= STEP_BYTES)
        take_step(&input, data);
    engine_tick(watch->engine, later(input.now_ms, engine_clock(watch->engine)) + 6 * HOUR_MS);
    check_incidents(watch);
}

static void check_same(struct engine *one, struct engine *other)
{
    static struct strbuf state, state_other;
    save(one, &state);
    save(other, &state_other);
    must(strcmp(strbuf_text(&state), strbuf_text(&state_other)) == 0);
}

static bool has_restart(const uint8_t *data, size_t size)
{
    for (size_t at = STEP_BYTES; at + STEP_BYTES <= size; at += STEP_BYTES)
        if (step_kind(data + at) == STEP_RESTART)
            return true;
    return false;
}

static void live_once(struct slice input)
{
    struct watch watch = { 0 };
    live_through(&watch, (const uint8_t *)input.at, input.len, 0);
    engine_free(watch.engine);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct watch straight = { 0 }, restarted = { 0 };
    if (size < STEP_BYTES)
        return 0;
    fuzz_cost(live_once, (struct slice){ (const char *)data, size });
    live_through(&straight, data, size, 0);
    if (has_restart(data, size)) {
        live_through(&restarted, data, size, RESTARTS_MOST);
        must(straight.said == restarted.said);
        check_same(straight.engine, restarted.engine);
    }
    engine_free(restarted.engine);
    engine_free(straight.engine);
    return 0;
}
