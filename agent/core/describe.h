/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_DESCRIBE_H
#define CORE_DESCRIBE_H

#include "first_line.h"
#include "incident.h"

struct incident_record;
struct incidents;

/* LINE_KEPT: for the history, without what runs on (first_line_as_of adds that). */
enum line_use { LINE_SENT, LINE_KEPT };

/*
 * Adds the first line of a notification that is sent now. The faces put the host before it, and before that
 * "RESOLVED " when it is over; with both it has at most FIRST_LINE_MAX_CHARS characters.
 */
void describe_incident(const struct incidents *incidents, const struct incident_record *record,
                       enum notification_status status, enum line_use use, struct strbuf *out);
/* Likewise for one that tells of so many incidents, of which this is the most urgent: "4 incidents: no new data for ...". */
void describe_combined(const struct incidents *incidents, const struct incident_record *record,
                       enum notification_status status, size_t count, struct strbuf *out);
/* Who is told when it is escalated. */
const char *incident_escalate_to(const struct incident_record *record);

#endif
