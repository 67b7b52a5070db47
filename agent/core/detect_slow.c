/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "detector.h"

#include <math.h>
#include <stdlib.h>

#include "saved.h"
#include "statistics.h"

/*
 * Slow cycles. They are judged while they run (elapsed time) and when they end: against fixed thresholds, against the cycle's own past
 * ("unusual", two in a row), and by trend ("rising").
 */

enum {
    UNUSUAL_WINDOW = 96,
    TREND_WINDOW = 32,
    TREND_LEAST = 16,
    TREND_MOST = 96,
    TREND_SPAN_MS = 8 * HOUR_MS, /* at a fast cadence 32 cycles are too short a time for a drift to show */
    LEVEL_WINDOW = 5,
    AHEAD_MS = 5 * HOUR_MS, /* noise passes 300 s an hour before the drift does */
    GOOD_KEPT = 2048,       /* a week of five-minute cycles */
    RECENT_KEPT = 96,       /* eight hours of them */
};
static const double mad_floor = 0.05;
static const double trend_z = 3.3;

struct slow {
    enum severity level; /* of the cycle in progress */
    int64_t unusual_streak;
    struct window good;   /* durations of unremarkable good cycles with their times, ms */
    struct window recent; /* durations of all successful cycles */
};

static void slow_begin(struct context *context)
{
    context->slow = must_alloc(sizeof *context->slow);
    window_init(&context->slow->good, GOOD_KEPT);
    window_init(&context->slow->recent, RECENT_KEPT);
}

static void slow_end(struct context *context)
{
    window_free(&context->slow->good);
    window_free(&context->slow->recent);
    free(context->slow);
}

static bool unusual(const struct context *context, int64_t duration_ms)
{
    const struct window *good = &context->slow->good;
    size_t count = window_newest(good, INT64_MIN, UNUSUAL_WINDOW);
    if (duration_ms <= context->settings->detect.slow_floor_ms ||
        (int64_t)count < context->settings->detect.min_samples)
        return false;
    if (window_median_reaches(good, count, (double)duration_ms / 2))
        return false;
    return robust_z_log(good->values + good->count - count, count, duration_ms, mad_floor) >
           context->settings->detect.slow_z;
}

/* The level that the durations will have reached ahead_ms from now if the trend goes on. Today's level is that of the middle of the newest cycles. */
static double level_ahead(const struct window *recent, size_t count, int64_t ahead_ms)
{
    size_t level = count < LEVEL_WINDOW ? count : LEVEL_WINDOW;
    size_t first = recent->count - count, last = recent->count - 1;
    int64_t age_ms = recent->at_ms[last] - recent->at_ms[last - level / 2];
    double slope = theil_sen_log(recent->at_ms + first, recent->values + first, count);
    return window_median(recent, level) * exp(slope * (double)(age_ms + ahead_ms));
}

static bool rising(const struct context *context, int64_t duration_ms)
{
    const struct window *good = &context->slow->good, *recent = &context->slow->recent;
    if (duration_ms <= context->settings->detect.slow_floor_ms)
        return false;
    size_t week = window_newest(good, context->moment->now_ms - 7 * (int64_t)DAY_MS, SIZE_MAX);
    size_t span = window_newest(recent, context->moment->now_ms - TREND_SPAN_MS, TREND_MOST);
    size_t count = window_newest(recent, INT64_MIN, span > TREND_WINDOW ? span : TREND_WINDOW);
    if (count < TREND_LEAST || week == 0 || window_median_reaches(good, week, (double)duration_ms / 2))
        return false;
    return mann_kendall_z(recent->values + recent->count - count, count) > trend_z &&
           level_ahead(recent, count, AHEAD_MS) >= (double)context->settings->detect.cycle_slow_ms;
}

static struct incident_record *raise_slow(struct context *context, enum severity severity, const char *what)
{
    struct strbuf words = { 0 };
    struct cause cause = cause_of_kind(context->sources, slow_cause(context, &words));
    cause.words = words.len ? strbuf_text(&words) : NULL;
    struct incident_record *record =
        incidents_raise(context->incidents, &(struct finding){
                                                .kind = KIND_SLOW,
                                                .severity = severity,
                                                .onset_ms = context->model->cycle.started_ms,
                                                .what = what,
                                                .cause = cause,
                                            });
    /* At the cycle's end more is known than while it ran: its rows, above all. */
    incidents_set_cause(context->incidents, record, cause);
    strbuf_free(&words);
    return record;
}

