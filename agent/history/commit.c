/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/budgets.h"
#include "base/json.h"
#include "history_private.h"

/* SQLITE_STATIC: SQLite makes no copy, so text must live until the statement has run. */
static void bind_string(sqlite3_stmt *statement, int index, const char *text)
{
    sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC);
}

static void bind_gathered(const struct history *history, sqlite3_stmt *statement, int index, struct batch_text text)
{
    bind_string(statement, index, batch_text(&history->batch, text));
}

/* A value that means "did not happen" (0) or "was not said" (-1) is stored as NULL. */
static void bind_unless(sqlite3_stmt *statement, int index, int64_t value, int64_t absent)
{
    if (value == absent)
        sqlite3_bind_null(statement, index);
    else
        sqlite3_bind_int64(statement, index, value);
}

/* at: where the row's values begin among those of the statement. */
static void bind_cycle(const struct history *history, sqlite3_stmt *statement, int at, const void *row)
{
    const struct cycle *cycle = row;
    (void)history;
    sqlite3_bind_int64(statement, at + 1, cycle->id);
    sqlite3_bind_int64(statement, at + 2, cycle->started_ms);
    bind_unless(statement, at + 3, cycle->ended_ms, 0);
    bind_unless(statement, at + 4, cycle->ended_ms ? cycle->duration_ms : -1, -1);
    bind_string(statement, at + 5, cycle_outcome_name(cycle->outcome));
    bind_unless(statement, at + 6, cycle->tables, 0);
    sqlite3_bind_int(statement, at + 7, cycle->succeeded);
    sqlite3_bind_int(statement, at + 8, cycle->failed);
    sqlite3_bind_int(statement, at + 9, cycle->timed_out);
    sqlite3_bind_int64(statement, at + 10, cycle->rows);
}

static void bind_run(const struct history *history, sqlite3_stmt *statement, int at, const void *row)
{
    const struct batch_run *run = row;
    sqlite3_bind_int64(statement, at + 1, run->row.id);
    sqlite3_bind_int64(statement, at + 2, run->row.cycle_id);
    bind_gathered(history, statement, at + 3, run->table);
    sqlite3_bind_int64(statement, at + 4, run->row.started_ms);
    bind_unless(statement, at + 5, run->row.ended_ms, 0);
    bind_unless(statement, at + 6, run->row.ended_ms ? run->row.duration_ms : -1, -1);
    bind_string(statement, at + 7, run_outcome_name(run->row.outcome));
    bind_unless(statement, at + 8, run->row.rows, -1);
    bind_unless(statement, at + 9, run->row.exit_code, -1);
    bind_gathered(history, statement, at + 10, run->error);
}

/* Rows of which a backlog has many: a statement of several rows takes a third less of SQLite's CPU than one for each. */
static int put_many(struct history *history, const struct batch_list *list, size_t row_bytes, enum sql one,
                    enum sql several,
                    void (*bind)(const struct history *history, sqlite3_stmt *statement, int at, const void *row))
{
    int code = SQLITE_OK;
    for (size_t done = 0, rows; code == SQLITE_OK && done < list->count; done += rows) {
        enum sql sql = list->count - done < SQL_ROWS_AT_ONCE ? one : several;
        rows = sql == one ? 1 : SQL_ROWS_AT_ONCE;
        code = history_prepare(history, sql);
        for (size_t i = 0; code == SQLITE_OK && i < rows; i++)
            bind(history, history->statements[sql], (int)i * SQL_ROW_VALUES,
                 (const char *)list->rows + (done + i) * row_bytes);
        if (code == SQLITE_OK)
            code = history_run_statement(history, sql);
    }
    return code;
}

/* Rows without a number are -1, and what is not known is NULL. */
static int put_answer(struct history *history, const void *row)
{
    const struct batch_answer *answer = row;
    sqlite3_stmt *statement = history->statements[SQL_PUT_ANSWER];
    int64_t rows = answer->row.rows;
    sqlite3_bind_int64(statement, 1, answer->row.run_id);
    bind_gathered(history, statement, 2, answer->witness);
    if (rows == ROWS_NOT_KNOWN)
        sqlite3_bind_null(statement, 3);
    else
        sqlite3_bind_int64(statement, 3, rows == ROWS_WITHOUT_NUMBER ? -1 : rows);
    bind_unless(statement, 4, answer->row.watermark_ms, 0);
    bind_unless(statement, 5, answer->row.ahead_ms, -1);
    sqlite3_bind_int64(statement, 6, answer->row.at_ms);
    bind_string(statement, 7, rows_from_name(answer->row.rows_from));
    return history_run_statement(history, SQL_PUT_ANSWER);
}

