/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "agent/commands/report/json.h"
#include "agent/commands/report/report.h"
#include "agent/commands/report/words.h"
#include "agent/commands/show/format.h"
#include "agent/commands/show/query.h"
#include "agent/commands/show/terminal.h"
#include "base/say.h"
#include "options.h"
#include "reader.h"

enum incidents_option { OPTION_LIMIT, OPTION_FORMAT, OPTIONS };

static const struct option_spec specs[OPTIONS] = {
    [OPTION_LIMIT] = { "limit", "N", "at most so many, the newest (default 20; 0: all)" },
    [OPTION_FORMAT] = { "format", "text|json", "how it is printed (default: text)" },
};

const struct option_table incidents_options = { specs, OPTIONS };

static bool limit_read(const char *text, int64_t *limit)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno || !*text || *end != '\0' || number < 0) {
        say_error("--limit: '%s' is no count", text);
        return false;
    }
    *limit = number ? number : -1;
    return true;
}

static void incidents_text(const struct report_incidents *list, int64_t now_ms, struct strbuf *out)
{
    struct terminal terminal = terminal_detect();
    struct show_table *table = words_incidents(list, now_ms);
    if (list->count == 0)
        strbuf_puts(out, "no incident\n");
    else
        show_table_text(table, &terminal, 0, out);
    show_table_free(table);
    if (list->count > 0) {
        struct strbuf zone = { 0 };
        format_offset_words(&zone, format_offset(list->at[0].opened_ms));
        strbuf_puts(&zone, "\n");
        strbuf_puts(out, "\nTimes in ");
        strbuf_puts(out, strbuf_text(&zone));
        strbuf_free(&zone);
    }
}

static int incidents_list(const struct config *config, int64_t limit, bool json)
{
    struct strbuf error = { 0 }, out = { 0 };
    struct report_incidents list = { 0 };
    struct query query = { .db = reader_open(config->history_db, &error) };
    int code = EXIT_FAILED;
    if (!query.db)
        goto cleanup;
    report_incidents_ask(&list, &query, "ORDER BY i.opened_at DESC, i.id DESC LIMIT ?1", &limit, 1);
    strbuf_puts(&error, strbuf_text(&query.error));
    if (error.len == 0 && json)
        incidents_json(&list, &out, &error);
    else if (error.len == 0)
        incidents_text(&list, report_as_of(&query, show_now_ms()), &out);
    if (error.len == 0 && terminal_print(&out))
        code = EXIT_OK;
cleanup:
    if (error.len > 0)
        say_error("incidents: %s", strbuf_text(&error));
    report_incidents_free(&list);
    strbuf_free(&query.error);
    sqlite3_close(query.db);
    strbuf_free(&error);
    strbuf_free(&out);
    return code;
}

int command_incidents(int argc, char **argv)
{
    struct options options;
    struct config *config = NULL;
    int64_t limit = 20;
    int code = options_parse(&options, argc, argv, specs, OPTIONS);
    if (code >= 0)
        return code;
    code = EXIT_USAGE;
    const char *format = options.values[OPTION_FORMAT] ? options.values[OPTION_FORMAT] : "text";
    bool json = strcmp(format, "json") == 0;
    if (!json && strcmp(format, "text") != 0)
        say_error("--format: '%s' is neither text nor json", format);
    else if (options.operand_count > 0)
        say_error("incidents: '%s': unexpected", options.operands[0]);
    else if (!options.values[OPTION_LIMIT] || limit_read(options.values[OPTION_LIMIT], &limit)) {
        config = options_config(&options);
        code = config ? incidents_list(config, limit, json) : EXIT_USAGE;
    }
    config_free(config);
    options_free(&options);
    return code;
}
