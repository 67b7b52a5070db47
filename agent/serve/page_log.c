/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "page_log.h"

#include <stdlib.h>

#include "agent/commands/show/format.h"
#include "cycle_log.h"

enum { KEPT_LINES_MOST = 50 };

/* Why there are no lines: the log is not there, may not be read, or begins later. */
static void put_missing(const struct site *site, const struct cycle_log *log, const struct log_period *period,
                        struct strbuf *out)
{
    const char *path = site->config->log_path;
    strbuf_puts(out, "<p class=\"note\">");
    if (log->begins_ms > period->from_ms) {
        strbuf_puts(out, "These lines are gone: the oldest one that is left in ");
        page_text(out, "", path, ", or in a file that rotation made of it, is of ");
        format_time(out, log->begins_ms, format_offset(show_now_ms()));
        strbuf_puts(out, ".");
    } else if (log->begins_ms) {
        page_text(out, "Nothing of this time was found in ", path, " or the files that rotation made of it.");
    } else if (log->why.len == 0) {
        page_text(out, "In ", path, " no line with a time was found.");
    }
    if (log->why.len) {
        page_text(out, log->begins_ms ? " " : "", path, " cannot be read: ");
        page_text(out, "", strbuf_text(&log->why), ".");
    }
    strbuf_puts(out, "</p>\n");
}

static void put_lines(const struct site *site, const struct cycle_log *log, struct strbuf *out)
{
    page_text(out, "<p class=\"note\">As it stands in ", site->config->log_path,
              " or in a file that rotation made of it.</p>\n");
    page_lines(out, "<pre><code>", strbuf_text(&log->lines), "</code></pre>\n");
    if (log->left_out)
        strbuf_printf(out, "<p class=\"note\">%zu more line%s of this time %s not shown.</p>\n", log->left_out,
                      log->left_out == 1 ? "" : "s", log->left_out == 1 ? "is" : "are");
}

/* The lines of the log that are evidence of the incidents: the history keeps them. */
static void put_kept(struct query *query, const struct log_period *period, const struct report_incidents *incidents,
                     struct strbuf *out)
{
    size_t count = 0;
    for (size_t i = 0; i < incidents->count && count < KEPT_LINES_MOST; i++) {
        int64_t values[] = { incidents->at[i].id, period->from_ms, period->to_ms, KEPT_LINES_MOST };
        query_ask(query,
                  "SELECT text FROM timeline WHERE incident_id = ?1 AND kind = 'evidence' AND at BETWEEN ?2 AND ?3"
                  " ORDER BY id LIMIT ?4",
                  values, 4);
        while (query_next(query) && count < KEPT_LINES_MOST) {
            char *text = query_text_or_empty(query, 0);
            strbuf_puts(out, count++ ? "" : "<p class=\"note\">The history keeps of it:</p>\n<pre><code>");
            page_lines(out, "", text, "\n");
            free(text);
        }
        query_end(query);
    }
    strbuf_puts(out, count ? "</code></pre>\n" : "");
}

void page_log(const struct site *site, struct query *query, const struct log_period *period,
              const struct report_incidents *incidents, struct strbuf *out)
{
    struct cycle_log log = { 0 };
    if (!site->config->log_path)
        return;
    cycle_log_read(&log, site->config, site->config->log_path, period->from_ms, period->to_ms);
    strbuf_puts(out, "<section class=\"card\">\n<h2>The log</h2>\n");
    if (log.count)
        put_lines(site, &log, out);
    else
        put_missing(site, &log, period, out);
    if (log.stopped)
        strbuf_puts(out,
                    "<p class=\"note\">So much of the log was read that it was not looked through to its end.</p>\n");
    if (log.count == 0)
        put_kept(query, period, incidents, out);
    strbuf_puts(out, "</section>\n");
    cycle_log_free(&log);
}
