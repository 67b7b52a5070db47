/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "page_overview.h"

#include <inttypes.h>
#include <stdlib.h>

#include "agent/commands/report/report.h"
#include "agent/commands/show/format.h"
#include "base/fnv.h"
#include "incident.h"
#include "page_lags.h"
#include "page_screen.h"

enum { LAGS_SHOWN = 12 };
static const int64_t DAY_MS = 86400000;

static enum tone tone_of_level(enum status_level level)
{
    static const enum tone tones[] = { TONE_GOOD, TONE_WARNING, TONE_CRITICAL, TONE_WARNING };
    return tones[level];
}

/* --- How old it is ---------------------------------------------------------------------------------------------- */

/* Somebody who looks at a screen must not take what was for what is. */
static void put_alarm(const struct status *status, struct strbuf *out)
{
    int offset = format_offset(status->now_ms);
    bool is_unwritten = status->agent == AGENT_RUNNING && status->trouble.failures > 0;
    if (status->agent == AGENT_RUNNING && !is_unwritten)
        return;
    if (status->agent == AGENT_NEVER) {
        strbuf_puts(out, status->is_replay
                             ? "<p class=\"alarm plain\">No agent ever ran on this history, which a replay filled. "
                               "All that follows is as of its end, "
                             : "<p class=\"alarm warning\" role=\"alert\">No agent ever ran on this history. All that "
                               "follows is as of ");
    } else {
        strbuf_puts(out, is_unwritten
                             ? "<p class=\"alarm critical\" role=\"alert\">The agent runs, but it cannot write "
                               "its history. All that follows is as of "
                             : "<p class=\"alarm critical\" role=\"alert\">The agent is not running: nobody "
                               "watches the pipeline. All that follows is as of ");
    }
    format_time(out, status->as_of_ms, offset);
    if (!status->is_replay) {
        strbuf_puts(out, ", which is ");
        format_duration(out, (status->now_ms - status->as_of_ms) / 1000 * 1000);
        strbuf_puts(out, " ago");
    }
    strbuf_puts(out, ".</p>\n");
}

/* --- What is open ----------------------------------------------------------------------------------------------- */

static void put_open_runbook(const struct status *status, const struct status_incident *incident, struct strbuf *out)
{
    struct strbuf words = { 0 }, url = { 0 };
    if (!incident->runbook)
        return;
    runbook_words(incident->runbook, incident->scenario, incident->scenario_title, &words);
    bool has_url = runbook_url(status->runbook_base, incident->runbook, &url);
    strbuf_puts(out, "<p class=\"note\">Runbook: ");
    page_text(out, has_url ? "<a href=\"" : "", strbuf_text(&url), has_url ? "\">" : "");
    page_text(out, "", strbuf_text(&words), has_url ? "</a></p>\n" : "</p>\n");
    strbuf_free(&words);
    strbuf_free(&url);
}

static void put_acknowledged(const struct status_incident *incident, int offset, struct strbuf *out)
{
    const char *by = incident->acknowledged_by, *note = incident->acknowledgement_note;
    if (!incident->acknowledged_ms)
        return;
    page_text(out, "<p class=\"note\">Acknowledged by ", by && *by ? by : "somebody", " at ");
    format_time(out, incident->acknowledged_ms, offset);
    page_text(out, note && *note ? ": " : "", note, "</p>\n");
}

static void put_open_incident(const struct status *status, const struct status_incident *incident, struct strbuf *out)
{
    const char *tone = strcmp(incident->severity, "critical") == 0 ? "critical" : "warning";
    struct strbuf line = { 0 };
    status_incident_line(status, incident, &line);
    strbuf_printf(out, "<article class=\"card incident %s\">\n<h3><span class=\"badge %s\">%s</span>", tone, tone,
                  tone);
    strbuf_printf(out, "<a href=\"/incidents/%" PRId64 "\">", incident->id);
    page_text(out, "", strbuf_text(&line), "</a></h3>\n");
    if (incident->tables && strchr(incident->tables, ','))
        page_text(out, "<p class=\"note\">Tables: ", incident->tables, "</p>\n");
    put_acknowledged(incident, format_offset(status->now_ms), out);
    if (incident->first_command)
        page_lines(out, "<p class=\"note\">Run first:</p>\n<pre><code>", incident->first_command, "</code></pre>\n");
    put_open_runbook(status, incident, out);
    strbuf_puts(out, "</article>\n");
    strbuf_free(&line);
}

