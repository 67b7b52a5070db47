/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "detector.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "explain.h"
#include "saved.h"
#include "slow_past.h"
#include "statistics.h"

/*
 * Slow cycles. They are judged while they run (elapsed time) and when they end: against fixed thresholds, against the cycle's own past
 * ("unusual", two in a row), and by trend ("rising"). What the past says of a duration is in slow_past.c.
 *
 * A cycle beyond the fixed threshold is an incident of its own, whatever is open: only that one explains lag. It ends with a cycle that
 * is a good deal shorter than the threshold, or after some that are a little shorter, since durations that hover at 300 s would else be
 * told each quarter of an hour.
 */

enum {
    RUN_LASTS_MS = 25 * MINUTE_MS, /* two cycles of 15 minutes are often a short spike: 5.0 false, 72 hits without */
    LEVEL_CYCLES = 3,
    TOLD_KEPT = 4,
    TOLD_TWICE = 2,
    TOLD_AGAIN_MS = DAY_MS,
    CALM_CYCLES = 8,
};
static const double told_factor = 0.6;
static const double calm_factor = 0.8;

/* What was told lately for its length alone: when it was last so, and the longest. A time of 0: nothing. */
struct told_lengths {
    int64_t at_ms[TOLD_KEPT], longest_ms[TOLD_KEPT]; /* oldest first */
};

struct slow {
    enum severity level;  /* of the cycle below */
    int64_t level_cycle;  /* the cycle that was judged last; others may be in progress beside it */
    int64_t run;          /* unusual cycles in a row */
    int64_t run_began_ms; /* when the first of them began */
    bool crossed;         /* the open incident went beyond the fixed threshold */
    int64_t calm;         /* cycles since then that were a little shorter than that */
    struct told_lengths told;
    struct slow_past past;
};

static void slow_begin(struct context *context)
{
    context->slow = must_alloc(sizeof *context->slow);
    slow_past_init(&context->slow->past);
}

static void slow_end(struct context *context)
{
    slow_past_free(&context->slow->past);
    free(context->slow);
}

/* How slow the cycle in progress was found to be so far. */
static enum severity level_so_far(const struct context *context)
{
    return context->slow->level_cycle == context->model->cycle.id ? context->slow->level : SEVERITY_NONE;
}

static void set_level(struct context *context, enum severity level)
{
    context->slow->level = level;
    context->slow->level_cycle = context->model->cycle.id;
}

/* True if the cycle is the first that the incident of slow cycles is about. */
static bool is_first_slow(const struct context *context)
{
    const struct incident_record *open = incidents_find(context->incidents, KIND_SLOW, NULL);
    return !open || open->incident.onset_ms >= context->model->cycle.started_ms;
}

static void say_usual(const struct context *context, struct strbuf *detail)
{
    if (slow_known_cycles(context) < context->settings->detect.min_samples)
        return;
    strbuf_puts(detail, detail->len ? ", usually " : "usually ");
    duration_words((int64_t)slow_past_usual_ms(&context->slow->past), detail);
}

static struct incident_record *raise_slow(struct context *context, enum severity severity, const char *what,
                                          const char *detail, const char *rule)
{
    struct strbuf words = { 0 };
    struct cause cause = cause_of_kind(context->sources, slow_cause(context, &words));
    cause.words = words.len ? strbuf_text(&words) : NULL;
    struct incident_record *record =
        incidents_raise(context->incidents, &(struct finding){
                                                .kind = KIND_SLOW,
                                                .severity = severity,
                                                .onset_ms = context->model->cycle.started_ms,
                                                .since_ms = context->slow->run ? context->slow->run_began_ms : 0,
                                                .then_ms = context->model->cycle.started_ms,
                                                .what = what,
                                                .detail = *detail ? detail : NULL,
                                                .rule = rule,
                                                .cause = cause,
                                            });
    /* At the cycle's end more is known than while it ran: its rows, above all. */
    incidents_set_cause(context->incidents, record, cause);
    strbuf_free(&words);
    return record;
}

/* The cycle is beyond the fixed threshold. What was open for another reason ends, so that this is told at once. */
static void cross(struct context *context)
{
    struct slow *slow = context->slow;
    if (!slow_explains_lag(context))
        incidents_clear(context->incidents, KIND_SLOW, NULL);
    slow->crossed = true;
    slow->calm = 0;
}

