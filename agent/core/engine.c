/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine_private.h"

#include <stdlib.h>

#include "base/budgets.h"

/* A fact reaches the detectors in this order: causes come before the symptoms that they explain. */
static const struct detector *const detectors[] = {
    &detect_crash_loop, &detect_scheduler, &detect_unit,         &detect_slow,       &detect_failures,
    &detect_stall,      &detect_witnessed, &detect_success_rate, &detect_throughput, &detect_gone,
    &detect_lag,        &detect_blind,     &detect_agent,        &detect_host,
};
enum { DETECTORS = sizeof detectors / sizeof detectors[0] };

static int64_t bounded(int64_t value, int64_t most)
{
    return value > most ? most : value < -most ? -most : value;
}

/* --- facts --------------------------------------------------------------------------------------------------- */

/* What an incident or the newest run names is not dropped. */
static bool table_is_held(const void *ctx, const struct table *table)
{
    const struct engine *engine = ctx;
    bool held = model_holds_table(&engine->model, table);
    for (size_t i = 0; i < engine->incidents.count && !held; i++)
        held = incident_member(engine->incidents.records[i], table) != NULL;
    return held;
}

static void forget_table(void *ctx, const struct table *table)
{
    struct engine *engine = ctx;
    recurrences_forget(&engine->incidents.recurrences, (int64_t)table->index);
}

static void engine_on_cycle_completed(struct engine *engine)
{
    bool is_slow = model_elapsed_ms(&engine->model) > engine->settings.detect.cycle_slow_ms;
    incidents_cycle_completed(&engine->incidents, engine->model.cycle.started_ms,
                              engine->model.cycle.outcome == CYCLE_SUCCESS && !is_slow);
    tables_make_room(&engine->tables, table_is_held, forget_table, engine);
    engine->windows_changed = true;
}

static void take_fact(void *ctx, const struct fact *fact)
{
    struct engine *engine = ctx;
    if (fact->table)
        tables_touch(&engine->tables, fact->table, TOUCHED_LIVE);
    for (uint32_t left = engine->hearers[fact->kind]; left; left &= left - 1)
        detectors[__builtin_ctz(left)]->fact(&engine->context, fact);
    if (fact->kind == FACT_CYCLE_COMPLETED)
        engine_on_cycle_completed(engine);
    if (fact->kind == FACT_CYCLE_COMPLETED || fact->kind == FACT_CYCLE_ABORTED)
        announce_cycle_ended(&engine->announcer);
    incidents_forget(&engine->incidents);
    /* A fact, or what follows it at this instant, may have set an earlier deadline: it is looked for when the clock moves on. */
    if (engine->moment.now_ms < engine->floor_ms)
        engine->floor_ms = engine->moment.now_ms;
}

/* --- life ---------------------------------------------------------------------------------------------------- */

static void begin_table(struct table *table)
{
    for (size_t i = 0; i < DETECTORS; i++)
        if (detectors[i]->begin_table)
            detectors[i]->begin_table(table);
}

static void end_table(struct table *table)
{
    for (size_t i = 0; i < DETECTORS; i++)
        if (detectors[i]->end_table)
            detectors[i]->end_table(table);
}

static void list_hearers(struct engine *engine)
{
    for (size_t i = 0; i < DETECTORS; i++) {
        engine->with_deadlines |= detectors[i]->due ? UINT32_C(1) << i : 0;
        for (size_t kind = 0; kind < FACT_KINDS; kind++)
            engine->hearers[kind] |= detectors[i]->hears & HEARS(kind) ? UINT32_C(1) << i : 0;
    }
}