static void gathered_tables(struct history *history, const struct batch_incident *incident, struct strbuf *out)
{
    struct json_writer json = { .out = out };
    const char *table = batch_text(&history->batch, incident->tables);
    json_open(&json, NULL, '[');
    for (size_t i = 0; i < incident->row.table_count; i++, table += strlen(table) + 1)
        json_put_text(&json, NULL, table);
    json_close(&json, ']');
}

static int put_incident(struct history *history, const void *gathered)
{
    const struct batch_incident *incident = gathered;
    sqlite3_stmt *statement = history->statements[SQL_PUT_INCIDENT];
    const struct incident *row = &incident->row;
    strbuf_clear(&history->scratch);
    gathered_tables(history, incident, &history->scratch);

    sqlite3_bind_int64(statement, 1, row->id);
    bind_string(statement, 2, alert_name(row->alert));
    bind_gathered(history, statement, 3, incident->table);
    bind_string(statement, 4, history->scratch.at);
    bind_string(statement, 5, severity_name(row->severity));
    bind_string(statement, 6, row->open ? "open" : "resolved");
    bind_unless(statement, 7, row->onset_ms, 0);
    sqlite3_bind_int64(statement, 8, row->opened_ms);
    bind_unless(statement, 9, row->critical_ms, 0);
    bind_unless(statement, 10, row->resolved_ms, 0);
    bind_unless(statement, 11, row->verified_ms, 0);
    bind_unless(statement, 12, row->escalated_ms, 0);
    bind_unless(statement, 13, row->prometheus_ms, 0);
    bind_gathered(history, statement, 14, incident->cause);
    bind_gathered(history, statement, 15, incident->scenario);
    bind_gathered(history, statement, 16, incident->runbook);
    bind_gathered(history, statement, 17, incident->first_command);
    bind_gathered(history, statement, 18, incident->evidence);
    bind_gathered(history, statement, 19, incident->summary);
    bind_gathered(history, statement, 20, incident->title);
    return history_run_statement(history, SQL_PUT_INCIDENT);
}

static int put_fact(struct history *history, const void *row)
{
    const struct batch_fact *fact = row;
    sqlite3_stmt *statement = history->statements[SQL_PUT_TIMELINE];
    sqlite3_bind_int64(statement, 1, fact->id);
    sqlite3_bind_int64(statement, 2, fact->incident_id);
    sqlite3_bind_int64(statement, 3, fact->at_ms);
    bind_gathered(history, statement, 4, fact->kind);
    bind_gathered(history, statement, 5, fact->text);
    bind_unless(statement, 6, fact->offset, -1);
    return history_run_statement(history, SQL_PUT_TIMELINE);
}

static int put_message(struct history *history, const void *row)
{
    const struct batch_message *gathered = row;
    sqlite3_stmt *statement = history->statements[SQL_PUT_NOTIFICATION];
    const struct message *message = gathered->message;
    strbuf_clear(&history->scratch);
    json_put_texts(&(struct json_writer){ .out = &history->scratch }, NULL, (const char *const *)message->tables,
                   message->table_count);

    sqlite3_bind_int64(statement, 1, gathered->id);
    sqlite3_bind_int64(statement, 2, message->incident_id);
    sqlite3_bind_int64(statement, 3, message->sequence);
    sqlite3_bind_int64(statement, 4, message->time_ms);
    bind_string(statement, 5, notification_status_name(message->status));
    bind_string(statement, 6, severity_name(message->severity));
    bind_string(statement, 7, alert_name(message->alert));
    bind_string(statement, 8, message->table);
    bind_string(statement, 9, history->scratch.at);
    bind_unless(statement, 10, message->onset_ms, 0);
    bind_unless(statement, 11, message->opened_ms, 0);
    bind_unless(statement, 12, message->resolved_ms, 0);
    bind_unless(statement, 13, message->prometheus_ms, 0);
    bind_string(statement, 14, message->summary);
    bind_string(statement, 15, message->cause);
    bind_string(statement, 16, message->scenario);
    bind_string(statement, 17, message->first_command);
    bind_string(statement, 18, message->evidence);
    bind_string(statement, 19, message->escalate_to);
    sqlite3_bind_int(statement, 20, gathered->silenced);
    bind_string(statement, 21, message->runbook);
    bind_string(statement, 22, message->title);
    return history_run_statement(history, SQL_PUT_NOTIFICATION);
}