static void put_open_incidents(const struct status *status, struct strbuf *out)
{
    strbuf_puts(out, "<section>\n<h2>Open incidents</h2>\n");
    for (size_t i = 0; i < status->incident_count; i++)
        put_open_incident(status, &status->incidents[i], out);
    if (status->incident_count == 0)
        strbuf_puts(out, "<p class=\"card good\">No incident is open.</p>\n");
    if (status->open_incidents > (int64_t)status->incident_count)
        strbuf_printf(out, "<p class=\"note\"><a href=\"/incidents?open=yes\">%" PRId64 " more are open</a></p>\n",
                      status->open_incidents - (int64_t)status->incident_count);
    strbuf_puts(out, "</section>\n");
}

/* --- Tables and cycles ------------------------------------------------------------------------------------------ */

static void put_lags_section(const struct status *status, const struct table_day *days, struct strbuf *out)
{
    strbuf_puts(out, "<section class=\"card\">\n<h2>Lag</h2>\n");
    if (status->lag_count == 0)
        strbuf_puts(out, "<p class=\"note\">No run of any table has been seen yet.</p>\n");
    else
        page_lags(status, days, LAGS_SHOWN, out);
    if (status->lag_count > LAGS_SHOWN)
        strbuf_printf(out,
                      "<p class=\"note\"><a href=\"/tables\">All %zu tables</a>; these are the furthest behind.</p>\n",
                      status->lag_count);
    strbuf_puts(out, "</section>\n");
}

static bool put_cycles_section(const struct site *site, const struct status *status, struct sqlite3 *db,
                               struct strbuf *out, struct strbuf *error)
{
    struct report report;
    bool good = report_gather_chart(&report, db, site->config, status->as_of_ms - DAY_MS, status->as_of_ms,
                                    status->now_ms, error) == REPORT_FOUND;
    strbuf_puts(out, "<section class=\"card\">\n<h2>Cycles of the last day</h2>\n");
    if (good && report.cycle_count == 0)
        strbuf_puts(out, "<p class=\"note\">No cycle was seen in it.</p>\n");
    else if (good)
        report_chart_html(&report, out);
    strbuf_puts(out, "<p class=\"note\"><a href=\"/cycles\">All cycles</a></p>\n</section>\n");
    report_free(&report);
    return good;
}

/* --- The page --------------------------------------------------------------------------------------------------- */

static void put_overview_head(const struct site *site, const struct status *status, struct strbuf *out)
{
    struct strbuf headline = { 0 };
    const char *level = status_level_name(status->level);
    size_t level_len = strlen(level);
    status_headline(status, &headline);
    /* "WARNING - cycle running since 16:45": the level has a badge of its own. */
    const char *words = strbuf_text(&headline);
    if (strncmp(words, level, level_len) == 0 && strncmp(words + level_len, " - ", 3) == 0)
        words += level_len + 3;
    page_begin(site,
               &(struct page_head){ .title = level,
                                    .heading = words,
                                    .badge = level,
                                    .here = "/",
                                    .tone = tone_of_level(status->level),
                                    .refresh_ms = PAGE_QUICK_MS,
                                    .as_of_ms = status->as_of_ms },
               out);
    strbuf_free(&headline);
}

bool page_overview(const struct site *site, const struct status *status, struct sqlite3 *db, struct strbuf *out,
                   struct strbuf *error)
{
    struct query query = { .db = db };
    struct table_day *days = table_days_gather(status, &query);
    bool good = !query_failed(&query);
    strbuf_puts(error, strbuf_text(&query.error));
    if (good) {
        put_overview_head(site, status, out);
        put_alarm(status, out);
        put_open_incidents(status, out);
        put_lags_section(status, days, out);
        good = put_cycles_section(site, status, db, out, error);
        page_screen(status, out);
        page_end(out);
    }
    free(days);
    strbuf_free(&query.error);
    return good;
}

uint64_t page_overview_differs_by(const struct status *status)
{
    struct strbuf headline = { 0 };
    status_headline(status, &headline);
    uint64_t hash = fnv_add(FNV_EMPTY, strbuf_text(&headline), headline.len);
    strbuf_free(&headline);
    return hash;
}
