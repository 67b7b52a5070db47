/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <sqlite3.h>

#include "agent/commands/report/incidents.h"
#include "agent/commands/show/format.h"
#include "agent/commands/show/query.h"
#include "agent/commands/show/terminal.h"
#include "base/say.h"
#include "commands.h"

enum incidents_option { OPTION_LIMIT, OPTION_FORMAT, OPTIONS };

static const struct option_spec specs[OPTIONS] = {
    [OPTION_LIMIT] = { "limit", "N", "show the N newest (default: 20; 0: all)" },
    [OPTION_FORMAT] = { "format", "text|json", "the form in which they are printed (default: text)" },
};

const struct arguments incidents_arguments = { .usage = "[--limit N] [--format text|json]",
                                               .specs = specs,
                                               .spec_count = OPTIONS };

enum incidents_format { FORMAT_TEXT, FORMAT_JSON };

enum { LIMIT_DEFAULT = 20 };

static void incidents_text(const struct report_incidents *list, int64_t now_ms, struct strbuf *out)
{
    struct terminal terminal = terminal_detect();
    struct show_table *table;

    if (list->count == 0) {
        strbuf_puts(out, "no incident\n");
        return;
    }
    table = report_incidents_table(list, now_ms);
    show_table_text(table, &terminal, 0, out);
    show_table_free(table);
    strbuf_puts(out, "\nTimes in ");
    format_offset_words(out, format_offset(list->at[0].opened_ms));
    strbuf_puts(out, "\n");
}

static int incidents_print(sqlite3 *db, const char *runbook_base, int64_t limit, enum incidents_format format)
{
    struct strbuf error = { 0 }, out = { 0 };
    struct report_incidents list = { .runbook_base = runbook_base };
    struct query query = { .db = db };
    int code = EXIT_FAILED;

    report_incidents_read(&list, &query, "ORDER BY i.opened_at DESC, i.id DESC LIMIT ?1", &limit, 1);
    strbuf_puts(&error, strbuf_text(&query.error));
    if (error.len == 0 && format == FORMAT_JSON)
        report_incidents_json(&list, &out);
    else if (error.len == 0)
        incidents_text(&list, report_as_of(&query, show_now_ms()), &out);
    if (error.len > 0)
        say_error("incidents: %s", strbuf_text(&error));
    else if (terminal_print(&out))
        code = EXIT_OK;
    report_incidents_free(&list);
    strbuf_free(&query.error);
    strbuf_free(&error);
    strbuf_free(&out);
    return code;
}

int command_incidents(struct options *options)
{
    const char *text = options->values[OPTION_LIMIT];
    int format = options_choice(options, OPTION_FORMAT);
    int64_t limit = LIMIT_DEFAULT;
    sqlite3 *db = NULL;

    if (text && !options_number(text, 0, &limit)) {
        say_error("incidents: --limit: '%s' is no count", text);
        return EXIT_USAGE;
    }
    if (format < 0)
        return EXIT_USAGE;
    int code = options_history(options, HISTORY_READ, &db);
    if (code == EXIT_OK)
        code = incidents_print(db, options_config(options)->links.runbook_base, limit ? limit : -1,
                               (enum incidents_format)format);
    sqlite3_close(db);
    return code;
}
