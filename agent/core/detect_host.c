/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "detector.h"

#include <stdlib.h>

#include "clip.h"

/*
 * What the host itself says while something is wrong, a full disk or a stopped process, and what Prefect's API says then. It goes into the
 * timeline of the open incidents, and is the cause of those that it explains and that have none.
 */

struct host_explanation {
    const char *kind; /* of the trouble, as in the table of causes */
    enum incident_kind explains;
};

static const struct host_explanation explanations[] = {
    { "log-disk-full", KIND_DOWN },           { "process-stopped", KIND_DOWN },
    { "process-waits", KIND_DOWN },           { "warehouse-disk-full", KIND_FAILURES },
    { "deployment-paused", KIND_DOWN },       { "prefect-worker-offline", KIND_DOWN },
    { "prefect-runs-late", KIND_DOWN },       { "prefect-server-down", KIND_DOWN },
    { "prefect-server-down", KIND_FAILURES }, { "deployment-paused", KIND_LAG },
};

static bool explains(struct slice kind, enum incident_kind incident)
{
    for (size_t i = 0; i < sizeof explanations / sizeof explanations[0]; i++)
        if (slice_equals(kind, explanations[i].kind) && explanations[i].explains == incident)
            return true;
    return false;
}

static void host_set_causes(struct context *context, const struct event *event)
{
    char *kind = clipped_copy(event->cause, CAUSE_NAME_MAX_BYTES), *words = clipped_copy(event->line, WHAT_MAX_BYTES);
    for (size_t i = 0; i < context->incidents->count; i++) {
        struct incident_record *record = context->incidents->records[i];
        if (!record->incident.open || !explains(event->cause, record->kind) || cause_is_known(&record->incident.cause))
            continue;
        struct cause cause = cause_of_kind(context->sources, kind);
        cause.words = words;
        cause.id = kind;
        incidents_explain(context->incidents, record, cause);
    }
    free(kind);
    free(words);
}

static void host_fact(struct context *context, const struct fact *fact)
{
    const struct event *event = context->moment->event;
    (void)fact;
    if (event->kind == EVENT_MAINTENANCE_FAILED)
        incidents_note_open(context->incidents, 0, "note", event->text);
    if (event->kind != EVENT_HOST_NOTED)
        return;
    incidents_note_open(context->incidents, event->number, "probe", event->line);
    host_set_causes(context, event);
}

const struct detector detect_host = { .hears = HEARS(FACT_EVENT), .fact = host_fact };
