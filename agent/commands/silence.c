/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/commands/show/format.h"
#include "agent/commands/show/parse_time.h"
#include "agent/commands/show/query.h"
#include "agent/commands/show/table.h"
#include "agent/commands/show/terminal.h"
#include "base/clock.h"
#include "base/say.h"
#include "commands.h"
#include "durations.h"

enum silence_option { OPTION_REASON, OPTION_LIST, OPTION_END, OPTIONS };

static const struct option_spec specs[OPTIONS] = {
    [OPTION_REASON] = { "reason", "TEXT", "why; the report shows it" },
    [OPTION_LIST] = { "list", NULL, "list the silences, newest first" },
    [OPTION_END] = { "end", NULL, "end the silences that are in force now" },
};

const struct arguments silence_arguments = { "DURATION [--reason TEXT] | --list | --end", specs, OPTIONS, 1, 0 };

static int silence_write(sqlite3 *db, const char *sql, const int64_t *values, size_t count, const char *reason)
{
    struct query query = { .db = db };
    int code = EXIT_OK;
    query_ask(&query, sql, values, count);
    if (query.statement)
        sqlite3_bind_text(query.statement, (int)count + 1, reason, -1, SQLITE_STATIC);
    while (query_next(&query))
        ;
    if (query_failed(&query)) {
        say_error("silence: %s", strbuf_text(&query.error));
        code = EXIT_FAILED;
    }
    strbuf_free(&query.error);
    return code;
}

static int silence_begin(sqlite3 *db, int64_t duration_ms, const char *reason)
{
    int64_t now_ms = clock_now_ms();
    const int64_t values[] = { now_ms, now_ms + duration_ms };
    int code =
        silence_write(db, "INSERT INTO silence (starts_at, ends_at, reason) VALUES (?1, ?2, ?3)", values, 2, reason);
    if (code == EXIT_OK) {
        struct strbuf text = { 0 };
        strbuf_puts(&text, "silent for ");
        format_duration(&text, duration_ms);
        strbuf_puts(&text, ", until ");
        format_time(&text, now_ms + duration_ms, format_offset(now_ms));
        strbuf_puts(&text, "; incidents are recorded, not sent\n");
        code = terminal_print(&text) ? EXIT_OK : EXIT_FAILED;
        strbuf_free(&text);
    }
    return code;
}

static int silence_end(sqlite3 *db)
{
    int64_t now_ms = clock_now_ms();
    int code = silence_write(db,
                             "UPDATE silence SET ended_at = ?1 WHERE starts_at <= ?1 AND ends_at > ?1"
                             " AND ended_at IS NULL",
                             &now_ms, 1, NULL);
    if (code == EXIT_OK) {
        struct strbuf text = { 0 };
        int ended = sqlite3_changes(db);
        strbuf_printf(&text, ended ? "%d silence%s ended\n" : "no silence is in force\n", ended, ended == 1 ? "" : "s");
        code = terminal_print(&text) ? EXIT_OK : EXIT_FAILED;
        strbuf_free(&text);
    }
    return code;
}

static void list_row(struct show_table *table, struct query *query, int64_t now_ms, int offset)
{
    int64_t starts_ms = query_time(query, 0), ends_ms = query_time(query, 1), ended_ms = query_time(query, 2);
    bool active = !ended_ms && starts_ms <= now_ms && ends_ms > now_ms;
    const char *state = active               ? "in force"
                        : ended_ms           ? "ended by hand"
                        : starts_ms > now_ms ? "not yet" /* it was entered before the clock was set back */
                                             : "over";
    show_table_cell(table, active ? TONE_WARNING : TONE_DIM, state);
    show_table_time(table, starts_ms, offset);
    show_table_time(table, ended_ms ? ended_ms : ends_ms, offset);
    show_table_cell(table, TONE_PLAIN, query_word(query, 3));
}

static int silence_list(sqlite3 *db)
{
    static const struct show_column columns[] = {
        { "State", ALIGN_LEFT, 0 },
        { "From", ALIGN_LEFT, 1 },
        { "Until", ALIGN_LEFT, 0 },
        { "Reason", ALIGN_LEFT, 0 },
    };
    struct show_table *table = show_table_new(columns, sizeof columns / sizeof columns[0]);
    struct query query = { .db = db };
    struct strbuf out = { 0 };
    struct terminal terminal = terminal_detect();
    int64_t now_ms = clock_now_ms();
    int code = EXIT_FAILED;
    query_ask(&query,
              "SELECT starts_at, ends_at, ended_at, reason FROM silence ORDER BY starts_at DESC, id DESC LIMIT 50",
              NULL, 0);
    while (query_next(&query))
        list_row(table, &query, now_ms, format_offset(now_ms));
    if (show_table_rows(table) == 0)
        strbuf_puts(&out, "no silence\n");
    else
        show_table_text(table, &terminal, 0, &out);
    if (query_failed(&query))
        say_error("silence: %s", strbuf_text(&query.error));
    else if (terminal_print(&out))
        code = EXIT_OK;
    strbuf_free(&query.error);
    strbuf_free(&out);
    show_table_free(table);
    return code;
}

enum silence_wish { WISH_BEGIN, WISH_END, WISH_LIST, WISH_WRONG };

static enum silence_wish silence_wish_read(const struct options *options, int64_t *duration_ms)
{
    bool list = options->values[OPTION_LIST] != NULL, end = options->values[OPTION_END] != NULL;
    int given = options->operand_count + list + end;
    if (given == 1 && (list || end))
        return list ? WISH_LIST : WISH_END;
    if (given != 1) {
        say_error("silence: say one of DURATION, --list and --end");
        return WISH_WRONG;
    }
    const char *text = options->operands[0];
    if (parse_duration(text, duration_ms) && *duration_ms > 0)
        return WISH_BEGIN;
    if (duration_parse(text, duration_ms) && *duration_ms > 0)
        say_error("silence: '%s' has no unit: say %sm, %sh or %sd", text, text, text, text);
    else
        say_error("silence: '%s' is no duration: say 30m, 2h or 1d", text);
    return WISH_WRONG;
}

int command_silence(struct options *options)
{
    int64_t duration_ms = 0;
    sqlite3 *db = NULL;
    enum silence_wish wish = silence_wish_read(options, &duration_ms);

    if (wish == WISH_WRONG)
        return EXIT_USAGE;
    int code = options_history(options, wish == WISH_LIST ? HISTORY_READ : HISTORY_EDIT, &db);
    if (code == EXIT_OK)
        code = wish == WISH_LIST  ? silence_list(db)
               : wish == WISH_END ? silence_end(db)
                                  : silence_begin(db, duration_ms, options->values[OPTION_REASON]);
    sqlite3_close(db);
    return code;
}
