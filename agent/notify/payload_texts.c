/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/budgets.h"
#include "base/cut.h"
#include "base/text.h"
#include "base/zone.h"
#include "payload_private.h"

enum { EVIDENCE_MAX = 2000 }; /* characters: enough for a person, far below every receiver's limit for a body */

static void texts_put_masked(struct masker *masker, const char *text, struct strbuf *out)
{
    struct strbuf masked = { 0 };

    if (text) {
        masker_text(masker, slice_of(text), &masked);
        cut_chars(strbuf_text(&masked), EVIDENCE_MAX, out);
    }
    strbuf_free(&masked);
}

static void texts_put_time(int64_t ms, char out[40])
{
    if (ms != 0)
        zone_format_rfc3339(ms, out);
}

/* "2026-03-03 10:15", of which every part stands in RFC 3339 as well. */
static void texts_put_moment(int64_t ms, struct strbuf *out)
{
    char time[40];
    zone_format_rfc3339(ms, time);
    strbuf_printf(out, "%.10s %.5s", time, time + 11);
}

/* " (UTC+11:00)" */
static void texts_put_zone(int64_t ms, struct strbuf *out)
{
    char time[40];
    zone_format_rfc3339(ms, time);
    strbuf_printf(out, " (UTC%s)", strlen(time) > 23 ? time + 23 : "");
}

/* The zone is said once, behind the onset. */
static void texts_put_moments(struct payload_texts *texts, int64_t since_ms)
{
    const struct message *message = texts->message;
    if (since_ms != 0) {
        texts_put_moment(since_ms, &texts->since);
        texts_put_zone(since_ms, &texts->since);
    }
    if (message->prometheus_ms != 0 && message->prometheus_ms <= message->time_ms)
        texts_put_moment(message->prometheus_ms, &texts->fired);
}

/* --- pages --------------------------------------------------------------------------------------------------- */

const char *payload_page_name(enum payload_page page)
{
    static const char *const names[] = {
        [PAGE_RUNBOOK] = "Runbook",
        [PAGE_INCIDENT] = "This incident",
        [PAGE_DASHBOARD] = "Dashboard",
        [PAGE_ALERTMANAGER] = "Alertmanager",
    };
    return names[page];
}

const char *payload_best_page(const struct payload_texts *texts)
{
    static const enum payload_page order[] = { PAGE_INCIDENT, PAGE_DASHBOARD, PAGE_ALERTMANAGER, PAGE_RUNBOOK };
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
        if (texts->urls[order[i]].len > 0)
            return texts->urls[order[i]].at;
    return NULL;
}

/* Appends text with everything percent-encoded that is not unreserved (RFC 3986, section 2.3). */
static void texts_add_encoded(struct strbuf *out, const char *text)
{
    static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (; *text != '\0'; text++)
        if (strchr(unreserved, *text))
            strbuf_add(out, text, 1);
        else
            strbuf_printf(out, "%%%02X", (unsigned)(unsigned char)*text);
}

static void texts_add_base(struct strbuf *out, const char *base)
{
    size_t len = strlen(base);
    strbuf_printf(out, "%.*s/", (int)(len - (len > 0 && base[len - 1] == '/')), base);
}

/* An Alertmanager's page of alerts shows those whose labels match the filter. */
static void texts_put_alertmanager_page(struct payload_texts *texts, const struct payload_origin *origin)
{
    struct strbuf *url = &texts->urls[PAGE_ALERTMANAGER], filter = { 0 };
    strbuf_printf(&filter, "{alertname=\"%s\",incident=\"%s\"}", texts->alert, texts->incident);
    texts_add_base(url, origin->links->alertmanager);
    strbuf_puts(url, "#/alerts?filter=");
    texts_add_encoded(url, filter.at);
    strbuf_free(&filter);
}

/* A test has no incident, and so neither a page nor a runbook of its own. */
static void texts_put_pages(struct payload_texts *texts, const struct payload_origin *origin)
{
    const struct links *links = origin->links;
    bool is_test = texts->message->incident_id == 0;
    if (!links)
        return;
    runbook_url(links->runbook_base, texts->runbook, &texts->urls[PAGE_RUNBOOK]);
    if (links->dashboard)
        strbuf_puts(&texts->urls[PAGE_DASHBOARD], links->dashboard);
    if (links->serve) {
        texts_add_base(&texts->urls[PAGE_INCIDENT], links->serve);
        strbuf_printf(&texts->urls[PAGE_INCIDENT], "%s%s", is_test ? "" : "incidents/", is_test ? "" : texts->incident);
    }
    if (links->alertmanager)
        texts_put_alertmanager_page(texts, origin);
}

