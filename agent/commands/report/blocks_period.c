/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The figures of a period. */
#include <inttypes.h>
#include <time.h>

#include "blocks.h"
#include "words.h"

/* Rounded down: 100 % is said only where nothing was lost. */
static void share_add(struct facts *facts, const char *label, int64_t part, int64_t whole, const char *of_what)
{
    int64_t hundredths = whole > 0 ? (int64_t)((double)part * 10000.0 / (double)whole) : 0;
    if (whole > 0)
        facts_add(facts, label, TONE_PLAIN, "%" PRId64 ".%02d %% of %s", hundredths / 100, (int)(hundredths % 100),
                  of_what);
}

/* Signed, because some pages come after Prometheus's. */
static void add_lead(const char *which, int64_t lead_ms, struct strbuf *out)
{
    strbuf_printf(out, "%s%s %s", which, brief_duration(lead_ms < 0 ? -lead_ms : lead_ms).text,
                  lead_ms < 0 ? "later" : "earlier");
}

static void add_leads(const struct report_totals *totals, struct strbuf *out)
{
    add_lead("; in the median ", totals->lead_median_ms, out);
    add_lead(", at worst ", totals->lead_least_ms, out);
}

void facts_add_unobserved(struct facts *facts, const struct report *report)
{
    struct strbuf why = { 0 };
    if (report->unobserved_ms == 0)
        return;
    if (report->history_begins_ms > report->since_ms)
        strbuf_printf(&why, "; the history begins at %s", brief_time(report, report->history_begins_ms).text);
    if (report->as_of_ms < report->until_ms)
        strbuf_printf(&why, "; it ends at %s", brief_time(report, report->as_of_ms).text);
    if (report->log_unread_ms)
        strbuf_printf(&why, "; the log could not be read for %s", brief_lasted(report->log_unread_ms).text);
    facts_add(facts, "Not observed", TONE_WARNING, "%s of %s%s", brief_lasted(report->unobserved_ms).text,
              brief_lasted(report->until_ms - report->since_ms).text, strbuf_text(&why));
    strbuf_free(&why);
}

/* "2026-03-03T00:00:00Z": an address says a time as no zone of a reader changes it. */
static void add_moment(int64_t ms, struct strbuf *out)
{
    char text[32];
    time_t seconds = ms / 1000;
    struct tm utc;
    if (gmtime_r(&seconds, &utc) && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc) > 0)
        strbuf_puts(out, text);
}

void facts_add_page(struct facts *facts, const struct report *report)
{
    struct strbuf url = { 0 };
    const char *base = report->serve_base;
    size_t len = base ? strlen(base) : 0;
    if (len == 0)
        return;
    strbuf_printf(&url, "%.*s/", (int)(len - (base[len - 1] == '/')), base);
    if (report->kind == REPORT_INCIDENT) {
        strbuf_printf(&url, "incidents/%" PRId64, report->incident.id);
    } else {
        strbuf_puts(&url, "report?since=");
        add_moment(report->since_ms, &url);
        strbuf_puts(&url, "&until=");
        add_moment(report->until_ms, &url);
    }
    facts_add(facts, "Live page", TONE_PLAIN, "%s", url.at);
    facts->at[facts->count - 1].form = FACT_LINK;
    strbuf_free(&url);
}

static void leads_add(struct facts *facts, const struct report_totals *totals)
{
    struct strbuf lead = { 0 };
    if (totals->earlier || totals->later)
        add_leads(totals, &lead);
    if (totals->earlier || totals->later || totals->unseen)
        facts_add(facts, "Prometheus", totals->later ? TONE_WARNING : TONE_GOOD,
                  "paged before it would have: %" PRId64 ", after it: %" PRId64
                  ", where it would not have fired: %" PRId64 "%s",
                  totals->earlier, totals->later, totals->unseen, strbuf_text(&lead));
    strbuf_free(&lead);
}

struct facts facts_period(const struct report *report)
{
    const struct report_totals *totals = &report->totals;
    int64_t observed_ms = elapsed_ms(report->unobserved_ms, report->until_ms - report->since_ms);
    enum tone tone = totals->critical ? TONE_CRITICAL : totals->warning ? TONE_WARNING : TONE_GOOD;
    struct facts facts = { 0 };
    facts_add(&facts, "Incidents", tone, "%zu (%" PRId64 " critical, %" PRId64 " warning)", report->incidents.count,
              totals->critical, totals->warning);
    share_add(&facts, "Availability", observed_ms - totals->critical_ms, observed_ms,
              "the observed time without a critical incident of the pipeline");
    facts_add_unobserved(&facts, report);
    share_add(&facts, "Success rate", totals->good_runs, totals->runs, "the runs");
    facts_add(&facts, "Cycles", TONE_PLAIN, "%s", brief_count(totals->cycles).text);
    facts_add(&facts, "Cycle duration", TONE_PLAIN, "median %s, p95 %s, longest %s",
              brief_duration(totals->p50_ms).text, brief_duration(totals->p95_ms).text,
              brief_duration(totals->longest_ms).text);
    facts_add(&facts, "Slow cycles", totals->slow ? TONE_WARNING : TONE_PLAIN,
              "%" PRId64 " over %s, %" PRId64 " over %s", totals->slow, brief_duration(report->slow_ms).text,
              totals->too_slow, brief_duration(report->too_slow_ms).text);
    facts_add(&facts, "Missed slots", TONE_PLAIN, "%s", brief_count(totals->missed).text);
    facts_add(&facts, "Rows", TONE_PLAIN, "%s%s", brief_count(totals->rows).text,
              brief_counted(totals->rows_from).text);
    if (totals->resolved)
        facts_add(&facts, "Time to recover", TONE_PLAIN, "mean %s, median %s, from the onset (%" PRId64 " resolved)",
                  brief_lasted(totals->recover_mean_ms).text, brief_lasted(totals->recover_median_ms).text,
                  totals->resolved);
    leads_add(&facts, totals);
    facts_add_page(&facts, report);
    return facts;
}