/* Tells each part of the others that it needs. */
static void connect(struct engine *engine)
{
    const struct settings *settings = &engine->settings;
    const struct moment *moment = &engine->moment;
    engine->explainer = (struct explainer){
        .moment = moment,
        .ctx = &engine->outlet,
        .explain = engine->outlet.sink.explain ? outlet_explain : NULL,
    };
    engine->tables.begin = begin_table;
    engine->tables.sources = &engine->sources;
    engine->tables.end = end_table;
    engine->schedule = (struct schedule){ .settings = settings, .moment = moment };
    engine->model = (struct model){
        .moment = moment,
        .schedule = &engine->schedule,
        .tables = &engine->tables,
        .sink = { &engine->outlet, outlet_cycle, outlet_run, outlet_answer, engine, take_fact },
        .run_table = -1,
    };
    engine->incidents = (struct incidents){
        .settings = settings,
        .moment = moment,
        .schedule = &engine->schedule,
        .tables = &engine->tables,
        .explainer = &engine->explainer,
        .clock = engine->outlet.sink.clock ? engine->outlet.sink.clock : clock_words_utc,
        .sink = { &engine->outlet, outlet_incident, outlet_timeline, &engine->announcer, announce_change,
                  announce_is_unsaid },
    };
    engine->announcer = (struct announcer){
        .settings = settings,
        .moment = moment,
        .schedule = &engine->schedule,
        .incidents = &engine->incidents,
        .model = &engine->model,
        .explainer = &engine->explainer,
        .ctx = &engine->outlet,
        .notify = outlet_notify,
    };
    engine->context = (struct context){
        .settings = settings,
        .moment = moment,
        .model = &engine->model,
        .tables = &engine->tables,
        .sources = &engine->sources,
        .schedule = &engine->schedule,
        .incidents = &engine->incidents,
        .explainer = &engine->explainer,
    };
}

struct engine *engine_new(const struct settings *settings, const struct engine_sink *sink)
{
    struct engine *engine = must_alloc(sizeof *engine);
    engine->settings = *settings;
    engine->outlet = (struct outlet){ .sink = *sink, .moment = &engine->moment };
    moment_init(&engine->moment);
    connect(engine);
    list_hearers(engine);
    for (size_t i = 0; i < DETECTORS; i++)
        if (detectors[i]->begin)
            detectors[i]->begin(&engine->context);
    engine->floor_ms = INT64_MAX;
    return engine;
}

void engine_free(struct engine *engine)
{
    if (!engine)
        return;
    for (size_t i = 0; i < DETECTORS; i++)
        if (detectors[i]->end)
            detectors[i]->end(&engine->context);
    incidents_free(&engine->incidents);
    model_free(&engine->model);
    tables_free(&engine->tables);
    components_forget(&engine->sources);
    free(engine->context.scheduler);
    free(engine->context.blindness);
    free(engine->context.crash_loop);
    free(engine->context.lag);
    free(engine);
}

/* Deadlines may lie earlier than they did. */
static void look_anew(struct engine *engine)
{
    engine->floor_ms = engine->moment.now_ms;
}

void engine_configure(struct engine *engine, const struct settings *settings)
{
    engine->settings = *settings;
    announce_all_may_be_due(&engine->announcer);
    look_anew(engine);
}

void engine_set_causes(struct engine *engine, struct causes *causes)
{
    engine->sources.causes = causes;
    for (size_t i = 0; i < engine->tables.count; i++)
        cause_read_anew(engine->tables.at[i].reading);
}

void engine_catch_up(struct engine *engine)
{
    engine->announcer.catching_up = true;
}

void engine_go_live(struct engine *engine)
{
    engine->announcer.catching_up = false;
    incidents_end_lost(&engine->incidents);
    announce_all(&engine->announcer);
    look_anew(engine);
}

/* --- deadlines ----------------------------------------------------------------------------------------------- */

/* The earliest deadline, and whose it is: a detector's index, or one behind them. */
enum { INCIDENTS_OWN = DETECTORS, ANNOUNCER_OWNS, MODEL_OWNS };

static void take_earlier(int64_t due_ms, size_t whose, int64_t *best_ms, size_t *owner)
{
    if (due_ms < *best_ms) {
        *best_ms = due_ms;
        *owner = whose;
    }
}

static int64_t earliest(struct engine *engine, size_t *owner)
{
    int64_t best_ms = INT64_MAX;
    for (uint32_t left = engine->with_deadlines; left; left &= left - 1) {
        size_t i = (size_t)__builtin_ctz(left);
        take_earlier(detectors[i]->due(&engine->context), i, &best_ms, owner);
    }
    take_earlier(incidents_due(&engine->incidents), INCIDENTS_OWN, &best_ms, owner);
    take_earlier(announce_due(&engine->announcer), ANNOUNCER_OWNS, &best_ms, owner);
    if (engine->model.ledger.run_count > 0)
        take_earlier(model_due(&engine->model), MODEL_OWNS, &best_ms, owner);
    return best_ms;
}

