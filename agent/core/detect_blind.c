/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "detector.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "clip.h"
#include "saved.h"

/*
 * A log that tells nothing: it is missing, was deleted under its writer, may not be read, is not understood, or its lines leave out what the
 * cycles' summaries know. The most dangerous agent is one that watches nothing and looks well, so each of these becomes an incident where
 * it lasts:
 *
 *   refused         at once
 *   deleted         after a fifteenth of the interval: somebody may delete the log and then restart the scheduler
 *   missing         after one interval, critical after three
 *   not understood  after 50 lines or one interval. Where lines were understood before, the scheduler may only be silent while another
 *                   program writes into its log: then it takes as many lines as a cycle has, and one interval and its lateness
 *   summary         when summaries and lines have differed for three cycles, unless that is told as failures already
 */

enum { LINES_ENOUGH = 50, LINES_OF_A_CYCLE = 10, MISSING_INTERVALS = 3, SUMMARY_INTERVALS = 2 };

struct blind_spot {
    int64_t since_ms; /* 0: the agent is not blind for this reason */
    int64_t raised;   /* the severity of its incident */
    int64_t lines;    /* BLIND_NOT_UNDERSTOOD: that came since then */
    char *words;
};

struct blindness {
    struct blind_spot spots[BLIND_REASONS];
    bool is_any; /* false: the agent is blind for no reason, which is asked at each step of the clock */
};

static void blind_begin(struct context *context)
{
    context->blindness = must_alloc(sizeof *context->blindness);
}

static void blind_end(struct context *context)
{
    for (int reason = 0; reason < BLIND_REASONS; reason++)
        free(context->blindness->spots[reason].words);
}

/* --- deadlines ----------------------------------------------------------------------------------------------- */

static bool was_ever_understood(const struct context *context)
{
    return context->model->sign_ms != 0;
}

static int64_t not_understood_due(const struct context *context, const struct blind_spot *spot)
{
    int64_t interval_ms = schedule_interval(context->schedule);
    if (!was_ever_understood(context))
        return spot->lines >= LINES_ENOUGH ? spot->since_ms : spot->since_ms + interval_ms;
    if (spot->lines < LINES_OF_A_CYCLE)
        return INT64_MAX;
    return spot->since_ms + interval_ms + context->settings->schedule.late_warning_ms;
}

static int64_t spot_due(const struct context *context, enum blind_reason reason)
{
    const struct blind_spot *spot = &context->blindness->spots[reason];
    if (!spot->since_ms)
        return INT64_MAX;
    if (reason == BLIND_MISSING && spot->raised != SEVERITY_CRITICAL)
        return spot->since_ms + (spot->raised ? MISSING_INTERVALS : 1) * schedule_interval(context->schedule);
    if (spot->raised)
        return INT64_MAX;
    switch (reason) {
    case BLIND_REFUSED: return spot->since_ms;
    case BLIND_DELETED: return spot->since_ms + schedule_burst(context->schedule);
    case BLIND_NOT_UNDERSTOOD: return not_understood_due(context, spot);
    default: return INT64_MAX; /* the summary is judged when one comes */
    }
}

static int64_t blind_due(const struct context *context)
{
    int64_t best_ms = INT64_MAX;
    if (!context->blindness->is_any)
        return best_ms;
    for (int reason = 0; reason < BLIND_REASONS; reason++) {
        int64_t due_ms = spot_due(context, (enum blind_reason)reason);
        best_ms = due_ms < best_ms ? due_ms : best_ms;
    }
    return best_ms;
}

/* --- incidents ----------------------------------------------------------------------------------------------- */