static void raise_running(struct context *context, enum severity severity)
{
    struct strbuf detail = { 0 }, rule = { 0 };
    cross(context);
    set_level(context, severity);
    strbuf_puts(&rule, "the cycle has been running for ");
    duration_words(model_elapsed_ms(context->model), &rule);
    explain(context->explainer, KIND_SLOW, NULL, severity == SEVERITY_CRITICAL ? VERDICT_CRITICAL : VERDICT_WARNING,
            "%s", strbuf_text(&rule));
    say_usual(context, &detail);
    raise_slow(context, severity,
               is_first_slow(context) ? "cycle {still}slow, running {since}"
                                      : "cycles {still}slow {since}, now that of {then}",
               strbuf_text(&detail), NULL);
    strbuf_free(&detail);
    strbuf_free(&rule);
}

static enum severity fixed_level(const struct context *context, int64_t duration_ms)
{
    if (duration_ms > context->settings->detect.cycle_too_slow_ms)
        return SEVERITY_CRITICAL;
    return duration_ms > context->settings->detect.cycle_slow_ms ? SEVERITY_WARNING : SEVERITY_NONE;
}

/* --- what was told already ----------------------------------------------------------------------------------- */

/* A length that was told within a day, or twice in two weeks, is no news; one that is two thirds longer is. */
static bool was_told(const struct context *context, int64_t duration_ms)
{
    const struct told_lengths *told = &context->slow->told;
    int64_t now_ms = context->moment->now_ms;
    int times = 0;
    for (size_t i = 0; i < TOLD_KEPT; i++) {
        bool is_alike = told->at_ms[i] && now_ms - told->at_ms[i] < KNOWN_DAYS * (int64_t)DAY_MS &&
                        told_factor * (double)duration_ms < (double)told->longest_ms[i];
        times += is_alike;
        if (is_alike && now_ms - told->at_ms[i] < TOLD_AGAIN_MS)
            return true;
    }
    return times >= TOLD_TWICE;
}

static void note_told(struct context *context, int64_t duration_ms, bool is_open)
{
    struct told_lengths *told = &context->slow->told;
    if (!is_open) {
        memmove(told->at_ms, told->at_ms + 1, (TOLD_KEPT - 1) * sizeof *told->at_ms);
        memmove(told->longest_ms, told->longest_ms + 1, (TOLD_KEPT - 1) * sizeof *told->longest_ms);
        told->longest_ms[TOLD_KEPT - 1] = 0;
    }
    told->at_ms[TOLD_KEPT - 1] = context->moment->now_ms;
    if (duration_ms > told->longest_ms[TOLD_KEPT - 1])
        told->longest_ms[TOLD_KEPT - 1] = duration_ms;
}

/* --- at a cycle's end ---------------------------------------------------------------------------------------- */

/* What is found about the cycle that has just ended. */
struct slow_verdict {
    struct slow_question question;
    bool is_unusual, is_rising;
    bool is_news; /* unusual often enough, or rising, and not told before */
    bool is_held; /* it would be news, but was told */
};

/* The median of the cycle and the two before it, as far as they are of the run: one of them alone says little. */
static int64_t level_of_run(const struct slow *slow, int64_t duration_ms)
{
    const struct window *recent = &slow->past.recent;
    double values[LEVEL_CYCLES] = { (double)duration_ms };
    size_t count = 1;
    while (count < LEVEL_CYCLES && (int64_t)count <= slow->run && count <= recent->count) {
        values[count] = (double)recent->values[recent->count - count];
        count++;
    }
    return (int64_t)median_of(values, count);
}

static struct slow_question ask(const struct context *context, int64_t duration_ms)
{
    const struct slow *slow = context->slow;
    int64_t began_ms = slow->run ? slow->run_began_ms : context->model->cycle.started_ms;
    return (struct slow_question){
        .settings = context->settings,
        .now_ms = context->moment->now_ms,
        .wall_ms = moment_now_wall_ms(context->moment),
        .duration_ms = duration_ms,
        .level_ms = level_of_run(slow, duration_ms),
        .run_began_ms = moment_wall_ms(context->moment, began_ms),
    };
}

static void lengthen_run(struct slow *slow, const struct context *context, bool is_unusual)
{
    slow->run = is_unusual ? slow->run + 1 : 0;
    if (slow->run == 1)
        slow->run_began_ms = context->model->cycle.started_ms;
}

