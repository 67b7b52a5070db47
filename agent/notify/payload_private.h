/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NOTIFY_PAYLOAD_PRIVATE_H
#define NOTIFY_PAYLOAD_PRIVATE_H

#include <stdbool.h>

#include "base/json.h"
#include "payload.h"

/* What the formats share. A message as texts that may leave the host: secrets masked, times as RFC 3339. */
struct facts {
    const struct message *message;
    char time[40], started[40], ended[40], prometheus[40]; /* "" where it has not happened */
    char incident[24];
    const char *alert, *runbook; /* names; runbook may be NULL */
    struct strbuf dedup_key, tables, summary, cause, first_command, evidence;
};

/* "CRITICAL IcebergOffloadLagCritical", "RESOLVED ...": how a person is told what this is about. */
void facts_title(const struct facts *facts, struct strbuf *out);

/* The labels that identify an alert, the same from its first notification to its end; and all that is said about it. */
void payload_labels(struct json_writer *json, const char *key, const struct payload_origin *origin,
                    const struct facts *facts);
void payload_annotations(struct json_writer *json, const char *key, const struct facts *facts, bool shortest);
void payload_annotation_fields(struct json_writer *json, const struct facts *facts, bool shortest);

/* One format each. */
struct payload_job {
    const struct payload_origin *origin;
    const struct facts *facts; /* oldest first */
    size_t count;
    bool shortest;
    int64_t now_ms;
};
void payload_generic(const struct payload_job *job, struct json_writer *json);
void payload_slack(const struct payload_job *job, struct json_writer *json);
void payload_pagerduty(const struct payload_job *job, struct json_writer *json);
void payload_alertmanager(const struct payload_job *job, struct json_writer *json);

/* FNV-1a, 64 bits, as 16 hex digits. */
void payload_hash(const char *text, char out[17]);

#endif
