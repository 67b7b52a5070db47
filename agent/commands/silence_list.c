/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "silence_list.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "agent/commands/show/format.h"
#include "agent/commands/show/query.h"
#include "agent/commands/show/table.h"
#include "agent/commands/show/terminal.h"
#include "base/clock.h"
#include "base/say.h"
#include "base/zone.h"

void silence_words(const char *alert, const char *table, enum severity most, struct strbuf *out)
{
    char *alerts[] = { (char *)(uintptr_t)alert }, *tables[] = { (char *)(uintptr_t)table };
    const struct silence_scope scope = { { alerts, alert != NULL }, { tables, table != NULL }, most };
    silence_scope_words(&scope, out);
}

static void list_silence(struct show_table *table, struct query *query, int64_t now_ms, int offset)
{
    int64_t starts_ms = query_time(query, 1), ends_ms = query_time(query, 2), ended_ms = query_time(query, 3);
    bool active = !ended_ms && starts_ms <= now_ms && ends_ms > now_ms;
    const char *state = active               ? "in force"
                        : ended_ms           ? "ended by hand"
                        : starts_ms > now_ms ? "not yet" /* it was entered before the clock was set back */
                                             : "over";
    char *alert = query_text(query, 5), *tables = query_text(query, 6);
    bool all = strcmp(query_word(query, 7), severity_name(SEVERITY_CRITICAL)) == 0;
    struct strbuf words = { 0 };
    silence_words(alert, tables, all ? SEVERITY_CRITICAL : SEVERITY_WARNING, &words);
    show_table_count(table, query_int(query, 0));
    show_table_cell(table, active ? TONE_WARNING : TONE_DIM, state);
    show_table_time(table, starts_ms, offset);
    show_table_time(table, ended_ms ? ended_ms : ends_ms, offset);
    show_table_cell(table, TONE_PLAIN, strbuf_text(&words));
    show_table_cell(table, TONE_PLAIN, query_word(query, 4));
    strbuf_free(&words);
    free(alert);
    free(tables);
}

static void list_window(struct show_table *table, const struct silence_window *window, int64_t now_ms, int offset)
{
    struct strbuf words = { 0 }, name = { 0 };
    int64_t begins_ms = 0, ends_ms = 0;
    bool comes = silence_window_next(window, zone_offset_ms, now_ms, &begins_ms, &ends_ms);
    bool active = comes && begins_ms <= now_ms;
    strbuf_printf(&name, "window %s", window->name);
    silence_scope_words(&window->scope, &words);
    show_table_cell(table, TONE_PLAIN, "-");
    show_table_cell(table, active ? TONE_WARNING : TONE_DIM, active ? "in force" : "not yet");
    show_table_time(table, begins_ms, offset);
    if (silence_window_is_always(window))
        show_table_cell(table, TONE_PLAIN, "always");
    else
        show_table_time(table, ends_ms, offset);
    show_table_cell(table, TONE_PLAIN, strbuf_text(&words));
    show_table_cell(table, TONE_PLAIN, strbuf_text(&name));
    strbuf_free(&words);
    strbuf_free(&name);
}

int silence_list(sqlite3 *db, const struct config *config)
{
    static const struct show_column columns[] = {
        { "Id", ALIGN_RIGHT, 0 },   { "State", ALIGN_LEFT, 0 },      { "From", ALIGN_LEFT, 1 },
        { "Until", ALIGN_LEFT, 0 }, { "Holds back", ALIGN_LEFT, 0 }, { "Reason", ALIGN_LEFT, 0 },
    };
    struct show_table *table = show_table_new(columns, sizeof columns / sizeof columns[0]);
    struct query query = { .db = db };
    struct strbuf out = { 0 };
    struct terminal terminal = terminal_detect();
    int64_t now_ms = clock_now_ms();
    int code = EXIT_FAILED, offset = format_offset(now_ms);
    for (size_t i = 0; i < config->window_count; i++)
        list_window(table, &config->windows[i], now_ms, offset);
    query_ask(&query,
              "SELECT id, starts_at, ends_at, ended_at, reason, alert_glob, table_glob, max_severity FROM silence"
              " ORDER BY starts_at DESC, id DESC LIMIT 50",
              NULL, 0);
    while (query_next(&query))
        list_silence(table, &query, now_ms, offset);
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