static bool run_is_news(const struct slow *slow, const struct slow_question *question)
{
    return slow->run >= 2 &&
           (question->now_ms - slow->run_began_ms >= RUN_LASTS_MS || slow_past_is_unheard_of(&slow->past, question));
}

static struct slow_verdict judge_cycle(struct context *context, int64_t duration_ms, bool is_good)
{
    struct slow *slow = context->slow;
    struct slow_verdict verdict = { .question = ask(context, duration_ms) };
    verdict.is_unusual = slow_past_is_unusual(&slow->past, &verdict.question);
    lengthen_run(slow, context, verdict.is_unusual);
    if (is_good)
        window_push(&slow->past.recent, context->moment->now_ms, duration_ms);
    verdict.is_rising = slow_past_is_rising(&slow->past, &verdict.question);
    verdict.is_news = verdict.is_rising || run_is_news(slow, &verdict.question);
    verdict.is_held =
        verdict.is_news && !incidents_find(context->incidents, KIND_SLOW, NULL) && was_told(context, duration_ms);
    verdict.is_news = verdict.is_news && !verdict.is_held;
    return verdict;
}

static void describe_rule(const struct context *context, const struct slow_verdict *verdict, struct strbuf *rule)
{
    const struct slow *slow = context->slow;
    slow_past_describe(&slow->past, &verdict->question, rule);
    strbuf_printf(rule, "; unusual cycles in a row: %" PRId64, slow->run);
    strbuf_puts(rule, verdict->is_rising ? "; cycles grow slower" : "");
    strbuf_puts(rule, verdict->is_held ? "; as long was told before" : "");
}

static void explain_cycle(const struct context *context, const struct slow_verdict *verdict)
{
    static const enum verdict levels[SEVERITIES] = { VERDICT_NOTHING, VERDICT_WARNING, VERDICT_CRITICAL };
    enum verdict answer = levels[context->slow->level];
    struct strbuf rule = { 0 };
    if (!explain_is_wanted(context->explainer))
        return;
    if (answer == VERDICT_NOTHING)
        answer = verdict->is_news ? VERDICT_WARNING : verdict->is_held ? VERDICT_HELD : VERDICT_NOTHING;
    describe_rule(context, verdict, &rule);
    explain(context->explainer, KIND_SLOW, NULL, answer, "%s", strbuf_text(&rule));
    strbuf_free(&rule);
}

/* Returns the head of the first line; the detail says how long the cycle took. */
static const char *describe_ended(const struct context *context, const struct slow_verdict *verdict,
                                  struct strbuf *detail)
{
    const struct slow *slow = context->slow;
    bool is_alone = is_first_slow(context) && slow->run < 2;
    strbuf_puts(detail, is_alone ? "it took " : "the newest took ");
    duration_words(verdict->question.duration_ms, detail);
    say_usual(context, detail);
    if (slow->level == SEVERITY_NONE && verdict->is_rising)
        return "cycles {still}grow slower {since}";
    return is_alone ? "cycle of {at} slow" : "cycles {still}slow {since}";
}

static void raise_ended(struct context *context, const struct slow_verdict *verdict)
{
    struct slow *slow = context->slow;
    struct strbuf detail = { 0 }, rule = { 0 };
    if (slow->level != SEVERITY_NONE)
        cross(context);
    else
        note_told(context, verdict->question.duration_ms, incidents_find(context->incidents, KIND_SLOW, NULL));
    const char *what = describe_ended(context, verdict, &detail);
    describe_rule(context, verdict, &rule);
    struct incident_record *record = raise_slow(context, slow->level == SEVERITY_NONE ? SEVERITY_WARNING : slow->level,
                                                what, strbuf_text(&detail), strbuf_text(&rule));
    prometheus_note_cycle(record, context->moment->now_ms, verdict->question.duration_ms,
                          context->settings->detect.cycle_slow_ms, context->settings->detect.cycle_too_slow_ms);
    strbuf_free(&detail);
    strbuf_free(&rule);
}

/* A cycle that is neither unusual nor beyond a threshold ends the incident; after a crossing it must also be well below that. */
static void end_calm(struct context *context, int64_t duration_ms)
{
    struct slow *slow = context->slow;
    bool is_near = (double)duration_ms >= calm_factor * (double)context->settings->detect.cycle_slow_ms;
    if (slow_explains_lag(context) && is_near && ++slow->calm < CALM_CYCLES)
        return;
    slow->crossed = false;
    incidents_clear(context->incidents, KIND_SLOW, NULL);
}

