/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <sqlite3.h>

#include "agent/commands/report/incidents.h"
#include "agent/commands/show/format.h"
#include "agent/commands/show/parse_time.h"
#include "agent/commands/show/query.h"
#include "agent/commands/show/terminal.h"
#include "agent/commands/status/status.h"
#include "base/say.h"
#include "commands.h"

enum incidents_option { OPTION_SINCE, OPTION_UNTIL, OPTION_OPEN, OPTION_LIMIT, OPTION_FORMAT, OPTIONS };

static const struct option_spec specs[OPTIONS] = {
    [OPTION_SINCE] = { "since", "T",
                       "those that were open then or later: 2h or 7d ago, yesterday, \"2026-03-03 10:15\"" },
    [OPTION_UNTIL] = { "until", "T", "those that opened before (default: now)" },
    [OPTION_OPEN] = { "open", NULL, "only those that are open" },
    [OPTION_LIMIT] = { "limit", "N", "show the N newest, 0: all (default: 20; with --since, --until or --open all)" },
    [OPTION_FORMAT] = { "format", "text|json|csv", "the form in which they are printed (default: text)" },
};

const struct arguments incidents_arguments = {
    .usage = "[--since T] [--until T] [--open] [--limit N] [--format text|json|csv]",
    .specs = specs,
    .spec_count = OPTIONS
};

enum incidents_format { FORMAT_TEXT, FORMAT_JSON, FORMAT_CSV };

enum { LIMIT_DEFAULT = 20 };

/* What the command line asks for. */
struct choice {
    int64_t since_ms, until_ms, limit;
    bool only_open;
    enum incidents_format format;
};

static const char *words_of_none(const struct choice *choice)
{
    return choice->only_open ? "no incident is open" : "no incident";
}

/* A table where there is room for one, else a paragraph for each. */
static void incidents_text(const struct report_incidents *list, const struct choice *choice, struct strbuf *out)
{
    struct terminal terminal = terminal_detect();
    if (list->count == 0) {
        strbuf_printf(out, "%s\n", words_of_none(choice));
        return;
    }
    if (terminal.width < REPORT_LIST_BELOW_COLUMNS) {
        report_incidents_list(list, &terminal, 0, out);
    } else {
        struct show_table *table = report_incidents_table(list, list->as_of_ms);
        show_table_text(table, &terminal, 0, out);
        show_table_free(table);
    }
    strbuf_puts(out, "\nTimes in ");
    format_offset_words(out, format_offset(list->at[0].opened_ms));
    strbuf_puts(out, "\n");
}

static void incidents_read(struct report_incidents *list, struct query *query, const struct choice *choice)
{
    report_incidents_choose(list, query, choice->since_ms, choice->until_ms, choice->limit, choice->only_open);
}

static int incidents_print(sqlite3 *db, const char *runbook_base, const struct choice *choice)
{
    struct strbuf error = { 0 }, out = { 0 };
    struct report_incidents list = { .runbook_base = runbook_base };
    struct query query = { .db = db };
    int code = EXIT_FAILED;

    list.as_of_ms = status_as_of(&query, show_now_ms());
    incidents_read(&list, &query, choice);
    strbuf_puts(&error, strbuf_text(&query.error));
    if (error.len > 0)
        say_error("incidents: %s", strbuf_text(&error));
    else if (choice->format == FORMAT_JSON)
        report_incidents_json(&list, &out);
    else if (choice->format == FORMAT_CSV)
        report_incidents_csv(&list, &out);
    else
        incidents_text(&list, choice, &out);
    if (error.len == 0 && terminal_print(&out))
        code = EXIT_OK;
    report_incidents_free(&list);
    strbuf_free(&query.error);
    strbuf_free(&error);
    strbuf_free(&out);
    return code;
}

static bool read_moment(const char *option, const char *text, enum time_edge edge, int64_t *ms)
{
    if (!text || parse_time(text, show_now_ms(), edge, ms))
        return true;
    say_error("incidents: --%s: '%s' is no time: say 2h, 7d, yesterday, 2026-03-03 or \"2026-03-03 10:15\"", option,
              text);
    return false;
}

static bool read_choice(struct choice *choice, const struct options *options)
{
    const char *const *values = options->values;
    const char *limit = values[OPTION_LIMIT];
    bool is_chosen = values[OPTION_SINCE] || values[OPTION_UNTIL] || values[OPTION_OPEN];
    int format = options_choice(options, OPTION_FORMAT);
    *choice = (struct choice){ INT64_MIN, INT64_MAX, is_chosen ? 0 : LIMIT_DEFAULT, values[OPTION_OPEN] != 0,
                               (enum incidents_format)format };
    if (format < 0)
        return false;
    if (limit && !options_number(limit, 0, &choice->limit)) {
        say_error("incidents: --limit: '%s' is no count", limit);
        return false;
    }
    if (!read_moment("since", values[OPTION_SINCE], TIME_SINCE, &choice->since_ms) ||
        !read_moment("until", values[OPTION_UNTIL], TIME_UNTIL, &choice->until_ms))
        return false;
    if (choice->since_ms >= choice->until_ms) {
        say_error("incidents: the period ends before it begins");
        return false;
    }
    choice->limit = choice->limit ? choice->limit : -1; /* for SQLite: no limit */
    return true;
}

int command_incidents(struct options *options)
{
    const struct config *config = options_config(options); /* also sets the zone in which times are read */
    struct choice choice;
    sqlite3 *db = NULL;

    if (!config || !read_choice(&choice, options))
        return EXIT_USAGE;
    int code = options_history(options, HISTORY_READ, &db);
    if (code == EXIT_OK)
        code = incidents_print(db, config->links.runbook_base, &choice);
    sqlite3_close(db);
    return code;
}