static void raise_running(struct context *context, enum severity severity)
{
    struct strbuf what = { 0 };
    context->slow->level = severity;
    strbuf_puts(&what, "the cycle has been running for ");
    describe_duration(model_elapsed_ms(context->model), &what);
    raise_slow(context, severity, strbuf_text(&what));
    strbuf_free(&what);
}

static struct incident_record *raise_ended(struct context *context, int64_t duration_ms, bool is_rising)
{
    struct slow *slow = context->slow;
    struct strbuf what = { 0 };
    strbuf_puts(&what, "the cycle took ");
    describe_duration(duration_ms, &what);
    if (slow->level == SEVERITY_NONE) {
        strbuf_puts(&what, ", usually ");
        describe_duration((int64_t)window_median(&slow->good, window_newest(&slow->good, INT64_MIN, UNUSUAL_WINDOW)),
                          &what);
        strbuf_puts(&what, is_rising ? ", and cycles grow slower" : ", the second such cycle in a row");
    }
    struct incident_record *record =
        raise_slow(context, slow->level == SEVERITY_NONE ? SEVERITY_WARNING : slow->level, strbuf_text(&what));
    strbuf_free(&what);
    return record;
}

static enum severity fixed_level(const struct context *context, int64_t duration_ms)
{
    if (duration_ms > context->settings->detect.cycle_too_slow_ms)
        return SEVERITY_CRITICAL;
    return duration_ms > context->settings->detect.cycle_slow_ms ? SEVERITY_WARNING : SEVERITY_NONE;
}

static void slow_on_completed(struct context *context)
{
    struct slow *slow = context->slow;
    int64_t duration_ms = model_elapsed_ms(context->model);
    bool hung = context->schedule->hung_cycle_id == context->model->cycle.id;
    bool good = context->model->cycle.outcome == CYCLE_SUCCESS;
    bool is_unusual = unusual(context, duration_ms);
    slow->level = fixed_level(context, duration_ms);
    slow->unusual_streak = is_unusual ? slow->unusual_streak + 1 : 0;
    if (good)
        window_push(&slow->recent, context->moment->now_ms, duration_ms);
    bool is_rising = rising(context, duration_ms);

    if (!hung && (slow->level != SEVERITY_NONE || slow->unusual_streak >= 2 || is_rising)) {
        prometheus_note_cycle(raise_ended(context, duration_ms, is_rising), context->moment->now_ms, duration_ms,
                              context->settings->detect.cycle_slow_ms, context->settings->detect.cycle_too_slow_ms);
    } else if (!is_unusual) {
        incidents_clear(context->incidents, KIND_SLOW, NULL);
    }
    if (good && slow->level == SEVERITY_NONE && !is_unusual && !is_rising)
        window_push(&slow->good, context->moment->now_ms, duration_ms);
    tables_learn(context->tables, context->model->cycle.id, context->model->cycle.started_ms, context->moment->now_ms);
}

static void slow_fact(struct context *context, const struct fact *fact)
{
    if (fact->kind == FACT_CYCLE_STARTED)
        context->slow->level = SEVERITY_NONE;
    else
        slow_on_completed(context);
}

static int64_t slow_due(const struct context *context)
{
    if (!model_cycle_running(context->model) || context->slow->level == SEVERITY_CRITICAL ||
        context->schedule->hung_cycle_id == context->model->cycle.id)
        return INT64_MAX;
    int64_t threshold_ms = context->slow->level == SEVERITY_NONE ? context->settings->detect.cycle_slow_ms
                                                                 : context->settings->detect.cycle_too_slow_ms;
    return context->model->cycle.started_ms + context->model->slept_ms + threshold_ms;
}

static void slow_expire(struct context *context)
{
    raise_running(context, context->slow->level == SEVERITY_NONE ? SEVERITY_WARNING : SEVERITY_CRITICAL);
}

const struct detector detect_slow = {
    .begin = slow_begin,
    .end = slow_end,
    .hears = HEARS(FACT_CYCLE_STARTED) | HEARS(FACT_CYCLE_COMPLETED),
    .fact = slow_fact,
    .due = slow_due,
    .expire = slow_expire,
};

int64_t slow_known_cycles(const struct context *context)
{
    return (int64_t)context->slow->good.count;
}

void slow_archive(struct context *context, struct archive *archive)
{
    int level = (int)context->slow->level;
    archive_enum(archive, "slow.level", &level, SEVERITIES);
    saved_i64(archive, "slow.unusual", &context->slow->unusual_streak);
    context->slow->level = (enum severity)level;
}

void slow_archive_windows(struct context *context, struct archive *archive)
{
    window_archive(&context->slow->good, archive, "good");
    window_archive(&context->slow->recent, archive, "recent");
}
