/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NOTIFY_PAYLOAD_PRIVATE_H
#define NOTIFY_PAYLOAD_PRIVATE_H

#include <stdbool.h>

#include "base/json.h"
#include "payload.h"

/* A message as texts that may leave the host: secrets are masked and times written out. The formats share it. */
struct payload_texts {
    const struct message *message;
    char time[40], started[40], ended[40], prometheus[40]; /* RFC 3339; "" for what has not happened */
    char incident[24];
    const char *alert;
    const char *runbook;           /* the file; NULL: none */
    struct strbuf runbook_url;     /* empty: no link */
    struct strbuf place, scenario; /* "FILE, scenario 2: TITLE", and without the file; empty: none */
    struct strbuf dedup_key, tables, summary, cause, first_command, evidence;
};

/* Appends how a person is told what this is about: "CRITICAL IcebergOffloadLagCritical", "RESOLVED ...". */
void payload_title(const struct payload_texts *texts, struct strbuf *out);

/* Puts the labels that identify an alert. They are the same from its first notification to its end. */
void payload_put_labels(struct json_writer *json, const char *key, const struct payload_origin *origin,
                        const struct payload_texts *texts);

/* Puts all that is said about an alert, as keys of the object that is open. */
void payload_put_annotations(struct json_writer *json, const struct payload_texts *texts, enum payload_length length);

/* What a format makes a body of. */
struct payload_input {
    const struct payload_origin *origin;
    const struct payload_texts *texts; /* count of them, oldest first; at least one */
    size_t count;
    enum payload_length length;
    int64_t now_ms;
};
void format_generic(const struct payload_input *input, struct json_writer *json);
void format_slack(const struct payload_input *input, struct json_writer *json);
void format_pagerduty(const struct payload_input *input, struct json_writer *json);
void format_alertmanager(const struct payload_input *input, struct json_writer *json);

/* The 64-bit FNV-1a hash of text as 16 hexadecimal digits. */
void payload_hash(const char *text, char out[17]);

#endif