static void bind_delivery(const struct history *history, sqlite3_stmt *statement, const struct batch_delivery *delivery)
{
    sqlite3_bind_int64(statement, 1, delivery->outbox_id);
    bind_gathered(history, statement, 2, delivery->status);
    sqlite3_bind_int64(statement, 3, delivery->attempts);
    bind_unless(statement, 4, delivery->next_attempt_ms, 0);
    bind_unless(statement, 5, delivery->delivered_ms, 0);
    bind_gathered(history, statement, 6, delivery->last_error);
}

static int put_outbox(struct history *history, const void *row)
{
    const struct batch_outbox *entry = row;
    sqlite3_stmt *statement = history->statements[SQL_PUT_OUTBOX];
    bind_delivery(history, statement, &entry->delivery);
    sqlite3_bind_int64(statement, 7, entry->incident_id);
    sqlite3_bind_int64(statement, 8, entry->notification_id);
    bind_gathered(history, statement, 9, entry->webhook);
    sqlite3_bind_int64(statement, 10, entry->created_ms);
    return history_run_statement(history, SQL_PUT_OUTBOX);
}

static int put_delivery(struct history *history, const void *row)
{
    bind_delivery(history, history->statements[SQL_PUT_DELIVERY], row);
    return history_run_statement(history, SQL_PUT_DELIVERY);
}

static int put_states(struct history *history)
{
    int code = SQLITE_OK;
    for (size_t i = 0; code == SQLITE_OK && i < history->state_count; i++) {
        const struct history_state *state = &history->states[i];
        if (!state->dirty)
            continue;
        enum sql sql = state->gone ? SQL_DROP_STATE : SQL_PUT_STATE;
        bind_string(history->statements[sql], 1, state->key);
        history_stored_text(&state->value, &history->scratch);
        if (!state->gone)
            bind_string(history->statements[sql], 2, strbuf_text(&history->scratch));
        code = history_run_statement(history, sql);
    }
    return code;
}

static int put_source(struct history *history, int64_t place, const struct source_position *position)
{
    sqlite3_stmt *statement = history->statements[SQL_PUT_SOURCE];
    char fingerprint[17];
    snprintf(fingerprint, sizeof fingerprint, "%016" PRIx64, position->fingerprint);
    sqlite3_bind_int64(statement, 1, place);
    sqlite3_bind_int64(statement, 2, (int64_t)position->device);
    sqlite3_bind_int64(statement, 3, (int64_t)position->inode);
    sqlite3_bind_int64(statement, 4, position->offset);
    bind_string(statement, 5, fingerprint);
    sqlite3_bind_int64(statement, 6, position->fingerprint_len);
    sqlite3_bind_int64(statement, 7, position->begun_ms);
    sqlite3_bind_int64(statement, 8, position->owner);
    return history_run_statement(history, SQL_PUT_SOURCE);
}

static int put_sources(struct history *history)
{
    if (!history->sources_dirty)
        return SQLITE_OK;
    sqlite3_bind_int64(history->statements[SQL_CUT_SOURCES], 1, (int64_t)history->source_count);
    int code = history_run_statement(history, SQL_CUT_SOURCES);
    for (size_t i = 0; code == SQLITE_OK && i < history->source_count; i++)
        code = put_source(history, (int64_t)i + 1, &history->sources[i]);
    return code;
}

