/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>

#include "agent/commands/show/format.h"
#include "agent/commands/show/parse_time.h"
#include "agent/commands/show/query.h"
#include "agent/commands/show/terminal.h"
#include "base/clock.h"
#include "base/say.h"
#include "durations.h"
#include "silence_list.h"

enum silence_option { OPTION_REASON, OPTION_ALERT, OPTION_TABLE, OPTION_SEVERITY, OPTION_LIST, OPTION_END, OPTIONS };

static const struct option_spec specs[OPTIONS] = {
    [OPTION_REASON] = { "reason", "TEXT", "why; the report shows it" },
    [OPTION_ALERT] = { "alert", "GLOB", "hold back only alerts whose name matches, such as Lag*" },
    [OPTION_TABLE] = { "table", "GLOB", "hold back only what concerns no other tables than those that match" },
    [OPTION_SEVERITY] = { "severity", "critical|warning",
                          "hold back up to this severity: warning lets criticals through (default: critical, all)" },
    [OPTION_LIST] = { "list", NULL, "list the silences, newest first, and the windows of the configuration" },
    [OPTION_END] = { "end", NULL, "end the silence ID, or all that are in force now" },
};

const struct arguments silence_arguments = {
    "DURATION [--reason TEXT] [--alert GLOB] [--table GLOB] [--severity critical|warning] | --list | --end [ID]", specs,
    OPTIONS, 1, 0
};

static int silence_failed(struct query *query)
{
    int code = EXIT_OK;
    if (query_failed(query)) {
        say_error("silence: %s", strbuf_text(&query->error));
        code = EXIT_FAILED;
    }
    strbuf_free(&query->error);
    return code;
}

static int silence_print(struct strbuf *text)
{
    int code = terminal_print(text) ? EXIT_OK : EXIT_FAILED;
    strbuf_free(text);
    return code;
}

/* --- beginning ----------------------------------------------------------------------------------------------- */

struct silence_wish {
    enum { WISH_BEGIN, WISH_END, WISH_LIST, WISH_WRONG } what;
    int64_t duration_ms, id; /* id 0: all */
    const char *reason, *alert, *table;
    enum severity most;
};

static int64_t silence_insert(sqlite3 *db, const struct silence_wish *wish, int64_t now_ms)
{
    struct query query = { .db = db };
    const int64_t values[] = { now_ms, now_ms + wish->duration_ms };
    query_ask(&query,
              "INSERT INTO silence (starts_at, ends_at, reason, alert_glob, table_glob, max_severity)"
              " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
              values, 2);
    const char *const texts[] = { wish->reason, wish->alert, wish->table, severity_name(wish->most) };
    for (int i = 0; i < 4 && query.statement; i++)
        sqlite3_bind_text(query.statement, 3 + i, texts[i], -1, SQLITE_STATIC);
    while (query_next(&query))
        ;
    return silence_failed(&query) == EXIT_OK ? sqlite3_last_insert_rowid(db) : 0;
}

static int silence_begin(sqlite3 *db, const struct silence_wish *wish)
{
    int64_t now_ms = clock_now_ms(), id = silence_insert(db, wish, now_ms);
    struct terminal terminal = terminal_detect();
    struct strbuf text = { 0 }, words = { 0 };
    if (id == 0)
        return EXIT_FAILED;
    silence_words(wish->alert, wish->table, wish->most, &words);
    strbuf_printf(&text, "silence %" PRId64 " holds back ", id);
    terminal_escape(&terminal, &text, strbuf_text(&words));
    strbuf_puts(&text, wish->alert || wish->table ? ", for " : " for ");
    format_duration(&text, wish->duration_ms);
    strbuf_puts(&text, ", until ");
    format_time(&text, now_ms + wish->duration_ms, format_offset(now_ms));
    strbuf_puts(&text, "; incidents are recorded all the same\n");
    strbuf_free(&words);
    return silence_print(&text);
}

/* --- ending -------------------------------------------------------------------------------------------------- */

static int silence_end_all(sqlite3 *db)
{
    struct query query = { .db = db };
    struct strbuf text = { 0 };
    int64_t now_ms = clock_now_ms();
    query_ask(&query,
              "UPDATE silence SET ended_at = ?1 WHERE starts_at <= ?1 AND ends_at > ?1 AND coalesce(ended_at, 0) = 0",
              &now_ms, 1);
    while (query_next(&query))
        ;
    if (silence_failed(&query) != EXIT_OK)
        return EXIT_FAILED;
    int ended = sqlite3_changes(db);
    strbuf_printf(&text, ended ? "%d silence%s ended\n" : "no silence is in force\n", ended, ended == 1 ? "" : "s");
    return silence_print(&text);
}

