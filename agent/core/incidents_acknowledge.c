/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "clip.h"
#include "incidents.h"

/* What people say about incidents with `agent ack`. It arrives as it is stored, and may be read again and again. */

static struct incident_record *find_open(const struct incidents *incidents, int64_t id)
{
    for (size_t i = 0; i < incidents->count; i++)
        if (incidents->records[i]->incident.id == id && incidents->records[i]->incident.open)
            return incidents->records[i];
    return NULL;
}

/* When it was said, in the engine's time. Whoever may write the history may write any time, so it lies between the opening and now. */
static int64_t said_at(const struct incidents *incidents, const struct incident_record *record, int64_t wall_ms)
{
    int64_t now_ms = incidents->moment->now_ms, opened_ms = record->incident.opened_ms;
    int64_t at_ms = moment_engine_ms(incidents->moment, time_sum(wall_ms, 0));
    return at_ms > now_ms ? now_ms : at_ms < opened_ms ? opened_ms : at_ms;
}

static void note_said(struct incidents *incidents, const struct incident_record *record, int64_t at_ms,
                      const char *what, const char *by, const char *note)
{
    struct strbuf text = { 0 };
    strbuf_printf(&text, "%s by %s%s%s", what, by && *by ? by : "somebody", note && *note ? ": " : "",
                  note ? note : "");
    char *words = clipped_copy(strbuf_slice(&text), WHAT_MAX_BYTES);
    incidents_note_at(incidents, record, at_ms, "acknowledged", words);
    free(words);
    strbuf_free(&text);
}

bool incidents_acknowledge(struct incidents *incidents, const struct acknowledgement *acknowledgement)
{
    struct incident_record *record = find_open(incidents, acknowledgement->incident_id);
    int64_t holds = acknowledgement->undone_ms ? 0 : acknowledgement->id;
    if (!record || record->acknowledgement == holds)
        return false;
    record->acknowledgement = holds;
    record->incident.acknowledged_ms = holds ? said_at(incidents, record, acknowledgement->at_ms) : 0;
    if (holds)
        note_said(incidents, record, record->incident.acknowledged_ms, "Acknowledged", acknowledgement->by,
                  acknowledgement->note);
    else
        note_said(incidents, record, said_at(incidents, record, acknowledgement->undone_ms),
                  "Acknowledgement taken back", acknowledgement->undone_by, NULL);
    incidents_store(incidents, record);
    return true;
}