/* Another cycle is still open that was found to be slow, so that the end of this one ends no incident. */
static bool another_is_slow(const struct context *context)
{
    const struct slow *slow = context->slow;
    return slow->level != SEVERITY_NONE && slow->level_cycle != context->model->cycle.id &&
           model_cycle_is_open(context->model, slow->level_cycle);
}

static void slow_on_completed(struct context *context)
{
    struct slow *slow = context->slow;
    bool is_other_slow = another_is_slow(context);
    enum severity other_level = slow->level;
    int64_t other_cycle = slow->level_cycle;
    int64_t duration_ms = model_elapsed_ms(context->model);
    bool hung = context->schedule->hung_cycle_id == context->model->cycle.id;
    bool is_good = context->model->cycle.outcome == CYCLE_SUCCESS;
    set_level(context, fixed_level(context, duration_ms));
    struct slow_verdict verdict = judge_cycle(context, duration_ms, is_good);
    explain_cycle(context, &verdict);

    if (!hung && (slow->level != SEVERITY_NONE || verdict.is_news))
        raise_ended(context, &verdict);
    else if (!verdict.is_unusual && !is_other_slow)
        end_calm(context, duration_ms);
    if (is_good && slow->level == SEVERITY_NONE && !verdict.is_unusual && !verdict.is_rising)
        window_push(&slow->past.good, context->moment->now_ms, duration_ms);
    if (is_good)
        known_durations_add(&slow->past.known, verdict.question.wall_ms, duration_ms);
    tables_learn(context->tables, context->model->cycle.id, context->model->cycle.started_ms, context->moment->now_ms);
    if (is_other_slow) {
        slow->level = other_level;
        slow->level_cycle = other_cycle;
    }
}

static void slow_fact(struct context *context, const struct fact *fact)
{
    if (fact->kind != FACT_CYCLE_STARTED)
        slow_on_completed(context);
    else if (!model_cycle_is_open(context->model, context->slow->level_cycle))
        set_level(context, SEVERITY_NONE);
}

static int64_t slow_due(const struct context *context)
{
    enum severity level = level_so_far(context);
    if (!model_cycle_running(context->model) || context->model->paused_ms || level == SEVERITY_CRITICAL ||
        context->schedule->hung_cycle_id == context->model->cycle.id)
        return INT64_MAX;
    int64_t threshold_ms =
        level == SEVERITY_NONE ? context->settings->detect.cycle_slow_ms : context->settings->detect.cycle_too_slow_ms;
    return context->model->cycle.started_ms + context->model->slept_ms + threshold_ms;
}

static void slow_expire(struct context *context)
{
    raise_running(context, level_so_far(context) == SEVERITY_NONE ? SEVERITY_WARNING : SEVERITY_CRITICAL);
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
    return (int64_t)context->slow->past.good.count;
}

bool slow_explains_lag(const struct context *context)
{
    return context->slow->crossed && incidents_find(context->incidents, KIND_SLOW, NULL);
}

void slow_archive(struct context *context, struct archive *archive)
{
    struct slow *slow = context->slow;
    int level = (int)slow->level;
    size_t times = TOLD_KEPT, lengths = TOLD_KEPT;
    archive_enum(archive, "slow.level", &level, SEVERITIES);
    if (archive_loading(archive))
        slow->level_cycle = context->model->cycle.id; /* an older agent does not say it */
    saved_count(archive, "slow.level_cycle", &slow->level_cycle);
    slow->level = (enum severity)level;
    saved_i64(archive, "slow.unusual", &slow->run);
    saved_i64(archive, "slow.run_began", &slow->run_began_ms);
    archive_bool(archive, "slow.crossed", &slow->crossed);
    saved_i64(archive, "slow.calm", &slow->calm);
    saved_i64s(archive, "slow.told", slow->told.at_ms, &times, TOLD_KEPT);
    saved_i64s(archive, "slow.told.longest", slow->told.longest_ms, &lengths, TOLD_KEPT);
}

void slow_archive_windows(struct context *context, struct archive *archive)
{
    slow_past_archive(&context->slow->past, archive, context->moment);
}