/* Runs the deadlines up to and including until_ms, each at its own instant. */
static void run_deadlines(struct engine *engine, int64_t until_ms)
{
    until_ms = time_sum(until_ms, 0); /* no further than the clock can go */
    while (engine->floor_ms <= until_ms) {
        size_t owner = 0;
        int64_t due_ms = earliest(engine, &owner);
        engine->floor_ms = due_ms;
        if (due_ms > until_ms)
            break;
        moment_advance(&engine->moment, due_ms);
        announce_step_begins(&engine->announcer);
        if (owner < DETECTORS)
            detectors[owner]->expire(&engine->context);
        else if (owner == INCIDENTS_OWN)
            incidents_expire(&engine->incidents);
        else if (owner == MODEL_OWNS)
            model_expire(&engine->model);
        announce_step_ends(&engine->announcer);
        if (owner == ANNOUNCER_OWNS)
            announce_all(&engine->announcer);
        look_anew(engine);
    }
}

/* Promises are broken *before* what comes at an instant: a line of the very instant still keeps one. */
static void advance(struct engine *engine, int64_t to_ms)
{
    run_deadlines(engine, to_ms - 1);
    moment_advance(&engine->moment, to_ms);
}

void engine_tick(struct engine *engine, int64_t now_ms)
{
    int64_t to_ms = moment_engine_ms(&engine->moment, bounded(now_ms, EVENT_TIME_MAX_MS));
    if (to_ms < engine->moment.now_ms)
        return;
    run_deadlines(engine, to_ms);
    moment_advance(&engine->moment, to_ms);
}

int64_t engine_next_deadline(struct engine *engine)
{
    size_t owner = 0;
    int64_t now_ms = engine->moment.now_ms;
    engine->floor_ms = earliest(engine, &owner);
    /* No tick runs it before now, and none comes after the end of time. */
    int64_t wall_ms = moment_wall_ms(&engine->moment, engine->floor_ms > now_ms ? engine->floor_ms : now_ms);
    return wall_ms > EVENT_TIME_MAX_MS ? INT64_MAX : wall_ms;
}

/* --- events -------------------------------------------------------------------------------------------------- */

/* The wall clock shows to_wall_ms from now on, which is earlier than it was. What is due at this instant still comes before. */
static void set_back(struct engine *engine, int64_t to_wall_ms)
{
    run_deadlines(engine, engine->moment.now_ms);
    moment_set_back(&engine->moment, to_wall_ms);
    engine->asleep_from_ms = 0;
    model_set_back(&engine->model);
}

/* The host slept for so long, or its clock was set forward. Only what was due before that is late. */
static void sleep_over(struct engine *engine, int64_t to_ms, int64_t slept_ms)
{
    int64_t from_ms = to_ms - slept_ms, now_ms = engine->moment.now_ms;
    if (to_ms > now_ms) {
        run_deadlines(engine, from_ms > now_ms ? from_ms - 1 : now_ms);
        moment_advance(&engine->moment, to_ms);
    }
    engine->asleep_from_ms = slept_ms > 0 ? from_ms : 0;
    look_anew(engine);
}

static void jump(struct engine *engine, const struct event *event)
{
    int64_t to_ms = moment_engine_ms(&engine->moment, event->time_ms);
    if (event->duration_ms >= 0) {
        sleep_over(engine, to_ms, event->duration_ms);
        return;
    }
    if (to_ms - event->duration_ms > engine->moment.now_ms)
        advance(engine, to_ms - event->duration_ms);
    set_back(engine, event->time_ms);
}

/*
 * A line far behind the newest one shows that the log's clock was set back, with one exception: 1. the scheduler writes a line; 2. the
 * host falls asleep before we read it; 3. it wakes, and we notice first that it slept; 4. we read the line. That line is only late: its
 * time is within a minute of the moment at which the host fell asleep, because the sleep is noticed within a minute of its end. (In the
 * hour that repeats in autumn the parser tells the two apart.)
 */
