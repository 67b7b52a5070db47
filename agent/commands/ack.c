/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/commands/show/format.h"
#include "agent/commands/show/query.h"
#include "agent/commands/show/terminal.h"
#include "base/clock.h"
#include "base/say.h"
#include "commands.h"

enum ack_option { OPTION_BY, OPTION_NOTE, OPTION_UNDO, OPTIONS };

static const struct option_spec specs[OPTIONS] = {
    [OPTION_BY] = { "by", "NAME", "who acknowledges it (default: $SUDO_USER, else the user's name)" },
    [OPTION_NOTE] = { "note", "TEXT", "what is being done; the report shows it" },
    [OPTION_UNDO] = { "undo", NULL, "take the acknowledgement back" },
};

const struct arguments ack_arguments = { "ID [--by NAME] [--note TEXT | --undo]", specs, OPTIONS, .operands_most = 1 };

/* What the history says of the incident. */
struct ack_state {
    bool is_known, is_open;
    int64_t resolved_ms;
    int64_t acknowledgement; /* the id of the one that holds; 0: none does */
    int64_t acknowledged_ms;
    char *by; /* owned */
};

static struct ack_state ack_look(struct query *query, int64_t id)
{
    struct ack_state state = { 0 };
    query_ask(query,
              "SELECT i.state = 'open', i.resolved_at, a.id, a.at, a.by_name FROM incident i"
              " LEFT JOIN acknowledgement a ON a.incident_id = i.id AND coalesce(a.undone_at, 0) = 0"
              " WHERE i.id = ?1 ORDER BY a.id DESC LIMIT 1",
              &id, 1);
    if (query_next(query))
        state = (struct ack_state){ true,
                                    query_int(query, 0) != 0,
                                    query_time(query, 1),
                                    query_int(query, 2),
                                    query_time(query, 3),
                                    query_text_or_empty(query, 4) };
    query_end(query);
    return state;
}

/* Why it cannot be done, in words; nothing if it can. */
static void ack_objection(const struct ack_state *state, int64_t id, bool undo, struct strbuf *why)
{
    int offset = format_offset(clock_now_ms());
    if (!state->is_known) {
        strbuf_printf(why, "no incident %" PRId64 " (agent incidents lists them)", id);
    } else if (!state->is_open) {
        strbuf_printf(why, "incident %" PRId64 " is over", id);
        if (state->resolved_ms) {
            strbuf_puts(why, " since ");
            format_time(why, state->resolved_ms, offset);
        }
        strbuf_puts(why, undo ? "" : ": there is nothing to acknowledge");
    } else if (undo && !state->acknowledgement) {
        strbuf_printf(why, "incident %" PRId64 " is not acknowledged", id);
    } else if (!undo && state->acknowledgement) {
        strbuf_printf(why, "incident %" PRId64 " is acknowledged already, by %s at ", id, state->by);
        format_time(why, state->acknowledged_ms, offset);
        strbuf_puts(why, " (--undo takes that back)");
    }
}

static void ack_write(struct query *query, int64_t subject, bool undo, const char *by, const char *note)
{
    const int64_t values[] = { subject, clock_now_ms() };
    query_ask(query,
              undo ? "UPDATE acknowledgement SET undone_at = ?2, undone_by = ?3 WHERE id = ?1"
                   : "INSERT INTO acknowledgement (incident_id, at, by_name, note) VALUES (?1, ?2, ?3, ?4)",
              values, 2);
    if (query->statement)
        sqlite3_bind_text(query->statement, 3, by, -1, SQLITE_STATIC);
    if (query->statement && !undo)
        sqlite3_bind_text(query->statement, 4, note, -1, SQLITE_STATIC);
    while (query_next(query))
        ;
}

static bool ack_print(int64_t id, bool undo, const char *by)
{
    struct terminal terminal = terminal_detect();
    struct strbuf text = { 0 };
    strbuf_printf(&text, "incident %" PRId64 " ", id);
    if (undo) {
        strbuf_puts(&text, "is no longer acknowledged: reminders and escalation go on\n");
    } else {
        strbuf_puts(&text, "acknowledged by ");
        terminal_escape(&terminal, &text, by);
        strbuf_puts(&text, "; reminders and escalation stop until it ends\n");
    }
    bool good = terminal_print(&text);
    strbuf_free(&text);
    return good;
}

/* In one transaction, so that of two people who acknowledge it at once one is told of the other. */
static int ack_do(sqlite3 *db, int64_t id, bool undo, const char *by, const char *note)
{
    struct query query = { .db = db };
    struct strbuf why = { 0 };
    query_ask(&query, "BEGIN IMMEDIATE", NULL, 0);
    query_next(&query);
    struct ack_state state = ack_look(&query, id);
    if (!query_failed(&query))
        ack_objection(&state, id, undo, &why);
    if (why.len == 0) {
        ack_write(&query, undo ? state.acknowledgement : id, undo, by, note);
        query_ask(&query, "COMMIT", NULL, 0);
        query_next(&query);
        strbuf_puts(&why, strbuf_text(&query.error));
    }
    int code = EXIT_FAILED;
    if (why.len > 0)
        say_error("ack: %s", strbuf_text(&why));
    else if (ack_print(id, undo, by))
        code = EXIT_OK;
    free(state.by);
    strbuf_free(&query.error);
    strbuf_free(&why);
    return code;
}

/* With sudo the person is known to sudo alone. The result lives until the next question to the users' database. */
static const char *ack_default_name(void)
{
    const char *sudo = getenv("SUDO_USER"), *login = getenv("LOGNAME");
    if (sudo && *sudo)
        return sudo;
    const struct passwd *user = getpwuid(getuid());
    if (user && user->pw_name && *user->pw_name)
        return user->pw_name;
    return login && *login ? login : "somebody";
}

int command_ack(struct options *options)
{
    const char *by = options->values[OPTION_BY], *note = options->values[OPTION_NOTE];
    bool undo = options->values[OPTION_UNDO] != NULL;
    sqlite3 *db = NULL;
    int64_t id;

    if (options->operand_count == 0 || !options_number(options->operands[0], 1, &id)) {
        say_error("ack: which incident? agent ack ID (agent incidents lists them)");
        return EXIT_USAGE;
    }
    if (by && !*by) {
        say_error("ack: --by: no name given");
        return EXIT_USAGE;
    }
    if (undo && note) {
        say_error("ack: --note does not go with --undo");
        return EXIT_USAGE;
    }
    int code = options_history(options, HISTORY_EDIT, &db);
    if (code == EXIT_OK)
        code = ack_do(db, id, undo, by ? by : ack_default_name(), note);
    sqlite3_close(db);
    return code;
}