static int put_rows(struct history *history)
{
    const struct batch *batch = &history->batch;
    const struct {
        const struct batch_list *list;
        size_t row_bytes;
        int (*put)(struct history *history, const void *row);
    } kinds[] = {
        { &batch->answers, sizeof(struct batch_answer), put_answer },
        { &batch->incidents, sizeof(struct batch_incident), put_incident },
        { &batch->facts, sizeof(struct batch_fact), put_fact },
        { &batch->messages, sizeof(struct batch_message), put_message },
        { &batch->outbox, sizeof(struct batch_outbox), put_outbox },
        { &batch->deliveries, sizeof(struct batch_delivery), put_delivery },
    };
    int code = put_many(history, &batch->cycles, sizeof(struct cycle), SQL_PUT_CYCLE, SQL_PUT_CYCLES, bind_cycle);
    if (code == SQLITE_OK)
        code = put_many(history, &batch->runs, sizeof(struct batch_run), SQL_PUT_RUN, SQL_PUT_RUNS, bind_run);
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++)
        for (size_t i = 0; code == SQLITE_OK && i < kinds[kind].list->count; i++)
            code = kinds[kind].put(history, (const char *)kinds[kind].list->rows + i * kinds[kind].row_bytes);
    return code;
}

/* One transaction. Why it failed is read before ROLLBACK overwrites it. */
static int commit_once(struct history *history, struct strbuf *why)
{
    int code = history_run_statement(history, SQL_BEGIN);
    if (code == SQLITE_OK)
        code = put_rows(history);
    if (code == SQLITE_OK)
        code = put_states(history);
    if (code == SQLITE_OK)
        code = history_commit_parts(history);
    if (code == SQLITE_OK)
        code = put_sources(history);
    if (code == SQLITE_OK)
        code = history_commit_witnesses(history);
    if (code == SQLITE_OK)
        code = history_run_statement(history, SQL_COMMIT);
    if (code != SQLITE_OK) {
        strbuf_clear(why);
        strbuf_puts(why, sqlite3_errmsg(history->db));
        if (!sqlite3_get_autocommit(history->db))
            history_run_statement(history, SQL_ROLLBACK);
    }
    return code;
}

static void mark_committed(struct history *history)
{
    batch_clear(&history->batch);
    for (size_t i = 0; i < history->state_count; i++)
        history->states[i].dirty = false;
    history->sources_dirty = false;
    history_parts_committed(history);
    history_witnesses_committed(history);
}

enum history_status history_status_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_OK: return HISTORY_OK;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL: return HISTORY_BUSY; /* many processes open the WAL at once */
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_NOMEM: return HISTORY_FULL;
    case HAS_ANOTHER_PAST: return HISTORY_REOPEN;
    default: return HISTORY_FATAL;
    }
}

/* The agent reads no further while too much waits for a commit, so where that may last for days, what waits is bounded. */
static void bound_memory(struct history *history, struct strbuf *error)
{
    if (batch_bytes(&history->batch) > HISTORY_MEMORY_MAX_BYTES) {
        batch_drop_runs(&history->batch);
        history->gave_up = true;
    }
    if (history->gave_up)
        strbuf_puts(error, "; too many cycles wait for it: the history will lack some of them");
}

/* If the database turns out corrupt during the commit, a new one is begun, and the same commit goes into that. */
enum history_status history_commit(struct history *history, struct strbuf *error)
{
    if (!history_dirty(history))
        return HISTORY_OK;
    struct strbuf why = { 0 };
    int code = history_revive(history, &history->notice, error);
    if (code == SQLITE_OK) {
        code = commit_once(history, &why);
        if (history->corrupt) {
            code = history_revive(history, &history->notice, error);
            if (code == SQLITE_OK)
                code = commit_once(history, &why);
        }
        if (code != SQLITE_OK && history->db)
            strbuf_printf(error, "%s: cannot commit: %s", history->path, strbuf_text(&why));
    }
    history->refused = (code & 0xff) == SQLITE_READONLY || (code & 0xff) == SQLITE_CANTOPEN;
    if (code == SQLITE_OK) {
        mark_committed(history);
        if (history->notice.len)
            strbuf_add(error, strbuf_text(&history->notice), history->notice.len);
        strbuf_clear(&history->notice);
        history->gave_up = false;
    } else if (history->place != HISTORY_ON_DISK) {
        bound_memory(history, error);
    }
    strbuf_free(&why);
    if (history->db)
        history_end_start(history, history_status_of(code));
    return history_status_of(code);
}
