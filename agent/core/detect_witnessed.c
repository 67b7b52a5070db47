/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "detector.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/time_words.h"
#include "saved.h"

/*
 * The certain stall: a run "succeeded" and added nothing although the source has rows that are newer than the watermark by more than half an
 * interval. No chance needs to be reckoned with, so the first such run is a warning and the second in a row is critical. Where the source
 * has nothing that is newer, no row is an honest zero, however long it lasts.
 */

enum { RUNS_CRITICAL = 2, ANSWER_AGE_RUNS = 3 };
enum { SILENCE_MOST_MS = DAY_MS }; /* after that, what a witness was certain of is no longer known */

struct witnessed {
    int64_t streak; /* runs in a row that are certain to have left rows behind */
    int64_t onset_ms;
    int64_t counted_ms; /* when a witness last told a number of rows; 0: never */
};

static void witnessed_begin_table(struct table *table)
{
    table->witnessed = must_alloc(sizeof *table->witnessed);
}

bool witness_counts_rows(const struct context *context, const struct table *table)
{
    int64_t age_ms = context->moment->now_ms - table->witnessed->counted_ms;
    return table->witnessed->counted_ms && age_ms <= ANSWER_AGE_RUNS * schedule_interval(context->schedule);
}

bool witness_is_certain(const struct context *context, const struct table *table)
{
    return table->witnessed->streak > 0 && witness_counts_rows(context, table);
}

bool witness_lost_stall(const struct context *context, const struct table *table)
{
    struct witnessed *witnessed = table->witnessed;
    if (witnessed->streak == 0 || context->moment->now_ms - witnessed->counted_ms <= SILENCE_MOST_MS)
        return false;
    witnessed->streak = 0;
    return true;
}

static void raise_certain(struct context *context, const struct table *table, const struct event *event)
{
    const struct witnessed *witnessed = table->witnessed;
    struct strbuf what = { 0 }, detail = { 0 }, rule = { 0 };
    strbuf_printf(&what, "{tables} {still}stalled, %" PRId64 " run%s added 0 rows {since}", witnessed->streak,
                  witnessed->streak == 1 ? "" : "s");
    strbuf_puts(&detail, "source ");
    duration_words(event->duration_ms, &detail);
    strbuf_puts(&detail, " ahead");
    strbuf_printf(&rule, "certain stall, by %.*s: %" PRId64 " run%s in a row added 0 rows; the source is ",
                  (int)event->text.len, event->text.len ? event->text.at : "", witnessed->streak,
                  witnessed->streak == 1 ? "" : "s");
    duration_words(event->duration_ms, &rule);
    strbuf_puts(&rule, " ahead, allowed are ");
    duration_words(schedule_interval(context->schedule) / 2, &rule);
    struct cause cause = cause_of_kind(context->sources, "stall");
    cause.words = "the watermark does not advance, although the source goes on";
    struct incident_record *record = incidents_raise(
        context->incidents, &(struct finding){
                                .kind = KIND_STALL,
                                .severity = witnessed->streak >= RUNS_CRITICAL ? SEVERITY_CRITICAL : SEVERITY_WARNING,
                                .table = table,
                                .onset_ms = witnessed->onset_ms,
                                .what = strbuf_text(&what),
                                .detail = strbuf_text(&detail),
                                .rule = strbuf_text(&rule),
                                .cause = cause,
                            });
    strbuf_free(&what);
    strbuf_free(&detail);
    strbuf_free(&rule);
    prometheus_note(record, witnessed->onset_ms);
}

/* What ends a stall stands in its story. */
static void note_answer_in_story(struct context *context, const struct table *table, const struct event *event)
{
    struct incident_record *record = incidents_find(context->incidents, KIND_STALL, table);
    struct strbuf text = { 0 };
    if (!record)
        return;
    strbuf_printf(&text, "%.*s: ", (int)event->text.len, event->text.len ? event->text.at : "");
    if (event->number >= 0)
        strbuf_printf(&text, "%" PRId64 " row%s added", event->number, event->number == 1 ? "" : "s");
    else
        strbuf_puts(&text, "rows were added");
    if (event->duration_ms >= 0 && event->duration_ms < SECOND_MS)
        strbuf_puts(&text, ", the source has nothing newer");
    if (event->duration_ms >= SECOND_MS) {
        strbuf_puts(&text, ", the source is ");
        duration_words(event->duration_ms, &text);
        strbuf_puts(&text, " ahead");
    }
    incidents_note(context->incidents, record, "note", strbuf_text(&text));
    strbuf_free(&text);
}

static void take_answer(struct context *context, struct table *table, const struct event *event)
{
    struct witnessed *witnessed = table->witnessed;
    int64_t allowed_ms = schedule_interval(context->schedule) / 2;
    if (event->number == ROWS_NOT_KNOWN || table->last_failed)
        return;
    if (!witness_counts_rows(context, table))
        witnessed->streak = 0; /* what it said before its silence is over */
    witnessed->counted_ms = context->moment->now_ms;
    tables_touch(context->tables, table, TOUCHED_LIVE);
    if (event->number == 0 && event->duration_ms > allowed_ms) {
        if (witnessed->streak++ == 0)
            witnessed->onset_ms = table->last_success_ms;
        raise_certain(context, table, event);
        return;
    }
    explain(context->explainer, KIND_STALL, table, VERDICT_NOTHING,
            "a witness says: %" PRId64 " rows added, the source is %" PRId64
            " s ahead of the watermark, allowed are %" PRId64 " s",
            event->number, event->duration_ms / SECOND_MS, allowed_ms / SECOND_MS);
    /* Rows, or nothing at the source that would be missing. Without the source, no rows alone say neither. */
    if (event->number != 0 || event->duration_ms >= 0) {
        witnessed->streak = 0;
        note_answer_in_story(context, table, event);
        incidents_clear(context->incidents, KIND_STALL, table);
    }
}

static void witnessed_fact(struct context *context, const struct fact *fact)
{
    const struct event *event = context->moment->event;
    (void)fact;
    if (event->kind != EVENT_TABLE_WITNESSED)
        return;
    struct table *table = tables_find(context->tables, event->table);
    if (table)
        take_answer(context, table, event);
}

const struct detector detect_witnessed = {
    .begin_table = witnessed_begin_table,
    .hears = HEARS(FACT_EVENT),
    .fact = witnessed_fact,
};

void witnessed_archive(struct table *table, struct archive *archive)
{
    struct witnessed *witnessed = table->witnessed;
    saved_count(archive, "witnessed.streak", &witnessed->streak);
    saved_i64(archive, "witnessed.onset", &witnessed->onset_ms);
    saved_i64(archive, "witnessed.counted", &witnessed->counted_ms);
}
