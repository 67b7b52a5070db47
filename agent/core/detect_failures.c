/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "detector.h"

#include <inttypes.h>
#include <stdlib.h>

#include "cause.h"
#include "saved.h"

/*
 * Failures of a table in a row. Two are a warning, three are critical. Two are critical at once if the lag alone will be critical by the
 * next slot (certain lag), because then waiting for the third failure would tell nobody anything.
 */

struct failures {
    int64_t streak;     /* failures in a row, a burst counted once */
    int64_t first_ms;   /* the first of them */
    int64_t counted_ms; /* the newest that was counted; 0: none, or it cannot be compared with */
};

static void failures_begin_table(struct table *table)
{
    table->failures = must_alloc(sizeof *table->failures);
}

static bool lag_is_certain(const struct context *context, const struct table *table)
{
    return schedule_next_slot(context->schedule) - table_waits_since(table) > schedule_lag_critical(context->schedule);
}

static enum severity severity_of(const struct context *context, const struct table *table)
{
    int64_t streak = table->failures->streak;
    if (streak < context->settings->detect.failures_warning)
        return streak >= context->settings->detect.failures_critical ? SEVERITY_CRITICAL : SEVERITY_NONE;
    if (streak >= context->settings->detect.failures_critical || (streak >= 2 && lag_is_certain(context, table)))
        return SEVERITY_CRITICAL;
    return SEVERITY_WARNING;
}

static void say_what(const struct context *context, const struct table *table, struct strbuf *out)
{
    strbuf_printf(out, "%" PRId64 " failures in a row", table->failures->streak);
    if (table->last_success_ms) {
        strbuf_puts(out, ", last success ");
        describe_duration(context->moment->now_ms - table->last_success_ms, out);
        strbuf_puts(out, " ago");
    }
    if (context->moment->event && context->moment->event->kind == EVENT_PROBE_DOWN && context->moment->event->text.len)
        strbuf_printf(out, ", and a probe finds %.*s down", (int)context->moment->event->text.len,
                      context->moment->event->text.at);
}

/* The timeline of a new incident gets what the failures have said so far. */
static void add_excerpt(struct context *context, struct incident_record *record, const struct table *table)
{
    if (table->error && record->incident.opened_ms == context->moment->now_ms)
        incidents_note(context->incidents, record, "evidence", table->error);
}

static void raise_failures(struct context *context, struct table *table, enum severity severity)
{
    const struct failures *failures = table->failures;
    struct strbuf what = { 0 };
    say_what(context, table, &what);
    struct incident_record *record = incidents_raise(context->incidents, &(struct finding){
                                                                             .kind = KIND_FAILURES,
                                                                             .severity = severity,
                                                                             .table = table,
                                                                             .onset_ms = failures->first_ms,
                                                                             .what = strbuf_text(&what),
                                                                             .cause = table_cause(table),
                                                                         });
    strbuf_free(&what);
    add_excerpt(context, record, table);
    if (failures->streak >= 3)
        prometheus_note(record, context->moment->now_ms);
}

static void on_failed(struct context *context, struct table *table)
{
    struct failures *failures = table->failures;
    /* Failures within a moment, in a burst of cycles, are one attempt. */
    if (failures->streak > 0 && context->moment->now_ms - failures->counted_ms < schedule_burst(context->schedule))
        return;
    if (failures->streak++ == 0)
        failures->first_ms = context->moment->now_ms;
    failures->counted_ms = context->moment->now_ms;
    enum severity severity = severity_of(context, table);
    if (severity != SEVERITY_NONE)
        raise_failures(context, table, severity);
}

static void failures_on_evidence(struct context *context, struct table *table)
{
    struct incident_record *record = incidents_find(context->incidents, KIND_FAILURES, table);
    if (!record)
        return;
    incidents_note_line(context->incidents, record);
    incidents_set_cause(context->incidents, record, table_cause(table));
}

/* The component that the failures speak of is down: the next attempt can only fail as well. */
static void on_probe_down(struct context *context)
{
    for (size_t i = 0; i < context->tables->count; i++) {
        struct table *table = &context->tables->at[i];
        if (table->failures->streak && incidents_find(context->incidents, KIND_FAILURES, table) &&
            component_explains(context->moment->event->text, table_cause(table).scenario))
            raise_failures(context, table, SEVERITY_CRITICAL);
    }
}

/* What a probe says goes into the timeline of each incident that it is news to. */
static void failures_on_event(struct context *context, const struct event *event)
{
    if (event->kind == EVENT_PROBE_NOTED || event->kind == EVENT_PROBE_DOWN)
        incidents_note_open(context->incidents, event->number, "probe", event->line);
    if (event->kind == EVENT_PROBE_DOWN)
        on_probe_down(context);
}

/* It is not known how much time passed during a set-back, so that the next failure may not be taken for part of a burst. */
static void on_set_back(struct context *context)
{
    for (size_t i = 0; i < context->tables->count; i++)
        context->tables->at[i].failures->counted_ms = 0;
}

static void failures_fact(struct context *context, const struct fact *fact)
{
    switch (fact->kind) {
    case FACT_RUN_FAILED: on_failed(context, fact->table); break;
    case FACT_RUN_EVIDENCE: failures_on_evidence(context, fact->table); break;
    case FACT_RUN_SUCCEEDED:
        fact->table->failures->streak = 0;
        incidents_clear(context->incidents, KIND_FAILURES, fact->table);
        break;
    case FACT_EVENT: failures_on_event(context, context->moment->event); break;
    case FACT_SET_BACK: on_set_back(context); break;
    default: break;
    }
}

const struct detector detect_failures = {
    .begin_table = failures_begin_table,
    .hears = HEARS(FACT_RUN_FAILED) | HEARS(FACT_RUN_EVIDENCE) | HEARS(FACT_RUN_SUCCEEDED) | HEARS(FACT_EVENT) |
             HEARS(FACT_SET_BACK),
    .fact = failures_fact,
};

void failures_in_a_row(const struct table *table, int64_t *first_ms, int64_t *counted_ms)
{
    const struct failures *failures = table->failures;
    *first_ms = failures->first_ms;
    *counted_ms = failures->counted_ms;
}

void failures_archive(struct table *table, struct archive *archive)
{
    struct failures *failures = table->failures;
    saved_i64(archive, "fail.streak", &failures->streak);
    saved_i64(archive, "fail.first", &failures->first_ms);
    saved_i64(archive, "fail.counted", &failures->counted_ms);
}
