/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "detector.h"

#include <stdlib.h>

#include "clip.h"
#include "saved.h"

/*
 * What systemd says of the scheduler's unit. It tells how the scheduler ended, so that an incident of a dead scheduler has a cause, and one
 * thing that the log can only let one guess: a unit that has failed does not come back by itself, so no grace is waited for.
 *
 * A unit is believed only where it does not contradict the log: one that ended before the newest line was written, or while somebody holds the
 * log open, is not what writes the log now.
 */

enum {
    END_SLACK_MS =
        2 *
        SECOND_MS, /* the last line may bear a later time than the process's end: it is read, and clocks are rounded */
    END_FRESH_MS = 5 * SECOND_MS /* an end after which it was started again at once is still why the writer is gone */
};

struct unit {
    int64_t state;    /* enum unit_state */
    int64_t since_ms; /* in the engine's time; 0: not known, likewise below */
    int64_t end_ms;   /* its newest end */
    char *words;      /* owned; NULL: none, likewise below */
    char *end_words, *end_cause;
};

static void unit_begin(struct context *context)
{
    context->unit = must_alloc(sizeof *context->unit);
}

static void unit_end(struct context *context)
{
    free(context->unit->words);
    free(context->unit->end_words);
    free(context->unit->end_cause);
    free(context->unit);
}

static bool is_an_end(int64_t state)
{
    return state == UNIT_STOPPED || state == UNIT_RESTARTING || state == UNIT_GIVEN_UP;
}

/* True if its newest end is why the log is silent now. */
static bool end_counts(const struct context *context)
{
    const struct unit *unit = context->unit;
    bool still = is_an_end(unit->state) || context->moment->now_ms - unit->end_ms < END_FRESH_MS;
    return unit->end_words && unit->end_ms && still && unit->end_ms >= context->model->sign_ms - END_SLACK_MS;
}

struct cause unit_cause(const struct context *context)
{
    const struct unit *unit = context->unit;
    bool known = end_counts(context);
    struct cause cause = { 0 };
    if (known && unit->end_cause)
        cause = cause_of_kind(context->sources, unit->end_cause);
    if (!cause.first_command)
        cause = cause_of_kind(context->sources, "scheduler-down");
    if (known) {
        cause.words = unit->end_words;
        cause.id = unit->end_cause;
    }
    return cause;
}

void unit_note_in(const struct context *context, const struct incident_record *record)
{
    struct strbuf text = { 0 };
    if (context->unit->state == UNIT_NOT_KNOWN || !context->unit->words)
        return;
    strbuf_printf(&text, "systemd says: %s", context->unit->words);
    incidents_note(context->incidents, record, "note", strbuf_text(&text));
    strbuf_free(&text);
}

static bool is_end_by(const char *kind, const char *wanted)
{
    return kind && strcmp(kind, wanted) == 0;
}

/* A unit that was started too often is down even if each of its stops was asked for. */
static bool stop_was_asked(const struct context *context)
{
    return schedule_stop_is_planned(context->schedule) && !is_end_by(context->unit->end_cause, "scheduler-given-up");
}

static void raise_given_up(struct context *context)
{
    const struct unit *unit = context->unit;
    struct strbuf rule = { 0 };
    strbuf_printf(&rule, "systemd says: %s; what has failed does not come back, so no grace is waited for",
                  unit->end_words);
    struct incident_record *record =
        incidents_raise(context->incidents, &(struct finding){
                                                .kind = KIND_DOWN,
                                                .severity = SEVERITY_CRITICAL,
                                                .onset_ms = unit->end_ms,
                                                .what = "{writer} {still}dead {since} and not restarted",
                                                .rule = strbuf_text(&rule),
                                                .cause = unit_cause(context),
                                            });
    prometheus_note(record, unit->end_ms);
    strbuf_free(&rule);
}

/* The unit has ended, and nobody holds the log open any more: whichever of the two was noticed last. */
static void judge_end(struct context *context)
{
    const struct unit *unit = context->unit;
    if (!end_counts(context) || scheduler_holds_log(context))
        return;
    if (unit->state == UNIT_STOPPED || stop_was_asked(context))
        scheduler_was_stopped(context, unit->end_ms);
    else if (unit->state == UNIT_GIVEN_UP)
        raise_given_up(context);
    else
        scheduler_has_died(context, "{writer} died {at}", NULL);
    struct incident_record *down = incidents_find(context->incidents, KIND_DOWN, NULL);
    if (down && unit->end_cause)
        incidents_explain(context->incidents, down, unit_cause(context));
}

