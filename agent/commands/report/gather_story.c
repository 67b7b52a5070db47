/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The timeline of an incident: what the agent saw, what it sent and whether that arrived, and when Prometheus would have fired. */
#include <stdlib.h>

#include "agent/commands/show/query.h"
#include "agent/commands/show/terminal.h"
#include "gather.h"
#include "silence.h"

static struct report_event *story_add(struct report *report, int64_t at_ms, enum report_mark mark, const char *kind,
                                      const char *text)
{
    report->events = list_room(report->events, report->event_count, sizeof *report->events);
    struct report_event *event = &report->events[report->event_count];
    *event = (struct report_event){
        .at_ms = at_ms,
        .order = (int64_t)report->event_count,
        .offset = -1,
        .mark = mark,
        .kind = must_copy(kind, strlen(kind)),
        .text = must_copy(text ? text : "", text ? strlen(text) : 0),
    };
    report->event_count++;
    return event;
}

static enum report_mark mark_of(const struct report *report, const char *kind, int64_t at_ms)
{
    if (strcmp(kind, "opened") == 0)
        return report->incident.critical_ms == at_ms ? MARK_CRITICAL : MARK_WARNING;
    if (strcmp(kind, "critical") == 0)
        return MARK_CRITICAL;
    if (strcmp(kind, "resolved") == 0 || strcmp(kind, "verified") == 0)
        return MARK_GOOD;
    return strcmp(kind, "evidence") == 0 ? MARK_EVIDENCE : MARK_NOTE;
}

/* Without what has a table of its own: notifications, and acknowledgements, which are there before the agent has noted them. */
static void timeline_gather(struct report *report, struct query *query)
{
    query_ask(query,
              "SELECT at, kind, text, coalesce(log_offset, -1) FROM timeline"
              " WHERE incident_id = ?1 AND kind <> 'notified' AND (kind <> 'acknowledged'"
              " OR NOT EXISTS (SELECT 1 FROM acknowledgement WHERE incident_id = ?1)) ORDER BY id",
              &report->incident.id, 1);
    while (query_next(query)) {
        char *kind = query_text(query, 1), *text = query_text(query, 2);
        /* The history calls it so when an incident becomes critical. People call it escalated when the Engineering Lead is told. */
        if (kind && strcmp(kind, "escalated") == 0) {
            free(kind);
            kind = must_copy("critical", strlen("critical"));
        }
        struct report_event *event = story_add(report, query_time(query, 0), MARK_NOTE, kind ? kind : "note", text);
        event->mark = mark_of(report, event->kind, event->at_ms);
        event->offset = query_int(query, 3);
        free(kind);
        free(text);
    }
}

static void deliveries_gather(struct report *report, struct query *query)
{
    query_ask(query,
              "SELECT notification_id, webhook, status, last_error, attempts, created_at, delivered_at FROM outbox"
              " WHERE incident_id = ?1 ORDER BY notification_id, id",
              &report->incident.id, 1);
    while (query_next(query)) {
        report->deliveries = list_room(report->deliveries, report->delivery_count, sizeof *report->deliveries);
        report->deliveries[report->delivery_count++] = (struct report_delivery){
            query_int(query, 0),   query_text_or_empty(query, 1), query_text_or_empty(query, 2), query_text(query, 3),
            query_count(query, 4), query_time(query, 5),          query_time(query, 6),
        };
    }
}

/* Both are in the order of the notifications' numbers: *next is the first delivery that may belong to this one or to a later one. */
static void deliveries_attach(const struct report *report, struct report_event *event, int64_t notification_id,
                              size_t *next)
{
    while (*next < report->delivery_count && report->deliveries[*next].notification_id < notification_id)
        ++*next;
    event->first_delivery = *next;
    while (*next < report->delivery_count && report->deliveries[*next].notification_id == notification_id)
        ++*next;
    event->delivery_count = *next - event->first_delivery;
}

static void notifications_gather(struct report *report, struct query *query)
{
    size_t next_delivery = 0;
    query_ask(query,
              "SELECT id, at, status, severity, summary, escalate_to, silenced FROM notification"
              " WHERE incident_id = ?1 ORDER BY id",
              &report->incident.id, 1);
    while (query_next(query)) {
        char *status = query_text_or_empty(query, 2), *severity = query_text_or_empty(query, 3);
        char *summary = query_text_or_empty(query, 4);
        char *whom = query_text(query, 5);
        struct strbuf text = { 0 };
        strbuf_printf(&text, "%s, %s%s%s%s: %s", status, severity, whom ? ", to " : "", whom ? whom : "",
                      query_int(query, 6) ? ", held back by a silence" : "", summary);
        struct report_event *event =
            story_add(report, query_time(query, 1), MARK_NOTIFIED, "notified", strbuf_text(&text));
        deliveries_attach(report, event, query_int(query, 0), &next_delivery);
        if (whom) {
            free(report->escalated_to);
            report->escalated_to = whom;
        }
        free(status);
        free(severity);
        free(summary);
        strbuf_free(&text);
    }
}

