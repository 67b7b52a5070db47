/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "detector.h"

#include <inttypes.h>
#include <stdlib.h>

#include "saved.h"

/*
 * Failures of a table in a row. Two are a warning, three are critical. Two are critical at once if the lag alone will be critical by the
 * next slot (certain lag), because then waiting for the third failure would tell nobody anything.
 */

struct failures {
    int64_t streak;     /* failures in a row, a burst counted once */
    int64_t first_ms;   /* the first of them */
    int64_t counted_ms; /* the newest that was counted; 0: none, or it cannot be compared with */
    bool is_guess;      /* why it fails was not known when it came into its incident */
    int64_t settled_ms; /* the newest whose cause was compared with the incident's */
    int64_t strays;     /* how many failures in a row had another cause than the incident */
    int64_t strayed_ms; /* the first of them */
};

static void failures_begin_table(struct table *table)
{
    table->failures = must_alloc(sizeof *table->failures);
}

/* How old the last success will be when the next attempt can come. While the interval is not known the next slot is 0. */
static int64_t lag_ahead_ms(const struct context *context, const struct table *table)
{
    return schedule_next_slot(context->schedule) - table_waits_since(table);
}

static bool lag_is_certain(const struct context *context, const struct table *table)
{
    return lag_ahead_ms(context, table) > schedule_lag_critical(context->schedule);
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

/* What is said where no cause is known, which says more. */
static void say_detail(const struct context *context, const struct table *table, struct strbuf *out)
{
    const struct event *event = context->moment->event;
    if (event && event->kind == EVENT_PROBE_DOWN && event->text.len)
        strbuf_printf(out, "%.*s is down", (int)event->text.len, event->text.at);
    else
        strbuf_printf(out, "%" PRId64 " run%s failed", table->failures->streak,
                      table->failures->streak == 1 ? "" : "s");
}

static void note_told_text(struct context *context, struct incident_record *record, const struct table *table)
{
    struct strbuf text = { 0 };
    if (!table->told)
        return;
    strbuf_printf(&text, "told of %s: %s", table->name, table->told);
    incidents_note(context->incidents, record, "evidence", strbuf_text(&text));
    strbuf_free(&text);
}

/* The timeline of a new incident gets what the failures have said so far. */
static void add_excerpt(struct context *context, struct incident_record *record, const struct table *table)
{
    if (record->incident.opened_ms != context->moment->now_ms)
        return;
    if (table->error)
        incidents_note(context->incidents, record, "evidence", table->error);
    note_told_text(context, record, table);
}

/* The numbers that severity_of compares. */
static void say_failures_rule(const struct context *context, const struct table *table, struct strbuf *out)
{
    const struct settings *settings = context->settings;
    strbuf_printf(out,
                  "failures in a row: %" PRId64 "; detect.failures_warning is %" PRId64
                  " and detect.failures_critical %" PRId64,
                  table->failures->streak, settings->detect.failures_warning, settings->detect.failures_critical);
    if (schedule_is_known(context->schedule))
        strbuf_printf(out,
                      "; at the next slot the last success is %" PRId64 " s old, which is critical above %" PRId64 " s",
                      lag_ahead_ms(context, table) / SECOND_MS, schedule_lag_critical(context->schedule) / SECOND_MS);
}

static void explain_failure(const struct context *context, const struct table *table, enum severity severity)
{
    static const enum verdict verdicts[SEVERITIES] = { VERDICT_NOTHING, VERDICT_WARNING, VERDICT_CRITICAL };
    struct strbuf rule = { 0 };
    if (!explain_is_wanted(context->explainer))
        return;
    say_failures_rule(context, table, &rule);
    explain(context->explainer, KIND_FAILURES, table, verdicts[severity], "%s", strbuf_text(&rule));
    strbuf_free(&rule);
}

/* What is found is raised; from: the incident that the table leaves for that, or NULL. */
static struct incident_record *raise_or_move(struct context *context, struct table *table, enum severity severity,
                                             struct incident_record *from)
{
    const struct failures *failures = table->failures;
    struct cause cause = table_cause(table);
    struct strbuf detail = { 0 }, rule = { 0 };
    say_detail(context, table, &detail);
    say_failures_rule(context, table, &rule);
    struct finding finding = {
        .kind = KIND_FAILURES,
        .severity = severity,
        .table = table,
        .onset_ms = from && !failures->is_guess ? failures->strayed_ms : failures->first_ms,
        .since_ms = table->last_success_ms,
        .detail = cause.words ? NULL : strbuf_text(&detail),
        .rule = strbuf_text(&rule),
        .cause = cause,
    };
    struct incident_record *record =
        from ? incidents_move(context->incidents, from, &finding) : incidents_raise(context->incidents, &finding);
    strbuf_free(&detail);
    strbuf_free(&rule);
    return record;
}

static void raise_failures(struct context *context, struct table *table, enum severity severity)
{
    struct failures *failures = table->failures;
    if (!incidents_find(context->incidents, KIND_FAILURES, table)) {
        struct cause cause = table_cause(table);
        failures->is_guess = !cause_is_known(&cause);
        failures->strays = 0;
        tables_touch(context->tables, table, TOUCHED_LIVE);
    }
    struct incident_record *record = raise_or_move(context, table, severity, NULL);
    add_excerpt(context, record, table);
    if (failures->streak >= 3)
        prometheus_note(record, context->moment->now_ms);
}

/* --- causes -------------------------------------------------------------------------------------------------- */

/*
 * What a failure says comes in the lines behind it, so that an incident begins with what the failure before said. When the cycle is over
 * all is said, and the causes are compared. A table leaves its incident for another one if it gives another cause than the other tables in
 * it, and either gave none when it came, or gives that one twice in a row: one odd failure among many, as a dying component makes
 * them, is no second trouble. Where no other table in the incident still has the old cause, the incident itself has got a new one; but
 * not while it flaps, since what flaps for several causes would otherwise open ever new incidents.
 */
enum { STRAYS_TO_LEAVE = 2 };

static void count_stray(struct context *context, struct table *table)
{
    struct failures *failures = table->failures;
    const struct incident_record *record = incidents_find(context->incidents, KIND_FAILURES, table);
    if (!record || failures->settled_ms == failures->counted_ms)
        return;
    struct cause cause = table_cause(table);
    if (!cause_is_known(&cause))
        return;
    /* What was told of an earlier failure was counted then. */
    if (table->told && table->told_is_old && !table->reading->said.best.cause)
        return;
    failures->settled_ms = failures->counted_ms;
    tables_touch(context->tables, table, TOUCHED_LIVE);
    if (!cause_differs(&cause, &record->incident.cause)) {
        failures->strays = 0;
        failures->is_guess = false;
    } else if (failures->strays++ == 0) {
        failures->strayed_ms = failures->counted_ms;
    }
}

/* True if another table in the incident still has the incident's cause. */
static bool has_cause_of_another(const struct context *context, const struct incident_record *record,
                                 const struct table *but)
{
    for (size_t i = 0; i < record->member_count; i++) {
        const struct table *table = &context->tables->at[record->members[i].table];
        if (table == but || incidents_find(context->incidents, KIND_FAILURES, table) != record)
            continue;
        struct cause cause = table_cause(table);
        if (cause_is_known(&cause) && !cause_differs(&cause, &record->incident.cause))
            return true;
    }
    return false;
}

static void settle_cause(struct context *context, struct table *table)
{
    struct failures *failures = table->failures;
    struct incident_record *record = incidents_find(context->incidents, KIND_FAILURES, table);
    if (!record || failures->strays == 0)
        return;
    struct cause cause = table_cause(table);
    if (!cause_differs(&cause, &record->incident.cause))
        return;
    if (!record->times_today && !has_cause_of_another(context, record, table)) {
        incidents_set_cause(context->incidents, record, cause);
    } else if (failures->is_guess || failures->strays >= STRAYS_TO_LEAVE) {
        enum severity severity = severity_of(context, table);
        record = raise_or_move(context, table, severity == SEVERITY_NONE ? SEVERITY_WARNING : severity, record);
        add_excerpt(context, record, table);
        /* Prometheus does not tell causes apart: its alert is as old as the failures. */
        if (failures->streak >= 3)
            prometheus_note(record, failures->first_ms);
    } else {
        return;
    }
    failures->strays = 0;
    failures->is_guess = false;
    tables_touch(context->tables, table, TOUCHED_LIVE);
}

/* What count_stray and settle_cause would find nothing to do about. */
static bool is_settled(const struct table *table)
{
    return table->failures->settled_ms == table->failures->counted_ms && table->failures->strays == 0;
}

static int compare_indexes(const void *a, const void *b)
{
    uint32_t one = *(const uint32_t *)a, other = *(const uint32_t *)b;
    return one < other ? -1 : one > other;
}

/* The tables, by their indexes and in their order, that are not well in an open incident of failures and not settled; the list is the caller's. */
static uint32_t *find_unsettled(const struct context *context, size_t *count)
{
    const struct incident_list *open = &context->incidents->open[KIND_FAILURES];
    uint32_t *found = NULL;
    *count = 0;
    for (size_t i = 0; i < open->count; i++)
        for (size_t j = 0; j < open->at[i]->member_count; j++) {
            const struct member *member = &open->at[i]->members[j];
            if (!member->bad || is_settled(&context->tables->at[member->table]))
                continue;
            found = list_room(found, *count, sizeof *found);
            found[(*count)++] = (uint32_t)member->table;
        }
    if (*count > 1)
        qsort(found, *count, sizeof *found, compare_indexes);
    return found;
}

/* As a rule there is no such incident, and this is asked at each run outside a cycle. */
static void settle_causes(struct context *context)
{
    size_t count;
    if (context->incidents->open[KIND_FAILURES].count == 0)
        return;
    uint32_t *unsettled = find_unsettled(context, &count);
    for (size_t i = 0; i < count; i++)
        count_stray(context, &context->tables->at[unsettled[i]]);
    for (size_t i = 0; i < count; i++)
        settle_cause(context, &context->tables->at[unsettled[i]]);
    free(unsettled);
}

/* --- facts --------------------------------------------------------------------------------------------------- */

/* Probes are asked while something is wrong. What they said before it went wrong is not known to be so now. */
static bool is_quiet(const struct context *context)
{
    for (size_t i = 0; i < context->tables->count; i++)
        if (context->tables->at[i].failures->streak)
            return false;
    for (size_t i = 0; i < context->incidents->count; i++)
        if (context->incidents->records[i]->incident.open)
            return false;
    return true;
}

static void on_failed(struct context *context, struct table *table)
{
    struct failures *failures = table->failures;
    if (context->sources->down_count && is_quiet(context))
        components_forget(context->sources);
    /* Failures within a moment, in a burst of cycles, are one attempt. */
    if (failures->streak > 0 && context->moment->now_ms - failures->counted_ms < schedule_burst(context->schedule))
        return;
    if (failures->streak++ == 0)
        failures->first_ms = context->moment->now_ms;
    failures->counted_ms = context->moment->now_ms;
    enum severity severity = severity_of(context, table);
    explain_failure(context, table, severity);
    if (severity != SEVERITY_NONE)
        raise_failures(context, table, severity);
}

static void failures_on_evidence(struct context *context, struct table *table)
{
    struct incident_record *record = incidents_find(context->incidents, KIND_FAILURES, table);
    if (!record)
        return;
    incidents_note_line(context->incidents, record);
    struct cause cause = table_cause(table);
    if (cause_differs(&cause, &record->incident.cause))
        return;
    incidents_set_cause(context->incidents, record, cause);
    incidents_take_telling(context->incidents, record, table);
}

/*
 * A component is down that explains the failures: the next attempt can only fail as well. So a first failure is critical at once, which
 * nothing but this makes it.
 */
static void on_probe_down(struct context *context, const struct event *event)
{
    components_note_down(context->sources, event->text, event->cause);
    for (size_t i = 0; i < context->tables->count; i++) {
        struct table *table = &context->tables->at[i];
        if (table->failures->streak && component_explains(table, event->text, event->cause)) {
            raise_failures(context, table, SEVERITY_CRITICAL);
            incidents_set_cause(context->incidents, incidents_find(context->incidents, KIND_FAILURES, table),
                                table_cause(table));
        }
    }
}

/*
 * Others than the log know why the table's newest run failed. That comes after the incident may have begun, and makes its cause better. If
 * it makes it another one, the cycle's end decides as always; it may have been before this.
 */
static void on_told(struct context *context, const struct event *event)
{
    struct table *table = tables_find(context->tables, event->table);
    if (!table || !table->last_failed)
        return;
    bool is_new = table_set_told(table, event->text);
    tables_touch(context->tables, table, TOUCHED_LIVE);
    struct incident_record *record = incidents_find(context->incidents, KIND_FAILURES, table);
    if (!record)
        return;
    if (is_new)
        note_told_text(context, record, table);
    struct failures *failures = table->failures;
    if (failures->strays == 0)
        failures->settled_ms = 0; /* what was compared before is not all that is known */
    struct cause cause = table_cause(table);
    if (!cause_differs(&cause, &record->incident.cause)) {
        incidents_set_cause(context->incidents, record, cause);
        incidents_take_telling(context->incidents, record, table);
    } else if (!model_cycle_running(context->model))
        settle_causes(context);
    record = incidents_find(context->incidents, KIND_FAILURES, table);
    if (record)
        incidents_announce(context->incidents, record);
}

/* What a probe says goes into the timeline of each incident that it is news to. */
static void failures_on_event(struct context *context, const struct event *event)
{
    if (event->kind == EVENT_FAILURE_TOLD)
        on_told(context, event);
    if (event->kind == EVENT_PROBE_NOTED || event->kind == EVENT_PROBE_DOWN)
        incidents_note_open(context->incidents, event->number, "probe", event->line);
    if (event->kind == EVENT_PROBE_DOWN)
        on_probe_down(context, event);
    else if (event->kind == EVENT_PROBE_NOTED)
        components_note_other(context->sources, event->text);
}

/* It is not known how much time passed during a set-back, so that the next failure may not be taken for part of a burst. */
static void on_set_back(struct context *context)
{
    settle_causes(context);
    tables_touch_all(context->tables, TOUCHED_LIVE);
    for (size_t i = 0; i < context->tables->count; i++)
        context->tables->at[i].failures->counted_ms = context->tables->at[i].failures->settled_ms = 0;
}

static void failures_fact(struct context *context, const struct fact *fact)
{
    bool is_run = fact->kind == FACT_RUN_FAILED || fact->kind == FACT_RUN_SUCCEEDED;
    if (is_run && !model_cycle_running(context->model))
        settle_causes(context); /* no cycle's end tells that all was said about the last one */
    switch (fact->kind) {
    case FACT_RUN_FAILED: on_failed(context, fact->table); break;
    case FACT_RUN_EVIDENCE: failures_on_evidence(context, fact->table); break;
    case FACT_RUN_SUCCEEDED:
        fact->table->failures->streak = fact->table->failures->strays = 0;
        incidents_clear(context->incidents, KIND_FAILURES, fact->table);
        break;
    case FACT_EVENT: failures_on_event(context, context->moment->event); break;
    case FACT_CYCLE_COMPLETED:
    case FACT_CYCLE_ABORTED: settle_causes(context); break;
    case FACT_SET_BACK: on_set_back(context); break;
    default: break;
    }
}

const struct detector detect_failures = {
    .begin_table = failures_begin_table,
    .hears = HEARS(FACT_RUN_FAILED) | HEARS(FACT_RUN_EVIDENCE) | HEARS(FACT_RUN_SUCCEEDED) | HEARS(FACT_EVENT) |
             HEARS(FACT_CYCLE_COMPLETED) | HEARS(FACT_CYCLE_ABORTED) | HEARS(FACT_SET_BACK),
    .fact = failures_fact,
};

void failures_in_a_row(const struct table *table, int64_t *first_ms, int64_t *counted_ms)
{
    const struct failures *failures = table->failures;
    *first_ms = failures->first_ms;
    *counted_ms = failures->counted_ms;
}

void failures_forget(struct table *table)
{
    *table->failures = (struct failures){ 0 };
}

void failures_archive(struct table *table, struct archive *archive)
{
    struct failures *failures = table->failures;
    saved_i64(archive, "fail.streak", &failures->streak);
    saved_i64(archive, "fail.first", &failures->first_ms);
    saved_i64(archive, "fail.counted", &failures->counted_ms);
    archive_bool(archive, "fail.guess", &failures->is_guess); /* an older agent saved none of these */
    saved_i64(archive, "fail.settled", &failures->settled_ms);
    saved_count(archive, "fail.strays", &failures->strays);
    saved_i64(archive, "fail.strayed", &failures->strayed_ms);
}
