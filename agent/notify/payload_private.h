/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NOTIFY_PAYLOAD_PRIVATE_H
#define NOTIFY_PAYLOAD_PRIVATE_H

#include <stdbool.h>

#include "base/json.h"
#include "payload.h"

/* The pages that a notification links to, the most useful one first. */
enum payload_page { PAGE_RUNBOOK, PAGE_INCIDENT, PAGE_DASHBOARD, PAGE_ALERTMANAGER, PAGES };

/* A message as texts that may leave the host: secrets are masked and times written out. The formats share it. */
struct payload_texts {
    const struct message *message;
    char time[40], started[40], ended[40], prometheus[40]; /* RFC 3339; "" for what has not happened */
    int64_t started_ms, ended_ms;                          /* the onset, where it is known; 0: it has not ended */
    char incident[24];
    const char *alert;
    const char *runbook;           /* the file; NULL: none */
    struct strbuf place, scenario; /* "FILE, scenario 2: TITLE", and without the file; empty: none */
    struct strbuf urls[PAGES];     /* empty: no such page is configured */
    struct strbuf dedup_key, tables, summary, cause, first_command, evidence;
    struct strbuf first_line; /* what a phone shows: which host, and what is wrong or well again */
    const char *list;         /* of a message about several incidents: a line for each; "" for one */
    char since_time[40];      /* the onset as RFC 3339; "" likewise */
    struct strbuf since;      /* the onset, in words: "2026-03-03 10:15 (UTC+11:00)"; empty: not known */
    struct strbuf fired;      /* when Prometheus would have fired, likewise but without the zone */
    struct strbuf details;    /* all that a description says beside the first line, a line for each thing */
};

/* Fills *texts, which payload_texts_free frees. */
void payload_texts_gather(struct payload_texts *texts, struct masker *masker, const struct webhook_config *webhook,
                          const struct payload_origin *origin, const struct message *message);
void payload_texts_free(struct payload_texts *texts);

/* A thing that is said about an incident beside the first line. PART_SMALL is of interest later. */
enum payload_part_kind { PART_WORDS, PART_LIST, PART_COMMAND, PART_EVIDENCE, PART_SMALL };
struct payload_part {
    enum payload_part_kind kind;
    const char *name, *text;
};
enum { PARTS_MAX = 10 };
/* Fills parts, of which there are PARTS_MAX, in the order in which a person needs them. Returns their count. */
size_t payload_parts(const struct payload_texts *texts, struct payload_part *parts);

/* How the link to a page is called. */
const char *payload_page_name(enum payload_page page);
/* Returns the URL of the incident's own page, or else of a page that shows more about it; NULL: there is none. */
const char *payload_best_page(const struct payload_texts *texts);

/* Puts the labels that identify an alert. They are the same from its first notification to its end. */
void payload_put_labels(struct json_writer *json, const char *key, const struct payload_origin *origin,
                        const struct payload_texts *texts);

/* Puts all that is said about an alert, as keys of the object that is open. */
void payload_put_annotations(struct json_writer *json, const struct payload_texts *texts, enum payload_length length);

/* What a format makes a body of. */
struct payload_input {
    const struct webhook_config *webhook;
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
void format_ntfy(const struct payload_input *input, struct json_writer *json);
void format_teams(const struct payload_input *input, struct json_writer *json);
void format_discord(const struct payload_input *input, struct json_writer *json);
void format_telegram(const struct payload_input *input, struct json_writer *json);
void format_template(const struct payload_input *input, struct json_writer *json);
void format_email(const struct payload_input *input, struct json_writer *json); /* writes text, not JSON */

/*
 * A message on its own has the parts of its newest one. Several have a headline, "N notifications that could not be delivered before",
 * and a line for each of the newest ones: payload_first_shown is the index of the oldest of at most most that are shown.
 */
void payload_put_headline(const struct payload_input *input, struct strbuf *out);
size_t payload_first_shown(const struct payload_input *input, size_t most);

/* How a client marks a message: green for an end, red for a critical, else yellow. */
enum payload_tone { TONE_WELL, TONE_WARNING, TONE_CRITICAL };
enum payload_tone payload_tone_of(const struct message *message);

/* Appends text for a code block that three backticks end: a blank of no width parts them. */
void payload_add_fenced(const char *text, struct strbuf *out);

/* The 64-bit FNV-1a hash of text as 16 hexadecimal digits. */
void payload_hash(const char *text, char out[17]);

#endif
