/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The figures of a period. */
#include <inttypes.h>

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

static void leads_add(struct facts *facts, const struct report_totals *totals)
{
    struct strbuf lead = { 0 };
    if (totals->earlier || totals->later)
        strbuf_printf(&lead, "; median lead %s, least %s", brief_duration(totals->lead_median_ms).text,
                      brief_duration(totals->lead_least_ms).text);
    if (totals->earlier || totals->later || totals->unseen)
        facts_add(facts, "Lead", totals->later ? TONE_WARNING : TONE_GOOD,
                  "earlier than Prometheus %" PRId64 " times, later %" PRId64 ", %" PRId64 " it would not have seen%s",
                  totals->earlier, totals->later, totals->unseen, strbuf_text(&lead));
    strbuf_free(&lead);
}

struct facts facts_period(const struct report *report)
{
    const struct report_totals *totals = &report->totals;
    int64_t whole_ms = report->until_ms - report->since_ms;
    enum tone tone = totals->critical ? TONE_CRITICAL : totals->warning ? TONE_WARNING : TONE_GOOD;
    struct facts facts = { 0 };
    facts_add(&facts, "Incidents", tone, "%zu (%" PRId64 " critical, %" PRId64 " warning)", report->incidents.count,
              totals->critical, totals->warning);
    share_add(&facts, "Availability", whole_ms - totals->critical_ms, whole_ms, "the time without a critical incident");
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
        facts_add(&facts, "Time to recover", TONE_PLAIN, "mean %s, median %s (%" PRId64 " resolved)",
                  brief_duration(totals->recover_mean_ms).text, brief_duration(totals->recover_median_ms).text,
                  totals->resolved);
    leads_add(&facts, totals);
    return facts;
}