static bool is_set_back(const struct engine *engine, const struct event *event, int64_t at_ms)
{
    int64_t from_ms = engine->asleep_from_ms;
    bool is_late = from_ms && at_ms >= from_ms - MINUTE_MS && at_ms <= from_ms + MINUTE_MS;
    return at_ms < engine->moment.now_ms - MINUTE_MS && !is_late && event_is_from_log(event->kind);
}

static void follow(struct engine *engine, const struct event *event, int64_t at_ms)
{
    if (at_ms > engine->moment.now_ms)
        advance(engine, at_ms);
    if (at_ms == engine->moment.now_ms && event_is_from_log(event->kind))
        engine->asleep_from_ms = 0;
}

/* Both bounds in one comparison: this is asked for every event. */
static bool is_beyond(int64_t value, int64_t most)
{
    return (uint64_t)value + (uint64_t)most > 2 * (uint64_t)most;
}

static bool is_absurd(const struct event *event)
{
    return is_beyond(event->time_ms, EVENT_TIME_MAX_MS) || is_beyond(event->at_ms, EVENT_TIME_MAX_MS) ||
           is_beyond(event->duration_ms, EVENT_TIME_MAX_MS) || is_beyond(event->number, EVENT_NUMBER_MAX);
}

__attribute__((cold)) static void feed_tamed(struct engine *engine, const struct event *event)
{
    struct event tamed = *event;
    tamed.time_ms = bounded(event->time_ms, EVENT_TIME_MAX_MS);
    tamed.at_ms = bounded(event->at_ms, EVENT_TIME_MAX_MS);
    tamed.duration_ms = bounded(event->duration_ms, EVENT_TIME_MAX_MS);
    tamed.number = bounded(event->number, EVENT_NUMBER_MAX);
    engine_feed(engine, &tamed);
}

void engine_feed(struct engine *engine, const struct event *event)
{
    struct moment *moment = &engine->moment;
    if (is_absurd(event)) {
        feed_tamed(engine, event);
        return;
    }
    int64_t at_ms = moment_engine_ms(moment, event->time_ms);
    if (event->kind == EVENT_HOST_RESUMED)
        jump(engine, event);
    else if (is_set_back(engine, event, at_ms))
        set_back(engine, event->time_ms);
    else
        follow(engine, event, at_ms);
    moment_take(moment, event);
    announce_step_begins(&engine->announcer);
    model_event(&engine->model);
    if (event_has_name(event))
        look_anew(engine); /* what is said of it may change a deadline and be no fact */
    announce_step_ends(&engine->announcer);
    moment->event = NULL;
}

void engine_lose_lines(struct engine *engine)
{
    model_lose_lines(&engine->model);
}

/* --- questions ----------------------------------------------------------------------------------------------- */

int64_t engine_clock(const struct engine *engine)
{
    return moment_now_wall_ms(&engine->moment);
}

int64_t engine_refused_tables(const struct engine *engine)
{
    return engine->tables.refused;
}

bool engine_has_heard(const struct engine *engine)
{
    return engine->model.sign_ms != 0;
}

const char *engine_blind_words(const struct engine *engine, enum blind_reason reason)
{
    return blind_words(&engine->context, reason);
}

int64_t engine_next_run_ms(const struct engine *engine)
{
    int64_t promise_ms = engine->schedule.promise_ms;
    return promise_ms ? moment_wall_ms(&engine->moment, promise_ms) : 0;
}

int64_t engine_newest_open(const struct engine *engine)
{
    const struct incidents *incidents = &engine->incidents;
    size_t i = incidents->open_count ? incidents->count : 0; /* they stand in the order of their ids */
    while (i > 0 && !incidents->records[i - 1]->incident.open)
        i--;
    return i > 0 ? incidents->records[i - 1]->incident.id : 0;
}

void engine_retell(const struct engine *engine)
{
    model_retell(&engine->model);
    incidents_retell(&engine->incidents);
}