static void unit_take_text(char **owned, struct slice text)
{
    free(*owned);
    *owned = text.len ? clipped_copy(text, WHAT_MAX_BYTES) : NULL;
}

static bool unit_state_is_news(const struct unit *unit, const struct event *event, int64_t since_ms)
{
    char *words = clipped_copy(event->text, WHAT_MAX_BYTES); /* as they are kept */
    bool is_news = unit->state != event->number || unit->since_ms != since_ms ||
                   strcmp(words, unit->words ? unit->words : "") != 0;
    free(words);
    return is_news;
}

/*
 * Since when the unit is in the state that the event tells; 0: not known. A clock that was set back since leaves a time in the future. The
 * state then began no later than now, or when it was heard of first.
 */
static int64_t state_since_ms(const struct context *context, const struct event *event)
{
    const struct unit *unit = context->unit;
    int64_t now_ms = context->moment->now_ms;
    int64_t since_ms = event->at_ms ? moment_engine_ms(context->moment, event->at_ms) : 0;
    if (since_ms <= now_ms)
        return since_ms;
    return unit->state == event->number && unit->since_ms ? unit->since_ms : now_ms;
}

/*
 * Who asked for an end is seen only while it happens: whoever asks later, as after a restart of the agent, cannot tell a stop from a failure.
 * So an end that is known as a stop stays one. That systemd refuses to start it again is another matter, and changes no time of the unit.
 */
static bool is_known_stop(const struct unit *unit, const struct event *event, int64_t since_ms)
{
    return since_ms && since_ms == unit->end_ms && is_an_end(event->number) &&
           is_end_by(unit->end_cause, "scheduler-stopped") && !slice_equals(event->cause, "scheduler-given-up");
}

static void on_unit_state(struct context *context, const struct event *event)
{
    static const enum incident_kind kinds[] = { KIND_DOWN, KIND_CRASH_LOOP };
    struct unit *unit = context->unit;
    int64_t since_ms = state_since_ms(context, event);
    if (event->number < 0 || event->number >= UNIT_STATES || !unit_state_is_news(unit, event, since_ms))
        return;
    bool is_old = is_known_stop(unit, event, since_ms);
    unit->state = is_old ? UNIT_STOPPED : event->number;
    unit->since_ms = since_ms;
    unit_take_text(&unit->words, is_old ? slice_of(unit->end_words ? unit->end_words : "") : event->text);
    if (is_old)
        return;
    if (is_an_end(unit->state)) {
        unit->end_ms = since_ms; /* 0: it was never started, so that it is not what the log waits for */
        unit_take_text(&unit->end_words, event->text);
        unit_take_text(&unit->end_cause, event->cause);
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const struct incident_record *record = incidents_find(context->incidents, kinds[i], NULL);
        if (record)
            unit_note_in(context, record);
    }
    if (unit->state == UNIT_STOPPING)
        context->schedule->stopping_ms = context->moment->now_ms;
    judge_end(context);
}

static void unit_fact(struct context *context, const struct fact *fact)
{
    struct unit *unit = context->unit;
    if (fact->kind == FACT_EVENT && context->moment->event->kind == EVENT_UNIT_STATE)
        on_unit_state(context, context->moment->event);
    else if (fact->kind == FACT_WRITER_GONE)
        judge_end(context);
    else if (fact->kind == FACT_HOST_SLEPT && unit->end_ms)
        unit->end_ms = time_sum(unit->end_ms, fact->duration_ms);
}

const struct detector detect_unit = {
    .begin = unit_begin,
    .end = unit_end,
    .hears = HEARS(FACT_EVENT) | HEARS(FACT_WRITER_GONE) | HEARS(FACT_HOST_SLEPT),
    .fact = unit_fact,
};

void unit_archive(struct context *context, struct archive *archive)
{
    struct unit *unit = context->unit;
    saved_count(archive, "unit.state", &unit->state);
    saved_i64(archive, "unit.since", &unit->since_ms);
    saved_i64(archive, "unit.end", &unit->end_ms);
    archive_text(archive, "unit.words", &unit->words);
    archive_text(archive, "unit.end_words", &unit->end_words);
    archive_text(archive, "unit.end_cause", &unit->end_cause);
    if (unit->state >= UNIT_STATES)
        unit->state = UNIT_NOT_KNOWN;
}