/* --- what is said -------------------------------------------------------------------------------------------- */

/*
 * "RESOLVED offload-1: ...": nothing else has a word before the host, since its line says what it is. A message about several incidents has
 * a line for each of them behind the first.
 */
static void texts_put_first_line(struct payload_texts *texts, const struct payload_origin *origin)
{
    const char *summary = strbuf_text(&texts->summary), *end = summary + strcspn(summary, "\n");
    struct strbuf *line = &texts->first_line;
    strbuf_puts(line, texts->message->status == NOTIFY_RESOLVED ? "RESOLVED " : "");
    cut_chars(origin->host, FIRST_LINE_HOST_MAX_CHARS, line);
    strbuf_printf(line, ": %.*s", (int)(end - summary), summary);
    texts->list = *end ? end + 1 : end;
}

static void parts_add(struct payload_part *parts, size_t *count, enum payload_part_kind kind, const char *name,
                      const char *text)
{
    if (!text || text[0] == '\0')
        return;
    parts[*count].kind = kind;
    parts[*count].name = name;
    parts[(*count)++].text = text;
}

size_t payload_parts(const struct payload_texts *texts, struct payload_part *parts)
{
    const char *ended = texts->ended[0] != '\0' ? "Was wrong since" : "Since";
    size_t count = 0;
    parts_add(parts, &count, PART_LIST, "Incidents", texts->list);
    parts_add(parts, &count, PART_COMMAND, "First command", texts->first_command.at);
    parts_add(parts, &count, PART_WORDS, "Escalated to", texts->message->escalate_to);
    parts_add(parts, &count, PART_WORDS, "Runbook", texts->place.at);
    /* Most first lines end with the cause. */
    if (texts->cause.len > 0 && !strstr(texts->first_line.at, texts->cause.at))
        parts_add(parts, &count, PART_WORDS, "Likely cause", texts->cause.at);
    parts_add(parts, &count, PART_EVIDENCE, "Evidence", texts->evidence.at);
    parts_add(parts, &count, PART_SMALL, "Tables", texts->tables.at);
    parts_add(parts, &count, PART_SMALL, ended, texts->since.at);
    parts_add(parts, &count, PART_SMALL, "Prometheus would have fired at", texts->fired.at);
    return count;
}

void payload_put_headline(const struct payload_input *input, struct strbuf *out)
{
    if (input->count == 1)
        strbuf_puts(out, input->texts[0].first_line.at);
    else
        strbuf_printf(out, "%s: %zu notifications that could not be delivered before", input->origin->host,
                      input->count);
}

size_t payload_first_shown(const struct payload_input *input, size_t most)
{
    return input->count > most ? input->count - most : 0;
}

enum payload_tone payload_tone_of(const struct message *message)
{
    if (message->status == NOTIFY_RESOLVED)
        return TONE_WELL;
    return message->severity == SEVERITY_CRITICAL ? TONE_CRITICAL : TONE_WARNING;
}

void payload_add_fenced(const char *text, struct strbuf *out)
{
    static const char WIDTHLESS[] = "\xe2\x80\x8b";
    for (size_t row = 0; *text != '\0'; text++) {
        row = *text == '`' ? row + 1 : 0;
        if (row == 3) {
            strbuf_puts(out, WIDTHLESS);
            row = 1;
        }
        strbuf_add(out, text, 1);
    }
}

static void texts_put_details(struct payload_texts *texts)
{
    struct payload_part parts[PARTS_MAX];
    size_t count = payload_parts(texts, parts);
    for (size_t i = 0; i < count; i++)
        strbuf_printf(&texts->details, "%s%s: %s", i > 0 ? "\n" : "", parts[i].name, parts[i].text);
}

/*
 * How much of the text is the cause; or, because the line had no more room, the cause without the brackets at its end, or its beginning and an
 * ellipsis. 0: the text does not begin with it.
 */
static size_t texts_cause_bytes(const char *text, const char *cause)
{
    static const char ELLIPSIS[] = "\xe2\x80\xa6";
    enum { BEGINNING = 8 }; /* bytes: no line is cut to less of it */
    size_t len = 0;
    while (cause[len] != '\0' && (text[len] == cause[len] || (text[len] == ' ' && (unsigned char)cause[len] < ' ')))
        len++;
    if (cause[len] == '\0')
        return len;
    bool is_cut = len >= BEGINNING && strncmp(text + len, ELLIPSIS, sizeof ELLIPSIS - 1) == 0;
    size_t without_brackets = cut_len_without_brackets(cause);
    if (is_cut)
        return len + sizeof ELLIPSIS - 1;
    return len >= without_brackets ? without_brackets : 0;
}

