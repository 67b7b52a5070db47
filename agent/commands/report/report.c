/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report.h"

#include <inttypes.h>
#include <sqlite3.h>

#include "agent/commands/commands.h"
#include "agent/commands/show/format.h"
#include "agent/commands/show/parse_time.h"
#include "agent/commands/show/terminal.h"
#include "base/say.h"
#include "reader.h"

enum report_option { OPTION_REVIEW, OPTION_INCIDENT, OPTION_SINCE, OPTION_UNTIL, OPTION_FORMAT, OPTIONS };

static const struct option_spec specs[OPTIONS] = {
    [OPTION_REVIEW] = { "review", NULL, "how each runbook did in a period, the last 90 days without --since" },
    [OPTION_INCIDENT] = { "incident", "ID", "the incident (default: the last one)" },
    [OPTION_SINCE] = { "since", "T", "a period instead: 2h or 7d ago, yesterday, \"2026-03-03 10:15\"" },
    [OPTION_UNTIL] = { "until", "T", "its end (default: now)" },
    [OPTION_FORMAT] = { "format", "text|markdown|json|html", "how it is printed (default: text)" },
};

const struct arguments report_arguments = {
    "[--incident ID] [--review] [--since T] [--until T] [--format text|markdown|json|html]", specs, OPTIONS, 0, 0
};

enum report_format { REPORT_TEXT, REPORT_MARKDOWN, REPORT_JSON, REPORT_HTML };

/* What the command line asks for. */
struct request {
    enum report_format format;
    int64_t incident; /* 0: the last one */
    bool period, review;
    int64_t since_ms, until_ms;
};

static bool request_time(const char *option, const char *text, enum time_edge edge, int64_t *ms)
{
    if (!text || parse_time(text, show_now_ms(), edge, ms))
        return true;
    say_error("--%s: '%s' is no time: say 2h, 7d, yesterday, 2026-03-03 or \"2026-03-03 10:15\"", option, text);
    return false;
}

static bool request_incident(struct request *request, const char *text)
{
    if (!text || options_number(text, 1, &request->incident))
        return true;
    say_error("--incident: '%s' is no incident's id (agent incidents lists them)", text);
    return false;
}

/* A period with an end and no beginning is the week before that end, or for a review the 90 days. */
static bool request_read(struct request *request, const struct options *options)
{
    const char *const *values = options->values;
    *request = (struct request){ .period = values[OPTION_SINCE] || values[OPTION_UNTIL] || values[OPTION_REVIEW],
                                 .review = values[OPTION_REVIEW] != 0,
                                 .until_ms = show_now_ms() };
    int format = options_choice(options, OPTION_FORMAT);
    request->format = (enum report_format)format;
    if (format < 0 || !request_incident(request, values[OPTION_INCIDENT]) ||
        !request_time("until", values[OPTION_UNTIL], TIME_UNTIL, &request->until_ms))
        return false;
    request->since_ms = request->until_ms - INT64_C(86400000) * (request->review ? 90 : 7);
    if (!request_time("since", values[OPTION_SINCE], TIME_SINCE, &request->since_ms))
        return false;
    if (request->period && request->incident) {
        say_error("report: --incident and a period or a review exclude each other");
        return false;
    }
    if (request->since_ms >= request->until_ms) {
        say_error("report: the period ends before it begins");
        return false;
    }
    return true;
}

static void report_render(const struct report *report, enum report_format format, struct strbuf *out)
{
    struct terminal terminal = terminal_detect();
    switch (format) {
    case REPORT_MARKDOWN: report_markdown(report, out); break;
    case REPORT_HTML: report_html(report, out); break;
    case REPORT_JSON: report_json(report, out); break;
    default: report_text(report, &terminal, out); break;
    }
}

static int report_make(const struct request *request, const struct config *config)
{
    struct report report = { 0 };
    struct strbuf error = { 0 }, out = { 0 };
    enum report_found found = REPORT_ERROR;
    int code = EXIT_FAILED;
    sqlite3 *db = reader_open(config->history_db, &error);
    if (db && request->review)
        found = report_gather_review(&report, db, config, request->since_ms, request->until_ms, show_now_ms(), &error);
    else if (db && request->period)
        found = report_gather_period(&report, db, config, request->since_ms, request->until_ms, show_now_ms(), &error);
    else if (db)
        found = report_gather_incident(&report, db, config, request->incident, show_now_ms(), &error);
    sqlite3_close(db);

    if (found == REPORT_NOTHING && request->incident)
        say_error("report: no incident %" PRId64 " (agent incidents lists them)", request->incident);
    else if (found == REPORT_NOTHING)
        say_error("report: no incident yet (--since 7d reports on a period)");
    else if (found == REPORT_ERROR)
        say_error("report: %s", strbuf_text(&error));
    else
        report_render(&report, request->format, &out);
    if (out.len > 0 && terminal_print(&out))
        code = EXIT_OK;
    report_free(&report);
    strbuf_free(&error);
    strbuf_free(&out);
    return code;
}

int command_report(struct options *options)
{
    const struct config *config = options_config(options); /* also sets the zone in which times are read */
    struct request request;

    return config && request_read(&request, options) ? report_make(&request, config) : EXIT_USAGE;
}