static void raise_spot(struct context *context, enum blind_reason reason)
{
    static const char *const heads[BLIND_REASONS] = {
        [BLIND_MISSING] = "agent {still}blind {since}",
        [BLIND_REFUSED] = "agent {still}blind {since}",
        [BLIND_DELETED] = "agent {still}soon blind {since}",
        [BLIND_NOT_UNDERSTOOD] = "agent {still}blind {since}",
        [BLIND_SUMMARY] = "agent {still}does not see every run {since}",
    };
    struct blind_spot *spot = &context->blindness->spots[reason];
    struct strbuf rule = { 0 };
    int64_t lasted_ms = context->moment->now_ms - spot->since_ms;
    spot->raised = spot->raised ? SEVERITY_CRITICAL : SEVERITY_WARNING;
    strbuf_printf(&rule, "%s for %" PRId64 " s, interval %" PRId64 " s", blind_reason_name(reason),
                  lasted_ms / SECOND_MS, schedule_interval(context->schedule) / SECOND_MS);
    if (spot->lines)
        strbuf_printf(&rule, ", %" PRId64 " lines", spot->lines);
    explain(context->explainer, KIND_LOG, NULL, spot->raised == SEVERITY_CRITICAL ? VERDICT_CRITICAL : VERDICT_WARNING,
            "%s", strbuf_text(&rule));
    incidents_raise(context->incidents, &(struct finding){
                                            .kind = KIND_LOG,
                                            .severity = (enum severity)spot->raised,
                                            .onset_ms = spot->since_ms,
                                            .what = heads[reason],
                                            .rule = strbuf_text(&rule),
                                            .cause = { .words = spot->words, .first_command = "agent doctor" },
                                        });
    strbuf_free(&rule);
}

static void blind_expire(struct context *context)
{
    for (int reason = 0; reason < BLIND_REASONS; reason++)
        if (spot_due(context, (enum blind_reason)reason) <= context->moment->now_ms)
            raise_spot(context, (enum blind_reason)reason);
}

static bool any_raised(const struct context *context)
{
    bool any = false;
    for (int reason = 0; reason < BLIND_REASONS; reason++)
        any = any || context->blindness->spots[reason].raised;
    return any;
}

static void find_any(struct blindness *blindness)
{
    blindness->is_any = false;
    for (int reason = 0; reason < BLIND_REASONS; reason++)
        blindness->is_any = blindness->is_any || blindness->spots[reason].since_ms;
}

static void see_again(struct context *context, enum blind_reason reason)
{
    struct blind_spot *spot = &context->blindness->spots[reason];
    bool raised = spot->raised;
    free(spot->words);
    *spot = (struct blind_spot){ 0 };
    if (context->blindness->is_any)
        find_any(context->blindness);
    if (raised && !any_raised(context))
        incidents_clear(context->incidents, KIND_LOG, NULL);
}

static void go_blind(struct context *context, enum blind_reason reason, struct slice words, const char *in_short)
{
    struct blind_spot *spot = &context->blindness->spots[reason];
    if (!spot->since_ms)
        spot->since_ms = context->moment->now_ms > 0 ? context->moment->now_ms : 1;
    context->blindness->is_any = true;
    free(spot->words);
    spot->words = clipped_copy(words.len ? words : slice_of(in_short), WHAT_MAX_BYTES);
    if (spot_due(context, reason) <= context->moment->now_ms)
        raise_spot(context, reason);
}

/* The log's file is in one state at a time. */
static void file_is(struct context *context, enum blind_reason reason, const char *in_short)
{
    static const enum blind_reason states[] = { BLIND_REFUSED, BLIND_MISSING, BLIND_DELETED };
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
        if (states[i] != reason)
            see_again(context, states[i]);
    if (reason != BLIND_REASONS)
        go_blind(context, reason, context->moment->event->text, in_short);
    else if (!any_raised(context))
        incidents_clear(context->incidents, KIND_LOG, NULL); /* one that an older agent opened */
}

static void blind_on_event(struct context *context, const struct event *event)
{
    switch (event->kind) {
    case EVENT_LOG_REFUSED: file_is(context, BLIND_REFUSED, "the log cannot be read"); break;
    case EVENT_LOG_MISSING: file_is(context, BLIND_MISSING, "the log is missing"); break;
    case EVENT_LOG_DELETED: file_is(context, BLIND_DELETED, "the log was deleted under its writer"); break;
    case EVENT_LOG_READABLE: file_is(context, BLIND_REASONS, ""); break;
    case EVENT_LINES_UNKNOWN:
        context->blindness->spots[BLIND_NOT_UNDERSTOOD].lines = event->number;
        go_blind(context, BLIND_NOT_UNDERSTOOD, event->text, "no line of the log is understood");
        break;
    case EVENT_LINES_KNOWN: see_again(context, BLIND_NOT_UNDERSTOOD); break;
    default: break;
    }
}