/*
 * The summary without what was read from the log: the likely cause may hold words of it, so the scenario's title, which the table of
 * causes has, stands in its place. Of a message about several incidents only the first line is kept, since the causes of each stand in
 * the others.
 */
static void texts_put_bare_summary(const struct message *message, struct strbuf *out)
{
    const char *cause = message->cause && message->cause[0] != '\0' ? message->cause : NULL;
    const char *instead = message->title ? message->title : "likely cause not sent here";
    const char *at = message->summary, *end = at + strcspn(at, "\n");
    while (at < end) {
        size_t len = cause ? texts_cause_bytes(at, cause) : 0;
        if (len > 0)
            strbuf_puts(out, instead);
        else
            strbuf_add(out, at, 1);
        at += len > 0 ? len : 1;
    }
    if (*end != '\0')
        strbuf_puts(out, " (`agent incidents` lists them)");
}

static void texts_put_summary(struct payload_texts *texts, struct masker *masker, const struct webhook_config *webhook)
{
    struct strbuf bare = { 0 };
    if (texts->message->summary && !webhook->evidence) {
        texts_put_bare_summary(texts->message, &bare);
        texts_put_masked(masker, strbuf_text(&bare), &texts->summary);
    } else {
        texts_put_masked(masker, texts->message->summary, &texts->summary);
    }
    strbuf_free(&bare);
}

/* Whoever reads that all is well again is to do nothing, so the end names neither a first command nor a likely cause. */
static void texts_put_advice(struct payload_texts *texts, struct masker *masker, const struct webhook_config *webhook)
{
    const struct message *message = texts->message;
    if (webhook->evidence)
        texts_put_masked(masker, message->evidence, &texts->evidence);
    if (message->status == NOTIFY_RESOLVED)
        return;
    texts_put_masked(masker, webhook->evidence ? message->cause : message->title, &texts->cause);
    texts_put_masked(masker, message->first_command, &texts->first_command);
}

/* An end before the beginning (the clock was set back) would make Alertmanager refuse the whole request. */
static int64_t end_of(const struct message *message, int64_t started_ms)
{
    int64_t end_ms = message->resolved_ms != 0 ? message->resolved_ms : message->time_ms;
    if (message->status != NOTIFY_RESOLVED)
        return 0;
    return end_ms > started_ms ? end_ms : started_ms;
}

void payload_texts_gather(struct payload_texts *texts, struct masker *masker, const struct webhook_config *webhook,
                          const struct payload_origin *origin, const struct message *message)
{
    *texts = (struct payload_texts){ .message = message };
    /* A test has a name of its own, so that rules that route or silence a real alert by its name do not apply to it. */
    texts->alert = message->incident_id != 0 ? alert_name(message->alert) : "IcebergOffloadTest";
    texts->runbook = message->incident_id != 0 ? message->runbook : NULL;
    runbook_words(texts->runbook, message->scenario, message->title, &texts->place);
    scenario_words(message->scenario, message->title, &texts->scenario);
    texts_put_time(message->time_ms, texts->time);
    int64_t since_ms = message->onset_ms != 0 ? message->onset_ms : message->opened_ms;
    texts->started_ms = since_ms != 0 ? since_ms : message->time_ms;
    texts->ended_ms = end_of(message, texts->started_ms);
    texts_put_time(texts->started_ms, texts->started);
    texts_put_time(texts->ended_ms, texts->ended);
    if (message->prometheus_ms <= message->time_ms)
        texts_put_time(message->prometheus_ms, texts->prometheus);
    texts_put_time(since_ms, texts->since_time);
    texts_put_moments(texts, since_ms);
    snprintf(texts->incident, sizeof texts->incident, "%" PRId64, message->incident_id);
    payload_dedup_key(origin, message, &texts->dedup_key);
    for (size_t i = 0; i < message->table_count; i++)
        strbuf_printf(&texts->tables, "%s%s", i > 0 ? ", " : "", message->tables[i]);
    texts_put_summary(texts, masker, webhook);
    texts_put_advice(texts, masker, webhook);
    texts_put_pages(texts, origin);
    texts_put_first_line(texts, origin);
    texts_put_details(texts);
}

void payload_texts_free(struct payload_texts *texts)
{
    struct strbuf *owned[] = {
        &texts->place,   &texts->scenario,      &texts->dedup_key, &texts->tables,
        &texts->summary, &texts->cause,         &texts->evidence,  &texts->since,
        &texts->fired,   &texts->first_command, &texts->details,   &texts->first_line,
    };
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++)
        strbuf_free(owned[i]);
    for (size_t i = 0; i < PAGES; i++)
        strbuf_free(&texts->urls[i]);
}