static int silence_end_one(sqlite3 *db, int64_t id)
{
    struct query query = { .db = db };
    struct strbuf text = { 0 };
    const int64_t values[] = { clock_now_ms(), id };
    query_ask(&query, "UPDATE silence SET ended_at = ?1 WHERE id = ?2 AND ends_at > ?1 AND coalesce(ended_at, 0) = 0",
              values, 2);
    while (query_next(&query))
        ;
    bool ended = sqlite3_changes(db) > 0;
    bool known = query_value(&query, "SELECT count(*) FROM silence WHERE id = ?1", &id, 1) > 0;
    if (silence_failed(&query) != EXIT_OK)
        return EXIT_FAILED;
    if (!ended) {
        say_error(known ? "silence: silence %" PRId64 " is over already"
                        : "silence: no silence %" PRId64 " (agent silence --list lists them)",
                  id);
        return EXIT_FAILED;
    }
    strbuf_printf(&text, "silence %" PRId64 " ended\n", id);
    return silence_print(&text);
}

/* --- the command line ---------------------------------------------------------------------------------------- */

static bool silence_read_duration(const char *text, int64_t *duration_ms)
{
    if (parse_duration(text, duration_ms) && *duration_ms > 0)
        return true;
    if (duration_parse(text, duration_ms) && *duration_ms > 0)
        say_error("silence: '%s' has no unit: say %sm, %sh or %sd", text, text, text, text);
    else
        say_error("silence: '%s' is no duration: say 30m, 2h or 1d", text);
    return false;
}

static bool silence_read_scope(const struct options *options, struct silence_wish *wish)
{
    int severity = options_choice(options, OPTION_SEVERITY);
    wish->alert = options->values[OPTION_ALERT];
    wish->table = options->values[OPTION_TABLE];
    wish->most = severity == 1 ? SEVERITY_WARNING : SEVERITY_CRITICAL;
    if (severity < 0)
        return false;
    if (wish->alert && !alert_glob_is_known(wish->alert)) {
        say_error("silence: --alert: no alert is called '%s' (agent(1) lists all)", wish->alert);
        return false;
    }
    if (wish->table && !*wish->table) {
        say_error("silence: --table: no table given");
        return false;
    }
    return true;
}

static struct silence_wish silence_read_wish(const struct options *options)
{
    struct silence_wish wish = { .what = WISH_WRONG, .reason = options->values[OPTION_REASON] };
    bool list = options->values[OPTION_LIST] != NULL, end = options->values[OPTION_END] != NULL;
    bool narrowed = wish.reason || options->values[OPTION_ALERT] || options->values[OPTION_TABLE] ||
                    options->values[OPTION_SEVERITY];
    const char *operand = options->operand_count ? options->operands[0] : NULL;
    if ((list && (end || operand)) || (!list && !end && !operand))
        say_error("silence: say one of DURATION, --list and --end");
    else if ((list || end) && narrowed)
        say_error("silence: --reason, --alert, --table and --severity go with a DURATION");
    else if (list)
        wish.what = WISH_LIST;
    else if (end)
        if (!operand || options_number(operand, 1, &wish.id))
            wish.what = WISH_END;
        else
            say_error("silence: --end: '%s' is no number of a silence (agent silence --list shows them)", operand);
    else if (silence_read_duration(operand, &wish.duration_ms) && silence_read_scope(options, &wish))
        wish.what = WISH_BEGIN;
    return wish;
}

int command_silence(struct options *options)
{
    sqlite3 *db = NULL;
    struct silence_wish wish = silence_read_wish(options);

    if (wish.what == WISH_WRONG)
        return EXIT_USAGE;
    int code = options_history(options, wish.what == WISH_LIST ? HISTORY_READ : HISTORY_EDIT, &db);
    if (code == EXIT_OK)
        code = wish.what == WISH_LIST    ? silence_list(db, options_config(options))
               : wish.what == WISH_BEGIN ? silence_begin(db, &wish)
               : wish.id                 ? silence_end_one(db, wish.id)
                                         : silence_end_all(db);
    sqlite3_close(db);
    return code;
}
