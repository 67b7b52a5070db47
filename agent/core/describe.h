/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CORE_DESCRIBE_H
#define CORE_DESCRIBE_H

#include <stdint.h>

#include "base/strbuf.h"
#include "incident.h"

struct incident_record;
struct tables;

/* Adds the summary of a notification that is sent at now_ms (the engine's time). */
void describe_incident(const struct incident_record *record, const struct tables *tables,
                       enum notification_status status, int64_t now_ms, struct strbuf *out);
/* Adds a duration in words: "4.2 s", "45 s", "31 min", "2 h 05 min". A negative one counts as 0. */
void describe_duration(int64_t duration_ms, struct strbuf *out);

#endif