static void acknowledgements_gather(struct report *report, struct query *query)
{
    query_ask(query,
              "SELECT at, by_name, note, undone_at, undone_by FROM acknowledgement WHERE incident_id = ?1 ORDER BY id",
              &report->incident.id, 1);
    while (query_next(query)) {
        char *by = query_text_or_empty(query, 1), *note = query_text_or_empty(query, 2);
        char *undone_by = query_text_or_empty(query, 4);
        bool holds = query_time(query, 3) == 0;
        struct strbuf text = { 0 };
        strbuf_printf(&text, "%sby %s%s%s", holds ? "" : "acknowledged ", *by ? by : "somebody", *note ? ": " : "",
                      note);
        story_add(report, query_time(query, 0), holds ? MARK_ACKNOWLEDGED : MARK_NOTE, holds ? "acknowledged" : "note",
                  strbuf_text(&text));
        strbuf_clear(&text);
        strbuf_printf(&text, "acknowledgement taken back by %s", *undone_by ? undone_by : "somebody");
        if (!holds)
            story_add(report, query_time(query, 3), MARK_NOTE, "note", strbuf_text(&text));
        strbuf_free(&text);
        free(by);
        free(note);
        free(undone_by);
    }
}

/* "warnings, table bronze_*: reason"; only the reason if all was held back. */
static void silence_story(struct query *query, const char *reason, struct strbuf *out)
{
    char *alert = query_text(query, 3), *table = query_text(query, 4);
    bool all = strcmp(query_word(query, 5), severity_name(SEVERITY_CRITICAL)) == 0;
    const struct silence_scope scope = { { &alert, alert != NULL },
                                         { &table, table != NULL },
                                         all ? SEVERITY_CRITICAL : SEVERITY_WARNING };
    if (alert || table || !all)
        silence_scope_words(&scope, out);
    strbuf_printf(out, "%s%s", out->len && reason ? ": " : "", reason ? reason : "");
    free(alert);
    free(table);
}

static void silences_gather(struct report *report, struct query *query)
{
    int64_t values[] = { report->begin_ms, report->end_ms, report->incident.id };
    query_ask(query,
              "SELECT starts_at, min(ends_at, coalesce(nullif(ended_at, 0), ends_at)) AS until_at, reason,"
              " alert_glob, table_glob, max_severity FROM silence s JOIN incident i ON i.id = ?3"
              " WHERE starts_at <= ?2 AND until_at >= ?1"
              " AND (alert_glob IS NULL OR i.alert GLOB alert_glob OR substr(i.alert, 15) GLOB alert_glob)"
              " AND (table_glob IS NULL OR (json_valid(i.tables) AND EXISTS"
              " (SELECT 1 FROM json_each(i.tables) WHERE value GLOB table_glob))) ORDER BY starts_at",
              values, 3);
    while (query_next(query)) {
        report->silences = list_room(report->silences, report->silence_count, sizeof *report->silences);
        struct report_silence *silence = &report->silences[report->silence_count++];
        struct strbuf words = { 0 };
        *silence = (struct report_silence){ query_time(query, 0), query_time(query, 1), query_text(query, 2) };
        silence_story(query, silence->reason, &words);
        story_add(report, silence->starts_ms, MARK_NOTE, "silence begins", strbuf_text(&words));
        strbuf_free(&words);
        if (silence->ends_ms <= report->until_ms)
            story_add(report, silence->ends_ms, MARK_NOTE, "silence ends", NULL);
    }
}

int64_t report_acknowledged(const struct report *report, const char **how)
{
    int64_t at_ms = 0;
    *how = "by a silence";
    for (size_t i = 0; i < report->silence_count && !at_ms; i++)
        if (report->silences[i].starts_ms >= report->incident.opened_ms)
            at_ms = report->silences[i].starts_ms;
    for (size_t i = 0; i < report->event_count; i++) {
        const struct report_event *event = &report->events[i];
        if (strcmp(event->kind, "acknowledged") == 0 && (!at_ms || event->at_ms <= at_ms)) {
            at_ms = event->at_ms;
            *how = *event->text ? event->text : "by somebody";
        }
    }
    return at_ms;
}

static int event_compare(const void *left, const void *right)
{
    const struct report_event *a = left, *b = right;
    if (a->at_ms != b->at_ms)
        return a->at_ms < b->at_ms ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

void gather_timeline(struct report *report, struct query *query)
{
    const struct report_incident *incident = &report->incident;
    story_add(report, incident->onset_ms, MARK_ONSET, "onset", "the last moment when all was well");
    timeline_gather(report, query);
    deliveries_gather(report, query);
    notifications_gather(report, query);
    acknowledgements_gather(report, query);
    silences_gather(report, query);
    if (incident->prometheus_ms)
        story_add(report, incident->prometheus_ms, MARK_PROMETHEUS, "prometheus",
                  "its alert would have fired, if it worked as meant");
    if (report->event_count > 1)
        qsort(report->events, report->event_count, sizeof *report->events, event_compare);
    fold_story(report);
}