static bool told_as_failures(const struct context *context)
{
    const struct table *stand_in = tables_stand_in(context->tables);
    return stand_in && incidents_find(context->incidents, KIND_FAILURES, stand_in);
}

static void blind_on_summary(struct context *context)
{
    const struct summary *summary = &context->model->summary;
    struct blind_spot *spot = &context->blindness->spots[BLIND_SUMMARY];
    struct strbuf words = { 0 };
    if (!summary->differs_ms) {
        see_again(context, BLIND_SUMMARY);
        return;
    }
    summary_describe(summary, &words);
    go_blind(context, BLIND_SUMMARY, strbuf_slice(&words), "");
    spot->since_ms = summary->differs_ms;
    int64_t enough_ms = SUMMARY_INTERVALS * schedule_interval(context->schedule) - schedule_burst(context->schedule);
    int64_t lasted_ms = context->moment->now_ms - spot->since_ms;
    if (!spot->raised && lasted_ms >= enough_ms && !told_as_failures(context))
        raise_spot(context, BLIND_SUMMARY);
    else if (!spot->raised)
        explain(context->explainer, KIND_LOG, NULL, VERDICT_NOTHING, "%s; differs for %" PRId64 " s of %" PRId64 " s",
                strbuf_text(&words), lasted_ms / SECOND_MS, enough_ms / SECOND_MS);
    strbuf_free(&words);
}

static void blind_fact(struct context *context, const struct fact *fact)
{
    switch (fact->kind) {
    case FACT_EVENT: blind_on_event(context, context->moment->event); break;
    case FACT_CYCLE_SUMMARY: blind_on_summary(context); break;
    case FACT_HOST_SLEPT: /* nobody could write meanwhile */
        for (int reason = 0; reason < BLIND_REASONS; reason++) {
            int64_t *since_ms = &context->blindness->spots[reason].since_ms;
            *since_ms = *since_ms ? time_sum(*since_ms, fact->duration_ms) : 0;
        }
        break;
    default: break;
    }
}

const struct detector detect_blind = {
    .begin = blind_begin,
    .end = blind_end,
    .hears = HEARS(FACT_EVENT) | HEARS(FACT_CYCLE_SUMMARY) | HEARS(FACT_HOST_SLEPT),
    .fact = blind_fact,
    .due = blind_due,
    .expire = blind_expire,
};

const char *blind_words(const struct context *context, enum blind_reason reason)
{
    const struct blind_spot *spot = &context->blindness->spots[reason];
    bool decided = reason != BLIND_NOT_UNDERSTOOD || spot->raised;
    return spot->since_ms && decided ? spot->words : NULL;
}

void blind_archive(struct context *context, struct archive *archive)
{
    for (int reason = 0; reason < BLIND_REASONS; reason++) {
        struct blind_spot *spot = &context->blindness->spots[reason];
        char name[48];
        int64_t values[] = { spot->since_ms, spot->raised, spot->lines };
        size_t count = 3;
        snprintf(name, sizeof name, "blind.%s", blind_reason_name((enum blind_reason)reason));
        saved_i64s(archive, name, values, &count, 3);
        snprintf(name, sizeof name, "blind.%s.words", blind_reason_name((enum blind_reason)reason));
        archive_text(archive, name, &spot->words);
        if (!archive_loading(archive) || count != 3 || !spot->words)
            continue;
        spot->since_ms = values[0];
        spot->raised = values[1] < 0 || values[1] > SEVERITY_CRITICAL ? 0 : values[1];
        spot->lines = values[2];
    }
    find_any(context->blindness);
}
