/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "words.h"

#include <inttypes.h>
#include <stdio.h>

#include "agent/commands/show/format.h"

static struct brief brief_take(struct strbuf *text)
{
    struct brief brief;
    snprintf(brief.text, sizeof brief.text, "%s", strbuf_text(text));
    strbuf_free(text);
    return brief;
}

struct brief brief_rows_from(unsigned rows_from)
{
    struct strbuf text = { 0 };
    for (int from = ROWS_FROM_LOG; from < ROWS_FROMS; from++)
        if (rows_from & 1U << from)
            strbuf_printf(&text, "%s%s", text.len ? ", " : "", rows_from_name((enum rows_from)from));
    return text.len ? brief_take(&text) : (struct brief){ "log" };
}

struct brief brief_counted(unsigned rows_from)
{
    struct strbuf text = { 0 };
    if (report_has_witness(rows_from))
        strbuf_printf(&text, ", counted by %s", brief_rows_from(rows_from).text);
    return brief_take(&text);
}

struct brief brief_duration(int64_t ms)
{
    struct strbuf text = { 0 };
    format_duration(&text, ms);
    return brief_take(&text);
}

struct brief brief_lasted(int64_t ms)
{
    struct strbuf text = { 0 };
    duration_words(ms, &text);
    return brief_take(&text);
}

struct brief brief_count(int64_t count)
{
    struct strbuf text = { 0 };
    format_count(&text, count);
    return brief_take(&text);
}

int report_offset(const struct report *report)
{
    return format_offset(report->begin_ms);
}

struct brief brief_time(const struct report *report, int64_t ms)
{
    struct strbuf text = { 0 };
    format_time(&text, ms, report_offset(report));
    return brief_take(&text);
}

struct brief brief_clock(const struct report *report, int64_t ms)
{
    struct strbuf text = { 0 };
    format_clock(&text, ms, report_offset(report));
    return brief_take(&text);
}

struct brief brief_baseline(const struct report_baseline *baseline)
{
    struct strbuf text = { 0 };
    strbuf_printf(&text, "%s to %s, median %s", brief_duration(baseline->low_ms).text,
                  brief_duration(baseline->high_ms).text, brief_duration(baseline->median_ms).text);
    return brief_take(&text);
}

const char *plural(int64_t count)
{
    return count == 1 ? "" : "s";
}

void delivery_words(const struct report *report, const struct report_delivery *delivery, struct strbuf *out)
{
    strbuf_printf(out, "%s: %s", delivery->webhook, delivery->status);
    if (delivery->delivered_ms)
        strbuf_printf(out, " at %s, %s", brief_clock(report, delivery->delivered_ms).text,
                      brief_duration(elapsed_ms(delivery->created_ms, delivery->delivered_ms)).text);
    if (delivery->attempts != 1 || delivery->last_error)
        strbuf_printf(out, ", %" PRId64 " attempt%s", delivery->attempts, plural(delivery->attempts));
    if (delivery->last_error && *delivery->last_error)
        strbuf_printf(out, ", last error: %s", delivery->last_error);
}

void lead_words(const struct report_incident *incident, struct strbuf *out)
{
    int64_t lead_ms;
    if (report_incident_lead(incident, &lead_ms) && lead_ms > 0)
        strbuf_printf(out, "paged %s before Prometheus would have", brief_duration(lead_ms).text);
    else if (report_incident_lead(incident, &lead_ms) && lead_ms < 0)
        strbuf_printf(out, "paged %s after Prometheus would have", brief_duration(-lead_ms).text);
    else if (report_incident_lead(incident, &lead_ms))
        strbuf_puts(out, "paged at the moment when Prometheus would have");
    else if (!incident->notified_ms)
        strbuf_puts(out, incident->silenced ? "nobody was paged: a silence was in force" : "nobody was paged");
    else if (report_incident_is_own(incident))
        strbuf_puts(out, "it does not watch the agent");
    else
        strbuf_puts(out, incident->open ? "it would not have fired yet" : "it would not have fired");
}
